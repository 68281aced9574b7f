"""Every setting there is: the one table behind the config file, `config init`, `config show` and docs/config.md.

Not imported by commands that only use settings: they know the names they ask for.
"""

from __future__ import annotations

from typing import NamedTuple


class Setting(NamedTuple):
    """A setting. ``kind``: text, url, urls (several), path, or secret (given in the file as a reference only).

    ``default`` is what holds where it is set nowhere, "" for nothing; ``example`` is what `config init` shows.
    """

    name: str
    kind: str
    words: str
    example: str
    default: str = ""


class Group(NamedTuple):
    """Settings that belong together, in the order they are shown."""

    title: str
    settings: tuple[Setting, ...]


def _secret(name: str, words: str, example: str) -> Setting:
    return Setting(name, "secret", words, example)


GROUPS = (
    Group(
        "OmniRoute",
        (
            Setting("OMNIROUTE_URL", "url", "the server: where changes are made", "https://omniroute.example.net"),
            Setting("OMNIROUTE_URLS", "urls", "its replicas, for failover and merged figures", "https://a, https://b"),
            _secret("OMNIROUTE_PASSWORD", "the dashboard's password (3.7.9 knows nothing else)", "cmd:pass omniroute"),
            _secret("OMNIROUTE_API_KEY", "a key with the manage scope (newer forks)", "file:~/.secrets/omniroute-key"),
            Setting("OMNIROUTE_BIN", "path", "the folder of rollback.sh and its siblings", "/opt/omniroute/bin"),
            Setting("OMNIROUTE_DATA_DIR", "path", "the server's data folder on its own host", "/var/lib/omniroute"),
            Setting("DB_BACKUPS_DIR", "path", "where the scripts keep snapshots", "/var/lib/omniroute/db_backups"),
            Setting("OMNIROUTE_COMPOSE_FILE", "path", "the compose file it runs from", "/opt/omniroute/compose.yml"),
            Setting("OMNIROUTE_REPO", "path", "a checkout: deploy SHAs, docs/postmortem", "~/src/omniroute"),
        ),
    ),
    Group(
        "Monitoring",
        (
            Setting("PROMETHEUS_URL", "url", "figures for slo, classify and verify", "https://prometheus.example.net"),
            Setting("ALERTMANAGER_URL", "url", "alerts and their groups", "https://alertmanager.example.net"),
            Setting("GRAFANA_URL", "url", "the dashboards that the checklist opens", "https://grafana.example.net"),
        ),
    ),
    Group(
        "PagerDuty",
        (
            _secret("PAGERDUTY_TOKEN", "a user's REST API key: list, acknowledge, escalate", "cmd:pass pagerduty"),
            Setting(
                "PAGERDUTY_URL", "url", "the REST API; EU: https://api.eu.pagerduty.com",
                "https://api.eu.pagerduty.com", "https://api.pagerduty.com",
            ),
            Setting(
                "PAGERDUTY_EVENTS_URL", "url", "the Events API; EU: https://events.eu.pagerduty.com",
                "https://events.eu.pagerduty.com", "https://events.pagerduty.com",
            ),
            Setting("PAGERDUTY_FROM", "text", "your address there: the From of every change", "you@example.net"),
            _secret("PAGERDUTY_ROUTING_KEY", "events to the primary, where REST does not answer", "env:PD_KEY"),
            _secret("PAGERDUTY_ROUTING_KEY_SECONDARY", "pages the secondary", "env:PD_KEY_SECONDARY"),
            _secret("PAGERDUTY_ROUTING_KEY_SECURITY", "pages the security team (4.5)", "env:PD_KEY_SECURITY"),
            _secret("PAGERDUTY_ROUTING_KEY_DATA", "pages the data team (4.4)", "env:PD_KEY_DATA"),
        ),
    ),
    Group(
        "Slack",
        (
            _secret("SLACK_BOT_TOKEN", "a bot's token; the scopes: `omniops doctor`", "file:~/.secrets/slack"),
            Setting("SLACK_URL", "url", "its API", "https://slack.com", "https://slack.com"),
            Setting("SLACK_COMMANDERS", "text", "the id of the user group @incident-commander", "S0614TZR7"),
            _secret("SLACK_WEBHOOK_URL", "an incoming webhook, where there is no bot", "cmd:pass slack-webhook"),
            _secret("DISCORD_WEBHOOK_URL", "the same of a Discord channel", "cmd:pass discord-webhook"),
        ),
    ),
    Group(
        "Status page and mail",
        (
            _secret("STATUSPAGE_TOKEN", "the status page's API key", "file:~/.secrets/statuspage"),
            Setting("STATUSPAGE_PAGE", "text", "the page's id", "kctbh9vrtdwd"),
            Setting(
                "STATUSPAGE_URL", "url", "its API", "https://api.statuspage.io/v1", "https://api.statuspage.io/v1"
            ),
            Setting("STATUS_REPO", "path", "without Statuspage: a checkout of a git-based one", "~/src/status"),
            _secret("SMTP_URL", "smtps://USER:PASSWORD@HOST, or smtp:// with STARTTLS", "cmd:pass smtp-url"),
            Setting("MAIL_FROM", "text", "the address that customers are written to from", "status@example.net"),
            _secret("APPRISE_URLS", "told of each SEV-1 and SEV-2; needs omniops[apprise]", "file:~/.secrets/apprise"),
        ),
    ),
    Group(
        "GitHub",
        (
            _secret("GH_TOKEN", "for gh, where it is not logged in by itself", "env:GITHUB_TOKEN"),
            Setting("GH_REPO", "text", "where issues are filed", "owner/name"),
        ),
    ),
    Group(
        "omniops itself",
        (
            Setting("OMNIOPS_ENV", "text", "this environment's name, shown in every approval", "production", "default"),
            Setting("OMNIOPS_OPERATOR", "text", "who acts; else the login name", "alice"),
            Setting("OMNIOPS_RUNBOOKS", "path", "your own runbooks, layered over the shipped by id", "~/runbooks"),
            Setting("OMNIOPS_JOURNAL", "path", "another path for the journal", "~/journal.db"),
            Setting("OMNIOPS_INSECURE_HTTP", "text", "1: credentials may go over http to another host", "1"),
            Setting("OMNIOPS_HOME", "path", "config, state and cache in one folder; else XDG's", "~/omniops"),
        ),
    ),
)  # fmt: skip

SETTINGS: dict[str, Setting] = {setting.name: setting for group in GROUPS for setting in group.settings}

"""The scenarios of a drill, at least one per runbook: what is broken, what is typed, and how it should end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from omniops.drill.cast import PASSWORD
from omniops.errors import BadInput

FLAVOURS = ("3.7.9", "fork")
VERSIONS = {"3.7.9": ("3.7.9", "3.7.8"), "fork": ("3.8.49-koosha.0", "3.8.48")}
"""Per flavour: the version that runs, and the last green one."""

_VERSION, _BACKUP = "{version}", "{backup}"
_ALL_DOWN = {"classify": "sev-1", "decide": "disable", "connections": "openai", "disable.all_down": "disable"}


class Scenario(NamedTuple):
    """One scenario. ``outcome`` and ``exit`` are those of an automatic drill without faults."""

    name: str
    runbook: str
    title: str
    told: str = ""  # what somebody on call would know of it, and no screen tells; {version} as below
    target: str = ""  # the argument after the runbook's name; {version}: the last green version
    failing: tuple[str, ...] = ()  # names of connections whose upstream answers 500 after two seconds
    slow: float = 1.0  # the running version makes every request this much slower
    auth_broken: bool = False  # the API keys are gone and every keyed request answers 500
    damaged: bool = False  # the database file is damaged
    paged: bool = False  # it begins with a page: PagerDuty and the other services outside are simulated too
    alert: str = "ErrorBudgetBurnFast"  # what pages; one of alarm.SUMMARIES
    lesser: bool = False  # no Slack app, no Statuspage, no gh: Discord's webhook, a git status page, GitHub's REST API
    replicas: int = 1  # with three, the last one is bad and a balancer stands in front
    answers: Mapping[str, str] = {}
    outcome: str = "mitigated"
    exit: int = 0


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "provider-outage",
            "provider-outage",
            "one of two connections of a provider fails",
            target="openai-main",
            failing=("openai-main",),
            answers={"banner": "done"},
        ),
        Scenario(
            "provider-outage-all-down",
            "provider-outage",
            "every connection of a provider fails; two combos carry its models",
            target="openai",
            failing=("openai-main", "openai-backup"),
            answers={"all_down": "disable", "banner": "done"},
        ),
        Scenario(
            "latency-regression",
            "latency-regression",
            "a deploy has made everything slow",
            told="{version}, which ran before it, was well.",
            slow=4.5,
            answers={"no_baseline": "doubled", "which": _VERSION},
        ),
        Scenario(
            "auth-broken",
            "auth-broken",
            "the API keys are gone; keyed requests answer 500 until they are restored and the service restarted",
            auth_broken=True,
            answers={"pick": _BACKUP},
        ),
        Scenario(
            "data-incident",
            "data-incident",
            "the database file is damaged",
            damaged=True,
            answers={"page_data": "paged", "pick": _BACKUP},
        ),
        Scenario(
            "security",
            "security",
            "a vulnerability is reported; nothing in the traffic shows it",
            answers={"page_security": "paged", "by_hand": "done"},
            outcome="stopped",
            exit=10,
        ),
        Scenario(
            "rollback",
            "rollback",
            "the last deploy is bad, and the version to go back to is known",
            target=_VERSION,
            slow=4.5,
        ),
        Scenario("failover", "failover", "one of three replicas is bad; the balancer has dropped it", replicas=3),
        Scenario(
            "page",
            "first-15-minutes",
            "the whole path: it begins with a page, and one of two connections of a provider fails",
            failing=("openai-main",),
            paged=True,
            alert="LatencySLOBreach",  # the other connection answers in its place, so nothing fails and all is slow
            answers={"classify": "sev-2", "decide": "disable", "connections": "openai-main"},
        ),
        Scenario(
            "sev-1",
            "first-15-minutes",
            "the whole path of a SEV-1: it begins with a page, and every connection of the biggest provider fails",
            failing=("openai-main", "openai-backup"),
            paged=True,
            answers=_ALL_DOWN,
        ),
        Scenario(
            "sev-1-plain",
            "first-15-minutes",
            "the same SEV-1 where Discord's webhook, a git status page and GitHub's REST API are all there is",
            failing=("openai-main", "openai-backup"),
            paged=True,
            lesser=True,
            answers=_ALL_DOWN,
        ),
    )
}


def find(name: str) -> Scenario:
    """Return a scenario. Raises BadInput naming those there are."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    raise BadInput(
        f"there is no scenario {name!r}",
        why="scenarios: " + ", ".join(SCENARIOS),
        state="nothing was started",
        next="omniops drill provider-outage",
    )


def target(scenario: Scenario, flavour: str) -> str:
    """Return the argument that `mitigate` gets after the runbook's name, "" for none."""
    return _filled(scenario.target, flavour)


def told(scenario: Scenario, flavour: str) -> str:
    """Return what the drill says before it begins, "" for nothing."""
    return _filled(scenario.told, flavour)


def _filled(text: str, flavour: str) -> str:
    return text.replace(_VERSION, VERSIONS[flavour][1])


def answers(scenario: Scenario, flavour: str, backup: str) -> dict[str, str]:
    """Return step id -> answer of an automatic drill. ``backup`` is the snapshot to pick (its path). What comes after
    the runbook has a key of its own: the drill writes the postmortem's words."""
    made = {_VERSION: VERSIONS[flavour][1], _BACKUP: backup}
    given = {step: made.get(answer, answer) for step, answer in scenario.answers.items()}
    return given | ({"postmortem": "fill"} if scenario.paged else {})


def environment(
    scenario: Scenario, state: Path, url: str, replica_urls: list[str], outside: Mapping[str, str] = {}
) -> dict[str, str]:
    """Return the made-up environment of a drill: the only settings that its clients and scripts get to see.

    ``outside``: name -> URL of the simulated services outside OmniRoute.
    OMNIOPS_DRILL_CONTROL is not among them: nothing of omniops itself may talk to the control port.
    """
    env = {
        "OMNIROUTE_URL": url,
        "OMNIROUTE_PASSWORD": PASSWORD,
        "OMNIROUTE_BIN": str(state / "bin"),
        "OMNIROUTE_DATA_DIR": str(state / "data"),
        "OMNIROUTE_COMPOSE_FILE": str(state / "docker-compose.prod.yml"),
        "OMNIOPS_HOME": str(state / "home"),
        "OMNIOPS_ENV": "drill",
        "OMNIOPS_DRILL_FOLDER": str(state),
        "PATH": f"{state / 'bin'}:/usr/local/bin:/usr/bin:/bin",
    }
    if outside:
        env |= _outside(scenario, state, outside)
    if replica_urls:
        env["OMNIROUTE_URLS"] = ",".join(replica_urls)
    return env


def _outside(scenario: Scenario, state: Path, urls: Mapping[str, str]) -> dict[str, str]:
    """The settings that lead to the services outside, with the made-up credentials of each."""
    from omniops.drill import chat, folders, github, pager_store, status_page
    from omniops.drill.outside import settings

    env = settings(dict(urls)) | {
        "PAGERDUTY_TOKEN": pager_store.TOKEN,
        "PAGERDUTY_FROM": pager_store.FROM,
        "PAGERDUTY_ROUTING_KEY": pager_store.ROUTING_KEY,
        "PAGERDUTY_ROUTING_KEY_SECONDARY": pager_store.ROUTING_KEY_SECONDARY,
        "GH_REPO": github.REPO,
        "GH_TOKEN": github.TOKEN,
        "MAIL_FROM": "status@omniroute.example",
        "OMNIROUTE_REPO": str(state / folders.CHECKOUT),
    }
    if scenario.lesser:
        return env | {"STATUS_REPO": str(state / folders.STATUS), "HOME": str(state)}
    return env | {
        "SLACK_BOT_TOKEN": chat.TOKEN,
        "STATUSPAGE_TOKEN": status_page.TOKEN,
        "STATUSPAGE_PAGE": status_page.PAGE,
    }

"""The ways to people: PagerDuty, Slack, GitHub. Nobody is paged and nothing is posted."""

from __future__ import annotations

from collections.abc import Iterator

from omniops.errors import OmniopsError, Refused, Unreachable
from omniops.runner.doctor.base import Finding, Look, fail, failed, ok, unset, warn

PATIENCE_S = 5.0
SCOPES = ("channels:manage", "channels:read", "channels:history", "pins:write")
"""Beside chat:write: for the incident's channel and its headline."""
RESPONDERS = "coordinated_responding"
ROLES = {
    "key: primary": ("PAGERDUTY_ROUTING_KEY", "acknowledges where the token does not get through"),
    "key: secondary": ("PAGERDUTY_ROUTING_KEY_SECONDARY", "pages the secondary"),
    "key: security": ("PAGERDUTY_ROUTING_KEY_SECURITY", "pages the security team (4.5)"),
    "key: data": ("PAGERDUTY_ROUTING_KEY_DATA", "pages the data team (4.4)"),
}


def pagerduty(look: Look) -> Iterator[Finding]:
    """Whose token it is, and what the account can do."""
    if not look.settings.has_secret("PAGERDUTY_TOKEN"):
        yield unset("PagerDuty", "pages cannot be listed or acknowledged from here", "set PAGERDUTY_TOKEN")
        return
    client = look.clients.pager
    client.budget(PATIENCE_S)
    try:
        me = client.me()
        yield ok("PagerDuty", f"the token is {me.name}'s ({me.id})")
        yield _sender(look, me.email)
        abilities = client.abilities()
        if RESPONDERS in abilities:
            yield ok("abilities", "the secondary can be asked to join without losing the incident")
        else:
            yield warn("abilities", f"the account lacks {RESPONDERS}", "the secondary is told by escalating instead")
    except OmniopsError as error:
        yield failed("PagerDuty", error)
    finally:
        client.close()


def _sender(look: Look, login: str) -> Finding:
    """The From of every change; with a user's key it had better be that user's."""
    given = look.settings.get("PAGERDUTY_FROM")
    if not given:
        if login:
            return ok("PAGERDUTY_FROM", f"not set; {login} is sent, the token's own")
        return fail("PAGERDUTY_FROM", "it is not set, and the token's user has no address", "set PAGERDUTY_FROM")
    if login and given.lower() != login.lower():
        return warn("PAGERDUTY_FROM", f"{given}, but the token is {login}'s", "set it to the address of who acts")
    return ok("PAGERDUTY_FROM", given)


def routing_keys(look: Look) -> Iterator[Finding]:
    """A key can only be tested by an event, and an event pages somebody: so it is only seen whether it can be had."""
    for name, (setting, use) in ROLES.items():
        if not look.settings.has_secret(setting):
            yield unset(name, f"it {use}; without it you are shown whom to call", f"set {setting}")
            continue
        try:
            key = look.settings.secret(setting)
        except OmniopsError as error:
            yield failed(name, error)
            continue
        odd = len(key) != 32 or not key.isascii() or not key.isalnum()
        if odd:
            yield warn(
                name, "it does not look like a routing key: those have 32 letters and digits", f"check {setting}"
            )
        else:
            yield ok(name, f"there; it {use}, and cannot be tested without paging them")


def slack(look: Look) -> Iterator[Finding]:
    """Whose token it is, and its scopes."""
    if not look.settings.has_secret("SLACK_BOT_TOKEN"):
        yield unset("Slack", "messages are shown ready to paste instead", "set SLACK_BOT_TOKEN")
        return
    client = look.clients.slack
    client.timeout_s = PATIENCE_S
    try:
        who = client.auth_test()
    except Refused as error:
        yield fail("Slack", f"it refuses the token: {error.why}", error.next)
        return
    except Unreachable as error:
        yield fail("Slack", f"no usable answer: {error.why}", "check SLACK_URL and the network")
        return
    finally:
        client.close()
    detail = f"{who.user or 'somebody'} of {who.team or 'a team without a name'}"
    lacking = [scope for scope in SCOPES if scope not in who.scopes]
    if not who.scopes:
        yield warn("Slack", f"{detail}; Slack does not list its scopes", "see that the app has chat:write")
    elif "chat:write" not in who.scopes:
        yield warn("Slack", f"{detail}; scopes: {', '.join(who.scopes)}", "add chat:write to the app, and reinstall it")
    elif lacking:
        use = "without them there is no channel per incident, or what is in it cannot be found again"
        yield warn("Slack", f"{detail}; it lacks {', '.join(lacking)}: {use}", "add them to the app, and reinstall it")
    else:
        yield ok("Slack", f"{detail}; scopes: {', '.join(who.scopes)}")


def github(look: Look) -> Iterator[Finding]:
    """gh files the issues; whether it is logged in is not tried, because that asks GitHub."""
    from omniops.jobs.host import find_program, probe

    repo = look.settings.get("GH_REPO")
    if not repo:
        yield unset("GH_REPO", "it is not known where issues are filed", "set GH_REPO to owner/name")
    elif repo.count("/") != 1 or not all(repo.split("/")):
        yield warn("GH_REPO", f"{repo} is no owner/name", "set GH_REPO to owner/name")
    else:
        yield ok("GH_REPO", repo)
    if not find_program(look.settings, "gh"):
        yield unset("gh", "it is not installed here: issues are shown ready to paste", "install gh (cli.github.com)")
        return
    answer = probe(look.settings, ["gh", "--version"], timeout_s=5.0)
    if answer.code != 0:
        yield warn("gh", f"it does not run: {answer.error or answer.code}", "install gh again")
        return
    token = "GH_TOKEN is set" if look.settings.has_secret("GH_TOKEN") else "with a login of its own, if it has one"
    yield ok("gh", f"{answer.out.splitlines()[0] if answer.out else 'there'}; {token} (not tried)")

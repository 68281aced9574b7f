"""``choices.weigh``: what speaks for rolling back, failing over, or disabling a connection (section 3, 0:12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.errors import OmniopsError
from omniops.runner.own.deploys import last
from omniops.text import duration, one_line

if TYPE_CHECKING:
    from omniops.actions.latency import Share
    from omniops.runner.walk import Walk
    from omniops.services.omniroute_parse import Connection

WINDOW_S = 300.0
FRESH_DEPLOY_S = 3600.0
"""A process that started at most so long before the onset may well be its cause."""
FEW = 5
MOSTLY = 0.8


class Choice(NamedTuple):
    """One of the three, and what speaks for it. ``strong``: enough to suggest it."""

    key: str
    label: str
    why: str
    strong: bool


def weigh(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """Look at the deploy, the replicas and the connections; suggest the mildest choice that the figures speak for."""
    running, rollback = _deploy(walk)
    disable, worst, named = _connections(walk)
    choices = [disable, _replicas(walk), rollback]
    walk.person.say("What speaks for each choice:")
    for choice in choices:
        walk.person.say(f"  {choice.label}: {choice.why}")
    suggested = next((choice for choice in choices if choice.strong), None)
    word = f"The figures speak for: {suggested.label}." if suggested else "The figures speak for none of them alone."
    return {
        "key": suggested.key if suggested else "",
        "question": f"{word} Mitigate first, root-cause later. Which one?",
        **last(walk, running),
        "worst": named,
        "worst_text": worst or "none",
    }


def _deploy(walk: Walk) -> tuple[str, Choice]:
    label = "Roll back"
    try:
        version, _ = walk.ctx.omniroute.version()
        uptime_s = walk.ctx.omniroute.health().uptime_s
    except OmniopsError as error:
        return "", Choice("rollback", label, f"cannot be told ({one_line(error.what, 100)})", False)
    before_s = uptime_s - (walk.now() - walk.state.onset).total_seconds()
    name = one_line(version, 40)
    if uptime_s <= 0:
        return version, Choice("rollback", label, f"{name} runs; since when is not said", False)
    if before_s < 0:
        why = f"{name} was started {duration(-before_s)} after the onset"
        return version, Choice("rollback", label, why, False)
    why = f"{name} was started {duration(before_s)} before the onset"
    return version, Choice("rollback", label, why, before_s <= FRESH_DEPLOY_S)


def _replicas(walk: Walk) -> Choice:
    label = "Fail over"
    try:
        found = walk.find("replicas.health").read(walk.context(walk.state.current), {})
    except OmniopsError as error:
        return Choice("failover", label, f"cannot be told ({one_line(error.what, 100)})", False)
    if not found["known"]:
        return Choice("failover", label, "no replicas are known (OMNIROUTE_URLS is not set)", False)
    return Choice("failover", label, str(found["summary"]), bool(found["bad"]) and found["healthy"] > 0)


def _connections(walk: Walk) -> tuple[Choice, str, str]:
    """Where the errors are; also the connection with most of them, in words, and as it is typed where it stands out."""
    from omniops.actions.latency import shares
    from omniops.actions.resolve import target

    label = "Disable a connection"
    client = walk.ctx.omniroute
    try:
        logs = client.call_logs(client.server_now() - timedelta(seconds=WINDOW_S))
        known = client.connections()
    except OmniopsError as error:
        return Choice("disable", label, f"cannot be told ({one_line(error.what, 100)})", False), "", ""
    names = {one.id: target(one) for one in known}
    found = sorted(shares(logs.rows), key=lambda share: -share.errors)
    total = sum(share.errors for share in found)
    if not total:
        return Choice("disable", label, f"no failed attempts in the last {duration(WINDOW_S)}", False), "", ""
    worst = found[0]
    name = names.get(worst.connection) or one_line(worst.connection or "no connection", 40)
    over = f"failed attempts of the last {duration(WINDOW_S)} are on"
    if worst.errors >= MOSTLY * total:
        stands_out = total >= FEW and worst.connection in names
        typed = _typed(worst.connection, known) if stands_out else ""
        return Choice("disable", label, f"{worst.errors} of {total} {over} {name}", stands_out), name, typed
    provider, errors, failing = worst_provider(found, known)
    if total >= FEW and errors >= MOSTLY * total:
        whole = f"{one_line(provider, 40)} ({len(failing)} connections: {', '.join(names[id] for id in failing)})"
        return (
            Choice("disable", "Disable a provider's connections", f"{errors} of {total} {over} {whole}", True),
            whole,
            provider,
        )
    return Choice("disable", label, f"{worst.errors} of {total} {over} {name}", False), name, ""


def _typed(id: str, known: Sequence[Connection]) -> str:
    """How a connection is typed: by its name, where that names it alone."""
    name = next((one.name for one in known if one.id == id), "")
    alone = [one.name for one in known].count(name) == 1 and "," not in name
    return name if alone else id


def worst_provider(found: Sequence[Share], known: Sequence[Connection]) -> tuple[str, int, list[str]]:
    """The provider with the most failed attempts, how many, and which of its connections fail; a provider of which
    something works is taken out connection by connection."""
    errors: dict[str, int] = {}
    failing: dict[str, list[str]] = {}
    of = {one.id: one.provider for one in known}
    for share in found:
        provider = of.get(share.connection, "")
        if provider and share.errors:
            errors[provider] = errors.get(provider, 0) + share.errors
            failing.setdefault(provider, []).append(share.connection)
    worst = max(errors, key=lambda name: errors[name], default="")
    whole = {one.id for one in known if one.provider == worst and one.active} <= set(failing.get(worst, []))
    return (worst, errors[worst], failing[worst]) if worst and whole else ("", 0, [])

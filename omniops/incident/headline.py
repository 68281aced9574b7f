"""The line pinned in an incident's channel: how bad, since when, who commands, when customers hear again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omniops.incident.obligations import Obligation
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import one_line

LOUD = ("SEV-1", "SEV-2")
"""Severities that are declared in the channel (section 3, 0:05)."""
ENGINE, ABOUT = "slack.headline", "headline"
MOST_TOPIC = 250  # Slack takes no more


def body(incident: Incident, events: Iterable[Event], state: str, owed: Iterable[Obligation]) -> dict[str, str]:
    """The topic and the headline. ``state``: investigating, identified, monitoring, resolved."""
    who = commander(events)
    next = min((one.at for one in owed if one.id == "status" and one.open), default="")
    parts = [incident.severity, state, one_line(incident.title, 120)]
    topic = one_line(" | ".join([*parts, f"commander: {who}"]), MOST_TOPIC)
    lines = [
        f"{incident.severity} {state}: {one_line(incident.title, 200)}",
        f"Since {_stamp(incident.onset)}; incident commander: {who}",
        f"Next status update by {_stamp(next)}" if next else _over(incident),
    ]
    return {"topic": topic, "headline": "\n".join(line for line in lines if line)}


def commander(events: Iterable[Event]) -> str:
    """Who was last named incident commander."""
    found = ""
    for event in events:
        if event.kind == "role" and str(event.data["role"]).removeprefix("incident ") == "commander":
            found = one_line(event.data["who"], 80)
    return found or "not named yet"


def wanted(incident: Incident, events: Sequence[Event]) -> bool:
    """Is a headline owed? From the first SEV-1 or SEV-2 on; after the end one more, where there has been one."""
    if incident.frozen:
        return False
    if incident.resolved:
        said = [event.kind for event in events if event.kind == "incident.resolved" or _queues(event)]
        return "message.queued" in said and said[-1] == "incident.resolved"
    return any(event.kind == "severity" and event.data["severity"] in LOUD for event in events)


def _queues(event: Event) -> bool:
    return event.kind == "message.queued" and event.data["about"] == ABOUT


def _over(incident: Incident) -> str:
    return f"Resolved {_stamp(incident.resolved)}" if incident.resolved else ""


def _stamp(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]} UTC"

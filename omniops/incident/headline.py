"""The line pinned in an incident's channel: how bad, since when, who commands, when customers hear again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omniops.clock import parse_iso, to_minute
from omniops.incident.ladder import DECLARED
from omniops.incident.obligations import Obligation
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import one_line

ENGINE, ABOUT = "slack.headline", "headline"
MOST_TOPIC = 250  # Slack takes no more


def body(incident: Incident, state: str, owed: Iterable[Obligation]) -> dict[str, str]:
    """The topic and the headline. ``state``: investigating, identified, monitoring, resolved."""
    who = one_line(incident.roles.get("commander", ""), 80) or "not named yet"
    next = min((one.at for one in owed if one.id == "status" and one.open), default="")
    parts = [incident.severity, state, one_line(incident.title, 120)]
    topic = one_line(" | ".join([*parts, f"commander: {who}"]), MOST_TOPIC)
    lines = [
        f"{incident.severity} {state}: {one_line(incident.title, 200)}",
        f"Since {to_minute(parse_iso(incident.onset))}; incident commander: {who}",
        f"Next status update by {to_minute(parse_iso(next))}" if next else _over(incident),
    ]
    return {"topic": topic, "headline": "\n".join(line for line in lines if line)}


def wanted(incident: Incident, events: Sequence[Event]) -> bool:
    """Is a headline owed? From the first SEV-1 or SEV-2 on; after the end one more, where there has been one."""
    if incident.frozen:
        return False
    if incident.resolved:
        said = [event.kind for event in events if event.kind == "incident.resolved" or _queues(event)]
        return "message.queued" in said and said[-1] == "incident.resolved"
    return any(event.kind == "severity" and event.data["severity"] in DECLARED for event in events)


def _queues(event: Event) -> bool:
    return event.kind == "message.queued" and event.data["about"] == ABOUT


def _over(incident: Incident) -> str:
    return f"Resolved {to_minute(parse_iso(incident.resolved))}" if incident.resolved else ""

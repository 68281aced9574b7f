"""When a provider was out, and which ones were, as the runs of an incident tell it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omniops.incident.verdicts import RECOVERED, verdicts
from omniops.journal.events import Event


def outages(runs: Iterable[Sequence[Event]], runbook: str, looks: Iterable[Event] = ()) -> tuple[tuple[str, str], ...]:
    """When each outage of a provider began and was shown to be over, from an incident's runs, in order.

    ``runbook``: the one whose walk says that a provider is out, by itself or called by another (the checklist).
    ``looks``: the incident's own events, among which are the verdicts of `incident verify`. The first outage counts
    from the onset; an end of "" is none yet.
    """
    found: list[tuple[str, str]] = []
    onset = ""
    runs = list(runs)
    moments = [(one.time, "over") for one in verdicts(runs, looks) if one.shown and one.verdict == RECOVERED]
    for events in runs:
        graph = events[0].data["graph"] if events else None
        for event in events:
            if event.kind == "run.started":
                onset = onset or str(event.data["onset"])
                if graph and graph["id"] == runbook:
                    moments.append((event.time, "begun"))
            elif event.kind == "step.entered" and graph and graph["id"] != runbook:
                step = graph["steps"].get(event.data["step"]) or {}
                if step.get("runbook") == runbook:
                    moments.append((event.time, "begun"))
    for time, what in sorted(moments):
        if what == "begun" and (not found or found[-1][1]):
            found.append((time if found else onset, ""))
        elif what == "over" and found and not found[-1][1]:
            found[-1] = (found[-1][0], time)
    return tuple(found)


def providers(runs: Iterable[Sequence[Event]]) -> tuple[str, ...]:
    """The providers whose connections the runs of an incident were given, or have changed: in order, each once."""
    return tuple(labels(runs))


def labels(runs: Iterable[Sequence[Event]]) -> dict[str, str]:
    """The same, and what people call each of them: a provider that was added by hand has an id of 60 characters."""
    found: dict[str, str] = {}
    for event in (event for events in runs for event in events):
        if event.kind == "run.started":
            rows = [row for value in event.data["inputs"].values() if isinstance(value, list) for row in value]
        elif event.kind == "step.entered":
            rows = event.data.get("items") or []
        elif event.kind == "intent":
            rows = [event.data["before"]]
        elif event.kind == "answered" and isinstance(event.data.get("value"), list):
            rows = event.data["value"]
        else:
            continue
        for row in rows:
            if isinstance(row, dict) and row.get("provider"):
                name = str(row["provider"])
                found[name] = str(row.get("label") or found.get(name) or name)
    return found

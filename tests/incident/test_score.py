"""The score of a walk of the checklist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.clock import iso
from omniops.config import Settings
from omniops.incident.score import score
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.runner.clocks import due_words

PAGED = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return iso(PAGED + timedelta(seconds=seconds))


def event(n: int, seconds: float, kind: str, data: dict[str, Any], stream: str = "run/r1") -> Event:
    return Event(n, stream, n, at(seconds), "eve", "h", "0", kind, data)


def walk(graph: Any, *steps: tuple[str, float]) -> list[Event]:
    """A run begun 60 s after the page; each step is done at its moment, and leads to the next one."""
    started = {"run": "r1", "runbook": graph["id"], "incident": "i", "onset": at(-30), "page_at": at(0), "inputs": {}}
    events = [event(1, 60, "run.started", {**started, "graph": graph})]
    for step, seconds in steps:
        events.append(event(len(events) + 1, seconds, "step.entered", {"step": step}))
        go = steps[min([s for s, _ in steps].index(step) + 1, len(steps) - 1)][0]
        done = {"step": step, "outcome": "success", "go": go, "outputs": {}}
        events.append(event(len(events) + 1, seconds, "step.done", done))
    return events


def incident() -> Incident:
    opened = event(1, 10, "incident.opened", {"title": "t", "onset": at(-30)}, "incident/i")
    acked = event(2, 20, "page.acknowledged", {"page": "P1", "how": "rest", "by": "eve"}, "incident/i")
    return Incident("i", [opened, acked])


def graph(tmp_path: Any) -> Any:
    from omniops.catalog import get

    return get("first-15-minutes", Settings({"OMNIOPS_HOME": str(tmp_path)}))


def test_from_the_page(tmp_path: Any) -> None:
    """Every figure counts from the page, neither from the onset nor from the start of the command."""
    steps = [("acknowledge", 60.0), ("open", 90.0), ("classify", 200.0), ("decide", 500.0)]
    found = score(incident(), walk(graph(tmp_path), *steps), PAGED + timedelta(seconds=600))
    assert (found.acknowledge_s, found.classify_s, found.decide_s, found.mitigate_s) == (20.0, 200.0, 500.0, None)


def test_late_steps(tmp_path: Any) -> None:
    """A step done after it was due is late by the difference; one done in time is not; one still open says so."""
    steps = [("acknowledge", 60.0), ("open", 119.0), ("classify", 301.0)]
    events = walk(graph(tmp_path), *steps)
    events.append(event(len(events) + 1, 310, "step.entered", {"step": "evidence"}))
    found = score(incident(), events, PAGED + timedelta(seconds=500))
    assert [(one.title, one.late_s, one.open) for one in found.late] == [
        ("0:00 acknowledge", 60.0, False), ("0:05 classify", 1.0, False), ("0:08 evidence", 20.0, True)
    ]  # fmt: skip
    assert found.timed == 4
    assert found.lines()[-1] == "  0:08 evidence: 20s late, and not done"


def test_what_is_due_at_once(tmp_path: Any) -> None:
    """0:00 is done after it: within a minute that is no lateness, in the score as at the prompt."""
    found = score(incident(), walk(graph(tmp_path), ("acknowledge", 59.0)), PAGED + timedelta(seconds=70))
    assert (found.late, found.timed) == ((), 1)
    assert [due_words(0.0, -8.0), due_words(0.0, -60.0), due_words(300.0, -8.0)] == [
        "due 0:00, now", "due 0:00, 1m 00s late", "due 0:05, 8s late"
    ]  # fmt: skip


def test_never(tmp_path: Any) -> None:
    """What has not happened is no zero."""
    found = score(Incident("i"), walk(graph(tmp_path)), PAGED)
    assert found.lines() == [
        "acknowledged never", "classified   never", "decided      never", "mitigated    never", "steps late   none of 0"
    ]  # fmt: skip

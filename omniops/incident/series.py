"""The SLO figures of an incident over time, as they were journalled: looks at traffic, and hourly figures. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.engine.verify import BUDGETS
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import clean, one_line, redact

AROUND = timedelta(hours=2)
"""Hourly figures from at most so long before the onset and after the last look show what was usual."""
LEAST_AROUND = timedelta(minutes=10)
MOST = 240
"""More points than this are drawn as the worst of each stretch."""


class Point(NamedTuple):
    """One look. None is "cannot tell", never zero. ``verdict``: pass, fail, cannot tell, or "" for an hourly figure."""

    at: datetime
    p95_s: float | None
    error_ratio: float | None
    verdict: str = ""


class Mark(NamedTuple):
    """A moment at which something was changed, numbered from 1."""

    number: int
    at: datetime
    words: str


class Series(NamedTuple):
    """Points and marks in order of time. ``budget_s``, ``budget_ratio``: what has to be kept."""

    points: Sequence[Point]
    marks: Sequence[Mark]
    budget_s: float
    budget_ratio: float

    @property
    def begin(self) -> datetime:
        return min([one.at for one in self.points] + [one.at for one in self.marks])

    @property
    def end(self) -> datetime:
        return max([one.at for one in self.points] + [one.at for one in self.marks])

    def as_json(self) -> dict[str, Any]:
        return {
            "budget_p95_s": self.budget_s,
            "budget_error_ratio": self.budget_ratio,
            "points": [{**one._asdict(), "at": iso(one.at)} for one in self.points],
            "changes": [{**one._asdict(), "at": iso(one.at)} for one in self.marks],
        }


def series(
    incident: Incident, events: Iterable[Event], figures: Iterable[Event], changes: Iterable[tuple[str, str]]
) -> Series | None:
    """The series, or None where nobody has looked. ``changes``: (when, words)."""
    points: list[Point] = []
    budget_s, budget_ratio = BUDGETS
    for event in events:
        look = _look(event)
        if not look:
            continue
        points.append(_point(look))
        budget_s = _number(look.get("budget_s")) or budget_s
        budget_ratio = _number(look.get("error_budget")) or budget_ratio
    ordered = sorted((parse_iso(when), words) for when, words in changes)
    onset = parse_iso(incident.onset)
    begin, end = _window(onset, [one.at for one in points], [at for at, _ in ordered])
    for event in figures:
        at = parse_iso(event.time)
        if begin <= at <= end and _number(event.data.get("p95_s")) is not None:
            points.append(Point(at, _number(event.data["p95_s"]), None))
    if not points:
        return None
    ordered = [(at, words) for at, words in ordered if begin <= at <= end]
    marks = [Mark(n, at, one_line(redact(clean(words)), 200)) for n, (at, words) in enumerate(ordered, 1)]
    return Series(sorted(points, key=lambda one: one.at), marks, budget_s, budget_ratio)


def _look(event: Event) -> dict[str, Any] | None:
    """The figures that an event holds: a sample of verify, the last one of a look, or what the severity was judged
    by. None for every other event."""
    if event.kind == "sample":
        return event.data
    if event.kind == "verified":
        last: dict[str, Any] | None = event.data["last"]
        return last
    outputs = event.data.get("outputs") if event.kind == "step.done" else None
    if isinstance(outputs, dict) and "error_ratio" in outputs and "p95_s" in outputs:
        return {"at": event.time, **outputs}
    return None


def _window(onset: datetime, looks: Sequence[datetime], changes: Sequence[datetime]) -> tuple[datetime, datetime]:
    """What is shown: from the onset to the last look and the changes near it, and a margin in proportion, so that the
    looks do not shrink to a dot because something was put back days later."""
    if not looks:
        return onset - AROUND, max([*changes, onset]) + AROUND
    begin, end = min([onset, *looks]), max(looks)
    reach = max(end - begin, timedelta(hours=1))
    end = max([end, *(at for at in changes if at <= end + reach)])
    margin = min(max((end - begin) / 2, LEAST_AROUND), AROUND)
    return begin - margin, end + margin


def _point(look: dict[str, Any]) -> Point:
    p95, ratio = _number(look.get("p95_s")), _number(look.get("error_ratio"))
    return Point(parse_iso(look["at"]), p95, ratio, str(look.get("verdict", "")))


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        return None
    return float(value)


def thinned(points: Sequence[Point], value: Callable[[Point], float | None], most: int = MOST) -> list[Point]:
    """At most ``most`` points, each the worst of its stretch; where a stretch knows nothing it stays unknown."""
    if len(points) <= most:
        return list(points)
    found = []
    for index in range(most):
        part = points[index * len(points) // most : (index + 1) * len(points) // most]
        found.append(max(part, key=lambda one: -1.0 if value(one) is None else float(value(one) or 0.0)))
    return found

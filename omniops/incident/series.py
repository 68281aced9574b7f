"""The SLO figures of an incident over time, as they were journalled: looks at traffic, and hourly figures. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import clean, one_line, redact

AROUND = timedelta(hours=2)
"""Hourly figures from so long before the onset and after the last look show what was usual."""
MOST = 240
"""More points than this are drawn as the worst of each stretch."""
BUDGET_S, BUDGET_RATIO = 1.5, 0.006


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
    budget_s, budget_ratio = BUDGET_S, BUDGET_RATIO
    for event in events:
        look = event.data if event.kind == "sample" else event.data["last"] if event.kind == "verified" else None
        if not look:
            continue
        points.append(_point(look))
        budget_s = _number(look.get("budget_s")) or budget_s
        budget_ratio = _number(look.get("error_budget")) or budget_ratio
    begin = parse_iso(incident.onset) - AROUND
    last = max([one.at for one in points] + [parse_iso(incident.onset)]) + AROUND
    for event in figures:
        at = parse_iso(event.time)
        if begin <= at <= last and _number(event.data.get("p95_s")) is not None:
            points.append(Point(at, _number(event.data["p95_s"]), None))
    if not points:
        return None
    first = min(one.at for one in points) - AROUND
    ordered = sorted((at, words) for when, words in changes if first <= (at := parse_iso(when)) <= last)
    marks = [Mark(n, at, one_line(redact(clean(words)), 200)) for n, (at, words) in enumerate(ordered, 1)]
    return Series(sorted(points, key=lambda one: one.at), marks, budget_s, budget_ratio)


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

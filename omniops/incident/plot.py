"""The SLO series as inline SVG: p95 and error ratio over time, each against its budget, with the changes marked. Pure.

No script and no style of its own: the page's classes colour it. Drawn once for a wide page and once for a phone,
because text in an SVG shrinks along with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import NamedTuple

from omniops.incident.series import Point, Series, thinned

_STEPS_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 2 * 86400, 7 * 86400)
_MARK_ROWS = 3


class Shape(NamedTuple):
    """The size of a drawing in its own units, which are about pixels."""

    name: str
    width: int
    panel: int  # height of one panel's plotting area
    font: int


WIDE = Shape("wide", 860, 150, 13)
NARROW = Shape("narrow", 350, 120, 11)


class _Panel(NamedTuple):
    title: str
    value: Callable[[Point], float | None]
    budget: float
    write: Callable[[float], str]


def svg(series: Series, shape: Shape) -> str:
    """One drawing with a panel for p95 and, where it was measured, one for the error ratio."""
    panels = [_Panel("p95 of client requests", lambda one: one.p95_s, series.budget_s, _seconds)]
    if any(one.error_ratio is not None for one in series.points):
        panels.append(_Panel("error ratio", lambda one: one.error_ratio, series.budget_ratio, _percent))
    line = shape.font + 6
    head = line * (1 + min(_MARK_ROWS, max((row + 1 for _, row, _ in _places(series, shape)), default=0)))
    step = shape.panel + 2 * line + 8
    height = head + step * len(panels) - line
    parts = [
        f'<svg class="plot {shape.name}" viewBox="0 0 {shape.width} {height}" role="img" font-size="{shape.font}" '
        f'aria-label="{escape(_spoken(series))}">'
    ]
    left, right = _edges(shape)
    tops = [head + index * step for index in range(len(panels))]
    size = f'width="{right - left}" height="{shape.panel}"'
    parts += [f'<rect class="area" x="{left}" y="{top}" {size}/>' for top in tops]
    parts += _marks(series, shape, line, tops[-1] + shape.panel)
    for panel, top in zip(panels, tops, strict=True):
        parts += _panel(series, panel, shape, top)
    return "".join([*parts, "</svg>"])


def _spoken(series: Series) -> str:
    """What the drawing shows, for those who cannot see it."""
    known = [one.p95_s for one in series.points if one.p95_s is not None]
    peak = f"p95 at most {_seconds(max(known))}, budget {_seconds(series.budget_s)}" if known else "p95 unknown"
    return f"{len(series.points)} looks from {series.begin:%H:%M} to {series.end:%H:%M} UTC: {peak}"


def _panel(series: Series, panel: _Panel, shape: Shape, top: int) -> Iterator[str]:
    points = thinned(series.points, panel.value)
    left, right = _edges(shape)
    bottom = top + shape.panel
    highest = max([panel.value(one) or 0.0 for one in points] + [panel.budget]) * 1.15 or 1.0

    def y(value: float) -> float:
        return round(bottom - value / highest * shape.panel, 1)

    yield f'<text class="name" x="0" y="{top - 6}">{escape(panel.title)}</text>'
    at = y(panel.budget)
    if bottom - at > shape.font:
        yield _label("axis", left, bottom, "0")
    yield f'<line class="budget" x1="{left}" x2="{right}" y1="{at}" y2="{at}"/>'
    yield _label("limit", left, at + shape.font / 3, panel.write(panel.budget))
    worst = max((panel.value(one) or 0.0 for one in points), default=0.0)
    if abs(y(worst) - at) > shape.font and abs(y(worst) - bottom) > shape.font:
        yield _label("axis", left, y(worst) + shape.font / 3, panel.write(worst))
    for stretch in _stretches(points, panel.value):
        path = " ".join(f"{_x(series, shape, one.at)},{y(panel.value(one) or 0.0)}" for one in stretch)
        yield f'<polyline class="line" points="{path}"/>'
    for one in points:
        value = panel.value(one)
        if value is not None:
            tone = "bad" if value > panel.budget else "good"
            yield f'<circle class="{tone}" cx="{_x(series, shape, one.at)}" cy="{y(value)}" r="2.5"/>'
        elif one.verdict:
            x = _x(series, shape, one.at)
            yield f'<text class="unknown" text-anchor="middle" x="{x}" y="{bottom - 3}">?</text>'
    yield from _times(series, shape, bottom)


def _label(kind: str, left: int, y: float, words: str) -> str:
    """A figure beside the plotting area."""
    return f'<text class="{kind}" text-anchor="end" x="{left - 5}" y="{y:.1f}">{escape(words)}</text>'


def _stretches(points: Sequence[Point], value: Callable[[Point], float | None]) -> Iterator[list[Point]]:
    """Points that a line may connect: hourly figures and looks are not, and what is unknown is a gap."""
    stretch: list[Point] = []
    for one in points:
        if value(one) is None or (stretch and bool(stretch[-1].verdict) != bool(one.verdict)):
            yield stretch
            stretch = []
        if value(one) is not None:
            stretch.append(one)
    yield stretch


def _times(series: Series, shape: Shape, bottom: int) -> Iterator[str]:
    """Ticks at whole minutes or hours, no more than have room."""
    span = (series.end - series.begin).total_seconds()
    room = max((shape.width - 100) // (shape.font * 5), 2)
    step = next((one for one in _STEPS_S if span / one <= room), _STEPS_S[-1])
    first = series.begin.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (series.begin - first).total_seconds()
    at = first + timedelta(seconds=-(-passed // step) * step)
    while at <= series.end:
        x = _x(series, shape, at)
        words = f"{at:%d %b}" if step >= 86400 else f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"
        yield f'<line class="tick" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>'
        yield f'<text class="axis" text-anchor="middle" x="{x}" y="{bottom + shape.font + 5}">{words}</text>'
        at += timedelta(seconds=step)


def _places(series: Series, shape: Shape) -> list[tuple[float, int, int]]:
    """Where each mark stands: x, row of its number (so that neighbours do not cover each other), number."""
    ends = [-99.0] * _MARK_ROWS
    found = []
    for mark in series.marks:
        x = _x(series, shape, mark.at)
        row = next((row for row, end in enumerate(ends) if x - end >= shape.font * 1.6), ends.index(min(ends)))
        ends[row] = x
        found.append((x, row, mark.number))
    return found


def _marks(series: Series, shape: Shape, line: int, bottom: int) -> Iterator[str]:
    for x, row, number in _places(series, shape):
        top = line * row + shape.font
        yield f'<line class="mark" x1="{x}" x2="{x}" y1="{top + 3}" y2="{bottom}"/>'
        yield f'<text class="number" text-anchor="middle" x="{x}" y="{top}">{number}</text>'


def _edges(shape: Shape) -> tuple[int, int]:
    return shape.font * 5, shape.width - shape.font * 2


def _x(series: Series, shape: Shape, at: datetime) -> float:
    left, right = _edges(shape)
    left, right = left + shape.font, right - shape.font  # nothing stands on the edge
    span = (series.end - series.begin).total_seconds()
    share = (at - series.begin).total_seconds() / span if span > 0 else 0.5
    return round(left + share * (right - left), 1)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.3g} s"


def _percent(value: float) -> str:
    return f"{value * 100:.3g} %"

"""One look at Prometheus: the SLOs' queries, all evaluated at the same moment of its own clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from omniops.clock import Clock
from omniops.incident import promql
from omniops.incident.figures import settled
from omniops.incident.ladder import Slo, Slos, availability, p95_slo
from omniops.incident.live import BREACH_STEP_S
from omniops.incident.readings import HOURS_7D, Measured, Quantile, Reading, Share, beyond
from omniops.incident.slo import BURN_WINDOWS, error_budget
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.services.prometheus import Prometheus, Series

LADDER_WINDOWS = (300.0, 3600.0)
BREACH_MINUTES = 20
HOUR_S = 3600.0
POINTS = 30
"""Points of a sparkline."""
LOOK_S = 30.0
"""A look may take so long in all: a Prometheus that is drowning is not asked thirty times to wait."""
ABOUT = "client requests, as Prometheus counts them"


class Look:
    """Asks one Prometheus. Every query of a look is evaluated at the same moment, or the counts would not add up.

    Methods raise Unreachable or Refused where nothing can be had at all; one query that fails is a reading without a
    value.
    """

    def __init__(self, client: Prometheus, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._ends = clock.boot() + LOOK_S
        self.at = client.now()
        self.warnings: list[str] = []

    def one(self, expr: str) -> Reading:
        """One figure."""
        from omniops.services.prometheus import QueryFailed

        if self._clock.boot() > self._ends:
            return Reading("unread", why=f"Prometheus took more than {LOOK_S:.0f} s in all")
        try:
            found = self._client.query(expr, self.at)
        except QueryFailed as error:
            return Reading("unread", why=one_line(f"{error.what.partition(': ')[2]} ({error.why})", 160))
        self.warnings += found.warnings
        if found.kind == "many":
            return Reading("unread", why="Prometheus answered with several series where one was asked for")
        return Reading(found.kind, found.value)

    def share(self, slo: Slo, window_s: float) -> Share:
        """Errors among requests of an availability SLO over a window."""
        if not (slo.good and slo.all):
            none = Reading("unread", why="slos.yaml names no metric for it")
            return Share(window_s, none, none, none)
        return Share(
            window_s,
            self.one(promql.error_ratio(slo.good, slo.all, window_s)),
            self.one(promql.errors(slo.good, slo.all, window_s)),
            self.one(promql.requests(slo.all, window_s)),
        )

    def quantile(self, share: float, buckets: str, window_s: float) -> Quantile:
        """A quantile, the requests behind it, and whether it lies beyond the largest bucket."""
        from omniops.services.prometheus import QueryFailed

        found = self.one(promql.quantile(share, buckets, window_s))
        if found.kind == "unread":
            return Quantile(found)
        try:
            rows = self._client.query(promql.by_bucket(buckets, window_s), self.at).samples
            bounds = [(float(row.labels.get("le", "nan")), row.value) for row in rows]
        except (QueryFailed, ValueError):
            return Quantile(found)
        if any(math.isnan(bound) or math.isnan(number) for bound, number in bounds):
            return Quantile(found)
        return beyond(found, share, bounds)

    def line(self, expr: str, points: int, step_s: float) -> tuple[float | None, ...]:
        """The last values of a query, ``step_s`` apart, oldest first, the last one now; None: no data, or no number."""
        from omniops.services.prometheus import QueryFailed

        if self._clock.boot() > self._ends:
            return (None,) * points
        start = self.at - (points - 1) * step_s
        try:
            series = self._client.query_range(expr, start, self.at, step_s).series
        except QueryFailed:
            return (None,) * points
        return _line(series, start, points, step_s)


def look(client: Prometheus, clock: Clock, slos: Slos, *, full: bool) -> Measured:
    """Measure what the severity ladder reads, and where ``full`` everything that `omniops slo` shows.

    Raises Unreachable or Refused where Prometheus cannot be asked.
    """
    asked = Look(client, clock)
    main, speed = availability(slos), p95_slo(slos)
    shares: dict[float, Share] = {}
    quantiles: dict[str, Quantile] = {}
    hours: tuple[float | None, ...] = ()
    breach: tuple[float | None, ...] = ()
    if main is not None:
        more = {*BURN_WINDOWS, main.window_s, *(slo.window_s for slo in slos.slos if slo.of == main.id)} if full else ()
        shares = {length: asked.share(main, length) for length in sorted({*LADDER_WINDOWS, *more})}
        if main.good and main.all:
            ratios = asked.line(promql.error_ratio(main.good, main.all, HOUR_S), HOURS_7D, HOUR_S)
            hours = _burns(ratios, main)
    for slo in slos.slos:
        if slo.measures == "latency" and slo.buckets and slo.quantile and (full or slo is speed):
            quantiles[slo.id] = asked.quantile(slo.quantile, slo.buckets, slo.window_s)
    if speed is not None and speed.buckets and speed.quantile:
        expr = promql.quantile(speed.quantile, speed.buckets, speed.window_s)
        breach = asked.line(expr, BREACH_MINUTES + 1, BREACH_STEP_S)
    measured = Measured("prometheus", ABOUT, shares=shares, quantiles=quantiles, hours=hours, breach=breach)
    if full:
        measured = _more(asked, slos, main, measured)
    return measured._replace(notes=tuple(dict.fromkeys(asked.warnings)))


def _more(asked: Look, slos: Slos, main: Slo | None, measured: Measured) -> Measured:
    """What only `omniops slo` shows: gauges, how far Prometheus remembers, and the lines to draw."""
    series: dict[str, tuple[float | None, ...]] = {}
    gauges: dict[str, Reading] = {}
    covered = True
    if main is not None and main.all and main.good:
        covered = asked.one(promql.covered(main.all, main.window_s)).value is not None
        series[main.id] = measured.hours
    for slo in slos.slos:
        if slo.gauge:
            gauges[slo.id] = asked.one(promql.gauge(slo.gauge))
        if slo.measures == "latency" and slo.buckets and slo.quantile:
            expr = promql.quantile(slo.quantile, slo.buckets, slo.window_s)
            series[slo.id] = asked.line(expr, POINTS, HOUR_S / POINTS)
        if slo.of and main is not None and slo.of == main.id and main.good and main.all:
            expr = promql.error_ratio(main.good, main.all, slo.window_s)
            series[slo.id] = _burns(asked.line(expr, POINTS, HOUR_S / POINTS), main)
    return measured._replace(covered=covered, gauges=gauges, series=series)


def _burns(ratios: Sequence[float | None], slo: Slo) -> tuple[float | None, ...]:
    budget = error_budget(slo.objective or 0.0)
    return tuple(None if ratio is None else settled(max(ratio, 0.0) / budget) for ratio in ratios)


def _line(series: Sequence[Series], start: float, points: int, step_s: float) -> tuple[float | None, ...]:
    found: list[float | None] = [None] * points
    if len(series) == 1:
        for at, value in series[0].points:
            place = round((at - start) / step_s)
            if 0 <= place < points and math.isfinite(value):
                found[place] = value
    return tuple(found)

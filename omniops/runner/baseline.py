"""The p95 that is usual: recorded hour by hour by `omniops tick`, or remembered by Prometheus (section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from omniops.clock import Clock, parse_iso
from omniops.config import Settings
from omniops.errors import OmniopsError
from omniops.journal.events import Journal, New

if TYPE_CHECKING:
    from omniops.incident.ladder import Slo
    from omniops.services.prometheus import Prometheus

STREAM, KIND = "figures", "figures"
WEEK = timedelta(days=7)
EVERY = timedelta(hours=1)
LEAST_HOURS = 24
"""Fewer hours than a day and a night know nothing of what is usual."""
LEAST_REQUESTS = 20
"""A p95 of fewer requests is one request's time."""
OMNIROUTE, PROMETHEUS = "omniroute", "prometheus"


class Baseline(NamedTuple):
    """The usual p95 in seconds: the median of ``hours`` hourly figures. None: there is none, and ``why`` says so."""

    p95_s: float | None
    hours: int
    why: str


def due(journal: Journal, now: datetime) -> bool:
    """Has the last hour no figures yet?"""
    length = journal.length(STREAM)
    last = journal.read(STREAM, length - 1) if length else []
    return not last or now - parse_iso(last[-1].time) >= EVERY


def record(journal: Journal, now: datetime, p95_s: float | None, requests: int, source: str = OMNIROUTE) -> bool:
    """Write down p95 (of client requests over the last 5 minutes), at most once an hour. False: nothing was written."""
    if p95_s is None or requests < LEAST_REQUESTS or not due(journal, now):
        return False
    journal.append([New(STREAM, None, KIND, {"p95_s": p95_s, "requests": requests, "source": source})])
    return True


def baseline(journal: Journal, now: datetime, source: str = OMNIROUTE, until: datetime | None = None) -> Baseline:
    """The median of what was recorded in the 7 days before ``until`` (the onset; default ``now``), from one source."""
    end = min(until or now, now)
    newest = int((now - end + WEEK) / EVERY) + 2  # there is at most one an hour
    events = journal.read(STREAM, max(journal.length(STREAM) - newest, 0))
    known = [
        float(event.data["p95_s"])
        for event in events
        if event.data.get("source") == source and end - WEEK <= parse_iso(event.time) < end
    ]
    return _settled(known, "`omniops tick` has recorded")


def from_prometheus(client: Prometheus, clock: Clock, slo: Slo, now: datetime, until: datetime) -> Baseline:
    """The median of the hourly p95 of the 7 days before ``until``. Raises Unreachable or Refused."""
    from omniops.incident import promql
    from omniops.runner.figures_prometheus import HOUR_S, Look

    asked = Look(client, clock)
    # Their clock and ours may differ; what counts is how long ago the onset was.
    ago = max((now - until).total_seconds(), 0.0)
    asked.at -= ago
    hours = int(WEEK.total_seconds() / HOUR_S)
    line = asked.line(promql.quantile(slo.quantile or 0.95, slo.buckets, HOUR_S), hours, HOUR_S)
    return _settled([p95_s for p95_s in line if p95_s is not None], "Prometheus remembers")


def record_now(settings: Settings, clock: Clock, journal: Journal) -> str:
    """What `omniops tick` records: p95 of now, where an hour has passed. Returns it in words; "" where nothing was.

    A server that cannot be asked is no error here: the hour has no figures then.
    """
    from omniops.runner.live import configured

    if not configured(settings) or not due(journal, clock.now()):
        return ""
    from omniops.runner.live import p95_now
    from omniops.runner.wiring import clients_of

    try:
        found = p95_now(settings, clock, clients_of(settings, clock))
    except OmniopsError:
        return ""
    if not record(journal, clock.now(), found.p95_s, found.requests, found.source):
        return ""
    return f"recorded: p95 {found.p95_s:.2f}s of {found.requests} requests, for the baseline of 4.2"


def _settled(known: Sequence[float], who: str) -> Baseline:
    if len(known) < LEAST_HOURS:
        return Baseline(None, len(known), f"{who} {len(known)} hours of the last 7 days, and {LEAST_HOURS} are needed")
    return Baseline(median(known), len(known), f"{who} {len(known)} hours of the last 7 days")

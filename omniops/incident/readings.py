"""What was read from a source of figures. Pure; "no data", "no traffic" and "infinite" are kept apart from values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from omniops.incident.figures import plain, settled

HOURS_7D = 168
_WORDS = {"empty": "no data", "nan": "no traffic", "inf": "infinite", "unread": "not read"}


class Reading(NamedTuple):
    """One figure. ``kind``: "value", "empty" (no series), "nan" (0/0), "inf", or "unread" (``why`` says it).

    ``at_least``: of an infinite one, what it is certainly above.
    """

    kind: str
    value: float | None = None
    why: str = ""
    at_least: float | None = None

    @property
    def words(self) -> str:
        """Why there is no figure; "" where there is one."""
        return "" if self.kind == "value" else self.why or _WORDS[self.kind]


UNREAD = Reading("unread")


def reading(value: float) -> Reading:
    """A number as it is: NaN and infinities become kinds of their own."""
    if math.isnan(value):
        return Reading("nan")
    return Reading("inf") if math.isinf(value) else Reading("value", value)


class Share(NamedTuple):
    """Errors among requests, over one window."""

    window_s: float
    ratio: Reading = UNREAD
    errors: Reading = UNREAD
    requests: Reading = UNREAD

    def burn(self, error_budget: float) -> Reading:
        """How many times as fast as planned the budget is used up. ``error_budget``: 0.001 at 99.9 %."""
        if self.requests.kind == "value" and not self.requests.value:
            return Reading("nan")
        if self.ratio.value is None:
            return self.ratio
        return Reading("value", settled(min(max(self.ratio.value, 0.0), 1.0) / error_budget))

    def events(self) -> str:
        """``3 errors of 4000 requests``; "" where they were not counted."""
        if self.errors.value is None or self.requests.value is None:
            return ""
        errors, requests = round(max(self.errors.value, 0.0)), round(self.requests.value)
        return f"{errors} error{'' if errors == 1 else 's'} of {requests} request{'' if requests == 1 else 's'}"


class Quantile(NamedTuple):
    """A quantile in seconds, and the number of requests behind it (None: not counted)."""

    reading: Reading = UNREAD
    requests: float | None = None


class Measured(NamedTuple):
    """Everything that one look at a source has found. What is missing was not asked for."""

    source: str  # "prometheus" or "omniroute"
    about: str = ""  # for people: what the figures are made of
    shares: Mapping[float, Share] = {}  # of availability-cluster, by window in seconds
    least: Mapping[
        float, float
    ] = {}  # where ``shares`` are of attempts: what share of clients' requests failed at least
    covered: bool = True  # False: the source does not remember the whole budget window
    quantiles: Mapping[str, Quantile] = {}  # by SLO id
    gauges: Mapping[str, Reading] = {}  # by SLO id
    hours: tuple[float | None, ...] = ()  # burn rate of each hour of the last 7 days, oldest first; None: no data
    breach: tuple[float | None, ...] = ()  # p95 of the last minutes in seconds, a minute apart, oldest first
    series: Mapping[str, tuple[float | None, ...]] = {}  # by SLO id, to draw
    partial: str = ""  # for people: why these are not the figures of everything
    notes: tuple[str, ...] = ()  # for people: what else has to be known about them


def highest_hour(hours: Sequence[float | None]) -> Reading:
    """The highest hourly burn rate of the 7 days. A gap is not below 1: with one, only a peak of 1 or more is told."""
    known = [hour for hour in hours if hour is not None]
    if not known:
        return Reading("empty")
    gaps, peak = max(HOURS_7D, len(hours)) - len(known), max(known)
    if gaps and peak < 1:
        why = f"{gaps} of {max(HOURS_7D, len(hours))} hours without data, and a gap is not below 1"
        return Reading("unread", why=f"{why} (the others: at most {plain(peak)}x)")
    return Reading("value", peak)


def hidden(ratio: float, least: float) -> str:
    """Attempts fail that clients may not have seen fail: between what and what the truth lies."""
    return f"{ratio:.2%} of upstream attempts failed, but of clients' requests perhaps only {least:.2%}"


def beyond(found: Reading, share: float, buckets: Sequence[tuple[float, float]]) -> Quantile:
    """A histogram's quantile, corrected: one above the largest bound is told by Prometheus as that bound itself.

    ``buckets``: (upper bound, number of requests up to it).
    """
    total = next((number for bound, number in buckets if math.isinf(bound)), None)
    finite = [(bound, number) for bound, number in buckets if math.isfinite(bound)]
    if total is None:
        return Quantile(found)
    if found.kind == "value" and finite and total > 0:
        bound, number = max(finite)
        if number < share * total * (1 - 1e-9):
            why = f"above {plain(bound)}s, the largest bucket"
            return Quantile(Reading("inf", None, why, bound), total)
    return Quantile(found, total)

"""Is each SLO kept? Pure: the SLOs and what was measured in; state, burn rates, budget left and time to its end out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from omniops.incident.figures import plain, settled
from omniops.incident.ladder import Slo, Slos
from omniops.incident.readings import UNREAD, Measured, Quantile, Reading, Share, hidden
from omniops.incident.signals import window

BURN_WINDOWS = (300.0, 3600.0, 21600.0, 259200.0, 604800.0)
RATE_WINDOW_S = 3600.0
"""The "present rate" that the end of the budget is worked out with: 5 minutes would make it jump."""
FEW = 5
"""Fewer errors (of a rate) or requests (of a quantile) than this prove nothing; the floor of the severity ladder."""
OK, BURNING, UNKNOWN, UNMEASURED = "ok", "burning", "unknown", "unmeasured"


class Budget(NamedTuple):
    """The error budget of an availability SLO. ``left``: 1 untouched, 0 spent, below 0 overdrawn; None: unknown.

    ``ends``: "never" (nothing is burning), "spent", "in" (``ends_in_s``), or "unknown".
    """

    left: float | None
    ends: str
    ends_in_s: float | None = None


class Status(NamedTuple):
    """How one SLO stands. ``value`` and ``limit`` are in ``unit``: "ratio" (of good requests), "x", "s" or ""."""

    slo: Slo
    state: str
    value: float | None
    unit: str
    limit: float
    why: str = ""  # for people: what is wrong, or why it cannot be told
    share: Share | None = None
    requests: float | None = None  # behind a quantile
    burns: tuple[tuple[float, Reading], ...] = ()
    budget: Budget | None = None
    series: tuple[float | None, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The SLO's part of `omniops.slo/1`; what is unknown is null, and ``why`` says it."""
        share = self.share
        return {
            "id": self.slo.id,
            "title": self.slo.title,
            "measures": self.slo.measures,
            "state": self.state,
            "value": self.value,
            "unit": self.unit,
            "limit": self.limit,
            "window": window(self.slo.window_s),
            "why": self.why,
            "errors": share.errors.value if share else None,
            "requests": share.requests.value if share else self.requests,
            "burn_rate": {window(length): found.value for length, found in self.burns},
            "burn_unknown": {window(length): found.words for length, found in self.burns if found.words},
            "budget_left": self.budget.left if self.budget else None,
            "budget_ends": self.budget.ends if self.budget else None,
            "budget_ends_in_s": self.budget.ends_in_s if self.budget else None,
            "series": list(self.series),
        }


def evaluate(slos: Slos, measured: Measured) -> list[Status]:
    """Judge every SLO. An empty answer, NaN and infinity are never "ok"."""
    return [_one(slo, slos, measured) for slo in slos.slos]


def all_kept(statuses: Sequence[Status]) -> bool:
    """Whether every SLO that has a metric is shown to be in budget."""
    return all(status.state in (OK, UNMEASURED) for status in statuses) and any(s.state == OK for s in statuses)


def error_budget(objective: float) -> float:
    """The share of errors that an objective allows: 0.001 at 99.9 %, and not 0.0010000000000000009."""
    return round(1 - objective, 12)


def _one(slo: Slo, slos: Slos, measured: Measured) -> Status:
    match slo.measures:
        case "availability":
            return _availability(slo, measured)
        case "burn_rate":
            return _burn(slo, slos.get(slo.of), measured)
        case "latency":
            return _latency(slo, measured)
    return _count(slo, measured)


def _availability(slo: Slo, measured: Measured) -> Status:
    objective = slo.objective or 0.0
    status = Status(slo, UNKNOWN, None, "ratio", objective, series=measured.series.get(slo.id, ()))
    if not slo.all:
        return status._replace(state=UNMEASURED, why="slos.yaml names no metric for it")
    allowed = error_budget(objective)
    share = measured.shares.get(slo.window_s, Share(slo.window_s))
    burns = tuple((length, s.burn(allowed)) for length in BURN_WINDOWS if (s := measured.shares.get(length)))
    spent = share.burn(allowed)
    status = status._replace(share=share, burns=burns, budget=_budget(slo, spent, dict(burns)))
    if spent.value is None:
        return status._replace(why=f"{spent.words} over {window(slo.window_s)}")
    state, why = (OK, "") if spent.value <= 1 else (BURNING, "the error budget is spent")
    if not measured.covered:
        # What is not remembered may have been an outage.
        why = f"Prometheus does not remember {window(slo.window_s)}" + (f"; {why}" if why else "")
        state = BURNING if state == BURNING else UNKNOWN
    return status._replace(state=state, why=why, value=settled(1 - spent.value * allowed))


def _budget(slo: Slo, spent: Reading, burns: dict[float, Reading]) -> Budget:
    if spent.value is None:
        return Budget(None, "unknown")
    left = settled(1 - spent.value)
    rate = burns.get(RATE_WINDOW_S, UNREAD).value
    if left <= 0:
        return Budget(left, "spent", 0.0)
    if rate is None:
        return Budget(left, "unknown")
    return Budget(left, "in", left * slo.window_s / rate) if rate > 0 else Budget(left, "never")


def _burn(slo: Slo, of: Slo, measured: Measured) -> Status:
    limit = slo.below or 0.0
    share = measured.shares.get(slo.window_s, Share(slo.window_s))
    status = Status(slo, UNKNOWN, None, "x", limit, share=share, series=measured.series.get(slo.id, ()))
    if not of.all:
        return status._replace(state=UNMEASURED, why="slos.yaml names no metric for it")
    burn = share.burn(error_budget(of.objective or 0.0))
    if burn.value is None:
        return status._replace(why=burn.words)
    status = status._replace(value=burn.value)
    if burn.value < limit:
        return status._replace(state=OK)
    if share.errors.value is not None and round(share.errors.value) < FEW:
        return status._replace(why=f"{share.events()}: fewer than {FEW} errors prove nothing")
    least = measured.least.get(slo.window_s)
    if least is not None and share.ratio.value is not None and least / error_budget(of.objective or 0.0) < limit:
        return status._replace(why=hidden(share.ratio.value, least))
    return status._replace(state=BURNING, why=share.events())


def _latency(slo: Slo, measured: Measured) -> Status:
    limit = slo.budget_s or 0.0
    status = Status(slo, UNKNOWN, None, "s", limit, series=measured.series.get(slo.id, ()))
    if not slo.buckets:
        return status._replace(state=UNMEASURED, why="slos.yaml names no metric for it")
    found = measured.quantiles.get(slo.id, Quantile())
    status = status._replace(requests=found.requests)
    if found.reading.value is None:
        over = found.reading.at_least is not None and found.reading.at_least >= limit
        return status._replace(state=BURNING if over else UNKNOWN, why=found.reading.words)
    few = found.requests is not None and round(found.requests) < FEW
    state = OK if found.reading.value <= limit else UNKNOWN if few else BURNING
    why = f"only {round(found.requests or 0)} requests" if few and state == UNKNOWN else ""
    return status._replace(state=state, value=found.reading.value, why=why)


def _count(slo: Slo, measured: Measured) -> Status:
    limit = slo.below or 0.0
    status = Status(slo, UNKNOWN, None, "", limit, series=measured.series.get(slo.id, ()))
    if not slo.gauge:
        return status._replace(state=UNMEASURED, why="slos.yaml names no metric for it")
    found = measured.gauges.get(slo.id, UNREAD)
    if found.value is None:
        return status._replace(why=found.words)
    paged = slo.page_at is not None and found.value >= slo.page_at
    why = f"at or above {plain(slo.page_at or 0)}, which pages" if paged else ""
    return status._replace(state=OK if found.value < limit else BURNING, value=found.value, why=why)

"""The SLOs: which queries stand for them, and what burn rates, budgets and ends follow from the answers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from omniops.incident import promql
from omniops.incident.ladder import Slos, shipped_slos
from omniops.incident.readings import HOURS_7D, Measured, Quantile, Reading, Share, beyond, highest_hour, reading
from omniops.incident.slo import BURNING, OK, UNKNOWN, UNMEASURED, Status, all_kept, evaluate

SLOS = shipped_slos()
MONTH = 30 * 86400.0
GOOD, ALL = 'http_requests_total{service="omniroute",code=~"2..|4.."}', 'http_requests_total{service="omniroute"}'


def value(number: float) -> Reading:
    return Reading("value", number)


def share(window_s: float, errors: float, requests: float) -> Share:
    ratio = value(errors / requests) if requests else Reading("nan")
    return Share(window_s, ratio, value(errors), value(requests))


def measured(**more: Any) -> Measured:
    """All well: 2 errors of 10,000 requests in each window, fast."""
    windows = (300.0, 3600.0, 21600.0, 259200.0, 604800.0, MONTH)
    fine = Quantile(value(0.04), 1000)
    given: dict[str, Any] = {
        "shares": {length: share(length, 2, 10_000) for length in windows},
        "quantiles": {slo.id: fine for slo in SLOS.slos if slo.measures == "latency"},
        "gauges": {"ws-connections": value(279)},
        **more,
    }
    return Measured("prometheus", **given)


def status(id: str, found: Measured, slos: Slos = SLOS) -> Status:
    return next(one for one in evaluate(slos, found) if one.slo.id == id)


def with_share(found: Share) -> Measured:
    return measured(shares=dict(measured().shares) | {found.window_s: found})


def test_queries() -> None:
    """Ratio and counts are queries of their own; no good series at all is an outage, not an empty answer."""
    slo = SLOS.get("availability-cluster")
    assert (slo.good, slo.all) == (GOOD, ALL)
    assert promql.error_ratio(GOOD, ALL, 300) == (f"1 - (sum(rate({GOOD}[5m])) or vector(0)) / sum(rate({ALL}[5m]))")
    assert promql.errors(GOOD, ALL, 3600) == (f"sum(increase({ALL}[1h])) - (sum(increase({GOOD}[1h])) or vector(0))")
    assert promql.requests(ALL, MONTH) == f"sum(increase({ALL}[30d]))"
    assert promql.covered(ALL, MONTH) == f"sum(increase({ALL}[1h] offset 719h))"
    assert promql.quantile(0.95, 'b{x="y"}', 300) == 'histogram_quantile(0.95, sum by (le) (rate(b{x="y"}[5m])))'
    assert promql.requests(ALL, 97) == f"sum(increase({ALL}[97s]))"


@pytest.mark.parametrize(("number", "kind"), [(0.0, "value"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "inf")])
def test_readings(number: float, kind: str) -> None:
    """NaN and infinity are no values, and say so."""
    found = reading(number)
    assert (found.kind, found.value is None) == (kind, kind != "value")
    assert (found.words == "") is (kind == "value")


def test_all_well() -> None:
    """Everything in budget: what has a metric is ok, what has none is said to have none."""
    found = evaluate(SLOS, measured())
    assert [one.state for one in found] == [OK] * 5 + [UNMEASURED] + [OK] * 3
    assert all_kept(found)
    assert not all_kept([one for one in found if one.state == UNMEASURED])


@pytest.mark.parametrize(
    ("errors", "requests", "state", "burn"),
    [
        (6, 1000, BURNING, 6.0),
        (5.99, 1000, OK, 5.99),
        (1, 100, UNKNOWN, 10.0),
        (4, 100, UNKNOWN, 40.0),
        (5, 100, BURNING, 50.0),
        (0, 3, OK, 0.0),
        (1000, 1000, BURNING, 1000.0),
        (-1e-12, 1000, OK, 0.0),
    ],
)
def test_burn_rate(errors: float, requests: float, state: str, burn: float) -> None:
    """Burn rate is the error ratio over 0.1 %, the limit is inclusive, and fewer than 5 errors prove nothing."""
    found = status("error-budget-burn-5m", with_share(share(300, errors, requests)))
    assert found.state == state
    assert found.value == pytest.approx(burn)
    if state != OK:
        assert f"of {requests:.0f} requests" in found.why


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (Share(300, Reading("empty"), Reading("empty"), Reading("empty")), "no data"),
        (share(300, 0, 0), "no traffic"),
        (Share(300, Reading("inf"), value(1), value(1)), "infinite"),
        (Share(300, Reading("unread", why="it took too long")), "it took too long"),
    ],
)
def test_what_is_no_figure_is_not_health(found: Share, why: str) -> None:
    """Empty, NaN, infinite and unread are four answers, and none of them is in budget."""
    judged = evaluate(SLOS, with_share(found))
    burn = next(one for one in judged if one.slo.id == "error-budget-burn-5m")
    assert (burn.state, burn.value, burn.why) == (UNKNOWN, None, why)
    assert not all_kept(judged)


@pytest.mark.parametrize(
    ("month", "hour", "left", "ends", "ends_in_s"),
    [
        ((2, 10_000), (2, 10_000), 0.8, "in", 0.8 * MONTH / 0.2),
        ((0, 10_000), (0, 10_000), 1.0, "never", None),
        ((5, 10_000), (20, 10_000), 0.5, "in", 0.5 * MONTH / 2),
        ((10, 10_000), (1, 10_000), 0.0, "spent", 0.0),
        ((60, 10_000), (1, 10_000), -5.0, "spent", 0.0),
        ((5, 10_000), (0, 0), 0.5, "unknown", None),
    ],
)
def test_budget(month: tuple[int, int], hour: tuple[int, int], left: float, ends: str, ends_in_s: float | None) -> None:
    """What is left of 43.2 minutes, and when it is spent at the rate of the last hour: 2x is 15 days of 30."""
    shares = dict(measured().shares) | {MONTH: share(MONTH, *month), 3600.0: share(3600, *hour)}
    found = status("availability-cluster", measured(shares=shares))
    assert found.budget is not None
    assert found.budget.left == pytest.approx(left)
    assert (found.budget.ends, found.budget.ends_in_s) == (ends, ends_in_s and pytest.approx(ends_in_s))
    assert found.state == (OK if month[0] <= 10 else BURNING)


def test_a_short_memory_is_no_budget() -> None:
    """Where Prometheus remembers less than 30 days, what it has cannot show that the month was well."""
    found = status("availability-cluster", measured(covered=False))
    assert (found.state, found.why) == (UNKNOWN, "Prometheus does not remember 30d")
    spent = measured(covered=False, shares=dict(measured().shares) | {MONTH: share(MONTH, 50, 10_000)})
    assert status("availability-cluster", spent).state == BURNING


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (Quantile(value(1.5), 1000), OK),
        (Quantile(value(1.51), 1000), BURNING),
        (Quantile(value(9.0), 4), UNKNOWN),
        (Quantile(value(9.0), None), BURNING),
        (Quantile(Reading("nan"), 0), UNKNOWN),
        (Quantile(Reading("empty")), UNKNOWN),
        (Quantile(Reading("inf", None, "above 2.5s", 2.5), 100), BURNING),
        (Quantile(Reading("inf", None, "above 1s", 1.0), 100), UNKNOWN),
    ],
)
def test_latency(found: Quantile, state: str) -> None:
    """p95 up to its budget is kept; beyond the largest bucket counts where that bound is over budget already."""
    quantiles = dict(measured().quantiles) | {"latency-p95-aggregate": found}
    assert status("latency-p95-aggregate", measured(quantiles=quantiles)).state == state


@pytest.mark.parametrize(("number", "state"), [(279.0, OK), (280.0, BURNING), (300.0, BURNING), (None, UNKNOWN)])
def test_gauges(number: float | None, state: str) -> None:
    """Fewer than 280 connections; at 300 the words say that it pages."""
    gauge = Reading("empty") if number is None else value(number)
    found = status("ws-connections", measured(gauges={"ws-connections": gauge}))
    assert found.state == state
    assert ("pages" in found.why) is (number == 300.0)


@pytest.mark.parametrize(
    ("hours", "kind", "peak"),
    [
        ([0.5] * HOURS_7D, "value", 0.5),
        ([0.5] * (HOURS_7D - 1) + [1.0], "value", 1.0),
        ([0.5] * (HOURS_7D - 1), "unread", None),
        ([0.5] * (HOURS_7D - 1) + [None], "unread", None),
        ([None] * (HOURS_7D - 1) + [3.0], "value", 3.0),
        ([None] * HOURS_7D, "empty", None),
        ([], "empty", None),
    ],
)
def test_highest_hour(hours: list[float | None], kind: str, peak: float | None) -> None:
    """The highest hourly burn of the week; with a gap it is only known where it is 1 or more."""
    found = highest_hour(hours)
    assert (found.kind, found.value) == (kind, peak)
    if kind == "unread":
        assert "1 of 168 hours without data" in found.why


def test_beyond_the_largest_bucket() -> None:
    """A quantile in the last bucket is told by Prometheus as the bound before it: that is a lower bound, no value."""
    below = [(0.5, 90.0), (1.0, 96.0), (math.inf, 100.0)]
    assert beyond(value(0.9), 0.95, below) == Quantile(value(0.9), 100.0)
    found = beyond(value(1.0), 0.99, below)
    assert (found.reading.kind, found.reading.at_least, found.requests) == ("inf", 1.0, 100.0)
    assert beyond(Reading("nan"), 0.95, [(1.0, 0.0), (math.inf, 0.0)]) == Quantile(Reading("nan"), 0.0)
    assert beyond(value(1.0), 0.95, []) == Quantile(value(1.0))


def test_attempts_that_failover_may_hide() -> None:
    """By attempts alone nothing burns for certain where clients may have seen none of it fail."""
    shares = {300.0: share(300, 400, 1000), 3600.0: share(3600, 400, 12_000)}
    hidden = status("error-budget-burn-5m", measured(shares=shares, least={300.0: 0.001, 3600.0: 0.0}))
    assert (hidden.state, hidden.value) == (UNKNOWN, 400.0)
    assert "40.00% of upstream attempts failed" in hidden.why
    assert status("error-budget-burn-5m", measured(shares=shares, least={300.0: 0.02})).state == BURNING

"""Measured figures become signals, and each rule of the ladder says how it was judged by them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniops.incident.ladder import shipped
from omniops.incident.live import Row, doubts_of, rows_of, signals_of
from omniops.incident.readings import HOURS_7D, Measured, Quantile, Reading, Share
from omniops.incident.severity import Classification, classify
from omniops.incident.signals import parse, written

LADDER = shipped()
ONSET = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
P95 = "latency-p95-aggregate"
RANK = {"SEV-1": 4, "SEV-2": 3, "SEV-3": 2, "SEV-4": 1, None: 0}
QUIET = (0.2,) * HOURS_7D


def share(window_s: float, errors: float, requests: float) -> Share:
    ratio = Reading("value", errors / requests) if requests else Reading("nan")
    return Share(window_s, ratio, Reading("value", errors), Reading("value", requests))


def measured(
    five: tuple[float, float] = (0, 6000),
    hour: tuple[float, float] = (0, 72_000),
    p95: float | None = 0.8,
    hours: tuple[float | None, ...] = QUIET,
    breach: tuple[float | None, ...] = (0.8,) * 21,
    **more: Any,
) -> Measured:
    """Well, and quiet for a week."""
    speed = Reading("nan") if p95 is None else Reading("value", p95)
    return Measured(
        "prometheus",
        shares={300.0: share(300, *five), 3600.0: share(3600, *hour)},
        quantiles={P95: Quantile(speed, five[1])},
        hours=hours,
        breach=breach,
        **more,
    )


def judged(found: Measured) -> tuple[Classification, dict[str, Row]]:
    signals = signals_of(found, LADDER)
    doubts = doubts_of(found, signals, LADDER)
    return classify(signals, LADDER, ONSET, doubts), {row.rule: row for row in rows_of(found, signals, LADDER, doubts)}


def test_a_quiet_week() -> None:
    """Nothing fires but the demotion: SEV-3, and every row holds value, window, events and threshold."""
    answer, rows = judged(measured())
    assert (answer.severity, answer.cannot_judge) == ("SEV-3", ())
    assert list(rows) == [rule.id for rule in LADDER.rules]
    row = rows["burn-1h"]
    assert (row.signal, row.value, row.shown, row.window) == ("burn_rate.1h", 0.0, "0x", "1h")
    assert (row.events, row.threshold, row.verdict) == ("0 errors of 72000 requests", "at least 2x", "quiet")
    assert (rows["burn-7d"].shown, rows["burn-7d"].verdict) == ("0.2x", "fires")
    assert (rows["p95"].threshold, rows["p95"].events) == ("above 2.25s", "6000 requests")


def test_a_fresh_outage_in_a_quiet_week() -> None:
    """An outage of minutes is SEV-1 however quiet the week was; the demotion is held back."""
    answer, rows = judged(measured(five=(3720, 6000), hour=(3720, 72_000)))
    assert answer.severity == "SEV-1"
    assert (rows["error-ratio"].shown, rows["error-ratio"].verdict) == ("62 %", "fires")
    assert (rows["burn-7d"].verdict, rows["burn-7d"].why) == ("held back", "a SEV-1 rule fires")


@pytest.mark.parametrize(
    ("five", "rule", "verdict"),
    [
        ((500, 1000), "error-ratio", "quiet"),
        ((501, 1000), "error-ratio", "fires"),
        ((6, 1000), "burn-5m", "fires"),
        ((5, 1000), "burn-5m", "quiet"),
        ((4, 600), "burn-5m", "cannot judge"),
        ((5, 600), "burn-5m", "fires"),
        ((4, 4), "error-ratio", "cannot judge"),
        ((5, 5), "error-ratio", "fires"),
        ((0, 0), "error-ratio", "cannot judge"),
        ((0, 0), "burn-5m", "cannot judge"),
    ],
)
def test_boundaries(five: tuple[float, float], rule: str, verdict: str) -> None:
    """Exactly 50 % is not above it, exactly 6x is enough, and fewer than 5 errors cannot be judged."""
    assert judged(measured(five=five))[1][rule].verdict == verdict


@pytest.mark.parametrize(
    ("changed", "rule", "why"),
    [
        ({"five": (0, 0)}, "burn-5m", "no traffic"),
        ({"p95": None}, "p95", "no traffic"),
        ({"hours": (0.2,) * 167 + (None,)}, "burn-7d", "1 of 168 hours without data, and a gap is not below 1"),
        ({"hours": ()}, "burn-7d", "not measured by this source"),
        ({"breach": ()}, "slo-breach-over-2x", "not measured by this source"),
        ({"breach": (0.8,) * 20 + (None,)}, "slo-breach-over-2x", "p95 of now is not known"),
        ({"five": (1, 100)}, "burn-5m", "with fewer than 5 errors: 1 error of 100 requests in 5m; look at a wider"),
    ],
)
def test_what_cannot_be_judged_says_why(changed: dict[str, Any], rule: str, why: str) -> None:
    """A rule without a figure says what is missing, and does not fire."""
    row = judged(measured(**changed))[1][rule]
    assert row.verdict == "cannot judge"
    assert row.why.startswith(why)


def test_nothing_measured() -> None:
    """No figures at all: no signals, every rule cannot be judged, severity null."""
    answer, rows = judged(Measured(""))
    assert (answer.severity, int(answer.exit)) == (None, 3)
    assert {row.verdict for row in rows.values()} == {"cannot judge"}
    assert {row.shown for row in rows.values()} == {"unknown"}


@pytest.mark.parametrize(
    ("minutes", "factor", "lasting_s", "severity"),
    [
        ((0.9,) * 15 + (3.3,) * 6, 2.2, 300.0, "SEV-1"),  # above 2.0 for five minutes: six points
        ((0.9,) * 16 + (3.3,) * 5, 2.2, 240.0, None),
        ((0.9,) * 15 + (3.0,) * 6, 2.0, 300.0, None),  # exactly 2.0 is not above
        ((0.9,) * 5 + (2.25,) * 16, 1.5, 900.0, "SEV-2"),  # exactly 1.5 is enough
        ((0.9,) * 6 + (2.25,) * 15, 1.5, 840.0, None),
        ((0.9,) * 3 + (2.4,) * 14 + (3.9,) * 4, 1.6, 1020.0, "SEV-2"),  # worse now, but for three minutes only
        ((3.3,) * 19 + (None,) + (3.3,), 2.2, 0.0, None),  # a minute without data ends the stretch
        ((3.3,) * 20 + (0.9,), 0.6, 0.0, None),
    ],
)
def test_breach(minutes: tuple[float | None, ...], factor: float, lasting_s: float, severity: str | None) -> None:
    """p95 over its budget of 1.5 s, and for how long without a break, as the one pair that the ladder reads."""
    found = measured(breach=minutes, hours=(2.0,) * HOURS_7D)  # p95 of now is well, so only the breach speaks
    signals = signals_of(found, LADDER)
    assert signals.slo_factor == pytest.approx(factor)
    assert signals.slo_for_s == lasting_s
    assert classify(signals, LADDER, ONSET).severity == severity


def test_beyond_the_largest_bucket() -> None:
    """A p95 known only to be above a bound fires where that bound does, and clears nothing where it does not."""

    def found(bound: float) -> Measured:
        reading = Reading("inf", None, f"above {bound}s, the largest bucket", bound)
        return measured(breach=(bound,) * 21)._replace(quantiles={P95: Quantile(reading, 500)})

    assert judged(found(2.5))[1]["p95"].verdict == "fires"
    answer, rows = judged(found(1.0))
    assert (rows["p95"].verdict, rows["p95"].why) == ("cannot judge", "above 1.0s, the largest bucket")
    assert rows["slo-breach-over-2x"].verdict == "cannot judge"
    assert answer.severity == "SEV-3"  # by the error rates, which are known


@pytest.mark.parametrize(
    ("least", "severity", "verdict"),
    [(0.0, "SEV-3", "cannot judge"), (0.0059, "SEV-3", "cannot judge"), (0.006, "SEV-1", "fires")],
)
def test_attempts_alone(least: float, severity: str, verdict: str) -> None:
    """Attempts that failed make a rule fire only where clients must have seen enough of it."""
    found = measured(five=(2000, 6000), hour=(100, 72_000), least={300.0: least, 3600.0: 0.0})
    answer, rows = judged(found)
    assert (answer.severity, rows["burn-5m"].verdict) == (severity, verdict)
    assert rows["error-ratio"].verdict == "quiet"  # a third is not above one half, whoever saw it
    if verdict == "cannot judge":
        assert "33.33% of upstream attempts failed" in rows["burn-5m"].why
        assert any("burn_rate.5m: cannot judge by attempts" in why for why in answer.cannot_judge)


def test_signals_can_be_written_and_read() -> None:
    """What was measured can be given to `classify --signals`, and means the same."""
    found = measured(five=(60, 6000), hour=(180, 72_000), breach=(3.3,) * 21)
    signals = signals_of(found, LADDER)
    assert parse(written(signals), [fact.id for fact in LADDER.facts]) == signals


def test_counts_of_a_longer_window_are_no_smaller() -> None:
    """Each window's count is extrapolated by itself; the hour is never told to hold less than its last 5 minutes."""
    signals = signals_of(measured(five=(0, 1000.4), hour=(0, 1000.1)), LADDER)
    assert signals.requests == {300.0: 1000.4, 3600.0: 1000.4}


_COUNTS = st.integers(0, 20_000)


@settings(max_examples=400, deadline=None)
@given(_COUNTS, st.integers(0, 20_000), _COUNTS, st.floats(0, 1), st.booleans())
def test_more_errors_never_lower_the_severity(
    errors: int, more: int, good: int, hidden: float, by_attempts: bool
) -> None:
    """Of the same requests more fail, and clients see no less of it: the severity stays or rises."""
    requests = errors + more + good

    def severity(failed: int) -> str | None:
        ratio = failed / requests if requests else 0.0
        least = {300.0: ratio * hidden, 3600.0: ratio * hidden} if by_attempts else {}
        return judged(measured(five=(failed, requests), hour=(failed, 12 * requests), least=least))[0].severity

    assert RANK[severity(errors + more)] >= RANK[severity(errors)]

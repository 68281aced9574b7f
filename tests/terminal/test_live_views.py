"""How SLOs and live signals are drawn: within any width, with hostile words made harmless."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from omniops.incident.ladder import shipped, shipped_slos
from omniops.incident.live import rows_of, signals_of
from omniops.incident.readings import Measured, Quantile, Reading, Share
from omniops.incident.slo import Budget, Status, evaluate
from omniops.terminal.layout import cells
from omniops.terminal.views import live, slo

AT = datetime(2026, 11, 23, 3, 4, 12, tzinfo=UTC)
HOSTILE = "\x1b[2Jx\u202ey " + "very long words " * 12
SLOS = shipped_slos()


def share(window_s: float, errors: float) -> Share:
    return Share(window_s, Reading("value", errors / 1e4), Reading("value", errors), Reading("value", 1e4))


def measured(errors: float = 200, **more: Any) -> Measured:
    lengths = (300.0, 3600.0, 21600.0, 259200.0, 604800.0, 30 * 86400.0)
    return Measured(
        "prometheus",
        shares={length: share(length, errors) for length in lengths},
        quantiles={"latency-p95-aggregate": Quantile(Reading("unread", why=HOSTILE))},
        series={"availability-cluster": (None,) * 84 + (0.5,) * 83 + (9.0,)},
        **more,
    )


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_table_fits(width: int) -> None:
    """No line is wider than the screen, and nothing in it can steer the terminal."""
    statuses = evaluate(SLOS, measured())
    statuses.append(Status(SLOS.slos[0]._replace(id=HOSTILE), "unknown", None, "x", 6.0, why=HOSTILE))
    lines = slo.head(HOSTILE, HOSTILE, HOSTILE, [HOSTILE], AT, width)
    lines += slo.table(statuses, width) + slo.budget(statuses, width)
    for text, _ in lines:
        assert cells(text) <= max(width, 57), text  # four columns of a table are not made narrower
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\x1b" not in slo.log_line(statuses, AT)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_rows_fit(width: int) -> None:
    """Signals are wrapped to the screen, cleaned, and each rule of the ladder has its row."""
    found = measured()
    rows = rows_of(found, signals_of(found, shipped()), shipped())
    lines = live.lines(rows, HOSTILE, HOSTILE, HOSTILE, [HOSTILE], width)
    for text, _ in lines:
        assert cells(text) <= width, text
        assert "\x1b" not in text
    assert sum(1 for text, _ in lines if text.startswith("  burn_rate")) == 3


def test_a_peak_is_not_averaged_away() -> None:
    """A week of hours in 20 characters still shows its worst hour, and a stretch without data is no flat line."""
    line = next(text for text, _ in slo.table(evaluate(SLOS, measured()), 77) if "availability-cluster" in text)
    drawn = line.split()[-1]
    assert (drawn[0], drawn[-1]) == ("?", "█")
    assert len(drawn) <= 22


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(0.8, "in", 3 * 86400.0), "80 % left of 43m 12s in 30d; at the last hour's rate it is spent in 3d 0h"),
        (Budget(1.0, "never"), "100 % left of 43m 12s in 30d; nothing burned it in the last hour"),
        (Budget(-1.5, "spent", 0.0), "spent 2.5 times over: it was 43m 12s in 30d"),
        (Budget(0.5, "unknown"), "50 % left of 43m 12s in 30d; when it is spent cannot be told"),
        (Budget(None, "unknown"), "cannot tell what is left of it"),
    ],
)
def test_the_budget_in_words(budget: Budget, words: str) -> None:
    """What is left, and when it is spent."""
    status = evaluate(SLOS, measured())[0]._replace(budget=budget)
    assert " ".join(" ".join(text for text, _ in slo.budget([status], 200)[1:]).split()) == f"budget {words}"


def test_values_in_their_units() -> None:
    """Ratios in per cent, seconds with a unit, milliseconds where they are few."""
    by_id = {status.slo.id: status for status in evaluate(SLOS, measured())}
    assert slo.value(by_id["availability-cluster"], 0.99951234) == "99.951 %"
    assert slo.value(by_id["latency-p95-aggregate"], 1.234) == "1.23s"
    assert slo.value(by_id["health-ping"], 0.0123) == "12ms"
    assert slo.value(by_id["error-budget-burn-5m"], 7.14159) == "7.14x"
    assert slo.value(by_id["ws-connections"], None) == "?"

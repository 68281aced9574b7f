"""The top slow and the top erroring endpoints."""

from __future__ import annotations

from typing import NamedTuple

from omniops.incident.endpoints import tops


class Row(NamedTuple):
    path: str
    model: str
    provider: str
    status: int
    duration_s: float


def rows(model: str, count: int, seconds: float, status: int = 200) -> list[Row]:
    return [Row("/v1/chat/completions", model, "openai", status, seconds)] * count


def test_slowest_first() -> None:
    """Endpoints are ranked by p95, and only five are shown."""
    found = tops([row for number in range(7) for row in rows(f"m{number}", 3, number)])
    assert [one.model for one in found.slow] == ["m6", "m5", "m4", "m3", "m2"]
    assert found.attempts == 21


def test_erroring_are_those_with_errors() -> None:
    """4xx are the client's, and no errors; an endpoint without errors is on no list of erroring ones."""
    found = tops(
        [*rows("good", 9, 0.1), *rows("bad", 4, 0.1, 500), *rows("worse", 5, 0.1, 502), *rows("no", 9, 1, 429)]
    )
    assert [(one.model, one.errors) for one in found.erroring] == [("worse", 5), ("bad", 4)]


def test_fast_failures_are_not_speed() -> None:
    """The figures of an endpoint say how many of its attempts failed, next to its speed."""
    (one,) = tops([*rows("m", 19, 0.2), *rows("m", 1, 9.0, 504)]).slow
    assert one.words() == "/v1/chat/completions m: p95 0.20s, 1 of 20 failed"


def test_nothing() -> None:
    """No attempts: both lists are empty, and nothing is divided by zero."""
    assert tops([]) == ([], [], 0)


def test_hostile_names() -> None:
    """Control characters in a model's name do not reach the screen."""
    assert "\x1b" not in tops([Row("/v1/x", "a\x1b[2Jb", "p", 200, 1.0)]).slow[0].words()

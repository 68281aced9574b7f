"""Which provider is slow, and whether p95 has doubled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omniops.actions.latency import ACTIONS, MAX_ROWS, weigh
from omniops.actions.specs import SPECS
from tests.support.fake_omniroute import START, FakeOmniRoute, attempt, connection, context


def read(server: FakeOmniRoute, name: str) -> dict[str, Any]:
    action: Any = ACTIONS[name]
    found: dict[str, Any] = action.read(context(server), {})
    assert set(SPECS[name].outputs) <= set(found) <= {*SPECS[name].outputs, "summary"}
    return found


def test_slowest_first() -> None:
    """Connections by p95, with their errors as "n of m"; 4xx is no error of the server; old rows do not count."""
    server = FakeOmniRoute()
    server.known = [connection("a"), connection("b", "azure")]
    server.rows = [
        *[attempt(START - timedelta(seconds=n), "a", duration_s=0.3) for n in range(19)],
        *[attempt(START - timedelta(seconds=n), "b", 503, duration_s=4.0, provider="azure") for n in range(2)],
        *[attempt(START - timedelta(seconds=n), "b", 404, duration_s=4.0, provider="azure") for n in range(2)],
        attempt(START - timedelta(seconds=601), "a", 500, duration_s=99.0),
        attempt(START, "", 500, duration_s=0.1),
    ]
    found = read(server, "latency.by_provider")
    assert found["slowest"] == "azure/main (b)"
    assert found["summary"] == (
        "azure/main (b) p95 4.00s, 2 of 4 failed; openai/main (a) p95 0.30s, 0 of 19 failed; "
        "no connection p95 0.10s, 1 of 1 failed"
    )
    assert [row["error_ratio"] for row in found["providers"]] == [0.5, 0.0, 1.0]


def test_no_traffic_and_too_much() -> None:
    """Nothing in the log is said to be nothing; a log that is cut says so."""
    server = FakeOmniRoute()
    found = read(server, "latency.by_provider")
    assert (found["slowest"], found["providers"]) == ("", [])
    assert "no attempts" in found["summary"]
    server.rows, server.most_rows = [attempt(START, "a")] * 9, 5
    assert "too many to read" in read(server, "latency.by_provider")["summary"]


def test_no_baseline() -> None:
    """3.7.9 remembers no week: there is no ratio, and the words say why; p95 of now is still told."""
    server = FakeOmniRoute()
    server.requests = [(START, 2.5)]
    found = read(server, "latency.compare")
    assert (found["available"], found["ratio"], found["p95_text"]) == (False, None, "2.50s")
    assert found["why"] == "this server keeps no p95 of past days"
    server.requests = []
    assert read(server, "latency.compare")["p95_s"] is None


class Fork(FakeOmniRoute):
    """The fork, which keeps p95 per model: a week of 300 ms, and now."""

    now_ms = 660.0

    def model_latency_stats(self, window_hours: float) -> list[dict[str, Any]]:
        return [entry("m", 2000, 300.0)] if window_hours == 168 else [entry("m", 100, self.now_ms)]


def entry(key: str, count: int, p95_ms: float) -> dict[str, Any]:
    return {"key": key, "totalRequests": count, "p95LatencyMs": p95_ms}


def test_the_fork_has_a_baseline() -> None:
    """Where the server keeps p95 of past days, the ratio is told, and how it was weighed."""
    found = read(Fork(), "latency.compare")
    assert (found["available"], found["ratio"]) == (True, 2.2)
    assert "2.2x as slow as their own 7-day p95" in found["why"]


@pytest.mark.parametrize(
    ("recent", "week", "ratio", "says"),
    [
        ([entry("a", 90, 600), entry("b", 10, 300)], [entry("a", 5000, 300), entry("b", 500, 300)], 2.0, "half"),
        ([entry("a", 10, 9000), entry("b", 90, 300)], [entry("a", 500, 300), entry("b", 5000, 300)], 1.0, "half"),
        ([entry("a", 50, 600), entry("b", 50, 300)], [entry("a", 2000, 300), entry("b", 2000, 300)], 2.0, "half"),
        ([entry("a", 19, 600)], [entry("a", 2000, 300)], None, "only 19 attempts"),
        ([entry("a", 100, 600)], [entry("a", MAX_ROWS, 300)], None, "newest 10000"),
        ([entry("a", 100, 600)], [entry("a", 900, 300)], None, "mostly the last 5 minutes"),
        ([entry("new", 60, 600), entry("a", 40, 300)], [entry("a", 5000, 300)], None, "no 7-day figures"),
        ([entry("a", 60, 600), entry("b", 40, 300)], [entry("a", 19, 300), entry("b", 5000, 300)], None, "no 7-day"),
        ([entry("a", 60, 600)], [entry("a", 5000, 0)], None, "no 7-day figures"),
    ],
)
def test_weigh(recent: list[dict[str, Any]], week: list[dict[str, Any]], ratio: float | None, says: str) -> None:
    """Each model is compared with itself; most of the traffic decides; what is no week is no baseline."""
    found, why = weigh(recent, week)
    assert found == ratio
    assert says in why

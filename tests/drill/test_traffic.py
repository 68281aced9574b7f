"""The made-up traffic: what it looks like in each scenario, and that the seed decides it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from omniops.clock import parse_iso
from tests.drill.conftest import ANCHOR, Client, Start

Row = dict[str, Any]
BUDGET_MS = 1500


def rows(client: Client, since: str = "", limit: int = 100_000) -> list[Row]:
    found: list[Row] = client.get(f"/api/usage/call-logs?limit={limit}")
    return [row for row in found if row["timestamp"] > since]


def disable(client: Client, name: str) -> str:
    answer = client.ask("PUT", f"/api/providers/{client.id_of(name)}", {"isActive": False})
    assert answer.status == 200
    return str(answer.json["connection"]["updatedAt"])


def after(client: Client, moment: str, seconds: float) -> None:
    """Wait until the drill's time is ``seconds`` past ``moment``."""
    while (client.simulator.now() - parse_iso(moment)).total_seconds() < seconds:
        time.sleep(0.02)


def p95(client: Client, seconds: float) -> int:
    return int(client.get(f"/api/telemetry/summary?windowMs={round(seconds * 1000)}")["p95"])


def test_the_seed_decides(start: Start) -> None:
    """Two simulators with one seed agree row by row about the past; another seed does not."""
    first, second, other = start(state="a"), start(state="b"), start(state="c", seed=2)
    until = ANCHOR.isoformat()

    def past(client: Client) -> list[Row]:
        return [row for row in rows(client, (ANCHOR - timedelta(minutes=8)).isoformat()) if row["timestamp"] < until]

    mine = past(first)
    assert len(mine) > 8 * 60 * 3
    assert mine == past(second)
    assert [row["duration"] for row in mine] != [row["duration"] for row in past(other)]


def test_rows_come_newest_first_and_in_pages(start: Start) -> None:
    """Pages join without a gap; one request that failed over leaves a 500 row and a 200 row."""
    client = start()
    whole = rows(client, limit=400)
    stamps = [row["timestamp"] for row in whole]
    assert stamps == sorted(stamps, reverse=True)
    first = client.get("/api/usage/call-logs?limit=200")
    second = client.get("/api/usage/call-logs?limit=200&offset=200")
    # What has come in between the two reads has pushed rows of the first page into the second.
    assert second[0]["id"] in {row["id"] for row in first} or second[0]["timestamp"] <= first[-1]["timestamp"]
    both = {row["id"] for row in [*first, *second]}
    assert {row["id"] for row in whole if row["timestamp"] > second[-1]["timestamp"]} <= both
    statuses = {(row["account"], row["status"]) for row in whole}
    assert {("openai-main", 500), ("openai-backup", 200), ("anthropic-main", 200)} <= statuses
    assert ("openai-main", 200) not in statuses
    telemetry = client.get("/api/telemetry/summary?windowMs=60000")
    assert 170 <= telemetry["count"] <= 183, "one entry per client request, not per attempt"
    errors = client.get("/api/usage/call-logs?limit=50&status=error")
    assert {row["status"] for row in errors} == {500}


def test_provider_outage_recovers_when_the_connection_is_disabled(start: Start) -> None:
    """p95 is over budget before; afterwards the disabled connection gets no row and p95 is in budget."""
    client = start(speed=60)
    assert p95(client, 120) > BUDGET_MS
    changed = disable(client, "openai-main")
    after(client, changed, 30)
    recent = rows(client, changed)
    assert len(recent) > 50
    assert {row["status"] for row in recent} == {200}
    assert "openai-main" not in {row["account"] for row in recent}
    assert "openai-backup" in {row["account"] for row in recent}
    assert p95(client, 25) < BUDGET_MS


def test_when_every_connection_fails(start: Start) -> None:
    """Disabling both leaves the combos their other models, and no row of the provider."""
    client = start("provider-outage-all-down", speed=60)
    before = rows(client, limit=300)
    assert {row["status"] for row in before if row["provider"] == "openai"} == {500}
    disable(client, "openai-main")
    changed = disable(client, "openai-backup")
    after(client, changed, 30)
    recent = rows(client, changed)
    assert "openai" not in {row["provider"] for row in recent}
    assert {"ha", "cheap"} <= {row["comboName"] for row in recent}
    assert len([row for row in recent if row["status"] == 200]) > 20
    assert p95(client, 25) < BUDGET_MS


def test_latency_regression_ends_with_the_version(start: Start) -> None:
    """Everything is slow until the older version runs."""
    client = start("latency-regression", speed=60)
    assert p95(client, 120) > 2 * BUDGET_MS
    client.simulator.control("version", {"version": "3.7.8"})
    client.simulator.control("power", {"action": "restart"})
    while not (state := client.simulator.control("state"))["running"]:
        time.sleep(0.02)
    assert state["version"] == "3.7.8"
    after(client, state["now"], 20)
    assert p95(client, 300) < BUDGET_MS, "a restart forgets the telemetry of before"


def test_before_the_incident_all_was_well(start: Start) -> None:
    """Rows older than the onset show no errors, in every scenario."""
    for scenario in ("auth-broken", "failover"):
        client = start(scenario, state=scenario)
        onset = client.simulator.control("state")["onset"]
        assert {row["status"] for row in rows(client) if row["timestamp"] < onset} == {200}


@pytest.mark.parametrize("scenario", ["auth-broken", "data-incident"])
def test_broken_until_restored(start: Start, scenario: str) -> None:
    """Auth broken: rejected requests leave no row and keyed calls answer 500. Data damaged: most attempts fail."""
    client = start(scenario)
    onset = client.simulator.control("state")["onset"]
    recent = [row["status"] for row in rows(client, onset)]
    if scenario == "auth-broken":
        assert recent == []
        broken = client.ask("GET", "/v1/models", authorization="Bearer any")
        assert (broken.status, broken.text) == (500, "Internal Server Error")
        assert client.get("/api/keys")["total"] == 0
    else:
        assert 0.5 < recent.count(500) / len(recent) < 0.9
        health = client.get("/api/db/health")
        assert health["isHealthy"] is False
        assert health["issues"]
        assert client.get("/api/monitoring/health")["status"] == "healthy"


def test_the_fork_mixes_in_rows_of_its_own(start: Start) -> None:
    """A row in flight first, and model-sync rows off /v1/; attempts of one request share a correlation id."""
    found = rows(start(flavour="fork"), limit=60)
    assert (found[0]["status"], found[0]["active"]) == (0, True)
    assert [row for row in found if not row["path"].startswith("/v1/")]
    groups: dict[str, int] = {}
    for row in (one for one in found[1:] if one["correlationId"]):
        groups[row["correlationId"]] = groups.get(row["correlationId"], 0) + 1
    assert max(groups.values()) == 2


def test_latency_per_model(start: Start) -> None:
    """The fork's percentiles name the slow connection; a window of zero is refused; 3.7.9 has no such path."""
    client = start(flavour="fork")
    stats = client.get("/api/usage/model-latency-stats?windowHours=0.05&minSamples=5")
    worst = max(stats["entries"], key=lambda entry: entry["p95LatencyMs"])
    assert worst["connectionId"] == client.id_of("openai-main")
    assert worst["successRate"] == 0
    assert client.ask("GET", "/api/usage/model-latency-stats?windowHours=0").status == 400
    assert start(state="older").ask("GET", "/api/usage/model-latency-stats").status == 404

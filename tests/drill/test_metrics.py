"""The drill's Prometheus: every query of omniops is answered, by the traffic that there was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omniops.config import Settings
from omniops.drill.traffic import Traffic
from omniops.drill.world import World
from omniops.incident.ladder import shipped_slos
from omniops.incident.slo import OK, evaluate
from omniops.runner import figures_prometheus
from omniops.services.clients import Clients
from omniops.services.prometheus import Prometheus, QueryFailed
from tests.support.fake_omniroute import MovedClock
from tests.support.metrics import FakePrometheus

ANCHOR = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
ALL = 'http_requests_total{service="omniroute"}'


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(ANCHOR)


@pytest.fixture
def world(tmp_path: Path, clock: MovedClock) -> World:
    made = World.create(tmp_path, "page", flavour="3.7.9", seed=1, speed=1.0, anchor=ANCHOR, spec="")
    made.clock = clock  # type: ignore[assignment]
    return made


def client(server: FakePrometheus, clock: MovedClock) -> Prometheus:
    return Clients(Settings({"PROMETHEUS_URL": server.url}), clock).prometheus


def test_every_query_is_answered(world: World, clock: MovedClock) -> None:
    """A whole evaluation leaves nothing unread, and the slow requests of the outage are over budget."""
    with FakePrometheus(world, clock=clock) as server:
        found = figures_prometheus.look(client(server, clock), clock, shipped_slos(), full=True)
        assert client(server, clock).buildinfo().version == "2.42.0"
    states = {status.slo.id: (status.state, status.why) for status in evaluate(shipped_slos(), found)}
    assert found.covered
    assert not [why for _, why in states.values() if "read" in why]
    assert states["availability-cluster"][0] == OK
    assert states["latency-p95-aggregate"][0] == "burning"
    assert len(found.hours) == 168
    assert None not in found.hours


def test_counts_are_those_of_the_traffic(world: World, clock: MovedClock) -> None:
    """Requests and errors of a window are what the simulated clients saw; p95 is near the exact one."""
    clock.sleep(60)
    traffic = Traffic(world)
    since = (clock.now() - timedelta(seconds=60)).timestamp()
    served = [entry for number in range(round(since), round(since) + 60) for entry in traffic.ended_in(number)]
    with FakePrometheus(world, clock=clock) as server:
        asked = client(server, clock)
        assert asked.query(f"sum(increase({ALL}[1m]))").value == len(served)
        buckets = 'http_request_duration_seconds_bucket{service="omniroute",path=~"/api/v1/.*"}'
        p95 = asked.query(f"histogram_quantile(0.95, sum by (le) (rate({buckets}[1m])))").value
    exact = sorted(entry.ms for entry in served)[round(0.95 * len(served)) - 1] / 1000
    assert p95 == pytest.approx(exact, rel=0.3)


def test_no_traffic_and_too_short(world: World, clock: MovedClock) -> None:
    """A stretch without any request is NaN, a window without two scrapes is no series, and other PromQL is refused."""
    world.set_faults("no-traffic")
    clock.sleep(400)
    world.changed()
    clock.sleep(400)
    good = 'http_requests_total{service="omniroute",code=~"2..|4.."}'
    with FakePrometheus(world, clock=clock) as server:
        asked = client(server, clock)
        ratio = "1 - (sum(rate({0}[{2}])) or vector(0)) / sum(rate({1}[{2}]))"
        assert asked.query(ratio.format(good, ALL, "5m")).kind == "nan"
        assert asked.query(ratio.format(good, ALL, "1s")).kind == "empty"
        with pytest.raises(QueryFailed, match="does not understand"):
            asked.query("rate(up[5m])")

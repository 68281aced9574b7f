"""Several replicas read as one, against a simulated cluster: three processes behind a load balancer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omniops.config import Settings
from omniops.drill import launcher
from omniops.services.omniroute import OmniRoute
from omniops.services.omniroute_parse import Health, Telemetry
from omniops.services.omniroute_replicas import Replicas

ANCHOR = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[launcher.Simulator]:
    """Three replicas; the third is bad, and the balancer has dropped it."""
    with launcher.start("failover", state=tmp_path_factory.mktemp("cluster"), anchor=ANCHOR) as running:
        yield running


def replicas(cluster: launcher.Simulator, *urls: str) -> Replicas:
    settings = Settings({**cluster.env, "OMNIROUTE_URLS": ",".join(urls)}, drill=True)
    clock = cluster.clock()
    return Replicas(OmniRoute(cluster.url, settings, clock), settings, clock.now)


def test_the_same_attempt_is_counted_once(cluster: launcher.Simulator) -> None:
    """The call log lies in one database: what each replica tells of it is the same, not three times as much."""
    two = cluster.replica_urls[:2]
    one, both = replicas(cluster, two[0]), replicas(cluster, *two)
    since = one.server_now() - timedelta(seconds=20)
    single, merged = one.call_logs(since), both.call_logs(since)
    until = min(single.rows[0].at, merged.rows[0].at)
    ended = [Counter(row for row in logs.rows if since <= row.at <= until) for logs in (single, merged)]
    assert ended[0] == ended[1]
    assert sum(ended[0].values()) > 20
    assert [row.at for row in merged.rows] == sorted((row.at for row in merged.rows), reverse=True)


def test_known_replicas_are_everything(cluster: launcher.Simulator) -> None:
    """Whoever answers at the balancer is one of the replicas that were read: nothing is missing."""
    found = replicas(cluster, *cluster.replica_urls)
    for _ in range(4):
        found.telemetry(60)
    assert found.partial == ""


def test_an_unknown_replica_makes_it_partial(cluster: launcher.Simulator) -> None:
    """The balancer leads to a process that is not among those read: the figures are not those of everything."""
    found = replicas(cluster, cluster.replica_urls[0])
    for _ in range(4):
        found.telemetry(60)
    assert "leads to a replica that cannot be read" in found.partial


def test_behind_nothing_but_a_balancer(cluster: launcher.Simulator) -> None:
    """Without OMNIROUTE_URLS, two processes that live at one time are told apart, and the figures are partial."""
    found = replicas(cluster)
    assert not found.several
    for _ in range(4):
        found.telemetry(60)
    assert "several processes answer at OMNIROUTE_URL" in found.partial


def test_versions_and_connections_of_each(cluster: launcher.Simulator) -> None:
    """Each replica that answers tells its version, and how it has a connection."""
    found = replicas(cluster, *cluster.replica_urls[:2])
    id = found.connections()[0].id
    assert list(found.versions().values()) == ["3.7.9", "3.7.9"]
    others = found.connection(id)
    assert len(others) == 2
    assert all(one is not None and one.active for one in others.values())


class Stub:
    """A replica that answers what it is told to."""

    def __init__(self, url: str, telemetry: Telemetry | None, uptime_s: float = 100.0, pid: int = 1) -> None:
        self.url, self._telemetry, self.uptime_s, self.pid = url, telemetry, uptime_s, pid

    def telemetry(self, window_s: float) -> Telemetry:
        from omniops.errors import Unreachable

        if self._telemetry is None:
            raise Unreachable("no answer")
        return self._telemetry

    def health(self) -> Health:
        return Health(True, "3.7.9", self.uptime_s, self.pid, "ok", "")


def merged(*stubs: Stub) -> tuple[Telemetry, Replicas]:
    front: Any = stubs[0]
    found = Replicas(front, Settings({}), lambda: ANCHOR)
    each: Any = list(stubs)
    found.each = each
    return found.telemetry(60), found


def test_percentiles_are_never_flattered() -> None:
    """p95 of all replicas is at most the highest one's: that one is taken, and counts are added up."""
    found, _ = merged(Stub("a", Telemetry(10, 0.5, 0.9)), Stub("b", Telemetry(30, 2.5, 2.0)))
    assert found == Telemetry(40, 2.5, 2.0)


def test_a_silent_replica_serves_nobody() -> None:
    """One that does not answer is left out; where none answers, that is the answer."""
    from omniops.errors import Unreachable

    found, replicas = merged(Stub("http://a", Telemetry(10, 0.5, 0.9)), Stub("http://b", None))
    assert (found.count, replicas.unread) == (10, ("b",))
    with pytest.raises(Unreachable):
        merged(Stub("http://a", None), Stub("http://b", None))


def test_a_restart_is_no_second_process() -> None:
    """A process that began after the other was last seen has replaced it."""
    stub = Stub("http://a", Telemetry(10, 0.5, 0.9), uptime_s=1000.0, pid=1)
    front: Any = stub
    moments = [ANCHOR]
    found = Replicas(front, Settings({}), lambda: moments[0])
    found.note()
    moments[0] = ANCHOR + timedelta(seconds=60)
    stub.pid, stub.uptime_s = 2, 20.0
    found.note()
    assert found.partial == ""
    moments[0] = ANCHOR + timedelta(seconds=90)
    stub.pid, stub.uptime_s = 1, 1090.0  # the old one again: both are alive
    found.note()
    assert "several processes" in found.partial

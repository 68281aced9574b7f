"""OmniRoute's own figures, read from a real OmniRoute 3.7.9: what clients must have seen, and what failover hides."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.incident.ladder import shipped, shipped_slos
from omniops.incident.readings import Measured
from omniops.runner import figures_omniroute, live
from omniops.services.omniroute import OmniRoute
from tests.support.real_server import Pair, RealOmniRoute

pytestmark = pytest.mark.real


@pytest.fixture
def settings(omniroute: RealOmniRoute, tmp_path: Path) -> Settings:
    env = {"OMNIROUTE_URL": omniroute.url, "OMNIROUTE_PASSWORD": omniroute.password}
    return Settings({**env, "OMNIOPS_HOME": str(tmp_path)})


def look(settings: Settings) -> Measured:
    client = OmniRoute(settings.omniroute_url, settings, SystemClock())
    try:
        return figures_omniroute.look(client, shipped_slos())
    finally:
        client.close()


def counts(found: Measured) -> tuple[float, float, float]:
    """Attempts and failed attempts of the last 5 minutes; clients' requests."""
    share = found.shares[300.0]
    return (
        share.requests.value or 0.0,
        share.errors.value or 0.0,
        found.quantiles["latency-p95-aggregate"].requests or 0.0,
    )


def settled(settings: Settings, attempts: float) -> Measured:
    """The server writes its log a moment later."""
    ends = time.monotonic() + 20
    while (found := look(settings)) and counts(found)[0] < attempts and time.monotonic() < ends:
        time.sleep(0.2)
    return found


def test_attempts_and_requests(omniroute: RealOmniRoute, two_connections: Pair, settings: Settings) -> None:
    """A request that fails over is one success for its client and one failed attempt; one that fails everywhere is a
    failure for both. The telemetry's count tells the two apart."""
    attempts, errors, requests = counts(look(settings))
    two_connections.upstream.behave.update({"sk-up-a": "500"})
    assert omniroute.chat(two_connections, "one") == 200
    hidden = settled(settings, attempts + 2)
    assert counts(hidden) == (attempts + 2, errors + 1, requests + 1)
    before = hidden.least[300.0]
    two_connections.upstream.behave.update({"sk-up-b": "500"})
    assert omniroute.chat(two_connections, "two") >= 500
    seen = settled(settings, attempts + 3)
    assert counts(seen)[2] == requests + 2
    assert seen.least[300.0] > before


def test_signals(omniroute: RealOmniRoute, two_connections: Pair, settings: Settings) -> None:
    """The signals of a real server: p95 and counts are there, the week and the month are not, and it says so."""
    assert omniroute.chat(two_connections, "three") == 200
    try:
        found = live.measure(settings, SystemClock())
    finally:
        two_connections.upstream.reset()
    assert (found.source, found.fallback, found.trouble) == ("omniroute", "PROMETHEUS_URL is not set", "")
    assert found.signals.p95_s is not None
    assert 604800.0 not in found.signals.burn_rate
    assert found.classify(shipped(), SystemClock().now()).cannot_judge is not None
    assert len(found.rows) == len(shipped().rules)

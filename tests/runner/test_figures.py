"""One look at a source: what Prometheus' answers become, what OmniRoute itself can tell, and which one is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omniops.config import Settings
from omniops.drill.api import Reply
from omniops.errors import BadInput, Unreachable
from omniops.incident.ladder import Slos, shipped, shipped_slos
from omniops.incident.slo import OK, UNKNOWN, evaluate
from omniops.runner import figures_omniroute, figures_prometheus, live
from omniops.runner.slo import Definitions, Evaluator
from omniops.services.clients import Clients
from tests.support.fake_omniroute import DOWN, START, FakeOmniRoute, MovedClock, attempt
from tests.support.metrics import FakePrometheus, Value

SLOS = shipped_slos()
BOUNDS = {"0.5": "900", "1": "990", "2.5": "1000", "+Inf": "1000"}


def well(query: str) -> Value:
    """2 errors of 10,000 requests in every window, p95 40 ms."""
    if query.startswith("histogram_quantile"):
        return "0.04"
    if query.startswith("sum by (le)"):
        return BOUNDS
    if query.startswith("1 - "):
        return "0.0002"
    if "ws_active" in query:
        return "42"
    return "2" if " - (" in query else "10000"


def look(server: FakePrometheus, slos: Slos = SLOS, *, full: bool = True) -> Any:
    clock = server.clock
    client = Clients(Settings({"PROMETHEUS_URL": server.url}), clock).prometheus
    return figures_prometheus.look(client, clock, slos, full=full)


def test_everything_at_one_moment() -> None:
    """All is in budget; every query of a look is evaluated at the same moment of Prometheus' own clock."""
    with FakePrometheus(well) as server:
        found = look(server)
    assert {status.state for status in evaluate(SLOS, found)} == {OK, "unmeasured"}
    assert len({form["time"] for form in server.asked if "time" in form}) == 1
    ranges = [form for form in server.asked if "start" in form]
    assert {form["end"] for form in ranges} == {form["time"] for form in server.asked if "time" in form}
    assert ("3600", 167 * 3600.0) in {(f["step"], float(f["end"]) - float(f["start"])) for f in ranges}


def test_the_ladder_asks_for_less() -> None:
    """What the ladder reads takes a dozen queries, not forty."""
    with FakePrometheus(well) as server:
        found = look(server, full=False)
    assert len(server.asked) <= 12
    assert set(found.shares) == {300.0, 3600.0}
    assert len(found.hours) == 168
    assert len(found.breach) == 21


@pytest.mark.parametrize("value", [None, "NaN", "+Inf"])
def test_no_figure_is_ever_health(value: str | None) -> None:
    """Whatever everything is answered with - no series, NaN, +Inf - nothing is in budget."""
    with FakePrometheus(lambda query: value) as server:
        states = {status.state for status in evaluate(SLOS, look(server))}
    assert states == {UNKNOWN, "unmeasured"}


def test_one_query_that_fails() -> None:
    """A query that Prometheus refuses costs its own figure, and the reason is kept; the rest is measured."""

    class Picky(FakePrometheus):
        def _scripted(self, path: str, form: dict[str, str]) -> Reply:
            if "ws_active" in form.get("query", ""):
                return Reply(422, {"status": "error", "errorType": "execution", "error": "too many samples"})
            return super()._scripted(path, form)

    with Picky(well) as server:
        states = {status.slo.id: status for status in evaluate(SLOS, look(server))}
    assert states["availability-cluster"].state == OK
    assert states["ws-connections"].why == "the query cannot be carried out (422: too many samples)"


def test_several_series() -> None:
    """Where one figure was asked for, several series are no answer."""
    with FakePrometheus(lambda query: {"1": "2", "2": "3"}) as server:
        burn = next(one for one in evaluate(SLOS, look(server)) if one.slo.id == "error-budget-burn-5m")
    assert (burn.state, "several series" in burn.why) == (UNKNOWN, True)


def test_a_drowning_prometheus_is_left_alone() -> None:
    """After half a minute in all no further query is sent; what was not asked is unread."""
    clock = MovedClock()

    def slow(query: str) -> Value:
        clock.sleep(7)
        return well(query)

    with FakePrometheus(slow, clock=clock) as server:
        found = look(server)
    assert len(server.asked) < 9
    assert "30 s in all" in found.shares[604800.0].ratio.words


def test_slos_without_selectors() -> None:
    """An operator's slos.yaml that names no metrics leaves everything unmeasured, and asks nothing."""
    bare = Slos(tuple(slo._replace(good="", all="", buckets="", gauge="") for slo in SLOS.slos), ())
    with FakePrometheus(well) as server:
        states = {status.state for status in evaluate(bare, look(server, bare))}
    assert states == {"unmeasured"}
    assert server.queries == ["time()"]


# OmniRoute itself


@pytest.fixture
def gateway() -> FakeOmniRoute:
    """Ten requests a minute for an hour and a half, all well and fast."""
    fake = FakeOmniRoute()
    for second in range(0, 5400, 6):
        fake.rows.append(attempt(START - timedelta(seconds=second), "a"))
        fake.requests.append((START - timedelta(seconds=second), 0.3))
    return fake


def test_omniroutes_own_figures(gateway: FakeOmniRoute) -> None:
    """Errors of attempts over 5 minutes and an hour, p95 of client requests; what it cannot tell says so."""
    gateway.rows[3] = attempt(gateway.rows[3].at, "a", 503)
    gateway.rows[100] = attempt(gateway.rows[100].at, "a", 429)  # a 4xx is an answer
    found = figures_omniroute.look(gateway, SLOS)
    assert found.shares[300.0].events() == "1 error of 51 requests"
    assert found.shares[3600.0].events() == "1 error of 601 requests"
    states = {status.slo.id: status for status in evaluate(SLOS, found)}
    assert (states["latency-p95-aggregate"].state, states["latency-p95-aggregate"].value) == (OK, 0.3)
    assert states["availability-cluster"].why == "OmniRoute keeps no such history over 30d"
    assert states["embeddings-latency"].why == "OmniRoute's telemetry knows only all requests together"
    assert states["ws-connections"].state == UNKNOWN


def test_a_log_that_does_not_reach_back(gateway: FakeOmniRoute) -> None:
    """More rows than may be read: the window that they do not cover is unknown, and a shorter one is not."""
    gateway.most_rows = 300
    found = figures_omniroute.look(gateway, SLOS)
    assert found.shares[300.0].ratio.kind == "value"
    assert "they reach back 29m" in found.shares[3600.0].ratio.words


def test_no_traffic(gateway: FakeOmniRoute) -> None:
    """Nobody asking for anything is no health."""
    gateway.rows, gateway.requests = [], []
    found = figures_omniroute.look(gateway, SLOS)
    assert found.shares[300.0].ratio.words == "no upstream attempts"
    assert found.quantiles["latency-p95-aggregate"].reading.kind == "nan"


@pytest.mark.parametrize(
    ("failing", "seen", "least"),
    [
        (30, 0, 0.0),  # every failure was followed by a success elsewhere
        (30, 30, 30 / 81),  # clients saw every one of them
        (0, 0, 0.0),
    ],
)
def test_what_clients_must_have_seen(gateway: FakeOmniRoute, failing: int, seen: int, least: float) -> None:
    """Failed attempts that failover hides, and those that it does not, are told apart by the telemetry's count."""
    moment = START - timedelta(seconds=20)
    gateway.rows += [attempt(moment, "b", 503)] * failing
    gateway.requests += [(moment, 2.0)] * seen
    assert figures_omniroute.look(gateway, SLOS).least[300.0] == pytest.approx(least)


def test_busy_times(gateway: FakeOmniRoute) -> None:
    """Where 5 minutes hold more requests than the telemetry keeps, the last minute tells what clients have seen."""
    for second in range(300):
        moment = START - timedelta(seconds=second)
        gateway.requests += [(moment, 0.3)] * 4
        gateway.rows += [attempt(moment, "b", 503 if second < 60 else 200)] * 4
    found = figures_omniroute.look(gateway, SLOS)
    assert found.least[300.0] > 0.1
    assert "p95 is of the newest 1000 requests: its telemetry holds no more" in found.notes


def test_half_of_it_is_down(gateway: FakeOmniRoute) -> None:
    """One of the two that cannot be read is said; without both there is nothing."""
    gateway.broken["telemetry"] = DOWN
    found = figures_omniroute.look(gateway, SLOS)
    assert found.quantiles["latency-p95-aggregate"].reading.words == "the telemetry cannot be read"
    assert "not all of it could be read" in found.notes[0]
    gateway.broken["call_logs"] = DOWN
    with pytest.raises(Unreachable):
        figures_omniroute.look(gateway, SLOS)


def test_after_a_restart(gateway: FakeOmniRoute) -> None:
    """Telemetry lives in memory: a server that has just started says so."""
    gateway.up_since = START - timedelta(seconds=40)
    assert figures_omniroute.look(gateway, SLOS).notes == ("it restarted 40s ago, and its telemetry covers only that",)


# Which source


def settings(**env: str) -> Settings:
    return Settings(env)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, False),
        ({"PROMETHEUS_URL": "http://127.0.0.1:9"}, True),
        ({"OMNIROUTE_URL": "http://127.0.0.1:9"}, False),
        ({"OMNIROUTE_URL": "http://127.0.0.1:9", "OMNIROUTE_API_KEY_FILE": "/x"}, True),
        ({"OMNIROUTE_PASSWORD": "secret-password"}, False),
    ],
)
def test_configured(env: dict[str, str], expected: bool) -> None:
    """Prometheus, or OmniRoute with credentials: else there is nothing to measure with."""
    assert live.configured(settings(**env)) is expected


def test_the_fallback(gateway: FakeOmniRoute, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prometheus that is down leaves OmniRoute's own figures, and the answer says why it is those."""
    monkeypatch.setattr(live, "gateway", lambda *args: gateway)
    with FakePrometheus(well, clock=gateway.clock) as server:
        env = {"PROMETHEUS_URL": server.url, "OMNIROUTE_URL": "http://127.0.0.1:9", "OMNIROUTE_API_KEY": "secret-key"}
        found = live.measure(settings(**env), gateway.clock)
        assert (found.source, found.fallback) == ("prometheus", "")
        server.broken = Reply(502, "bad gateway", "text/plain")
        found = live.measure(settings(**env), gateway.clock)
    assert (found.source, "it answered 502" in found.fallback) == ("omniroute", True)
    assert found.signals.p95_s == 0.3
    assert "attempts" in found.about


def test_nothing_answers() -> None:
    """Without any answer nothing is known, and the trouble is told; settings that make no sense are an error."""
    found = live.measure(settings(PROMETHEUS_URL="http://127.0.0.1:9"), MovedClock())
    assert (found.source, found.signals.p95_s, found.signals.requests) == ("", None, {})
    assert "no usable answer from Prometheus" in found.trouble
    assert found.classify(shipped(), START).severity is None
    with pytest.raises(BadInput):
        live.measure(settings(PROMETHEUS_URL="localhost:9090"), MovedClock())


def test_partial_figures(gateway: FakeOmniRoute, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of one replica among several are called partial."""
    gateway.partial = "of one of 3 replicas"  # type: ignore[attr-defined]
    monkeypatch.setattr(live, "gateway", lambda *args: gateway)
    env = {"OMNIROUTE_URL": "http://127.0.0.1:9", "OMNIROUTE_API_KEY": "secret-key"}
    assert live.measure(settings(**env), gateway.clock).partial == "of one of 3 replicas"


def test_one_login_for_many_looks(gateway: FakeOmniRoute, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks again and again asks through the same client, so that `--watch` does not log in every time."""
    made: list[int] = []

    def build(*args: Any) -> FakeOmniRoute:
        made.append(1)
        return gateway

    monkeypatch.setattr(live, "gateway", build)
    env = {"OMNIROUTE_URL": "http://127.0.0.1:9", "OMNIROUTE_API_KEY": "secret-key"}
    evaluator = Evaluator(settings(**env), gateway.clock, Definitions(SLOS, ""))
    reports = [evaluator.report() for _ in range(3)]
    assert {report.source for report in reports} == {"omniroute"}
    assert made == [1]

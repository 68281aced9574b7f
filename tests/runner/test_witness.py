"""Prometheus as a second witness of a verify step: the worse of the two counts, and no data proves nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omniops.actions.resolve import item
from omniops.drill.api import Reply
from omniops.engine.verify import Figures, Tally
from omniops.incident.ladder import shipped_slos
from omniops.runner.measure import Measure
from omniops.runner.witness import Witness, witness_of
from omniops.services.clients import Clients
from tests.support.fake_omniroute import START, FakeOmniRoute, attempt, connection, context
from tests.support.metrics import FakePrometheus, Value

FINE = {"0.5": "28", "1": "30", "2.5": "30", "+Inf": "30"}


def values(errors: str = "0", requests: str = "30", p95: str = "0.4", buckets: Value = None) -> Any:
    """What Prometheus says of every window."""

    def answer(query: str) -> Value:
        if query.startswith("histogram_quantile"):
            return p95
        if query.startswith("sum by (le)"):
            return buckets or FINE
        if query.startswith("1 - "):
            return "0"
        return errors if " - (" in query else requests

    return answer


@pytest.fixture
def server() -> FakeOmniRoute:
    """By OmniRoute's own figures it is a recovery: 30 fast requests through the spare."""
    fake = FakeOmniRoute()
    fake.known = [connection("a", active=False), connection("b", name="spare")]
    fake.clock.sleep(60)
    for second in range(2, 32):
        ended = START + timedelta(seconds=second)
        fake.rows.append(attempt(ended, "b"))
        fake.requests.append((ended, 0.25))
    return fake


def look(server: FakeOmniRoute, prometheus: FakePrometheus, slo: str = "latency-p95-aggregate") -> tuple[Figures, Any]:
    ctx = context(server, env={"PROMETHEUS_URL": prometheus.url})
    client = Clients(ctx.settings, ctx.clock).prometheus
    witness = Witness(client, ctx.clock, shipped_slos(), latency=slo == "latency-p95-aggregate")
    measure = Measure(ctx, slo, [item(c) for c in server.known if c.id == "a"], START, 20, witness=witness)
    figures = measure.look()
    return figures, measure.to_sample(figures)


def test_both_say_well(server: FakeOmniRoute) -> None:
    """Both in budget: a pass that tells what clients saw, over the time since the change."""
    with FakePrometheus(values(), clock=server.clock) as prometheus:
        figures, sample = look(server, prometheus)
    assert (sample.verdict, figures.clients, figures.p95_s) == ("pass", Tally(30, 0), 0.4)
    assert "0 of 30 client requests failed" in sample.why
    assert all("[59s]" in query for query in prometheus.queries if query != "time()")  # a minute, but for half a second


def test_at_most_five_minutes(server: FakeOmniRoute) -> None:
    """A change of long ago is judged by the last 5 minutes, as the budgets are."""
    server.clock.sleep(3600)
    with FakePrometheus(values(), clock=server.clock) as prometheus:
        look(server, prometheus)
    assert all("[5m]" in query for query in prometheus.queries if query != "time()")


@pytest.mark.parametrize(
    ("told", "verdict", "why"),
    [
        ({"p95": "1.6"}, "fail", "p95 is 1.60s"),
        ({"errors": "6", "requests": "900"}, "fail", "6 of 900 client requests failed"),
        ({"errors": "5", "requests": "900"}, "pass", "5 of 900 client requests failed"),
        ({"errors": "4", "requests": "100"}, "cannot tell", "too few to judge"),
        ({"errors": "1", "requests": "2"}, "fail", "1 of 2 client requests failed"),
        ({"p95": "NaN"}, "cannot tell", "Prometheus cannot tell since the change (p95: no traffic)"),
        ({"requests": "0", "errors": "0"}, "cannot tell", "errors of clients' requests: no traffic"),
        ({"errors": "NaN"}, "cannot tell", "errors of clients' requests"),
        ({"requests": "+Inf"}, "cannot tell", "errors of clients' requests: infinite"),
        ({"p95": "2.5", "buckets": {"2.5": "20", "+Inf": "30"}}, "fail", "p95 is 2.50s"),
        ({"p95": "1", "buckets": {"1": "20", "+Inf": "30"}}, "cannot tell", "p95: above 1s, the largest bucket"),
    ],
)
def test_the_worse_witness_counts(server: FakeOmniRoute, told: dict[str, Any], verdict: str, why: str) -> None:
    """Whatever OmniRoute says, Prometheus' failures count, and what it cannot tell is not taken for health."""
    with FakePrometheus(values(**told), clock=server.clock) as prometheus:
        sample = look(server, prometheus)[1]
    assert sample.verdict == verdict
    assert why in sample.why


def test_no_series_yet(server: FakeOmniRoute) -> None:
    """Before Prometheus has scraped twice since the change there is no data, and so no verdict."""
    with FakePrometheus(lambda query: None, clock=server.clock) as prometheus:
        sample = look(server, prometheus)[1]
    assert (sample.verdict, "no data" in sample.why) == ("cannot tell", True)


def test_omniroute_may_be_the_worse_one(server: FakeOmniRoute) -> None:
    """Failing attempts and slow requests in OmniRoute's own figures count, however well Prometheus looks."""
    server.rows += [attempt(START + timedelta(seconds=9), "b", 502)] * 6
    with FakePrometheus(values(), clock=server.clock) as prometheus:
        assert look(server, prometheus)[1].verdict == "fail"
    server.rows = server.rows[:-6]
    server.requests = [(at, 2.0) for at, _ in server.requests]
    with FakePrometheus(values(), clock=server.clock) as prometheus:
        assert look(server, prometheus)[1].why == "p95 is 2.00s of 30 requests"


def test_successes_are_omniroutes_to_tell(server: FakeOmniRoute) -> None:
    """Thousands of good requests in Prometheus are no success through another connection."""
    server.rows = [attempt(row.at, "a") for row in server.rows]
    with FakePrometheus(values(requests="90000"), clock=server.clock) as prometheus:
        assert look(server, prometheus)[1].why == "0 of 20 successful requests so far"


def test_failures_from_before_the_change(server: FakeOmniRoute) -> None:
    """Requests that began before the change and failed after it are not held against it."""
    server.rows += [attempt(START + timedelta(seconds=5), "a", 504, duration_s=30.0)] * 6
    with FakePrometheus(values(errors="6", requests="900"), clock=server.clock) as prometheus:
        sample = look(server, prometheus)[1]
    assert (sample.verdict, "from before the change" in sample.why) == ("cannot tell", True)


def test_prometheus_is_away(server: FakeOmniRoute) -> None:
    """A Prometheus that cannot be asked leaves OmniRoute's own figures to decide, and the words say so."""
    with FakePrometheus(values(), clock=server.clock) as prometheus:
        prometheus.broken = Reply(502, "bad gateway", "text/plain")
        sample = look(server, prometheus)[1]
    assert sample.verdict == "pass"
    assert "by OmniRoute's figures alone: no usable answer from Prometheus" in sample.why


def test_errors_only(server: FakeOmniRoute) -> None:
    """An availability objective asks Prometheus for no p95, and none is missed."""
    with FakePrometheus(values(p95="NaN"), clock=server.clock) as prometheus:
        assert look(server, prometheus, "availability-cluster")[1].verdict == "pass"
    assert not any("quantile" in query for query in prometheus.queries)


def test_telemetry_is_not_needed_then(server: FakeOmniRoute) -> None:
    """With p95 from Prometheus, a telemetry that cannot be read is no reason to stay without a verdict."""
    from tests.support.fake_omniroute import DOWN

    server.broken["telemetry"] = DOWN
    with FakePrometheus(values(), clock=server.clock) as prometheus:
        figures, sample = look(server, prometheus)
    assert (sample.verdict, figures.requests, figures.p95_s) == ("pass", 30, 0.4)


def test_only_where_it_is_configured(server: FakeOmniRoute) -> None:
    """Without PROMETHEUS_URL there is no second witness."""
    ctx = context(server)
    assert witness_of(ctx._replace(clients=Clients(ctx.settings, ctx.clock)), latency=True) is None
    ctx = context(server, env={"PROMETHEUS_URL": "http://127.0.0.1:9"})
    assert witness_of(ctx._replace(clients=Clients(ctx.settings, ctx.clock)), latency=True) is not None

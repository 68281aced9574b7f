"""Against the real Prometheus: burn rates worked out by hand, a month of history, empty, NaN and +Inf, and p95."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import Unreachable
from omniops.incident.ladder import Slos, shipped_slos
from omniops.incident.slo import Status, evaluate
from omniops.runner import figures_prometheus, live
from omniops.runner.baseline import from_prometheus
from omniops.services.clients import Clients
from omniops.services.prometheus import Prometheus, QueryFailed
from tests.support.real_prometheus import P95_S, RealPrometheus, prometheus
from tests.support.runbooks import FOLDER
from tests.support.screen import ROOT

__all__ = ["prometheus"]
MONTH = 30 * 86400


def client(server: RealPrometheus) -> Prometheus:
    return Clients(Settings({"PROMETHEUS_URL": server.url}), SystemClock()).prometheus


def slos(service: str) -> Slos:
    """The shipped SLOs, about another service."""
    keys = ("good", "all", "buckets", "gauge")
    return Slos(
        tuple(
            slo._replace(**{key: getattr(slo, key).replace('"omniroute"', f'"{service}"') for key in keys})
            for slo in shipped_slos().slos
        ),
        (),
    )


def status(server: RealPrometheus, service: str) -> dict[str, Status]:
    found = figures_prometheus.look(client(server), SystemClock(), slos(service), full=True)
    return {one.slo.id: one for one in evaluate(slos(service), found)}


def signals(server: RealPrometheus, service: str) -> live.Live:
    return live.measure(Settings({"PROMETHEUS_URL": server.url}), SystemClock(), slos=slos(service))


def test_version(prometheus: RealPrometheus) -> None:
    """buildinfo says which Prometheus it is."""
    assert client(prometheus).buildinfo().version[0].isdigit()


def test_exactly_six(prometheus: RealPrometheus) -> None:
    """6 errors of 1000 at 99.9 % burn 6x: SEV-1 by the 5 minutes, SEV-2 by the hour, and the events are counted."""
    found = signals(prometheus, "live")
    rows = {row.rule: row for row in found.rows}
    assert found.signals.error_ratio == pytest.approx(0.006)
    assert found.signals.burn_rate[300.0] == 6.0
    assert (rows["burn-5m"].verdict, rows["burn-1h"].verdict, rows["error-ratio"].verdict) == (
        "fires",
        "fires",
        "quiet",
    )
    errors, requests = (int(word) for word in rows["burn-5m"].events.split() if word.isdigit())
    assert requests >= 1000
    assert errors / requests == pytest.approx(0.006, rel=0.1)


def test_p95_by_hand(prometheus: RealPrometheus) -> None:
    """The 95th of a hundred lies a third into the bucket from 0.5 to 1 s; p99 two thirds into the one up to 2.5 s."""
    found = status(prometheus, "live")
    assert found["latency-p95-aggregate"].value == pytest.approx(P95_S)
    assert found["latency-p99-aggregate"].value == pytest.approx(1 + 1.5 * 2 / 3)
    assert found["ws-connections"].value == 281.0
    assert found["ws-connections"].state == "burning"


def test_a_month(prometheus: RealPrometheus) -> None:
    """31 days of 12,000 requests an hour, one hour with 1 % errors: 1.4 % of the month's budget, 10x in that hour."""
    found = status(prometheus, "history")
    main = found["availability-cluster"]
    assert main.state == "ok"
    assert main.share is not None
    assert main.share.requests.value == pytest.approx(12_000 * 24 * 30, rel=0.001)
    assert main.share.errors.value == pytest.approx(120, rel=0.01)
    assert main.budget is not None
    assert main.budget.left == pytest.approx(1 - 120 / (0.001 * 12_000 * 720), rel=0.001)
    assert (main.budget.ends, main.budget.ends_in_s) == ("never", None)
    burns = {length: reading.value for length, reading in main.burns}
    assert (burns[3600.0], burns[21600.0]) == (0.0, 0.0)
    assert burns[7 * 86400.0] == pytest.approx(10 / 168, rel=0.01)
    week = signals(prometheus, "history").signals.burn_rate[7 * 86400.0]
    assert 9.0 <= week <= 10.0  # the hours that are looked at need not begin when the outage did


def test_a_gap_is_not_below_1(prometheus: RealPrometheus) -> None:
    """Two days of history are no quiet week and no month, however well they were."""
    found = signals(prometheus, "short")
    row = next(row for row in found.rows if row.rule == "burn-7d")
    assert 7 * 86400.0 not in found.signals.burn_rate
    assert (row.verdict, "of 168 hours without data" in row.why) == ("cannot judge", True)
    assert status(prometheus, "short")["availability-cluster"].why == "Prometheus does not remember 30d"


@pytest.mark.parametrize(("service", "why"), [("idle", "no traffic"), ("absent", "no data")])
def test_nothing_is_not_health(prometheus: RealPrometheus, service: str, why: str) -> None:
    """No traffic (NaN) and no series (empty) are two answers; neither is in budget, and neither is a signal."""
    found = status(prometheus, service)
    for id in ("error-budget-burn-5m", "error-budget-burn-1h", "latency-p95-aggregate"):
        assert (found[id].state, found[id].value, found[id].why) == ("unknown", None, why)
    measured = signals(prometheus, service)
    assert (measured.signals.error_ratio, measured.signals.burn_rate, measured.signals.p95_s) == (None, {}, None)
    assert {row.verdict for row in measured.rows} == {"cannot judge"}


def test_nothing_but_errors(prometheus: RealPrometheus) -> None:
    """Where no good answer was ever counted there is no series of them: that is an outage, and not an empty answer."""
    found = signals(prometheus, "failing")
    assert (found.signals.error_ratio, found.signals.burn_rate[300.0]) == (1.0, 1000.0)


def test_beyond_the_largest_bucket(prometheus: RealPrometheus) -> None:
    """Prometheus tells a quantile beyond the largest bucket as that bound, 2.5 s; it is known to be a lower bound."""
    found = status(prometheus, "beyond")
    assert (found["latency-p95-aggregate"].state, found["latency-p99-aggregate"].state) == ("burning", "unknown")
    assert found["latency-p95-aggregate"].why == "above 2.5s, the largest bucket"


def test_infinity(prometheus: RealPrometheus) -> None:
    """Something over nothing is +Inf, which is no value."""
    asked = client(prometheus)
    rate = 'sum(rate(http_requests_total{{service="{0}"}}[5m]))'
    found = asked.query(f"{rate.format('live')} / {rate.format('idle')}")
    assert (found.kind, found.value) == ("inf", None)


def test_errors_in_words(prometheus: RealPrometheus) -> None:
    """What Prometheus cannot read is bad_data, what it cannot do is execution, and another path is no Prometheus."""
    asked = client(prometheus)
    with pytest.raises(QueryFailed) as caught:
        asked.query("sum(rate(x[5m])")
    assert (caught.value.kind, "parse error" in caught.value.why) == ("bad_data", True)
    with pytest.raises(QueryFailed) as caught:
        asked.query('http_requests_total{service="live"} + on() http_requests_total{service="live"}')
    assert caught.value.kind == "execution"
    elsewhere = Clients(Settings({"PROMETHEUS_URL": f"{prometheus.url}/elsewhere"}), SystemClock()).prometheus
    with pytest.raises(Unreachable, match="no usable answer"):
        elsewhere.query("1")


def test_a_long_query(prometheus: RealPrometheus) -> None:
    """A query of 2 MB, which no address would hold, is answered."""
    assert client(prometheus).query(f"42 # {'x' * 2_000_000}").value == 42


def test_the_usual_p95(prometheus: RealPrometheus) -> None:
    """The baseline of 4.2: the median of the hourly p95 of the 7 days before the onset."""
    slo = slos("history").get("latency-p95-aggregate")
    now = SystemClock().now()
    found = from_prometheus(client(prometheus), SystemClock(), slo, now, now)
    assert found.p95_s == pytest.approx(P95_S)
    assert found.hours >= 160


def test_the_commands(prometheus: RealPrometheus, tmp_path: Path) -> None:
    """`omniops slo` and `omniops classify` as processes, with an operator's own slos.yaml."""
    text = (FOLDER / "slos.yaml").read_text(encoding="utf-8").replace('"omniroute"', '"live"')
    (tmp_path / "slos.yaml").write_text(text, encoding="utf-8")

    def omniops(*words: str) -> tuple[int, Any]:
        env = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMNIOPS_HOME": str(tmp_path / "home"),
            "PROMETHEUS_URL": prometheus.url, "OMNIOPS_RUNBOOKS": str(tmp_path), "LANG": "C.UTF-8",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "omniops", *words, "--json"],
            env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    code, said = omniops("slo")
    by_id = {one["id"]: one for one in said["slos"]}
    assert (code, said["schema"], said["source"]) == (1, "omniops.slo/1", "prometheus")
    assert by_id["error-budget-burn-5m"]["value"] == 6.0
    assert by_id["error-budget-burn-5m"]["state"] == "burning"
    code, said = omniops("classify")
    assert (code, said["severity"], said["signals"]["source"]) == (0, "SEV-1", "prometheus")

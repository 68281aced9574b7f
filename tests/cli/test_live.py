"""`omniops slo` and `omniops classify` from live data, as processes."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from omniops.drill.api import Reply
from tests.support.command import Command
from tests.support.metrics import FakePrometheus, Value
from tests.support.screen import ROOT, output, start

NOWHERE = "http://127.0.0.1:9"
BOUNDS = {"0.5": "900", "1": "990", "2.5": "1000", "+Inf": "1000"}


def traffic(ratio: str = "0.0002", errors: str = "2", p95: str = "0.04") -> Any:
    """What Prometheus says of every window: 10,000 requests."""

    def value(query: str) -> Value:
        if query.startswith("histogram_quantile"):
            return p95
        if query.startswith("sum by (le)"):
            return BOUNDS
        if query.startswith("1 - "):
            return ratio
        if "ws_active" in query:
            return "42"
        return errors if " - (" in query else "10000"

    return value


OWNERS = """\
slos:
  - id: good
    name: Good
    objectives: [{target: 0.99, window: 30d}]
    sli:
      spec:
        ratio:
          success: {metricSource: {query: 'sum(rate(mine{x="y"}[30d]))'}}
          total: {metricSource: {query: 'sum(rate(mine[30d]))'}}
  - id: fast
    name: Fast
    objectives: [{target: 1.5, window: 10m}]
    sli:
      spec:
        threshold:
          metricSource:
            query: 'histogram_quantile(0.95, sum by (le) (rate(mine_bucket{a="b"}[10m])))'
"""
BURNING = traffic("0.02", "200", "3.6")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_all_in_budget(command: Command) -> None:
    """Everything in budget is exit 0: a table of 80 columns with burn rates, what is left, and when it is spent."""
    with FakePrometheus(traffic()) as server:
        done = command("slo", PROMETHEUS_URL=server.url, COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith("client requests, as Prometheus counts them")
    assert "in budget   error-budget-burn-5m   0.2x      <6x       ▁" in done.stdout
    assert "            2 errors of 10000 requests" in lines
    assert "no metric   responses-ttfb" in done.stdout
    assert "burn rate   5m 0.2x, 1h 0.2x, 6h 0.2x, 3d 0.2x, 7d 0.2x" in lines
    assert "80 % left of 43m 12s in 30d; at the last hour's rate it is spent in 120d 0h" in " ".join(
        done.stdout.split()
    )


def test_burning(command: Command) -> None:
    """A budget that burns is exit 1, and the JSON says which, how fast, and of how many requests."""
    with FakePrometheus(BURNING) as server:
        done = command("slo", "--json", PROMETHEUS_URL=server.url)
    said = json.loads(done.stdout)
    assert (done.returncode, said["schema"], said["in_budget"]) == (1, "omniops.slo/1", False)
    by_id = {one["id"]: one for one in said["slos"]}
    burn = by_id["error-budget-burn-5m"]
    assert (burn["state"], burn["value"], burn["limit"], burn["unit"]) == ("burning", 20.0, 6.0, "x")
    assert (burn["errors"], burn["requests"], burn["why"]) == (200.0, 10000.0, "200 errors of 10000 requests")
    main = by_id["availability-cluster"]
    assert (main["budget_left"], main["budget_ends"]) == (-19.0, "spent")
    assert main["burn_rate"] == {"5m": 20.0, "1h": 20.0, "6h": 20.0, "3d": 20.0, "7d": 20.0}


@pytest.mark.parametrize("value", [None, "NaN", "+Inf"])
def test_cannot_tell(command: Command, value: str | None) -> None:
    """No series, no traffic, an infinite value: exit 1, and no JSON that holds NaN or Infinity."""
    with FakePrometheus(lambda query: value) as server:
        done = command("slo", "--json", PROMETHEUS_URL=server.url)

    def constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    said = json.loads(done.stdout, parse_constant=constant)
    assert done.returncode == 1
    assert {one["state"] for one in said["slos"]} == {"unknown", "unmeasured"}


def test_unreachable(command: Command) -> None:
    """With nothing to fall back to, a Prometheus that is down is exit 5; with nothing configured it is exit 2."""
    done = command("slo", PROMETHEUS_URL=NOWHERE)
    assert (done.returncode, done.stdout) == (5, "")
    assert "no usable answer from Prometheus" in done.stderr
    assert command("slo").returncode == 2


def test_the_file_that_the_owners_have_today(command: Command, tmp_path: Path) -> None:
    """A file that is no YAML is told with file, line, column and mend, and omniops goes on with its own copy."""
    broken = "slos:\n  - id: x\n    objectives:\n      - target: 0.999\n          window: 30d\n"
    (tmp_path / "ops.yaml").write_text(broken, encoding="utf-8")
    with FakePrometheus(traffic()) as server:
        done = command("slo", "--file", str(tmp_path / "ops.yaml"), PROMETHEUS_URL=server.url)
        said = command.json("slo", "--file", str(tmp_path / "ops.yaml"), PROMETHEUS_URL=server.url)
    assert done.returncode == 0
    assert "availability-cluster" in done.stdout
    told = done.stderr.splitlines()
    assert f"{tmp_path}/ops.yaml:5:17: not YAML" in told[0]
    assert "goes on with its own copy" in told[1]
    assert "`window` is indented too deep: put it in column 9" in " ".join(told[2:])
    assert len(told) <= 4
    assert (said["file"], said["file_error"][0]) == (None, told[0].removeprefix("error: "))


def test_another_file(command: Command, tmp_path: Path) -> None:
    """SLOs of the owners' format are the ones that are asked for, and the JSON names the file."""
    (tmp_path / "ops.yaml").write_text(OWNERS, encoding="utf-8")
    with FakePrometheus(traffic()) as server:
        said = command.json("slo", "--file", str(tmp_path / "ops.yaml"), PROMETHEUS_URL=server.url)
        asked = server.queries
    assert (said["file"], [one["id"] for one in said["slos"]]) == (str(tmp_path / "ops.yaml"), ["good", "fast"])
    assert 'sum(increase(mine[30d])) - (sum(increase(mine{x="y"}[30d])) or vector(0))' in asked
    assert any("mine_bucket" in one and "[10m]" in one for one in asked)


def test_watch_in_a_log(command: Command) -> None:
    """Where there is no terminal each look is one line, and a look that fails is one as well."""
    with FakePrometheus(BURNING) as server:
        words = ("slo", "--watch", "--every", "1s", "--times", "2")
        done = command(*words, PROMETHEUS_URL=server.url)
        assert done.returncode == 1
        lines = done.stdout.splitlines()
        assert len(lines) == 2
        assert "BURNING: availability-cluster 98 %/99.9 %, error-budget-burn-5m 20x/<6x" in lines[1]
        server.broken = Reply(502, "bad gateway", "text/plain")
        done = command(*words[:-1], "1", PROMETHEUS_URL=server.url)
        assert (done.returncode, "cannot tell" in done.stdout) == (5, True)
        done = command(*words[:-1], "1", "--json", PROMETHEUS_URL=server.url)
        assert json.loads(done.stdout)["exit"] == 5
    assert command("slo", "--watch", "--every", "0s").returncode == 2


def test_watch_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal the table is drawn anew; Ctrl-C ends it."""
    env: dict[str, Any] = {"PYTHONPATH": str(ROOT), "OMNIOPS_HOME": str(tmp_path)}
    with FakePrometheus(traffic()) as server:
        words = ("-m", "omniops", "slo", "--watch", "--every", "1s")
        child = start(sys.executable, *words, PROMETHEUS_URL=server.url, **env)
        for _ in range(2):
            child.expect_exact("\x1b[H\x1b[2J", timeout=30)
            child.expect_exact("43m 12s", timeout=30)
        child.kill(signal.SIGINT)
        child.expect(pexpect.EOF, timeout=30)
        child.wait()
    assert child.exitstatus == 130
    assert "Traceback" not in output(child)


# classify


def test_classify_measures(command: Command) -> None:
    """Without flags the signals are measured; each is explained, above the answer, in 80 columns."""
    with FakePrometheus(BURNING) as server:
        done = command("classify", PROMETHEUS_URL=server.url, COLUMNS="80")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "measured: client requests, as Prometheus counts them"
    flat = " ".join(done.stdout.split())
    assert "error_ratio 2 % 5m, 200 errors of 10000 requests: quiet (above 50 %)" in flat
    assert "burn_rate.5m 20x 5m, 200 errors of 10000 requests: fires SEV-1 (at least 6x)" in flat
    assert "p95_seconds 3.6s 5m, 1000 requests: fires SEV-2 (above 2.25s)" in flat
    assert "SEV-1 User-visible outage" in flat


def test_classify_json(command: Command) -> None:
    """The JSON has the same classification, and how each rule was judged under "signals"."""
    with FakePrometheus(BURNING) as server:
        said = command.json("classify", PROMETHEUS_URL=server.url)
    assert (said["schema"], said["severity"]) == ("omniops.classification/1", "SEV-1")
    signals = said["signals"]
    assert (signals["source"], signals["fallback"], signals["partial"]) == ("prometheus", "", "")
    assert signals["values"]["burn_rate"] == {"5m": 20.0, "1h": 20.0, "7d": 20.0}
    row = next(row for row in signals["rows"] if row["rule"] == "burn-1h")
    assert row == {
        "rule": "burn-1h", "severity": "SEV-2", "signal": "burn_rate.1h", "value": 20.0, "shown": "20x",
        "window": "1h", "events": "200 errors of 10000 requests", "threshold": "at least 2x", "verdict": "fires",
        "why": "",
    }  # fmt: skip


def test_what_was_measured_can_be_given(command: Command, tmp_path: Path) -> None:
    """`values` is a signals file: given back, it is judged the same, without any network."""
    with FakePrometheus(BURNING) as server:
        said = command.json("classify", PROMETHEUS_URL=server.url)
    (tmp_path / "signals.json").write_text(json.dumps(said["signals"]["values"]), encoding="utf-8")
    again = command.json("classify", "--signals", str(tmp_path / "signals.json"), PROMETHEUS_URL=NOWHERE)
    assert (again["severity"], again["reasons"]) == (said["severity"], said["reasons"])
    assert "signals" not in again


def test_flags_need_no_network(command: Command) -> None:
    """With a flag nothing is measured; with --live both count, and the flag wins."""
    with FakePrometheus(traffic()) as server:
        env = {"PROMETHEUS_URL": server.url}
        assert command.json("classify", "--fact", "single_tenant", **env)["severity"] == "SEV-2"
        assert server.asked == []
        said = command.json("classify", "--live", "--burn-rate", "5m=7.1", **env)
        assert (said["severity"], said["signals"]["source"]) == ("SEV-1", "prometheus")
        assert next(row for row in said["signals"]["rows"] if row["rule"] == "burn-5m")["shown"] == "7.1x"
        assert command.json("classify", **env)["severity"] == "SEV-3"


def test_nothing_to_measure_with(command: Command) -> None:
    """Without a source it is as it was: null, exit 3; --live then has nothing to look at, exit 2."""
    done = command("classify", "--json")
    assert (done.returncode, "signals" in json.loads(done.stdout)) == (3, False)
    assert command("classify", "--json", OMNIROUTE_URL=NOWHERE).returncode == 3
    assert command("classify", "--live").returncode == 2
    assert command("classify", "--live", PROMETHEUS_URL="nonsense").returncode == 2


def test_a_source_that_is_down(command: Command) -> None:
    """What cannot be reached leaves everything unknown, and is told; nothing is taken for health."""
    done = command("classify", "--json", PROMETHEUS_URL=NOWHERE)
    said = json.loads(done.stdout)
    assert (done.returncode, said["severity"], said["signals"]["source"]) == (3, None, None)
    assert "no usable answer from Prometheus" in said["signals"]["trouble"]
    assert {row["verdict"] for row in said["signals"]["rows"]} == {"cannot judge"}
    done = command("classify", PROMETHEUS_URL=NOWHERE)
    assert "Nothing could be measured" in done.stderr


def test_a_source_that_is_down_and_a_person(tmp_path: Path) -> None:
    """On a terminal the questions are asked where nothing could be measured."""
    env: dict[str, Any] = {
        "PYTHONPATH": str(ROOT),
        "OMNIOPS_HOME": str(tmp_path),
        "PROMETHEUS_URL": NOWHERE,
        "TERM": "dumb",
    }
    child = start(sys.executable, "-m", "omniops", "classify", **env)
    child.expect_exact("Nothing could be measured", timeout=30)
    child.expect_exact("1-16/n>", timeout=30)
    child.sendline("data_loss")
    child.expect(pexpect.EOF, timeout=30)
    child.wait()
    assert child.exitstatus == 0
    assert "data-incident" in output(child)

"""The simulator as a process: quick to start, sure to stop, the same again after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from omniops.drill import launcher, scenarios
from omniops.errors import BadInput, NeedsPerson, Unreachable
from tests.drill.conftest import ANCHOR, Client, Start


def gone(pid: int, within_s: float) -> bool:
    """Say whether a process that is not our child ends in time."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("scenario", list(scenarios.SCENARIOS))
def test_starts_quickly_and_stops_surely(start: Start, scenario: str) -> None:
    """Every scenario is ready within 1.5 s, answers, and is gone when stopped."""
    began = time.monotonic()
    client = start(scenario, login=False)
    assert time.monotonic() - began < 1.5
    assert client.get("/api/monitoring/health")["version"] == "3.7.9"
    client.simulator.stop()
    assert client.simulator.process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        client.ask("GET", "/api/monitoring/health")


def test_two_at_once(start: Start) -> None:
    """Two drills do not see each other."""
    first, second = start(state="a"), start(state="b", flavour="fork")
    first.ask("PUT", f"/api/providers/{first.id_of('openai-main')}", {"isActive": False})
    assert second.simulator.writes() == {}
    assert first.simulator.url != second.simulator.url


def test_one_folder_has_one_simulator(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drill that is being played is not taken from under whoever plays it; after its end it is, with its ports."""
    monkeypatch.setattr(launcher, "QUIT_TIMEOUT_S", 0.3)
    client = start()
    with pytest.raises(NeedsPerson, match="another terminal"):
        launcher.attach(client.simulator.state)
    assert client.simulator.process.poll() is None
    client.simulator.stop()
    with launcher.attach(client.simulator.state) as second:
        assert second.url == client.simulator.url


def test_killed_and_resumed(start: Start) -> None:
    """After SIGKILL: same ports, state, counts, session and rows; the drill's time has gone on."""
    client = start(faults="applied-500@PUT#2", speed=10)
    id = client.id_of("openai-main")
    assert client.ask("PUT", f"/api/providers/{id}", {"isActive": False}).status == 200
    rows = client.get("/api/usage/call-logs?limit=50&offset=5")
    known = {row["id"] for row in rows}
    before = client.simulator.control("state")
    client.simulator.process.send_signal(signal.SIGKILL)
    client.simulator.process.wait()
    second = launcher.attach(client.simulator.state)
    try:
        after = second.control("state")
        assert {k: v for k, v in after.items() if k != "now"} == {k: v for k, v in before.items() if k != "now"}
        assert after["now"] > before["now"]
        again = Client(second)
        again.cookie = client.cookie
        assert second.url == client.simulator.url
        assert known <= {row["id"] for row in again.get("/api/usage/call-logs?limit=2000")}
        assert again.ask("PUT", f"/api/providers/{id}", {"isActive": True}).status == 500, "it goes on counting"
        assert second.writes() == {id: 2}
    finally:
        second.stop()


def test_time_is_shared(start: Start) -> None:
    """The drill's clock, the state and the server's headers agree, at sixty times the speed."""
    client = start(speed=60)
    clock = client.simulator.clock()
    time.sleep(0.3)
    drift = client.simulator.now() - clock.now()
    assert abs(drift) < timedelta(seconds=2)
    assert client.simulator.now() - ANCHOR > timedelta(seconds=18)
    stamp = client.get("/api/monitoring/health")["timestamp"]
    assert stamp[:15] == client.simulator.now().isoformat()[:15]


def test_dies_with_its_parent(tmp_path: Path) -> None:
    """A killed drill leaves no simulator behind."""
    program = (
        "import sys, time, pathlib; from omniops.drill import launcher;"
        "s = launcher.start('provider-outage', state=pathlib.Path(sys.argv[1]));"
        "print(s.process.pid, flush=True); time.sleep(60)"
    )
    root = str(Path(launcher.__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "drill")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid, 3)


def test_reset(start: Start) -> None:
    """A reset puts everything back, on the same ports."""
    client = start()
    client.ask("PUT", f"/api/providers/{client.id_of('openai-main')}", {"isActive": False})
    client.simulator.reset()
    assert client.simulator.writes() == {}
    assert client.login().get("/api/providers")["connections"][0]["isActive"] is True


def test_the_control_port_is_no_omniroute(start: Start) -> None:
    """It answers under /__drill/ only, marks every answer, and knows no OmniRoute path."""
    client = start()
    control = Client(client.simulator, client.simulator.control_url.removesuffix("/__drill"))
    answer = control.ask("GET", "/__drill/state")
    assert answer.json["drill"] is True
    assert "not part of OmniRoute" in answer.headers["x-omniops-drill"]
    assert control.ask("GET", "/api/monitoring/health").status == 404
    assert control.ask("POST", "/__drill/power", {"action": "explode"}).status == 400
    assert control.ask("POST", "/__drill/faults", {"spec": "nonsense"}).status == 400


def test_somebody_else_writes(start: Start) -> None:
    """A change through the control port is audited under another name and not counted among the writes."""
    client = start()
    client.simulator.control("change", {"connection": "openai-main", "fields": {"isActive": False}})
    assert client.get("/api/compliance/audit-log")[0]["actor"] == "somebody-else"
    assert client.simulator.writes() == {}


def test_failover(start: Start) -> None:
    """Each replica has its own pid; the bad one answers 500 and is not behind the balancer, unless a fault keeps it."""
    client = start("failover", login=False)
    replicas = [Client(client.simulator, url) for url in client.simulator.replica_urls]
    assert client.simulator.env["OMNIROUTE_URLS"].split(",") == client.simulator.replica_urls
    assert [replica.ask("GET", "/api/monitoring/health").status for replica in replicas] == [200, 200, 500]
    good = {replica.get("/api/monitoring/health")["system"]["pid"] for replica in replicas[:2]}
    assert {client.get("/api/monitoring/health")["system"]["pid"] for _ in range(6)} == good
    kept = start("failover", state="kept", faults="balancer-keeps", login=False)
    assert {kept.ask("GET", "/api/monitoring/health").status for _ in range(6)} == {200, 500}
    kept.simulator.control("replica", {"index": 2, "running": False})
    assert {kept.ask("GET", "/api/monitoring/health").status for _ in range(6)} == {200}


def test_the_environment_is_made_up(start: Start) -> None:
    """Nothing but loopback addresses and the drill's own folder."""
    simulator = start(login=False).simulator
    folder = str(simulator.state)
    assert simulator.env["OMNIOPS_ENV"] == "drill"
    assert simulator.env["PATH"].startswith(f"{folder}/bin:")
    for name in ("OMNIROUTE_BIN", "OMNIROUTE_DATA_DIR", "OMNIROUTE_COMPOSE_FILE", "OMNIOPS_HOME"):
        assert simulator.env[name].startswith(folder)
        assert name == "OMNIOPS_HOME" or Path(simulator.env[name]).exists()
    assert simulator.env["OMNIROUTE_URL"].startswith("http://127.0.0.1:")


def test_scenarios_fit_the_runbooks() -> None:
    """Every runbook has a scenario, and every answer names a step of its runbook or of one that it calls."""
    import yaml

    folder = Path(launcher.__file__).parents[2] / "runbooks"
    steps = {}
    for path in folder.glob("*.yaml"):
        book = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(book, dict) and "steps" in book:
            steps[book["id"]] = book["steps"]
    drilled = {scenario.runbook for scenario in scenarios.SCENARIOS.values()}
    assert drilled <= set(steps)
    for scenario in scenarios.SCENARIOS.values():
        for step, answer in scenario.answers.items():
            caller, _, called = step.rpartition(".")
            book = steps[scenario.runbook][caller]["runbook"] if caller else scenario.runbook
            assert called in steps[book]
            choices = steps[book][called].get("ask", {}).get("choices")
            assert choices is None or answer in choices


def test_nonsense_is_refused(tmp_path: Path) -> None:
    """An unknown scenario, flavour, fault, and a folder without a drill are refused with words."""
    with pytest.raises(BadInput):
        launcher.start("earthquake", state=tmp_path)
    with pytest.raises(BadInput):
        launcher.start("rollback", state=tmp_path, flavour="4")
    with pytest.raises(BadInput):
        launcher.start("rollback", state=tmp_path, faults="fire")
    with pytest.raises(Unreachable):
        launcher.attach(tmp_path)

"""Stop, start and restart are believed by what answers, not by what docker says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omniops.actions.cluster import ACTIONS
from omniops.clock import iso, parse_iso
from omniops.errors import NotOurs
from tests.support.script_host import Host, database

STOP, START, RESTART = ACTIONS["cluster.stop"], ACTIONS["cluster.start"], ACTIONS["service.restart"]
NONE: dict[str, Any] = {}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    database(host.data)
    return host


def test_stop_and_undo(host: Host) -> None:
    """Stopped: no container, no answer. Undo starts it, and it is back when it answers."""
    seen = STOP.observe(host.ctx, NONE)
    assert (seen.state, seen.desired, seen.already) == ({"cluster": "running"}, {"cluster": "stopped"}, False)
    applied = STOP.apply(host.ctx, NONE, seen.state, "r/stop/0")
    assert applied.status == "applied"
    assert applied.at
    assert STOP.observe(host.ctx, NONE).already
    back = STOP.observe_undo(host.ctx, NONE, seen.state, seen.desired)
    assert back.state == seen.desired
    assert not back.already
    assert STOP.undo(host.ctx, NONE, seen.state, "r/stop/0/undo").status == "applied"
    assert STOP.observe(host.ctx, NONE).state == seen.state
    assert STOP.observe_undo(host.ctx, NONE, seen.state, seen.desired).already
    assert host.ran() == ["stop", "start"]
    log = (host.root / "docker.log").read_text().splitlines()
    assert f"compose -f {host.root}/docker-compose.prod.yml stop" in log


def test_start(host: Host) -> None:
    """Start is proved by an answer, and its time is when the server began to run."""
    host.server.set(up=False)
    seen = START.observe(host.ctx, NONE)
    assert not seen.already
    applied = START.apply(host.ctx, NONE, seen.state, "r/start/0")
    assert applied.status == "applied"
    assert abs((host.clock.now() - parse_iso(applied.at)).total_seconds()) < 5
    assert START.observe(host.ctx, NONE).already


@pytest.mark.parametrize("trouble", [{"stuck": True}, {"lazy": True}])
def test_what_docker_says_is_no_proof(host: Host, trouble: dict[str, bool]) -> None:
    """Docker fails, or says yes and does nothing: stop, start and restart all see that nothing came of it."""
    host.server.set(**trouble)
    assert STOP.apply(host.ctx, NONE, {"cluster": "running"}, "r/stop/0").status == "failed"
    assert RESTART.apply(host.ctx, NONE, {"pid": 77}, "r/restart/0").status == "failed"
    host.server.set(up=False)
    assert START.apply(host.ctx, NONE, {"cluster": "not answering"}, "r/start/0").status == "failed"


def test_restart_is_proved_by_uptime(host: Host) -> None:
    """In a container the pid stays the same: a short uptime is the proof, now and when reconciled later."""
    seen = RESTART.observe(host.ctx, NONE)
    assert seen.typed == "service"
    assert seen.state["pid"] == 77
    applied = RESTART.apply(host.ctx, NONE, seen.state, "r/restart/0")
    assert applied.status == "applied", applied
    host.clock.sleep(120)
    assert RESTART.reconcile(host.ctx, NONE, seen.state, "r/restart/0", False).status == "applied"
    assert RESTART.reconcile(host.ctx, NONE, seen.state, "r/restart/1", False).status == "not_applied"
    assert host.ran() == ["restart"]
    with pytest.raises(NotOurs):
        RESTART.observe_undo(host.ctx, NONE, seen.state, seen.desired)


def test_a_restart_by_hand_is_read_back(host: Host) -> None:
    """A restart that a person made on the server's host is proved as one of ours: by who answers, and since when."""
    before, began = RESTART.observe(host.ctx, NONE).state, iso(host.clock.now())
    same = RESTART.done_elsewhere(host.ctx, NONE, before, began, False)
    assert (same.status, "by hand; the same process still answers" in same.detail) == ("failed", True)
    host.server.set(pid=78)
    assert RESTART.done_elsewhere(host.ctx, NONE, before, began, False).status == "applied"


def test_a_start_by_hand_is_read_back(host: Host) -> None:
    """A server that a person started is waited for as one that omniops started."""
    host.server.set(up=False)
    silent = START.done_elsewhere(host.ctx, NONE, {}, iso(host.clock.now()), False)
    assert (silent.status, "does not answer" in silent.detail) == ("failed", True)
    host.server.set(up=True)
    assert START.done_elsewhere(host.ctx, NONE, {}, iso(host.clock.now()), False).status == "applied"
    assert STOP.done_elsewhere(host.ctx, NONE, {}, iso(host.clock.now()), False) is None  # read back by its state


def test_restart_is_proved_by_another_pid(host: Host) -> None:
    """Another pid is proof too, whatever docker's exit code."""
    seen = RESTART.observe(host.ctx, NONE)
    host.server.set(stuck=True, pid=78)
    assert RESTART.apply(host.ctx, NONE, seen.state, "r/restart/0").status == "applied"


def test_without_containers_it_is_a_command(host: Host) -> None:
    """No container of the compose file here: by hand, through pm2 where pm2 runs it."""
    host.server.set(compose=False)
    seen = STOP.observe(host.ctx, NONE)
    assert seen.command == f"docker compose -f {host.root}/docker-compose.prod.yml stop"
    assert seen.state == {"cluster": "running"}
    host.server.set(pm2=True)
    assert RESTART.observe(host.ctx, NONE).command == "pm2 restart omniroute"


def test_elsewhere_it_is_a_command(tmp_path: Path) -> None:
    """On another host: the command, and the state as far as the URL tells it."""
    host = Host(tmp_path, drill=False, url="http://203.0.113.9:20128", OMNIROUTE_COMPOSE_FILE="/srv/o r/c.yml")
    seen = STOP.observe(host.ctx, NONE)
    assert seen.command == "docker compose -f '/srv/o r/c.yml' stop"
    assert "not an address of this machine" in seen.shown["host"]
    host.server.set(up=False)
    silent = STOP.observe(host.ctx, NONE)
    assert (silent.already, silent.fits, silent.state) == (False, True, {"cluster": "not answering"})
    assert "cannot be told from here" in silent.warnings[0]

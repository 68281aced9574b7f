"""Rollback: host, method and version before; the version that answers after; what a failure left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omniops.actions.rollback import ACTIONS
from omniops.errors import BadInput, NeedsPerson, NotOurs
from tests.support.script_host import Host, database

PREFLIGHT, ROLLBACK = ACTIONS["rollback.preflight"], ACTIONS["script.rollback"]
DOCKER = {"version": "v3.7.8", "method": "docker"}
NPM = {"version": "3.7.8", "method": "npm"}
KEY = "r7f3a/rollback/0"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    database(host.data)
    return host


def test_preflight_settles_docker(host: Host) -> None:
    """A running container means docker; the version exists and is not the running one."""
    answer = PREFLIGHT.read(host.ctx, {"version": "v3.7.8"})
    assert (answer["method"], answer["host"], answer["running"]) == ("docker", "here", "3.7.9")


def test_preflight_settles_npm(host: Host) -> None:
    """Without containers, a pm2 process means npm; neither is a question for a person."""
    host.server.set(compose=False, pm2=True)
    assert PREFLIGHT.read(host.ctx, {"version": "3.7.8"})["method"] == "npm"
    with pytest.raises(BadInput, match=r"npm knows no omniroute@3\.0\.0"):
        PREFLIGHT.read(host.ctx, {"version": "3.0.0"})
    host.server.set(pm2=False)
    with pytest.raises(NeedsPerson, match="No deploy method"):
        PREFLIGHT.read(host.ctx, {"version": "3.7.8"})


@pytest.mark.parametrize("version", ["3.7.9", "v3.7.9", "v3.6.0", "latest", "", "3.7.8; rm -rf /", "--help"])
def test_preflight_refuses(host: Host, version: str) -> None:
    """The running version, one that does not exist, and what is no version."""
    with pytest.raises(BadInput):
        PREFLIGHT.read(host.ctx, {"version": version})


def test_preflight_elsewhere(tmp_path: Path) -> None:
    """Where this is not the server's host, that is said, and the method comes from what is configured."""
    host = Host(tmp_path, drill=False, url="http://203.0.113.9:20128")
    answer = PREFLIGHT.read(host.ctx, {"version": "v3.7.8"})
    assert (answer["host"], answer["method"]) == ("elsewhere", "docker")
    seen = ROLLBACK.observe(host.ctx, DOCKER)
    assert seen.command.endswith("/bin/rollback.sh v3.7.8 --method docker --yes")
    assert not (host.root / "docker.log").exists(), "the docker of another host was asked"


def test_docker_rollback_and_back(host: Host) -> None:
    """Applied means that the version answers; undo rolls forward to the one from before."""
    seen = ROLLBACK.observe(host.ctx, DOCKER)
    assert seen.destructive
    assert seen.typed == "v3.7.8"
    assert seen.state == {"version": "3.7.9", "method": "docker", "image": "sha256:new"}
    applied = ROLLBACK.apply(host.ctx, DOCKER, seen.state, KEY)
    assert applied.status == "applied", applied
    assert applied.outputs == {"restarted": True}
    assert applied.at
    assert ROLLBACK.observe(host.ctx, DOCKER).already
    back = ROLLBACK.observe_undo(host.ctx, DOCKER, seen.state, {**seen.desired, "_at": "x"})
    assert back.state == seen.desired
    assert not back.already
    assert ROLLBACK.undo(host.ctx, DOCKER, seen.state, KEY + "/undo").status == "applied"
    assert host.server.state()["version"] == "3.7.9"
    assert ROLLBACK.observe_undo(host.ctx, DOCKER, seen.state, seen.desired).already
    assert host.ran() == ["v3.7.8 --method docker --yes", "v3.7.9 --method docker --yes"]


def test_exit_0_without_a_restart(host: Host) -> None:
    """npm without pm2: "complete", exit 0, and the old version answers; the rollback is still ours to undo."""
    seen = ROLLBACK.observe(host.ctx, NPM)
    applied = ROLLBACK.apply(host.ctx, NPM, seen.state, KEY)
    assert applied.status == "applied"
    assert applied.outputs == {"restarted": False}
    assert "not restarted" in applied.detail
    back = ROLLBACK.observe_undo(host.ctx, NPM, seen.state, seen.desired)
    assert back.state == seen.desired
    assert not back.already


def test_an_undo_without_a_restart_is_not_back(host: Host) -> None:
    """No step restarts it after an undo: as long as the other version answers, it is still in force."""
    before = ROLLBACK.observe(host.ctx, NPM).state
    host.server.set(version="3.7.8")
    back = ROLLBACK.undo(host.ctx, NPM, before, KEY + "/undo")
    assert (back.status, "v3.7.8 still answers, not v3.7.9" in back.detail) == ("failed", True)


def test_a_rollback_by_hand_is_read_back(host: Host) -> None:
    """What a person ran on the server's host counts as far as its version answers here."""
    before = ROLLBACK.observe(host.ctx, DOCKER).state
    waiting = ROLLBACK.done_elsewhere(host.ctx, DOCKER, before, "", False)
    assert (waiting.status, waiting.outputs) == ("applied", {"restarted": False})
    assert waiting.detail == "by hand: v3.7.9 still answers"
    assert ROLLBACK.done_elsewhere(host.ctx, DOCKER, before, "", True).status == "applied"
    host.server.set(version="3.7.8")
    assert ROLLBACK.done_elsewhere(host.ctx, DOCKER, before, "", False).outputs == {"restarted": True}
    assert ROLLBACK.done_elsewhere(host.ctx, DOCKER, before, "", True).status == "failed"


def test_failed_compose_has_re_tagged(host: Host) -> None:
    """Compose fails after the image was re-tagged: "failed", and it says what the next restart would start."""
    (host.root / "compose-fails").touch()
    before = ROLLBACK.observe(host.ctx, DOCKER).state
    applied = ROLLBACK.apply(host.ctx, DOCKER, before, KEY)
    assert applied.status == "failed"
    assert "exited 14" in applied.detail
    assert "the next restart starts that" in applied.detail
    assert "v3.7.9 runs now" in applied.detail


def test_missing_image_changes_nothing(host: Host) -> None:
    """The image vanished after the preflight: exit 1, and the tag is what it was, so it is "not applied"."""
    before = ROLLBACK.observe(host.ctx, DOCKER).state
    host.server.set(images={"3.7.9": "sha256:new", "prod": "sha256:new"})
    applied = ROLLBACK.apply(host.ctx, DOCKER, before, KEY)
    assert applied.status == "not_applied"
    assert "not found" in applied.detail


def test_npm_failure_may_have_changed_something(host: Host) -> None:
    """npm's own exit code comes through, and nobody claims that nothing has changed."""
    host.server.set(npm_fails=True)
    applied = ROLLBACK.apply(host.ctx, NPM, {"version": "3.7.9", "method": "npm"}, KEY)
    assert applied.status == "failed"
    assert "exited 7" in applied.detail


def test_no_way_back_is_called_out(host: Host) -> None:
    """Without an image of the running version, the approval says how to keep one."""
    host.server.set(images={"3.7.8": "sha256:old", "prod": "sha256:new"})
    seen = ROLLBACK.observe(host.ctx, DOCKER)
    assert any("docker tag omniroute:prod omniroute:3.7.9" in warning for warning in seen.warnings)


def test_undo_is_refused_when_another_version_runs(host: Host) -> None:
    """Somebody has deployed another version since: the state is not ours."""
    seen = ROLLBACK.observe(host.ctx, DOCKER)
    ROLLBACK.apply(host.ctx, DOCKER, seen.state, KEY)
    images = {"3.7.8": "sha256:old", "3.7.9": "sha256:new", "3.8.0": "sha256:newest", "prod": "sha256:newest"}
    host.server.set(version="3.8.0", images=images)
    assert ROLLBACK.observe_undo(host.ctx, DOCKER, seen.state, seen.desired).state != seen.desired


def test_a_server_that_is_down_can_be_rolled_back(host: Host) -> None:
    """The version before is then unknown, which is said, and makes undo impossible."""
    host.server.set(up=False)
    seen = ROLLBACK.observe(host.ctx, DOCKER)
    assert seen.state["version"] == "unknown"
    assert any("cannot be undone" in warning for warning in seen.warnings)
    with pytest.raises(NotOurs):
        ROLLBACK.observe_undo(host.ctx, DOCKER, seen.state, seen.desired)


def test_nothing_starts_without_the_script(host: Host) -> None:
    """A script that lost its execute bit after the approval: not applied, nothing has run."""
    before = ROLLBACK.observe(host.ctx, DOCKER).state
    os.chmod(host.root / "bin" / "rollback.sh", 0o644)
    applied = ROLLBACK.apply(host.ctx, DOCKER, before, KEY)
    assert applied.status == "not_applied"
    assert host.ran() == []

"""Restores: only from a verified source, read back, and taken back from what the script saved."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from omniops.actions import restores
from omniops.actions.restores import ACTIONS
from omniops.errors import NeedsPerson, NotOurs, OmniopsError
from omniops.jobs.local import safe_name
from tests.support.script_host import Host, database, keys

POLICIES, DATA = ACTIONS["script.restore_policies"], ACTIONS["script.restore_data"]
KEY = "r7f3a/restore/0"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    database(host.data, [])
    return host


def refused(action: Any, host: Host, source: Path) -> str:
    with pytest.raises(OmniopsError) as error:
        action.observe(host.ctx, {"source": str(source)})
    assert host.ran() == []
    return error.value.why


def test_policies_are_restored_and_taken_back(host: Host) -> None:
    """The keys are counted afterwards; undo puts back the very copy that the script saved, by its full path."""
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    seen = POLICIES.observe(host.ctx, args)
    assert (seen.state["keys"], seen.desired["keys"]) == (0, 3)
    assert "since that backup (2026-11-23T05:00:00" in seen.warnings[0]
    applied = POLICIES.apply(host.ctx, args, seen.state, KEY)
    assert applied.status == "applied", applied
    assert applied.outputs["keys"] == 3
    assert keys(host.data) == ["k1", "k2", "k3"]
    assert POLICIES.observe(host.ctx, args).state == seen.desired
    back = POLICIES.observe_undo(host.ctx, args, seen.state, {**seen.desired, "_at": ""})
    assert back.state == seen.desired
    assert not back.already
    assert back.shown["from"] == applied.outputs["saved"]
    time.sleep(1.1)  # the script names its safety copy by the second
    assert POLICIES.undo(host.ctx, args, seen.state, KEY + "/undo").status == "applied"
    assert keys(host.data) == []
    assert POLICIES.observe_undo(host.ctx, args, seen.state, seen.desired).already


def test_what_was_checked_before_the_intent_is_not_checked_after_it(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big backup takes longer to check than an intent may wait: between intent and script nothing is read of it."""
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    before = POLICIES.observe(host.ctx, args).state
    ctx = host.ctx._replace(prepared=POLICIES.prepare(host.ctx, args, before, False))
    with monkeypatch.context() as slow:
        slow.setattr(restores, "fault", lambda path: pytest.fail("checked again"))
        argv = POLICIES.command(ctx, args, before, KEY, False)
    assert argv[1] == args["source"]
    assert POLICIES.apply(ctx, args, before, KEY).status == "applied"
    ctx = host.ctx._replace(prepared=POLICIES.prepare(host.ctx, args, before, True))
    with monkeypatch.context() as slow:
        slow.setattr(POLICIES, "way_back", lambda *_: pytest.fail("looked for again"))
        assert "pre-policy-restore_" in POLICIES.command(ctx, args, before, KEY, True)[1]


def test_other_column_count_is_refused_before(host: Host) -> None:
    """Version skew, which would leave the keys empty, is found before anything runs; so are other bad sources."""
    assert "2 columns, and 3" in refused(POLICIES, host, host.snapshot("20261123T050000Z", columns=2))
    assert "after the incident began" in refused(POLICIES, host, host.snapshot("20261123T071500Z"))
    noise = host.snapshot("20261123T040000Z")
    (noise / "storage.sqlite").write_bytes(os.urandom(4000))
    assert "cannot be read" in refused(POLICIES, host, noise)
    assert "cannot be read" in refused(DATA, host, noise)
    assert "no folder" in refused(POLICIES, host, Path("20261123T050000Z"))
    assert "safety copy" in refused(DATA, host, database(host.backups / "pre-restore_20261101T000000Z"))


def test_exit_1_that_left_the_keys_empty(host: Host) -> None:
    """The columns change under the script: exit 1 with no keys left is "failed", and names the way back."""
    os.remove(host.data / "storage.sqlite")
    database(host.data, ["a", "b", "c"])
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    before = POLICIES.observe(host.ctx, args).state
    (host.root / "skew").touch()
    applied = POLICIES.apply(host.ctx, args, before, KEY)
    assert applied.status == "failed"
    assert "0 keys are there now, 3 were to be restored" in applied.detail
    assert applied.evidence["saved"] in applied.detail
    assert keys(Path(applied.evidence["saved"])) == ["a", "b", "c"]
    assert POLICIES.reconcile(host.ctx, args, before, KEY, False).status == "failed"
    assert host.ran() == ["policies"]


def test_exit_1_that_changed_nothing(host: Host) -> None:
    """A refusal of the script that left the keys as they were is "not applied"."""
    host.stub("restore-policies.sh", "die('no snapshot matching')\n")
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    before = POLICIES.observe(host.ctx, args).state
    applied = POLICIES.apply(host.ctx, args, before, KEY)
    assert applied.status == "not_applied"
    assert "no snapshot matching" in applied.detail


def test_data_needs_a_server_that_is_down(host: Host) -> None:
    """A server that answers, or any process that holds the database, stops the restore, also right before it runs."""
    source = host.snapshot("20261123T050000Z")
    args = {"source": str(source)}
    assert "answers" in refused(DATA, host, source)
    with pytest.raises(NeedsPerson):
        DATA.observe(host.ctx, args)
    host.server.set(up=False)
    before = DATA.observe(host.ctx, args).state
    holder = "import sys, time; f = open(sys.argv[1]); print(1, flush=True); time.sleep(30)"
    command = [sys.executable, "-c", holder, str(host.data / "storage.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert f"pid {process.pid}" in refused(DATA, host, source)
        applied = DATA.apply(host.ctx, args, before, KEY)
        process.kill()
    assert applied.status == "not_applied"
    assert "not down" in applied.detail
    assert host.ran() == []


def test_data_is_restored_and_taken_back(host: Host) -> None:
    """The checksum of what is there afterwards is the source's; undo brings the damaged bytes back exactly."""
    host.server.set(up=False)
    (host.data / "storage.sqlite").write_bytes(damaged := os.urandom(6000))
    source = host.snapshot("20261123T050000Z")
    args = {"source": str(source)}
    seen = DATA.observe(host.ctx, args)
    applied = DATA.apply(host.ctx, args, seen.state, KEY)
    assert applied.status == "applied", applied
    assert (host.data / "storage.sqlite").read_bytes() == (source / "storage.sqlite").read_bytes()
    assert (Path(applied.outputs["saved"]) / "storage.sqlite").read_bytes() == damaged
    back = DATA.observe_undo(host.ctx, args, seen.state, seen.desired)
    assert back.state == seen.desired
    time.sleep(1.1)
    assert DATA.undo(host.ctx, args, seen.state, KEY + "/undo").status == "applied"
    assert (host.data / "storage.sqlite").read_bytes() == damaged


def test_data_undo_needs_the_server_down_and_the_copy(host: Host) -> None:
    """Undo is refused while the server runs, and where no saved copy holds what was there before."""
    host.server.set(up=False)
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    seen = DATA.observe(host.ctx, args)
    saved = DATA.apply(host.ctx, args, seen.state, KEY).outputs["saved"]
    host.server.set(up=True)
    with pytest.raises(NeedsPerson):
        DATA.observe_undo(host.ctx, args, seen.state, seen.desired)
    host.server.set(up=False)
    shutil.rmtree(saved)
    with pytest.raises(NotOurs):
        DATA.observe_undo(host.ctx, args, seen.state, seen.desired)


def test_exit_0_over_torn_data_is_no_success(host: Host) -> None:
    """restore-data.sh checks nothing: what is there afterwards is compared, and a torn file is "failed"."""
    host.server.set(up=False)
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    before = DATA.observe(host.ctx, args).state
    (host.root / "tear").touch()
    applied = DATA.apply(host.ctx, args, before, KEY)
    assert applied.status == "failed"
    assert "pre-restore_" in applied.detail


def test_old_wal_left_behind_is_no_success(host: Host) -> None:
    """A write-ahead log of the old database would be played into the restored one: "failed", with words."""
    host.server.set(up=False)
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    before = DATA.observe(host.ctx, args).state
    (host.data / "storage.sqlite-wal").write_bytes(b"old")
    applied = DATA.apply(host.ctx, args, before, KEY)
    assert applied.status == "failed"
    assert "of the old database is still there" in applied.detail


def test_killed_supervisor_is_in_doubt(host: Host) -> None:
    """A restore whose supervisor died is in doubt, not failed and not run again."""
    import json
    import threading

    host.server.set(up=False)
    host.stub("restore-data.sh", 'open(f"{ROOT}/ran", "a").write("x\\n"); time.sleep(30)\n')
    args = {"source": str(host.snapshot("20261123T050000Z"))}
    before = DATA.observe(host.ctx, args).state
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(DATA.apply(host.ctx, args, before, KEY)))
    thread.start()
    child = host.root / "jobs" / safe_name(KEY) / "child"
    while not child.exists():
        time.sleep(0.02)
    os.kill(json.loads((child.parent / "claim").read_text())["pid"], signal.SIGKILL)
    os.kill(json.loads(child.read_text())["pid"], signal.SIGKILL)
    thread.join()
    assert answers[0].status == "in_doubt"
    assert DATA.reconcile(host.ctx, args, before, KEY, False).status == "in_doubt"


def test_changed_source_is_found_right_before(host: Host) -> None:
    """A source that was damaged between approval and start is refused, and nothing is run."""
    source = host.snapshot("20261123T050000Z")
    args = {"source": str(source)}
    before = POLICIES.observe(host.ctx, args).state
    (source / "storage.sqlite").write_bytes(os.urandom(4000))
    applied = POLICIES.apply(host.ctx, args, before, KEY)
    assert applied.status == "not_applied"
    assert host.ran() == []


def test_elsewhere_it_is_a_command(tmp_path: Path) -> None:
    """On another host: the exact command line, with the full path and --yes."""
    host = Host(tmp_path, drill=False, url="http://203.0.113.9:20128")
    seen = POLICIES.observe(host.ctx, {"source": "/backups/snapshot_20261123T050000Z_it's"})
    assert seen.command.endswith("""restore-policies.sh '/backups/snapshot_20261123T050000Z_it'"'"'s' --yes""")

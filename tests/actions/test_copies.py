"""Snapshots and copies: unique by intent, read back, found again after a crash, never half and called whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from omniops.actions.copies import ACTIONS, whole
from omniops.actions.scripts import check_present
from omniops.errors import BadInput, NotOurs
from omniops.jobs.local import safe_name
from tests.support.script_host import Host, database

SNAPSHOT, COPY = ACTIONS["script.snapshot"], ACTIONS["data.copy"]
ARGS = {"label": "pre-rollback"}
KEY = "r7f3a/snapshot/0"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    database(host.data)
    return host


def test_snapshot_is_read_back(host: Host) -> None:
    """The path is that of a folder with a database that passes its check, and no undo is offered."""
    seen = SNAPSHOT.observe(host.ctx, ARGS)
    assert not seen.already
    assert not seen.command
    applied = SNAPSHOT.apply(host.ctx, ARGS, seen.state, KEY)
    assert applied.status == "applied", applied
    place = Path(applied.outputs["path"])
    assert place.parent == host.backups
    assert safe_name(KEY) in place.name
    assert (place / "storage.sqlite").is_file()
    with pytest.raises(NotOurs):
        SNAPSHOT.observe_undo(host.ctx, ARGS, seen.state, seen.state)


def test_two_snapshots_in_one_second_do_not_clash(host: Host) -> None:
    """Two intents in the same second make two folders."""
    before = SNAPSHOT.observe(host.ctx, ARGS).state
    paths = {SNAPSHOT.apply(host.ctx, ARGS, before, f"r7f3a/snapshot/{n}").outputs["path"] for n in range(2)}
    assert len(paths) == 2


def test_snapshot_of_a_damaged_database_fails_and_names_what_it_left(host: Host) -> None:
    """snapshot-data.sh leaves an empty folder behind on damage; that is said, and it is not taken for a snapshot."""
    (host.data / "storage.sqlite").write_bytes(os.urandom(9000))
    before = SNAPSHOT.observe(host.ctx, ARGS).state
    applied = SNAPSHOT.apply(host.ctx, ARGS, before, KEY)
    assert applied.status == "failed"
    assert "snapshot_" in applied.detail
    assert "exited 1" in applied.detail
    assert SNAPSHOT.reconcile(host.ctx, ARGS, before, KEY, False).status == "failed"
    assert host.ran() == ["snapshot"]


def test_exit_0_without_a_snapshot_is_no_success(host: Host) -> None:
    """A script that says yes and makes nothing has failed."""
    host.stub("snapshot-data.sh", "print('20261123T072547Z')\n")
    before = SNAPSHOT.observe(host.ctx, ARGS).state
    assert SNAPSHOT.apply(host.ctx, ARGS, before, KEY).status == "failed"


def test_snapshot_reconciles_from_its_job(host: Host) -> None:
    """After a crash: applied if the intent's snapshot is there, certainly not applied if the job never began."""
    before = SNAPSHOT.observe(host.ctx, ARGS).state
    assert SNAPSHOT.reconcile(host.ctx, ARGS, before, "r7f3a/other/0", False).status == "not_applied"
    SNAPSHOT.apply(host.ctx, ARGS, before, KEY)
    again = SNAPSHOT.reconcile(host.ctx, ARGS, before, KEY, False)
    assert again.status == "applied"
    assert Path(again.outputs["path"]).is_dir()
    assert host.ran() == ["snapshot"]


@pytest.mark.parametrize("label", ["a/b", "it's", "", "a b", "x" * 61, "ä", "a\n"])
def test_labels_that_break_the_script_are_refused(host: Host, label: str) -> None:
    """Only [A-Za-z0-9._-] gets as far as snapshot-data.sh."""
    with pytest.raises(BadInput):
        SNAPSHOT.observe(host.ctx, {"label": label})
    assert host.ran() == []


def test_elsewhere_it_is_a_command(tmp_path: Path) -> None:
    """On another host the observation holds the exact command line, quoted, and nothing is run."""
    host = Host(tmp_path / "a b", drill=False, url="http://203.0.113.9:20128")
    database(host.data)
    check_present(host.settings, host.ctx, ["no-such-script.sh"])
    seen = SNAPSHOT.observe(host.ctx, ARGS)
    quoted = f"'{tmp_path}/a b/bin/snapshot-data.sh' --label pre-rollback-omniops"
    assert seen.command == f"DATA_DIR='{tmp_path}/a b/data' {quoted}"
    assert "203.0.113.9 is not an address of this machine" in seen.shown["host"]
    assert host.ran() == []


def test_copy_by_hand_is_a_command_that_works(tmp_path: Path) -> None:
    """The command line for a copy by hand makes a copy with checksums."""
    host = Host(tmp_path / "a b", drill=False, url="http://203.0.113.9:20128")
    database(host.data)
    seen = COPY.observe(host.ctx, {"label": "damaged"})
    subprocess.run(["bash", "-c", seen.command], check=True)
    place = host.backups / "omniops-copy_damaged_by-hand"
    assert (place / "storage.sqlite").read_bytes() == (host.data / "storage.sqlite").read_bytes()
    assert "storage.sqlite" in (place / "SHA256SUMS").read_text()


def test_copy_is_byte_for_byte(host: Host) -> None:
    """All three files, damaged or not, with checksums, private, and found again by its intent."""
    for name in ("storage.sqlite", "storage.sqlite-wal", "storage.sqlite-shm"):
        (host.data / name).write_bytes(os.urandom(5000))
    before = COPY.observe(host.ctx, ARGS).state
    applied = COPY.apply(host.ctx, ARGS, before, KEY)
    place = Path(applied.outputs["path"])
    assert applied.status == "applied"
    assert whole(place)
    assert place.stat().st_mode & 0o777 == 0o700
    for name in ("storage.sqlite", "storage.sqlite-wal", "storage.sqlite-shm"):
        assert (place / name).read_bytes() == (host.data / name).read_bytes()
    assert COPY.apply(host.ctx, ARGS, before, KEY).outputs == applied.outputs
    assert COPY.reconcile(host.ctx, ARGS, before, KEY, False).status == "applied"
    assert len(list(host.backups.iterdir())) == 1


def test_partial_copy_is_not_whole(host: Host) -> None:
    """A copy under another name, with a file missing or one bit other, is not taken for a complete one."""
    before = COPY.observe(host.ctx, ARGS).state
    place = Path(COPY.apply(host.ctx, ARGS, before, KEY).outputs["path"])
    partial = place.with_name(place.name + ".partial-1-abc")
    shutil.move(place, partial)
    judged = COPY.reconcile(host.ctx, ARGS, before, KEY, False)
    assert judged.status == "not_applied"
    assert "partial" in judged.detail
    content = bytearray((partial / "storage.sqlite").read_bytes())
    content[100] ^= 1
    (partial / "storage.sqlite").write_bytes(content)
    assert not whole(partial)
    (partial / "storage.sqlite").unlink()
    assert not whole(partial)
    (partial / "MANIFEST.json").write_text(json.dumps({"sha256": {}}))
    assert not whole(partial)


def test_copy_that_cannot_be_made_leaves_nothing(host: Host) -> None:
    """Where the place cannot be written, nothing is left and it says so."""
    before = COPY.observe(host.ctx, ARGS).state
    host.backups.rmdir()
    host.backups.write_text("a file in the way")
    applied = COPY.apply(host.ctx, ARGS, before, KEY)
    assert applied.status == "not_applied"
    assert "could not be made" in applied.detail


def test_copy_warns_while_somebody_holds_the_database(host: Host) -> None:
    """A copy of a database in use is announced as doubtful."""
    with (host.data / "storage.sqlite").open("rb"):
        seen = COPY.observe(host.ctx, ARGS)
    assert any(f"pid {os.getpid()}" in warning for warning in seen.warnings)


def test_data_folder_must_be_the_servers(host: Host, tmp_path: Path) -> None:
    """A setting that names another folder than the server does is refused before anything is copied."""
    other = database(tmp_path / "other")
    host.settings.env["OMNIROUTE_DATA_DIR"] = str(other)  # type: ignore[index]
    with pytest.raises(BadInput) as error:
        SNAPSHOT.observe(host.ctx, ARGS)
    assert "but the server uses" in error.value.why


def test_what_a_runbook_needs_is_named_before_it_begins(host: Host) -> None:
    """Scripts that are not there, not executable or outside the drill are named before a walk begins."""
    check_present(host.settings, host.ctx, ["docker", "rollback.sh", "snapshot-data.sh"])
    (host.root / "bin" / "rollback.sh").chmod(0o644)
    (host.root / "bin" / "snapshot-data.sh").unlink()
    with pytest.raises(BadInput, match="cannot be run here") as refused:
        check_present(host.settings, host.ctx, ["rollback.sh", "snapshot-data.sh"])
    assert "rollback.sh" in refused.value.why
    assert "not executable" in refused.value.why
    assert "snapshot-data.sh" in refused.value.why
    assert "not there" in refused.value.why
    check_present(host.settings, host.ctx, ["restore-data.sh", "docker"])
    with pytest.raises(BadInput):
        SNAPSHOT.observe(host.ctx, ARGS)

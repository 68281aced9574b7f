"""Only snapshots that are old enough, whole and fit are offered; the others say why not."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from omniops.actions.backups import ACTIONS, fault, keys_of
from omniops.errors import BadInput, NeedsPerson
from tests.support.script_host import Host, database

LIST = ACTIONS["backups.list"]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    database(host.data, ["a", "b"])
    host.snapshot("20261122T060000Z_nightly")
    host.snapshot("20261123T050000Z_pre-fix", ["k1"])
    host.snapshot("20261123T063000Z_skew", columns=2)
    host.snapshot("20261123T064000Z_no-keys", [])
    host.snapshot("20261123T071500Z_too-late")
    (host.backups / "snapshot_20261123T065000Z_empty").mkdir()
    (host.snapshot("20261123T065500Z_noise") / "storage.sqlite").write_bytes(os.urandom(5000))
    database(host.backups / "pre-restore_20261120T000000Z")
    (host.backups / "db_2026-11-23T07-37-46-896Z_pre-restore.sqlite").write_bytes(b"flat")
    return host


def test_policies(host: Host) -> None:
    """For policies: keys, and the column count of the live database; newest first, by full path."""
    answer = LIST.read(host.ctx, {"purpose": "policies"})
    names = [candidate["name"] for candidate in answer["candidates"]]
    assert names == ["snapshot_20261123T050000Z_pre-fix", "snapshot_20261122T060000Z_nightly"]
    newest = answer["candidates"][0]
    assert newest["path"] == str(host.backups / names[0])
    assert newest["keys"] == 1
    assert newest["age"] == "2h 30m old"
    assert "keys 1" in newest["rows"]
    why = {one["name"].rpartition("_")[2]: one["why"] for one in answer["rejected"]}
    assert "2 columns, and 3" in why["skew"]
    assert "no API keys" in why["no-keys"]
    assert "after the incident began" in why["too-late"]
    assert "no storage.sqlite" in why["empty"]
    assert "cannot be read" in why["noise"]
    assert "safety copy" in why["20261120T000000Z"]
    assert "1 backups of the server's own" in answer["summary"]


def test_data(host: Host) -> None:
    """For data: other columns and no keys do not matter, age and integrity do; a damaged live database neither."""
    (host.data / "storage.sqlite").write_bytes(os.urandom(5000))
    names = [one["name"].rpartition("_")[2] for one in LIST.read(host.ctx, {"purpose": "data"})["candidates"]]
    assert names == ["no-keys", "skew", "pre-fix", "nightly"]


def test_damaged_live_database_offers_no_policies(host: Host) -> None:
    """Policies cannot be compared with a database that cannot be read, so none is offered."""
    (host.data / "storage.sqlite").write_bytes(os.urandom(5000))
    answer = LIST.read(host.ctx, {"purpose": "policies"})
    assert answer["candidates"] == []
    assert "live database cannot be read" in answer["rejected"][0]["why"]


def test_subtle_damage_is_found(host: Host) -> None:
    """A database that opens and lists its tables, with a page torn out of its index, is rejected."""
    place = host.backups / "snapshot_20261123T061000Z_torn"
    place.mkdir()
    link = sqlite3.connect(place / "storage.sqlite")
    with link:
        link.execute("CREATE TABLE api_keys (id, a)")
        link.execute("CREATE INDEX i ON api_keys (id)")
        link.executemany("INSERT INTO api_keys VALUES (?, ?)", [(str(n), "x" * 50) for n in range(500)])
    link.close()
    file = place / "storage.sqlite"
    assert fault(file) == ""
    with sqlite3.connect(file) as writable:
        writable.execute("PRAGMA writable_schema = ON")
        writable.execute("DELETE FROM sqlite_master WHERE name = 'i'")
    writable.close()
    assert keys_of(file).total == 500
    assert fault(file) != ""


def test_checking_writes_nothing(host: Host) -> None:
    """Looking at a snapshot, or at the live database, leaves no file beside it and no byte changed."""
    before = {path: path.read_bytes() for path in host.data.rglob("*") if path.is_file()}
    LIST.read(host.ctx, {"purpose": "policies"})
    assert {path: path.read_bytes() for path in host.data.rglob("*") if path.is_file()} == before


def test_stops_reading_when_there_are_enough(host: Host) -> None:
    """With five newer good ones, older snapshots are not read any more, and that is said."""
    for day in range(1, 8):
        host.snapshot(f"2026110{day}T060000Z_old")
    answer = LIST.read(host.ctx, {"purpose": "policies"})
    assert len(answer["candidates"]) == 5
    assert any("not read" in one["why"] for one in answer["rejected"])


def test_no_backups_at_all(tmp_path: Path) -> None:
    """An empty list is an answer, not an error."""
    host = Host(tmp_path)
    database(host.data)
    host.backups.rmdir()
    assert LIST.read(host.ctx, {"purpose": "data"})["candidates"] == []


def test_elsewhere_and_nonsense(tmp_path: Path) -> None:
    """On another host they cannot be verified, and an unknown purpose is refused."""
    host = Host(tmp_path, drill=False, url="http://203.0.113.9:20128")
    with pytest.raises(NeedsPerson):
        LIST.read(host.ctx, {"purpose": "data"})
    with pytest.raises(BadInput):
        LIST.read(host.ctx, {"purpose": "fun"})

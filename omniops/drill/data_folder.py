"""The data folder of a drill: a real SQLite database with API keys and logs, its snapshots, and ways to damage it."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from omniops.clock import iso

KEY_COLUMNS = (
    "id, name, key, machine_id, allowed_models, no_log, created_at, revoked_at, expires_at, last_used_at, key_prefix, "
    "ip_allowlist, scopes, allowed_connections, auto_resolve, is_active, access_schedule, max_requests_per_day, "
    "max_requests_per_minute, max_sessions, owner"
)
"""The 21 columns of ``api_keys``; a snapshot of an older version has one less."""

EXTRA_COLUMN = "tenant"
GOOD_SNAPSHOT_AGE = timedelta(hours=2)


def open_database(path: Path) -> sqlite3.Connection:
    """Open the live database as the server does: autocommit, for every thread that holds the world's lock."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    database.execute("PRAGMA synchronous = OFF")
    return database


def create(folder: Path, keys: list[dict[str, str]], onset: datetime, rng: Random) -> Path:
    """Make the database and its snapshots; return the newest snapshot that is good and older than ``onset``.

    The others are traps: random bytes, no keys, an older schema, and one taken after the incident had begun.
    """
    folder.mkdir(parents=True, exist_ok=True)
    live = folder / "storage.sqlite"
    _write(live, keys, KEY_COLUMNS)
    hour = timedelta(hours=1)
    older = KEY_COLUMNS.rpartition(",")[0]
    _write(snapshot(folder, onset - 74 * hour, "before-upgrade"), keys, older)
    _write(snapshot(folder, onset - 50 * hour, "no-keys"), [], KEY_COLUMNS)
    _write(snapshot(folder, onset - 26 * hour, "nightly"), keys, KEY_COLUMNS)
    good = snapshot(folder, onset - GOOD_SNAPSHOT_AGE, "nightly")
    _write(good, keys, KEY_COLUMNS)
    snapshot(folder, onset - hour, "pre-deploy").write_bytes(rng.randbytes(5000))
    _write(snapshot(folder, onset + timedelta(minutes=1), "hourly"), [], KEY_COLUMNS)
    flat = (onset - 26 * hour).strftime("db_%Y-%m-%dT%H-%M-%S-000Z_manual.sqlite")
    _write(folder / "db_backups" / flat, keys, KEY_COLUMNS)
    for path in (folder / "db_backups").glob("snapshot_*/storage.sqlite"):
        _age(path)
    return good.parent


def snapshot(folder: Path, moment: datetime, label: str) -> Path:
    """Return the database path of a snapshot taken at a moment; its folder exists afterwards."""
    path = folder / "db_backups" / f"snapshot_{moment:%Y%m%dT%H%M%SZ}_{label}" / "storage.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _age(path: Path) -> None:
    stamp = datetime.strptime(path.parent.name.split("_")[1] + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
    os.utime(path, (stamp, stamp))
    os.utime(path.parent, (stamp, stamp))


def _write(path: Path, keys: list[dict[str, str]], columns: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    if path.parent.name == "data":
        database.execute("PRAGMA journal_mode = WAL")
    database.execute(f"CREATE TABLE api_keys ({columns})")
    database.execute("CREATE TABLE api_key_usage_log (key_id, at)")
    database.execute("CREATE TABLE provider_connections (id PRIMARY KEY, name)")
    database.execute("CREATE TABLE call_logs (id INTEGER PRIMARY KEY, body)")
    database.execute("BEGIN")
    for key in keys:
        insert_key(database, key)
    database.executemany("INSERT INTO call_logs (body) VALUES (?)", [("x" * 400,)] * 200)
    database.execute("COMMIT")
    database.close()


def insert_key(database: sqlite3.Connection, key: dict[str, str]) -> None:
    """Add one API key."""
    database.execute(
        "INSERT INTO api_keys (id, name, key, machine_id, no_log, created_at, key_prefix, scopes, is_active,"
        " auto_resolve, max_sessions) VALUES (?, ?, ?, ?, 0, ?, ?, ?, 1, 0, 0)",
        (key["id"], key["name"], key["key"], key["machine"], key["created"], key["key"][:12], key["scopes"] or None),
    )


def damage(path: Path) -> None:
    """Overwrite pages in the middle: the schema and the keys stay readable, everything that reads all of it fails."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096 * 4)


def key_rows(database: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every API key as a dict of its columns. Raises sqlite3.Error."""
    cursor = database.execute("SELECT * FROM api_keys")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def problems(database: sqlite3.Connection) -> list[str]:
    """Return what PRAGMA quick_check finds, [] when the database is sound."""
    try:
        found = [str(row[0]) for row in database.execute("PRAGMA quick_check(5)")]
    except sqlite3.Error as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def backup_list(folder: Path) -> list[dict[str, Any]]:
    """Return the server's own flat backups, newest first, as GET /api/db-backups does."""
    rows = []
    for path in sorted((folder / "db_backups").glob("db_*.sqlite"), reverse=True):
        at = datetime.strptime(path.name[3:22] + "+0000", "%Y-%m-%dT%H-%M-%S%z")
        rows.append(
            {
                "id": path.name,
                "filename": path.name,
                "createdAt": iso(at),
                "size": path.stat().st_size,
                "reason": path.stem.rpartition("_")[2],
                "connectionCount": 0,
            }
        )
    return rows

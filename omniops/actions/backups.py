"""``backups.list``: the snapshots that a restore may use, and why the others may not.

restore-data.sh takes random bytes, and restore-policies.sh empties the keys on a column mismatch, so a source is
verified here first: integrity check, row counts, columns (sections 4.3 and 4.4).
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from omniops.actions.base import Args, Context
from omniops.actions.scripts import DATABASE, backups_folder, data_folder, here
from omniops.clock import SystemClock, iso
from omniops.errors import BadInput, NeedsPerson
from omniops.text import duration, one_line

CHECK_LIMIT_S = 60.0
"""An integrity check that takes longer is given up, and its snapshot not offered."""
ENOUGH = 5
"""Good snapshots to find; older ones are not read any more."""
MOST_REJECTED = 20
MAIN_TABLES = ("provider_connections", "api_keys", "combos", "call_logs")
STAMP = re.compile(r"(\d{8}T\d{6})Z")
COPIES = ("pre-restore_", "pre-policy-restore_", "omniops-copy_")


class Keys(NamedTuple):
    """The policy tables of a database: columns of each, and the keys by number and identity."""

    columns: dict[str, int]
    total: int
    ids: str  # digest of the keys' ids: equal when the keys are the same ones


@contextlib.contextmanager
def reading(file: Path, *, live: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a database for reading only. Raises sqlite3.Error.

    ``immutable`` writes nothing beside the file, but must not be used where a -wal holds part of the content.
    """
    wal = file.with_name(file.name + "-wal")
    still = not (live and wal.is_file() and wal.stat().st_size)
    link = sqlite3.connect(f"file:{quote(str(file))}?mode=ro{'&immutable=1' if still else ''}", uri=True, timeout=5)
    try:
        yield link
    finally:
        link.close()


def fault(file: Path, limit_s: float = CHECK_LIMIT_S) -> str:
    """Say what is wrong with a snapshot's database, "" if it passes ``PRAGMA integrity_check`` and holds tables."""
    if not file.is_file():
        return f"it has no {file.name}"
    if not file.stat().st_size:
        return "it is empty"
    clock = SystemClock()
    until = clock.boot() + limit_s
    try:
        with reading(file) as link:
            link.set_progress_handler(lambda: clock.boot() > until, 100_000)
            said = [str(row[0]) for row in link.execute("PRAGMA integrity_check(3)")]
            if said != ["ok"]:
                return f"integrity check: {one_line('; '.join(said), 100)}"
            if not _tables(link):
                return "it holds no tables"
    except sqlite3.Error as error:
        late = clock.boot() > until
        return (
            f"its integrity check took longer than {limit_s:g} s" if late else f"it cannot be read: {one_line(error)}"
        )
    return ""


def _tables(link: sqlite3.Connection) -> list[str]:
    names = link.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return sorted(str(row[0]) for row in names)


def _name(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


def rows(file: Path, *, live: bool = False) -> dict[str, int]:
    """Return the row counts of the main tables that are there. Raises sqlite3.Error."""
    with reading(file, live=live) as link:
        there = _tables(link)
        return {
            table: int(link.execute(f"SELECT count(*) FROM {_name(table)}").fetchone()[0])
            for table in MAIN_TABLES
            if table in there
        }


def _counted(table: str, count: int) -> str:
    """Short, so that a menu's line holds it; what is empty stands out."""
    name = table.removeprefix("provider_").removeprefix("api_").replace("call_logs", "calls")
    return f"{name} {count}" if count else f"NO {name}"


def keys_of(file: Path, *, live: bool = False) -> Keys:
    """Read the tables that restore-policies.sh replaces: api_key* but the counters and logs. Raises sqlite3.Error."""
    with reading(file, live=live) as link:
        tables = [t for t in _tables(link) if t.startswith("api_key") and "counter" not in t and "_log" not in t]
        columns = {t: len(link.execute(f"PRAGMA table_info({_name(t)})").fetchall()) for t in tables}
        if "api_keys" not in tables:
            return Keys(columns, 0, "")
        ids = sorted(str(row[0]) for row in link.execute("SELECT id FROM api_keys"))
    return Keys(columns, len(ids), hashlib.sha256("\n".join(ids).encode("utf-8", "surrogatepass")).hexdigest()[:16])


def mismatch(live: Keys, source: Keys) -> str:
    """Say why the policies of ``source`` must not be restored into the live database; "" if they may.

    With other column counts restore-policies.sh exits 1 and leaves the keys empty.
    """
    if not source.columns:
        return "it has no api_key tables"
    for table in sorted({*live.columns, *source.columns}):
        one, other = live.columns.get(table), source.columns.get(table)
        if one is None or other is None:
            return f"{table} is only in {'the snapshot' if one is None else 'the live database'}"
        if one != other:
            return f"{table} has {other} columns, and {one} in the live database (another version wrote it)"
    return ""


def made_at(folder: Path) -> datetime:
    """Return when a snapshot was made: the stamp in its name, else its database's time."""
    found = STAMP.search(folder.name)
    if found:
        with contextlib.suppress(ValueError):
            return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    file = folder / DATABASE
    return datetime.fromtimestamp((file if file.exists() else folder).stat().st_mtime, UTC)


def too_new(folder: Path, onset: datetime) -> str:
    """Say why a snapshot is no source for this incident: made since its onset, or a copy of replaced data; else ""."""
    if folder.name.startswith(COPIES):
        return "it is a safety copy of data that was replaced or damaged"
    made = made_at(folder)
    return f"it was made {duration(made - onset)} after the incident began" if made >= onset else ""


class ListBackups:
    """The candidates: older than the incident, whole, and fit for the purpose ("policies" or "data")."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        purpose = str(args["purpose"])
        if purpose not in ("policies", "data"):
            raise BadInput(f"backups.list: purpose is {one_line(purpose, 40)!r}", why="it is policies or data")
        proof = here(ctx)
        if not proof.here:
            raise NeedsPerson(
                "The backups cannot be looked through from this host",
                why=proof.why,
                state="nothing was changed",
                next="walk this runbook on the server's host, where omniops can verify them",
            )
        data = data_folder(ctx)
        folder = backups_folder(ctx, data)
        live, trouble = self._live(data, purpose)
        candidates: list[dict[str, Any]] = []
        rejected: list[dict[str, str]] = []
        for place in self._newest_first(folder):
            why = trouble or too_new(place, ctx.onset)
            if not why and len(candidates) >= ENOUGH:
                why = f"not read: {ENOUGH} newer ones are good"
            found, why = (None, why) if why else self._look(ctx, place, purpose, live)
            if found is not None:
                candidates.append(found)
            else:
                rejected.append({"path": str(place), "name": one_line(place.name, 80), "why": why})
        flat = len(list(folder.glob("db_*.sqlite"))) if folder.is_dir() else 0
        words = f"{len(candidates)} usable in {folder}, {len(rejected)} not"
        if rejected:
            words += f" ({rejected[0]['name']}: {rejected[0]['why']})"
        if flat:
            words += f"; {flat} backups of the server's own (db_*.sqlite), which the scripts do not take"
        return {"candidates": candidates, "rejected": rejected[:MOST_REJECTED], "summary": words}

    def _live(self, data: Path, purpose: str) -> tuple[Keys, str]:
        if purpose != "policies":
            return Keys({}, 0, ""), ""
        try:
            return keys_of(data / DATABASE, live=True), ""
        except sqlite3.Error as error:
            return Keys({}, 0, ""), f"the live database cannot be read to compare with ({one_line(error, 80)})"

    def _newest_first(self, folder: Path) -> list[Path]:
        if not folder.is_dir():
            return []
        places = [place for place in folder.iterdir() if place.is_dir() and not place.is_symlink()]
        return sorted(places, key=lambda place: (made_at(place), place.name), reverse=True)

    def _look(self, ctx: Context, place: Path, purpose: str, live: Keys) -> tuple[dict[str, Any] | None, str]:
        file = place / DATABASE
        why = fault(file)
        if why:
            return None, why
        try:
            counts, keys = rows(file), keys_of(file)
        except sqlite3.Error as error:
            return None, f"it cannot be read: {one_line(error, 80)}"
        if purpose == "policies":
            why = mismatch(live, keys) or ("" if keys.total else "it holds no API keys")
            if why:
                return None, why
        size = file.stat().st_size
        candidate = {
            "path": str(place),
            "name": one_line(place.name, 80),
            "made_at": iso(made_at(place)),
            "age": f"{duration(ctx.clock.now() - made_at(place))} old",
            "bytes": size,
            "size": f"{size / 1e6:.1f} MB",
            "rows": ", ".join(_counted(table, count) for table, count in counts.items()) or "no known tables",
            "counts": counts,
            "keys": keys.total,
        }
        return candidate, ""


ACTIONS: dict[str, Any] = {"backups.list": ListBackups()}

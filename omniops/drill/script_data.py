"""Stand-ins for snapshot-data.sh, restore-policies.sh and restore-data.sh, on the drill's real SQLite files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from omniops.drill.script import Failed, Script

_SIDE_FILES = ("-wal", "-shm")


class _Asked:
    """The command line that the three share."""

    def __init__(self, script: Script, usage: str) -> None:
        self.id, self.label, self.yes = "", "", False
        self.data = Path(os.environ.get("DATA_DIR") or script.state / "data")
        rest = list(script.argv)
        while rest:
            word = rest.pop(0)
            if word in ("-h", "--help"):
                print(usage)
                raise Failed(0)
            if word in ("--label", "--data-dir"):
                if not rest:
                    print(f"bin/{script.name}: line 31: 2: {word} needs a value", file=sys.stderr)
                    raise Failed(1)
                value = rest.pop(0)
                if word == "--label":
                    self.label = value
                else:
                    self.data = Path(value)
            elif word in ("--yes", "-y"):
                self.yes = True
            elif word.startswith("-"):
                script.fail(f"unknown argument: {word} (see --help)")
            else:
                self.id = word
        _stay_inside(script, self.data)
        self.backups = Path(os.environ.get("DB_BACKUPS_DIR") or self.data / "db_backups")
        _stay_inside(script, self.backups)
        self.live = self.data / "storage.sqlite"

    def source(self, script: Script) -> Path:
        """Find the snapshot: the first hit, and of several the oldest, as the real lookup does."""
        if not self.id:
            script.fail("missing snapshot id (see --help)")
        places = [Path(self.id), self.backups / self.id, self.backups / f"snapshot_{self.id}"]
        if "/" not in self.id:
            places += sorted(self.backups.glob(f"snapshot_*{self.id}*"))
        for place in places:
            if (place / "storage.sqlite").is_file():
                return place
        script.fail(f"no snapshot matching '{self.id}' under {self.backups} (run bin/snapshot-data.sh first)")


def _stay_inside(script: Script, path: Path) -> None:
    """A stand-in touches nothing outside its drill, whatever the environment says."""
    if not path.resolve().is_relative_to(script.state.resolve()):
        script.fail(f"drill: {path} is outside the drill's folder", 70)


def _stamp(script: Script) -> str:
    return script.now().strftime("%Y%m%dT%H%M%SZ")


def _vacuum_into(source: Path, copy: Path) -> None:
    """As ``sqlite3 FILE "VACUUM INTO 'COPY'"``: fails on damage, on an existing copy, on a quote in the name."""
    if "'" in str(copy):
        print(f'Error: in prepare, near "{copy.parent.name.rpartition(chr(39))[2]}": syntax error', file=sys.stderr)
        raise Failed(1)
    if copy.exists():
        print("Error: stepping, output file already exists", file=sys.stderr)
        raise Failed(1)
    try:
        database = sqlite3.connect(source, isolation_level=None, timeout=5)
        database.execute(f"VACUUM INTO '{copy}'")
        database.close()
    except sqlite3.Error as error:
        print(f"Error: stepping, {error} (11)", file=sys.stderr)
        raise Failed(1) from None


def snapshot(script: Script) -> int:
    """snapshot-data.sh: the id is the only thing on stdout."""
    asked = _Asked(script, "usage: bin/snapshot-data.sh [--label NAME] [--data-dir PATH]")
    if not asked.live.is_file():
        script.fail(f"no storage.sqlite at {asked.live} (set DATA_DIR?)")
    id = _stamp(script) + (f"_{asked.label}" if asked.label else "")
    folder = asked.backups / f"snapshot_{id}"
    folder.mkdir(parents=True, exist_ok=True)  # before the copy: a failure leaves an empty folder
    for path in [asked.live, *sorted(set(asked.data.glob("*.sqlite")) - {asked.live})]:
        _vacuum_into(path, folder / path.name)
    script.say(f"snapshot created: {folder}")
    print(id)
    return 0


def restore_policies(script: Script) -> int:
    """restore-policies.sh: each statement commits by itself, so a failing INSERT leaves the table empty."""
    asked = _Asked(script, "usage: bin/restore-policies.sh <id> [--data-dir PATH] [--yes]")
    source = asked.source(script)
    tables = _policy_tables(script, source / "storage.sqlite")
    script.say(f"policy tables to restore: {' '.join(tables)}")
    script.confirm(f"Replace them in {asked.live}?", asked.yes)
    saved = asked.backups / f"pre-policy-restore_{_stamp(script)}"
    saved.mkdir(parents=True, exist_ok=True)
    _vacuum_into(asked.live, saved / "storage.sqlite")
    script.say(f"live DB saved to {saved}")
    failed = False
    live = sqlite3.connect(asked.live, isolation_level=None, timeout=5)
    live.execute("ATTACH DATABASE ? AS snap", (str(source / "storage.sqlite"),))
    for line, table in enumerate(tables, start=5):
        try:
            live.execute(f'DELETE FROM main."{table}"')
            live.execute(f'INSERT INTO main."{table}" SELECT * FROM snap."{table}"')
        except sqlite3.Error as error:
            print(f"Parse error near line {line}: {_as_shell_says(error, table)}", file=sys.stderr)
            failed = True  # no -bail: the rest runs on
    live.close()
    if failed:
        return 1
    script.say(f"policies restored from {source} — restart OmniRoute to apply")
    return 0


def _policy_tables(script: Script, snapshot_file: Path) -> list[str]:
    try:
        database = sqlite3.connect(snapshot_file, isolation_level=None)
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'api_key%'")
        names = [str(row[0]) for row in found]
        database.close()
    except sqlite3.Error as error:
        print(f"Error: in prepare, {error} (26)", file=sys.stderr)
        names = []
    tables = [name for name in names if "counter" not in name and not name.endswith("_log")]
    if not tables:
        script.fail("snapshot has no api_key* policy tables")
    return tables


def _as_shell_says(error: sqlite3.Error, table: str) -> str:
    return str(error).replace(f"table {table}", f"table main.{table}")


def restore_data(script: Script) -> int:
    """restore-data.sh: looks at nothing, neither at what it copies nor at whether the server runs."""
    asked = _Asked(script, "usage: bin/restore-data.sh <id> [--data-dir PATH] [--yes]")
    source = asked.source(script)
    script.say(f"restore source: {source} → {asked.data}")
    script.confirm(f"Overwrite the data in {asked.data}?", asked.yes)
    saved = asked.backups / f"pre-restore_{_stamp(script)}"
    saved.mkdir(parents=True, exist_ok=True)
    for path in [*asked.data.glob("*.sqlite"), *(Path(f"{asked.live}{end}") for end in _SIDE_FILES)]:
        if path.is_file():
            shutil.copy2(path, saved / path.name)
    script.say(f"current data saved to {saved}")
    for path in source.glob("*.sqlite"):
        live = asked.data / path.name
        for old in (live, *(Path(f"{live}{end}") for end in _SIDE_FILES)):
            old.unlink(missing_ok=True)  # a running server keeps the deleted file
        shutil.copyfile(path, live)
    script.say("restore complete — restart OmniRoute to pick up the restored data")
    return 0


RUN: dict[str, Callable[[Script], int]] = {
    "snapshot-data.sh": snapshot,
    "restore-policies.sh": restore_policies,
    "restore-data.sh": restore_data,
}

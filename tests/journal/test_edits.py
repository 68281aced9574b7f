"""The journal edited by SQL, behind omniops' back: every column, every row, every table. Nothing of it is believed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from omniops.errors import BadInput, JournalDamaged, OmniopsError
from tests.support.journals import INCIDENT, RUN, Base, content, fill, opened


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(tmp_path_factory.mktemp("edits") / "base", in_wal=1)


def columns() -> list[str]:
    """The columns of the table of events, as this version has them."""
    db = sqlite3.connect(":memory:")
    try:
        from omniops.journal import store

        schema = store._SCHEMA if isinstance(store._SCHEMA, str) else ";\n".join(store._SCHEMA)
        db.executescript(schema)
        return [row[1] for row in db.execute("PRAGMA table_info(events)")]
    finally:
        db.close()


def edit(path: Path, *statements: str) -> None:
    """Run SQL on a journal, as somebody with sqlite3 at hand would."""
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


def touched(base: Base, seq: int) -> str:
    """The stream of an event."""
    return next(event.stream for events in base.truth.values() for event in events if event.seq == seq)


def refuses(path: Path, read: Callable[[object], object] | None = None) -> OmniopsError:
    """Opening, or else ``read`` (default: verify), is refused with JournalDamaged."""
    with pytest.raises(OmniopsError) as error:
        journal = opened(path, create=False)
        try:
            read(journal) if read else journal.verify()
        finally:
            journal.close()
    assert isinstance(error.value, JournalDamaged), error.value.lines()
    return error.value


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("column", columns())
def test_a_column_of_a_row(base: Base, column: str, place: str) -> None:
    """Each column of an event, changed a little, changed in type, or emptied, is found by verify and by reading."""
    last = max(event.seq for events in base.truth.values() for event in events)
    seq = {"first": 1, "middle": last // 2, "last": last}[place]
    number = f"{column} + 1000"
    letter = f"CASE substr({column}, -5, 1) WHEN 'x' THEN 'y' ELSE 'x' END"
    text = f"substr({column}, 1, length({column}) - 5) || {letter} || substr({column}, -4)"
    for value in (number, text, f"CAST({column} AS BLOB)", "''", f"{column} || char(31) || 'a'"):
        path = base.case()
        try:
            edit(path, f"UPDATE events SET {column} = {value} WHERE seq = {seq}")
        except sqlite3.Error:
            base.done(path)  # the table itself does not take it
            continue
        refuses(path)
        refuses(path, lambda journal: journal.read(touched(base, seq)))  # type: ignore[attr-defined]
        refuses(path, lambda journal: writing(path))
        base.done(path)


def writing(path: Path) -> None:
    from omniops.journal.events import New

    journal = opened(path)
    try:
        journal.append([New("journal", None, "note", {})])
    finally:
        journal.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE seq = 1",
        "DELETE FROM events WHERE seq = 7",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
        "DELETE FROM events WHERE seq > 5",
        "DELETE FROM events",
        "UPDATE events SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM events)",
        "UPDATE events SET seq = -seq",
    ],
)
def test_rows_taken_away(base: Base, statement: str) -> None:
    """Deleted and renumbered rows are found at once, at opening."""
    path = base.case()
    edit(path, statement)
    refuses(path, lambda journal: None)
    base.done(path)


def test_two_rows_swapped(base: Base) -> None:
    """Two events in each other's place are found."""
    path = base.case()
    names = ", ".join(name for name in columns() if name != "seq")
    edit(
        path,
        f"CREATE TEMP TABLE kept AS SELECT seq, {names} FROM events WHERE seq IN (5, 6)",
        "DELETE FROM events WHERE seq IN (5, 6)",
        f"INSERT INTO events (seq, {names}) SELECT 11 - seq, {names} FROM kept",
    )
    refuses(path)
    refuses(path, content)  # type: ignore[arg-type]
    base.done(path)


def test_a_row_put_in(base: Base) -> None:
    """An event that omniops did not write is found: after the last, and with a made-up chain."""
    path = base.case()
    names = ", ".join(columns())
    others = ", ".join("(SELECT max(seq) + 1 FROM events)" if n == "seq" else n for n in columns())
    if "n" in columns():
        others = others.replace(", n,", ", n + 1000,")
    try:
        edit(path, f"INSERT INTO events ({names}) SELECT {others} FROM events WHERE seq = 9")
    except sqlite3.IntegrityError:
        edit(path, "DROP INDEX by_stream", f"INSERT INTO events ({names}) SELECT {others} FROM events WHERE seq = 9")
    refuses(path)
    refuses(path, lambda journal: writing(path))
    base.done(path)


@pytest.mark.parametrize("table", ["events", "meta"])
def test_a_table_dropped(base: Base, table: str) -> None:
    """Without one of its tables it is no journal any more, and nothing is made in its place."""
    path = base.case()
    edit(path, f"DROP TABLE {table}")
    for create in (False, True):
        with pytest.raises(JournalDamaged):
            opened(path, create=create)
    assert table not in tables(path)
    base.done(path)


def tables(path: Path) -> set[str]:
    db = sqlite3.connect(path)
    found = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    db.close()
    return found


def test_indexes_dropped(base: Base) -> None:
    """Indexes hold nothing of their own: without them everything is read as it was, or it is refused."""
    path = base.case()
    db = sqlite3.connect(path)
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")]
    db.close()
    edit(path, *(f"DROP INDEX {name}" for name in names))
    try:
        journal = opened(path, create=False)
        journal.verify()
    except JournalDamaged:
        return
    assert content(journal) == base.truth
    journal.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meta SET value = 'another' WHERE name = 'id'",
        "UPDATE meta SET value = '2' WHERE name = 'drill'",
        "DELETE FROM meta WHERE name = 'id'",
        "DELETE FROM meta WHERE name = 'drill'",
        "DELETE FROM meta",
        "UPDATE meta SET name = 'other' WHERE name = 'id'",
        "UPDATE meta SET value = x'00ff' WHERE name = 'id'",
    ],
)
def test_the_identity_edited(base: Base, statement: str) -> None:
    """The first hash holds the journal's identity: another one, or none, is found."""
    path = base.case()
    edit(path, statement)
    refuses(path)
    base.done(path)


def test_a_drill_dressed_up_as_real(base: Base) -> None:
    """The mark of a drill, edited in either direction, does not turn one kind of journal into the other."""
    path = base.case()
    edit(path, "UPDATE meta SET value = '1' WHERE name = 'drill'")
    with pytest.raises(BadInput):
        opened(path, create=False)
    with pytest.raises(JournalDamaged):
        opened(path, drill=True, create=False).verify()
    base.done(path)


def test_data_that_is_no_json(tmp_path: Path) -> None:
    """Data that cannot be read as JSON is damage, not a crash."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 1)
    journal.close()
    column = "data" if "data" in columns() else "line"
    for value in ("{", "", "nul", json.dumps([1]), json.dumps(["0" * 64, "0" * 64])):
        try:
            edit(path, f"UPDATE events SET {column} = '{value}' WHERE seq = 3")
        except sqlite3.OperationalError:
            continue  # an index over it does not take it
        refuses(path, lambda journal: journal.read(RUN))  # type: ignore[attr-defined]
        refuses(path, lambda journal: list(journal.kinds(["run.started"])))  # type: ignore[attr-defined]


def test_an_event_moved_to_another_stream(base: Base) -> None:
    """The last event of a stream, edited away from it: neither stream is read as if nothing had been there."""
    if "stream" not in columns():
        pytest.skip("the stream is part of the line that is hashed, and has no column")
    path = base.case()
    length = len(base.truth[INCIDENT])
    edit(path, f"UPDATE events SET stream = 'incident/other' WHERE stream = '{INCIDENT}' AND n = {length}")
    refuses(path, lambda journal: journal.read(INCIDENT))  # type: ignore[attr-defined]
    refuses(path, lambda journal: journal.read("incident/other"))  # type: ignore[attr-defined]
    base.done(path)

"""The journal edited by SQL, behind omniops' back: every field, every row, every table. Nothing of it is believed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from omniops.errors import BadInput, JournalDamaged
from omniops.journal.codec import LINE, decode_verified
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from tests.support.journals import INCIDENT, RUN, Base, Ticking, content, fill, opened

Look = Callable[[SqliteJournal], object]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(tmp_path_factory.mktemp("edits") / "base", in_wal=1)


def edit(path: Path, *statements: str) -> None:
    """Run SQL on a journal, as somebody with sqlite3 at hand would."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for statement in statements:
            db.execute(statement)
    finally:
        db.close()


def stored(path: Path, seq: int) -> list[Any]:
    """An event's line, taken apart."""
    db = sqlite3.connect(path)
    line = db.execute("SELECT line FROM events WHERE seq = ?", (seq,)).fetchone()[0]
    db.close()
    values: list[Any] = json.loads(line)
    return values


def put(path: Path, seq: int, values: list[Any], *, rehashed: bool) -> None:
    """Store a line in an event's place, with the hash that it had or with one that fits."""
    if rehashed:
        values = [sha256(dump(values[1:])[1:].encode()).hexdigest(), *values[1:]]
    db = sqlite3.connect(path)
    db.execute("UPDATE events SET line = ? WHERE seq = ?", (dump(values), seq))
    db.commit()
    db.close()


def dump(values: list[Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def stream_of(base: Base, seq: int) -> str:
    return next(event.stream for events in base.truth.values() for event in events if event.seq == seq)


def last(base: Base) -> int:
    return max(event.seq for events in base.truth.values() for event in events)


def verify(journal: SqliteJournal) -> object:
    return journal.verify()


def reading(stream: str) -> Look:
    return lambda journal: journal.read(stream)


def looking_for(*kinds: str) -> Look:
    return lambda journal: list(journal.kinds(kinds))


def nothing(journal: SqliteJournal) -> object:
    return None


def refuses(path: Path, look: Look, *, create: bool = False) -> JournalDamaged:
    """Opening, or else the look, is refused with JournalDamaged."""

    def attempt() -> None:
        journal = opened(path, create=create)
        try:
            look(journal)
        finally:
            journal.close()

    with pytest.raises(JournalDamaged) as error:
        attempt()
    return error.value


def refuses_to_write(path: Path) -> None:
    """An append is refused, by a journal that nobody has verified before."""
    before = path.read_bytes()
    refuses(path, lambda journal: journal.append([New("journal", None, "note", {})]), create=True)
    assert path.read_bytes() == before


OTHER: dict[str, list[Any]] = {
    "hash": ["0" * 64, ""],
    "prev": ["0" * 64, None],
    "seq": [1000, "3", 0],
    "stream": ["run/other", "runs", ""],
    "n": [1000, "1", 0],
    "kind": ["other", "note", ""],
    "time": ["2026-11-23T03:00:00.999Z", ""],
    "actor": ["mallory", None],
    "host": ["elsewhere", ""],
    "version": ["9.9.9"],
    "data": [{}, {"key": "another"}, [], "text"],
}


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize(
    ("field", "rehashed"),
    [(field, False) for field in LINE] + [(field, True) for field in LINE if field != "hash"],  # that one would fit
)
def test_a_field_of_an_event(base: Base, field: str, place: str, rehashed: bool) -> None:
    """Each field of an event changed, with the old hash and with one that fits: found by verify, by reading its
    stream, and before anything is written."""
    seq = {"first": 1, "middle": 8, "last": last(base)}[place]
    for value in OTHER[field]:
        path = base.case()
        values = stored(path, seq)
        if values[LINE.index(field)] == value:
            continue
        values[LINE.index(field)] = value
        try:
            put(path, seq, values, rehashed=rehashed)
        except sqlite3.IntegrityError:
            continue  # the place is taken
        refuses(path, verify)
        refuses(path, reading(stream_of(base, seq)))
        refuses_to_write(path)
        base.done(path)


def test_lines_that_are_none(base: Base) -> None:
    """A line of another type, or that is no JSON, is damage and no crash: in verify, reading, and looking for kinds."""
    kind = base.truth[RUN][0].kind
    for value in ("x'00ff'", "CAST(line AS BLOB)", "'{'", "''", "'[]'", "'{}'", "line || ' '", "7"):
        path = base.case()
        try:
            edit(path, f"UPDATE events SET line = {value} WHERE seq = {base.truth[RUN][0].seq}")
        except sqlite3.Error:
            edit(path, "DROP INDEX by_stream", "DROP INDEX by_kind")
            edit(path, f"UPDATE events SET line = {value} WHERE seq = {base.truth[RUN][0].seq}")
        for look in (verify, reading(RUN), looking_for(kind)):
            refuses(path, look)
        base.done(path)


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
        "UPDATE events SET seq = 0 WHERE seq = 4",
    ],
)
def test_rows_taken_away(base: Base, statement: str) -> None:
    """Deleted and renumbered rows are found: by verify, and by reading everything."""
    path = base.case()
    edit(path, statement)
    refuses(path, verify)
    refuses(path, content)
    refuses_to_write(path)
    base.done(path)


def test_two_events_swapped(base: Base) -> None:
    """Two events in each other's place are found."""
    path = base.case()
    edit(
        path,
        "UPDATE events SET seq = -1 WHERE seq = 5",
        "UPDATE events SET seq = 5 WHERE seq = 6",
        "UPDATE events SET seq = 6 WHERE seq = -1",
    )
    refuses(path, verify)
    for seq in (5, 6):
        refuses(path, reading(stream_of(base, seq)))
    refuses_to_write(path)
    base.done(path)


@pytest.mark.parametrize("counted", [False, True])
def test_an_event_put_in(base: Base, counted: bool) -> None:
    """An event that omniops did not write, at the end or in a stream of its own: found, even if it was counted too."""
    path = base.case()
    values = stored(path, last(base))
    forged = ["", "0" * 64, last(base) + 1, "run/forged", 1, *values[LINE.index("kind") :]]
    line = dump([sha256(dump(forged[1:])[1:].encode()).hexdigest(), *forged[1:]])
    edit(path, f"INSERT INTO events VALUES ({last(base) + 1}, '{line}')")
    if counted:
        kind = values[LINE.index("kind")]
        edit(
            path,
            "INSERT INTO streams VALUES ('run/forged', 1, 99)",
            f"UPDATE kinds SET n = n + 1 WHERE name = '{kind}'",
        )
    refuses(path, verify)
    refuses_to_write(path)
    base.done(path)


def test_a_rewritten_end(base: Base) -> None:
    """The last event replaced by one that fits the chain is found by the head."""
    path = base.case()
    values = stored(path, last(base))
    values[LINE.index("data")] = {"rewritten": True}
    put(path, last(base), values, rehashed=True)
    refuses(path, nothing)
    base.done(path)


@pytest.mark.parametrize("table", ["events", "meta", "streams", "kinds"])
def test_a_table_dropped(base: Base, table: str) -> None:
    """Without one of its tables it is no journal any more, and nothing is made in its place."""
    path = base.case()
    edit(path, "DROP VIEW journal", f"DROP TABLE {table}")
    for create in (False, True):
        refuses(path, lambda journal: (journal.verify(), content(journal)), create=create)
    db = sqlite3.connect(path)
    assert table not in {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    db.close()
    base.done(path)


@pytest.mark.parametrize("index", ["by_stream", "by_kind"])
def test_an_index_dropped(base: Base, index: str) -> None:
    """An index holds nothing of its own: without it everything is read as it was."""
    path = base.case()
    edit(path, f"DROP INDEX {index}")
    journal = opened(path, create=False)
    journal.verify()
    assert content(journal) == base.truth
    journal.close()
    base.done(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET n = n - 1 WHERE name = '{}'",
        "UPDATE {} SET n = n + 1 WHERE name = '{}'",
        "UPDATE {} SET n = 0 WHERE name = '{}'",
        "UPDATE {} SET n = 'many' WHERE name = '{}'",
        "UPDATE {} SET n = n + 0.5 WHERE name = '{}'",
        "UPDATE {} SET name = 'other' WHERE name = '{}'",
        "UPDATE {} SET name = CAST(name AS BLOB) WHERE name = '{}'",
        "DELETE FROM {} WHERE name = '{}'",
        "DELETE FROM {}",
    ],
)
def test_the_counts_edited(base: Base, statement: str) -> None:
    """The counts beside the chain are no better than the chain: a wrong one is found by verify and by reading."""
    for table, name, look in (("streams", INCIDENT, reading(INCIDENT)), ("kinds", "intent", looking_for("intent"))):
        path = base.case()
        edit(path, statement.format(table, name))
        refuses(path, verify)
        refuses(path, look)
        refuses_to_write(path)
        base.done(path)


def test_the_order_of_streams_edited(base: Base) -> None:
    """Which stream is the oldest is found to be edited, too."""
    path = base.case()
    edit(path, f"UPDATE streams SET first = first + 100 WHERE name = '{INCIDENT}'")
    refuses(path, verify)
    base.done(path)


def test_a_count_moved_from_one_name_to_another(base: Base) -> None:
    """Counts that are wrong and still add up are found by whoever reads one of the two."""
    for table, one, two in (("streams", RUN, INCIDENT), ("kinds", "intent", "outcome")):
        path = base.case()
        edit(path, f"UPDATE {table} SET n = n - 1 WHERE name = '{one}'")
        edit(path, f"UPDATE {table} SET n = n + 1 WHERE name = '{two}'")
        for name in (one, two):
            refuses(path, reading(name) if table == "streams" else looking_for(name))
        refuses(path, verify)
        base.done(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meta SET value = 'another' WHERE name = 'id'",
        "UPDATE meta SET value = '2' WHERE name = 'drill'",
        "UPDATE meta SET value = x'30' WHERE name = 'drill'",
        "UPDATE meta SET value = x'00ff' WHERE name = 'id'",
        "UPDATE meta SET name = 'other' WHERE name = 'id'",
        "UPDATE meta SET name = x'00ff' WHERE name = 'id'",
        "DELETE FROM meta WHERE name = 'id'",
        "DELETE FROM meta WHERE name = 'drill'",
        "DELETE FROM meta",
    ],
)
def test_the_identity_edited(base: Base, statement: str) -> None:
    """The first hash holds the journal's identity: another one, or none, is found at opening."""
    path = base.case()
    edit(path, statement)
    refuses(path, nothing)
    base.done(path)


def test_a_real_journal_dressed_up_as_a_drill(base: Base) -> None:
    """The mark of a drill, edited, does not turn one kind of journal into the other."""
    path = base.case()
    edit(path, "UPDATE meta SET value = '1' WHERE name = 'drill'")
    with pytest.raises(BadInput):
        opened(path, create=False)
    with pytest.raises(JournalDamaged):
        opened(path, drill=True, create=False)
    base.done(path)


def test_an_edit_while_it_is_open(tmp_path: Path) -> None:
    """A journal that is edited under a process that has verified it is found out by its next verify, and by others."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 2)
    journal.verify()
    edit(path, f"UPDATE events SET line = replace(line, 'isActive', 'isactive') WHERE seq = {journal.read(RUN)[2].seq}")
    with pytest.raises(JournalDamaged):
        journal.verify()
    refuses(path, reading(RUN))


def test_an_edit_that_leaves_no_event(tmp_path: Path) -> None:
    """What was verified and is no event any more is damage, and no crash, for the process that verified it."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 2)
    journal.verify()
    edit(
        path,
        "DROP INDEX by_kind",
        f"UPDATE events SET line = CAST(line AS BLOB) WHERE seq = {journal.read(RUN)[2].seq}",
    )
    with pytest.raises(JournalDamaged):
        journal.read(RUN)


def test_an_edit_that_leaves_no_data(base: Base) -> None:
    """A line that is no JSON behind its kind (SQL would not store it; a damaged disk may) is damage when it is asked
    for, and no crash."""
    path = base.case()
    journal = opened(path, create=False)
    (line,) = journal._db.execute("SELECT line FROM events WHERE seq = 2").fetchone()
    journal.close()
    (event,) = decode_verified([line[:-2]])
    assert event.seq == 2
    with pytest.raises(JournalDamaged, match="event 2 of the journal"):
        event.data  # noqa: B018 - asking is what is tested
    base.done(path)


def test_names_with_quotes(tmp_path: Path) -> None:
    """What is read after verify, taken apart at quotes, is what was written, whatever the operator is called."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, Ticking(), 'Eve "the \\\\ one"', "h,[]")
    written = journal.append([New(RUN, None, "note", {"text": 'she said ","'}), New(RUN, None, "note", {})])
    journal.verify()
    assert journal.read(RUN) == written
    assert [event.actor for event in journal.read(RUN)] == ['Eve "the \\\\ one"'] * 2
    assert journal.read(RUN)[0] != journal.read(RUN)[1]

"""The journal in SQLite: durable, append-only, one hash chain over all streams.

WAL with synchronous=FULL: a commit that returned is on disk. The head file is written after every commit; a journal
behind its head is refused. Nothing here repairs what is damaged: the file is left as it is, and the error says how to
go on.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omniops import __version__
from omniops.clock import Clock, iso
from omniops.errors import BadInput, Broken, JournalDamaged, OmniopsError, Waiting
from omniops.failpoints import reached
from omniops.journal.codec import COLUMNS, JOINED, SEPARATOR, chain, dump, genesis
from omniops.journal.events import Conflict, Event, New
from omniops.journal.head import Head, Mark
from omniops.text import clean, redact

APPLICATION_ID = 0x6F6D6E69  # "omni"
FORMAT = 1
BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, stream TEXT NOT NULL, n INTEGER NOT NULL, time TEXT NOT NULL, actor TEXT NOT NULL,
    host TEXT NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL, prev TEXT NOT NULL,
    hash TEXT NOT NULL, UNIQUE (stream, n)
);
CREATE INDEX events_kind ON events (kind);
"""
_ROW = f"SELECT {', '.join(COLUMNS)}, prev, hash, {JOINED} FROM events "


class SqliteJournal:
    """Implements ``Journal`` on a file. Raises JournalDamaged, BadInput (not our file, or a drill's taken for a real
    one), Waiting (another process writes and does not finish), Broken (disk full, no permission)."""

    def __init__(
        self, path: Path, clock: Clock, actor: str, host: str, drill: bool = False, create: bool = True
    ) -> None:
        self.path, self.clock, self.drill = path, clock, drill
        self.actor, self.host = clean(actor).replace(SEPARATOR, ""), clean(host).replace(SEPARATOR, "")
        self.head = Head(path.with_name(path.name + ".head"))
        self._writing = create
        with self._translated():
            self._db = self._open(create)
            self._genesis = self._identity()
        self._check_head()

    # -- opening ------------------------------------------------------------------------------------------------------

    def _open(self, create: bool) -> sqlite3.Connection:
        exists = self.path.exists()
        if not exists or self.path.stat().st_size == 0:
            mark = self.head.read()
            if mark is not None:
                raise self._damaged(f"the file is gone or empty, and held {mark.seq} events", lost=True)
            if not create:
                return self._made(sqlite3.connect(":memory:"))
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        else:
            self._look_at_file()
        db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, cached_statements=32)
        db.execute("PRAGMA synchronous=FULL")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            db.execute("PRAGMA journal_mode=WAL")
            return self._made(db)
        return db

    def _look_at_file(self) -> None:
        if not self.path.is_file():
            raise BadInput(f"{self.path} is not a file", state="nothing was attempted", next="set OMNIOPS_JOURNAL")
        with self.path.open("rb") as file:
            top = file.read(16)
        if top != b"SQLite format 3\0":
            raise self._damaged("the file does not begin as a journal does")

    def _made(self, db: sqlite3.Connection) -> sqlite3.Connection:
        """Make the tables, once, whoever comes first."""
        db.isolation_level = None
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                db.execute("ROLLBACK")
                raise self._foreign()
            for statement in _SCHEMA.strip().split(";\n"):
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('id', ?), ('drill', ?)", (os.urandom(8).hex(), str(int(self.drill))))
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={FORMAT}")
        db.execute("COMMIT")
        return db

    def _identity(self) -> str:
        """Check whose file it is, and return the hash before its first event."""
        if self._db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise self._foreign()
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != FORMAT:
            raise BadInput(
                f"{self.path} has format {version}, and this omniops knows {FORMAT}",
                state="nothing was attempted; the journal is as it was",
                next="use the omniops that wrote it, or a newer one",
            )
        meta: dict[str, str] = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        drill = meta.get("drill") == "1"
        if drill != self.drill:
            is_, wanted = ("a drill's", "a real one") if drill else ("a real one", "a drill's")
            raise BadInput(
                f"{self.path} is {is_} journal, and {wanted} was expected",
                state="nothing was attempted; the journal is as it was",
                next="set OMNIOPS_JOURNAL, or unset it",
            )
        return genesis(meta.get("id", ""), drill)

    def _check_head(self) -> None:
        """The journal must have come at least as far as its head says, and must agree with it there."""
        mark = self.head.read()
        with self._translated():
            last = self._last()
            there = None if mark is None else self._hash_at(mark.seq)
        if mark is not None and mark.seq > last.seq:
            raise self._damaged(f"events {last.seq + 1} to {mark.seq} are lost", lost=True)
        if mark is not None and mark.seq and there != mark.hash:
            raise self._damaged(f"event {mark.seq} is not the one that was written")
        if self._writing and last.seq and (mark is None or mark.seq < last.seq):
            self._mark(last)  # killed between a commit and its mark, which is no loss

    def _last(self) -> Mark:
        row = self._db.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return Mark(row[0], row[1]) if row else Mark(0, self._genesis)

    def _hash_at(self, seq: int) -> str | None:
        row = self._db.execute("SELECT hash FROM events WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row else None

    # -- the contract -------------------------------------------------------------------------------------------------

    def append(self, events: Sequence[New]) -> list[Event]:
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                written, last = self._insert(events)
                reached("journal.commit")
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        reached("journal.head")
        self._mark(last)
        return written

    def _insert(self, events: Sequence[New]) -> tuple[list[Event], Mark]:
        last = self._last()
        lengths: dict[str, int] = {}
        for new in events:
            if new.stream not in lengths:
                lengths[new.stream] = self._length(new.stream)
                if new.expected is not None and new.expected != lengths[new.stream]:
                    raise Conflict(new.stream, new.expected, lengths[new.stream])
        written = []
        for new in events:
            lengths[new.stream] += 1
            data = dump(redact(new.data))
            row = (
                last.seq + 1, new.stream, lengths[new.stream], iso(self.clock.now()), self.actor, self.host,
                __version__, new.kind, data,
            )  # fmt: skip
            hash = chain(last.hash, SEPARATOR.join(map(str, row)))
            self._db.execute("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?)", (*row, last.hash, hash))
            written.append(Event._make((*row[:8], json.loads(data))))
            last = Mark(last.seq + 1, hash)
        return written, last

    def read(self, stream: str, after: int = 0) -> list[Event]:
        with self._translated():
            rows = self._db.execute(_ROW + "WHERE stream = ? AND n > ? ORDER BY n", (stream, after)).fetchall()
        events = [self._event(row) for row in rows]
        if [event.n for event in events] != list(range(after + 1, after + 1 + len(events))):
            raise self._damaged(f"events of {stream} are missing")
        return events

    def length(self, stream: str) -> int:
        with self._translated():
            return self._length(stream)

    def _length(self, stream: str) -> int:
        return int(self._db.execute("SELECT ifnull(max(n), 0) FROM events WHERE stream = ?", (stream,)).fetchone()[0])

    def kinds(self, kinds: Iterable[str]) -> Iterator[Event]:
        wanted = list(kinds)
        marks = ",".join("?" * len(wanted))
        with self._translated():
            rows = self._db.execute(_ROW + f"WHERE kind IN ({marks}) ORDER BY seq", wanted).fetchall()
        for row in rows:
            yield self._event(row)

    def streams(self, prefix: str) -> list[str]:
        with self._translated():
            rows = self._db.execute(
                "SELECT stream FROM events WHERE substr(stream, 1, ?) = ? GROUP BY stream ORDER BY min(seq)",
                (len(prefix), prefix),
            ).fetchall()
        return [row[0] for row in rows]

    def _event(self, row: Sequence[Any]) -> Event:
        """A row as an event, if it is what was written."""
        *columns, previous, hash, joined = row
        if not isinstance(joined, str) or chain(str(previous), joined) != hash:
            raise self._damaged(f"event {columns[0]} has been changed")
        return Event(*columns[:8], json.loads(columns[8]))

    # -- the whole ----------------------------------------------------------------------------------------------------

    def verify(self) -> int:
        """Check the whole chain, from the first event to the head; return the number of events."""
        previous, count = self._genesis, 0
        with self._translated():
            for seq, hash, joined in self._db.execute(f"SELECT seq, hash, {JOINED} FROM events ORDER BY seq"):
                count += 1
                if seq != count or not isinstance(joined, str) or chain(previous, joined) != hash:
                    raise self._damaged(f"event {seq} is not the one that was written there")
                previous = hash
        return count

    @classmethod
    def accept_loss(cls, path: Path, clock: Clock, actor: str, host: str, drill: bool, reason: str) -> dict[str, int]:
        """Go on with a journal that is behind its head: the loss itself becomes an event. Raises JournalDamaged where
        more than the tail is wrong."""
        head = Head(path.with_name(path.name + ".head"))
        mark = head.read()
        aside = head.path.with_name(head.path.name + f".{os.urandom(4).hex()}")
        if mark is not None:
            head.path.rename(aside)
        try:
            journal = cls(path, clock, actor, host, drill)
            has = journal.verify()
        except BaseException:
            if mark is not None:
                aside.rename(head.path)
            raise
        lost = {"had": mark.seq if mark else has, "has": has}
        journal.append([New("journal", None, "journal.tail_lost", {**lost, "reason": reason})])
        return lost

    def close(self) -> None:
        self._db.close()

    # -- errors -------------------------------------------------------------------------------------------------------

    def _mark(self, last: Mark) -> None:
        if self.path.exists():
            with self._translated():
                self.head.write(last)

    def _foreign(self) -> OmniopsError:
        return BadInput(
            f"{self.path} is a database, but no omniops journal",
            state="nothing was attempted; the file is as it was",
            next="set OMNIOPS_JOURNAL to another path",
        )

    def _damaged(self, why: str, *, lost: bool = False) -> JournalDamaged:
        way = 'restore the file from a backup, or: omniops journal accept --reason "..."'
        return JournalDamaged(
            f"the journal {self.path} cannot be trusted",
            why=why,
            state="nothing was written; the file is left as it is",
            next=way if lost else f"restore it from a backup, or move it away: mv {self.path} {self.path}.damaged",
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite and the system raise into words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "locked" in text or "busy" in text:
                raise Waiting(
                    f"the journal {self.path} is being written by another omniops",
                    why=text,
                    state="nothing was written",
                    next="try again",
                ) from None
            if any(word in text for word in ("full", "readonly", "unable to open", "disk I/O")):
                raise self._cannot(text) from None
            raise self._damaged(text) from None
        except (sqlite3.DatabaseError, UnicodeDecodeError, json.JSONDecodeError, OverflowError) as error:
            raise self._damaged(f"{type(error).__name__}: {error}") from None
        except OSError as error:
            raise self._cannot(error.strerror or str(error)) from None

    def _cannot(self, why: str) -> Broken:
        return Broken(
            f"the journal {self.path} cannot be written",
            why=why,
            state="what was journalled before is intact; nothing more was begun",
            next="free some space or mend the permissions, then: omniops resume",
        )

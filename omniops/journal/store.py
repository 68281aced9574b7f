"""The journal in SQLite: durable, append-only, one hash chain over all streams.

What is checked when. Opening: whose file it is, the first and last event, their number, and the head file. Reading:
each event's own hash, its link to the next one, and that there are as many as there should be. ``verify``: everything;
a walk does it before it acts on what it reads, and the first append does it where nobody has. Until it writes, the file
is open for reading only, so that a journal that is refused is left as it was, its write-ahead log included.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import lt
from pathlib import Path
from typing import Any

from omniops import __version__
from omniops.clock import Clock, iso
from omniops.errors import BadInput, JournalDamaged
from omniops.failpoints import reached
from omniops.journal import trouble, whole
from omniops.journal.chain import HASH, PREVIOUS
from omniops.journal.codec import LINE, check_name, decode, decode_verified, encode, genesis
from omniops.journal.events import Conflict, Event, New
from omniops.journal.head import Head, HeadUnreadable, Mark
from omniops.journal.schema import APPLICATION_ID, COUNT_KIND, COUNT_STREAM, FORMAT, KIND, SCHEMA, STREAM, N
from omniops.text import clean, redact

BUSY_S = 10.0
SMALLEST = 512  # bytes of SQLite's smallest page
# Each event with the hash that the next one says came before it.
_ROW = "SELECT seq, line, (SELECT substr(a.line, 70, 64) FROM events a WHERE a.seq = events.seq + 1) FROM events"


class SqliteJournal:
    """Implements ``Journal`` on a file.

    Raises JournalDamaged, BadInput (not our file, or a drill's taken for a real one), Waiting (another process writes
    and does not finish), Broken (disk full, no permission). Without ``create`` the first append makes the file.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        actor: str,
        host: str,
        drill: bool = False,
        create: bool = True,
        *,
        busy_s: float = BUSY_S,
        _accept: bool = False,
    ) -> None:
        self.path, self.clock, self.drill, self.busy_s = path, clock, drill, busy_s
        self.actor, self.host = redact(clean(actor)), redact(clean(host))
        self.head = Head(path.with_name(path.name + ".head"))
        self._accept = _accept  # do not hold the journal against its head: the loss is being accepted
        self.wrote = False
        self._writable = False
        self._verified = -1  # how far `verify` has come; -1: nobody has
        self._inode: tuple[int, int] | None = None
        with self._translated():
            self._db = self._open()
        try:
            self._check_ends()
            if create:
                with self._translated():
                    self._for_writing()
        except BaseException:
            self._db.close()
            raise

    # -- opening ------------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        """Open for reading only; where there is nothing yet, an empty journal in memory stands for it."""
        if self.path.exists() and not self.path.is_file():
            raise trouble.not_a_journal(self.path, "a folder" if self.path.is_dir() else "no regular file")
        size = self.path.stat().st_size if self.path.exists() else 0
        if 0 < size < SMALLEST:  # SQLite takes it for an empty database
            raise trouble.not_a_journal(self.path, "a file of another kind")
        if size:
            db = self._connect("ro")
            try:
                if self._whose(db):
                    return db
            except BaseException:
                db.close()
                raise
            db.close()
            self._inode = None
        # Nothing here, or a creation that was cut off before its first commit.
        if mark := self._mark():
            raise trouble.tail_lost(self.path, f"it is empty or gone, and held {mark.seq} events")
        db = sqlite3.connect(":memory:", isolation_level=None)
        self._make(db)
        self._whose(db)
        return db

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        db = sqlite3.connect(uri, uri=True, timeout=self.busy_s, isolation_level=None)
        found = self.path.stat()
        self._inode = (found.st_dev, found.st_ino)
        return db

    def _whose(self, db: sqlite3.Connection) -> bool:
        """Refuse what is not ours, and learn the hash before the first event. False: it has never been one."""
        db.execute("BEGIN")  # one moment for all three: another process may be making the tables right now
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            application = db.execute("PRAGMA application_id").fetchone()[0]
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        finally:
            db.execute("COMMIT")
        if (version, application) == (0, 0) and not tables:
            return False
        if application != APPLICATION_ID:
            raise trouble.not_a_journal(self.path, "another program's database")
        if version != FORMAT:
            raise trouble.other_format(self.path, version, FORMAT)
        meta: dict[str, str] = dict(db.execute("SELECT name, value FROM meta").fetchall())
        if meta.get("drill") not in ("0", "1") or "id" not in meta:
            raise trouble.damaged(self.path, "it does not say whose it is")
        drill = meta["drill"] == "1"
        if drill != self.drill:
            raise trouble.wrong_kind(self.path, drill)
        self._genesis = genesis(meta["id"], drill)
        return True

    def _for_writing(self) -> None:
        """Open the file for writing, and make it if it is not there. WAL with FULL: what was committed is on disk."""
        if self._writable:
            return
        stand_in = self._inode is None
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.path.exists():
            # Not left to SQLite, which goes by the umask; its -wal and -shm take this file's mode.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        db = self._connect("rw")
        try:
            db.execute("PRAGMA synchronous=FULL")
            if not self._whose(db):
                self._make(db)
                self._whose(db)
            db.execute("PRAGMA journal_mode=WAL")
            last = self._last(db)
        except BaseException:
            db.close()
            raise
        self._db.close()
        self._db, self._writable = db, True
        if stand_in:
            self._seen = last
        if last.seq and not self._accept:
            # Killed between a commit and its mark: no loss. No head at all (only journal.db was copied): begin one.
            self.head.write(last)

    def _make(self, db: sqlite3.Connection) -> None:
        """Make the tables, once, whoever comes first."""
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in SCHEMA:
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('id', ?), ('drill', ?)", (os.urandom(8).hex(), str(int(self.drill))))
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={FORMAT}")
        db.execute("COMMIT")

    def _check_ends(self) -> None:
        """The journal must begin and end as it did, and have come at least as far as its head says."""
        with self._translated():
            mark = self._mark()  # read first: a commit comes before its mark
        with self._moment():
            self._seen = last = self._last(self._db)
            if mark is not None and mark.seq > last.seq:
                raise trouble.events_lost(self.path, last.seq, mark.seq)
            self._check_mark(mark)
            count = self._db.execute("SELECT count(*) FROM events").fetchone()[0]
            if count != last.seq or (last.seq and self._line(1)[PREVIOUS] != self._genesis):
                raise trouble.damaged(self.path, "its events are not the ones that were written")

    def _check_mark(self, mark: Mark | None) -> None:
        if mark is not None and self._line(mark.seq)[HASH] != mark.hash:
            raise trouble.damaged(self.path, f"event {mark.seq} is not the one that was written")

    def _mark(self) -> Mark | None:
        return None if self._accept else self.head.read()

    def _line(self, seq: int) -> str:
        row = self._db.execute("SELECT line FROM events WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row and isinstance(row[0], str) else ""

    def _last(self, db: sqlite3.Connection) -> Mark:
        row = db.execute(f"{_ROW} ORDER BY seq DESC LIMIT 1").fetchone()
        return Mark(self._event(row).seq, row[1][HASH]) if row else Mark(0, self._genesis)

    # -- the contract -------------------------------------------------------------------------------------------------

    def append(self, events: Sequence[New]) -> list[Event]:
        if not events:
            return []
        if self._verified < 0:
            self.verify()
        with self._translated():
            self._for_writing()
            self._still_there()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                written, last = self._insert(events)
                reached("journal.commit")
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
            self._seen, self.wrote = last, True
            reached("journal.head")
            if not self._accept:
                self.head.write(last)
        return written

    def _still_there(self) -> None:
        """A file that was moved away takes writes as before, and nobody ever reads them."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise trouble.replaced(self.path) from None
        if self._inode != (found.st_dev, found.st_ino):
            raise trouble.replaced(self.path)

    def _insert(self, events: Sequence[New]) -> tuple[list[Event], Mark]:
        last = self._last(self._db)
        if last.seq < self._seen.seq or (last.seq == self._seen.seq and last != self._seen):
            raise trouble.replaced(self.path)
        written = []
        for new in events:
            stream, kind = check_name(new.stream), check_name(new.kind)
            length = self._length(stream)
            if new.expected is not None and new.expected != length:
                raise Conflict(stream, new.expected, length)
            event = Event(
                last.seq + 1, stream, length + 1, iso(self.clock.now()),
                self.actor, self.host, __version__, kind, redact(new.data),
            )  # fmt: skip
            line = encode(last.hash, event)
            last = Mark(event.seq, line[HASH])
            self._db.execute("INSERT INTO events VALUES (?, ?)", (event.seq, line))
            self._db.execute(COUNT_STREAM, (stream, event.seq))
            self._db.execute(COUNT_KIND, (kind,))
            written.append(decode(line))  # what a reader will see: a tuple has become a list, a path its name
        return written, last

    def read(self, stream: str, after: int = 0, without: Collection[str] = ()) -> list[Event]:
        with self._moment():
            length = self._length(stream)
            lines, left_out = self._known(stream, after, length, without)
            try:
                events = decode_verified(lines)
            except (ValueError, TypeError):  # edited since, by somebody else
                raise trouble.damaged(self.path, f"events of {stream} have been changed") from None
            if self._newest() > self._verified:
                new = f"{_ROW} WHERE {STREAM} = ? AND {N} > ? AND seq > ? ORDER BY {N}"
                events += [self._event(row) for row in self._db.execute(new, (stream, after, self._verified))]
        numbers = [after, *(event.n for event in events if event.stream == stream)]
        rising = len(numbers) == len(events) + 1 and all(map(lt, numbers, numbers[1:]))
        if (
            not rising
            or numbers[-1] != max(length, after)
            or not len(events) <= numbers[-1] - after <= len(events) + left_out
        ):
            raise trouble.damaged(self.path, f"events of {stream} are missing")
        return [event for event in events if event.kind not in without or event.n == length] if without else events

    def _known(self, stream: str, after: int, length: int, without: Collection[str]) -> tuple[Iterator[str], int]:
        """The verified lines of a stream, and how many may be missing from them. Where most of the journal is of the
        kinds ``without``, they are not even read: a run of 100,000 looks is read in a tenth of the time so."""
        whose = f"{STREAM} = ? AND {N} > ?"
        counts = self.counts() if without else {}
        wanted = [kind for kind in counts if kind not in without]
        if without and self._verified == self._newest() and sum(counts[kind] for kind in wanted) < length - after:
            of_kinds = f"{KIND} IN ({','.join('?' * len(wanted))})"
            found = self._db.execute(f"SELECT count(*) FROM events WHERE {of_kinds}", wanted).fetchone()[0]
            if found != sum(counts[kind] for kind in wanted):
                raise trouble.damaged(self.path, f"events of the kinds {', '.join(wanted)} are missing")
            rows = self._db.execute(  # "+": by its kinds, and not by its stream
                f"SELECT seq, line FROM events WHERE {of_kinds} AND +{whose}"
                f" UNION SELECT seq, line FROM events WHERE {whose} AND {N} = ? ORDER BY seq",
                (*wanted, stream, after, stream, after, length),
            )
            lines, left_out = (line for _, line in rows), sum(counts.get(kind, 0) for kind in without)
        else:
            query = f"SELECT line FROM events WHERE {whose} AND seq <= ? ORDER BY {N}"
            lines, left_out = (line for (line,) in self._db.execute(query, (stream, after, self._verified))), 0
        return lines, left_out

    def _newest(self) -> int:
        newest: int = self._db.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0]
        return newest

    def length(self, stream: str) -> int:
        with self._translated():
            return self._length(stream)

    def _length(self, stream: str) -> int:
        row = self._db.execute("SELECT n FROM streams WHERE name = ?", (stream,)).fetchone()
        if row and not isinstance(row[0], int):
            raise trouble.damaged(self.path, f"the number of events of {stream} is no number")
        return row[0] if row else 0

    def kinds(self, kinds: Iterable[str]) -> Iterator[Event]:
        wanted = sorted(set(kinds))
        marks = ",".join("?" * len(wanted))
        with self._moment():
            count = self._db.execute(f"SELECT ifnull(sum(n), 0) FROM kinds WHERE name IN ({marks})", wanted).fetchone()
            rows = self._db.execute(f"{_ROW} WHERE {KIND} IN ({marks}) ORDER BY seq", wanted)
            events = [self._event(row) for row in rows]
        if not {event.kind for event in events} <= set(wanted) or len({event.seq for event in events}) != count[0]:
            raise trouble.damaged(self.path, f"events of the kinds {', '.join(wanted)} are missing")
        yield from events

    def newest(self) -> str:
        """The latest moment of the last hundred events, ISO; "" where there is none. Unchecked: good for a warning."""
        last = f"SELECT json_extract(line, '$[{LINE.index('time')}]') AS time FROM events ORDER BY seq DESC LIMIT 100"
        with self._translated():
            return str(self._db.execute(f"SELECT ifnull(max(time), '') FROM ({last})").fetchone()[0])

    def counts(self) -> dict[str, int]:
        with self._translated():
            return dict(self._db.execute("SELECT name, n FROM kinds").fetchall())

    def streams(self, prefix: str) -> list[str]:
        with self._translated():
            names = [row[0] for row in self._db.execute("SELECT name FROM streams ORDER BY first")]
        if not all(isinstance(name, str) for name in names):
            raise trouble.damaged(self.path, "the name of a stream is no text")
        return [name for name in names if name.startswith(prefix)]

    def _event(self, row: Sequence[Any]) -> Event:
        """A row as an event, if it is what was written."""
        seq, line, next_says = row
        try:
            event = decode(line)
        except (ValueError, TypeError, AttributeError):  # changed, or even of another type
            raise trouble.damaged(self.path, f"event {seq} has been changed") from None
        if event.seq != seq or next_says not in (None, line[HASH]):
            raise trouble.damaged(self.path, f"event {seq} is not the one that was written there")
        return event

    # -- the whole ----------------------------------------------------------------------------------------------------

    def verify(self) -> int:
        """Check the whole chain, from the first event to the head, and the counts; return the number of events."""
        with self._translated():
            mark = self._mark()
        with self._moment():
            count = self._newest()
            whole.check(self._db, self.path, self._inode, self._genesis, count)
            if mark is not None and mark.seq > count:
                raise trouble.events_lost(self.path, count, mark.seq)
            self._check_mark(mark)
        self._verified = count
        return count

    @classmethod
    def accept_loss(cls, path: Path, clock: Clock, actor: str, host: str, drill: bool, reason: str) -> dict[str, int]:
        """Go on with a journal that is behind its head: the loss itself becomes an event, and the head begins anew.

        Raises BadInput where nothing is lost, JournalDamaged where more than the end is wrong.
        """
        if not path.exists() and not Head(path.with_name(path.name + ".head")).path.exists():
            raise BadInput(f"there is no journal {path}", state="nothing was written", next="set OMNIOPS_JOURNAL")
        journal = cls(path, clock, actor, host, drill, _accept=True)
        try:
            has = journal.verify()
            lost = {"had": journal._had(), "has": has}
            journal.append([New("journal", None, "journal.tail_lost", {**lost, "reason": reason})])
            with journal._translated():
                journal.head.replace(journal._seen)
        finally:
            journal.close()
        return lost

    def _had(self) -> int:
        """How far a journal had come whose loss is being accepted. Raises BadInput where it has lost nothing."""
        with self._translated():
            try:
                mark = self.head.read()
                if mark is not None and mark.seq > self._seen.seq:
                    return mark.seq
                self._check_mark(mark)
            except (HeadUnreadable, JournalDamaged):
                return self._seen.seq
        raise BadInput(f"the journal {self.path} has lost nothing", state="nothing was written", next="omniops resume")

    def close(self) -> None:
        self._db.close()

    # -- errors -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """All reads in it see the same moment, whoever writes meanwhile."""
        with self._translated():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite and the system raise into words."""
        try:
            yield
        except sqlite3.Error as error:
            known = self.head.path.exists()
            raise trouble.of_sqlite(error, self.path, known=known, waited=self.busy_s) from None
        except HeadUnreadable:
            why = f"{self.head.path.name} is damaged: how far the journal had come is unknown"
            raise trouble.tail_lost(self.path, why) from None
        except OSError as error:
            raise trouble.unusable(self.path, error.strerror or str(error)) from None

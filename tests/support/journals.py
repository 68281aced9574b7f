"""Journals for tests: a clock that ticks, a journal whose content is known, and what is allowed after damage."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omniops.errors import OmniopsError
from omniops.journal.events import Event, Journal, New
from omniops.journal.store import BUSY_S, SqliteJournal

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
RUN = "run/r7f3a"
INCIDENT = "incident/2026-11-23-openai-outage"
Content = dict[str, list[Event]]


class Ticking:
    """A clock that moves a millisecond whenever it is asked."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def boot(self) -> float:
        return (self.moment - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def opened(path: Path, *, drill: bool = False, create: bool = True, busy_s: float = BUSY_S) -> SqliteJournal:
    return SqliteJournal(path, Ticking(), "alice", "host", drill=drill, create=create, busy_s=busy_s)


def content(journal: Journal) -> Content:
    """Every event, by stream."""
    return {stream: journal.read(stream) for stream in journal.streams("")}


def fill(journal: Journal, rounds: int = 6) -> None:
    """A few runs' worth of events: several streams, several at once, some larger than a page."""
    journal.append([
        New(INCIDENT, 0, "incident.opened", {"title": "OpenAI is down", "onset": "2026-11-23T03:00:00.000Z"}),
        New("runs", 0, "run.opened", {"run": "r7f3a", "targets": ["c1"]}),
        New(RUN, 0, "run.started", {"run": "r7f3a", "steps": {f"s{n}": {"title": "é" * 40} for n in range(60)}}),
        New(RUN, None, "lease.taken", {"pid": 1, "host": "host"}),
    ])  # fmt: skip
    for turn in range(rounds):
        key = f"r7f3a/disable/{turn}"
        journal.append([New(RUN, 2 + 3 * turn, "intent", {"key": key, "before": {"isActive": True}})])
        journal.append([
            New(RUN, None, "outcome", {"key": key, "status": "applied"}),
            New(RUN, None, "sample", {"p95": 1.25, "series": [turn / 7] * 20}),
            New(INCIDENT, 1 + turn, "note", {"text": f"note {turn}: " + "long " * (300 * (turn % 2))}),
        ])  # fmt: skip


class Base:
    """A journal's files as a killed process leaves them: part of it in the database, the rest in the WAL."""

    def __init__(self, folder: Path, *, in_database: int = 3, in_wal: int = 3, name: str = "journal.db") -> None:
        folder.mkdir(parents=True)
        self.folder, self.name = folder, name
        making = folder / "making"
        journal = opened(making / name)
        fill(journal, in_database)
        journal.close()
        journal = opened(making / name)
        for turn in range(in_wal):
            journal.append([New("run/r0002", turn, "intent", {"key": f"r0002/{turn}", "text": "w" * 700})])
            journal.append([New("runs", None, "note", {}), New("run/r0003", None, "sample", {"turn": turn})])
        self.truth = content(journal)
        self.kinds = {event.kind for events in self.truth.values() for event in events}
        self.files = {ending: (making / (name + ending)).read_bytes() for ending in ("", "-wal", ".head")}
        journal.close()
        shutil.rmtree(making)
        self.cases = 0

    def case(self, **changed: bytes | None) -> Path:
        """A fresh copy of the journal. ``db``, ``wal``, ``head`` replace a file, None leaves it out."""
        self.cases += 1
        folder = self.folder / f"case{self.cases}"
        folder.mkdir(mode=0o700)
        for ending, raw in self.files.items():
            given = changed.get({"": "db", "-wal": "wal", ".head": "head"}[ending], raw)
            if given is not None:
                (folder / (self.name + ending)).write_bytes(given)
                (folder / (self.name + ending)).chmod(0o600)
        return folder / self.name

    def done(self, path: Path) -> None:
        shutil.rmtree(path.parent)

    def judge(self, **changed: bytes | None) -> str:
        """Open, verify and read a changed copy, then append to it. Either all of it is there, or it is refused.

        Returns "whole" or "refused: why". Fails on a wrong event, a missing one, and any error that is not ours.
        """
        path = self.case(**changed)
        verdict = self._reading(path)
        self._appending(path, verdict)
        self.done(path)
        return verdict

    def _reading(self, path: Path) -> str:
        before = {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
        journal: SqliteJournal | None = None
        refused: OmniopsError | None
        try:
            journal = opened(path, create=False)
            journal.verify()
            found = content(journal)
            for stream in self.truth:
                assert found.get(stream, []) == journal.read(stream)
                assert journal.length(stream) == len(found.get(stream, []))
            kinds = list(journal.kinds(self.kinds))
        except OmniopsError as error:
            refused = error
        else:
            refused = None
        if journal is not None:
            journal.close()
        if refused is not None:
            assert len(refused.lines()) == 4, "it does not say what, why, in which state, and what next"
            after = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.name in before}
            assert before == after, "a refused file was changed"
            return f"refused: {refused.what}: {refused.why}"
        assert found == self.truth
        assert kinds == sorted((event for events in self.truth.values() for event in events), key=lambda e: e.seq)
        return "whole"

    def _appending(self, path: Path, verdict: str) -> None:
        journal: SqliteJournal | None = None
        try:
            journal = opened(path)
            written = journal.append([New(RUN, len(self.truth[RUN]), "note", {"text": "after"})])
        except OmniopsError:
            if journal is not None:
                journal.close()
            assert verdict != "whole", "it reads as whole, and cannot be written"
            return
        journal.verify()
        expected = {**self.truth, RUN: [*self.truth[RUN], *written]}
        assert content(journal) == expected
        journal.close()

"""The journal beside what it cannot do without: SQLite's own commit, and SHA-256 over the same bytes."""

from __future__ import annotations

import gc
import json
import os
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from omniops.clock import SystemClock
from omniops.journal.chain import HASHED
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from omniops.runner.opening import left_by
from tests.bench.measure import Row, medians, timed

APPENDS = 300
EVENTS = 100_000
STEPS = (1_000, 10_000)
"""Of a run; the rest of its events are looks at the traffic."""
BATCH = 500
ROW = 458
"""Bytes of the line that is stored for the event below."""
SAMPLE = {
    "at": "2026-11-23T03:04:05.678Z", "p95_s": 1.834, "budget_s": 1.5, "error_ratio": 0.0123, "error_budget": 0.006,
    "attempts": 1234, "errors": 15, "requests": 1219, "ok_elsewhere": 640, "min_requests": 20, "verdict": "fail",
    "why": "p95 1.83 s is over its budget of 1.50 s",
}  # fmt: skip


def measure(work: Path) -> list[Row]:
    """Append one by one, then resume a long run."""
    return _appending(work) + _resuming(work)


def _appending(work: Path) -> list[Row]:
    journal = _open(work / "appends.db")
    bare = _Bare(work)

    def ours() -> None:
        for _ in range(APPENDS):
            journal.append([New("run/r1", None, "sample", SAMPLE)])

    took = medians(
        5, ours=lambda: timed(ours), sqlite=lambda: timed(bare.commits), marked=lambda: timed(bare.marked_commits)
    )
    return [
        Row("an append", "a bare SQLite commit (WAL, synchronous=FULL) of the same row", took["ours"] / took["sqlite"]),
        Row("an append", "that commit and one synced write of 128 bytes", took["ours"] / took["marked"]),
    ]


class _Bare:
    """The same rows in SQLite, with the same durability and nothing else; with and without a synced mark."""

    def __init__(self, work: Path) -> None:
        self.db = sqlite3.connect(work / "bare.db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, stream, n, kind, data, UNIQUE (stream, n))")
        self.db.execute("CREATE INDEX events_kind ON events (kind)")
        self.mark = os.open(work / "mark", os.O_WRONLY | os.O_CREAT)
        self.n = 0
        self.data = "x" * ROW

    def commits(self, also: Callable[[], object] = lambda: None) -> None:
        for _ in range(APPENDS):
            self.n += 1
            self.db.execute("BEGIN IMMEDIATE")
            self.db.execute("INSERT INTO events VALUES (NULL, 'run/r1', ?, 'sample', ?)", (self.n, self.data))
            self.db.execute("COMMIT")
            also()

    def marked_commits(self) -> None:
        def mark() -> None:
            os.pwrite(self.mark, b"m" * 128, 0)
            os.fsync(self.mark)

        self.commits(mark)


def _resuming(work: Path) -> list[Row]:
    return [row for steps in STEPS for row in _resumed(work / f"long-{steps}.db", steps)]


def _resumed(path: Path, steps: int) -> list[Row]:
    gc.disable()  # as omniops does
    _fill(path, steps)
    lines = [line for (line,) in sqlite3.connect(path).execute("SELECT line FROM events ORDER BY seq")]
    rows = [line[HASHED].encode() for line in lines]

    def verify() -> None:
        journal = _open(path)
        assert journal.verify() == EVENTS
        journal.close()

    def resume() -> None:
        journal = _open(path)
        assert journal.verify() == EVENTS
        assert left_by(journal, "r1").n == EVENTS
        journal.close()

    def hashed() -> None:
        for row in rows:
            sha256(row).hexdigest()

    def parsed() -> None:
        hashed()
        json.loads(f"[{','.join(lines)}]")

    took = medians(
        9,
        verify=lambda: timed(verify),
        resume=lambda: timed(resume),
        rows=lambda: timed(hashed),
        both=lambda: timed(parsed),
    )
    beside = "SHA-256 of the same rows in memory"
    whole = f"open, verify, read and fold a run of {EVENTS:,} events, {steps:,} steps"
    return [
        Row(f"open and verify {EVENTS:,} events, {steps:,} steps", beside, took["verify"] / took["rows"], 3),
        Row(whole, beside, took["resume"] / took["rows"], 3),
        Row(whole, f"{beside}, and `json.loads` of them", took["resume"] / took["both"]),
    ]


def _open(path: Path) -> SqliteJournal:
    return SqliteJournal(path, SystemClock(), "bench", "here", create=True)


def _fill(path: Path, count: int) -> None:
    """A run of many manual steps, and of one verify step that looked again and again."""
    steps: dict[str, Any] = {
        f"s{n}": {"id": f"s{n}", "kind": "manual", "edges": {"success": f"s{n + 1}"}} for n in range(count)
    }
    steps["proof"] = {"id": "proof", "kind": "verify", "edges": {"success": "end:mitigated"}}
    graph = {"id": "long", "start": "s0", "steps": steps, "timers": []}
    inputs: dict[str, Any] = {}
    started = {"run": "r1", "graph": graph, "inputs": inputs, "onset": "2026-11-23T03:00:00.000Z"}
    events: list[tuple[str, dict[str, Any]]] = [("run.started", started)]
    for n in range(count):
        events.append(("step.entered", {"step": f"s{n}"}))
        events.append(("answered", {"step": f"s{n}", "value": True}))
        go = f"s{n + 1}" if n + 1 < count else "proof"
        events.append(("step.done", {"step": f"s{n}", "outcome": "success", "go": go}))
    events.append(("step.entered", {"step": "proof"}))
    events += [("sample", {"step": "proof", **SAMPLE})] * (EVENTS - len(events))
    journal = _open(path)
    for begin in range(0, EVENTS, BATCH):
        journal.append([New("run/r1", None, kind, data) for kind, data in events[begin : begin + BATCH]])
    journal.close()

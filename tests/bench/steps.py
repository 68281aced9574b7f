"""What a step of a long runbook costs: a walk of N manual steps on a real journal, beside the bare fsyncs it needs."""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from omniops.actions.base import Context
from omniops.catalog import get
from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.engine.graph import Graph
from omniops.journal.events import Event
from omniops.journal.store import SqliteJournal
from omniops.runner import opening
from omniops.runner.walk import Walk
from tests.bench.measure import Row

SIZES = {100: 9, 1_000: 3, 10_000: 1}
"""Steps of the runbook -> how often it is walked."""
FRAMES = 3 * 4096
"""Bytes of a bare append. A commit of such a walk writes twice as many to the WAL, which is not counted for it."""
MARK = 128


class Counting(SqliteJournal):
    """Counts its appends: each is one commit, synced, and one mark in the head file, synced."""

    appends = 0

    def append(self, events: Any) -> list[Event]:
        self.appends += 1
        return super().append(events)


class Prompt:
    """A person who answers at once, and whose screen costs nothing."""

    interactive = True

    def __init__(self) -> None:
        self.clocks = lambda: ""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: True


def measure(work: Path) -> list[Row]:
    """Walk each size, and sync as often as it did, in turn; return the ratios, and how the cost of a step grows."""
    over: dict[int, float] = {}
    for size, times in SIZES.items():
        graph = _graph(work / str(size), size)
        walks, syncs = [], []
        for turn in range(times):
            took, appends = _walk(work / f"{size}-{turn}", graph)
            walks.append(took)
            syncs.append(_bare(work / f"bare-{size}-{turn}", appends))
        over[size] = statistics.median(walks) / statistics.median(syncs)
    beside = "the bare fsyncs that it needs"
    rows = [Row(f"a walk of {size:,} manual steps", beside, over[size]) for size in SIZES]
    growth = over[10_000] / over[100]
    return [*rows, Row("a step of 10,000", "a step of 100, each over its fsyncs", growth, 1.5)]


def _graph(folder: Path, size: int) -> Graph:
    """A runbook of ``size`` manual steps, through the catalogue."""
    head = "format: 1\nid: long\nsection: '9.9'\ntitle: Long\nsummary: Many steps.\nstart: s1\nsteps:\n"
    steps = [
        f"  s{n}: {{title: T, manual: Do, on_success: {f's{n + 1}' if n < size else 'done'}, on_declined: aborted}}\n"
        for n in range(1, size + 1)
    ]
    log = "review_log:\n  - {date: '2026-11-23', reviewer: bench, change: Made}\n"
    folder.mkdir()
    (folder / "long.yaml").write_text(head + "".join(steps) + log, encoding="utf-8")
    return get("long", Settings({"OMNIOPS_RUNBOOKS": str(folder), "OMNIOPS_HOME": str(folder / "home")}))


def _walk(folder: Path, graph: Graph) -> tuple[float, int]:
    """Seconds of a whole walk, and the appends it took."""
    clock, none = SystemClock(), cast(Any, None)  # manual steps ask nothing of any service
    settings = Settings({"OMNIOPS_HOME": str(folder), "OMNIROUTE_URL": "http://127.0.0.1:9"})
    journal = Counting(folder / "journal.db", clock, "bench", "here", create=True)
    now = datetime.now(UTC)
    state = opening.begin(journal, clock, opening.Plan(graph, {}, [], None, now, "long"), {})
    walk = Walk(Context(settings, clock, none, none, none, "i", now), Prompt(), journal, state)
    before, begin = journal.appends, time.perf_counter()
    assert walk.go() == "mitigated"
    took = time.perf_counter() - begin
    journal.close()
    return took, journal.appends - before


def _bare(folder: Path, appends: int) -> float:
    """Seconds of the same number of appends to a file and writes of a mark, each synced."""
    folder.mkdir()
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    mark = os.open(folder / "mark", os.O_WRONLY | os.O_CREAT)
    frames, line = b"x" * FRAMES, b"y" * MARK
    begin = time.perf_counter()
    for _ in range(appends):
        os.write(log, frames)
        os.fsync(log)
        os.pwrite(mark, line, 0)
        os.fsync(mark)
    took = time.perf_counter() - begin
    os.close(log)
    os.close(mark)
    return took

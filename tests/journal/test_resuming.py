"""Whole commands on a journal that was cut: they resume, or refuse clearly, and never write a second time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.config import Settings
from omniops.drill import launcher
from omniops.engine.state import RunState
from omniops.errors import Exit, JournalDamaged, OmniopsError
from omniops.journal.store import SqliteJournal
from omniops.runner import opening, verifying
from omniops.runner.walk import Walk
from tests.runner.test_crashes import ANSWERS, PassingMeasure
from tests.support.crash import Bench
from tests.support.journals import opened
from tests.support.toy import INPUTS, READINGS, START, Toy, ToyPerson

LONG = os.environ.get("OMNIOPS_LONG") == "1"
RUNBOOKS = ["provider-outage", "data-incident", "auth-broken", "rollback", "latency-regression"]
WAL_HEADER, FRAME = 32, 24 + 4096


def frames(log: bytes) -> list[int]:
    """Where a write-ahead log can be cut between two frames."""
    return list(range(WAL_HEADER, len(log), FRAME))


def commits(log: bytes) -> list[int]:
    """Where each commit ends: its last frame holds the size of the database after it."""
    return [at + FRAME for at in frames(log) if log[at + 4 : at + 8] != b"\0\0\0\0"]


class Files:
    """The files of a journal as a killed process left them; each case gets a cut copy."""

    def __init__(self, path: Path) -> None:
        self.db, self.log = path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()
        self.head = path.with_name(path.name + ".head").read_bytes()

    def cut(self, path: Path, log: int, *, head: bool) -> Path:
        """A copy whose log ends at a byte, with its head (which knows that there was more) or without."""
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir(parents=True)
        path.write_bytes(self.db)
        path.with_name(path.name + "-wal").write_bytes(self.log[:log])
        if head:
            path.with_name(path.name + ".head").write_bytes(self.head)
        return path


# A toy world, so that every runbook and every place can be tried. ----------------------------------------------------


def journal_of(path: Path, toy: Toy) -> SqliteJournal:
    return SqliteJournal(path, toy.clock, "eve", "h")


def walk_on(journal: SqliteJournal, toy: Toy, run: str) -> RunState:
    """Take the run over, and walk it to its end."""
    state = opening.left_by(journal, run)
    opening.take_over(journal, state, confirm=lambda question: True)
    walk = Walk(toy.context(), ToyPerson(toy, ANSWERS), journal, state, find=toy.find)
    if not state.outcome:
        walk.go()
    return state


@pytest.mark.parametrize("runbook", RUNBOOKS)
def test_every_runbook_cut_at_every_frame(runbook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its head a cut journal is refused, and nothing is sent; without, the run goes on and sends nothing again."""
    from omniops.catalog import get

    monkeypatch.setattr(verifying, "Measure", PassingMeasure)
    book = get(runbook, Settings({"OMNIOPS_HOME": str(tmp_path)}))
    toy = Toy(READINGS)
    journal = journal_of(tmp_path / "first" / "journal.db", toy)
    plan = opening.Plan(book, INPUTS.get(runbook, {}), [], None, START, runbook)
    run = opening.begin(journal, toy.clock, plan, {}).run
    walk_on(journal, toy, run)
    whole = Files(tmp_path / "first" / "journal.db")
    assert toy.sends
    refusals = 0
    for at in frames(whole.log)[:: 1 if LONG else 9]:
        path = whole.cut(tmp_path / "case" / "journal.db", at, head=True)
        again = after(toy)
        with pytest.raises(OmniopsError) as error:
            walk_on(journal_of(path, again), again, run)
        assert error.value.exit == Exit.BROKEN
        assert again.sends == []
        refusals += 1
    assert refusals > 3
    resumed = 0
    for at in commits(whole.log)[:: 1 if LONG else 4]:
        again = after(toy)
        behind = journal_of(whole.cut(tmp_path / "case" / "journal.db", at, head=False), again)
        if not behind.length(f"run/{run}"):
            continue
        state = walk_on(behind, again, run)
        assert again.sends == [], f"cut at {at}: sent again"
        assert state.outcome
        behind.verify()
        behind.close()
        resumed += 1
    assert resumed > 1


def after(toy: Toy) -> Toy:
    """The world as the first walk left it, with nothing sent yet by the next."""
    left = Toy(READINGS)
    left.off, left.taken, left.clock.moment = set(toy.off), set(toy.taken), toy.clock.moment
    return left


# A drill's own journal, and its simulator, which counts the writes. --------------------------------------------------


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[launcher.Simulator, Files, dict[str, int]]]:
    """A drill that was walked to its end: its simulator, its journal's files, and what was written until then."""
    folder = tmp_path_factory.mktemp("drill")
    with launcher.start("provider-outage", state=folder / "state", speed=60.0) as simulator:
        bench = Bench(simulator)
        bench.fresh()
        path = bench.home / "state" / "drill.db"
        keeper = opened(path, drill=True)  # while it is open, the log is not folded into the database
        ended = bench.run("walk")
        assert ended.code == 0, ended.text
        files = Files(path)
        keeper.close()
        yield simulator, files, simulator.writes()


def resume(simulator: launcher.Simulator, home: Path) -> Any:
    """`omniops drill resume --auto`, with another home."""
    from omniops.cli.practice import go_on

    simulator.env["OMNIOPS_HOME"] = str(home)
    return go_on(simulator, True)


def test_a_drill_cut_at_every_frame(drill: tuple[launcher.Simulator, Files, dict[str, int]], tmp_path: Path) -> None:
    """`resume` on a drill's journal that lost its end: exit 6, the way out, and not one write more."""
    simulator, files, written = drill
    for at in [0, WAL_HEADER, *frames(files.log)]:
        files.cut(tmp_path / "home" / "state" / "drill.db", at, head=True)
        with pytest.raises(JournalDamaged) as error:
            resume(simulator, tmp_path / "home")
        assert error.value.exit == Exit.BROKEN
        assert "omniops journal accept" in error.value.next
    assert simulator.writes() == written


def test_a_drill_cut_and_its_head_lost(drill: tuple[launcher.Simulator, Files, dict[str, int]], tmp_path: Path) -> None:
    """`resume` on an older state of the journal, which nothing shows to be older: it finds the change made already."""
    simulator, files, written = drill
    wanted = commits(files.log)[1:-2]
    for number, at in enumerate(wanted if LONG else wanted[:4] + wanted[5:6]):
        home = tmp_path / f"home{number}"
        files.cut(home / "state" / "drill.db", at, head=False)
        result = resume(simulator, home)
        assert result is not None
        assert result.outcome in ("mitigated", "inconclusive"), at  # which, is a matter of traffic by then
        assert simulator.writes() == written, at
    assert sum(written.values()) == 1


def test_the_untouched_copy_has_nothing_to_resume(
    drill: tuple[launcher.Simulator, Files, dict[str, int]], tmp_path: Path
) -> None:
    """A whole copy of the journal is accepted, so that the refusals above are about the cut and not about copying."""
    simulator, files, written = drill
    files.cut(tmp_path / "home" / "state" / "drill.db", len(files.log), head=True)
    assert resume(simulator, tmp_path / "home") is None
    assert simulator.writes() == written

"""Two operators on one journal, and one who was suspended: a change is sent once, and whoever loses is told by whom.

Processes are suspended at failpoints (SIGSTOP), so that what happens at once does so every time.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from subprocess import Popen
from typing import Any

import pytest

from omniops.clock import SystemClock
from omniops.errors import NeedsPerson
from omniops.journal.events import Event, New
from omniops.journal.memory import MemoryJournal
from omniops.runner import opening
from omniops.runner.known import open_runs
from tests.crash.conftest import MatrixOf
from tests.support.crash import Bench, finish, stopped

SEND_WITHIN_S = 5.0
WHEN = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture
def bench(matrix_of: MatrixOf) -> Bench:
    """A provider outage from its beginning."""
    bench = matrix_of("provider-outage").bench
    bench.fresh()
    return bench


def writes(bench: Bench) -> list[int]:
    return list(bench.simulator.writes().values())


def run_id(bench: Bench) -> str:
    return bench.states()[0].run


def both(bench: Bench, command: str, place: str) -> tuple[Popen[str], str]:
    """Give one command twice at once. The one that gets as far as ``place`` is suspended there, and returned with what
    the other one said, which has to be refused."""
    pair = [bench.spawn(command, kill=f"{place}=stop", operator=name) for name in ("alice", "bob")]
    end = time.monotonic() + 30
    while all(process.poll() is None for process in pair) and time.monotonic() < end:
        time.sleep(0.02)
    losers = [process for process in pair if process.poll() is not None]
    for process in pair:
        if process not in losers:
            stopped(process)
    assert len(losers) == 1, [finish(process) for process in losers]
    ended = finish(losers[0])
    assert ended.code == 3, ended
    return next(process for process in pair if process is not losers[0]), ended.text


def go_on(process: Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGCONT)
    return finish(process)


@pytest.mark.parametrize("place", ["after_intent@disable", "after_send@PUT", "after_response@disable"])
def test_a_suspended_writer_writes_once(bench: Bench, place: str) -> None:
    """Suspended around the send; another operator takes over, only with --take-over; the first wakes up and stops."""
    alice = bench.spawn("walk", kill=f"{place}=stop", operator="alice")
    stopped(alice)
    refused = bench.run("resume", operator="bob")
    assert refused.code == 3
    assert f"run {run_id(bench)} is held by alice" in refused.text
    assert f"(pid {alice.pid})" in refused.text
    assert "stop it there" in refused.text
    taken = bench.run("resume", "--take-over", operator="bob")
    assert taken.code == 0, taken.text
    assert writes(bench) == [1]
    code, text = go_on(alice)
    assert code == 3, text
    assert f"run {run_id(bench)} was taken over by bob" in text
    assert writes(bench) == [1]
    assert bench.facts().runs == [("provider-outage", "mitigated")]


def test_a_writer_suspended_while_it_logs_in_again(matrix_of: MatrixOf) -> None:
    """Its write was answered 401; suspended in the login that follows, and taken over, it does not send again."""
    bench = matrix_of("provider-outage").bench
    bench.fresh(faults="unauthorized@PUT#1")
    alice = bench.spawn("walk", kill="after_send@POST#2=stop", operator="alice")
    stopped(alice)
    taken = bench.run("resume", "--take-over", operator="bob")
    assert taken.code == 0, taken.text
    code, text = go_on(alice)
    assert code == 3, text
    assert "taken over by bob" in text
    assert writes(bench) == [1]


@pytest.mark.parametrize("place", ["job.folder#2", "after_intent@rollback"])
def test_a_suspended_writer_runs_no_second_script(matrix_of: MatrixOf, place: str) -> None:
    """The same with a script: suspended just before it is started, and taken over, it runs once."""
    bench = matrix_of("rollback").bench
    bench.fresh()
    alice = bench.spawn("walk", kill=f"{place}=stop", operator="alice")
    stopped(alice)
    taken = bench.run("resume", "--take-over", operator="bob")
    assert taken.code == 0, taken.text
    code, text = go_on(alice)
    assert code == 3, text
    assert "taken over by bob" in text
    calls = bench.facts().scripts
    assert sum(count for call, count in calls.items() if call.startswith("rollback.sh")) == 1, calls


def test_a_suspended_writer_observes_again(bench: Bench) -> None:
    """Suspended past the intent's deadline, with nobody taking over: it looks again, asks nothing more, writes once."""
    alice = bench.spawn("walk", kill="after_intent@disable=stop")
    stopped(alice)
    time.sleep(SEND_WITHIN_S + 0.3)
    code, text = go_on(alice)
    assert code == 0, text
    kinds = [event.kind for event in bench.events()]
    assert kinds.count("intent") == 2
    assert kinds.count("approved") == 1
    assert writes(bench) == [1]


def test_a_suspended_writer_sees_what_others_did(bench: Bench) -> None:
    """Suspended past the deadline while somebody else disables the connection by hand: nothing is left to write."""
    alice = bench.spawn("walk", kill="after_intent@disable=stop")
    stopped(alice)
    bench.simulator.control("change", {"connection": "openai-main", "fields": {"isActive": False}})
    time.sleep(SEND_WITHIN_S + 0.3)
    code, text = go_on(alice)
    assert code == 0, text
    assert writes(bench) == []


def test_two_mitigate_one_target(bench: Bench) -> None:
    """Two operators begin the same runbook on the same target at once: one walks it, the other is told who does."""
    winner, said = both(bench, "walk", "in_prompt@disable")
    state = bench.states()[0]
    assert f"is being walked already: run {state.run}" in said
    assert f"by {(state.holder or {})['actor']}" in said
    assert "omniops drill resume" in said  # these walks are a drill's, which has commands of its own
    code, text = go_on(winner)
    assert code == 0, text
    assert writes(bench) == [1]
    assert len(bench.states()) == 1


class RivalJournal(MemoryJournal):
    """Somebody else begins a run in the instant between our last look and our first append."""

    rival: opening.Plan | None = None

    def append(self, events: Sequence[New]) -> list[Event]:
        rival, self.rival = self.rival, None
        if rival is not None:
            opening.begin(self, self.clock, rival, {})
        return super().append(events)


@pytest.mark.parametrize(("theirs", "runs"), [("a", 1), ("b", 2)])
def test_two_begin_in_the_same_instant(theirs: str, runs: int) -> None:
    """Nobody is walking the target when both look; the journal lets one in. Different targets: both."""
    journal = RivalJournal(SystemClock(), "alice", "here")
    graph: Any = {"id": "provider-outage", "start": "x", "steps": {}, "timers": [], "inputs": {}}
    journal.rival = opening.Plan(graph, {}, [theirs], None, WHEN, "theirs")
    mine = opening.Plan(graph, {}, ["a"], None, WHEN, "mine")
    if runs == 1:
        with pytest.raises(NeedsPerson, match="being walked already"):
            opening.begin(journal, journal.clock, mine, {})
    else:
        opening.begin(journal, journal.clock, mine, {})
    assert len(open_runs(journal)) == runs


def test_two_resumes(bench: Bench) -> None:
    """Two operators resume one killed run at once: one goes on, the other is told so."""
    assert bench.run("walk", kill="after_intent@disable").killed
    winner, said = both(bench, "resume", "in_resume@disable")
    assert re.search(rf"run {run_id(bench)}\b", said)
    code, text = go_on(winner)
    assert code == 0, text
    assert writes(bench) == [1]
    assert bench.facts().runs == [("provider-outage", "mitigated")]


def test_two_undos(bench: Bench) -> None:
    """Two operators undo at once: it is put back with one write, and there is nothing left for the other."""
    assert bench.run("walk", "disable").code == 0
    bench.simulator.control("heal", {})
    winner, said = both(bench, "undo", "in_undo@disable")
    assert re.search(rf"run {run_id(bench)}\b", said)
    code, text = go_on(winner)
    assert code == 0, text
    assert writes(bench) == [2]
    assert bench.run("undo").code == 0
    assert writes(bench) == [2]
    assert bench.facts().in_force == []


def test_an_undo_taken_over(bench: Bench) -> None:
    """An undo suspended between intent and send, and taken over, is sent once."""
    assert bench.run("walk", "disable").code == 0
    bench.simulator.control("heal", {})
    alice = bench.spawn("undo", kill="in_undo@disable=stop", operator="alice")
    stopped(alice)
    assert bench.run("undo", operator="bob").code == 3
    taken = bench.run("undo", "--take-over", operator="bob")
    assert taken.code == 0, taken.text
    code, text = go_on(alice)
    assert code == 3, text
    assert "taken over by bob" in text
    assert writes(bench) == [2]


@pytest.mark.parametrize(
    ("place", "sent"), [("after_intent@disable", 0), ("after_send@PUT", 2), ("after_outcome@disable", 2)]
)
def test_undo_instead_of_resume(bench: Bench, place: str, sent: int) -> None:
    """Killed in the middle of a change, and undone instead of resumed: what became of the change is found out first.
    That ends the run; nothing sends the change again."""
    assert bench.run("walk", kill=place).killed
    bench.simulator.control("heal", {})
    undone = bench.run("undo")
    assert undone.code == 0, undone.text
    assert sum(writes(bench)) == sent
    assert bench.facts().in_force == []
    first = next(event.kind for event in bench.events() if event.kind in ("outcome", "reconciled", "undone"))
    assert first != "undone"
    resumed = bench.run("resume")
    assert (resumed.code, resumed.text) == (0, "Nothing to resume.\n")
    assert sum(writes(bench)) == sent


def test_undo_waits_for_the_script(matrix_of: MatrixOf) -> None:
    """Killed while rollback.sh runs, and undone at once: its end is awaited before it is run the other way."""
    bench = matrix_of("rollback").bench
    bench.fresh(faults="slow-script=1.5s")
    assert bench.run("walk", kill="job.spawned#2").killed
    undone = bench.run("undo")
    assert undone.code == 0, undone.text
    calls = [call["argv"][0] for call in bench.simulator.control("state")["scripts"] if call["name"] == "rollback.sh"]
    assert calls == ["v3.7.8", "v3.7.9"]
    assert bench.facts().world["version"] == "3.7.9"

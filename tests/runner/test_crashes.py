"""Every shipped runbook, killed at every tick of a toy world and resumed: the same world and writes, no more."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from omniops.config import Settings
from omniops.engine.state import RunState
from omniops.journal.memory import MemoryJournal
from omniops.runner import opening, verifying
from omniops.runner.walk import Walk
from tests.support.toy import INPUTS, READINGS, START, Crash, Toy, ToyPerson, measuring

RUNBOOKS = [
    "provider-outage", "latency-regression", "auth-broken", "data-incident", "security", "rollback", "failover",
]  # fmt: skip
ANSWERS: dict[str, Any] = {"text which": "3.7.8"}


class CrashingJournal(MemoryJournal):
    """Counts a tick before and after every append."""

    toy: Toy

    def append(self, events: Any) -> Any:
        self.toy.tick()
        written = super().append(events)
        self.toy.tick()
        return written


PassingMeasure = measuring(("pass", "well"))
"""Traffic that is always well."""


def graph(id: str, tmp_path: Any) -> Any:
    from omniops.catalog import get

    return get(id, Settings({"OMNIOPS_HOME": str(tmp_path)}))


def walked(
    graph: Any,
    crash_at: int = 0,
    faults: dict[int, str] | None = None,
    then_undo: bool = False,
    *,
    step_s: float = 0.0,
    away_s: float = 60.0,
    checks_s: float = 0.0,
) -> tuple[Toy, ToyPerson, RunState, int]:
    """Walk a runbook, die at a tick, resume until it has ended; return the world, the person, the run, the resumes.

    ``away_s`` after the crash it is resumed, and somebody has set the wall clock by ``step_s`` meanwhile; ``checks_s``
    is how long a write's own checks take.
    """
    toy = Toy(READINGS, faults)
    toy.checks_s = checks_s
    journal = CrashingJournal(toy.clock, "eve", "h")
    journal.toy = Toy(READINGS)  # opening does not count
    plan = opening.Plan(graph, INPUTS.get(graph["id"], {}), [], None, START, graph["id"])
    run = opening.begin(journal, toy.clock, plan, {}).run
    journal.toy = toy
    toy.crash_at = crash_at
    person = ToyPerson(toy, ANSWERS)
    for resumes in range(6):
        state = RunState(journal.read(f"run/{run}"))
        walk = Walk(toy.context(), person, journal, state, find=toy.find)
        try:
            if resumes:
                from omniops.journal.events import New

                for event in journal.append([New(f"run/{run}", state.n, "lease.taken", {"how": "resumed"})]):
                    state.apply(event)
                walk = Walk(toy.context(), person, journal, state, find=toy.find)
            walk.go()
            if then_undo:
                from omniops.runner import undo

                undo.everything(walk)
        except Crash:
            toy.clock.sleep(away_s)
            toy.clock.moment += timedelta(seconds=step_s)
            continue
        return toy, person, state, resumes
    raise AssertionError("never ended")


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verification is not what is tested here."""
    monkeypatch.setattr(verifying, "Measure", PassingMeasure)


@pytest.mark.parametrize("then_undo", [False, True])
@pytest.mark.parametrize("runbook", RUNBOOKS)
def test_a_crash_anywhere_changes_nothing(runbook: str, then_undo: bool, tmp_path: Any) -> None:
    """Killed at any tick and resumed, a run ends as an uninterrupted one: same world, same outcome, each write once."""
    book = graph(runbook, tmp_path)
    toy, person, state, _ = walked(book, then_undo=then_undo)
    assert toy.ticks > 5
    for tick in range(1, toy.ticks + 1):
        crashed, asked, ended, resumes = walked(book, tick, then_undo=then_undo)
        where = f"{runbook} at tick {tick}"
        assert resumes == 1, where
        assert crashed.off == toy.off, where
        assert crashed.sends == toy.sends, where
        assert ended.outcome == state.outcome, where
        more = Counter(asked.asked) - Counter(person.asked)
        assert sum(more.values()) <= 1, f"{where}: asked again: {more}"  # the prompt that was open when it died


@pytest.mark.parametrize(("step_s", "checks_s"), [(120.0, 0.0), (-120.0, 0.0), (0.0, 20.0)])
@pytest.mark.parametrize("runbook", ["provider-outage", "auth-broken"])
def test_no_clock_and_no_slow_check_changes_what_a_crash_leaves(
    runbook: str, step_s: float, checks_s: float, tmp_path: Any
) -> None:
    """The wall clock is set while nobody walks, or a write's checks take longer than an intent may wait: the same."""
    book = graph(runbook, tmp_path)
    toy, _, state, _ = walked(book, then_undo=True, checks_s=checks_s)
    for tick in range(1, toy.ticks + 1):
        crashed, _, ended, _ = walked(book, tick, then_undo=True, step_s=step_s, checks_s=checks_s)
        where = f"{runbook} at tick {tick}"
        assert crashed.off == toy.off, where
        assert crashed.sends == toy.sends, where
        assert ended.outcome == state.outcome, where


@pytest.mark.parametrize("step_s", [0.0, 3600.0, -3600.0])
@pytest.mark.parametrize("then_undo", [False, True])
def test_a_request_under_way_outlives_the_crash(then_undo: bool, step_s: float, tmp_path: Any) -> None:
    """Resumed at once while the killed one's request is still being carried out, on a wall clock that was set: it is
    waited for, and neither sent twice nor forgotten."""
    book = graph("provider-outage", tmp_path)
    slow = {3: "late"} if then_undo else {1: "late"}
    toy, _, state, _ = walked(book, faults=slow, then_undo=then_undo)
    for tick in range(1, toy.ticks + 1):
        crashed, _, ended, _ = walked(book, tick, slow, then_undo=then_undo, step_s=step_s, away_s=0.5)
        assert crashed.off == toy.off, tick
        assert crashed.sends == toy.sends, tick
        assert ended.outcome == state.outcome, tick


@pytest.mark.parametrize("how", ["500", "lost"])
@pytest.mark.parametrize("runbook", ["provider-outage", "data-incident"])
def test_an_answer_that_lies_is_found_out(runbook: str, how: str, tmp_path: Any) -> None:
    """A 500 after the change was made is found to be a success; one that lost the change is put before a person."""
    toy, person, state, _ = walked(graph(runbook, tmp_path), faults={1: how})
    guided = [question for question in person.asked if question.endswith(".on_failure")]
    assert state.outcome == "mitigated"
    assert len(toy.sends) == len(set(toy.sends)) + (1 if how == "lost" else 0)
    assert len(guided) == (1 if how == "lost" else 0)

"""Where two operators can meet: runs that would change the same, and the incident that a run joins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omniops.errors import BadInput, NeedsPerson
from omniops.journal.memory import MemoryJournal
from omniops.runner import opening
from omniops.runner.known import incident_of, open_runs
from omniops.runner.resolving import resolve
from omniops.runner.walk import Walk
from tests.support.scene import graph
from tests.support.toy import START, Toy, ToyClock, ToyPerson


class Desk:
    """A journal, and the runs that are begun in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ToyClock()
        self.journal = MemoryJournal(self.clock, "eve", "h")

    def begin(self, runbook: str, *targets: str, incident: Any = None) -> Any:
        book = graph(runbook, self.folder)
        inputs: dict[str, Any] = {"connections": [{"id": id} for id in targets]} if book["inputs"] else {}
        plan = opening.Plan(book, inputs, targets, incident, START, runbook)
        return opening.begin(self.journal, self.clock, plan, {})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        (("rollback", "v3.7.8"), ("rollback", "v3.7.7"), True),
        (("data-incident",), ("rollback", "v3.7.8"), True),
        (("rollback", "v3.7.8"), ("latency-regression",), True),
        (("auth-broken",), ("auth-broken",), True),
        (("provider-outage", "c1"), ("provider-outage", "c1", "c2"), True),
        (("security",), ("security",), True),
        (("failover",), ("failover",), True),
        (("provider-outage", "c1"), ("provider-outage", "c2"), False),
        (("provider-outage", "c1"), ("rollback", "v3.7.8"), False),
        (("rollback", "v3.7.8"), ("security",), False),
        (("failover",), ("data-incident",), False),
    ],
)
def test_two_runs_that_change_the_same(first: Any, second: Any, refused: bool, desk: Desk) -> None:
    """A connection, or the whole server, is changed by one open run at a time, whatever the runbooks are called."""
    run = desk.begin(*first).run
    if not refused:
        desk.begin(*second)
        return
    with pytest.raises(NeedsPerson, match=f"is being walked already: run {run}") as error:
        desk.begin(*second)
    assert error.value.next == f'omniops resume {run}, or end it: omniops resume {run} --abort "..."'


def test_a_run_that_is_held_names_the_way_to_take_it(desk: Desk) -> None:
    """A run whose holder lives is left to it; the flag that takes it over is named."""
    run = desk.begin("security").run
    with pytest.raises(NeedsPerson, match=f"run {run} is held by") as error:
        opening.take_over(desk.journal, opening.left_by(desk.journal, run), confirm=lambda question: False)
    assert error.value.next == f"stop it there, or take it over: omniops resume {run} --take-over"


def test_an_incident_is_not_resolved_while_a_run_joins_it(desk: Desk) -> None:
    """The incident was looked at, and a run begins in it before it is resolved: it stays open."""
    first = desk.begin("security")
    incident = incident_of(desk.journal, first.started["incident"])
    Walk(Toy({}).context(), ToyPerson(Toy({})), desk.journal, first).end("stopped")

    def at_the_worst_moment(journal: Any) -> Any:
        found = open_runs(journal)
        if not found:
            desk.begin("failover", incident=incident)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omniops.runner.resolving.open_runs", at_the_worst_moment)
        with pytest.raises(NeedsPerson, match=r"run r.* is open"):
            resolve(desk.journal, incident, desk.clock.now())
    assert not incident_of(desk.journal, incident.id).resolved


def test_no_run_joins_an_incident_that_was_resolved_meanwhile(desk: Desk) -> None:
    """The incident was chosen, and somebody resolves it before the run begins: nothing begins."""
    first = desk.begin("security")
    incident = incident_of(desk.journal, first.started["incident"])
    Walk(Toy({}).context(), ToyPerson(Toy({})), desk.journal, first).end("stopped")
    resolve(desk.journal, incident, desk.clock.now())
    with pytest.raises(BadInput, match="is resolved"):
        desk.begin("failover", incident=incident)
    assert open_runs(desk.journal) == {}


class Alone(ToyPerson):
    """Nobody is there to choose."""

    def choose(self, *_: Any, **__: Any) -> Any:
        raise NeedsPerson("incident needs an answer")


@pytest.mark.parametrize(
    ("hours", "who", "answer", "joined"),
    [
        (5, Alone, "", True),
        (7, Alone, "", False),
        (7, ToyPerson, "first", True),
        (7, ToyPerson, "new", False),
    ],
)
def test_an_old_incident_is_not_joined_silently(hours: int, who: Any, answer: str, joined: bool, desk: Desk) -> None:
    """The only open incident is joined without a word for six hours; then a person is asked, or a new one is opened."""
    first = desk.begin("security").started["incident"]
    desk.clock.sleep(hours * 3600)
    person = who(Toy({}), {"choose incident": first if answer == "first" else answer})
    found = opening.attach(desk.journal, person, "", desk.clock.now())
    assert (found.id if found else None) == (first if joined else None)
    assert len(person.asked) == (0 if who is Alone else 1)
    assert any(first in line for line in person.said) == (who is Alone and not joined)


def test_asked_and_not_answered_nothing_begins(desk: Desk) -> None:
    """A person who is asked about an old incident and says neither: nothing begins."""
    desk.begin("security")
    desk.clock.sleep(7 * 3600)
    with pytest.raises(NeedsPerson, match="not said whether"):
        opening.attach(desk.journal, ToyPerson(Toy({}), {"choose incident": None}), "", desk.clock.now())

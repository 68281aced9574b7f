"""What a run may say at its end: nothing is mitigated that was not proved, or that nobody saw the end of."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omniops.errors import InDoubt, NeedsPerson
from omniops.journal.events import New
from omniops.runner import report, undo, verifying
from omniops.runner.walk import Walk
from tests.runner.test_crashes import PassingMeasure
from tests.runner.test_walk import Scene
from tests.support.toy import Crash


class FailingMeasure(PassingMeasure):
    """Every look says that it is as bad as before."""

    def to_sample(self, _: None) -> Any:
        return super().to_sample(_)._replace(verdict="fail", why="9 of 10 attempts failed")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "Measure", FailingMeasure)


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "Measure", PassingMeasure)


def with_edges(scene: Scene, step: str, **edges: str) -> None:
    """Lead a step elsewhere, in the graph that the run has pinned."""
    scene.journal.read(f"run/{scene.run}")[0].data["graph"]["steps"][step]["edges"].update(edges)


def last_words(walk: Walk) -> str:
    return report.lines(walk.state, walk.state.outcome)[0][0]


@pytest.mark.usefixtures("failing")
def test_not_recovered_is_said(tmp_path: Path) -> None:
    """A failed proof that leads to an end: not recovered, and those are the words."""
    scene = Scene(tmp_path)
    with_edges(scene, "recovered", failure="end:not_recovered")
    walk = scene.walk()
    assert walk.go() == "not_recovered"
    assert last_words(walk) == "Not recovered."


@pytest.mark.usefixtures("failing")
def test_a_skipped_proof_proves_nothing(tmp_path: Path) -> None:
    """A verify step that failed and is skipped by a person: the run ends inconclusive, not mitigated."""
    scene = Scene(tmp_path)
    with_edges(scene, "recovered", failure="ask")
    scene.person.answers["choose recovered.on_failure"] = "skip"
    walk = scene.walk()
    assert walk.go() == "inconclusive"
    assert "cannot be told" in last_words(walk)


@pytest.mark.usefixtures("failing")
def test_until_a_step_after_a_failed_proof(tmp_path: Path) -> None:
    """Ended after a later step, as asked: that step succeeded, and nobody says that it was shown to be well."""
    scene = Scene(tmp_path)
    scene.journal.read(f"run/{scene.run}")[0].data["until"] = "carriers"
    walk = scene.walk()
    walk.go()
    assert last_words(walk) == (
        "Ended after step carriers, as asked. It has not been shown to have recovered: 9 of 10 attempts failed."
    )


@pytest.mark.usefixtures("passing")
def test_skipped_in_doubt_stays_in_doubt(tmp_path: Path) -> None:
    """A change that nobody saw the end of, skipped by a person: it ends in doubt, whatever is proved afterwards."""
    scene = Scene(tmp_path, faults={1: "lost"})
    scene.toy.find = _unreadable_after_send(scene)  # type: ignore[method-assign]
    scene.person.answers["choose disable.on_failure"] = "skip"
    assert scene.walk().go() == "in_doubt"


def _unreadable_after_send(scene: Scene) -> Any:
    """Once something was sent, the target can no longer be observed."""
    from omniops.errors import Unreachable

    original = scene.toy.find

    def find(name: str) -> Any:
        action = original(name)
        if scene.toy.sends:
            action.observe = _refuse(Unreachable("it does not answer"))
        return action

    return find


def _refuse(error: Exception) -> Any:
    def refuse(*_: Any) -> Any:
        raise error

    return refuse


@pytest.mark.usefixtures("passing")
def test_until_holds_when_the_step_is_skipped(tmp_path: Path) -> None:
    """`--until disable`, refused and skipped: the walk ends there, and not after the next steps."""
    scene = Scene(tmp_path, faults={1: "refused"})
    scene.journal.read(f"run/{scene.run}")[0].data["until"] = "disable"
    scene.person.answers["choose disable.on_failure"] = "skip"
    assert scene.walk().go() == "aborted"
    assert "sample" not in scene.kinds()


@pytest.mark.usefixtures("passing")
def test_a_clock_that_is_set_forward_ends_no_wait(tmp_path: Path) -> None:
    """While a late write is waited for, the machine's clock is set an hour forward: it is waited for all the same."""
    scene = Scene(tmp_path, faults={1: "late"})
    clock = scene.toy.clock
    sleep = clock.sleep

    def stepping(seconds: float) -> None:
        sleep(seconds)
        if scene.toy.later and seconds >= 0.5:
            clock.moment += timedelta(hours=1)

    clock.sleep = stepping  # type: ignore[method-assign]
    with_edges(scene, "recovered", success="end:done")
    assert scene.walk().go() == "mitigated"
    assert len(scene.toy.sends) == 1
    assert scene.toy.off


@pytest.mark.usefixtures("passing")
def test_an_undo_approved_days_ago_is_asked_again(tmp_path: Path) -> None:
    """Approved, killed before it was sent, given again five days later: the operator is asked again."""
    scene = Scene(tmp_path)
    assert scene.walk().go() == "mitigated"
    walk = scene.walk()
    record = next(iter(walk.state.changes.records.values()))
    sends = len(scene.toy.sends)
    dying = _dies_after_approval(scene)
    with pytest.raises(Crash):
        undo.one(Walk(scene.toy.context(), scene.person, scene.journal, walk.state, find=dying), record)
    assert len(scene.toy.sends) == sends
    scene.toy.clock.sleep(5 * 86400)
    asked = len(scene.person.asked)
    again = scene.walk()
    undo.one(again, next(iter(again.state.changes.records.values())))
    assert any(question.startswith("approve disable.undo") for question in scene.person.asked[asked:])
    assert len(scene.toy.sends) == sends + 1


def _dies_after_approval(scene: Scene) -> Any:
    """The process dies when the undo is about to be sent."""
    original = scene.toy.find

    def find(name: str) -> Any:
        action = original(name)
        action.undo = _refuse(Crash())  # type: ignore[arg-type]
        return action

    return find


@pytest.mark.usefixtures("passing")
def test_one_of_several_done_stays_open_without_a_person(tmp_path: Path) -> None:
    """The second of three needs a person and there is none: the run stays open, so that the rest can be done."""
    from omniops.runner.session import _ends_the_run

    scene = Scene(tmp_path, connections=3)
    scene.toy.ticks = 0
    walk = scene.walk()
    scene.journal.append([New(f"run/{scene.run}", None, "step.entered", {"step": "disable", "items": _items(walk)})])
    done = {"step": "disable", "item": 0, "outcome": "success"}
    scene.journal.append([New(f"run/{scene.run}", None, "item.done", done)])
    session: Any = type("Session", (), {"person": type("Nobody", (), {"interactive": False})()})()
    assert not _ends_the_run(session, scene.state(), NeedsPerson("it needs the typed confirmation"))
    assert not _ends_the_run(session, scene.state(), InDoubt("x"))


def _items(walk: Walk) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = walk.state.started["inputs"]["connections"]
    return items


@pytest.mark.usefixtures("passing")
def test_undoing_after_a_failure_leaves_repairs(tmp_path: Path) -> None:
    """ "Undo what this run changed" passes a repair over, and says how it would be taken back."""
    scene = Scene(tmp_path)
    assert scene.walk().go() == "mitigated"
    walk = scene.walk()
    record = next(iter(walk.state.changes.records.values()))
    record.intent["repair"] = True
    assert undo.everything(walk) == []
    assert scene.toy.off
    assert any(f"omniops undo {record.id}" in line for line in scene.person.said)


@pytest.mark.usefixtures("passing")
def test_a_refused_undo_is_refused(tmp_path: Path) -> None:
    """A server that answers 403 to the undo: exit 4, as for any other write."""
    from omniops.actions.base import Applied
    from omniops.errors import Refused

    scene = Scene(tmp_path)
    assert scene.walk().go() == "mitigated"
    original = scene.toy.find

    def find(name: str) -> Any:
        action = original(name)
        action.undo = lambda *_: Applied("not_applied", "403", {"code": 403})
        return action

    walk = Walk(scene.toy.context(), scene.person, scene.journal, scene.walk().state, find=find)
    with pytest.raises(Refused):
        undo.one(walk, next(iter(walk.state.changes.records.values())))


def test_a_frozen_incident_keeps_no_words(tmp_path: Path) -> None:
    """On the security path a note is refused, and a reason is replaced: details are not stored (4.5)."""
    from omniops.errors import BadInput
    from omniops.runner import records
    from omniops.runner.known import incident_of

    scene = Scene(tmp_path)
    id = scene.state().started["incident"]
    scene.journal.append([New(f"incident/{id}", None, "frozen", {"by": "run r1"})])
    with pytest.raises(BadInput, match="security path"):
        records.note(scene.journal, incident_of(scene.journal, id), "CVE-2026-1")
    assert "CVE" not in str([event.data for event in scene.journal.read(f"incident/{id}")])

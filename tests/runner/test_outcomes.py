"""How a walk ends, and in which words: nothing is called recovered that was not shown, nothing settled that is not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from omniops.actions.base import Applied
from omniops.errors import InDoubt, NeedsPerson, OmniopsError
from omniops.incident.view import MITIGATION_KINDS, Mitigation, mitigations
from omniops.runner import opening, records, report, undo, verifying
from omniops.runner.known import incident_of
from omniops.runner.putting_back import _order, put_back
from omniops.runner.resolving import resolve
from omniops.runner.session import Session, _paused
from omniops.runner.walk import Walk
from tests.support.runbooks import SMALL, compiled
from tests.support.scene import Scene
from tests.support.toy import Crash, measuring

PASS = ("pass", "well")
FAIL = ("fail", "p95 is 4.20s of 50 requests")
UNKNOWN = ("cannot tell", "no traffic since the change")
Looks = Callable[..., None]
SHOWN = "Mitigated, and shown to be so."


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Sets how every look at the traffic is judged."""

    def judged(*verdicts: tuple[str, str]) -> None:
        monkeypatch.setattr(verifying, "Measure", measuring(*verdicts))

    return judged


@pytest.mark.parametrize(
    ("verdict", "ended"),
    [
        (PASS, ("mitigated", 0, SHOWN)),
        (FAIL, ("not_recovered", 1, "Not recovered.")),
        (UNKNOWN, ("inconclusive", 1, "Whether it has recovered cannot be told.")),
    ],
)
def test_the_verdict_is_the_outcome(
    verdict: tuple[str, str], ended: tuple[str, int, str], tmp_path: Path, looks: Looks
) -> None:
    """Outcome, exit code and words follow the looks at the traffic, each of the three ways."""
    looks(verdict)
    scene = Scene(tmp_path)
    scene.person.answers = {"choose all_down": "leave"}
    scene.walk().go()
    assert scene.ended() == ended


@pytest.mark.parametrize(
    ("until", "verdict", "words"),
    [
        ("disable", PASS, "Ended after step disable, as asked. Whether it has recovered was not looked at."),
        ("recovered", PASS, SHOWN),
        ("carriers", FAIL, f"Ended after step carriers, as asked. Not recovered. (recovered: {FAIL[1]})"),
    ],
)
def test_an_end_that_was_asked_for_proves_nothing(
    until: str, verdict: tuple[str, str], words: str, tmp_path: Path, looks: Looks
) -> None:
    """`--until` ends with that step's outcome; only the last look at the traffic makes it "shown to be so"."""
    looks(verdict)
    scene = Scene(tmp_path, until=until)
    scene.walk().go()
    assert scene.ended() == ("mitigated", 0, words)


def test_a_proof_that_was_skipped_proves_nothing(tmp_path: Path, looks: Looks) -> None:
    """A verify step that failed and was skipped to the end: whether it has recovered cannot be told, exit 1."""
    looks(FAIL)
    book = compiled(SMALL.replace("on_failure: not_recovered", "on_failure: ask")).graph
    scene = Scene(tmp_path, book=book)
    scene.person.answers = {"choose recovered.on_failure": "skip"}
    scene.walk().go()
    assert scene.ended()[:2] == ("inconclusive", 1)
    assert scene.ended()[2] != SHOWN


@pytest.mark.parametrize(("until", "outcome"), [("disable", "aborted"), ("recovered", "inconclusive")])
def test_the_step_to_end_after_is_not_forgotten_when_it_is_skipped(
    until: str, outcome: str, tmp_path: Path, looks: Looks
) -> None:
    """`--until STEP`, and the step fails and is skipped: the walk ends there all the same, and claims nothing."""
    looks(FAIL)
    book = compiled(SMALL.replace("on_failure: not_recovered", "on_failure: ask")).graph
    scene = Scene(tmp_path, book=book, faults={1: "refused"} if until == "disable" else {}, until=until)
    scene.person.answers = {f"choose {until}.on_failure": "skip"}
    assert scene.walk().go() == outcome
    assert ("sample" in scene.kinds()) == (until == "recovered")


def test_skipping_a_change_in_doubt_settles_nothing(tmp_path: Path, looks: Looks) -> None:
    """The traffic is well, and nobody knows whether the change was made: in doubt, exit 7, not mitigated."""
    looks(PASS)
    scene = Scene(tmp_path, faults={1: "500"})
    scene.toy.muddled = True
    scene.person.answers = {"choose disable.on_failure": "skip"}
    scene.walk().go()
    assert scene.ended()[:2] == ("in_doubt", 7)


def test_a_change_that_cannot_be_read_back_is_in_doubt(tmp_path: Path, looks: Looks) -> None:
    """The server took it, and reading it back never shows it: skipped, the run ends in doubt too."""
    looks(PASS)
    scene = Scene(tmp_path, faults={1: "forgotten"})
    scene.person.answers = {"choose disable.on_failure": "skip"}
    scene.walk().go()
    assert scene.ended()[:2] == ("in_doubt", 7)
    (record,) = scene.state().changes.records.values()
    assert record.in_doubt


PAGING = """\
format: 1
id: paging
section: "9.7"
title: Paging
summary: A page.
inputs: {}
start: tell
steps:
  tell:
    title: Page
    action: page.send
    with: {role: data, summary: It is down.}
    approve: operator
    on_success: not_recovered
    on_failure: ask
    on_declined: not_recovered
"""


@pytest.mark.parametrize(("choice", "sends", "ended"), [("retry", 2, "not_recovered"), ("abort", 1, "in_doubt")])
def test_a_page_in_doubt_is_not_called_unsent(choice: str, sends: int, ended: str, tmp_path: Path) -> None:
    """Answered with a 500: the journal says in doubt. A person may send it again, and then it is one page."""
    scene = Scene(tmp_path, book=compiled(PAGING).graph, inputs={}, faults={1: "lost"})
    scene.person.answers = {"choose tell.on_failure": choice}
    assert scene.walk().go() == ended
    events = scene.journal.read(f"run/{scene.run}")
    assert [event.data["status"] for event in events if event.kind == "reconciled"] == ["in_doubt"]
    assert len(scene.toy.sends) == sends
    assert len(report.changes(scene.state())) == 1


def test_a_page_that_a_crash_hid_is_sent_again(tmp_path: Path) -> None:
    """Killed between the page and its answer: it is sent again by itself, with the same key, and that is one page."""
    scenes = (Scene(tmp_path, book=compiled(PAGING).graph, inputs={}) for _ in range(20))
    scene = next(scene for tick, scene in enumerate(scenes, 1) if _dies_after_sending(scene, tick))
    scene.toy.clock.sleep(60)
    assert scene.walk().go() == "not_recovered"
    assert len(scene.toy.off) == 1
    assert "choose tell.on_failure" not in scene.person.asked


def _dies_after_sending(scene: Scene, tick: int) -> bool:
    scene.toy.crash_at = tick
    with suppress(Crash):
        scene.walk().go()
    return bool(scene.toy.sends) and "outcome" not in scene.kinds()


def test_an_interrupted_send_is_in_doubt(tmp_path: Path) -> None:
    """Ctrl-C twice in the middle of a request: what is told is "in doubt", exit 130, and not "in force"."""
    scene = Scene(tmp_path, connections=2)
    original = scene.toy.find

    def interrupted(name: str) -> Any:
        action = original(name)
        if len(scene.toy.sends) == 1:
            action.apply = _interrupt
        return action

    walk = Walk(scene.toy.context(), scene.person, scene.journal, scene.walk().state, find=interrupted)
    with pytest.raises(KeyboardInterrupt):
        walk.go()
    error = _paused(walk, 2)
    first, second = (record.intent["target"] for record in walk.state.changes.records.values())
    assert (error.exit, error.state) == (130, f"in doubt: {second}; {first} is DISABLED")


def _interrupt(*_: Any) -> Any:
    raise KeyboardInterrupt


def test_the_order_of_an_undo_is_said() -> None:
    """Several are put back from the last to the first; a combo before its connections is told to be harmless."""
    one = Mitigation("m1", "i", "r", "openai/main", "connection.disable", "", "", "in force", "omniops undo m1")
    two = one._replace(id="m2", target="combo ha", action="combo.withdraw")
    assert _order([one, one]) == "2 changes are put back, the last one first."
    assert _order([one, two]).endswith("a combo passes over the models that it gets back.")


def test_what_cannot_be_taken_back_and_is_in_doubt_is_not_forgotten(tmp_path: Path) -> None:
    """A page of which nobody knows whether it got out: listed, told, in the way of resolving; no undo, only a look."""
    scene = Scene(tmp_path, book=compiled(PAGING).graph, inputs={}, faults={1: "lost"})
    scene.person.answers = {"choose tell.on_failure": "abort"}
    scene.walk().go()
    state = scene.state()
    assert any(line.startswith("in doubt: page.send") for line, _ in report.lines(state, state.outcome))
    (one,) = mitigations(scene.journal.kinds(MITIGATION_KINDS))
    assert (one.state, one.undo) == ("in doubt", "")
    assert report.lines(state, state.outcome)[-1][0].startswith(f"next: omniops mitigations keep {one.id}")
    incident = incident_of(scene.journal, state.started["incident"])
    with pytest.raises(NeedsPerson) as refused:
        resolve(scene.journal, incident, scene.toy.clock.now())
    assert refused.value.next.startswith("look at it, then: omniops mitigations keep")
    session = Session(scene.toy.context().settings, scene.toy.clock, scene.person, scene.journal)
    opening.release(scene.journal, state, "ended")
    (told,) = put_back(session, [one.id])
    assert isinstance(told.error, InDoubt)
    assert told.error.next.endswith(f'omniops mitigations keep {one.id} --reason "..."')
    assert put_back(session, []) == []
    records.keep(scene.journal, one.id, "they were called")
    resolve(scene.journal, incident_of(scene.journal, incident.id), scene.toy.clock.now())


@pytest.mark.parametrize(
    ("became", "words"),
    [("applied", "it was done, and stays"), ("failed", "it failed on the way, and what it did stays")],
)
def test_what_cannot_be_taken_back_is_found_out(
    became: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named to be undone, it is said what became of it; what only failed half way is not called done."""
    scene = Scene(tmp_path, book=compiled(PAGING).graph, inputs={}, faults={1: "lost"})
    scene.person.answers = {"choose tell.on_failure": "abort"}
    walk = scene.walk()
    walk.go()
    monkeypatch.setattr("omniops.runner.undo.judge", lambda *_, **__: Applied(became))
    (record,) = walk.state.changes.records.values()
    undo.one(walk, record)
    assert (record.undone, any(words in said for said in scene.person.said)) == ("", True)


@pytest.mark.parametrize("drill", [False, True])
def test_what_to_type_next(drill: bool, tmp_path: Path, looks: Looks) -> None:
    """A drill names its own commands, wherever it says what to type next; nothing else does."""
    looks(PASS)
    scene = Scene(tmp_path, faults={2: "refused"}, drill=drill)
    walk = scene.walk()
    walk.go()
    state = scene.state()
    (record,) = state.changes.records.values()
    back = f"omniops {'drill ' * drill}undo {record.id}"
    assert report.changes(state)[0]["undo"] == back
    assert report.lines(state, state.outcome)[-1][0].startswith(f"next: {back} ")
    with pytest.raises(OmniopsError) as error:
        undo.everything(walk)
    assert error.value.next == back
    assert _paused(walk, 2).next == ("omniops drill resume" if drill else f"omniops resume {scene.run}")

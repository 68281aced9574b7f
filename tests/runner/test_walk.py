"""The walk in a toy world: clocks, approvals, choices after a failure, undo, and what "since" may prove."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omniops.actions.base import Applied
from omniops.clock import iso
from omniops.config import Settings
from omniops.engine.next import MOST_TRIES
from omniops.engine.state import LOOKS, RunState
from omniops.errors import Broken, Exit, OmniopsError
from omniops.journal import lease
from omniops.journal.events import Event, New
from omniops.runner import opening, report, session, undo, verifying
from omniops.runner.person import Change
from omniops.runner.session import Session
from omniops.runner.walk import Walk
from tests.runner.test_crashes import PassingMeasure
from tests.support.model import BACKUP
from tests.support.scene import Scene, graph
from tests.support.toy import READINGS, Crash, ToyPerson


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "Measure", PassingMeasure)


def test_a_change_that_arrives_late_is_found(tmp_path: Path) -> None:
    """A request without an answer may still be under way: it is judged after its deadline and the timeout."""
    scene = Scene(tmp_path, faults={1: "late"})
    assert scene.walk().go() == "mitigated"
    assert len(scene.toy.sends) == 1
    assert scene.toy.off


def test_checks_that_take_their_time_cost_no_intent(tmp_path: Path) -> None:
    """What a write has to check first may take minutes: the seconds of the intent begin afterwards, undo's too."""
    scene = Scene(tmp_path)
    scene.toy.checks_s = 120
    walk = scene.walk()
    assert walk.go() == "mitigated"
    undo.everything(walk)
    assert scene.toy.off == set()
    assert scene.kinds().count("intent") == 2


def test_what_never_gets_sent_in_time_is_put_before_a_person(tmp_path: Path) -> None:
    """Five intents whose moment passed, each of them told; then a person is asked, and nothing was sent."""
    scene = Scene(tmp_path)
    scene.toy.dawdles_s = 6
    scene.person.answers = {"choose disable.on_failure": "abort"}
    assert scene.walk().go() == "aborted"
    assert (scene.kinds().count("intent"), scene.toy.sends) == (MOST_TRIES, [])
    assert sum("its moment had passed" in line for line in scene.person.said) == MOST_TRIES


def test_an_undo_that_never_gets_sent_in_time_says_so(tmp_path: Path) -> None:
    """The undo of a change is tried a few times and no more; it is still in force, and can be undone later."""
    scene = Scene(tmp_path)
    walk = scene.walk()
    walk.go()
    scene.toy.dawdles_s = 6
    with pytest.raises(Broken, match="could not be put back"):
        undo.everything(walk)
    assert len(scene.toy.off) == 1
    scene.toy.dawdles_s = 0
    undo.everything(scene.walk())
    assert scene.toy.off == set()


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_setting_the_wall_clock_hides_no_change(step: float, tmp_path: Path) -> None:
    """The wall clock steps while a request without an answer is waited for: the change is still found, and not lost."""
    scene = Scene(tmp_path, faults={1: "late"})
    scene.toy.clock.steps = [(scene.toy.clock.uptime + 10.5, step)]
    scene.walk().go()
    assert len(scene.toy.sends) == 1
    (record,) = scene.state().changes.records.values()
    assert record.status == "applied"


def test_after_a_reboot_the_whole_wait_is_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An intent of another boot: how long ago it was cannot be told from here, so nothing is taken for granted."""
    scene = Scene(tmp_path, faults={1: "late"})
    original = scene.toy.find

    def dying(name: str) -> Any:
        if "outcome" in scene.kinds():
            raise Crash
        return original(name)

    walk = Walk(scene.toy.context(), scene.person, scene.journal, scene.walk().state, find=dying)
    with pytest.raises(Crash):
        walk.go()
    monkeypatch.setattr(lease, "boot_id", lambda: "another boot")
    scene.toy.clock.moment += timedelta(hours=1)
    assert scene.walk().go() == "mitigated"
    assert len(scene.toy.sends) == 1


def test_a_clock_that_is_due_does_not_stop_an_undo(tmp_path: Path) -> None:
    """Fifteen minutes after the onset, with the banner due, undo asks its question and is answered."""
    scene = Scene(tmp_path)
    assert scene.walk().go() == "mitigated"
    scene.toy.clock.sleep(3600)
    undo.everything(scene.walk())
    assert scene.toy.off == set()


def test_the_banner_is_asked_once_and_the_walk_goes_on(tmp_path: Path) -> None:
    """A clock that runs out while a question is open is put first, once, and the question comes again."""
    scene = Scene(tmp_path, connections=2)
    scene.person.thinks_s = 700
    assert scene.walk().go() == "mitigated"
    assert scene.person.asked.count("posted banner") <= 1
    assert "timer.fired" in scene.kinds()


def test_an_approval_ages(tmp_path: Path) -> None:
    """Killed right after the approval and resumed days later: the operator is asked again."""
    scene = Scene(tmp_path)
    scene.person.thinks_s = 5  # slow enough that the approval is journalled by itself
    original = scene.toy.find

    def dying(name: str) -> Any:
        if "approved" in scene.kinds():
            raise Crash
        return original(name)

    with pytest.raises(Crash):
        Walk(scene.toy.context(), scene.person, scene.journal, scene.walk().state, find=dying).go()
    assert "intent" not in scene.kinds()
    scene.toy.clock.sleep(5 * 86400)
    asked = len(scene.person.asked)
    assert scene.walk().go() == "mitigated"
    assert any(question.startswith("approve disable") for question in scene.person.asked[asked:])


@pytest.mark.parametrize(
    ("how", "here", "exit"),
    [("forbidden", True, Exit.REFUSED), ("refused", True, Exit.UNREACHABLE), ("", False, Exit.PERSON)],
)
def test_why_an_undo_did_not_happen(how: str, here: bool, exit: Exit, tmp_path: Path) -> None:
    """A 403 is the service's refusal (4), another 4xx leaves all as it was (5), and "no" is the operator's word (3)."""
    scene = Scene(tmp_path, faults={2: how})
    walk = scene.walk()
    walk.go()
    scene.toy.here = here
    scene.person.answers = {"done disable.undo": False}
    with pytest.raises(OmniopsError) as error:
        undo.everything(walk)
    assert error.value.exit == exit
    assert len(scene.toy.off) == 1


def test_done_elsewhere_is_read_back(tmp_path: Path) -> None:
    """What the operator did on another host is believed only as far as it shows from here, and so is its undo."""
    scene = Scene(tmp_path)
    scene.toy.here, scene.toy.elsewhere = False, Applied("failed", "the same process still answers")
    scene.person.answers = {"choose disable.on_failure": "abort"}
    assert scene.walk().go() == "aborted"
    (failed,) = [event.data for event in scene.journal.read(f"run/{scene.run}") if event.kind == "item.done"]
    assert (failed["outcome"], failed["detail"]) == ("failure", "the same process still answers")

    scene = Scene(tmp_path / "again")
    scene.toy.here, scene.toy.elsewhere = False, Applied("applied", "it answers", at=iso(scene.toy.clock.moment))
    walk = scene.walk()
    assert walk.go() == "mitigated"
    scene.toy.elsewhere = Applied("failed", "the old one still answers")
    with pytest.raises(OmniopsError) as error:
        undo.everything(walk)
    assert (error.value.exit, error.value.why) == (Exit.BROKEN, "the old one still answers")
    scene.toy.elsewhere = Applied("applied", "it answers")
    undo.everything(walk)
    assert scene.toy.off == set()


@pytest.mark.parametrize(("days", "fails", "asked"), [(0, False, 0), (5, False, 1), (0, True, 1)])
def test_the_approval_of_an_undo_ages_and_binds_its_test(days: int, fails: bool, asked: int, tmp_path: Path) -> None:
    """Killed right after an undo was approved: it is asked again days later, and where its test has begun to fail."""
    scene = Scene(tmp_path)
    scene.walk().go()
    walk = scene.walk()
    walk.writer.append_all = dying_after("approved", walk.writer.append_all)  # type: ignore[method-assign]
    with pytest.raises(Crash):
        undo.everything(walk)
    assert len(scene.toy.off) == 1
    scene.toy.clock.sleep(days * 86400 + 60)
    scene.toy.test_fails = fails
    before = len(scene.person.asked)
    undo.everything(scene.walk())
    assert scene.toy.off == set()
    assert len(scene.person.asked) - before == asked


@pytest.mark.parametrize("fails", [False, True])
def test_what_fails_its_test_is_not_put_back_by_a_y(fails: bool, tmp_path: Path) -> None:
    """The approval of an undo whose test fails is typed out; the one of a sound undo is y/N."""
    scene = Scene(tmp_path)
    scene.walk().go()
    scene.toy.test_fails = fails
    undo.everything(scene.walk())
    assert bool(scene.person.shown[-1].typed) is fails


def dying_after(kind: str, append: Any) -> Any:
    """Appends up to an event of a kind, and the process dies: what came with it is lost."""

    def appended(events: Any, also: Any = ()) -> Any:
        if kind in [name for name, _ in events]:
            append([event for event in events if event[0] == kind], also)
            raise Crash
        return append(events, also)

    return appended


def test_what_becomes_destructive_is_approved_again(tmp_path: Path) -> None:
    """A y/N given to a harmless change does not cover it once it needs the typed confirmation."""
    scene = Scene(tmp_path)
    scene.person.thinks_s = 5
    typed: list[str] = []

    class Typing(ToyPerson):
        def approve(self, step: str, change: Change, until: Any) -> bool:
            typed.append(change.typed)
            scene.toy.destructive = True
            return super().approve(step, change, until)

    scene.person = Typing(scene.toy)
    scene.person.thinks_s = 5
    assert scene.walk().go() == "mitigated"
    assert typed[0] == ""
    assert typed[1].startswith("default/")


def test_looks_from_before_a_pause_prove_nothing(tmp_path: Path) -> None:
    """Two good looks, three days asleep: the verdict needs as many good looks again."""
    scene = Scene(tmp_path)

    class Sleepy(ToyPerson):
        def sample(self, step: str, series: Any, left_s: float) -> None:
            if len(series) == 2 and "lease.released" not in scene.kinds():
                raise Crash

    person, scene.person = scene.person, Sleepy(scene.toy)
    with pytest.raises(Crash):
        scene.walk().go()
    scene.toy.clock.sleep(3 * 86400)
    scene.person = person
    walk = scene.walk()
    assert walk.go() == "mitigated"
    assert scene.kinds().count("sample") == 2 + 3
    assert len(walk.state.steps["recovered"].samples) == 3


def test_a_run_is_taken_over_without_its_looks(tmp_path: Path) -> None:
    """What is left out where a run is taken over makes no difference to it, however far it has come."""
    scene = Scene(tmp_path)
    scene.walk().go()
    events = scene.journal.read(f"run/{scene.run}")
    for end in range(1, len(events)):
        at = events[end]
        lease = Event(at.seq, at.stream, end + 1, at.time, "eve", "h", "1", "lease.taken", {"pid": 1})
        short = [event for event in events[: end - 1] if event.kind not in LOOKS]
        assert _held(RunState([*short, events[end - 1], lease])) == _held(RunState([*events[:end], lease]))


def test_what_was_seen_before_is_told(tmp_path: Path) -> None:
    """The looks of a proof that was over when the run was taken over are in the answer, as if it had gone through."""
    scene = Scene(tmp_path)
    scene.walk().go()
    left = opening.left_by(scene.journal, scene.run)
    assert not left.steps["recovered"].samples
    here = Session(Settings({}), scene.toy.clock, scene.person, scene.journal)
    told = report.as_json(session._seen(here, session.Result(left, "mitigated")).state, "mitigated")
    assert told["evidence"]["looks"] == 3
    assert told == report.as_json(scene.state(), "mitigated")


def test_what_was_seen_before_an_abort_is_told(tmp_path: Path) -> None:
    """Killed while it was looking, and ended there: the last look is in the answer, whenever that is asked for."""
    scene = Scene(tmp_path)

    class Killed(ToyPerson):
        def sample(self, step: str, series: Any, left_s: float) -> None:
            if len(series) == 2:
                raise Crash

    scene.person = Killed(scene.toy)
    with pytest.raises(Crash):
        scene.walk().go()
    walk = scene.walk()
    walk.end("aborted")
    here = Session(Settings({}), scene.toy.clock, scene.person, scene.journal)
    left = session._seen(here, session.Result(opening.left_by(scene.journal, scene.run), "aborted")).state
    for state in (left, scene.state(), walk.state):
        told = report.as_json(state, "aborted")["evidence"]
        assert (told["step"], told["outcome"], told["looks"]) == ("recovered", None, 2)


def _held(state: RunState) -> dict[str, Any]:
    """All that a fold holds, as plain values; but for the looks that are only told."""
    told = ("items", "bad", "samples", "looks", "last_look")
    steps = {
        id: {name: getattr(one, name) for name in one.__slots__ if name not in told}
        | {"items": [(item.status, item.done) for item in one.items], "samples": one.done or one.samples}
        for id, one in state.steps.items()
    }
    held = {name: value for name, value in vars(state).items() if name not in ("steps", "changes")}
    return {**held, "steps": steps, "changes": [(r.key, r.status, r.undone) for r in state.changes.records.values()]}


def test_skipping_one_of_several_goes_on_with_the_rest(tmp_path: Path) -> None:
    """The second of four is refused and skipped: the third and the fourth are still done."""
    scene = Scene(tmp_path, connections=4, faults={2: "refused"})
    scene.person.answers = {"choose disable.on_failure": "skip"}
    assert scene.walk().go() == "mitigated"
    assert len(scene.toy.off) == 3
    assert len(scene.toy.sends) == 4


@pytest.mark.parametrize(
    ("choice", "outcome", "off"), [("skip", "mitigated", 1), ("retry", "mitigated", 2), ("abort", "aborted", 1)]
)
def test_a_decline_after_a_change_is_not_the_end(choice: str, outcome: str, off: int, tmp_path: Path) -> None:
    """The second of two is declined while the first is off: a person is told how things stand, and says what now."""
    scene = Scene(tmp_path, connections=2)

    class Slip(ToyPerson):
        def approve(self, step: str, change: Change, until: Any) -> bool:
            slipped = len(self.shown) == 2
            return bool(self._ask(f"approve {step}", not slipped, until))

    scene.person = Slip(scene.toy, {"choose disable.on_failure": choice})
    assert scene.walk().go() == outcome
    assert len(scene.toy.off) == off
    assert any(words.endswith(" is DISABLED.") for words in scene.person.said)


@pytest.mark.parametrize(("choice", "outcome"), [("retry", "mitigated"), ("abort", "aborted")])
def test_a_declined_change_is_not_the_end(choice: str, outcome: str, tmp_path: Path) -> None:
    """Nothing has been changed yet: one Enter too many does not leave the outage as it is, a person says what now."""
    scene = Scene(tmp_path)

    class No(ToyPerson):
        def approve(self, step: str, change: Change, until: Any) -> bool:
            said = f"approve {step}" in self.asked
            return bool(self._ask(f"approve {step}", said, until))

    scene.person = No(scene.toy)
    scene.person.answers = {"choose disable.on_failure": choice}
    assert scene.walk().go() == outcome
    assert scene.person.asked.count("choose disable.on_failure") == 1


def test_a_person_may_try_as_often_as_they_like(tmp_path: Path) -> None:
    """Refused seven times and retried each time: the eighth attempt is made."""
    scene = Scene(tmp_path, faults=dict.fromkeys(range(1, 8), "refused"))
    assert scene.walk().go() == "mitigated"
    assert len(scene.toy.sends) == 8


def test_undoing_ends_the_run(tmp_path: Path) -> None:
    """After its change was put back a run cannot be proved any more: it ends as aborted, not as mitigated."""
    scene = Scene(tmp_path)

    class Killed(ToyPerson):
        def sample(self, step: str, series: Any, left_s: float) -> None:
            raise Crash

    person, scene.person = scene.person, Killed(scene.toy)
    with pytest.raises(Crash):
        scene.walk().go()
    scene.person = person
    undo.everything(scene.walk())
    assert scene.walk().go() == "aborted"


def test_ending_a_run_in_doubt_says_so(tmp_path: Path) -> None:
    """Aborted while nobody can tell whether the change took effect: the outcome is in_doubt."""
    scene = Scene(tmp_path, faults={1: "500"})
    scene.toy.muddled = True
    scene.person.answers = {"choose disable.on_failure": "abort"}
    assert scene.walk().go() == "in_doubt"


def test_frozen_clocks_do_not_run(tmp_path: Path) -> None:
    """Once the incident is on the security path, no banner is asked for."""
    scene = Scene(tmp_path)
    scene.journal.append([New(f"incident/{scene.state().started['incident']}", None, "frozen", {"by": "x"})])
    scene.person.thinks_s = 2000
    assert scene.walk().go() == "mitigated"
    assert "posted banner" not in scene.person.asked


def test_the_choice_to_undo_leaves_repairs(tmp_path: Path) -> None:
    """After a restore the start fails, and "undo" is chosen: the cluster's stop is put back, the restored data stay."""
    scene = Scene(tmp_path, book=graph("data-incident", tmp_path), inputs={}, faults={5: "refused"})
    scene.person.answers = {"choose start.on_failure": "undo", "choose pick": BACKUP["path"]}
    assert scene.walk().go() == "aborted"
    records = {record.intent["action"]: record for record in scene.state().changes.records.values()}
    assert records["script.restore_data"].in_force
    assert not records["cluster.stop"].in_force
    assert any("Repairs stay as they are" in line for line in scene.person.said)


def test_undo_is_no_choice_where_only_a_repair_is_in_force(tmp_path: Path) -> None:
    """Where the choice would do nothing it is not offered."""
    scene = Scene(tmp_path, book=graph("rollback", tmp_path), inputs={"version": "3.7.8"}, faults={3: "refused"})
    scene.toy.readings = {**READINGS, "omniroute.version": {"version": "3.7.9", "source": "health", "uptime_s": 12.0}}
    offered: list[str] = []

    class Noting(ToyPerson):
        def choose(self, step: str, question: str, options: Any, *rest: Any, **named: Any) -> Any:
            offered.extend(option.key for option in options)
            return "abort"

    scene.person = Noting(scene.toy)
    assert scene.walk().go() == "aborted"
    assert "retry" in offered
    assert "undo" not in offered


def test_on_the_security_path_no_reason_is_asked_for(tmp_path: Path) -> None:
    """A step of a frozen incident that is skipped is skipped without a word of why."""
    scene = Scene(tmp_path, faults={1: "refused"})
    scene.journal.append([New(f"incident/{scene.state().started['incident']}", None, "frozen", {"by": "x"})])
    scene.person.answers = {"choose disable.on_failure": "skip"}
    scene.walk().go()
    assert "reason disable.reason" not in scene.person.asked
    assert "guided" in scene.kinds()

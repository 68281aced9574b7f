"""How a walk ends, and in which words: nothing is called recovered that was not shown, nothing settled that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omniops.runner import verifying
from tests.support.runbooks import SMALL, compiled
from tests.support.scene import Scene
from tests.support.toy import measuring

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

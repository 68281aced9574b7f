"""From the page to the proof, killed between any two steps and after every write of the outbox, and gone on with; and
a SEV-1, in which the status page, the customers and the provider are told on the way.

What must hold: the page is acknowledged once, the connection is disabled once, every question is answered as before,
and no message is sent twice. One that was being sent when the process died has arrived, or "may have been sent".
CI tries a named part; all places: OMNIOPS_LONG=1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from omniops.drill import launcher
from omniops.incident.outbox import OUTBOX_KINDS, fold
from tests.support.crash import Bench, Ended, places

SPEED = 90.0
NAMED = (
    "after_send@PUT#1", "outbox.sending@pager.event#1", "outbox.sent@slack#3", "in_prompt@decide#1",
    "after_send@PUT#2", "journal.commit#30",
)  # fmt: skip
NAMED_SEV_1 = ("outbox.request@status#2", "outbox.sent@mail#1", "journal.commit#106")  # fmt: skip
POSTS = (
    "answered post_", "answered declare", "answered disable.banner", "approved escalate", "answered status_page",
    "answered customers",
)  # fmt: skip
"""Whether a message is known to have arrived may differ, and so may what a clock asks; that is compared by itself."""
BANNER = "status identified"
"""That of 4.1.4, by a clock: a crash takes time."""
LATE = ("again", "responder")
"""An event that PagerDuty has had already, and the secondary called in by a clock: a crash takes time."""


class Facts(NamedTuple):
    """What must be the same with and without a crash."""

    runs: list[tuple[str, str]]
    writes: dict[str, int]  # of OmniRoute, by target
    pager: Counter[str]  # writes that PagerDuty has carried out
    answers: Counter[str]
    mitigations: list[tuple[str, str, str]]


class Walked(NamedTuple):
    facts: Facts
    posts: Counter[str]  # texts in Slack
    outside: Counter[str]  # words on the status page, letters
    unsure: int  # messages that may have been sent


class Path15:
    """A bench for the whole path of a scenario that begins with a page."""

    def __init__(self, folder: Path, scenario: str = "page") -> None:
        self.folder = folder
        self.bench = Bench(launcher.start(scenario, state=folder / "drill", speed=SPEED))
        self._baseline: tuple[Walked, list[str]] | None = None

    def baseline(self) -> tuple[Walked, list[str]]:
        """The uninterrupted walk, and the places that it reaches."""
        if self._baseline is None:
            self.bench.fresh()
            log = self.folder / "walk.log"
            ended = self.bench.run("walk", log=log)
            assert ended.code == 0, ended.text
            queries = ("after_send@GET", "after_send@POST")  # reads, and Prometheus' queries; the outbox has its own
            reached = [place for place in places(log) if not place.startswith(queries)]
            self._baseline = self.walked(), reached
        return self._baseline

    def walked(self) -> Walked:
        facts = self.bench.facts()
        control = self.bench.simulator.control
        pager, chat = control("pager")["pager"], control("chat")["chat"]
        journal = self.bench.journal()
        messages = fold(journal.kinds(OUTBOX_KINDS))
        journal.close()
        done = Counter(write["what"] for write in pager["writes"])
        assert done["responder"] <= 1, done
        return Walked(
            Facts(
                facts.runs, facts.writes, Counter(what for what in done if what not in LATE),
                Counter({words: n for words, n in facts.answers.items() if not words.startswith(POSTS)}),
                facts.in_force,
            ),
            Counter(_stable(post["text"]) for post in chat["posts"]),
            self._outside(),
            sum(one.state in ("unsure", "sending") for one in messages),
        )  # fmt: skip

    def _outside(self) -> Counter[str]:
        """What was said on the status page, by how far it is, and the subjects of letters."""
        control = self.bench.simulator.control
        entries = control("status_page")["status_page"]["incidents"]
        updates = [f"status {one['status']}" for entry in entries for one in entry["incident_updates"]]
        letters = control("mailbox")["mailbox"]["letters"]
        subjects = [line for one in letters for line in one["text"].splitlines() if line.startswith("Subject:")]
        assert len(entries) <= 1, entries
        assert updates.count(BANNER) <= 1, updates
        updates = [one for one in updates if one != BANNER]
        return Counter([*updates, *(line.partition(" since ")[0] for line in subjects)])

    def check(self, place: str) -> None:
        """Kill at a place, go on, and compare."""
        base, _ = self.baseline()
        self.bench.fresh()
        killed = self.bench.run("walk", kill=place)
        assert killed.killed or place.startswith(("journal.", "in_verify")), f"{place} was not reached:\n{killed.text}"
        ended = self._go_on() if killed.killed else killed
        text = f"{killed.text}\n--- then ---\n{ended.text}"
        assert ended.code == 0, text
        found = self.walked()
        for name in Facts._fields:
            got, wanted = getattr(found.facts, name), getattr(base.facts, name)
            assert got == wanted, f"{name}: {got} is not {wanted}\n{text}"
        assert all(count == 1 for count in found.posts.values()), f"sent twice: {found.posts}\n{text}"
        assert not found.posts - base.posts, text
        assert not found.outside - base.outside, f"told twice: {found.outside}\n{text}"
        lost = sum((base.posts - found.posts + (base.outside - found.outside)).values())
        assert lost <= found.unsure, f"{lost} messages are gone, {found.unsure} may have been sent\n{text}"

    def _go_on(self) -> Ended:
        begun = (self.bench.home / "state" / "drill.db").exists() and self.bench.states()
        return self.bench.run("resume" if begun else "walk")


def _stable(text: str) -> str:
    """A message without the figures that a later look finds. The headline is one, however often it was edited."""
    return "headline" if text.startswith("SEV-") else text.partition(":")[0]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path15]:
    found = Path15(tmp_path_factory.mktemp("path"))
    yield found
    found.bench.simulator.stop()


def test_the_whole_path(path: Path15) -> None:
    """Uninterrupted: one ack, one change, one word to the secondary, four posts, one headline, and nothing left."""
    walked, _ = path.baseline()
    facts: Any = walked.facts
    assert facts.runs == [("first-15-minutes", "mitigated")]
    assert facts.pager["acknowledge"] == 1
    assert list(facts.writes.values()) == [1]
    assert (walked.posts["headline"], sum(walked.posts.values()), walked.unsure) == (1, 5, 0)


@pytest.mark.parametrize("place", NAMED)
def test_killed_and_gone_on_with(path: Path15, place: str) -> None:
    """Killed at a place of the whole path and gone on with: as uninterrupted."""
    path.check(place)


@pytest.fixture(scope="module")
def sev_1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path15]:
    found = Path15(tmp_path_factory.mktemp("sev_1"), "sev-1")
    yield found
    found.bench.simulator.stop()


@pytest.mark.parametrize("place", NAMED_SEV_1)
def test_a_sev_1_is_told_once(sev_1: Path15, place: str) -> None:
    """The status page, the customers and the provider are told on the way, once each wherever it is killed."""
    sev_1.check(place)


@pytest.mark.long
@pytest.mark.timeout(2 * 3600)
@pytest.mark.parametrize("scenario", ["path", "sev_1"])
def test_killed_at_every_place(request: pytest.FixtureRequest, scenario: str) -> None:
    """Every place of the whole path, each time it is reached; those that went wrong are listed together."""
    path: Path15 = request.getfixturevalue(scenario)
    wrong = []
    _, reached = path.baseline()
    for place in reached:
        try:
            path.check(place)
        except AssertionError as error:
            wrong.append(f"{place}: {error}")
    assert reached
    assert not wrong, f"{len(wrong)} of {len(reached)}:\n\n" + "\n\n".join(wrong)

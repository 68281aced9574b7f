"""A handoff that was given up or only shown is not dead for its week, and the right one is acknowledged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from omniops.incident.handoff import handoffs
from omniops.incident.outbox import Message
from omniops.incident.rota import STREAM
from omniops.runner import handoff as work
from omniops.runner import outbox
from omniops.runner.engines import registry
from omniops.runner.handoff import Done
from omniops.runner.oncall import Desk
from tests.support.comms import Comms
from tests.support.oncall import rota

FRIDAY = datetime(2026, 11, 27, 20, tzinfo=UTC)  # ann's week; bo's begins on Monday


class Week(Comms):
    """Ann, Bo and Cy take turns; nothing posts to Slack here, unless TOY is set."""

    def at(self, moment: datetime) -> None:
        self.clock.moment = moment

    @property
    def desk(self) -> Desk:
        return Desk(rota(), self.journal.read(STREAM), Path("oncall.yaml"))

    def hand_over(self) -> Done:
        return work.hand_over(self.here, self.desk, "engineering", yes=True)

    def texts(self) -> list[Message]:
        return [one for one in outbox.messages(self.journal, "") if one.about == "handoff"]


@pytest.fixture
def week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Week:
    monkeypatch.setitem(registry._HOMES, "slack", "tests.support.toy_engine")
    found = Week(tmp_path, "", walk=False)
    found.at(FRIDAY)
    return found


def test_given_up_and_posted_all_the_same(week: Week) -> None:
    """Who dropped the handoff that waited can hand over later in the week; that one is posted once."""
    week.person.interactive = False
    waits = week.hand_over()
    assert waits.message
    assert waits.state == "waits"
    outbox.drop(week.journal, waits.message.id, "not yet")
    again = week.hand_over()
    assert (again.state, again.again) == ("waits", False)
    assert [one.state for one in week.texts()] == ["dropped", "waiting"]
    assert week.hand_over().again
    (one,) = handoffs(week.journal.read(STREAM))
    assert again.message
    assert one.message == again.message.id


def test_asked_whether_it_was_pasted(week: Week) -> None:
    """Nothing posts it: it is shown, and counts when somebody says that it is out; before, the next one asks again."""
    week.person.pasted = False
    assert (week.hand_over().state, week.texts()) == ("declined", [])
    week.person.pasted = True
    done = week.hand_over()
    assert (done.state, int(done.exit), week.texts()) == ("by hand", 0, [])
    shown = len(week.person.seen)
    again = week.hand_over()
    assert (again.state, again.text, len(week.person.seen)) == ("already", done.text, shown)


def test_only_shown(week: Week) -> None:
    """It scrolled past where nobody answers: 3, as for every text that is to be pasted, and it is written anew."""
    week.person.interactive = False
    scrolled: list[Message] = []
    here = week.here._replace(show=scrolled.append)
    for n in (1, 2):
        done = work.hand_over(here, week.desk, "engineering", yes=True)
        assert (done.state, int(done.exit), len(scrolled)) == ("to be pasted", 3, n)

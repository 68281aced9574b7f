"""A handoff that was given up or only shown is not dead for its week, and the right one is acknowledged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from omniops.errors import BadInput
from omniops.incident.handoff import handoffs
from omniops.incident.outbox import Message
from omniops.incident.rota import STREAM, Member
from omniops.runner import handoff as work
from omniops.runner import outbox
from omniops.runner.engines import registry
from omniops.runner.handoff import Acknowledged, Done
from omniops.runner.oncall import Desk
from tests.support.comms import Comms
from tests.support.oncall import ANN, BO, CY, ENGINEERING, rota

FRIDAY = datetime(2026, 11, 27, 20, tzinfo=UTC)  # ann's week; bo's begins on Monday
MONDAY = datetime(2026, 11, 30, 17, 30, tzinfo=UTC)  # half an hour after the turn
THURSDAY = datetime(2026, 12, 4, 6, tzinfo=UTC)  # the night of the 3rd: the next turn is nearer than the last


class Week(Comms):
    """Ann, Bo and Cy take turns; nothing posts to Slack here, unless TOY is set."""

    members: tuple[Member, ...] = (ANN, BO, CY)

    def at(self, moment: datetime) -> None:
        self.clock.moment = moment

    @property
    def desk(self) -> Desk:
        return Desk(rota(ENGINEERING._replace(members=self.members)), self.journal.read(STREAM), Path("oncall.yaml"))

    def hand_over(self) -> Done:
        return work.hand_over(self.here, self.desk, "engineering", yes=True)

    def ack(self, who: str) -> Acknowledged:
        return work.acknowledge(self.here, self.desk, "engineering", who)

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


@pytest.mark.parametrize("who", ["bo", "Bo", "cy", "dan"])
def test_taken_late(week: Week, who: str) -> None:
    """Days after the turn it is still that handoff which is taken, and not next week's."""
    week.hand_over()
    week.at(THURSDAY)
    taken = week.ack(who)
    assert (taken.turn.day, taken.turn.outgoing, taken.turn.incoming, taken.new) == ("2026-11-30", "ann", "bo", True)
    assert week.ack("bo").new is False


def test_taken_late_without_a_word_of_it(week: Week) -> None:
    """A journal that holds no handoff: the incoming's own turn is meant, though the next one is nearer."""
    week.at(THURSDAY)
    assert week.ack("bo").turn.day == "2026-11-30"
    assert week.ack("cy").turn.day == "2026-12-07"


def test_an_older_one_of_one_s_own(week: Week) -> None:
    """The outgoing's last handoff, taken in another's journal, does not stand in the way of what they take now."""
    week.hand_over()
    week.at(datetime(2026, 12, 14, 17, 30, tzinfo=UTC))
    assert (week.ack("ann").turn.day, week.ack("ann").new) == ("2026-12-14", False)


@pytest.mark.parametrize("members", [(ANN, BO, CY), (ANN, BO)])
@pytest.mark.parametrize("late", [MONDAY, THURSDAY])
def test_not_one_s_own(week: Week, members: tuple[Member, ...], late: datetime) -> None:
    """The outgoing cannot take it, though the next turn is theirs; the refusal has the command that says who did."""
    week.members = members
    week.hand_over()
    week.at(late)
    with pytest.raises(BadInput, match="ann hands over") as refused:
        week.ack("ann")
    assert refused.value.next == "omniops oncall handoff --ack --by bo, if they have told you"

"""Looking again when somebody else has appended first."""

from __future__ import annotations

import pytest

from omniops.errors import JournalDamaged
from omniops.journal.conflict import TRIES, retry_on_conflict
from omniops.journal.events import Event, New
from omniops.journal.memory import MemoryJournal
from tests.support.toy import ToyClock


def journal() -> MemoryJournal:
    return MemoryJournal(ToyClock(), "alice", "host")


def test_it_looks_again_until_nothing_came_in_between() -> None:
    """Whoever was overtaken twice decides anew by what is there then, and appends once."""
    there, looks = journal(), []

    def attempt() -> list[Event]:
        n = there.length("s")
        looks.append(n)
        if len(looks) < 3:
            there.append([New("s", None, "other", {})])
        return there.append([New("s", n, "mine", {"after": n})])

    assert [one.data for one in retry_on_conflict(attempt, "nothing")] == [{"after": 2}]
    assert (looks, [one.kind for one in there.read("s")]) == ([0, 1, 2], ["other", "other", "mine"])


def test_it_gives_up_and_says_what_is_so() -> None:
    """Overtaken every time, it raises after twenty looks, with the state that the caller names."""
    there, looks = journal(), []

    def attempt() -> None:
        looks.append(there.append([New("s", None, "other", {})]))
        there.append([New("s", 0, "mine", {})])

    with pytest.raises(JournalDamaged) as error:
        retry_on_conflict(attempt, "the incident stays open")
    assert (error.value.state, len(looks)) == ("the incident stays open", TRIES)
    assert "mine" not in {one.kind for one in there.read("s")}

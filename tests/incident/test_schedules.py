"""A PagerDuty schedule held against the rota: every difference is found, and none that is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from omniops.incident.rota import Cover, turn_on
from omniops.incident.schedules import WEEK_S, Live, compare, differences, hours, ours
from tests.support.oncall import ENGINEERING, rota

ROTA = rota()
HOUR = timedelta(hours=1)
START = datetime(2026, 10, 5, tzinfo=UTC)
END = START + 56 * 24 * HOUR


@given(st.integers(0, 56 * 24 - 3), st.integers(1, 2), st.sampled_from(["PUSER09", ""]))
def test_every_hour_is_looked_at(after: int, length: int, user: str) -> None:
    """Whoever else is on call there, or nobody, for an hour or two anywhere in 8 weeks, is found, to the hour."""
    mine = ours(ROTA, ENGINEERING, START, END, ())
    left, right = START + after * HOUR, START + (after + length) * HOUR
    theirs = [(start, min(end, left), who) for start, end, who in mine if start < left]
    theirs += [(left, right, user)] if user else []
    theirs += [(max(start, right), end, who) for start, end, who in mine if end > right]
    found = compare(mine, theirs, (), START, END)
    assert sum(one.hours for one in found) == length
    assert (found[0].start, found[-1].end) == (left, right)
    assert {one.there for one in found} == {user}


def test_the_same_is_the_same() -> None:
    """Nothing differs from itself, covers included; a second more or less is nothing; 8 weeks are 1344 hours."""
    cover = [Cover("engineering", "ann", START + 50 * HOUR, START + 60 * HOUR, "x", "eve")]
    mine = ours(ROTA, ENGINEERING, START, END, cover)
    assert compare(mine, mine, cover, START, END) == []
    late = [(start + timedelta(seconds=1), end + timedelta(seconds=1), who) for start, end, who in mine]
    assert compare(mine, late, (), START + HOUR, END) == []
    plain = ours(ROTA, ENGINEERING, START, END, ())
    gaps = compare(mine, plain, cover, START, END)
    assert [(one.hours, one.cover, one.here) for one in gaps] == [(10, True, "PUSER01")]
    assert hours(START, END) == 1344


@given(st.integers(-60, 60))
def test_an_anchor_anywhere(weeks: int) -> None:
    """Anchored at any turn, with whoever has that one first, a layer means the same; an hour beside it, it does not."""
    day = ROTA.first + timedelta(days=7 * weeks)
    ids = ("PUSER01", "PUSER02", "PUSER03")
    users = (*ids[weeks % 3 :], *ids[: weeks % 3])
    live = Live("America/Los_Angeles", WEEK_S, turn_on(ROTA, day), users, 0)
    assert differences(ROTA, ENGINEERING, live, START, {}) == []
    beside = live._replace(anchor=turn_on(ROTA, day) + HOUR)
    assert [one.what for one in differences(ROTA, ENGINEERING, beside, START, {})] == ["turns begin"]
    other = live._replace(users=(*users[1:], users[0]))
    assert [one.what for one in differences(ROTA, ENGINEERING, other, START, {})] == ["order"]

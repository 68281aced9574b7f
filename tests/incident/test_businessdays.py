"""Business days: weekends, holidays, and the moment at which the last of them ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.incident.businessdays import business_day_after, due_within, is_business_day

ZONE = ZoneInfo("America/Los_Angeles")
THANKSGIVING = (date(2026, 11, 26), date(2026, 11, 27))
DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))


@pytest.mark.parametrize(
    ("start", "days", "holidays", "expected"),
    [
        (date(2026, 11, 16), 5, (), date(2026, 11, 23)),  # Monday to Monday
        (date(2026, 11, 20), 5, (), date(2026, 11, 27)),  # Friday to Friday
        (date(2026, 11, 21), 5, (), date(2026, 11, 27)),  # a Saturday's incident has the whole week
        (date(2026, 11, 22), 5, (), date(2026, 11, 27)),
        (date(2026, 11, 20), 1, (), date(2026, 11, 23)),
        (date(2026, 11, 20), 5, THANKSGIVING, date(2026, 12, 1)),
        (date(2026, 11, 26), 5, THANKSGIVING, date(2026, 12, 4)),  # resolved on a holiday
        (date(2026, 12, 31), 5, (date(2027, 1, 1),), date(2027, 1, 8)),
        (date(2026, 11, 20), 5, (date(2026, 11, 22),), date(2026, 11, 27)),  # a holiday on a Sunday changes nothing
    ],
)
def test_by_hand(start: date, days: int, holidays: tuple[date, ...], expected: date) -> None:
    """Days worked out on a calendar by hand."""
    assert business_day_after(start, days, holidays) == expected


@given(DAYS, st.integers(1, 30), st.sets(DAYS, max_size=40))
def test_there_are_as_many_between(start: date, days: int, holidays: set[date]) -> None:
    """The day found is a business day, and it is the n-th after the start."""
    found = business_day_after(start, days, holidays)
    between = [start + timedelta(days=n) for n in range(1, (found - start).days + 1)]
    assert is_business_day(found, holidays)
    assert sum(is_business_day(day, holidays) for day in between) == days


def test_no_days() -> None:
    """Less than one day is refused rather than guessed at."""
    with pytest.raises(ValueError, match="0 business days"):
        business_day_after(date(2026, 11, 20), 0)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-10-30T20:00:00+00:00", "2026-11-07T08:00:00+00:00"),  # Friday; the clocks go back on Sunday
        ("2026-03-06T20:00:00+00:00", "2026-03-14T07:00:00+00:00"),  # Friday; the clocks go forward on Sunday
        ("2026-11-21T07:59:00+00:00", "2026-11-28T08:00:00+00:00"),  # still Friday there
        ("2026-11-21T08:01:00+00:00", "2026-11-28T08:00:00+00:00"),  # Saturday there: Monday is the first day
        ("2026-11-20T07:59:00+00:00", "2026-11-27T08:00:00+00:00"),  # still Thursday there, though Friday in UTC
    ],
)
def test_the_end_of_the_last_day(start: str, expected: str) -> None:
    """The limit is the midnight that ends the last day, where the calendar hangs, right across both clock changes."""
    moment = datetime.fromisoformat(start)
    assert due_within(moment, 5, (), ZONE) == datetime.fromisoformat(expected)
    assert due_within(moment, 5, (), ZONE).tzinfo is UTC

"""Business days: Monday to Friday without holidays. Sections 5 and 7 count the postmortem's limit in them. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo

SATURDAY = 5


def is_business_day(day: date, holidays: Collection[date] = ()) -> bool:
    """Is it neither a weekend nor a holiday?"""
    return day.weekday() < SATURDAY and day not in holidays


def business_day_after(start: date, days: int, holidays: Collection[date] = ()) -> date:
    """Return the business day that is ``days`` after ``start``. ``start`` itself is not counted, whatever day it is:
    five after a Friday is the next Friday, and so is five after the Sunday before it. Raises ValueError below 1."""
    if days < 1:
        raise ValueError(f"{days} business days after a day is no day after it")
    day = start
    while days:
        day += timedelta(days=1)
        days -= is_business_day(day, holidays)
    return day


def due_within(start: datetime, days: int, holidays: Collection[date], zone: tzinfo) -> datetime:
    """Return the moment (UTC) by which something is due ``days`` business days after ``start``: the midnight that ends
    the last of them where the calendar hangs (``zone``). ``start`` is aware. Raises ValueError below 1 day."""
    last = business_day_after(start.astimezone(zone).date(), days, holidays)
    return datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)

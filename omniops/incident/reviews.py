"""When each runbook was last read by somebody, and which is overdue (section 8). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

REVIEW_DAYS = 180
"""A runbook that nobody has read for longer than this is overdue."""


class Review(NamedTuple):
    """A row of a review log. ``planned``: it is to be done on that day, and has not been yet."""

    date: date
    reviewer: str
    change: str
    planned: bool


class Reviewed(NamedTuple):
    """A runbook's reviews, oldest first; ``overdue`` says why, "" where it is not."""

    id: str
    log: tuple[Review, ...]
    last: date | None
    due: date | None  # the day after which it is overdue
    overdue: str

    def as_json(self) -> dict[str, Any]:
        log = [{**one._asdict(), "date": str(one.date)} for one in self.log]
        last, due = (str(day) if day else None for day in (self.last, self.due))
        return {"runbook": self.id, "last": last, "due": due, "overdue": self.overdue or None, "log": log}


def log_of(rows: Any) -> tuple[Review, ...]:
    """A ``review_log`` as its file has it; rows that make no sense are left out, because lint names them."""
    found = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, Mapping):
            continue
        try:
            day = date.fromisoformat(str(row.get("date")))
        except ValueError:
            continue
        told = (str(row.get("reviewer", "")), str(row.get("change", "")))
        found.append(Review(day, *told, bool(row.get("planned"))))
    return tuple(sorted(found, key=lambda one: one.date))


def judge(id: str, log: Iterable[Review], today: date, days: int = REVIEW_DAYS) -> Reviewed:
    """Whether a runbook is overdue: never reviewed, not for ``days``, or a planned review that nobody has done. What is
    dated in the future has not been done."""
    log = tuple(log)
    done = [one.date for one in log if not one.planned and one.date <= today]
    last = max(done, default=None)
    planned = [one for one in log if one.planned and one.date < today and (last is None or last < one.date)]
    due = last + timedelta(days=days) if last else None
    if last is None or due is None:
        why = "it was never reviewed"
    elif planned:
        why = f"a review was planned for {planned[0].date}, by {planned[0].reviewer}"
    elif today > due:
        why = f"it was last reviewed {(today - last).days} days ago"
    else:
        why = ""
    return Reviewed(id, log, last, due, why)

"""Section 8: which runbook is overdue for a review."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from omniops.incident.reviews import judge, log_of

TODAY = date(2026, 11, 27)


def row(day: str, **more: Any) -> dict[str, Any]:
    return {"date": day, "reviewer": "observability-circle", "change": "c", **more}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("2026-06-18")], ""),
        ([row("2026-05-31")], ""),  # 180 days ago
        ([row("2026-05-30")], "181 days ago"),
        ([], "never reviewed"),
        (None, "never reviewed"),
        ([row("2026-12-24")], "never reviewed"),  # dated in the future: nobody has done it
        ([row("2026-06-18"), row("2026-07-18", planned=True)], "planned for 2026-07-18, by observability-circle"),
        ([row("2026-06-18"), row("2026-07-18", planned=True), row("2026-07-20")], ""),
        ([row("2026-06-18"), row("2026-12-18", planned=True)], ""),
        ([row("2026-02-30"), "nonsense", row("2026-06-18")], ""),
    ],
)
def test_overdue(rows: Any, words: str) -> None:
    """By its last review that was done, and by a planned one that was not."""
    found = judge("x", log_of(rows), TODAY)
    assert (words in found.overdue) if words else found.overdue == ""


def test_what_is_shown() -> None:
    """The last review, the day after which it is overdue, and the whole log."""
    answer = judge("x", log_of([row("2026-07-18", planned=True), row("2026-06-18")]), date(2026, 7, 1), 30).as_json()
    assert (answer["last"], answer["due"], answer["overdue"]) == ("2026-06-18", "2026-07-18", None)
    assert [one["planned"] for one in answer["log"]] == [False, True]

"""Section 7 as rules: what is as it should be passes, and each rule finds the one thing that breaks it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from omniops.catalog.postmortem_file import parse
from omniops.errors import BadInput
from omniops.incident.postmortem_check import check
from omniops.incident.postmortem_format import Found
from tests.support.postmortems import GOOD

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def found(text: str, now: datetime = NOW, holidays: tuple[date, ...] = ()) -> list[Found]:
    return check(parse(text, "p.md"), now, days=5, holidays=holidays, zone=ZONE)


def test_nothing_is_wrong() -> None:
    """In time, attended, with owners and dates, blameless: no finding."""
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "rule", "words"),
    [
        ('held: "2026-11-26"', 'held: "2026-11-30"', "due", "end on 2026-11-27"),
        ('held: "2026-11-26"', 'held: "2026-11-20"', "due", "before the resolution"),
        ('held: "2026-11-26"', 'held: "the other day"', "facts", "is no day"),
        ('resolved: "2026-11-23T04:30:00.000Z"', 'resolved: "at dawn"', "facts", "is no moment"),
        ('  not_involved: "Frieda Eyes"\n', "", "attendees", "not involved: nobody is named"),
        ('not_involved: "Frieda Eyes"', 'not_involved: "olaf call"', "attendees", "was involved"),
        ('  incident_commander: "Ida Commander"\n', "", "attendees", "incident commander: nobody"),
        ('  on_call: "Olaf Call"\n', "", "attendees", "on call: nobody"),
        ("  not_involved:", "  eyes:", "attendees", "nobody is named"),
        ("## Contributing factors", "## Causes", "sections", "'Contributing factors' is missing"),
        ("- The second connection had room.\n", "", "sections", "it is empty"),
        ("| Olaf Call | 2026-12-11 |", "| | 2026-12-11 |", "actions", "action 1 has no owner"),
        ("2026-12-11 | P0", "soon | P0", "actions", "action 1 has no date"),
        ("2026-12-11 | P0", "2026-12-11 | high", "actions", "action 1 has no priority"),
        ("2026-12-11 | P0", "2026-12-23 | P0", "actions", "30 days or more"),
        ("2027-01-29 | P1", "2027-02-21 | P1", "actions", "90 days or more"),
        ("| Action | Owner | Due | Priority |", "| Action | Who | Due | Priority |", "actions", "lacks Owner"),
        ("| Rotate keys by a job |", "| Rotate | keys by a job |", "actions", "action 2 has 5 cells"),
        ("A key expired", "TODO: a key expired", "todo", "placeholder"),
        ("A key expired", "Somebody failed to see that a key expired", "blame", "'failed to'"),
        ("A key expired", "It was human error: a key expired", "blame", "'human error'"),
        ("The on-call took", "Olaf Call took", "names", "'Olaf Call' is a name"),
        ("The on-call took", "@Olaf Call took", "names", "is a name"),
        ("format: 1", "format: 2", "facts", "format 1"),
        ("severity:", "severty:", "facts", "severity is missing"),
    ],
)
def test_each_rule(old: str, new: str, rule: str, words: str) -> None:
    """One thing spoiled is found by its rule, and told with a line of the file."""
    assert old in GOOD
    hits = [one for one in found(GOOD.replace(old, new, 1)) if one.rule == rule]
    assert any(words in one.what for one in hits), hits
    assert all(1 <= one.line <= GOOD.count("\n") and one.mend for one in hits)


@pytest.mark.parametrize(
    ("hour", "holidays", "late"),
    [
        (datetime(2026, 11, 28, 7, 59, tzinfo=UTC), (), False),  # 23:59 of the last day in Los Angeles
        (datetime(2026, 11, 28, 8, 0, tzinfo=UTC), (), True),
        (datetime(2026, 11, 28, 8, 0, tzinfo=UTC), (date(2026, 11, 26),), False),
        (datetime(2026, 12, 1, 8, 0, tzinfo=UTC), (date(2026, 11, 26),), True),
    ],
)
def test_what_was_never_held_is_due_in_time(hour: datetime, holidays: tuple[date, ...], late: bool) -> None:
    """Resolved on a Sunday evening there: five business days end with the Friday, a holiday moves that to Monday."""
    text = GOOD.replace('held: "2026-11-26"', 'held: ""')
    assert bool([one for one in found(text, hour, holidays) if one.rule == "due"]) is late


def test_owners_may_be_named() -> None:
    """Names belong to action items and attendees, and not to the story."""
    assert not [one for one in found(GOOD) if one.rule == "names"]


@pytest.mark.parametrize("text", ["", "# Postmortem", "---\nformat: 1\n", "---\nno: [\n---\n"])
def test_what_is_no_postmortem(text: str) -> None:
    """Without front matter nothing can be checked, and that is said with the line."""
    with pytest.raises(BadInput, match=r"p\.md:\d+:\d+"):
        parse(text, "p.md")

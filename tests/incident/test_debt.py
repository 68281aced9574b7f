"""docs/TECH_DEBT.md: items are added once, in the file's own tables, and the rest of it stays as it is."""

from __future__ import annotations

from datetime import date

import pytest

from omniops.incident.debt import add, mark
from omniops.incident.postmortem_format import Action

FILED = date(2026, 11, 27)
ACTIONS = [
    Action(1, 1, "Alert before a key expires", "Olaf", date(2026, 12, 11), "P0"),
    Action(2, 2, "Rotate keys | by a job", "Ida", date(2027, 1, 29), "P1"),
]
FILE = """\
# Technical debt

Read this first.

## P0 (due < 30 days)

| ID | Title | Filed | Owner | Notes |
|----|-------|-------|-------|-------|
| DEBT-007 | Old | 2026-01-01 | eve | see DEBT-012 |

## P1 (due < 90 days)

| ID | Title | Filed | Owner | Notes |
|----|-------|-------|-------|-------|

## P3

Nothing here. DEBT-041 was here once.
"""


def test_added_to_the_tables() -> None:
    """Each to the end of its own priority's table, with ids that go on from the highest in the whole file."""
    done = add(FILE, "2026-11-23-x", ACTIONS, FILED)
    assert (done.ids, done.known) == (("DEBT-042", "DEBT-043"), 0)
    lines = done.text.splitlines()
    note = mark("2026-11-23-x", ACTIONS[0])
    first = f"| DEBT-042 | Alert before a key expires | 2026-11-27 | Olaf | {note}; due 2026-12-11 |"
    assert lines.index(first) == lines.index("| DEBT-007 | Old | 2026-01-01 | eve | see DEBT-012 |") + 1
    assert "| DEBT-043 | Rotate keys \\| by a job |" in done.text
    assert [line for line in lines if "DEBT-042" not in line and "DEBT-043" not in line] == FILE.splitlines()


def test_never_twice() -> None:
    """The same items again: nothing is added, and the file is the same."""
    once = add(FILE, "2026-11-23-x", ACTIONS, FILED)
    again = add(once.text, "2026-11-23-x", ACTIONS, date(2026, 12, 24))
    assert (again.ids, again.known, again.text) == ((), 2, once.text)
    assert add(once.text, "2026-11-24-y", ACTIONS, FILED).ids == ("DEBT-044", "DEBT-045")


def test_items_that_begin_alike() -> None:
    """One that is the beginning of another, or is in another alphabet, is an item of its own."""
    items = ["Fix retries in the client", "Fix retries", "\u4fee\u590d", "\u4fee\u6539", "x" * 60 + "a", "x" * 60 + "b"]
    actions = [Action(n, n, text, "Olaf", None, "P1") for n, text in enumerate(items, 1)]
    done = add(FILE, "2026-11-23-x", actions, FILED)
    assert (len(done.ids), done.known) == (6, 0)
    assert add(done.text, "2026-11-23-x", actions, FILED).known == 6


@pytest.mark.parametrize("text", ["", "# Debt", FILE.replace("## P0 (due < 30 days)", "## Soon"), FILE[:60].rstrip()])
def test_a_section_that_is_missing(text: str) -> None:
    """It is made at the end, with its table; nothing that was there is lost."""
    done = add(text, "2026-11-23-x", ACTIONS, FILED)
    assert len(done.ids) == 2
    assert done.text.index("## P0 (due < 30 days)") < done.text.index("Alert before")
    assert all(line in done.text for line in text.splitlines())


def test_other_columns_and_line_ends() -> None:
    """A table with columns of its own gets a row that fits it; CRLF stays CRLF."""
    text = "## P0\r\n\r\n| Title | ID |\r\n|---|---|\r\n| a | DEBT-1 |\r\n\r\nafter\r\n"
    done = add(text, "2026-11-23-x", ACTIONS[:1], FILED)
    assert "| Alert before a key expires | DEBT-002 |\r\n\r\nafter\r\n" in done.text
    assert "\n" not in done.text.replace("\r\n", "")


def test_a_section_without_a_table() -> None:
    """It gets one, below its own words."""
    done = add("## P0\n\nWords.\n\n## P1\n\nMore.\n", "2026-11-23-x", ACTIONS, FILED)
    at = [done.text.index(word) for word in ("Words.", "Alert before", "## P1", "More.", "Rotate keys")]
    assert at == sorted(at)


def test_mixed_line_ends_and_long_numbers() -> None:
    """Sections are found whatever their lines end with, and numbers go on beyond six digits."""
    text = FILE.replace("## P1 (due < 90 days)\n", "## P1 (due < 90 days)\r\n").replace("DEBT-041", "DEBT-1234567")
    done = add(text, "2026-11-23-x", ACTIONS, FILED)
    assert done.ids == ("DEBT-1234568", "DEBT-1234569")
    assert done.text.count("## P1") == 1


def test_hostile_words() -> None:
    """An item is one line without control characters, whatever is in it."""
    action = Action(1, 1, "a\x1b[31mb\u202e | <script>\nc", "eve\x07", None, "P0")
    (row,) = [line for line in add(FILE, "2026-11-23-x", [action], FILED).text.split("\n") if "DEBT-042" in line]
    assert "\x1b" not in row
    assert "\u202e" not in row
    assert "&lt;script> c" in row

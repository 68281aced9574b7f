"""Action items in docs/TECH_DEBT.md, in that file's own format: a section and a table per priority, ids DEBT-NNN that
increase over the whole file. Everything else in it stays byte for byte. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import NamedTuple

from omniops.incident.postmortem_format import PRIORITIES, Action
from omniops.text import one_line

COLUMNS = ("ID", "Title", "Filed", "Owner", "Notes")
_ID = re.compile(r"\bDEBT-([0-9]{1,9})\b")
_LIMITS = {"P0": " (due < 30 days)", "P1": " (due < 90 days)", "P2": " (due < 180 days)", "P3": ""}
_DIVIDER = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*\s*")


class Added(NamedTuple):
    """``text``: the whole file. ``ids``: of the items that were added; ``known``: how many were there already."""

    text: str
    ids: tuple[str, ...]
    known: int


def mark(incident: str, action: Action) -> str:
    """What tells an item again, in its notes: the incident's postmortem, and a hash of what is to be done."""
    words = " ".join(action.action.casefold().split())
    return f"postmortem {incident} [{sha256(words.encode()).hexdigest()[:10]}]"


def add(text: str, incident: str, actions: Sequence[Action], filed: date) -> Added:
    """Add the items that are not there yet, each to the end of its priority's table. A section or a table that is
    missing is made, at the end of the file. An item of no known priority is passed over."""
    lines = text.split("\n") if text else ["# Technical debt", ""]  # a line may end in \r, and keeps it
    number = max((int(found) for found in _ID.findall(text)), default=0)
    ids: list[str] = []
    known = 0
    for action in actions:
        if action.priority not in PRIORITIES:
            continue
        note = mark(incident, action)
        if any(_cell(note) in line for line in lines):
            known += 1
            continue
        number += 1
        id = f"DEBT-{number:03}"
        due = f"; due {action.due}" if action.due else ""
        cells = {"id": id, "title": action.action, "filed": str(filed), "owner": action.owner, "notes": note + due}
        _insert(lines, action.priority, cells)
        ids.append(id)
    if not ids:
        return Added(text, (), known)
    return Added("\n".join(lines), tuple(ids), known)


def _insert(lines: list[str], priority: str, cells: dict[str, str]) -> None:
    cr = "\r" if any(line.endswith("\r") for line in lines) else ""
    start = _section(lines, priority)
    if start is None:
        while lines and not lines[-1].strip():
            lines.pop()
        if lines and cr and not lines[-1].endswith(cr):
            lines[-1] += cr
        lines += [cr, f"## {priority}{_LIMITS[priority]}{cr}", ""]
        start = len(lines) - 2
    level = len(lines[start]) - len(lines[start].lstrip("#"))
    end = next(
        (n for n in range(start + 1, len(lines)) if 0 < _level(lines[n]) <= level),
        len(lines),
    )
    table = next((n for n in range(start + 1, end - 1) if _is_head(lines, n)), None)
    if table is None:
        place = end
        while place > start + 1 and not lines[place - 1].strip():
            place -= 1
        head = [f"| {' | '.join(COLUMNS)} |{cr}", "|" + "---|" * len(COLUMNS) + cr]
        row = _row(COLUMNS, cells) + cr
        after = [""] if place == end else []
        lines[place:place] = [cr, *head, row, *after]
        return
    columns = _cells(lines[table])
    last = table + 1
    while last + 1 < end and lines[last + 1].lstrip().startswith("|"):
        last += 1
    at_the_end = last + 1 == len(lines)
    end_of_line = "\r" if lines[table].endswith("\r") else ""
    if at_the_end and end_of_line and not lines[last].endswith("\r"):
        lines[last] += "\r"
    lines.insert(last + 1, _row(columns, cells) + ("" if at_the_end else end_of_line))


def _section(lines: Sequence[str], priority: str) -> int | None:
    wanted = re.compile(rf"#+\s.*\b{priority}\b.*")
    return next((n for n, line in enumerate(lines) if wanted.fullmatch(line.rstrip())), None)


def _level(line: str) -> int:
    found = re.match(r"(#+)\s", line)
    return len(found[1]) if found else 0


def _is_head(lines: Sequence[str], n: int) -> bool:
    return lines[n].lstrip().startswith("|") and _DIVIDER.fullmatch(lines[n + 1]) is not None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _row(columns: Sequence[str], cells: dict[str, str]) -> str:
    """A row in the table's own columns; what none of them is for goes into the notes, or is left out."""
    return "| " + " | ".join(_cell(cells.get(column.casefold(), "")) for column in columns) + " |"


def _cell(text: str) -> str:
    return one_line(text, 2000).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").strip()

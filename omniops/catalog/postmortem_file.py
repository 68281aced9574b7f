"""Reads a postmortem: YAML front matter, Markdown sections, a table of action items."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from omniops.errors import BadInput
from omniops.incident.postmortem_format import COLUMNS, ROLES, TODO, Action, Found, Postmortem, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omniops.catalog.strict_yaml import Document

KEYS = ("format", "incident", "title", "severity", "onset", "resolved", "held", "attendees")
_HEADING = re.compile(r"##\s+(.+?)\s*#*\s*")
_CELL = re.compile(r"(?<!\\)\|")


def parse(text: str, file: str) -> Postmortem:
    """Read it; what makes no sense is among ``problems``. Raises BadInput where there is no front matter at all, or
    its YAML cannot be read."""
    from omniops.catalog.strict_yaml import parse as parse_yaml

    lines = text.splitlines()
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
    if not lines or lines[0].strip() != "---" or not end:
        raise BadInput(
            f"{file}:1:1: it has no front matter",
            why="a postmortem begins with `---`, its facts as YAML, and `---`",
            state="nothing was checked",
            next="omniops postmortem new writes one",
        )
    # A blank line stands for the first `---`, so that every line keeps its number.
    document = parse_yaml("\n".join(["", *lines[1:end]]).encode(), file)
    sections = _sections(lines, end + 1)
    problems: list[Found] = []
    facts = _Facts(document, problems)
    table = next((one for one in sections if one.title.casefold() == "action items"), None)
    return Postmortem(
        incident=facts.text("incident"),
        title=facts.text("title"),
        severity=facts.text("severity"),
        resolved=facts.moment("resolved"),
        held=facts.day("held"),
        attendees=facts.attendees(),
        places=facts.places,
        sections=sections,
        actions=_actions(table, problems) if table else (),
        problems=problems,
        text=text,
    )


class _Facts:
    def __init__(self, document: Document, problems: list[Found]) -> None:
        value = document.value if isinstance(document.value, dict) else {}
        self._value: dict[str, Any] = value
        self.places = {key: document.places[(key,)].key_line for key in value}
        self._problems = problems
        for key in value:
            if key not in KEYS:
                self.problem(key, f"unknown key {key!r}", f"known: {', '.join(KEYS)}")
        for key in KEYS:
            if key not in value:
                self.problem(key, f"{key} is missing", f"add `{key}: ...`")
        if value.get("format", 1) != 1:
            self.problem("format", "this omniops reads format 1", "write `format: 1`")

    def problem(self, key: str, what: str, mend: str) -> None:
        self._problems.append(Found(self.places.get(key, 1), 1, "facts", what, mend))

    def text(self, key: str) -> str:
        value = self._value.get(key, "")
        if isinstance(value, str):
            return value
        self.problem(key, f"{key}: text is wanted here", "put it in quotes")
        return ""

    def moment(self, key: str) -> datetime | None:
        text = self.text(key)
        if not text or TODO in text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.problem(key, f"{key}: {text[:60]!r} is no moment", 'write it as "2026-11-23T04:05:00+00:00"')
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def day(self, key: str) -> date | None:
        text = self.text(key)
        if not text or TODO in text:
            return None
        found = _day(text)
        if found is None:
            self.problem(key, f"{key}: {text[:60]!r} is no day", 'write it as "2026-11-30"')
        return found

    def attendees(self) -> dict[str, tuple[str, ...]]:
        value = self._value.get("attendees")
        if not isinstance(value, dict):
            if value is not None:
                self.problem("attendees", "attendees: a mapping is wanted here", "write `role: name` lines below it")
            return {}
        found = {}
        for role, names in value.items():
            if role not in ROLES:
                self.problem("attendees", f"attendees: {role!r} is not known", f"known: {', '.join(ROLES)}")
                continue
            names = names if isinstance(names, list) else [names]
            found[role] = tuple(str(name).strip() for name in names if name not in (None, ""))
        return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _sections(lines: Sequence[str], start: int) -> list[Section]:
    found: list[Section] = []
    body: list[tuple[int, str]] = []
    for number, line in enumerate(lines[start:], start + 1):
        heading = _HEADING.fullmatch(line)
        if heading:
            body = []
            found.append(Section(heading[1], number, body))
        else:
            body.append((number, line))
    return found


def _actions(section: Section, problems: list[Found]) -> list[Action]:
    """The rows of the section's table. Its columns may stand in any order."""
    rows = [(line, _cells(text)) for line, text in section.body if text.lstrip().startswith("|")]
    if not rows:
        return []
    line, head = rows[0]
    columns = [cell.casefold() for cell in head]
    missing = [name for name in COLUMNS if name.casefold() not in columns]
    if missing:
        what = f"the table of action items lacks {', '.join(missing)}"
        problems.append(Found(line, 1, "actions", what, f"its columns are {', '.join(COLUMNS)}"))
        return []
    found = []
    for number, (line, cells) in enumerate(rows[2:], 1):
        if len(cells) != len(columns):
            what = f"action {number} has {len(cells)} cells, the table {len(columns)} columns"
            problems.append(Found(line, 1, "actions", what, "write a | in a text as \\|"))
            continue
        row = dict(zip(columns, cells, strict=True))
        day = _day(row["due"])
        found.append(Action(line, number, row["action"], row["owner"], day, row["priority"].upper()))
    return found


def _cells(line: str) -> list[str]:
    parts = _CELL.split(line.strip().removeprefix("|").removesuffix("|"))
    return [part.strip().replace("\\|", "|").replace("\\\\", "\\") for part in parts]

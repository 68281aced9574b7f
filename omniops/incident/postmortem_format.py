"""A postmortem as it is read back: front matter, sections, action items, and on which line each stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

ROLES = ("incident_commander", "on_call", "mitigation", "not_involved")
"""The mandatory attendees of section 7, as keys of ``attendees``."""
SECTIONS = (
    "Summary", "Impact", "Detection", "Mitigation and resolution", "Timeline", "What went well", "Contributing factors",
    "Action items",
)  # fmt: skip
COLUMNS = ("Action", "Owner", "Due", "Priority")
PRIORITIES: Mapping[str, int | None] = {"P0": 30, "P1": 90, "P2": 180, "P3": None}
"""Priority -> days from the resolution within which it is due; None: no limit (docs/TECH_DEBT.md)."""
TODO = "TODO"


class Found(NamedTuple):
    """Something to mend. ``line`` and ``column`` count from 1."""

    line: int
    column: int
    rule: str
    what: str
    mend: str


class Action(NamedTuple):
    """A row of the action items. ``due`` is None where it is no date."""

    line: int
    number: int  # of the row, from 1
    action: str
    owner: str
    due: date | None
    priority: str


class Section(NamedTuple):
    title: str
    line: int
    body: Sequence[tuple[int, str]]  # line number, text


class Postmortem(NamedTuple):
    """``problems``: what made no sense while it was read; the checks go on with the rest."""

    incident: str
    title: str
    severity: str
    resolved: datetime | None
    held: date | None
    attendees: Mapping[str, Sequence[str]]
    places: Mapping[str, int]  # key of the front matter -> its line
    sections: Sequence[Section]
    actions: Sequence[Action]
    problems: Sequence[Found]
    text: str

    def section(self, title: str) -> Section | None:
        return next((one for one in self.sections if one.title.casefold() == title.casefold()), None)

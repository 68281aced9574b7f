"""An incident as its events tell it: severity, clocks, runs, and what is still in force. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from omniops.engine.changes import ChangeLog, Record
from omniops.incident.typed import Commands
from omniops.journal.events import Event
from omniops.text import redact
from omniops.value import Value

ROLES = ("commander", "scribe", "comms")
"""The roles of an incident. Who has none is told as nobody; nothing is assumed."""
UNDO = "undo"
"""How a run's lease was taken where a change of it was only put back."""


class Severity(Value):
    """One word about how bad it is: when, what, why, and who said so."""

    time: str
    severity: str
    why: str
    by: str


class Incident:
    """One incident, folded from its stream ``incident/<id>``."""

    def __init__(self, id: str, events: Iterable[Event] = ()) -> None:
        self.id = id
        self.title = ""
        self.onset = ""
        self.opened = ""
        self.by = ""
        self.source = ""  # who saw it first, where that was said when it was opened
        self.severity = ""
        self.severities: list[Severity] = []
        self.roles: dict[str, str] = {}
        self.frozen = ""
        self.frozen_by = ""
        self.resolved = ""
        self.resolved_by = ""
        self.verified: dict[str, Any] | None = None
        self.page: dict[str, Any] | None = None  # what woke somebody: the first ``page.linked``
        self.acknowledged: dict[str, Any] | None = None  # its last ``page.acknowledged``
        self.escalated: dict[str, Any] | None = None  # the last ``page.escalated``: the secondary has been called in
        self.notes: list[tuple[str, str, str]] = []
        self.n = 0
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        data = event.data
        self.n = event.n
        match event.kind:
            case "incident.opened":
                self.title, self.onset, self.opened, self.by = data["title"], data["onset"], event.time, event.actor
                self.source = data.get("source", "")
            case "page.linked":
                self._link(data["page"])
            case "page.acknowledged" if self.page is None or data["page"] == self.page.get("id"):
                self.acknowledged = {**data, "time": event.time}
            case "page.escalated":
                self.escalated = {**data, "time": event.time}
            case "severity":
                self.severity = data["severity"]
                self.severities.append(Severity(event.time, data["severity"], data.get("why", ""), event.actor))
            case "role":
                self.roles[data["role"]] = data["who"]
            case "note":
                self.notes.append((event.time, event.actor, data["text"]))
            case "frozen" if not self.frozen:
                self.frozen, self.frozen_by = event.time, event.actor
            case "verified":
                self.verified = {**data, "time": event.time}
            case "incident.resolved":
                self.resolved, self.resolved_by = event.time, event.actor

    def _link(self, page: dict[str, Any]) -> None:
        """The first page stays the one that the clocks count from; what is learned about it later is taken over."""
        old = self.page or page
        if page.get("id") == old.get("id") or (page.get("key") and page.get("key") == old.get("key")):
            self.page = page

    @property
    def page_at(self) -> str:
        """When the page was triggered (ISO): what the checklist's clocks count from. Without a page, the onset."""
        return str((self.page or {}).get("at") or self.onset)

    @property
    def status(self) -> str:
        return "resolved" if self.resolved else "frozen" if self.frozen else "open"


class Mitigation(Value):
    """A change still in force, or in doubt, and the command that undoes it ("" where nothing can: look, then keep)."""

    id: str
    incident: str
    run: str
    target: str
    action: str
    since: str
    by: str
    state: str  # "in force", "in doubt", "may have changed something", "undo begun", "kept"
    undo: str
    reason: str = ""  # why it is kept
    repair: bool = False  # it mends what was broken; `omniops undo` takes it back only by its id

    @property
    def next(self) -> str:
        """What to do about it, in words."""
        keep = Commands().keep(self.id)
        return f"{self.undo}, or: {keep}" if self.undo else f"look at it, then: {keep}"

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in self._asdict().items() if value not in ("", False)}


MITIGATION_KINDS = (
    "approved",
    "intent",
    "outcome",
    "reconciled",
    "item.done",
    "undone",
    "run.opened",
    "mitigation.kept",
)


def mitigations(events: Iterable[Event], typed: Commands = Commands()) -> list[Mitigation]:
    """Every change that is still in force or in doubt, oldest first, kept ones too (``state`` says so)."""
    logs: dict[str, ChangeLog] = {}
    incidents: dict[str, str] = {}
    kept: dict[str, str] = {}
    for event in events:
        if event.kind == "run.opened":
            incidents[event.data["run"]] = event.data["incident"]
        elif event.kind == "mitigation.kept":
            kept[event.data["id"]] = event.data["reason"]
        else:
            logs.setdefault(event.stream, ChangeLog()).apply(event)
    records = [record for log in logs.values() for record in log.records.values() if record.on_list]
    return [_mitigation(record, incidents, kept, typed) for record in sorted(records, key=lambda record: record.seq)]


def _mitigation(record: Record, incidents: dict[str, str], kept: dict[str, str], typed: Commands) -> Mitigation:
    run = record.stream.removeprefix("run/")
    if record.id in kept:
        state = "kept"
    elif record.undo is not None and record.undo.status in ("open", "applied"):
        state = "undo begun"
    else:
        state = {"applied": "in force", "open": "in doubt"}.get(record.status, "may have changed something")
    return Mitigation(
        id=record.id,
        incident=incidents.get(run, ""),
        run=run,
        target=record.intent["target"],
        action=record.intent["action"],
        since=record.time,
        by=record.who,
        state=state,
        undo=typed.undo(record.id) if record.reversible else "",
        reason=kept.get(record.id, ""),
        repair=record.repair,
    )


_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def new_id(day: datetime, words: str, taken: Iterable[str]) -> str:
    """Make an incident's id: the day, a slug, and a number where both are taken: ``2026-11-23-openai-outage``."""
    slug = _NOT_SLUG.sub("-", redact(words).lower()).strip("-")[:40].strip("-") or "incident"
    stem, used = f"{day:%Y-%m-%d}-{slug}", set(taken)
    number = 1
    while (id := stem if number == 1 else f"{stem}-{number}") in used:
        number += 1
    return id

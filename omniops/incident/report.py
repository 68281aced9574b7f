"""The report of an incident: what happened, the SLO series, who did what, what was owed, what was changed. Pure.

Every text in it is one line without control characters and without a known secret. Of an incident on the security path
(4.5) it holds only that 4.5 was entered, by whom and when: not even the id, whose words come from the title.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso, to_second
from omniops.engine.changes import ChangeLog, Record
from omniops.incident.obligations import Obligation
from omniops.incident.series import Series, series
from omniops.incident.story import Line, story
from omniops.incident.view import ROLES, Incident, Mitigation
from omniops.journal.events import Event
from omniops.text import clean, duration, one_line, redact

SCHEMA = "omniops.report/1"
WHOLE = 256 * 1024
"""What somebody wrote down is told whole, as the journal has it; nobody writes more than that."""


class Change(NamedTuple):
    """One change to the world. ``state``: "in force", "kept", "put back", "in doubt", "done" (it leaves nothing to be
    put back) or "not done"."""

    id: str
    at: str
    action: str
    target: str
    by: str
    state: str
    undone: str = ""  # when it was put back
    reason: str = ""  # why it is kept


class Owed(NamedTuple):
    """An obligation, and in words whether it was kept. ``tone``: good, bad or ""."""

    id: str
    words: str
    audience: str
    at: str
    done_at: str
    state: str
    tone: str


class Person(NamedTuple):
    """Somebody who had to do with it: their roles, and what they did, in words."""

    who: str
    roles: tuple[str, ...]
    did: tuple[str, ...]


OF_FROZEN = (
    "For the security on-call alone; not to be passed on. Nothing else is told here: SECURITY.md, and its own record."
)


class Report(NamedTuple):
    """All of it. Of a frozen incident only ``frozen``, ``frozen_by`` and ``made`` are set."""

    made: str
    frozen: str = ""
    frozen_by: str = ""
    id: str = ""
    title: str = ""
    status: str = ""
    facts: Sequence[tuple[str, str]] = ()
    severity: str = ""
    severities: Sequence[tuple[str, str, str, str]] = ()  # time, severity, why, who
    roles: Sequence[tuple[str, str]] = ()
    story: Sequence[Line] = ()
    series: Series | None = None
    people: Sequence[Person] = ()
    obligations: Sequence[Owed] = ()
    obligations_unknown: str = ""
    changes: Sequence[Change] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer ``omniops.report/1``."""
        if self.frozen:
            frozen = {"at": self.frozen, "by": self.frozen_by}
            return {"schema": SCHEMA, "made": self.made, "security_path": frozen}
        return {
            "schema": SCHEMA,
            "made": self.made,
            "security_path": None,
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "severity": self.severity or None,
            "facts": dict(self.facts),
            "severities": [dict(zip(("time", "severity", "why", "by"), one, strict=True)) for one in self.severities],
            "roles": {role: who or None for role, who in self.roles},
            "timeline": [one._asdict() for one in self.story],
            "series": self.series.as_json() if self.series else None,
            "people": [{"who": one.who, "roles": list(one.roles), "did": list(one.did)} for one in self.people],
            "obligations": [one._asdict() for one in self.obligations],
            "obligations_unknown": self.obligations_unknown or None,
            "changes": [one._asdict() for one in self.changes],
        }


def report(
    incident: Incident,
    events: Sequence[Event],
    in_force: Sequence[Mitigation],
    obligations: Sequence[Obligation],
    figures: Iterable[Event],
    now: datetime,
    obligations_unknown: str = "",
) -> Report:
    """Make the report. ``events``: the incident's and its runs', in order; ``in_force``: its mitigations; ``figures``:
    the recorded ones, of whatever time."""
    if incident.frozen:
        return Report(iso(now), frozen=incident.frozen, frozen_by=text(incident.frozen_by, 80))
    told = [one._replace(words=text(one.words), actor=text(one.actor, 80)) for one in story(events)]
    changes = _changes(events, in_force)
    return Report(
        made=iso(now),
        id=incident.id,
        title=text(incident.title),
        status=incident.status,
        facts=_facts(incident, now),
        severity=incident.severity,
        severities=[(one.time, text(one.severity), text(one.why), text(one.by, 80)) for one in incident.severities],
        roles=[(role, text(incident.roles.get(role, ""), 80)) for role in ROLES],
        story=told,
        series=series(incident, events, figures, [(one.at, f"{one.action} {one.target}") for one in changes]
                      + [(one.undone, f"put back: {one.target}") for one in changes if one.undone]),
        people=_people(incident.roles, events, changes),
        obligations=[_owed(one, now) for one in sorted(obligations, key=lambda one: one.at)],
        obligations_unknown=text(obligations_unknown),
        changes=changes,
    )  # fmt: skip


def text(value: object, limit: int = WHOLE) -> str:
    """One line, fit for a report: no control characters, no known secret."""
    return one_line(redact(clean(value)), limit)


def _facts(incident: Incident, now: datetime) -> list[tuple[str, str]]:
    onset = parse_iso(incident.onset)
    end = parse_iso(incident.resolved) if incident.resolved else now
    lasting = duration(max((end - onset).total_seconds(), 0))
    found = [("onset", moment(incident.onset)), ("opened", f"{moment(incident.opened)} by {text(incident.by, 80)}")]
    seen = incident.source or (incident.page or {}).get("detected_by") or (incident.page or {}).get("source")
    if seen:
        found.append(("detected by", text(seen, 80)))
    if incident.acknowledged:
        found.append(("acknowledged", moment(incident.acknowledged["time"])))
    if incident.resolved:
        found.append(("resolved", f"{moment(incident.resolved)} by {text(incident.resolved_by, 80)}"))
    return [*found, ("lasted" if incident.resolved else "lasting", lasting)]


def moment(time: str) -> str:
    """A moment for people: ``2026-11-23 02:15:00 UTC``."""
    return to_second(parse_iso(time))


def _changes(events: Iterable[Event], in_force: Sequence[Mitigation]) -> list[Change]:
    logs: dict[str, ChangeLog] = {}
    for event in events:
        if event.stream.startswith("run/"):
            logs.setdefault(event.stream, ChangeLog()).apply(event)
    states = {one.id: one for one in in_force}
    records = [record for log in logs.values() for record in log.records.values() if not record.again]
    return [_change(record, states.get(record.id)) for record in sorted(records, key=lambda record: record.seq)]


def _change(record: Record, listed: Mitigation | None) -> Change:
    if record.undone:
        state = "put back"
    elif listed is not None:
        state = listed.state
    else:
        state = {"applied": "done", "open": "in doubt"}.get(record.status, "not done")
    action, target = text(record.intent["action"], 80), text(record.intent["target"], 200)
    reason = text(listed.reason) if listed else ""
    return Change(record.id, record.time, action, target, text(record.who, 80), state, record.undone, reason)


def _owed(one: Obligation, now: datetime) -> Owed:
    if one.done_at:
        late_s = one.told_late_s
        state, tone = (f"late by {duration(late_s)}", "bad") if late_s else ("kept", "good")
    else:
        state, tone = (f"open, {one.when(now)}", "bad") if one.overdue(now) else ("open", "")
    return Owed(one.id, text(one.words), text(one.audience, 120), one.at, one.done_at, state, tone)


_DEEDS = {
    "intent": ("change", "changes"),
    "undone": ("put back", "put back"),
    "answered": ("answer", "answers"),
    "guided": ("decision", "decisions"),
    "declined": ("refusal", "refusals"),
    "note": ("note", "notes"),
    "severity": ("severity", "severities"),
    "run.started": ("run begun", "runs begun"),
    "page.acknowledged": ("page acknowledged", "pages acknowledged"),
    "page.escalated": ("escalation", "escalations"),
    "message.queued": ("message", "messages"),
    "mitigation.kept": ("mitigation kept", "mitigations kept"),
    "verified": ("look at live traffic", "looks at live traffic"),
    "incident.opened": ("opened it", "opened it"),
    "incident.resolved": ("resolved it", "resolved it"),
}
"""Kind of event -> one, many."""


def _people(roles: Mapping[str, str], events: Iterable[Event], changes: Sequence[Change]) -> list[Person]:
    """Everybody who is named by an event or a role, in the order in which they came; runs and drills name people only
    as who walked them."""
    deeds: dict[str, dict[str, int]] = {}
    for event in events:
        did = deeds.setdefault(text(event.actor, 80), {})
        if event.kind in _DEEDS and not (event.kind == "intent" and event.data.get("undo_of")):
            did[event.kind] = did.get(event.kind, 0) + 1
    had: dict[str, list[str]] = {}
    for role in ROLES:
        if roles.get(role):
            had.setdefault(text(roles[role], 80), []).append(role)
    found = []
    for who in [*deeds, *(name for name in had if name not in deeds)]:
        did = deeds.get(who, {})
        words = [_deed(kind, did[kind]) for kind in _DEEDS if did.get(kind)]
        words += [f"{one.action} {one.target} ({one.state})" for one in changes if one.by == who]
        found.append(Person(who, tuple(had.get(who, ())), tuple(words)))
    return found


def _deed(kind: str, count: int) -> str:
    one, many = _DEEDS[kind]
    if kind in ("incident.opened", "incident.resolved"):
        return one
    return f"{count} {one if count == 1 else many}"

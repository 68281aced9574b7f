"""PagerDuty's answers as typed values. Lenient: what is missing or of another shape is empty, never an error."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import parse_iso
from omniops.services.http import said


class PagerUser(NamedTuple):
    """Somebody. ``email`` is "" in a reference."""

    id: str
    name: str
    email: str = ""


class Acknowledgement(NamedTuple):
    """Who has acknowledged, and when."""

    by: PagerUser
    at: datetime | None


class PagerIncident(NamedTuple):
    """An incident as PagerDuty showed it. ``unack_at``: when the acknowledgement runs out by itself."""

    id: str
    number: int | None
    title: str
    status: str  # triggered, acknowledged, resolved
    urgency: str
    service: str
    created_at: datetime | None
    url: str
    key: str  # the dedup key of the event that opened it, "" where the account hides it
    policy: str  # id of its escalation policy
    assigned: tuple[PagerUser, ...] = ()
    acknowledged: tuple[Acknowledgement, ...] = ()
    unack_at: datetime | None = None
    escalates_at: datetime | None = None
    changed_by: str = ""  # whoever changed the status last
    changed_at: datetime | None = None

    def acknowledged_by(self, user: str) -> bool:
        """Has the user with this id acknowledged it?"""
        return self.status == "acknowledged" and any(one.by.id == user for one in self.acknowledged)

    @property
    def holder(self) -> str:
        """The name of whoever acknowledged last, "" where nobody has."""
        return self.acknowledged[-1].by.name if self.acknowledged else ""

    @property
    def name(self) -> str:
        """``#481 ErrorBudgetBurnFast``: how it is spoken of."""
        return f"#{self.number} {self.title}" if self.number is not None else f"{self.id} {self.title}"


class PagerAlert(NamedTuple):
    """One alert of an incident. ``labels`` and ``runbook_url`` as far as its details tell them."""

    key: str
    summary: str
    severity: str
    status: str
    created_at: datetime | None
    labels: dict[str, str]
    runbook_url: str
    firing: str = ""  # how many alerts Alertmanager had in the group


class OnCall(NamedTuple):
    """Who is on call at which level of a policy. ``end``: None is for good."""

    user: PagerUser
    level: int
    policy: str
    schedule: str
    end: datetime | None


class Note(NamedTuple):
    """A note on an incident."""

    id: str
    content: str
    by: str


def incident(value: Any) -> PagerIncident:
    """One incident. Raises ValueError for what is none."""
    if not isinstance(value, dict) or not _text(value.get("id")):
        raise ValueError("no incident")
    pending = _rows(value.get("pending_actions"))
    due = {_text(one.get("type")): _moment(one.get("at")) for one in pending}
    number = value.get("incident_number")
    changed = _dict(value.get("last_status_change_by"))
    return PagerIncident(
        id=said(_text(value["id"]), 60),
        number=number if isinstance(number, int) and not isinstance(number, bool) else None,
        title=said(_text(value.get("title")) or _text(value.get("summary")) or "(no title)"),
        status=said(_text(value.get("status")), 40),
        urgency=said(_text(value.get("urgency")), 40),
        service=said(_text(_dict(value.get("service")).get("summary"))),
        created_at=_moment(value.get("created_at")),
        url=_link(value.get("html_url")),
        key=_text(value.get("incident_key")),
        policy=_text(_dict(value.get("escalation_policy")).get("id")),
        assigned=tuple(user(one.get("assignee")) for one in _rows(value.get("assignments"))),
        acknowledged=tuple(
            Acknowledgement(user(one.get("acknowledger")), _moment(one.get("at")))
            for one in _rows(value.get("acknowledgements"))
        ),
        unack_at=due.get("unacknowledge"),
        escalates_at=due.get("escalate"),
        changed_by=said(_text(changed.get("summary"))),
        changed_at=_moment(value.get("last_status_change_at")),
    )


def user(value: Any) -> PagerUser:
    """A user, or a reference to one."""
    given = _dict(value)
    name = _text(given.get("name")) or _text(given.get("summary")) or _text(given.get("id"))
    return PagerUser(_text(given.get("id")), said(name, 80), said(_text(given.get("email"))))


def alert(value: Any) -> PagerAlert:
    """One alert, with what its details tell: a mapping, or Alertmanager's text of it."""
    given = _dict(value)
    body = _dict(given.get("body"))
    details = _dict(body.get("details"))
    labels, annotations = _from_text(_text(details.get("firing")))
    if not labels:
        plain = {str(key): said(item) for key, item in details.items() if isinstance(item, (str, int, float))}
        hidden = ("firing", "resolved", "num_firing", "num_resolved")
        labels = {key: item for key, item in plain.items() if key not in hidden}
    links = [one for one in _rows(body.get("contexts")) if _link(one.get("href"))]
    named = [one for one in links if "runbook" in _text(one.get("text")).lower() or "runbook" in _text(one.get("href"))]
    told = annotations.get("runbook_url") or labels.pop("runbook_url", "") or labels.pop("runbook", "")
    return PagerAlert(
        key=_text(given.get("alert_key")),
        summary=said(annotations.get("summary") or _text(given.get("summary"))),
        severity=said(_text(given.get("severity")), 40),
        status=said(_text(given.get("status")), 40),
        created_at=_moment(given.get("created_at")),
        labels=labels,
        runbook_url=_link(told) or (_link(named[0].get("href")) if named else ""),
        firing=said(_text(details.get("num_firing")), 10),
    )


def oncall(value: Any) -> OnCall:
    """One row of who is on call."""
    given = _dict(value)
    level = given.get("escalation_level")
    return OnCall(
        user=user(given.get("user")),
        level=level if isinstance(level, int) else 0,
        policy=_text(_dict(given.get("escalation_policy")).get("id")),
        schedule=said(_text(_dict(given.get("schedule")).get("summary"))),
        end=_moment(given.get("end")),
    )


def note(value: Any) -> Note:
    """One note."""
    given = _dict(value)
    return Note(_text(given.get("id")), _text(given.get("content")), user(given.get("user")).name)


def _from_text(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations of the first alert in Alertmanager's text."""
    found: dict[str, dict[str, str]] = {"labels:": {}, "annotations:": {}}
    part = ""
    for line in text.splitlines():
        word = line.strip().lower()
        if word in found:
            if word == "labels:" and found["labels:"]:
                break  # the next alert
            part = word
        elif part and line.strip().startswith("- ") and " = " in line:
            name, _, value = line.strip().removeprefix("- ").partition(" = ")
            found[part][said(name, 80)] = said(value)
        elif word.startswith("source:"):
            part = ""
    return found["labels:"], found["annotations:"]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _link(value: Any) -> str:
    text = said(_text(value), 500)
    return text if text.startswith(("https://", "http://")) else ""


def _moment(value: Any) -> datetime | None:
    try:
        return parse_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None

"""A page as omniops keeps it: what woke somebody, what was done about it, and what is due next. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from omniops.clock import parse_iso
from omniops.errors import Exit, OmniopsError
from omniops.journal.events import Event

PAGE_KINDS = (
    "page.linked",
    "page.acknowledging",
    "page.acknowledged",
    "page.escalating",
    "page.escalated",
    "page.not_escalated",
    "frozen",
    "incident.resolved",
)
"""What ``known`` wants to see, over all streams, in order."""

AFTER_THE_ACK = (timedelta(minutes=2), "0:02", "open the SLO dashboard and the incident channel; post a one-line ack")
"""What section 3 asks for next, counted from the page."""


class Page(NamedTuple):
    """One page. Moments are ISO UTC, "" where they are not known. ``alert`` is its labels."""

    id: str
    source: str  # pagerduty, alertmanager, opened
    number: int | None = None
    title: str = ""
    service: str = ""
    urgency: str = ""
    status: str = ""  # triggered, acknowledged, resolved; as it was when it was looked at
    at: str = ""  # when it was triggered
    url: str = ""
    key: str = ""  # its dedup key
    alert: dict[str, str] = {}
    runbook_url: str = ""

    @property
    def name(self) -> str:
        """``#481 ErrorBudgetBurnFast``."""
        return f"#{self.number} {self.title}" if self.number is not None else f"{self.id} {self.title}".strip()


class Known(NamedTuple):
    """What the journal knows of a page. ``over``: its incident is resolved. ``pending``: an acknowledgement was begun,
    and its end is not written down; ``calling``: the same of an escalation, with who began it and when."""

    page: Page
    incident: str
    over: bool = False
    frozen: bool = False
    pending: bool = False
    acknowledged: dict[str, Any] | None = None
    escalated: dict[str, Any] | None = None
    calling: tuple[str, str] | None = None


class Row(NamedTuple):
    """A page as `page list` shows it. Moments are ISO."""

    page: Page
    holder: str  # who has acknowledged it, "" while nobody has
    mine: bool
    unack_at: str
    escalates_at: str
    incident: str

    def as_json(self) -> dict[str, Any]:
        held = {"acknowledged_by": self.holder or None, "acknowledged_by_me": self.mine}
        clocks = {"unack_at": self.unack_at or None, "escalates_at": self.escalates_at or None}
        return {**self.page._asdict(), **held, **clocks, "incident": self.incident or None}


class Acked(NamedTuple):
    """What became of one page.

    status: acknowledged (by us, now), already (by us, before), theirs (somebody else has it), sent (through the Events
    API, unconfirmed), resolved (too late, and left alone), failed (``error`` says why).
    """

    page: Page
    status: str
    how: str = ""  # rest, events, already
    confirmed: bool = True
    by: str = ""
    at: str = ""
    unack_at: str = ""
    incident: str = ""
    new: bool = False  # the incident was opened for it
    error: OmniopsError | None = None

    @property
    def ours(self) -> bool:
        return self.status in ("acknowledged", "already", "sent")

    @property
    def exit(self) -> Exit:
        if self.error is not None:
            return self.error.exit
        if self.status == "resolved":
            return Exit.NO
        return Exit.IN_DOUBT if self.status == "acknowledged" and not self.confirmed else Exit.DONE

    def as_json(self) -> dict[str, Any]:
        error = None if self.error is None else {"what": self.error.what, "why": self.error.why}
        who = {"acknowledged_by": self.by or None, "acknowledged_at": self.at or None}
        return {
            **self.page._asdict(), "status": self.page.status, "result": self.status, "how": self.how or None,
            "confirmed": self.confirmed, **who, "unack_at": self.unack_at or None,
            "incident": self.incident or None, "error": error,
        }  # fmt: skip


def page_of(data: dict[str, Any]) -> Page:
    """A page as ``page.linked`` holds it; what an older omniops did not write is empty."""
    return Page(**{name: data[name] for name in Page._fields if name in data})


def known(events: Iterable[Event]) -> dict[str, Known]:
    """Every page of the journal by its id. A page that was linked twice belongs to the later incident."""
    found: dict[str, Known] = {}
    for event in events:
        incident = event.stream.removeprefix("incident/")
        if event.kind in ("frozen", "incident.resolved"):
            for id, one in found.items():
                if one.incident == incident:
                    frozen = event.kind == "frozen"
                    found[id] = one._replace(frozen=one.frozen or frozen, over=one.over or not frozen)
            continue
        if event.kind == "page.linked":
            page = page_of(event.data["page"])
            before = found.get(page.id)
            same = before is not None and before.incident == incident
            found[page.id] = before._replace(page=page) if before is not None and same else Known(page, incident)
            continue
        id = event.data["page"]
        if id not in found or found[id].incident != incident:
            continue
        if event.kind == "page.acknowledging":
            found[id] = found[id]._replace(pending=True)
        elif event.kind == "page.acknowledged":
            found[id] = found[id]._replace(pending=False, acknowledged={**event.data, "time": event.time})
        elif event.kind == "page.escalating":
            found[id] = found[id]._replace(calling=(event.actor, event.time))
        elif event.kind == "page.not_escalated":
            found[id] = found[id]._replace(calling=None)
        else:
            found[id] = found[id]._replace(calling=None, escalated={**event.data, "time": event.time})
    return found


class Due(NamedTuple):
    """The checklist's next deadline: its name, what is asked for, when, and how late it is (negative: not yet)."""

    name: str
    words: str
    at: datetime
    late_s: float


def next_due(paged_at: str, now: datetime) -> Due | None:
    """What section 3 wants next after the acknowledgement; None where it is not known when the page came."""
    if not paged_at:
        return None
    after, name, words = AFTER_THE_ACK
    at = parse_iso(paged_at) + after
    return Due(name, words, at, (now - at).total_seconds())

"""What is due in the open incidents, as far as the journal shows it. Pure.

Messages are the outbox's own (`incident/outbox.py`), obligations `incident/obligations.py`'s; here are pages, the
checklist's deadlines, other clocks of open runs, and what is in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.engine.state import RunState
from omniops.incident.outbox import Message
from omniops.incident.view import Incident, Mitigation
from omniops.text import JUST_S, duration, lateness, one_line

if TYPE_CHECKING:
    from omniops.incident.obligations import Obligation

SOON_S = 300.0
"""What comes due within this time is reported before it is."""

NOW, SOON, CLOCK, NOTE = "now", "soon", "clock", "note"


class Due(NamedTuple):
    """One thing that is due. ``urgency``: "now" a person has to do something; "soon" they will have to; "clock" it is
    tried or happens by itself; "note" it is only to be known."""

    what: str  # "message", "obligation", "page", "checklist", "timer", "mitigation", "handoff", "sync", "freeze"
    incident: str
    words: str
    urgency: str
    at: str = ""  # ISO; "" = no moment
    next: str = ""  # what to type

    def as_json(self) -> dict[str, str]:
        return {name: value for name, value in self._asdict().items() if value}


def of_messages(messages: Iterable[Message], unable: Iterable[str], now: datetime) -> list[Due]:
    """Messages that are owed. ``unable``: ids of those that cannot be sent from here."""
    missing = set(unable)
    found = []
    for one in messages:
        if not one.owed:
            continue
        name = f"{one.id} ({one.about}) to {target(one)}"
        if one.state == "unsure" and not one.due:
            words, urgency, next = f"{name} may have been sent: {one.why}", NOW, f"omniops outbox retry {one.id}"
        elif one.id in missing:
            words, urgency, next = f"{name} waits: nothing is set up to send it from here", NOW, "omniops outbox"
        elif one.state == "sending":
            words, urgency, next = f"{name} is being sent", CLOCK, ""
        elif one.attempts > 1:  # the first failure may be a hiccup; from the second on somebody should look
            words, urgency, next = f"{name} waits, after {one.attempts} attempts: {one.why}", NOW, "omniops outbox"
        else:
            words, urgency, next = f"{name} waits" + (f": {one.why}" if one.why else ""), CLOCK, ""
        if one.due and urgency == CLOCK:
            left = (parse_iso(one.due) - now).total_seconds()
            words += f"; tried again in {duration(left)}" if left > 0 else ""
        found.append(Due("message", one.incident, one_line(words, 300), urgency, one.due, next))
    return found


def target(message: Message) -> str:
    """Where a message goes, in words."""
    names = {
        "slack": message.to,
        "pager.note": f"the notes of page {message.to}",
        "pager.responder": "another responder, through PagerDuty",
        "pager.event": f"the {message.to or 'secondary'} on-call, through PagerDuty",
        "github.issue": f"the issues of {message.to or 'GitHub'}",
        "alertmanager.alert": "Alertmanager",
        "slack.headline": "the incident's channel",
        "status": "the status page",
        "mail": message.to,
        "webhook": "the webhook's channel",
        "apprise": "whoever else is to know, through Apprise",
    }
    return names.get(message.engine, f"{message.engine} {message.to}".strip())


def of_obligations(found: Iterable[Obligation], now: datetime) -> list[Due]:
    """What is owed to somebody and is late, or soon will be due (section 5)."""
    due = []
    for one in found:
        late = one.late_s(now) if one.open else -SOON_S - 1
        if late < -SOON_S:
            continue
        words = f"{one.words}: {one.when(now, 'due ')}"
        due.append(Due("obligation", one.incident, words, NOW if late >= 0 else SOON, one.at, one.next))
    return due


def of_page(incident: Incident, now: datetime) -> list[Due]:
    """A page that nobody has acknowledged, or that will soon be unacknowledged, or has been."""
    if incident.resolved or not incident.page:
        return []
    page = incident.page
    name = f"page {page_name(page)}"
    ack = incident.acknowledged
    if ack is None:
        if str(page.get("source", "")) != "pagerduty" or page.get("status") in ("acknowledged", "resolved"):
            return []
        return [Due("page", incident.id, f"{name} is not acknowledged", NOW, next=f"omniops page ack {page['id']}")]
    if not ack.get("unack_at"):
        return []
    moment = parse_iso(ack["unack_at"])
    left = (moment - now).total_seconds()
    if left > SOON_S:
        return []
    words = (
        f"un-acknowledges itself in {duration(left)}" if left > 0 else f"un-acknowledged itself {duration(-left)} ago"
    )
    return [Due("page", incident.id, f"{name} {words}", NOW, iso(moment), f"omniops page ack {page['id']}")]


def page_name(page: dict[str, object]) -> str:
    """``#481 (ErrorBudgetBurnFast)``, or the id where there is no number."""
    number = f"#{page['number']}" if page.get("number") else str(page.get("id", ""))
    title = one_line(page.get("title") or "", 60)
    return f"{number} ({title})" if title else number


def of_run(state: RunState, now: datetime) -> list[Due]:
    """The step at which an open run stands, where that has a due time, and its clocks that ran out or soon will."""
    if state.outcome or state.frozen or not state.started:
        return []
    incident, resume = state.started["incident"], f"omniops resume {state.run}"
    found = []
    step = state.graph["steps"].get(state.current)
    if step is not None and (due := _due_at(state)) is not None:
        left = (due - now).total_seconds()
        words = f"{state.graph['id']}: {one_line(step['title'], 80)}: "
        words += lateness(left, "due ", 1.0 if step.get("due_s", 1.0) else JUST_S)
        found.append(Due("checklist", incident, words, SOON if left > 0 else NOW, iso(due), resume))
    for timer in state.graph["timers"]:
        moment = state.due(timer)
        if moment is None or (moment - now).total_seconds() > SOON_S:
            continue
        left = (moment - now).total_seconds()
        name = timer["id"].rpartition(".")[2].replace("_", " ")
        words = f"{state.graph['id']}: {name}: {lateness(left, 'due ')}"
        found.append(Due("timer", incident, words, SOON if left > 0 else NOW, iso(moment), resume))
    return found


def _due_at(state: RunState) -> datetime | None:
    """When the step at which a run stands is due: its own time, counted from the page; or the end of what it waits for,
    which is when the checklist escalates (five minutes after 0:15)."""
    due = state.due_at(state.current)
    if due is None and state.step(state.current)["kind"] == "wait" and state.current in state.steps:
        return state.waits_until(state.current)
    return due


def of_mitigations(mitigations: Sequence[Mitigation], now: datetime) -> list[Due]:
    """What is still in force and not kept on purpose."""
    found = []
    for one in mitigations:
        if one.state != "kept":
            lasting = duration(max(now - parse_iso(one.since), timedelta(0)))
            words = f"{one.id} {one.action} {one.target}: {one.state} for {lasting}"
            found.append(Due("mitigation", one.incident, words, NOTE, next=one.undo))
    return found

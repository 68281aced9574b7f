"""The outbox: messages that are owed to an outside system, as the journal's events tell it. Pure.

A message is owed from ``message.queued`` on, until it was sent, shown ready to paste, or dropped. ``message.sending``
stands in the journal before the request leaves, so whoever is killed in between leaves a message of which nobody knows
whether it went out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from omniops.clock import iso, parse_iso
from omniops.journal.events import Event, New
from omniops.value import Value

OUTBOX_KINDS = (
    "message.queued",
    "message.sending",
    "message.sent",
    "message.failed",
    "message.unsure",
    "message.shown",
    "message.dropped",
    "message.retried",
    "frozen",
)
"""What ``fold`` wants to see, of any streams, in order. ``frozen`` is among them: it drops what its incident owes."""

STREAM = "outbox"
"""The stream of messages that belong to no incident."""

BACKOFF_S = (30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds to wait after the first, second ... failed attempt; the last one again and again."""
MAX_RETRY_AFTER_S = 3600.0
"""A service that asks for more patience than this is asked again all the same."""
SET_BACK_S = 60.0
"""A clock that goes back by less than this makes a message wait so much longer."""

FROZEN = "frozen"
"""Why a message of an incident on the security path (4.5) was dropped."""


class Message(Value):
    """One message. Moments are ISO UTC, "" where there is none."""

    id: str  # "o" and six hex digits, unique in the journal
    incident: str  # "" = of no incident
    engine: str  # "slack", "pager.note", ...: runner/engines knows how it is sent
    to: str  # a channel, the id of a page, a role, a repository
    about: str  # "ack", "declare", "secondary", "evidence", "mitigation", "note", ...
    body: dict[str, Any]
    key: str  # the same thing owed twice has the same key, and is queued once
    queued_at: str
    state: str  # "waiting", "sending", "sent", "unsure", "shown", "dropped"
    attempts: int = 0
    why: str = ""  # why it is not sent yet, may have been sent, or was dropped
    due: str = ""  # when it is tried next; "": not by itself
    ref: str = ""  # what the service calls it: a ts, a URL, a dedup key
    how: str = ""
    at: str = ""  # when it came into this state
    sender: dict[str, Any] = {}  # while "sending": the process, as lease.me() says it, and "send_by" on its boot clock
    by: str = ""  # who queued it
    recorded: bool = True  # False: the freeze dropped it, and no event says so of it yet
    frozen: bool = False  # its incident is on the security path: nothing of it is ever sent

    @property
    def stream(self) -> str:
        return stream_of(self.incident)

    @property
    def owed(self) -> bool:
        """Is it neither known to have gone out, nor given up?"""
        return self.state in ("waiting", "sending", "unsure")

    def as_json(self) -> dict[str, Any]:
        """For ``--json``: all but what only the machinery needs."""
        hidden = ("sender", "recorded", "frozen")
        return {name: value for name, value in self._asdict().items() if name not in hidden}


def stream_of(incident: str) -> str:
    """The stream in which an incident's messages live; those of no incident are in ``outbox``."""
    return f"incident/{incident}" if incident else STREAM


def fold(events: Iterable[Event]) -> list[Message]:
    """Every message that was ever queued, oldest first. Events of other kinds are passed over."""
    found: dict[tuple[str, str], Message] = {}
    keys: set[tuple[str, str]] = set()
    frozen: set[str] = set()
    for event in events:
        if event.kind == "frozen":
            frozen.add(event.stream)
            for place, message in found.items():
                if place[0] == event.stream:
                    found[place] = _freeze(message, event.time)
        elif event.kind == "message.queued":
            place, key = (event.stream, event.data["id"]), (event.stream, event.data["key"])
            if place not in found and key not in keys:
                keys.add(key)
                message = _queued(event)
                found[place] = _freeze(message, event.time) if event.stream in frozen else message
        elif event.kind in OUTBOX_KINDS:
            place = (event.stream, event.data["id"])
            if place in found:
                message = _moved(found[place], event)
                found[place] = _freeze(message, event.time) if event.stream in frozen else message
    return list(found.values())


def _queued(event: Event) -> Message:
    data = event.data
    return Message(
        id=data["id"],
        incident=event.stream.removeprefix("incident/") if event.stream != STREAM else "",
        engine=data["engine"],
        to=data["to"],
        about=data["about"],
        body=data["body"],
        key=data["key"],
        queued_at=event.time,
        state="waiting",
        due=event.time,
        at=event.time,
        by=event.actor,
    )


def _moved(message: Message, event: Event) -> Message:
    """A message after one more of its events. That it was sent is the last word, whatever was thought before; an
    attempt that ends late says nothing of a newer one, and does not bring back what was dropped or shown."""
    data = event.data
    if message.state == "sent":
        return message
    if event.kind != "message.sent" and data.get("attempt", message.attempts) < message.attempts:
        return message
    # 4.5 drops what it found waiting, also where somebody has begun to send it at that moment: it may have gone out.
    cut_in = event.kind == "message.unsure" and message.why == FROZEN
    given_up = message.state in ("dropped", "shown") and event.kind not in ("message.sent", "message.dropped")
    if given_up and not cut_in:
        return message
    match event.kind:
        case "message.sending":
            changed: dict[str, Any] = {"state": "sending", "attempts": data["attempt"], "due": "", "sender": data}
        case "message.sent":
            changed = {"state": "sent", "due": "", "ref": data.get("ref", ""), "how": data.get("how", ""), "why": ""}
        case "message.failed":
            changed = {"state": "waiting", "due": data["retry_at"], "why": data["why"]}
        case "message.unsure":
            changed = {"state": "unsure", "due": data.get("retry_at", ""), "why": data["why"]}
        case "message.shown":
            changed = {"state": "shown", "due": "", "why": data.get("why", "")}
        case "message.retried":
            changed = {"state": "waiting", "due": event.time, "why": ""}
        case _:  # message.dropped
            changed = {"state": "dropped", "due": "", "why": data["why"], "recorded": True}
    if event.kind != "message.sending":
        changed["sender"] = {}
    return message._replace(at=event.time, **changed)


def _freeze(message: Message, time: str) -> Message:
    """What a freeze makes of a message: what waits is dropped; what may be on its way is never sent again."""
    if message.state == "waiting":
        return message._replace(state="dropped", why=FROZEN, due="", at=time, recorded=False, frozen=True)
    return message._replace(due="", frozen=True)


def due(messages: Iterable[Message], now: datetime) -> list[Message]:
    """The messages whose moment has come, in the order in which they are tried: as they were queued.

    One that came into its state later than it is now was timed by a clock that was fast, and has been put right since:
    how long it has waited nobody knows, so it is tried.
    """
    return [one for one in messages if one.state in ("waiting", "unsure") and one.due and _has_come(one, now)]


def _has_come(one: Message, now: datetime) -> bool:
    return parse_iso(one.due) <= now or (parse_iso(one.at) - now).total_seconds() > SET_BACK_S


def next_due(messages: Iterable[Message]) -> str:
    """The nearest moment at which a message is tried by itself, ISO; "" where none is."""
    return min((one.due for one in messages if one.owed and one.due), default="")


def retry_at(now: datetime, attempts: int, asked_s: float | None = None) -> str:
    """When to try again after ``attempts`` attempts. ``asked_s``: what the service asked for (Retry-After); what is no
    number is passed over: one odd answer must not keep every later look at the outbox from ending."""
    wait = BACKOFF_S[min(max(attempts, 1), len(BACKOFF_S)) - 1]
    if asked_s is not None and not math.isnan(asked_s):
        wait = min(max(asked_s, 1.0), MAX_RETRY_AFTER_S)
    return iso(now + timedelta(seconds=wait))


def with_key(messages: Sequence[Message], key: str) -> Message | None:
    """The message of this key, if it was ever queued."""
    return next((one for one in messages if one.key == key), None)


def slack_channel(name: str, incident: str) -> str:
    """The Slack channel that a runbook's ``channel`` means; "" where it is none (``status-page``).

    ``incident`` is the incident's own channel, ``#inc-`` and the incident's id.
    """
    if name == "incident":
        return f"#inc-{incident}"[:81].rstrip("-") if incident else ""
    return name if name.startswith("#") and len(name) > 1 else ""


def dropped(message: Message, why: str) -> New:
    """The event that gives a message up."""
    return New(message.stream, None, "message.dropped", {"id": message.id, "why": why})


def text_of(message: Message) -> str:
    """The words of a message, as a person would paste them."""
    return words_of(message.body)


def words_of(body: dict[str, Any]) -> str:
    """All that is read of a message: its title or subject, and what follows."""
    head = str(body.get("title") or body.get("subject") or "")
    names = ("body", "text", "content", "message", "summary", "headline")
    rest = next((str(body[name]) for name in names if body.get(name)), "")
    mark = hidden_mark(str(body["mark"])) if body.get("mark") else ""
    return "\n\n".join(part for part in (head, rest, mark) if part)


def hidden_mark(name: str) -> str:
    """What an issue is found again by: a comment that nobody sees in it. It is pasted along."""
    return f"<!-- omniops:{name} -->"

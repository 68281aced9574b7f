"""The order of messages that go to one place: a newer one must not be overwritten by an older, nor made beside it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from omniops.clock import parse_iso
from omniops.incident.outbox import Message, fold
from omniops.journal.events import Event


def replaced(events: Iterable[Event], message: Message) -> bool:
    """Is a newer message of this kind owed or sent, so that this one has nothing more to say?"""
    return any(one.owed or one.state == "sent" for one in _newer(events, message))


def overtaken(events: Iterable[Event], message: Message) -> bool:
    """Was a newer message of this kind sent, so that this one would be read after it?"""
    return any(one.state == "sent" for one in _newer(events, message))


def blocked(events: Iterable[Event], message: Message) -> str:
    """Why this message has to wait for another of its kind, in words; "" where it need not: one is being sent by
    somebody at this moment, or a newer one may be there already."""
    events = list(events)
    newer = {one.id: one for one in _newer(events, message)}
    for one in _same(events, message):
        if one.id != message.id and one.state == "sending":
            return f"{'a newer' if one.id in newer else 'an older'} one is on its way"
    if any(newer[id].owed for id, _ in doubts(events, set(newer))):
        return "a newer one may be there already"
    return ""


def doubtful(events: Iterable[Event], message: Message) -> bool:
    """Has an earlier attempt of this or an older message of its kind not certainly failed?"""
    return bool(_earlier(events, message))


def denied(events: Iterable[Event], message: Message) -> bool:
    """Has a person looked since (`omniops outbox retry` of what may have been sent), and so said that nothing of these
    attempts is there?"""
    events = list(events)
    ids = {one.id for one in _same(events, message)} - {one.id for one in _newer(events, message)}
    last: dict[str, str] = {}
    begun, looked = 0, 0
    doubt = _earlier(events, message)
    for n, event in enumerate(events, 1):
        id = event.data.get("id")
        if id not in ids:
            continue
        if event.kind == "message.sending" and (id, event.data["attempt"]) in doubt:
            begun = n
        elif event.kind == "message.retried" and last.get(id) == "message.unsure":
            looked = n
        last[id] = event.kind
    return looked > begun


def unsettled(events: Iterable[Event], message: Message, now: datetime, settle_s: float) -> bool:
    """Did such an attempt go without an answer so short ago that it may still arrive? Also one that failed, where an
    edit that it began may."""
    events = list(events)
    ids = {one.id for one in _same(events, message)} - {one.id for one in _newer(events, message)}
    told = [time for time in _earlier(events, message).values() if time]
    told += [event.time for event in events if event.data.get("late") and event.data.get("id") in ids]
    return any((now - parse_iso(time)).total_seconds() < settle_s for time in told)


def _earlier(events: Iterable[Event], message: Message) -> dict[tuple[str, int], str]:
    """The doubts about this and older messages of its kind, but for the attempt that is being made."""
    events = list(events)
    newer = {one.id for one in _newer(events, message)}
    found = doubts(events, {one.id for one in _same(events, message)} - newer)
    if message.state == "sending":
        found.pop((message.id, message.attempts), None)
    return found


def doubts(events: Iterable[Event], ids: set[str]) -> dict[tuple[str, int], str]:
    """The attempts that were begun and not shown to have failed: (id, attempt) -> when its sender gave up, "" where
    nobody said so.

    A failure speaks for its own attempt alone: whether an earlier one arrived, it does not say.
    """
    begun: dict[tuple[str, int], str] = {}
    newest: dict[str, int] = {}
    for event in events:
        id = event.data.get("id")
        if id not in ids:
            continue
        # An event without its attempt is of an older omniops, or a person's: who drops a message says nothing of it.
        attempt = event.data.get("attempt", newest.get(id, 0) if event.kind != "message.dropped" else 0)
        if event.kind == "message.sending":
            newest[id] = attempt
            begun[id, attempt] = ""
        elif event.kind in ("message.failed", "message.dropped"):
            begun.pop((id, attempt), None)
        elif event.kind == "message.unsure" and (id, attempt) in begun:
            begun[id, attempt] = event.time
    return begun


def _same(events: Iterable[Event], message: Message) -> list[Message]:
    """The messages of this kind, as they were queued."""
    return [one for one in fold(events) if one.engine == message.engine]


def _newer(events: Iterable[Event], message: Message) -> list[Message]:
    same = _same(events, message)
    ids = [one.id for one in same]
    return same[ids.index(message.id) + 1 :] if message.id in ids else []

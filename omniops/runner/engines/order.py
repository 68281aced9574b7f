"""The order of messages that go to one place: a newer one must not be overwritten by an older, nor made beside it."""

from __future__ import annotations

from collections.abc import Iterable

from omniops.incident.outbox import Message, fold
from omniops.journal.events import Event


def replaced(events: Iterable[Event], message: Message) -> bool:
    """Is a newer message of this kind owed or sent, so that this one has nothing more to say?"""
    return any(one.state in ("waiting", "sending", "sent") for one in _newer(events, message))


def overtaken(events: Iterable[Event], message: Message) -> bool:
    """Was a newer message of this kind sent, so that this one would be read after it?"""
    return any(one.state == "sent" for one in _newer(events, message))


def under_way(events: Iterable[Event], message: Message) -> bool:
    """Is an older message of this kind being sent by somebody at this moment?"""
    for one in _same(events, message):
        if one.id == message.id:
            return False
        if one.state == "sending":
            return True
    return False


def doubtful(events: Iterable[Event], message: Message) -> bool:
    """Has an earlier attempt of this or an older message of its kind not certainly failed?"""
    events = list(events)
    ids = {one.id for one in _same(events, message)}
    begun: set[str] = set()
    for event in events:
        if event.data.get("id") not in ids:
            continue
        if event.kind == "message.sending" and (event.data["id"], event.data["attempt"]) != (
            message.id,
            message.attempts,
        ):
            begun.add(event.data["id"])
        elif event.kind == "message.failed":
            begun.discard(event.data["id"])
    return bool(begun)


def _same(events: Iterable[Event], message: Message) -> list[Message]:
    """The messages of this kind, as they were queued."""
    return [one for one in fold(events) if one.engine == message.engine]


def _newer(events: Iterable[Event], message: Message) -> list[Message]:
    same = _same(events, message)
    ids = [one.id for one in same]
    return same[ids.index(message.id) + 1 :] if message.id in ids else []

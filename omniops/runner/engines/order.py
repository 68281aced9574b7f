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
    """Has an earlier attempt of this or an older message of its kind not certainly failed?

    A failure speaks for its own attempt alone: whether an earlier one arrived, it does not say.
    """
    events = list(events)
    ids = {one.id for one in _same(events, message)}
    begun: set[tuple[str, int]] = set()
    newest: dict[str, int] = {}
    for event in events:
        id = event.data.get("id")
        if id not in ids:
            continue
        if event.kind == "message.sending":
            newest[id] = event.data["attempt"]
            begun.add((id, event.data["attempt"]))
        elif event.kind in ("message.failed", "message.dropped"):
            # One without an attempt is of an older omniops, or a person's: who drops a message says nothing of it.
            attempt = event.data.get("attempt", newest.get(id, 0) if event.kind == "message.failed" else 0)
            begun.discard((id, attempt))
    begun.discard((message.id, message.attempts))
    return bool(begun)


def _same(events: Iterable[Event], message: Message) -> list[Message]:
    """The messages of this kind, as they were queued."""
    return [one for one in fold(events) if one.engine == message.engine]


def _newer(events: Iterable[Event], message: Message) -> list[Message]:
    same = _same(events, message)
    ids = [one.id for one in same]
    return same[ids.index(message.id) + 1 :] if message.id in ids else []

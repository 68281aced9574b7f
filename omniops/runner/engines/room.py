"""How much of a text the place takes where it goes: asked of the engine, before a person approves the text."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.services.length import longer


class Room(NamedTuple):
    """``where``: who takes no more, in words; ``most``: field of a message's body -> characters."""

    where: str
    most: dict[str, int]


@runtime_checkable
class Limited(Protocol):
    """An engine whose service takes only so much of a text."""

    def room(self, settings: Settings, message: Message) -> Room:
        """What a message that is configured here may hold."""
        ...


def room_for(settings: Settings, message: Message) -> Room | None:
    """What a message may hold; None where no limit is known, or nothing is set up here that would send it."""
    from omniops.runner.engines.registry import find

    engine = find(message.engine)
    if engine is None or not isinstance(engine, Limited) or not engine.configured(settings, message):
        return None
    return engine.room(settings, message)


def too_long(settings: Settings, message: Message) -> str:
    """Why a message does not fit where it goes, in words; "" where it does."""
    room = room_for(settings, message)
    if room is None:
        return ""
    texts = [(str(message.body.get(field) or ""), most) for field, most in room.most.items()]
    return next((wrong for text, most in texts if (wrong := longer(room.where, text, most))), "")

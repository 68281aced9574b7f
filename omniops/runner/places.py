"""What engines know of an incident's places outside, and the facts that they write down of them in its stream."""

from __future__ import annotations

from typing import Any

from omniops.clock import Clock
from omniops.errors import OmniopsError
from omniops.failpoints import reached
from omniops.incident.outbox import FROZEN, Message, fold
from omniops.journal.events import Event, Journal, New
from omniops.runner.engines.base import Delivery, Stopped

FACTS = ("channel.created", "headline.posted", "status.opened")
"""What an engine may write by itself. Each says that something was made outside, and what it is called there."""


class JournalPlaces:
    """One stream of a journal, for the engine that makes an attempt at ``message``. ``maybe``: an earlier attempt
    is in doubt. ``until``: the moment of the machine's clock after which nothing more of it leaves."""

    def __init__(self, journal: Journal, message: Message, clock: Clock, until: float, *, maybe: bool) -> None:
        self._journal, self._message, self._maybe = journal, message, maybe
        self._clock, self._until = clock, until

    def look(self) -> None:
        """May the message still leave? Raises Stopped."""
        reached("outbox.request", self._message.engine)
        now = next(one for one in fold(self.events()) if one.id == self._message.id)
        if now.frozen:
            raise Stopped(Delivery("unsure" if self._maybe else "dropped", why=FROZEN))
        if (now.state, now.attempts) != ("sending", self._message.attempts):
            raise Stopped(Delivery("failed", why="somebody else has taken it over"))
        if self._clock.boot() > self._until:
            raise Stopped(Delivery("failed", why="it took too long, or this machine slept", retry_in_s=1.0))

    def events(self) -> list[Event]:
        """The stream as it is now."""
        return list(self._journal.read(self._message.stream))

    def fact(self, kind: str) -> dict[str, Any]:
        """The newest fact of this kind; {} where there is none."""
        return next((dict(event.data) for event in reversed(self.events()) if event.kind == kind), {})

    def keep(self, kind: str, data: dict[str, Any]) -> None:
        """Write a fact down. Raises Stopped where the journal cannot be written."""
        if kind not in FACTS:
            raise ValueError(f"an engine writes no {kind}")
        reached("outbox.fact", kind)
        try:
            self._journal.append([New(self._message.stream, None, kind, data)])
        except OmniopsError as error:  # what it is about has been done: tried again, it might be done twice
            raise Stopped(Delivery("unsure", why=f"done in part, and not written down: {error.what}")) from None

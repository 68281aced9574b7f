"""What engines know of an incident's places outside, and the facts that they write down of them in its stream."""

from __future__ import annotations

from typing import Any

from omniops.failpoints import reached
from omniops.journal.events import Event, Journal, New

FACTS = ("channel.created", "headline.posted", "status.opened")
"""What an engine may write by itself. Each says that something was made outside, and what it is called there."""


class JournalPlaces:
    """One stream of a journal, as an engine sees it."""

    def __init__(self, journal: Journal, stream: str) -> None:
        self._journal, self._stream = journal, stream

    def events(self) -> list[Event]:
        """The stream as it is now."""
        return list(self._journal.read(self._stream))

    def fact(self, kind: str) -> dict[str, Any]:
        """The newest fact of this kind; {} where there is none."""
        return next((dict(event.data) for event in reversed(self.events()) if event.kind == kind), {})

    def keep(self, kind: str, data: dict[str, Any]) -> None:
        """Write a fact down. Raises OmniopsError where the journal cannot be written."""
        if kind not in FACTS:
            raise ValueError(f"an engine writes no {kind}")
        reached("outbox.fact", kind)
        self._journal.append([New(self._stream, None, kind, data)])

"""Writes one run's stream for the process that holds its lease, and notices when it has lost it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omniops.errors import NeedsPerson
from omniops.journal.events import Conflict, Event, Journal, New


class LostLease(NeedsPerson):
    """Somebody else has taken the run over; nothing more is written or sent by this process."""


class RunWriter:
    """Appends to ``stream``, which had ``n`` events when the lease was taken."""

    def __init__(self, journal: Journal, stream: str, n: int) -> None:
        self.journal, self.stream, self.n = journal, stream, n

    def append_all(self, events: Sequence[tuple[str, dict[str, Any]]], also: Sequence[New] = ()) -> list[Event]:
        """Append events of the run, and others with them, in one transaction; return the run's. Raises LostLease."""
        news = [
            New(self.stream, self.n if position == 0 else None, kind, data)
            for position, (kind, data) in enumerate(events)
        ]
        try:
            written = self.journal.append([*news, *also])
        except Conflict as conflict:
            if conflict.stream != self.stream:
                raise
            raise self._lost() from None
        mine = [event for event in written if event.stream == self.stream]
        self.n = mine[-1].n
        return mine

    def still_ours(self) -> None:
        """Raises LostLease if somebody has appended to the run since."""
        if self.journal.length(self.stream) != self.n:
            raise self._lost()

    def _lost(self) -> LostLease:
        taken = [event for event in self.journal.read(self.stream, self.n) if event.kind == "lease.taken"]
        who = f"{taken[-1].actor} on {taken[-1].host}" if taken else "somebody else"
        run = self.stream.removeprefix("run/")
        return LostLease(
            f"run {run} was taken over by {who}",
            why="a run is walked by one process at a time",
            state="nothing more was sent from here; the journal says what was",
            next=f"omniops incident show, or talk to {taken[-1].actor if taken else 'them'}",
        )

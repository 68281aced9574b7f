"""The journal in memory: for dry runs, over the real one, and for tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from omniops import __version__
from omniops.clock import Clock, iso
from omniops.journal.events import Conflict, Event, Journal, New
from omniops.text import redact


class MemoryJournal:
    """Implements ``Journal``. With ``under``, its events come first and appends never reach it."""

    def __init__(self, clock: Clock, actor: str, host: str, drill: bool = False, under: Journal | None = None) -> None:
        self.clock, self.actor, self.host, self.drill, self.under = clock, actor, host, drill, under
        self._events: list[Event] = []

    def append(self, events: Sequence[New]) -> list[Event]:
        lengths: dict[str, int] = {}
        for new in events:
            length = lengths.setdefault(new.stream, self.length(new.stream))
            if new.expected is not None and new.expected != length:
                raise Conflict(new.stream, new.expected, length)
            lengths[new.stream] = length + 1
        written = []
        for new in events:
            event = Event(
                len(self._events) + 1, new.stream, self.length(new.stream) + 1, iso(self.clock.now()),
                self.actor, self.host, __version__, new.kind, redact(new.data),
            )  # fmt: skip
            self._events.append(event)
            written.append(event)
        return written

    def read(self, stream: str, after: int = 0) -> list[Event]:
        under = self.under.read(stream, after) if self.under else []
        return [*under, *(event for event in self._events if event.stream == stream and event.n > after)]

    def length(self, stream: str) -> int:
        mine = [event.n for event in self._events if event.stream == stream]
        return mine[-1] if mine else self.under.length(stream) if self.under else 0

    def kinds(self, kinds: Iterable[str]) -> Iterator[Event]:
        wanted = set(kinds)
        if self.under:
            yield from self.under.kinds(wanted)
        yield from (event for event in self._events if event.kind in wanted)

    def streams(self, prefix: str) -> list[str]:
        found = self.under.streams(prefix) if self.under else []
        return list(dict.fromkeys([*found, *(e.stream for e in self._events if e.stream.startswith(prefix))]))

"""The journal in memory: for dry runs, over the real one, and for tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from omniops import __version__
from omniops.clock import Clock, iso
from omniops.journal.codec import check_name, decode, encode
from omniops.journal.events import Conflict, Event, Journal, New
from omniops.text import clean, redact


class MemoryJournal:
    """Implements ``Journal``. With ``under``, its events come first and appends never reach it."""

    def __init__(self, clock: Clock, actor: str, host: str, drill: bool = False, under: Journal | None = None) -> None:
        self.clock, self.drill, self.under = clock, drill, under
        self.actor, self.host = redact(clean(actor)), redact(clean(host))
        self._events: list[Event] = []
        self._base = _last_seq(under) if under else 0

    def append(self, events: Sequence[New]) -> list[Event]:
        written: list[Event] = []
        lengths: dict[str, int] = {}
        for new in events:
            stream, kind = check_name(new.stream), check_name(new.kind)
            length = lengths[stream] if stream in lengths else self.length(stream)
            if new.expected is not None and new.expected != length:
                raise Conflict(stream, new.expected, length)
            lengths[stream] = length + 1
            event = Event(
                self._base + len(self._events) + len(written) + 1, stream, length + 1, iso(self.clock.now()),
                self.actor, self.host, __version__, kind, redact(new.data),
            )  # fmt: skip
            written.append(decode(encode("", event)))  # as the other journal gives it back, and no longer the caller's
        self._events += written
        return written

    def read(self, stream: str, after: int = 0, without: Collection[str] = ()) -> list[Event]:
        under = self.under.read(stream, after, without) if self.under else []
        events = [*under, *(event for event in self._events if event.stream == stream and event.n > after)]
        return [event for event in events if event.kind not in without or event is events[-1]]

    def length(self, stream: str) -> int:
        mine = [event.n for event in self._events if event.stream == stream]
        return mine[-1] if mine else self.under.length(stream) if self.under else 0

    def kinds(self, kinds: Iterable[str]) -> Iterator[Event]:
        wanted = set(kinds)
        if self.under:
            yield from self.under.kinds(wanted)
        yield from [event for event in self._events if event.kind in wanted]

    def counts(self) -> dict[str, int]:
        found = self.under.counts() if self.under else {}
        for event in self._events:
            found[event.kind] = found.get(event.kind, 0) + 1
        return found

    def streams(self, prefix: str) -> list[str]:
        found = self.under.streams(prefix) if self.under else []
        return list(dict.fromkeys([*found, *(e.stream for e in self._events if e.stream.startswith(prefix))]))


def _last_seq(journal: Journal) -> int:
    ends = (journal.read(stream, journal.length(stream) - 1) for stream in journal.streams(""))
    return max((event.seq for end in ends for event in end), default=0)

"""The journal's contract. `store.py` keeps it in SQLite; `memory.py` for dry runs and tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol


class Event(NamedTuple):
    """One event as read back. ``seq`` counts the whole journal from 1, ``n`` its stream from 1."""

    seq: int
    stream: str  # "run/r7f3a", "incident/2026-11-23-openai-outage", "runs"
    n: int
    time: str  # ISO UTC
    actor: str
    host: str
    version: str  # of omniops
    kind: str
    data: dict[str, Any]


class New(NamedTuple):
    """An event to append. ``expected`` is the stream's length before it; None = append whatever the length is."""

    stream: str
    expected: int | None
    kind: str
    data: dict[str, Any]


class Conflict(Exception):
    """The stream has moved on: somebody else has appended to it."""

    def __init__(self, stream: str, expected: int, found: int) -> None:
        super().__init__(f"{stream}: expected {expected} events, found {found}")
        self.stream, self.expected, self.found = stream, expected, found


class Journal(Protocol):
    """Append all or nothing, durably; read in order. Everything written has passed ``text.redact``."""

    drill: bool

    def append(self, events: Sequence[New]) -> list[Event]:
        """Append in one transaction. Several events of one stream: the first carries ``expected``, the rest None.

        Raises Conflict (nothing was written) or JournalDamaged.
        """
        ...

    def read(self, stream: str, after: int = 0) -> list[Event]:
        """The stream's events with ``n`` above ``after``."""
        ...

    def length(self, stream: str) -> int: ...

    def kinds(self, kinds: Iterable[str]) -> Iterator[Event]:
        """Every event of these kinds, over all streams, in order."""
        ...

    def counts(self) -> dict[str, int]:
        """How many events there are of each kind, without reading one."""
        ...

    def streams(self, prefix: str) -> list[str]:
        """Names of the streams that start with ``prefix``, oldest first."""
        ...

"""The journal's contract. `store.py` keeps it in SQLite; `memory.py` for dry runs and tests."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from omniops.errors import JournalDamaged
from omniops.value import Value

Rest = tuple[str, str, str, dict[str, Any]]
"""Actor, host, version and data."""


class _Stored(NamedTuple):
    seq: int
    stream: str
    n: int
    time: str
    kind: str
    rest: Rest | str  # or as it is stored: JSON between a comma and a bracket


class Event(_Stored):
    """One event as read back. ``seq`` counts the whole journal from 1, ``n`` its stream from 1; ``time`` is ISO UTC.

    Who wrote it and what it says is decoded when it is first asked for: most events of a long run are samples, which a
    fold only keeps.
    """

    def __new__(
        cls,
        seq: int,
        stream: str,
        n: int,
        time: str,
        actor: str,
        host: str,
        version: str,  # of omniops
        kind: str,
        data: dict[str, Any],
    ) -> Event:
        return cls._make((seq, stream, n, time, kind, (actor, host, version, data)))

    @cached_property
    def _rest(self) -> Rest:
        """Raises JournalDamaged where the text has been edited since it was verified."""
        if not isinstance(self.rest, str):
            return self.rest
        try:
            actor, host, version, data = json.loads(f"[{self.rest[1:]}")
        except ValueError:
            raise JournalDamaged(
                f"event {self.seq} of the journal cannot be read",
                why="it has been changed since the journal was verified",
                state="nothing was written",
                next="omniops journal verify",
            ) from None
        return actor, host, version, data

    @property
    def actor(self) -> str:
        return self._rest[0]

    @property
    def host(self) -> str:
        return self._rest[1]

    @property
    def version(self) -> str:
        return self._rest[2]

    @cached_property
    def data(self) -> dict[str, Any]:
        return self._rest[3]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self[:-1] == other[:-1] and self._rest == other._rest

    __hash__ = None  # type: ignore[assignment]  # it holds a dict


class New(Value):
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

    def read(self, stream: str, after: int = 0, without: Collection[str] = ()) -> list[Event]:
        """The stream's events with ``n`` above ``after``. Those of the kinds ``without`` are left out, but for the last
        event of all, which says how far the stream has come."""
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

"""Time as the rest of omniops sees it: asked of an object, so that a drill or a test can move it.

What is decided by a time is decided by this one; only waits on sockets and children use the machine's directly.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of time. ``now`` is aware UTC; ``boot`` is seconds on a clock that counts suspend."""

    def now(self) -> datetime: ...

    def boot(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class FastClock:
    """A clock that runs ``speed`` times as fast as the machine's, from ``anchor`` on (drills).

    ``boot`` runs at the machine's own speed: it guards real processes against real suspends.
    """

    def __init__(self, speed: float, anchor: datetime | None = None) -> None:
        self.speed = speed
        self._anchor = anchor or datetime.now(UTC)
        self._started = time.monotonic()

    def now(self) -> datetime:
        return self._anchor + timedelta(seconds=(time.monotonic() - self._started) * self.speed)

    def boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds / self.speed)


def iso(moment: datetime) -> str:
    """Write a moment as the journal does: UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """Read an ISO-8601 moment. A moment without a zone is refused with ValueError."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)

"""Time as the rest of omniops sees it: asked of an object, so that a drill or a test can move it.

What is decided by a time is decided by this one; only waits on sockets and children use the machine's directly.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo
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


def to_minute(moment: datetime) -> str:
    """Write a moment for people: ``2026-11-23 03:05 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def to_second(moment: datetime) -> str:
    """Write a moment for people who compare them: ``2026-11-23 03:05:12 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def on_wall(moment: datetime, zone: tzinfo) -> str:
    """Write a moment as the wall clock of a zone shows it: ``Mon 2026-11-23 09:00 PST``."""
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def parse_iso(text: str) -> datetime:
    """Read an ISO-8601 moment. A moment without a zone is refused with ValueError."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)

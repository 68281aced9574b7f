"""Several replicas of OmniRoute read as one (OMNIROUTE_URLS); or one address behind which several may hide.

Telemetry lives in each process's memory, so it is read from each and merged; the call log lies in the database that
they share, and rows that several tell are counted once. Writes go to one, OMNIROUTE_URL; ``connections`` of the others
are only read back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from omniops.config import Settings
from omniops.errors import Refused, Unreachable
from omniops.services.omniroute import OmniRoute
from omniops.services.omniroute_parse import Attempt, CallLogs, Connection, Health, Telemetry

T = TypeVar("T")

SAME_START_S = 3.0
"""Two answers of one process put its start at most this far apart (the fork caches its health page for 1 s)."""


class Identity(NamedTuple):
    """What tells one process from another: its pid, and when it started on our clock (seconds since the epoch)."""

    pid: int
    started: float

    def is_of(self, other: Identity) -> bool:
        return self.pid == other.pid and abs(self.started - other.started) <= SAME_START_S


def identity(health: Health, now: datetime) -> Identity | None:
    """Who answered; None where the page does not say."""
    if health.pid is None or health.uptime_s <= 0:
        return None
    return Identity(health.pid, now.timestamp() - health.uptime_s)


class Replicas:
    """All replicas as one gateway: the same reads as ``OmniRoute``, merged. Built anew for each walk of a verify step.

    ``partial`` says why the figures are not those of everything, "" where they are; such figures prove no recovery.
    """

    def __init__(self, front: OmniRoute, settings: Settings, now: Callable[[], datetime]) -> None:
        self.front = front
        self._now = now
        urls = list(dict.fromkeys(settings.replica_urls))
        self.each = [front if url == front.url else front.sibling(url) for url in urls] or [front]
        self._known: dict[str, Identity] = {}  # of the replicas that were read, by address
        self._seen: list[tuple[Identity, float]] = []  # through the front: who, and when last
        self._unread: dict[str, str] = {}
        self._strangers = False

    @property
    def several(self) -> bool:
        """Is each replica known by an address of its own?"""
        return len(self.each) > 1 or self.each[0] is not self.front

    @property
    def partial(self) -> str:
        if not self.several:
            if len(self._together()) > 1:
                return "several processes answer at OMNIROUTE_URL, and OMNIROUTE_URLS does not say where each is"
            return ""
        if self._strangers:
            lost = ", ".join(self._unread) or "none is missing by name"
            return f"the load balancer leads to a replica that cannot be read ({lost})"
        return ""

    def telemetry(self, window_s: float) -> Telemetry:
        """Client requests of all replicas. p95 of all is at most the highest one of each, so that one is taken."""
        self.note()
        found = self._from_each(lambda one: one.telemetry(window_s))
        p95 = [one.p95_s for one in found if one.p95_s is not None]
        p99 = [one.p99_s for one in found if one.p99_s is not None]
        return Telemetry(sum(one.count for one in found), max(p95, default=None), max(p99, default=None))

    def call_logs(self, since: datetime) -> CallLogs:
        """The attempts of all replicas, newest first; the same row told by several is one attempt."""
        found = self._from_each(lambda one: one.call_logs(since))
        if len(found) == 1:
            return found[0]
        most: Counter[Attempt] = Counter()
        for one in found:
            most |= Counter(one.rows)
        rows = sorted((row for logs in found for row in _upto(logs, most)), key=lambda row: row.at, reverse=True)
        return CallLogs(rows, all(one.complete for one in found), max(one.skipped for one in found))

    def health(self) -> Health:
        """The youngest process's health page: its telemetry reaches back least."""
        found = self._from_each(lambda one: one.health())
        return min(found, key=lambda one: one.uptime_s)

    def versions(self) -> dict[str, str]:
        """Each replica's running version, by address; of those that say."""
        found = {}
        for one in self.each:
            try:
                found[name_of(one.url)] = one.version()[0]
            except (Unreachable, Refused) as error:
                self._unread[name_of(one.url)] = error.what
        return found

    def connection(self, id: str) -> dict[str, Connection | None]:
        """A connection as each replica other than the front has it, by address; of those that answer."""
        found: dict[str, Connection | None] = {}
        for one in self.each:
            if one is self.front:
                continue
            try:
                found[name_of(one.url)] = one.connection(id)
            except (Unreachable, Refused) as error:
                self._unread[name_of(one.url)] = error.what
        return found

    @property
    def unread(self) -> tuple[str, ...]:
        """The replicas that could not be read the last time."""
        return tuple(self._unread)

    def connections(self) -> list[Connection]:
        return self.front.connections()

    def server_now(self) -> datetime:
        return self.front.server_now()

    def skew_s(self) -> float | None:
        return self.front.skew_s()

    def note(self) -> None:
        """Look who answers at the front; with known replicas, whether it is one of them."""
        try:
            who = identity(self.front.health(), self._now())
        except (Unreachable, Refused):
            return
        if who is None:
            return
        moment = self._now().timestamp()
        self._seen = [(one, last) for one, last in self._seen if not one.is_of(who)] + [(who, moment)]
        if self.several:
            if not self._known or not any(who.is_of(one) for one in self._known.values()):
                self._learn()
            self._strangers |= not any(who.is_of(one) for one in self._known.values())

    def close(self) -> None:
        for one in self.each:
            if one is not self.front:
                one.close()

    def _learn(self) -> None:
        """Who the replicas are now; they may have restarted."""
        self._known = {}
        for one in self.each:
            try:
                who = identity(one.health(), self._now())
            except (Unreachable, Refused):
                continue
            if who is not None:
                self._known[one.url] = who

    def _together(self) -> list[Identity]:
        """The processes seen at the front that lived at one time: a restart makes a new one only after the old."""
        alive: list[Identity] = []
        for who, last in self._seen:
            if any(other is not who and other.started < last and who.started < seen for other, seen in self._seen):
                alive.append(who)
        return alive

    def _from_each(self, read: Callable[[OmniRoute], T]) -> list[T]:
        """One answer from each replica that gives one. Raises the first error where none does."""
        found: list[T] = []
        errors: list[Unreachable | Refused] = []
        for one in self.each:
            try:
                found.append(read(one))
                self._unread.pop(name_of(one.url), None)
            except (Unreachable, Refused) as error:
                errors.append(error)
                self._unread[name_of(one.url)] = error.what
        if not found:
            raise errors[0]
        return found


def name_of(url: str) -> str:
    """How a replica is called: its host and port."""
    return urlsplit(url).netloc or url


def _upto(logs: CallLogs, most: Counter[Attempt]) -> list[Attempt]:
    """A log's rows, each as often as it is still to be told; what was told is taken off."""
    found = []
    for row in logs.rows:
        if most[row] > 0:
            most[row] -= 1
            found.append(row)
    return found

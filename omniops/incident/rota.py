"""Who is on call (section 6): a rotation that turns at one time of day on the wall, and covers laid over it. Pure.

A turn begins on the same weekday at the same wall-clock time, so the week of a clock change lasts an hour more or less.
Every instant lies in exactly one turn, and every turn has exactly one primary; the secondary is the next in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.journal.events import Event

WEEK = timedelta(days=7)
STREAM = "oncall"


class Member(NamedTuple):
    """Somebody who takes turns. ``pagerduty``: the id of their user there, "" where it is not told."""

    name: str
    pagerduty: str = ""


class Role(NamedTuple):
    """A row of section 6, in its own words, and who takes turns in it. ``weekly`` False: nobody does."""

    id: str
    role: str
    primary: str
    secondary: str
    rotation: str
    weekly: bool
    members: tuple[Member, ...] = ()
    schedule: str = ""

    @property
    def lack(self) -> str:
        """What keeps this from being a rotation, in words; "" for nothing."""
        if len(self.members) >= (2 if self.weekly else 1):
            return ""
        return f"{self.id} names {'one member' if self.members else 'no members'}" + (
            ", and a rotation needs two" if self.weekly else ""
        )


class Window(NamedTuple):
    """Scheduled maintenance, moments in UTC."""

    what: str
    start: datetime
    end: datetime


class Rota(NamedTuple):
    """oncall.yaml. ``day``: 0 is Monday; ``first``: the day of the turn that the first member of each role has."""

    tz: tzinfo
    zone: str
    day: int
    at: time
    first: date
    channel: str
    priorities: dict[str, str]
    roles: tuple[Role, ...]
    maintenance: tuple[Window, ...] = ()

    def role(self, id: str) -> Role | None:
        return next((one for one in self.roles if one.id == id), None)


class Cover(NamedTuple):
    """Somebody has a role from ``start`` until before ``end``, whatever the rotation says."""

    role: str
    who: str
    start: datetime
    end: datetime
    why: str
    by: str


class Duty(NamedTuple):
    """Who has a role in a stretch of time. ``scheduled``: whom the rotation alone names; ``why``: of the cover."""

    start: datetime
    end: datetime
    primary: str
    secondary: str
    scheduled: str
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        names = {"primary": self.primary, "secondary": self.secondary, "scheduled": self.scheduled, "why": self.why}
        return {"from": iso(self.start), "to": iso(self.end), **{name: text or None for name, text in names.items()}}


def turn_on(rota: Rota, day: date) -> datetime:
    """The moment (UTC) at which the turn of this day begins."""
    return datetime.combine(day, rota.at, rota.tz).astimezone(UTC)


def turn_day(rota: Rota, moment: datetime) -> date:
    """The day on which the turn that holds ``moment`` began."""
    local = moment.astimezone(rota.tz).date()
    day = local - timedelta(days=(local.weekday() - rota.day) % 7)
    return day if turn_on(rota, day) <= moment else day - WEEK


def turns_after(rota: Rota, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The turn that holds ``moment`` and every later one: from, until before."""
    day = turn_day(rota, moment)
    while True:
        yield turn_on(rota, day), turn_on(rota, day + WEEK)
        day += WEEK


def nearest_turn(rota: Rota, moment: datetime) -> date:
    """The day of the turn that is about to begin, or has: the one whose beginning is nearest."""
    day = turn_day(rota, moment)
    after = day + WEEK
    return day if moment - turn_on(rota, day) < turn_on(rota, after) - moment else after


def covers(events: Iterable[Event]) -> list[Cover]:
    """The overrides and swaps that were written down, oldest first; of two for one moment the later one holds."""
    found = []
    for event in events:
        data = event.data
        if event.kind == "oncall.override":
            spans = [(data["who"], data["from"], data["to"])]
        elif event.kind == "oncall.swap":
            spans = [(one["who"], one["from"], one["to"]) for one in data["turns"]]
        else:
            continue
        for who, start, end in spans:
            found.append(Cover(data["role"], who, parse_iso(start), parse_iso(end), data["reason"], event.actor))
    return found


def duty(rota: Rota, role: Role, moment: datetime, laid: Sequence[Cover] = ()) -> Duty:
    """Who has a role at a moment, and since and until when that is so. Names are "" where nobody is named."""
    start, end = next(turns_after(rota, moment))
    first = _index(rota, role, moment)
    order = [role.members[(first + n) % len(role.members)].name for n in range(len(role.members))]
    mine = [one for one in laid if one.role == role.id]
    cover = next((one for one in reversed(mine) if one.start <= moment < one.end), None)
    bounds = {bound for one in mine for bound in (one.start, one.end)}
    scheduled = order[0] if order else ""
    primary = cover.who if cover else scheduled
    # Whoever comes next; who is covered comes last, because somebody had a reason to.
    secondary = next((name for name in [*order[1:], *order[:1]] if name != primary), "")
    return Duty(
        max([start, *(bound for bound in bounds if bound <= moment)]),
        min([end, *(bound for bound in bounds if bound > moment)]),
        primary,
        secondary,
        scheduled,
        cover.why if cover else "",
    )


def _index(rota: Rota, role: Role, moment: datetime) -> int:
    if not role.weekly or not role.members:
        return 0
    return ((turn_day(rota, moment) - rota.first).days // 7) % len(role.members)


def duties(rota: Rota, role: Role, start: datetime, end: datetime, laid: Sequence[Cover] = ()) -> list[Duty]:
    """Every stretch from ``start`` until before ``end``, without a gap or an overlap. The first begins at ``start``."""
    found: list[Duty] = []
    moment = start
    while moment < end:
        one = duty(rota, role, moment, laid)._replace(start=moment)
        one = one._replace(end=min(one.end, end))
        same = bool(found) and found[-1][2:] == one[2:]
        if same and not (role.weekly and _turns(rota, one.start)):
            found[-1] = found[-1]._replace(end=one.end)
        else:
            found.append(one)
        moment = one.end
    return found


def _turns(rota: Rota, moment: datetime) -> bool:
    return turn_on(rota, turn_day(rota, moment)) == moment


def next_turn_of(
    rota: Rota, role: Role, name: str, after: datetime, laid: Sequence[Cover] = ()
) -> tuple[datetime, datetime] | None:
    """The first turn that begins after ``after`` and begins with ``name``; None where there is none for two rounds."""
    found = turns_after(rota, after)
    next(found)
    for _ in range(2 * len(role.members) + 2):
        start, end = next(found)
        if duty(rota, role, start, laid).primary == name:
            return start, end
    return None


class Ambiguous(ValueError):
    """A time on the wall that is there twice, or never."""


def moment(text: str, tz: tzinfo, now: datetime) -> datetime:
    """Read ``now``, an ISO moment with an offset, or a day and time on the wall of ``tz``. Raises ValueError, and
    Ambiguous for a wall-clock time that a clock change repeats or leaves out."""
    if text.strip() == "now":
        return now
    found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    if not date(1970, 1, 2) < found.date() < date(2200, 1, 1):
        raise ValueError("it lies too far away")
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    early, late = (found.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early != late:
        twice = early.astimezone(tz).replace(tzinfo=None) == found
        raise Ambiguous("the clocks change then: that time is there " + ("twice" if twice else "never"))
    return early

"""A PagerDuty schedule held against the rota: declared otherwise, and on call otherwise, to the second. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from omniops.clock import iso
from omniops.incident.rota import WEEK, Cover, Role, Rota, duties, duty, turn_day, turn_on

WEEKS = 8
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
"""PagerDuty knows no part of a second, and pages nobody in one: shorter differences are none."""
WEEK_S = 604_800

Span = tuple[datetime, datetime, str]
"""From, until before, and the PagerDuty user; "" is nobody."""


class Live(NamedTuple):
    """A schedule's settings, as far as the rota says something of them."""

    zone: str
    turn_s: int
    anchor: datetime | None
    users: tuple[str, ...]
    restrictions: int


class Difference(NamedTuple):
    """One setting that is otherwise than declared."""

    what: str
    live: str
    declared: str


class Gap(NamedTuple):
    """A stretch in which somebody else is on call there than here. ``cover``: because of an override or swap here."""

    start: datetime
    end: datetime
    here: str  # a PagerDuty user
    there: str
    cover: bool

    @property
    def hours(self) -> float:
        return (self.end - self.start) / HOUR

    def as_json(self) -> dict[str, Any]:
        span = {"from": iso(self.start), "to": iso(self.end), "hours": round(self.hours, 3)}
        return {**span, "here": self.here or None, "there": self.there or None, "cover": self.cover}


def declared(rota: Rota, role: Role, now: datetime) -> Live:
    """What the schedule has to be. It is anchored at the turn that runs now, and lists whoever has that one first."""
    at = turn_on(rota, turn_day(rota, now))
    return Live(rota.zone, WEEK_S, at, _from(role, duty(rota, role, at).primary), 0)


def _from(role: Role, first: str) -> tuple[str, ...]:
    names = [one.name for one in role.members]
    n = names.index(first)
    return tuple(one.pagerduty for one in (*role.members[n:], *role.members[:n]))


def differences(rota: Rota, role: Role, live: Live, now: datetime, names: dict[str, str]) -> list[Difference]:
    """What has to be changed there; none where it means the same, wherever it is anchored."""
    wanted = declared(rota, role, now)
    found = []
    if live.zone != wanted.zone:
        found.append(Difference("time zone", live.zone, wanted.zone))
    if live.turn_s != wanted.turn_s:
        found.append(Difference("a turn lasts", _length(live.turn_s), _length(wanted.turn_s)))
    if live.restrictions:
        found.append(Difference("hours of the day", f"restricted ({live.restrictions})", "all"))
    turns = live.anchor is not None and turn_on(rota, turn_day(rota, live.anchor)) == live.anchor
    if live.anchor is None or not turns:
        there = f"{live.anchor.astimezone(rota.tz):%a %H:%M}" if live.anchor else "never"
        found.append(
            Difference("turns begin", there, f"{turn_on(rota, turn_day(rota, now)).astimezone(rota.tz):%a %H:%M}")
        )
    of_anchor = declared(rota, role, live.anchor).users if live.anchor else wanted.users
    if live.users != of_anchor:
        found.append(Difference("order", _order(_turned(live, rota, now), names), _order(wanted.users, names)))
    return found


def _turned(live: Live, rota: Rota, now: datetime) -> tuple[str, ...]:
    """The users as they follow from the turn that runs now, so that two orders can be compared by eye."""
    if not live.users or live.anchor is None:
        return live.users
    weeks = round((turn_on(rota, turn_day(rota, now)) - live.anchor) / WEEK) % len(live.users)
    return (*live.users[weeks:], *live.users[:weeks])


def _order(users: Sequence[str], names: dict[str, str]) -> str:
    return ", ".join(names.get(one, one) for one in users) or "nobody"


def _length(value: int) -> str:
    return f"{value // 86400} d" if value and value % 86400 == 0 else f"{value} s"


def ours(rota: Rota, role: Role, start: datetime, end: datetime, covers: Sequence[Cover]) -> list[Span]:
    """The rota as PagerDuty users; "?" and the name for whoever has no id."""
    ids = {one.name: one.pagerduty for one in role.members}
    others = {one.name: one.pagerduty for each in rota.roles for one in each.members}
    return [
        (one.start, one.end, ids.get(one.primary) or others.get(one.primary) or f"?{one.primary}")
        for one in duties(rota, role, start, end, covers)
    ]


def compare(
    here: Sequence[Span], there: Sequence[Span], covers: Sequence[Cover], start: datetime, end: datetime
) -> list[Gap]:
    """Every stretch in which the two name somebody else, nobody included."""
    bounds = {start, end}
    for spans in (here, there, [(one.start, one.end, "") for one in covers]):
        bounds |= {bound for one in spans for bound in one[:2] if start < bound < end}
    marks = sorted(bounds)
    found: list[Gap] = []
    for left, right in pairwise(marks):
        mine, theirs = _at(here, left), _at(there, left)
        if mine == theirs or right - left < MINUTE:
            continue
        covered = any(one.start <= left < one.end for one in covers)
        if found and found[-1].end == left and found[-1][2:] == (mine, theirs, covered):
            found[-1] = found[-1]._replace(end=right)
        else:
            found.append(Gap(left, right, mine, theirs, covered))
    return found


def _at(spans: Sequence[Span], moment: datetime) -> str:
    return next((user for start, end, user in reversed(spans) if start <= moment < end), "")


def hours(start: datetime, end: datetime) -> int:
    """How many hours lie between two moments."""
    return round((end - start) / HOUR)

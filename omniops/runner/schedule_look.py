"""A role's PagerDuty schedule, looked at: what is declared otherwise there, and the body that would mend it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from omniops.incident.rota import WEEK, Cover, Role
from omniops.incident.schedules import WEEKS, Difference, Gap, Live, Span, compare, declared, differences, ours
from omniops.runner.oncall import Desk
from omniops.services.pagerduty_schedules import Layer, Schedule, Schedules

MOST_OVERRIDES = 40
"""So many are made at a time: an approval of more is read by nobody."""


class Look(NamedTuple):
    """One look at a schedule: what is declared otherwise, and who is on call otherwise from ``start`` to ``end``."""

    live: Schedule
    start: datetime
    end: datetime
    differences: list[Difference]
    gaps: list[Gap]

    @property
    def to_cover(self) -> list[Gap]:
        """Stretches that an override there would mend: somebody covers here, and PagerDuty knows who they are."""
        return [one for one in self.gaps if one.cover and not one.here.startswith("?")]

    @property
    def batch(self) -> list[Gap]:
        """Those of them that are shown, approved and made at a time."""
        return self.to_cover[:MOST_OVERRIDES]

    @property
    def left(self) -> int:
        """How many are left for another time."""
        return len(self.to_cover) - len(self.batch)

    def same(self, other: Look) -> bool:
        """Would the same change be made after this one as after the earlier look ``other``?"""

        def settings(seen: Look) -> tuple[object, ...]:
            return seen.live.name, seen.live.zone, seen.live.description, [kept(one) for one in seen.live.layers]

        def covers(seen: Look) -> list[tuple[object, ...]]:
            # Each as far as both looks reach: what is over by now, or not yet in sight then, makes no difference.
            both = [one for one in seen.to_cover if one.end > self.start and one.start < other.end]
            return [(min(one.end, other.end), one.here, one.there) for one in both]

        return settings(self) == settings(other) and covers(self) == covers(other)

    def has(self, asked: list[Gap]) -> bool:
        """Is all as declared here, and every one of these stretches covered?"""
        return not self.differences and not any(
            one.start < each.end and each.start < one.end for one in self.to_cover for each in asked
        )


def look(client: Schedules, desk: Desk, role: Role, now: datetime) -> Look:
    """The schedule as it is, and as PagerDuty draws it for the next 8 weeks, held against the rota."""
    start = now.replace(second=0, microsecond=0)
    end = start + WEEKS * WEEK
    live = client.schedule(role.schedule, start, end, desk.rota.zone)
    covers = [one for one in desk.covers if one.role == role.id]
    return Look(live, start, end, _differences(desk, role, live, now), _gaps(desk, role, live, covers, start, end))


def _differences(desk: Desk, role: Role, live: Schedule, now: datetime) -> list[Difference]:
    active = [one for one in live.layers if not one.over(now)]
    names = names_of(desk, live)
    if not active:
        wanted = ", ".join(names[one] for one in declared(desk.rota, role, now).users)
        return [Difference("layers", "none", f"one: {wanted}")]
    more = [Difference("layers", str(len(active)), "1")] if len(active) > 1 else []
    one = active[0]
    settings = Live(live.zone, one.turn_s, one.anchor, one.users, one.restrictions)
    found = differences(desk.rota, role, settings, now, names)
    if one.end is not None:
        found.append(Difference("it ends", f"{one.end.astimezone(desk.rota.tz):%Y-%m-%d}", "never"))
    if one.start is not None and one.start > now:
        found.append(Difference("it begins", f"{one.start.astimezone(desk.rota.tz):%Y-%m-%d}", "now"))
    return more + found


def _gaps(desk: Desk, role: Role, live: Schedule, covers: list[Cover], start: datetime, end: datetime) -> list[Gap]:
    there: list[Span] = [(one.start, one.end, one.user) for one in live.shifts]
    return compare(ours(desk.rota, role, start, end, covers), there, covers, start, end)


def names_of(desk: Desk, live: Schedule) -> dict[str, str]:
    """PagerDuty user -> a name: the member's, else what PagerDuty calls them."""
    members = {one.pagerduty: one.name for role in desk.rota.roles for one in role.members if one.pagerduty}
    return {**live.names, **members}


def body_of(desk: Desk, role: Role, live: Schedule, now: datetime) -> dict[str, Any]:
    """The schedule as it is to be. Layers that are over are sent back as they are; the other one keeps its id, because
    without it PagerDuty would add a second."""
    wanted = declared(desk.rota, role, now)
    assert wanted.anchor is not None
    anchor = wanted.anchor.astimezone(desk.rota.tz).isoformat()
    active = [one for one in live.layers if not one.over(now)]
    began = active[0].start if active else None
    layer: dict[str, Any] = {
        "name": active[0].raw.get("name") if active else "Weekly",
        "start": active[0].raw["start"] if began is not None and began <= now else anchor,
        "end": None,
        "rotation_virtual_start": anchor,
        "rotation_turn_length_seconds": wanted.turn_s,
        "users": [{"user": {"id": one, "type": "user_reference"}} for one in wanted.users],
        "restrictions": [],
    }
    if active:
        layer["id"] = active[0].id
    over = [kept(one) for one in live.layers if one.over(now)]
    return {
        "type": "schedule", "name": live.name, "time_zone": desk.rota.zone, "description": live.description,
        "schedule_layers": [layer, *over],
    }  # fmt: skip


def kept(layer: Layer) -> dict[str, Any]:
    """A layer's own settings, without what PagerDuty draws of it and tells of people."""
    names = (
        "id", "name", "start", "end", "rotation_virtual_start", "rotation_turn_length_seconds", "restrictions",
    )  # fmt: skip
    users = [{"user": {"id": one, "type": "user_reference"}} for one in layer.users]
    return {**{name: layer.raw[name] for name in names if layer.raw.get(name) is not None}, "users": users}

"""Who is on call, as plain text. Pure; every text passes ``safe``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from omniops.clock import on_wall
from omniops.incident.handoff import Handoff
from omniops.incident.rota import Cover, Duty, Role
from omniops.incident.schedules import Gap, hours
from omniops.terminal.layout import pad, safe, wrap

Line = tuple[str, str]


def who_lines(role: Role, duty: Duty, notes: Sequence[str], moment: datetime, tz: tzinfo, width: int) -> list[Line]:
    """One role: who has it, until when, who is next; and where nobody is named, what the source says instead."""
    lines: list[Line] = []
    if duty.primary:
        second = f", secondary {safe(duty.secondary, 60)}" if duty.secondary else ", no secondary"
        until = f" (until {on_wall(duty.end, tz)})" if role.weekly or duty.why else ""
        lines += [
            (line, "")
            for line in wrap(f"{safe(duty.primary, 60)}{second}{until}", width, pad(f"{role.id}:", 14), " " * 14)
        ]
    else:
        second = f", secondary {safe(role.secondary)}" if role.secondary else ""
        words = f"the source says: {safe(role.primary)}{second}. Rotation: {safe(role.rotation)}"
        lines += [(line, "") for line in wrap(words, width, pad(f"{role.id}:", 14), " " * 14)]
    if duty.primary != duty.scheduled:
        instead = f"instead of {safe(duty.scheduled, 60) or 'nobody'}: {safe(duty.why, 200)}"
        lines += [(line, "dim") for line in wrap(instead, width, " " * 14)]
    for note in notes:
        lines += [(line, "warn") for line in wrap(f"{safe(note)} (members, in oncall.yaml)", width, " " * 14)]
    return lines


def handoff_lines(found: Sequence[Handoff], width: int) -> list[Line]:
    """Handoffs that nobody has taken."""
    lines: list[Line] = []
    for one in found:
        words = f"{safe(one.name, 200)} is not acknowledged   (omniops oncall handoff --ack --role {one.role})"
        lines += [(line, "bad") for line in wrap(words[0].upper() + words[1:], width, "", "   ")]
    return lines


def schedule_lines(found: Sequence[tuple[Role, Sequence[Duty]]], tz: tzinfo, width: int) -> list[Line]:
    """A table: from, primary, secondary, and why where somebody covers."""
    lines: list[Line] = []
    for role, duties in found:
        lines += [(line, "key") for line in wrap(f"{safe(role.role)} ({safe(role.rotation)})", width)]
        if not any(one.primary for one in duties):
            lines += [(line, "warn") for line in wrap(f"{safe(role.lack)} (members, in oncall.yaml)", width, "  ")]
            continue
        column = max(len(safe(one.primary, 24)) for one in duties)
        for one in duties:
            cover = ""
            if one.primary != one.scheduled:
                cover = f", instead of {safe(one.scheduled, 60) or 'nobody'}: {safe(one.why, 120)}"
            head = f"  {on_wall(one.start, tz)}  {pad(safe(one.primary, 24), column)}  "
            words = f"secondary {safe(one.secondary, 24) or '-'}{cover}"
            lines += [(line, "") for line in wrap(words, width, head, " " * 29)]
    return lines


def cover_line(one: Cover, tz: tzinfo) -> str:
    """An override that was written down."""
    return f"{safe(one.who, 60)} is {safe(one.role)} from {on_wall(one.start, tz)} until {on_wall(one.end, tz)}."


MOST_GAPS = 12
_SYNCED = {
    "same": ("Nothing to change", ""),
    "changed": ("Changed, and read back", "good"),
    "declined": ("Not changed", "warn"),
    "in doubt": ("It may have been changed", "bad"),
    "changed in part": ("Changed in part", "bad"),
    "not changed": ("Not changed", "bad"),
    "not as declared": ("PagerDuty accepted the change, and is not as declared", "bad"),
}


def sync_lines(
    role: Role,
    state: str,
    why: str,
    name: str,
    start: datetime,
    end: datetime,
    gaps: Sequence[Gap] | None,
    names: dict[str, str],
    tz: tzinfo,
    width: int,
) -> list[Line]:
    """What became of a schedule, and in which hours PagerDuty names somebody else than the rota; ``gaps`` None: that is
    not known."""
    words, tone = _SYNCED[state]
    more = f": {safe(why, 300)}" if why else ""
    lines = [
        (line, tone) for line in wrap(f"{role.id}, {role.schedule} ({safe(name, 60)}): {words}{more}.", width, "", "  ")
    ]
    total, differ = hours(start, end), sum(one.hours for one in gaps or ())
    span = f"{on_wall(start, tz)} to {on_wall(end, tz)}"
    if gaps is None:
        lines += [(line, "bad") for line in wrap("Whom PagerDuty names now is not known.", width, "  ")]
    elif not gaps:
        lines += [
            (line, "good") for line in wrap(f"PagerDuty names whom the rota names, {span}: {total} hours.", width, "  ")
        ]
    else:
        told = f"PagerDuty names somebody else in {differ:g} of {total} hours, {span}:"
        lines += [(line, "bad") for line in wrap(told, width, "  ")]
    for one in (gaps or ())[:MOST_GAPS]:
        here, there = (safe(names.get(user, user) or "nobody", 60) for user in (one.here.removeprefix("?"), one.there))
        told = f"{on_wall(one.start, tz)}, {one.hours:g} h: {there} there, {here} here"
        lines += [(line, "") for line in wrap(told, width, "  - ", "    ")]
    if gaps and len(gaps) > MOST_GAPS:
        lines.append((f"  and {len(gaps) - MOST_GAPS} more: --json", ""))
    if state in ("in doubt", "changed in part"):
        lines.append(("  next: omniops oncall sync, which writes nothing where it is as declared", "key"))
    return lines

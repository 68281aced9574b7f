"""A rota as an iCalendar text (RFC 5545). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from omniops.incident.rota import Duty, Role
from omniops.text import clean, one_line

MOST_OCTETS = 75
"""Of a line, without its CRLF (RFC 5545, 3.1)."""


def calendar(found: Iterable[tuple[Role, Sequence[Duty]]], now: datetime) -> str:
    """One event for each stretch. Its UID is of the role and the moment at which it begins, so an import that is
    repeated moves and renames events, and doubles none. Moments are in UTC, which no clock change touches."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//omniops//on call//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    for role, stretches in found:
        for one in stretches:
            if one.primary:
                lines += _event(role, one, now)
    lines.append("END:VCALENDAR")
    return "".join(_fold(line) + "\r\n" for line in lines)


def _event(role: Role, one: Duty, now: datetime) -> list[str]:
    about = [f"Secondary: {one.secondary or 'nobody is named'}"]
    if one.primary != one.scheduled:
        about.append(f"Instead of {one.scheduled or 'nobody'}" + (f": {one.why}" if one.why else ""))
    return [
        "BEGIN:VEVENT",
        f"UID:{role.id}-{_stamp(one.start)}@oncall.omniops",
        f"DTSTAMP:{_stamp(now)}",
        f"DTSTART:{_stamp(one.start)}",
        f"DTEND:{_stamp(one.end)}",
        f"SUMMARY:{_text(f'{role.role}: {one.primary}')}",
        f"DESCRIPTION:{_text(chr(10).join(one_line(line, 300) for line in about))}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """A TEXT value (3.3.11): backslash, semicolon, comma and newline are escaped."""
    for char, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        value = value.replace(char, escaped)
    return clean(value)


def _fold(line: str) -> str:
    """Break a line so that no piece is longer than 75 octets, and no character is cut in two."""
    pieces, piece, room = [], "", MOST_OCTETS
    for char in line:
        size = len(char.encode())
        if size > room:
            pieces.append(piece)
            piece, room = "", MOST_OCTETS - 1  # the blank that a continuation begins with
        piece += char
        room -= size
    return "\r\n ".join([*pieces, piece])

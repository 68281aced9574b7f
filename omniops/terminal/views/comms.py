"""What is owed, and what became of a message, as lines. Pure; every text passes ``safe``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from omniops.incident.obligations import Obligation
from omniops.terminal.layout import cells, command, safe, wrap

Line = tuple[str, str]
"""A line and its tone."""


def due_lines(found: Sequence[Obligation], now: datetime, width: int) -> list[Line]:
    """Each obligation: how late it is or how long there is left, what it is, who owes it, and what to type."""
    if not found:
        return [("Nothing is owed.", "")]
    several = len({one.incident for one in found}) > 1
    lines: list[Line] = []
    for one in found:
        when = when_words(one, now)
        tone = "bad" if one.overdue(now) else "good" if one.done_at else ""
        lines += [(line, tone) for line in wrap(safe(one.words, 300), width, f"{when}  ", " " * 13)]
        about = f"{safe(one.incident, 80)}; " if several else ""
        about += f"{safe(one.id, 40)}; owed by: {safe(one.owner, 60)}"
        lines += [(line, "dim") for line in wrap(about, width, " " * 13)]
        if one.next:
            indent = " " * max(min(13, width - cells(one.next)), 2)
            lines += [(line, "key") for line in command(one.next, width, indent)]
    return lines


def when_words(one: Obligation, now: datetime) -> str:
    """How late it is, or ``done``; as wide as a column."""
    return f"{'done' if one.done_at else one.when(now):>11}"


_TONES = {"sent": "good", "by hand": "good", "already": "", "declined": "warn", "waits": "warn", "to be pasted": "warn"}
_WORDS = {
    "sent": "Sent", "by hand": "Written down as posted", "already": "Nothing new was sent", "declined": "Not sent",
    "waits": "Not sent yet, it waits in the outbox", "may have been sent": "It may have been sent",
    "to be pasted": "To be sent by hand",
}  # fmt: skip


def said_lines(state: str, where: str, why: str, width: int) -> list[Line]:
    """What became of a message."""
    more = f": {safe(why, 300)}" if why else ""
    tone = _TONES.get(state, "bad")
    return [(line, tone) for line in wrap(f"{_WORDS[state]}, to {safe(where, 120)}{more}.", width, "", "   ")]

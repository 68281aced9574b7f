"""The outbox as lines. Pure; every text passes ``safe``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from omniops.clock import parse_iso
from omniops.incident.due import target
from omniops.incident.outbox import Message, text_of
from omniops.terminal.layout import paragraphs, safe, wrap
from omniops.terminal.views.incidents import ago
from omniops.text import duration

_STATES = {"unsure": "may have been sent", "sending": "being sent", "shown": "shown, ready to paste"}


def outbox_lines(found: Sequence[Message], now: datetime, width: int) -> list[str]:
    """Each message: where it goes and how it stands, its text, and what can be done about it."""
    if not found:
        return ["The outbox is empty: no message waits."]
    lines: list[str] = []
    for one in found:
        state = _STATES.get(one.state, one.state) + (f": {one.why}" if one.why else "")
        lines += wrap(f"{one.id}  {safe(one.about, 60)} to {safe(target(one), 120)}", width)
        lines += wrap(f"{safe(state, 300)}; queued {ago(one.queued_at, now)}, by {safe(one.by, 40)}", width, "     ")
        tried = f"attempts: {one.attempts}"
        if one.due:
            left = (parse_iso(one.due) - now).total_seconds()
            tried += f"; tried again in {duration(left)}" if left > 0 else "; due now: omniops tick"
        lines += wrap(f"{one.incident or 'no incident'}; {tried}", width, "     ")
        if one.owed:
            lines += [*paragraphs(text_of(one), width, "     | ")]
        if one.state == "unsure":
            retry = "" if one.frozen else f"omniops outbox retry {one.id}, or "
            lines += wrap(f'look there first; then: {retry}omniops outbox drop {one.id} --reason "..."', width, "     ")
    return lines

"""The line of live clocks: how long the incident runs, and what is due next."""

from __future__ import annotations

from datetime import datetime, timedelta

from omniops.engine.state import RunState
from omniops.text import clock, duration


def due_words(due_s: float, left_s: float) -> str:
    """Say when a step is due and how it stands: "due 0:05, in 1m 10s" or "due 0:05, 2m 00s late"."""
    return f"due {clock(due_s)}, {f'in {duration(left_s)}' if left_s >= 0 else f'{duration(-left_s)} late'}"


def line(state: RunState, now: datetime) -> str:
    """Return "since onset 12m 04s · status_banner in 2m 56s", the nearest two clocks only."""
    parts = [f"since onset {duration(max(now - state.onset, timedelta(0)))}"]
    due = sorted((moment, timer["id"]) for timer in state.graph["timers"] if (moment := state.due(timer)) is not None)
    for moment, name in due[:1]:
        left = (moment - now).total_seconds()
        name = name.replace("_", " ")
        parts.append(f"{name} in {duration(left)}" if left > 0 else f"{name} due")
    return " · ".join(parts)

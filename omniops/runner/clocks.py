"""The line of live clocks: how long the incident runs, and what is due next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from omniops.engine.state import RunState
from omniops.text import JUST_S, clock, duration, lateness


def due_words(due_s: float, left_s: float) -> str:
    """Say when a step is due and how it stands: "due 0:05, in 1m 10s" or "due 0:05, 2m 00s late"."""
    return f"due {clock(due_s)}, {lateness(left_s, just_s=just_s(due_s))}"


def just_s(due_s: float) -> float:
    """How long after its moment a step is still not late: what is due at once is done after it."""
    return 1.0 if due_s else JUST_S


def line(state: RunState, now: datetime) -> str:
    """Return "since onset 12m 04s · status_banner in 2m 56s", or for the checklist "since the page 4m 02s · 0:05 in
    58s": how long it runs, and the nearest thing that is due."""
    timed = any("due_s" in step for step in state.graph["steps"].values())
    begin = state.page_at if timed else state.onset
    parts = [f"since {'the page' if timed else 'onset'} {duration(max(now - begin, timedelta(0)))}"]
    for moment, name, grace_s in sorted([*_timers(state), *_steps(state)])[:1]:
        parts.append(f"{name} {lateness((moment - now).total_seconds(), just_s=grace_s)}")
    return " · ".join(parts)


def _timers(state: RunState) -> Iterator[tuple[datetime, str, float]]:
    for timer in state.graph["timers"]:
        moment = state.due(timer)
        if moment is not None:
            yield moment, timer["id"].rpartition(".")[2].replace("_", " "), just_s(1.0)


def _steps(state: RunState) -> Iterator[tuple[datetime, str, float]]:
    """The due time of the step that is open, or else of the first one of the checklist that is still to come."""
    open_ = state.due_at(state.current) if state.current in state.steps else None
    if open_ is not None:
        due_s = state.step(state.current)["due_s"]
        yield open_, clock(due_s), just_s(due_s)
        return
    done = max((state.step(id).get("due_s", -1.0) for id in state.steps), default=-1.0)
    coming = [step["due_s"] for step in state.graph["steps"].values() if step.get("due_s", -1.0) > done]
    if coming:
        yield state.page_at + timedelta(seconds=min(coming)), clock(min(coming)), just_s(min(coming))

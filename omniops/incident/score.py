"""How the first fifteen minutes went: seconds from the page to each milestone, and which steps were late. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import parse_iso
from omniops.engine.state import RunState
from omniops.incident.fulfilled import Obligation
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import JUST_S, clock, duration

CHECKLIST = "first-15-minutes"
UNTOLD = ("resolve_by", "postmortem")
"""What is owed, and is nothing that somebody is told."""


class Late(NamedTuple):
    """A step that was done after it was due. ``open``: it is not done yet."""

    title: str
    late_s: float
    open: bool = False


class Score(NamedTuple):
    """Seconds from the page; None: it has not happened. ``timed``: how many steps with a due time were reached."""

    acknowledge_s: float | None
    classify_s: float | None
    decide_s: float | None
    mitigate_s: float | None
    late: tuple[Late, ...]
    timed: int

    def as_json(self) -> dict[str, Any]:
        late = [{"step": one.title, "late_s": round(one.late_s, 1), "open": one.open} for one in self.late]
        return {**{name: _rounded(getattr(self, name)) for name in self._fields[:4]}, "timed": self.timed, "late": late}

    def lines(self) -> list[str]:
        """What a person reads, a line for each milestone and for each late step."""
        named = (
            ("acknowledged", self.acknowledge_s),
            ("classified", self.classify_s),
            ("decided", self.decide_s),
            ("mitigated", self.mitigate_s),
        )
        lines = [f"{name:<13}{'never' if value is None else duration(value)}" for name, value in named]
        if not self.late:
            return [*lines, f"steps late   none of {self.timed}"]
        words = [
            f"  {one.title}: {duration(one.late_s)} late{', and not done' if one.open else ''}" for one in self.late
        ]
        return [*lines, f"steps late   {len(self.late)} of {self.timed}", *words]


def score(incident: Incident, run: Iterable[Event], now: datetime) -> Score:
    """Score one walk of the checklist. ``run``: the events of its run."""
    state = RunState(run)
    page_at = state.page_at
    acked = incident.acknowledged
    late, timed = [], 0
    for id, at in state.steps.items():
        due = state.due_at(id)
        if due is None:
            continue
        timed += 1
        done = parse_iso(at.done["time"]) if at.done else None
        late_s = ((done or now) - due).total_seconds()
        if late_s > 0 and (state.step(id)["due_s"] or late_s >= JUST_S):  # what is due at once is done after it
            title = f"{clock(state.step(id)['due_s'])} {id.replace('_', ' ')}"
            late.append(Late(title, late_s, done is None))
    mitigated = [
        at.done["time"]
        for id, at in state.steps.items()
        if at.done and state.step(id)["kind"] == "verify" and at.done["outcome"] == "success"
    ]

    def since(moment: str | None) -> float | None:
        return None if not moment else (parse_iso(moment) - page_at).total_seconds()

    return Score(
        since(acked["time"] if acked else None),
        since(_done(state, "classify")),
        since(_done(state, "decide")),
        since(mitigated[-1] if mitigated else None),
        tuple(late),
        timed,
    )


def closing(incident: Incident, owed: Sequence[Obligation], now: datetime) -> list[str]:
    """How the rest of it went: what was told in time, when it was resolved, and whether its postmortem is filed. Empty
    while nothing of it happened."""
    told = [one for one in owed if one.done_at and one.id not in UNTOLD]
    if not told and not incident.resolved:
        return []
    late = [(one, one.told_late_s) for one in told if one.told_late_s > 0]
    open_ones = [one for one in owed if one.overdue(now) and one.id not in UNTOLD]
    lines = [f"told         {len(told)} of {len(told) + len(open_ones)} that were owed, {len(late)} late"]
    lines += [f"  {one.words}: {duration(seconds)} late" for one, seconds in late]
    lines += [f"  {one.words}: not told" for one in open_ones]
    resolved = (
        (parse_iso(incident.resolved) - parse_iso(incident.page_at)).total_seconds() if incident.resolved else None
    )
    lines.append(f"resolved     {'never' if resolved is None else duration(resolved)}")
    postmortem = next((one for one in owed if one.id == "postmortem"), None)
    return lines if postmortem is None else [*lines, f"postmortem   {'filed' if postmortem.done_at else 'not filed'}"]


def _done(state: RunState, step: str) -> str | None:
    at = state.steps.get(step)
    return at.done["time"] if at and at.done else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

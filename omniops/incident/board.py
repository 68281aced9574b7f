"""How an incident stands now: roles, clocks, what is owed, what is in force, who walks, what was last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.engine.state import RunState
from omniops.incident.due import page_name
from omniops.incident.obligations import Obligation
from omniops.incident.story import Line
from omniops.incident.typed import Commands
from omniops.incident.view import Incident, Mitigation
from omniops.text import clock, one_line


class Clock(NamedTuple):
    """Something that comes due by itself at ``at`` (ISO)."""

    name: str
    at: str

    def left_s(self, now: datetime) -> float:
        """Seconds until then; negative afterwards."""
        return (parse_iso(self.at) - now).total_seconds()


class Walk(NamedTuple):
    """A run that has not ended. ``by``: who holds it, "" while nobody does; ``holder``: whether that process is alive,
    dead or unknown (another host)."""

    run: str
    runbook: str
    step: str
    by: str
    holder: str = ""

    @property
    def words(self) -> str:
        """Where it stands, and who walks it."""
        at = f"{self.runbook} at {self.step}"
        if not self.by:
            return f"{at}, walked by nobody ({Commands().resume(self.run)})"
        if self.holder == "dead":
            return f"{at}, walked by nobody: {self.by}'s process is gone ({Commands().resume(self.run)})"
        return f"{at}, walked by {self.by}" + (" on another machine, as far as is known" * (self.holder == "unknown"))


class Board(NamedTuple):
    """All of it. ``trouble``: why it cannot be told what is owed; "" where it can. A frozen incident (4.5) has neither
    clocks nor obligations nor a story here."""

    incident: Incident
    clocks: Sequence[Clock]
    obligations: Sequence[Obligation]
    mitigations: Sequence[Mitigation]
    walks: Sequence[Walk]
    story: Sequence[Line]
    trouble: str = ""

    def stands(self, now: datetime) -> dict[str, Any]:
        """The part of the JSON answers that says how things stand."""
        clocks = [{"name": one.name, "at": one.at, "left_s": round(one.left_s(now), 1)} for one in self.clocks]
        return {
            "clocks": clocks,
            "obligations": [one.as_json(now) for one in self.obligations],
            "obligations_unknown": self.trouble or None,
            "mitigations": [one.as_json() for one in self.mitigations],
        }


def clocks(incident: Incident, states: Iterable[RunState]) -> list[Clock]:
    """What runs out by itself, soonest first: the page's acknowledgement, and the clocks of open runs."""
    if incident.resolved or incident.frozen:
        return []
    found = []
    until = (incident.acknowledged or {}).get("unack_at")
    if until and incident.page:
        found.append(Clock(f"page {page_name(incident.page)} un-acknowledges itself", iso(parse_iso(until))))
    for state in states:
        found += _of_run(state)
    return sorted(found, key=lambda one: one.at)


def _of_run(state: RunState) -> list[Clock]:
    if state.outcome or not state.started or state.frozen:
        return []
    book, found = state.graph["id"], []
    step = state.graph["steps"].get(state.current)
    if step is not None and state.current in state.steps and (due := state.due_at(state.current)) is not None:
        found.append(Clock(f"{clock(step['due_s'])} {one_line(step['title'], 80)} ({book})", iso(due)))
    for timer in state.graph["timers"]:
        if (moment := state.due(timer)) is not None:
            found.append(Clock(f"{timer['id'].rpartition('.')[2].replace('_', ' ')} ({book})", iso(moment)))
    return found


def walks(states: Iterable[RunState], condition: Callable[[dict[str, Any]], str]) -> list[Walk]:
    """The runs that have not ended. ``condition`` says of a holder whether it is alive, dead or unknown."""
    found = []
    for state in states:
        if state.started and not state.outcome:
            by = str(state.holder["actor"]) if state.holder else ""
            alive = condition(state.holder) if state.holder else ""
            found.append(Walk(state.run, state.graph["id"], state.current, by, alive))
    return found

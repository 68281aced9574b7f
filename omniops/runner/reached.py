"""What is known of the page of 4.5, by what a run has written down and by what it could not write any more. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omniops.engine.changes import Item
from omniops.engine.graph import Graph
from omniops.engine.state import RunState
from omniops.value import Value

FREEZE, SEND = "incident.freeze", "page.send"
STEP = "page_security"
"""How the page is asked about where there is no run, and so no step of it."""


class Steps(Value):
    """The steps of 4.5 in a graph, whatever they are called there: inside the checklist they have a prefix."""

    freeze: str
    page: str
    by_hand: str


def steps_of(graph: Graph) -> Steps | None:
    """The steps of 4.5 in a graph; None where it has none: no freeze that a page follows."""
    steps = graph["steps"]
    freeze = next((id for id, step in steps.items() if step.get("action") == FREEZE), "")
    page = steps[freeze]["edges"]["success"] if freeze else ""
    if page not in steps or steps[page].get("action") != SEND:
        return None
    return Steps(freeze, page, steps[page]["edges"]["failure"])


Unwritten = Sequence[tuple[str, dict[str, Any]]]
"""The events of the append that failed."""


def unreached(state: RunState) -> bool:
    """Has a walk entered 4.5 without anybody being known to have been reached?"""
    mine = steps_of(state.graph)
    if mine is None or mine.freeze not in state.steps or state.started.get("until") == mine.freeze:
        return False
    return bool(state.steps[mine.freeze].done) and not is_done(state, ())


def steps_in(state: RunState) -> Steps:
    return steps_of(state.graph) or Steps("", STEP, "")


def own_key(state: RunState) -> str:
    return f"{state.run}/{steps_in(state).page}/0"


def own_item(state: RunState | None) -> Item:
    page = steps_in(state).page if state else ""
    return state.steps[page].items[0] if state and page in state.steps else Item()


def status(state: RunState | None, unwritten: Unwritten) -> str:
    """What became of the run's own page: "applied", "not_applied", "in_doubt"; "" where nothing is known of it."""
    item = own_item(state)
    judged = item.settled or item.outcome or {}
    for kind, data in unwritten:
        if state and kind in ("outcome", "reconciled") and data["key"].partition("#")[0] == own_key(state):
            judged = data
    return str(judged.get("status", ""))


def is_done(state: RunState | None, unwritten: Unwritten) -> bool:
    name = steps_in(state).by_hand if state else ""
    said = [data["value"] for kind, data in unwritten if kind == "answered" and data["step"] == name]
    by_hand = state.steps.get(name) if state else None
    told = bool(by_hand and by_hand.done and by_hand.done["outcome"] == "success")
    return status(state, unwritten) == "applied" or told or True in said


def left_to_a_person(state: RunState | None, unwritten: Unwritten) -> bool:
    """It was declined, refused, or nobody knows: the runbook goes on by telephone."""
    declined = any(kind == "declined" and _is_the_page(state, data) for kind, data in unwritten)
    return declined or bool(status(state, unwritten)) or own_item(state).done is not None


def approved(state: RunState | None, unwritten: Unwritten) -> bool:
    """Has the operator said yes to this page a moment ago?"""
    given = any(kind in ("approved", "intent") and _is_the_page(state, data) for kind, data in unwritten)
    return bool(own_item(state).approved) or given


def _is_the_page(state: RunState | None, data: dict[str, Any]) -> bool:
    return state is not None and data.get("step") == steps_in(state).page

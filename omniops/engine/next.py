"""What happens next in a run: a pure function of its state and the time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from omniops.actions.specs import SPECS
from omniops.engine import commands as c
from omniops.engine.graph import Guard, Step
from omniops.engine.refs import Undefined, resolve, steps_in
from omniops.engine.state import RunState, StepState

MOST_TRIES = 5
"""Intents of one item that a crash may cost, or that come too late to be sent, before a person is asked."""


def next_command(state: RunState, now: datetime) -> c.Command:
    """Return the one thing to perform now. Total: every state of every linted graph has an answer."""
    if state.outcome:
        return c.Ended(state.outcome)
    if state.changes.undoing:
        return c.SettleUndo(state.changes.undoing)
    if not state.busy:
        fire = _due_timer(state, now)
        if fire is not None:
            return fire
    if state.guided is not None:
        data = state.guided
        cause = "declined" if data["outcome"] == "declined" else data.get("cause", "")
        return c.Guide(data["step"], data.get("detail", ""), cause, _choices(state, data))
    if state.ending:
        return c.End(state.end())
    step = state.step(state.current)
    entered = state.steps.get(state.current)
    if entered is None:
        return _enter(state, step)
    return _within(state, step, entered, now)


def _enter(state: RunState, step: Step) -> c.Command:
    try:
        values = resolve(step.get("each", ""), state.scope()) if step.get("each") else []
    except Undefined:
        values = []
    return c.Enter(step["id"], [value if isinstance(value, dict) else {"id": value} for value in values])


def _within(state: RunState, step: Step, at: StepState, now: datetime) -> c.Command:
    kind, id, edges = step["kind"], step["id"], step.get("edges", {})
    if kind == "choose":
        return _choose(state, step)
    if kind == "call":
        return c.Finish(id, "entered", edges["enter"])
    if kind == "stop":
        return c.Finish(id, "stop", f"end:{step['stop']}")
    if kind == "action":
        return _action(state, step, at)
    if kind == "verify":
        spec = step["verify"]
        within = at.entered + timedelta(seconds=spec["within_s"])
        # A walk that was interrupted still gets as many looks as a verdict needs.
        return c.Verify(id, max(within, at.looked_from + timedelta(seconds=spec["every_s"] * spec["passes"])))
    if kind == "wait":
        until = state.waits_until(id)
        return c.Finish(id, "success", edges["success"]) if now >= until else c.Wait(id, until)
    if kind == "post":
        return c.Post(id)
    expires = at.entered + timedelta(seconds=step["expires_s"]) if step.get("expires_s") else None
    if expires is not None and now >= expires:
        return c.Finish(id, "timeout", edges["timeout"])
    return c.Ask(id, expires) if kind == "ask" else c.Manual(id, expires)


def _action(state: RunState, step: Step, at: StepState) -> c.Command:
    id, edges = step["id"], step["edges"]
    if step.get("each") and not at.values:
        try:
            resolve(step["each"], state.scope())
        except Undefined as unknown:
            return c.Finish(id, "failure", edges["failure"], str(unknown))
        return c.Finish(id, "success", edges["success"], "nothing to do: the list is empty")
    if not SPECS[step["action"]].writes:
        return c.Read(id)
    if at.bad is not None and at.bad.done is not None:
        outcome = at.bad.done["outcome"]
        return c.Finish(id, outcome, state.leads(id, outcome), at.bad.done.get("detail", ""))
    if at.index == len(at.items):
        return c.Finish(id, "success", edges["success"])
    item = at.items[at.index]
    if item.status == "open":
        return c.Settle(id, at.index)
    if item.status == "applied":
        return c.Confirm(id, at.index)
    return c.Attempt(id, at.index)


def _choose(state: RunState, step: Step) -> c.Finish:
    for guard in step["guards"]:
        if "op" not in guard:
            return c.Finish(step["id"], "chosen", guard["go"])
        try:
            holds = _holds(state, guard)
        except Undefined as unknown:
            return c.Finish(step["id"], "failure", "ask", str(unknown))
        if holds:
            return c.Finish(step["id"], "chosen", guard["go"])
    raise AssertionError(f"{step['id']}: no default; lint refuses this")


def _holds(state: RunState, guard: Guard) -> bool:
    value = resolve(guard["value"], state.scope())
    than = resolve(guard.get("than"), state.scope())
    op = guard["op"]
    if op == "is":
        return bool(value == than)
    if op == "empty":
        return (value is None or value in ("", [], {})) is bool(than)
    if value is None:
        raise Undefined(f"{guard['value']} is unknown")
    return bool(value > than) if op == "above" else bool(value < than)


def _choices(state: RunState, failed: dict[str, Any]) -> tuple[str, ...]:
    """What a person may choose after a failure. A step whose outputs are needed later cannot be skipped."""
    step = state.step(failed["step"])
    choices = ["retry"]
    if "success" in step.get("edges", {}) and failed["step"] not in _needed(state):
        choices.append("skip")
    if any(record.to_put_back and not record.repair for record in state.changes.records.values()):
        choices.append("undo")
    return (*choices, "pause", "abort")


def _needed(state: RunState) -> set[str]:
    return {id for step in state.graph["steps"].values() for id in steps_in([step.get(key) for key in _USING])}


_USING = ("each", "args", "guards", "verify", "ask")


def skip_target(step: Step) -> str:
    """Where a skipped step leads."""
    return step["edges"]["success"]


def _due_timer(state: RunState, now: datetime) -> c.Fire | None:
    """The timer that has run out, the longest overdue first. The first step goes before any clock: mitigate first."""
    if state.frames or state.ending or not state.begun:
        return None
    due = [
        (moment, timer) for timer in state.graph["timers"] if (moment := state.due(timer)) is not None and moment <= now
    ]
    if not due:
        return None
    moment, timer = min(due, key=lambda pair: (pair[0], pair[1]["id"]))
    return c.Fire(timer["id"], timer["do"], moment)


def next_clock(state: RunState, expires: datetime | None = None) -> datetime | None:
    """The nearest moment at which an open prompt has to be left: a timer that may fire now, or the step's expiry."""
    heeded = state.begun and not (state.frames or state.busy or state.changes.undoing or state.ending or state.outcome)
    moments = [state.due(timer) for timer in state.graph["timers"]] if heeded else []
    return min((moment for moment in [*moments, expires] if moment is not None), default=None)

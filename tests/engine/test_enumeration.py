"""Every shipped runbook, walked over all outcomes with up to two faults: the engine never hangs and never slips."""

from __future__ import annotations

import os
from typing import Any

import pytest

from omniops.actions.specs import SPECS
from omniops.config import Settings
from omniops.engine import commands as c
from omniops.engine.next import next_command
from tests.support.model import CONNECTIONS, Run, begin, explore

RUNBOOKS = [
    "provider-outage", "latency-regression", "auth-broken", "data-incident", "security", "rollback", "failover",
    "first-15-minutes",
]  # fmt: skip
INPUTS: dict[str, dict[str, Any]] = {"provider-outage": {"connections": CONNECTIONS}, "rollback": {"version": "3.7.8"}}


def graph(id: str, tmp_path: Any) -> Any:
    from omniops.catalog import get

    return get(id, Settings({"OMNIOPS_HOME": str(tmp_path)}))


def faults(runbook: str) -> int:
    """Two; of the checklist one, because the runbooks that it calls have had their two by themselves. Two of it, too,
    with OMNIOPS_LONG=1: that takes minutes."""
    return 1 if runbook == "first-15-minutes" and not os.environ.get("OMNIOPS_LONG") else 2


@pytest.mark.parametrize("late", [0.0, 3600.0])
@pytest.mark.parametrize("runbook", RUNBOOKS)
def test_every_walk_ends(runbook: str, late: float, tmp_path: Any) -> None:
    """From every reachable state an end is reachable, and no state asks for something impossible."""
    ended = 0
    for run in explore(begin(graph(runbook, tmp_path), INPUTS.get(runbook, {}), onset_ago=late), faults(runbook)):
        check(run)
        command = next_command(run.state, run.now)
        if isinstance(command, c.Ended):
            ended += 1
            if ended % 100 == 1:
                assert told(run.refolded()) == told(run), "a fold goes on as one from the first event does"
        assert len(run.events) < 400, "a walk that does not end"
    assert ended > 0


def check(run: Run) -> None:
    """What must hold in every reachable state."""
    approved: set[tuple[str, int]] = set()
    applied: dict[str, int] = {}
    open_intent = ""
    for event in run.events:
        data = event.data
        if event.kind == "approved":
            approved.add((data["step"], data["item"]))
        elif event.kind == "intent":
            assert not open_intent, "an intent while another one is not settled"
            open_intent = data["key"]
            if SPECS[data["action"]].effect == "destructive":
                assert (data["step"], data["item"]) in approved, "destructive without an approval"
        elif event.kind in ("outcome", "reconciled"):
            if data["status"] == "applied":
                applied[data["key"]] = applied.get(data["key"], 0) + 1
            if data["status"] != "in_doubt":
                open_intent = ""
        elif event.kind == "timer.fired":
            assert not open_intent, "a clock between an intent and its outcome"
        elif event.kind in ("step.done", "run.ended"):
            open_intent = ""  # in doubt, and a person was asked
    assert all(count == 1 for count in applied.values()), "one intent applied twice"
    if run.state.outcome == "mitigated":
        assert not run.state.changes.in_doubt, "mitigated, with a change in doubt"
        proofs = [step for step in run.state.steps if run.state.step(step)["kind"] == "verify"]
        last = run.state.steps[proofs[-1]].done if proofs else None
        assert last is None or last["outcome"] == "success", "mitigated, and the last look says no"


def told(run: Run) -> str:
    """All that a fold holds, in one text."""
    return repr(_plain(run.state))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "graph"}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    names = getattr(type(value), "__slots__", None) or getattr(value, "__dict__", None)
    return _plain({name: getattr(value, name) for name in names}) if names else value

"""Compiling: the flat graph, the expansion of calls, the hash, and that it stays linear."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from omniops.catalog import lint, load
from omniops.catalog.compile import compile_runbook, graph_hash
from omniops.catalog.cost import worst_cases
from omniops.engine.graph import Graph
from tests.support.runbooks import SHIPPED, SMALL, checked, compiled, shipped

CALLER = """\
format: 1
id: caller
section: "9.8"
title: Caller
summary: Calls small.
inputs: {}
start: which
steps:
  which:
    title: Which?
    ask: {type: connections, question: Which one?}
    expires: 10m
    on_success: call
    on_declined: aborted
    on_timeout: ask
  call:
    title: Call
    runbook: small
    with: {connections: "${steps.which.outputs.value}"}
    on_success: after
    on_failure: after
    on_inconclusive: inconclusive
    on_declined: aborted
  after:
    title: Version ${steps.call.look.outputs.version}
    stop: not_recovered
"""

STOPPING = SMALL.replace("    on_success: done\n", "    on_success: over\n") + (
    "  over:\n    title: Over\n    why: For ${inputs.connections}.\n    stop: not_recovered\n"
    "  clock_work:\n    title: Late\n"
    "    post: {channel: ops, text: Late.}\n    on_success: return\n    on_declined: return\n"
    "timers:\n  clock: {from: run, after: 2m, unless: recovered, do: clock_work}\n"
)


def test_golden() -> None:
    """The small runbook compiles to exactly this."""
    graph = compiled(SMALL).graph
    assert {key: value for key, value in graph.items() if key not in ("steps", "hash")} == {
        "format": 1,
        "id": "small",
        "section": "9.9",
        "title": "Small",
        "summary": "A read, a change, a proof.",
        "inputs": {"connections": {"type": "connections", "help": "which"}},
        "start": "look",
        "timers": [],
    }
    assert graph["steps"] == {
        "look": {
            "id": "look",
            "kind": "action",
            "title": "Look",
            "why": "",
            "runbook": "small",
            "section": "9.9",
            "action": "omniroute.version",
            "args": {},
            "each": "",
            "approve": "",
            "edges": {"success": "disable", "failure": "ask"},
        },
        "disable": {
            "id": "disable",
            "kind": "action",
            "title": "Change",
            "why": "Because ${steps.look.outputs.version} is running.",
            "runbook": "small",
            "section": "9.9",
            "action": "connection.disable",
            "args": {"connection": "${item.id}"},
            "each": "${inputs.connections}",
            "approve": "operator",
            "edges": {"success": "recovered", "failure": "ask", "declined": "end:aborted"},
        },
        "recovered": {
            "id": "recovered",
            "kind": "verify",
            "title": "Proof",
            "why": "",
            "runbook": "small",
            "section": "9.9",
            "verify": {
                "slo": "latency-p95-aggregate",
                "scope": None,
                "since": "disable",
                "within_s": 300.0,
                "every_s": 10.0,
                "min_requests": 20,
                "passes": 3,
            },
            "edges": {"success": "end:done", "failure": "end:not_recovered", "inconclusive": "end:inconclusive"},
        },
    }


def test_a_call_is_expanded() -> None:
    """Steps, references, targets and `since` of a called runbook carry the call's prefix; its inputs are bound."""
    graph = compiled(CALLER, small=SMALL).graph
    assert list(graph["steps"]) == ["which", "call", "after", "call.look", "call.disable", "call.recovered"]
    assert graph["steps"]["call"]["kind"] == "call"
    assert graph["steps"]["call"]["edges"] == {"enter": "call.look"}
    assert graph["steps"]["which"]["expires_s"] == 600.0
    disable, recovered = graph["steps"]["call.disable"], graph["steps"]["call.recovered"]
    assert disable["id"] == "call.disable"
    assert disable["each"] == "${steps.which.outputs.value}"
    assert disable["args"] == {"connection": "${item.id}"}
    assert disable["why"] == "Because ${steps.call.look.outputs.version} is running."
    assert (disable["runbook"], disable["section"]) == ("small", "9.9")
    assert disable["edges"] == {"success": "call.recovered", "failure": "ask", "declined": "end:aborted"}
    assert recovered["verify"]["since"] == "call.disable"
    assert recovered["edges"] == {"success": "after", "failure": "after", "inconclusive": "end:inconclusive"}


def test_what_ends_a_called_runbook_does_not_end_its_caller() -> None:
    """A `stop` of a called runbook leads where the call says; where the call ends the same way it stays a stop."""
    text = CALLER.replace("Version ${steps.call.look.outputs.version}", "After")
    over = compiled(text, small=STOPPING).graph["steps"]["call.over"]
    assert (over["kind"], over["wait_s"], over["edges"]) == ("wait", 0.0, {"success": "after"})
    assert over["why"] == "For ${steps.which.outputs.value}."
    text = text.replace("on_failure: after", "on_failure: not_recovered").replace(
        "on_success: after", "on_success: done"
    )
    text = text[: text.index("  after:")]
    over = compiled(text, small=STOPPING).graph["steps"]["call.over"]
    assert (over["kind"], over["stop"]) == ("stop", "not_recovered")


def test_clocks_of_a_called_runbook() -> None:
    """A clock is prefixed with its steps; its "run" is the moment of the call, "onset" is everybody's."""
    text = CALLER.replace("Version ${steps.call.look.outputs.version}", "After")
    clock = {"id": "call.clock", "from": "call", "after_s": 120.0, "unless": "call.recovered", "do": "call.clock_work"}
    assert compiled(text, small=STOPPING).graph["timers"] == [clock]
    onset = STOPPING.replace("from: run", "from: onset")
    assert compiled(text, small=onset).graph["timers"] == [{**clock, "from": "onset"}]
    since_run = STOPPING.replace("since: disable", "since: run")
    called, own = checked(text, small=since_run)[0], checked(since_run)[0]
    assert called is not None
    assert own is not None
    assert called.graph["steps"]["call.recovered"]["verify"]["since"] == "call"
    assert own.graph["steps"]["recovered"]["verify"]["since"] == "run"


def test_a_value_given_as_a_literal_is_written_out() -> None:
    """A literal that a call gives takes the place of the input, as a value and inside text."""
    small = SMALL.replace("help: which}", "help: which}\n  note: {type: text, help: x}")
    small = small.replace("title: Proof", 'title: "${inputs.note}"').replace(
        "why: Because", "why: For ${inputs.note}, since"
    )
    text = CALLER.replace("with: {", 'with: {note: "a ${steps.which.outputs.value} b", ')
    steps = compiled(text, small=small).graph["steps"]
    assert steps["call.recovered"]["title"] == "a ${steps.which.outputs.value} b"
    assert steps["call.disable"]["why"].startswith("For a ${steps.which.outputs.value} b, since ${steps.call.look")
    steps = compiled(CALLER.replace("with: {", "with: {note: 1.5.0, "), small=small).graph["steps"]
    assert steps["call.recovered"]["title"] == "1.5.0"


@pytest.mark.parametrize("id", SHIPPED)
def test_the_hash_is_of_everything(id: str) -> None:
    """The hash is that of the canonical JSON without it, and changes with any step, called ones included."""
    graph = compiled(shipped(id)).graph
    assert graph["hash"] == graph_hash(graph)
    assert graph == json.loads(json.dumps(graph))
    for step in graph["steps"].values():
        changed: Graph = json.loads(json.dumps(graph))
        changed["steps"][step["id"]]["title"] += "!"
        assert graph_hash(changed) != graph["hash"]


def _linear(size: int) -> load.Source:
    lines = ["format: 1", "id: big", 'section: "9"', "title: Big", "summary: Big.", "start: s0", "steps:"]
    for n in range(size):
        go = f"s{n + 1}" if n + 1 < size else "done"
        lines += [f"  s{n}:", "    title: t", "    manual: m", f"    on_success: {go}", f"    on_declined: {go}"]
    return load.parse(load.Text("file", Path("big.yaml"), "\n".join(lines).encode()))


def test_ten_thousand_steps() -> None:
    """A runbook of 10,000 steps compiles and is proved in time linear in its length, without recursion."""
    took = []
    for size in (2_500, 10_000):
        source = _linear(size)
        began = time.process_time()
        result = compile_runbook("big", {"big": source})
        assert lint.check(result) == []
        (case,) = worst_cases(result.graph)
        took.append(time.process_time() - began)
        assert case.answers == len(case.path) == size
    assert took[1] < 12 * took[0] + 0.5


def test_worst_cases() -> None:
    """The longest path to each end: time-outs, `within`, waits and prompts that expire; answers are counted apart."""
    cases = {case.end: case for case in worst_cases(compiled(CALLER, small=SMALL).graph)}
    path = ("which", "call", "call.look", "call.disable", "call.recovered")
    longest = cases["not_recovered"]
    assert (longest.seconds, longest.answers) == (600.0 + 30 + 30 + 300, 1)
    assert (longest.per_item, longest.path) == (("call.disable",), (*path, "after"))
    assert cases["aborted"].path == path[:-1]
    assert cases["a person decides"].seconds == 660.0
    assert longest.words() == (
        "not_recovered: 16m 00s plus the time you take for 1 answer (call.disable: once for each item)"
    )

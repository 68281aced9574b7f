"""The rules about the shape of a runbook: targets, outcomes, reachability, ends."""

from __future__ import annotations

from omniops.actions.specs import SPECS
from omniops.catalog.compile import Compiled
from omniops.catalog.findings import ENOUGH, Finding, nearest
from omniops.catalog.flow import Exit, Flow
from omniops.engine.graph import ENDS, OUTCOMES, Step


def check(compiled: Compiled, flow: Flow) -> list[Finding]:
    """Targets, routing, reachability, ends and the branches of `choose`."""
    found = _start(compiled, flow)
    for id, step in flow.steps.items():
        if len(found) > ENOUGH:
            break
        found += _routing(compiled, id, step)
        if step["kind"] == "call":
            for edge, target in compiled.call_edges.get(id, {}).items():
                found += _target(compiled, flow, id, Exit(edge, target, (edge,), edge.removeprefix("on_")))
        else:
            for exit in flow.exits[id]:
                # Where the end of a called runbook leads is the call's affair, and checked there.
                if compiled.author(id, exit.keys)[0] == id:
                    found += _target(compiled, flow, id, exit)
        if step["kind"] == "choose":
            found += _branches(compiled, id, step)
    reached = flow.main | flow.handled
    lonely = [id for id in flow.steps if id not in reached and _parent_reached(id, reached)]
    found += [
        compiled.finding(id, (), "nothing leads to this step", "lead a transition to it, or take it out", at_key=True)
        for id in lonely[:ENOUGH]
    ]
    return found


def circle(compiled: Compiled, flow: Flow, steps: list[str]) -> Finding:
    """A transition that leads back: loops are `verify`, `each` and retries, nothing else."""
    pairs = list(zip(steps, [*steps[1:], steps[0]], strict=True))
    # Told at the step that comes last in the file: what leads back is more often there than where it leads to.
    order = {id: number for number, id in enumerate(flow.steps)}
    candidates = [pair for pair in pairs if flow.steps[pair[0]]["kind"] != "call"]
    last, first = max(candidates, key=lambda pair: order[pair[0]])
    keys = next(exit.keys for exit in flow.exits[last] if exit.target == first)
    way = " → ".join(steps if len(steps) < 9 else [*steps[:4], "…", *steps[-4:]])
    id, written = compiled.author(last, keys)
    return compiled.finding(
        id, written, f"it leads in a circle: {way} → {steps[0]}", "lead forward; repeat with verify or each"
    )


def _start(compiled: Compiled, flow: Flow) -> list[Finding]:
    start = compiled.graph["start"]
    if start in flow.steps:
        return []
    return [compiled.top(("start",), f"there is no step {start!r}", nearest(start, _local(flow, "")))]


def _parent_reached(id: str, reached: set[str]) -> bool:
    """A call that nothing leads to is told once, and not for each step inside it."""
    call = id.rpartition(".")[0]
    return not call or call in reached


def _routing(compiled: Compiled, id: str, step: Step) -> list[Finding]:
    needed = outcomes(step)
    edges = step.get("edges", {})
    if step["kind"] == "call":
        return []  # told when the call was expanded
    found = []
    for outcome in needed:
        if outcome not in edges:
            what = f"nothing says where it goes on {outcome}: on_{outcome} is missing"
            found.append(
                compiled.finding(id, (), what, f"add `on_{outcome}:` and a step, `ask` or an end", at_key=True)
            )
    for outcome in edges:
        if outcome not in needed:
            what = f"on_{outcome} can never happen here"
            found.append(compiled.finding(id, (f"on_{outcome}",), what, _why_never(step, outcome), at_key=True))
    return found


def outcomes(step: Step) -> tuple[str, ...]:
    """The outcomes that a step can have and must route."""
    kind = step["kind"]
    if kind == "call":
        return ("enter",)
    needed = OUTCOMES[kind]
    if kind == "ask" and step["ask"]["type"] == "choice":
        needed = tuple(outcome for outcome in needed if outcome != "success")  # each choice has a `go`
    if kind == "action" and (step.get("approve") or _is_write(step)):
        needed = (*needed, "declined")  # a write is always approved
    if step.get("expires_s"):
        needed = (*needed, "timeout")
    return needed


def _is_write(step: Step) -> bool:
    spec = SPECS.get(step["action"])
    return spec is not None and spec.writes


def _why_never(step: Step, outcome: str) -> str:
    if outcome == "declined":
        return "take it out: a read is not approved"
    if outcome == "timeout":
        return "take it out, or add `expires: 10m`"
    return "take it out: each choice has its own `go`"


def _target(compiled: Compiled, flow: Flow, id: str, exit: Exit) -> list[Finding]:
    target = exit.target
    handler = id in flow.handled and id not in flow.main
    if target in flow.steps:
        if handler and target in flow.main:
            what = f"a clock's handler leads into the main flow ({target})"
            return [compiled.finding(id, exit.keys, what, "end it with `return`")]
        return []
    if target == "ask":
        if exit.outcome in ("success", "chosen"):
            what = "`ask` is for what went wrong; it cannot follow success"
            return [compiled.finding(id, exit.keys, what, "lead to a step or an end")]
        return []
    if target == "return":
        if id in flow.main:
            what = "`return` ends a clock's handler, and this step is in the main flow"
            return [compiled.finding(id, exit.keys, what, "lead to a step or an end")]
        return []
    if target.startswith("end:"):
        if handler:
            what = f"a clock's handler cannot end the run ({target[4:]})"
            return [compiled.finding(id, exit.keys, what, "lead to `return`")]
        return []
    prefix = id.rpartition(".")[0]
    local = target.removeprefix(f"{prefix}.") if prefix else target
    known = [*_local(flow, prefix), *ENDS, "ask"]
    return [compiled.finding(id, exit.keys, f"there is no step {local!r}", nearest(local, known))]


def _local(flow: Flow, prefix: str) -> list[str]:
    """The ids of the steps with a prefix, as the runbook spells them."""
    start = f"{prefix}." if prefix else ""
    rest = (id[len(start) :] for id in flow.steps if id.startswith(start))
    return [id for id in rest if "." not in id]


def _branches(compiled: Compiled, id: str, step: Step) -> list[Finding]:
    guards = step["guards"]
    found = []
    for at, guard in enumerate(guards[:-1]):
        if "op" not in guard:
            what = "the default is not last: the branches after it are never looked at"
            found.append(compiled.finding(id, ("choose", at), what, "move the default to the end"))
    if "op" in guards[-1]:
        what = "there is no default: where no branch holds, nothing says where to go"
        found.append(compiled.finding(id, ("choose",), what, "add `- default: ...` as the last branch", at_key=True))
    return found

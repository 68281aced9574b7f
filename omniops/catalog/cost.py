"""How long a runbook can take: for each end, the longest path to it."""

from __future__ import annotations

from typing import NamedTuple

from omniops.actions.specs import SPECS
from omniops.catalog.flow import Flow
from omniops.engine.graph import ENDS, Graph, Step
from omniops.text import duration


class WorstCase(NamedTuple):
    """The longest path to one end.

    ``seconds`` is machine time: time-outs of actions, `verify`, `wait`, and prompts that expire.
    ``answers`` counts the prompts and approvals without a limit; they take the time that a person takes.
    ``per_item`` names the steps with `each`, counted here for one item.
    """

    end: str  # an outcome of a run, "a person decides", or "return" for a clock's handler
    seconds: float
    answers: int
    per_item: tuple[str, ...]
    path: tuple[str, ...]

    def words(self) -> str:
        text = f"{self.end}: {duration(self.seconds)}"
        if self.answers:
            text += f" plus the time you take for {self.answers} answer{'s' if self.answers > 1 else ''}"
        if self.per_item:
            text += f" ({', '.join(self.per_item)}: once for each item)"
        return text


def machine_seconds(step: Step) -> float:
    """The longest that a step takes without a person. A write is sent once; trying again is a person's choice."""
    kind = step["kind"]
    if kind == "action":
        spec = SPECS.get(step["action"])
        return spec.timeout_s if spec else 0.0
    if kind == "verify":
        return float(max(step["verify"]["within_s"], step["verify"]["every_s"] * step["verify"]["passes"]))
    return step.get("wait_s", 0.0) + step.get("expires_s", 0.0)


def needs_answer(step: Step) -> bool:
    """Whether a person is waited for without a limit."""
    if step["kind"] in ("ask", "manual"):
        return not step.get("expires_s")
    return step["kind"] == "post" or bool(step.get("approve"))


def worst_cases(graph: Graph) -> list[WorstCase]:
    """The longest path to each end of an acyclic graph, longest first; linear. A circle has no worst case: empty."""
    flow = Flow(graph)
    order, circle = flow.order()
    if circle:
        return []
    # The longest way to each step: seconds, answers, and the step before it.
    best: dict[str, tuple[float, int, str]] = {}
    if graph["start"] in flow.steps:
        best[graph["start"]] = (0.0, 0, "")
    for timer in graph["timers"]:
        if timer["do"] in flow.steps:
            best.setdefault(timer["do"], (0.0, 0, ""))
    ends: dict[str, tuple[float, int, str]] = {}
    for id in order:
        if id not in best:
            continue
        step = flow.steps[id]
        seconds, answers, _ = best[id]
        after = (seconds + machine_seconds(step), answers + needs_answer(step), id)
        for exit in flow.exits[id]:
            into, key = (best, exit.target) if exit.target in flow.steps else (ends, exit.target)
            if key not in into or after[:2] > into[key][:2]:
                into[key] = after
    return sorted((_case(flow, best, end, found) for end, found in ends.items()), key=lambda case: -case.seconds)


def _case(flow: Flow, best: dict[str, tuple[float, int, str]], end: str, found: tuple[float, int, str]) -> WorstCase:
    seconds, answers, id = found
    path: list[str] = []
    while id:
        path.append(id)
        id = best[id][2]
    path.reverse()
    per_item = tuple(id for id in path if flow.steps[id].get("each"))
    name = ENDS.get(end.removeprefix("end:"), "a person decides" if end == "ask" else end)
    return WorstCase(name, seconds, answers, per_item, tuple(path))

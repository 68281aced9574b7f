"""The shape of a graph: where each step leads, in which order, and what must have happened before what."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from omniops.engine.graph import Graph, Step


class Exit(NamedTuple):
    """One way out of a step. ``keys`` is where the runbook says so, below the step."""

    label: str  # an outcome, the key of a choice, or "otherwise" and the like
    target: str
    keys: tuple[str | int, ...]
    outcome: str  # the outcome this is; "chosen" for the branches of a choose


def exits(step: Step) -> list[Exit]:
    """Every way out of a step, in the order in which the runbook lists them."""
    if step["kind"] == "choose":
        return [
            Exit(_guard_label(guard), guard["go"], ("choose", at, "go" if "op" in guard else "default"), "chosen")
            for at, guard in enumerate(step["guards"])
        ]
    choices = step.get("ask", {}).get("choices", {})
    found = [Exit(key, choice["go"], ("ask", "choices", key, "go"), "success") for key, choice in choices.items()]
    for outcome, target in step.get("edges", {}).items():
        found.append(Exit(outcome, target, (f"on_{outcome}",), outcome))
    if step["kind"] == "stop":
        found.append(Exit("stop", f"end:{step['stop']}", ("stop",), "stop"))
    return found


def _guard_label(guard: object) -> str:
    assert isinstance(guard, dict)
    if "op" not in guard:
        return "otherwise"
    than = guard["than"]
    name = str(guard["value"]).removeprefix("${").removesuffix("}").rpartition(".")[2]
    if guard["op"] == "empty":
        return f"{name} is {'empty' if than else 'not empty'}"
    shown = {True: "true", False: "false"}[than] if isinstance(than, bool) else than
    return f"{name} is {shown}" if guard["op"] == "is" else f"{name} {guard['op']} {shown}"


class Flow:
    """A graph's exits, and what follows from them. Every method is linear, or near it, and none recurses."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.steps = graph["steps"]
        self.exits = {id: exits(step) for id, step in self.steps.items()}
        self.main = self.reach([graph["start"]])
        self.handlers = {timer["id"]: self.reach([timer["do"]]) for timer in graph["timers"]}
        self.handled = {id for ids in self.handlers.values() for id in ids}

    def reach(self, starts: list[str]) -> set[str]:
        """The steps that can be reached from these, themselves included."""
        seen = {start for start in starts if start in self.steps}
        waiting = list(seen)
        while waiting:
            for exit in self.exits[waiting.pop()]:
                if exit.target in self.steps and exit.target not in seen:
                    seen.add(exit.target)
                    waiting.append(exit.target)
        return seen

    def order(self) -> tuple[list[str], list[str]]:
        """The steps, each before those it leads to; and one circle, if there is any (then the order is partial)."""
        before = dict.fromkeys(self.steps, 0)
        for found in self.exits.values():
            for exit in found:
                if exit.target in before:
                    before[exit.target] += 1
        ready = deque(id for id, count in before.items() if not count)
        order: list[str] = []
        while ready:
            id = ready.popleft()
            order.append(id)
            for exit in self.exits[id]:
                if exit.target in before:
                    before[exit.target] -= 1
                    if not before[exit.target]:
                        ready.append(exit.target)
        left = set(self.steps) - set(order)
        return order, self._circle(left) if left else []

    def _circle(self, left: set[str]) -> list[str]:
        """A circle among steps of which each has a predecessor among them: walk back until one comes again."""
        back: dict[str, str] = {}
        for id in sorted(left):
            for exit in self.exits[id]:
                if exit.target in left:
                    back.setdefault(exit.target, id)
        seen: dict[str, int] = {}
        walk: list[str] = []
        id = min(left)
        while id not in seen:
            seen[id] = len(walk)
            walk.append(id)
            id = back[id]
        return walk[seen[id] :][::-1]

    def way_around(self, target: str, avoided: str) -> list[str]:
        """A shortest way to ``target`` on which ``avoided`` has not succeeded; empty if there is none."""
        starts = [self.graph["start"], *(timer["do"] for timer in self.graph["timers"])]
        came: dict[str, str] = {start: "" for start in starts if start in self.steps}
        waiting = deque(came)
        while waiting:
            id = waiting.popleft()
            if id == target:
                way = [id]
                while came[way[-1]]:
                    way.append(came[way[-1]])
                return way[::-1]
            for exit in self.exits[id]:
                success = id == avoided and exit.outcome == "success"
                if exit.target in self.steps and exit.target not in came and not success:
                    came[exit.target] = id
                    waiting.append(exit.target)
        return []


class Dominators:
    """What has happened on every path: "was entered" and "has succeeded" are separate nodes of the tree.

    A node's immediate dominator is the nearest common ancestor of its predecessors. Ancestors are found with one
    jump pointer for each node, so that a step with thousands of predecessors costs no more than its edges.
    """

    def __init__(self, flow: Flow, order: list[str]) -> None:
        self._number: dict[str, int] = {"": 0}
        self._parent, self._depth, self._jump = [0], [0], [0]
        roots = {flow.graph["start"], *(timer["do"] for timer in flow.graph["timers"])}
        into: dict[str, int] = dict.fromkeys(roots, 0)
        for id in order:
            if id not in into:
                continue  # cannot be reached
            entered = self._add(id, into[id])
            succeeded = -1
            for exit in flow.exits[id]:
                source = entered
                if exit.outcome == "success":
                    if succeeded < 0:
                        succeeded = self._add(f"{id} succeeded", entered)
                    source = succeeded
                if exit.target in flow.steps:
                    known = into.get(exit.target)
                    into[exit.target] = source if known is None else self._common(known, source)

    def succeeded_before(self, first: str, then: str) -> bool:
        """Whether ``first`` has succeeded on every path to ``then``. A step that cannot be reached proves anything."""
        return self._dominates(f"{first} succeeded", then)

    def _add(self, name: str, parent: int) -> int:
        number = len(self._parent)
        self._number[name] = number
        self._parent.append(parent)
        self._depth.append(self._depth[parent] + 1)
        far = self._jump[parent]
        even = self._depth[parent] - self._depth[far] == self._depth[far] - self._depth[self._jump[far]]
        self._jump.append(self._jump[far] if even else parent)
        return number

    def _lift(self, node: int, depth: int) -> int:
        while self._depth[node] > depth:
            node = self._jump[node] if self._depth[self._jump[node]] >= depth else self._parent[node]
        return node

    def _common(self, a: int, b: int) -> int:
        depth = min(self._depth[a], self._depth[b])
        a, b = self._lift(a, depth), self._lift(b, depth)
        while a != b:
            if self._jump[a] != self._jump[b]:
                a, b = self._jump[a], self._jump[b]
            else:
                a, b = self._parent[a], self._parent[b]
        return a

    def _dominates(self, first: str, then: str) -> bool:
        if then not in self._number:
            return True
        above = self._number.get(first)
        return above is not None and self._lift(self._number[then], self._depth[above]) == above

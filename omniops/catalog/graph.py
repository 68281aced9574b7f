"""A compiled runbook, drawn: as a tree of text, as a Mermaid flowchart, as DOT for Graphviz. Pure text."""

from __future__ import annotations

from omniops.catalog.flow import Exit, Flow
from omniops.engine.graph import ENDS, Graph, Step
from omniops.text import duration, one_line

FORMATS = ("tree", "mermaid", "dot")
MOST_DEEP = 12
"""Indentation of the tree stops growing here, so that a long runbook stays readable."""

_SHAPES = {
    "choose": ("{", "}"),
    "ask": ("[/", "/]"),
    "manual": ("[/", "/]"),
    "verify": ("{{", "}}"),
    "stop": ("([", "])"),
}
_DOT_SHAPES = {
    "choose": "diamond",
    "ask": "parallelogram",
    "manual": "parallelogram",
    "verify": "hexagon",
    "stop": "oval",
}


def draw(graph: Graph, format: str) -> str:
    """Draw in one of ``FORMATS``. Raises KeyError for another."""
    return {"tree": tree, "mermaid": mermaid, "dot": dot}[format](graph)


def tree(graph: Graph) -> str:
    """Each step once, where it is first reached; later arrivals are an arrow to it."""
    flow = Flow(graph)
    lines = [f"{one_line(graph['title'])} ({one_line(graph['section'], 40)})"]
    shown: set[str] = set()
    # What is still to be drawn, nearest first: recursion would end at Python's limit in a long runbook.
    waiting = [(target, f"clock {one_line(name, 60)}", 0) for name, target in reversed(_clocks(graph))]
    waiting.append((graph["start"], "", 0))
    while waiting:
        target, label, depth = waiting.pop()
        pad = "  " * min(depth, MOST_DEEP) + (f"{label} → " if label else "")
        step = flow.steps.get(target)
        if step is None:
            lines.append(pad + _end(target))
        elif target in shown:
            lines.append(f"{pad}{one_line(target, 120)} (see above)")
        else:
            shown.add(target)
            lines.append(f"{pad}{one_line(target, 120)} · {_kind(step)} · {one_line(step['title'], 80)}")
            found = flow.exits[target] if step["kind"] != "stop" else []
            waiting += [(exit.target, one_line(exit.label, 60), depth + (len(found) > 1)) for exit in reversed(found)]
    return "\n".join(lines) + "\n"


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart. Nodes are numbered, so that no id or title can be taken for syntax."""
    flow = Flow(graph)
    names = _names(flow)
    lines = ["flowchart TD"]
    for id, step in flow.steps.items():
        opening, closing = _SHAPES.get(step["kind"], ("[", "]"))
        lines.append(f'  {names[id]}{opening}"{_mermaid(step["title"])}"{closing}')
    for target in names:
        if target not in flow.steps:
            lines.append(f'  {names[target]}(["{_mermaid(_end(target))}"])')
    for name, target in _clocks(graph):
        if target in names:
            lines += [f'  clock_{names[target]}>"{_mermaid(name)}"]', f"  clock_{names[target]} -.-> {names[target]}"]
    lines += [
        f'  {names[id]} -->|"{_mermaid(exit.label)}"| {names[exit.target]}'
        for id, found in flow.exits.items()
        for exit in found
    ]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """A digraph for Graphviz."""
    flow = Flow(graph)
    names = _names(flow)
    lines = [f"digraph {_dot(graph['id'])} {{", "  rankdir=TB;"]
    for id, step in flow.steps.items():
        shape = _DOT_SHAPES.get(step["kind"], "box")
        lines.append(f"  {names[id]} [label={_dot(step['title'])}, shape={shape}];")
    lines += [f"  {names[t]} [label={_dot(_end(t))}, shape=oval];" for t in names if t not in flow.steps]
    for name, target in _clocks(graph):
        if target in names:
            lines.append(f"  clock_{names[target]} [label={_dot(name)}, shape=note];")
            lines.append(f"  clock_{names[target]} -> {names[target]} [style=dashed];")
    lines += [
        f"  {names[id]} -> {names[exit.target]} [label={_dot(exit.label)}];"
        for id, found in flow.exits.items()
        for exit in found
    ]
    return "\n".join([*lines, "}"]) + "\n"


def leads_to(exit: Exit) -> str:
    """Where an exit goes, in words: a step's id or an end."""
    return one_line(exit.target, 120) if not exit.target.startswith("end:") else f"end: {_end(exit.target)}"


def _names(flow: Flow) -> dict[str, str]:
    names = {id: f"s{number}" for number, id in enumerate(flow.steps)}
    for found in flow.exits.values():
        for exit in found:
            names.setdefault(exit.target, f"e{len(names)}")
    return names


def _clocks(graph: Graph) -> list[tuple[str, str]]:
    return [
        (f"{timer['id']}: {duration(timer['after_s'])} after {timer['from']}", timer["do"]) for timer in graph["timers"]
    ]


def _end(target: str) -> str:
    if target == "ask":
        return "a person decides"
    if target == "return":
        return "go back"
    return ENDS.get(target.removeprefix("end:"), one_line(target, 120)).replace("_", " ")


def _kind(step: Step) -> str:
    return "runbook" if step["kind"] == "call" else step["kind"]


def _mermaid(text: object) -> str:
    """Text for between double quotes: everything that Mermaid or HTML could read is an entity."""
    escaped = (
        char if char.isalnum() or char in " .,:!?/()+-=_§→…·" else f"#{ord(char)};" for char in one_line(text, 80)
    )
    return "".join(escaped) or " "


def _dot(text: object) -> str:
    return '"' + one_line(text, 80).replace("\\", "\\\\").replace('"', '\\"') + '"'

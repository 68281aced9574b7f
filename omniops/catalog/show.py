"""A runbook as text for reading: at most 80 columns, no colour needed."""

from __future__ import annotations

import textwrap

from omniops.actions.specs import SPECS
from omniops.catalog.flow import exits
from omniops.catalog.graph import leads_to
from omniops.engine.graph import Graph, Step
from omniops.text import clean, clock, duration, one_line

WIDTH = 80
_ON = {
    "success": "then",
    "failure": "if it fails",
    "declined": "if declined",
    "timeout": "when the time is up",
    "inconclusive": "if nobody can tell",
    "enter": "begins with",
}


def show(graph: Graph) -> str:
    """Title, inputs, each step with what it does and where it leads, and the clocks. Called runbooks are named only."""
    lines = [f"{one_line(graph['section'], 40)}  {one_line(graph['title'])}", ""]
    lines += _wrapped(graph["summary"])
    for name, given in graph["inputs"].items():
        lines += ["", *_wrapped(f"Needs {name}: {given['help']}")]
    own = [step for id, step in graph["steps"].items() if "." not in id]
    for number, step in enumerate(own, 1):
        lines += ["", *_step(graph, step, number)]
    clocks = [timer for timer in graph["timers"] if "." not in timer["id"]]
    for timer in clocks:
        since = {"onset": "the onset", "page": "the page", "run": "the start"}.get(timer["from"], timer["from"])
        text = f"Clock {timer['id']}: {duration(timer['after_s'])} after {since}, do {timer['do']}"
        lines += ["", *_wrapped(text + (f", unless {timer['unless']} has succeeded" if timer["unless"] else ""))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _step(graph: Graph, step: Step, number: int) -> list[str]:
    id = step["id"]
    start = "  (start here)" if id == graph["start"] and number > 1 else ""
    lines = _wrapped(f"{number}. {step['title']}{start}", "", "   ")
    if step.get("why"):
        lines += _wrapped(step["why"], "   ")
    if "due_s" in step:
        lines += _wrapped(f"due {clock(step['due_s'])} after the page", "   ")
    lines += _wrapped(f"[{id}] {_what(graph, step)}", "   ")
    if step["kind"] in ("manual", "post", "ask") and step["text"]:
        for paragraph in clean(step["text"]).split("\n"):
            lines += _wrapped(paragraph, "     | ")
    if step.get("approve"):
        spec = SPECS.get(step["action"])
        typed = spec is not None and spec.effect == "destructive"
        lines += _wrapped("the operator approves it" + (", by typing ENVIRONMENT/target" if typed else ""), "   ")
    if step.get("expires_s"):
        lines += _wrapped(f"waits at most {duration(step['expires_s'])}", "   ")
    labels = {key: choice["label"] for key, choice in step.get("ask", {}).get("choices", {}).items()}
    for exit in exits(step):
        if exit.outcome != "stop":
            label = labels.get(exit.label, exit.label) if exit.outcome == "success" else exit.label
            target = "a person decides" if exit.target == "ask" else leads_to(exit).replace("return", "go back")
            lines += _wrapped(f"{_ON.get(label, label)} → {target}", "     ", "       ")
    return lines


def _what(graph: Graph, step: Step) -> str:
    """What the step is, in a line."""
    kind = step["kind"]
    if kind == "action":
        spec = SPECS.get(step["action"])
        each = f" for each of {step['each']}" if step["each"] else ""
        undo = f" Undo: {spec.undo}." if spec and spec.undo else ""
        never = f" No undo: {spec.why_no_undo}." if spec and spec.why_no_undo else ""
        return f"action {step['action']}{each}. {spec.does if spec else ''}{undo}{never}"
    if kind == "verify":
        proof = step["verify"]
        looks = f"{proof['passes']} passes in a row, a look every {duration(proof['every_s'])}"
        limits = f"within {duration(proof['within_s'])}, at least {proof['min_requests']} requests"
        return f"verify {proof['slo']} for traffic since {proof['since']}: {looks}, {limits}"
    if kind == "call":
        entered = graph["steps"].get(step["edges"].get("enter", ""))
        return f"runbook {entered['runbook']} ({entered['section']})" if entered else "runbook"
    if kind == "ask":
        alone = step["ask"].get("unattended")
        return f"ask for {step['ask']['type']}" + (f"; with nobody there: {alone}" if alone else "")
    if kind == "wait":
        since = {"onset": " after the onset", "page": " after the page"}.get(step.get("wait_from", ""), "")
        early = step.get("until")
        word = f", or until {early['action']} says {early['output']}: {'yes' if early['is'] else 'no'}" if early else ""
        return f"wait {'until ' if since else ''}{duration(step['wait_s'])}{since}{word}"
    if kind == "post":
        return f"post to {step['channel']}" + ("" if step["text"] else ", in the words of communication.yaml")
    return {"manual": "by hand", "choose": "choose", "stop": f"stop: {step.get('stop', '')}"}[kind]


def _wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    indent = first if rest is None else rest
    flat = " ".join(clean(text).split())
    return textwrap.wrap(flat, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False) or [""]

"""The rules about values: every reference is defined on every path that reaches it, and has a type that fits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omniops.actions.specs import ActionSpec
from omniops.catalog.compile import Compiled
from omniops.catalog.findings import ENOUGH, Finding, nearest
from omniops.catalog.flow import Dominators, Flow
from omniops.engine.graph import Step
from omniops.engine.refs import REFERENCE

Keys = tuple[str | int, ...]

_OPENING = re.compile(r"\$\{[^}]{0,60}\}?")
_FITS = {
    "text": ("text", "version", "time", "connection"),
    "version": ("version", "text"),
    "list": ("list",),
    "connections": ("list",),
    "connection": ("connection",),
    "backup": ("backup",),
    "number": ("number",),
    "flag": ("flag",),
    "time": ("time",),
}
"""What is needed, and the types that may be given for it."""

_LITERALS = {
    "text": "text",
    "version": "text",
    "connection": "text",
    "number": "number",
    "flag": "flag",
    "list": "list",
}
"""What may be written out in the file; connections and backups are looked up, so that they are always references."""

_WORDS = {
    "flag": "true or false",
    "list": "a list",
    "connections": "a list that was asked for or given",
    "backup": "a backup that was picked",
}
_COMPARED = {"version": "text", "time": "text", "connection": "text"}


class Values:
    """One check of one graph: what a reference means, where it is used, and whether it is defined there."""

    def __init__(
        self, compiled: Compiled, flow: Flow, before: Dominators | None, specs: Mapping[str, ActionSpec]
    ) -> None:
        self.compiled, self.flow, self.before, self.specs = compiled, flow, before, specs
        self.found: list[Finding] = []

    def add(self, step: str, keys: Keys, what: str, mend: str, *, at_key: bool = False) -> None:
        self.found.append(self.compiled.finding(step, keys, what, mend, at_key=at_key))

    def text(self, step: str, keys: Keys, value: str) -> None:
        """Check every reference in a text, and that nothing only looks like one."""
        for opening in _OPENING.finditer(value):
            found = REFERENCE.match(value, opening.start())
            if found is None:
                mend = "write ${inputs.x}, ${steps.id.outputs.y} or ${item.id}; there are no expressions"
                self.add(step, keys, f"{opening.group()!r} is no reference", mend)
            else:
                self.type_of(step, keys, found.group(1), found.group(2))

    def type_of(self, step: str, keys: Keys, root: str, path: str) -> str:
        """Check one reference; return its type, or "" where it has none (a finding was made)."""
        if root == "inputs":
            return self._input(step, keys, path)
        if root == "item":
            return self._item(step, keys, path)
        return self._output(step, keys, path)

    def given(self, step: str, keys: Keys, value: Any) -> str:
        """The type of a value: a whole reference has its own, text is text. "" where a finding was made."""
        if isinstance(value, bool):
            return "flag"
        if isinstance(value, (int, float)):
            return "number"
        if isinstance(value, list):
            for item in value:
                self.given(step, keys, item)
            return "list"
        whole = REFERENCE.fullmatch(value)
        if whole:
            return self.type_of(step, keys, *whole.groups())
        count = len(self.found)
        self.text(step, keys, value)
        return "text" if len(self.found) == count else ""

    def _input(self, step: str, keys: Keys, name: str) -> str:
        call, _, local = name.rpartition(".")
        if call in self.compiled.calls:  # still with its prefix: the call does not give it, and was told so
            known = self.compiled.calls[call]
            if local not in known:
                self.add(step, keys, f"there is no input {local!r}", nearest(local, known))
            return ""
        inputs = self.compiled.graph["inputs"]
        if name not in inputs:
            self.add(step, keys, f"there is no input {name!r}", nearest(name, inputs))
            return ""
        type = inputs[name]["type"]
        return "list" if type == "connections" else str(type)

    def _item(self, step: str, keys: Keys, name: str) -> str:
        if not self.flow.steps[step].get("each") or keys[:1] != ("with",):
            self.add(
                step, keys, "${item...} has a meaning only in `with` of a step with `each`", "add `each`, or name it"
            )
            return ""
        if name != "id":
            self.add(step, keys, f"not every item has {name!r}", "write ${item.id}")
            return ""
        return "connection"

    def _output(self, step: str, keys: Keys, path: str) -> str:
        source, dot, name = path.rpartition(".outputs.")
        prefix = step.rpartition(".")[0]
        local = source.removeprefix(f"{prefix}.") if prefix else source
        if not dot:
            self.add(step, keys, f"${{steps.{local or path}}} names no output", "write ${steps.id.outputs.y}")
            return ""
        if source not in self.flow.steps:
            near = [id.removeprefix(f"{prefix}.") if prefix else id for id in self.flow.steps]
            self.add(step, keys, f"there is no step {local!r}", nearest(local, near))
            return ""
        outputs = self._outputs_of(self.flow.steps[source])
        if name not in outputs:
            self.add(step, keys, f"the step {local!r} has no output {name!r}", nearest(name, outputs))
            return ""
        if self.before is not None and not self.before.succeeded_before(source, step):
            way = self.flow.way_around(step, source)
            around = f": not on {' → '.join(way if len(way) < 9 else [*way[:4], '…', *way[-4:]])}" if way else ""
            mend = f"use it only where {local} has succeeded on every path"
            self.add(step, keys, f"{local} has not succeeded on every path to here{around}", mend)
            return ""
        return outputs[name]

    def _outputs_of(self, step: Step) -> Mapping[str, str]:
        if step["kind"] == "ask":
            type = {"connections": "list", "choice": "text"}.get(step["ask"]["type"], step["ask"]["type"])
            return {"value": type}
        if step["kind"] == "action" and not step.get("each") and step["action"] in self.specs:
            return self.specs[step["action"]].outputs
        return {}  # the outputs of `each` are many, or, for an empty list, none


def check(compiled: Compiled, flow: Flow, before: Dominators | None, specs: Mapping[str, ActionSpec]) -> list[Finding]:
    """References, types, and the inputs of actions and calls."""
    values = Values(compiled, flow, before, specs)
    for id, step in flow.steps.items():
        if len(values.found) > ENOUGH:
            break
        for keys, text in _texts(step):
            values.text(id, keys, text)
        if step.get("each"):
            _fits(values, id, ("each",), step["each"], "list", "`each`")
        if step["kind"] == "action":
            _action(values, id, step)
        elif step["kind"] == "call":
            for name, value in step.get("args", {}).items():
                wanted = compiled.calls.get(id, {}).get(name, "")
                _fits(values, id, ("with", name), value, wanted, name)
        elif step["kind"] == "choose":
            _comparisons(values, id, step)
        elif step["kind"] == "verify" and step["verify"]["scope"]:
            _fits(values, id, ("verify", "scope"), step["verify"]["scope"], "list", "scope")
        elif step["kind"] == "ask" and "options" in step["ask"]:
            _fits(values, id, ("ask", "options"), step["ask"]["options"], "list", "options")
        elif step["kind"] == "wait" and "until" in step:
            _until(values, id, step["until"])
        if step.get("ask", {}).get("suggest"):
            _fits(values, id, ("ask", "suggest"), step["ask"]["suggest"], "text", "suggest")
    return values.found


def _texts(step: Step) -> Iterator[tuple[Keys, str]]:
    yield ("title",), step["title"]
    yield ("why",), step.get("why", "")
    keys: dict[str, Keys] = {"manual": ("manual",), "ask": ("ask", "question"), "post": ("post", "text")}
    if step["kind"] in keys:
        yield keys[step["kind"]], step["text"]
    for key, choice in step.get("ask", {}).get("choices", {}).items():
        yield ("ask", "choices", key, "label"), choice["label"]


def _fits(values: Values, id: str, keys: Keys, value: Any, wanted: str, name: str) -> None:
    """Check that a value can be used where a type is wanted ("": unknown, then only its references are checked)."""
    type = values.given(id, keys, value)
    if not type or not wanted:
        return
    literal = not isinstance(value, str) or "${" not in value
    if type != _LITERALS.get(wanted) if literal else type not in _FITS[wanted]:
        words = _WORDS.get(wanted, wanted)
        values.add(id, keys, f"{name} must be {words}, and this is {_WORDS.get(type, type)}", f"give it {words}")


def _action(values: Values, id: str, step: Step) -> None:
    spec = values.specs.get(step["action"])
    if spec is None:
        values.add(id, ("action",), f"there is no action {step['action']!r}", nearest(step["action"], values.specs))
    inputs = spec.inputs if spec else {}
    for name, value in step["args"].items():
        if spec and name not in inputs:
            values.add(
                id, ("with", name), f"{step['action']} has no input {name!r}", nearest(name, inputs), at_key=True
            )
        _fits(values, id, ("with", name), value, inputs.get(name, ""), name)
    for name in inputs:
        if spec and name not in step["args"] and name not in spec.optional:
            what = f"{step['action']} needs {name!r}"
            values.add(id, ("action",), what, f"add `with: {{{name}: ...}}`")


def _until(values: Values, id: str, until: dict[str, Any]) -> None:
    """A wait ends early by a flag of a read that needs no inputs."""
    spec = values.specs.get(until["action"])
    keys: Keys = ("until", "action")
    if spec is None:
        values.add(id, keys, f"there is no action {until['action']!r}", nearest(until["action"], values.specs))
    elif spec.effect != "read" or spec.inputs:
        values.add(id, keys, f"{until['action']} cannot be looked at again and again", "name a read without inputs")
    elif spec.outputs.get(until["output"]) != "flag":
        what = f"{until['action']} has no flag {until['output']!r}"
        flags = [name for name, type in spec.outputs.items() if type == "flag"]
        values.add(id, ("until", "output"), what, nearest(until["output"], flags))


def _comparisons(values: Values, id: str, step: Step) -> None:
    for at, guard in enumerate(step["guards"]):
        if "op" not in guard:
            continue
        op, keys = guard["op"], ("choose", at, "when", guard["op"])
        type = values.given(id, ("choose", at, "when", "value"), guard["value"])
        than = values.given(id, keys, guard["than"])
        if not type or not than:
            continue
        if op == "empty":
            if type not in ("list", "text"):
                values.add(
                    id, keys, f"`empty` is for lists and text, and the value is {_a(type)}", "compare it with `is`"
                )
        elif op == "is":
            if type in ("list", "backup"):
                values.add(id, keys, f"`is` cannot compare {_a(type)}", "use `empty`")
            elif _COMPARED.get(type, type) != _COMPARED.get(than, than):
                what = f"{_a(type)} is compared with {_a(than)}: they are never the same"
                values.add(id, keys, what, f"compare it with {_a(type)}")
        elif type != "number" or than != "number":
            wrong = type if type != "number" else than
            values.add(id, keys, f"`{op}` compares numbers, and this is {_a(wrong)}", "use `is`, or a number")


def _a(type: str) -> str:
    return {"text": "text", "flag": "true or false"}.get(type, f"a {type}")

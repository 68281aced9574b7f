"""From runbooks to one flat graph: calls are expanded, references and targets carry the prefix of their call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.catalog import problems
from omniops.catalog.findings import Finding, nearest
from omniops.engine.graph import ENDS, Graph, Guard, Timer
from omniops.engine.graph import Step as Node
from omniops.engine.refs import REFERENCE, as_text
from omniops.text import seconds

if TYPE_CHECKING:
    from omniops.catalog.load import Source
    from omniops.catalog.models import Runbook, Step
    from omniops.catalog.strict_yaml import Document, Path

MOST_STEPS = 20_000
"""Calls of calls multiply; past this many steps a runbook is refused."""

_CALL_ENDS = {
    "done": "on_success",
    "not_recovered": "on_failure",
    "inconclusive": "on_inconclusive",
    "aborted": "on_declined",
}
"""Which edge of the calling step an end of the called runbook becomes. ``stopped`` ends the whole run."""


class Compiled(NamedTuple):
    """A flat graph, and what lint needs beside it. ``origins``: flat step id to the document and id it comes from."""

    graph: Graph
    origins: dict[str, tuple[Document, str, str]]  # document, runbook id, id of the step there
    timer_origins: dict[str, tuple[Document, str, str]]
    calls: dict[str, dict[str, str]]  # flat id of a call to the types of the called runbook's inputs
    call_edges: dict[str, dict[str, str]]  # flat id of a call to its own edges: on_success, ... to a target
    findings: list[Finding]
    document: Document

    def finding(self, step: str, keys: Path, what: str, mend: str, *, at_key: bool = False) -> Finding:
        """Make an error about a step of the graph, at the line of the file it was written in."""
        document, runbook, local = self.origins[step]
        return _found(document, runbook, ("steps", local, *keys), what, mend, at_key)

    def author(self, step: str, keys: Path) -> tuple[str, Path]:
        """Where a transition was written. The end of a called runbook leads where an edge of the call says."""
        while True:
            document, _, local = self.origins[step]
            raw: Any = document.value["steps"][local]
            if keys[0] not in raw and "stop" not in raw:
                return step, ()  # a call without this edge
            for key in ("stop",) if "stop" in raw else keys:
                raw = raw[key]
            call = step.rpartition(".")[0]
            if not call or raw not in _CALL_ENDS:
                return step, keys
            step, keys = call, (_CALL_ENDS[raw],)

    def timer_finding(self, timer: str, keys: Path, what: str, mend: str) -> Finding:
        document, runbook, local = self.timer_origins[timer]
        return _found(document, runbook, ("timers", local, *keys), what, mend, False)

    def top(self, keys: Path, what: str, mend: str) -> Finding:
        return _found(self.document, self.graph["id"], keys, what, mend, False)


def _found(document: Document, runbook: str, path: Path, what: str, mend: str, at_key: bool) -> Finding:
    line, column = problems.place(document, path, key=at_key)
    return Finding("error", problems.where(runbook, path), what, mend, document.file, line, column)


class _Call(NamedTuple):
    """One expansion: a runbook, the prefix its steps get, what its inputs are bound to, and where its ends lead."""

    document: Document
    runbook: Runbook
    prefix: str
    inputs: Mapping[str, Any] | None
    ends: Mapping[str, str]
    chain: tuple[str, ...]


def compile_runbook(id: str, sources: Mapping[str, Source]) -> Compiled:
    """Expand one runbook. ``sources[id]`` must have been read without errors; every other problem is a finding."""
    source = sources[id]
    runbook, document = source.runbook, source.document
    assert runbook is not None
    assert document is not None
    graph = Graph(
        format=1,
        id=runbook.id,
        section=runbook.section,
        title=runbook.title,
        summary=runbook.summary.strip(),
        inputs={name: {"type": given.type, "help": given.help} for name, given in runbook.inputs.items()},
        start=runbook.start,
        steps={},
        timers=[],
        hash="",
    )
    compiled = Compiled(graph, {}, {}, {}, {}, [], document)
    ends = {word: f"end:{word}" for word in ENDS}
    # A list of what is still to be expanded, not recursion: the depth of calls is the author's to choose.
    waiting = [_Call(document, runbook, "", None, ends, (id,))]
    while waiting:
        call = waiting.pop()
        if len(graph["steps"]) + len(call.runbook.steps) > MOST_STEPS:
            mend = "call fewer runbooks, or make it two"
            compiled.findings.append(compiled.top(("steps",), f"more than {MOST_STEPS} steps once expanded", mend))
            break
        waiting += reversed(_expand(compiled, call, sources))
    graph["hash"] = graph_hash(graph)
    return compiled


def graph_hash(graph: Graph) -> str:
    """SHA-256 of the graph's canonical JSON, without the hash itself."""
    from hashlib import sha256

    content = {key: value for key, value in graph.items() if key != "hash"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _expand(compiled: Compiled, call: _Call, sources: Mapping[str, Source]) -> list[_Call]:
    """Add one runbook's steps and timers; return the calls found in it."""
    inner: list[_Call] = []
    caller = call.prefix[:-1]
    for local, step in call.runbook.steps.items():
        flat = call.prefix + local
        compiled.origins[flat] = (call.document, call.runbook.id, local)
        node = _node(call, flat, step)
        if node["kind"] == "call":
            called = _called(compiled, call, flat, step, sources)
            if called is not None:
                node["edges"] = {"enter": f"{flat}.{called.runbook.start}"}
                inner.append(called)
        compiled.graph["steps"][flat] = node
    for local, timer in call.runbook.timers.items():
        flat = call.prefix + local
        compiled.timer_origins[flat] = (call.document, call.runbook.id, local)
        compiled.graph["timers"].append(
            Timer(
                {
                    "id": flat,
                    # "run" in a called runbook is the moment of its call.
                    "from": timer.from_ if timer.from_ in ("onset", "page") else _since(call, timer.from_),
                    "after_s": seconds(timer.after),
                    "unless": call.prefix + timer.unless if timer.unless else "",
                    "do": call.prefix + timer.do,
                }
            )
        )
    if caller and call.runbook.start not in call.runbook.steps:
        what = f"it starts at {call.runbook.start!r}, which is no step of {call.runbook.id}"
        compiled.findings.append(compiled.finding(caller, ("runbook",), what, f"mend `start` in {call.document.file}"))
    return inner


def _called(compiled: Compiled, call: _Call, flat: str, step: Any, sources: Mapping[str, Source]) -> _Call | None:
    """The expansion of one `runbook` step, or None and a finding where it cannot be."""
    id = step.runbook
    add = compiled.findings.append
    if id in call.chain:
        circle = " → ".join([*call.chain[call.chain.index(id) :], id])
        add(
            compiled.finding(
                flat, ("runbook",), f"calls of runbooks form a circle: {circle}", "take one of the calls out"
            )
        )
        return None
    source = sources.get(id)
    if source is None:
        add(compiled.finding(flat, ("runbook",), f"there is no runbook {id!r}", nearest(id, sources)))
        return None
    if source.runbook is None or source.document is None:
        add(compiled.finding(flat, ("runbook",), f"the runbook {id!r} has errors", f"mend {source.file} first"))
        return None
    wanted = source.runbook.inputs
    for name in step.with_:
        if name not in wanted:
            add(
                compiled.finding(
                    flat, ("with", name), f"{id} has no input {name!r}", nearest(name, wanted), at_key=True
                )
            )
    for name in wanted:
        if name not in step.with_:
            what = f"the call of {id} does not give its input {name!r}"
            add(compiled.finding(flat, ("with",), what, f"add `with: {{{name}: ...}}`", at_key=True))
    for edge in _CALL_ENDS.values():
        target = getattr(step, edge)
        if not target:
            what = f"nothing says where it goes when {id} ends that way: {edge} is missing"
            add(compiled.finding(flat, (), what, f"add `{edge}:` and a step or an end", at_key=True))
        elif target == "ask":
            what = "a whole runbook cannot be tried again"
            add(compiled.finding(flat, (edge,), what, f"let {edge} lead to a step or an end"))
    compiled.call_edges[flat] = {
        edge: _target(call, target) for edge in _CALL_ENDS.values() if (target := getattr(step, edge))
    }
    compiled.calls[flat] = {name: given.type for name, given in wanted.items()}
    bound = {name: _bind(call, value) for name, value in step.with_.items()}
    ends = {"stopped": "end:stopped"}
    for word, edge in _CALL_ENDS.items():
        target = getattr(step, edge)
        # A missing edge is lint's to report; until then the end stays what it is.
        ends[word] = _target(call, target) if target else f"end:{word}"
    return _Call(source.document, source.runbook, f"{flat}.", bound, ends, (*call.chain, id))


def _node(call: _Call, flat: str, step: Step) -> Node:
    from omniops.catalog.models import kind_of

    kind = kind_of(step)
    assert kind is not None
    node = Node(id=flat, kind="call" if kind == "runbook" else kind, title=_words(call, step.title))
    node["why"] = _words(call, step.why) if step.why else ""
    node["runbook"], node["section"] = call.runbook.id, call.runbook.section
    _FILL[kind](call, node, step)
    if kind not in ("choose", "stop", "runbook"):
        node["edges"] = {**_edges(call, step), **node.get("edges", {})}
    if step.due:
        node["due_s"] = seconds(step.due)
    if getattr(step, "expires", None):
        node["expires_s"] = seconds(getattr(step, "expires"))  # noqa: B009 - only two of the kinds have it
    return node


def _edges(call: _Call, step: Any) -> dict[str, str]:
    given = ((field, getattr(step, field)) for field in type(step).model_fields if field.startswith("on_"))
    return {field[3:]: _target(call, target) for field, target in given if target}


def _target(call: _Call, word: str) -> str:
    if word in ENDS:
        return call.ends[word]
    return word if word in ("ask", "return") else call.prefix + word


def _since(call: _Call, word: str) -> str:
    if word == "run":
        return call.prefix[:-1] or "run"
    return call.prefix + word


def _bind(call: _Call, value: Any) -> Any:
    """Give references the prefix of the call, and its inputs the values that the caller gives."""
    if isinstance(value, list):
        return [_bind(call, item) for item in value]
    if not isinstance(value, str) or "${" not in value or not call.prefix:
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return _bound(call, *whole.groups())
    return _words(call, value)


def _words(call: _Call, value: str) -> str:
    """The same for what is only shown: always text."""
    value = value.strip()
    if not call.prefix:
        return value
    return REFERENCE.sub(lambda found: as_text(_bound(call, *found.groups())), value)


def _bound(call: _Call, root: str, path: str) -> Any:
    if root == "inputs" and call.inputs is not None and path in call.inputs:
        return call.inputs[path]
    # An input that nobody gives keeps the prefix too, so that it cannot be taken for one of the outermost runbook.
    return f"${{{root}.{call.prefix if root != 'item' else ''}{path}}}"


def _manual(call: _Call, node: Node, step: Any) -> None:
    node["text"] = _words(call, step.manual)


def _ask(call: _Call, node: Node, step: Any) -> None:
    node["text"] = _words(call, step.ask.question)
    node["ask"] = ask = {"type": step.ask.type}
    if step.ask.choices is not None:
        ask["choices"] = {
            key: {"label": _words(call, choice.label), "go": _target(call, choice.go)}
            for key, choice in step.ask.choices.items()
        }
    if step.ask.options is not None:
        ask["options"] = _bind(call, step.ask.options)
    if step.ask.unattended is not None:
        ask["unattended"] = step.ask.unattended
    if step.ask.suggest is not None:
        ask["suggest"] = _bind(call, step.ask.suggest)


def _choose(call: _Call, node: Node, step: Any) -> None:
    node["guards"] = guards = []
    for branch in step.choose:
        if branch.when is None:
            guards.append(Guard(go=_target(call, branch.default)))
        else:
            op, than = branch.when.comparison()
            value = _bind(call, branch.when.value)
            guards.append(Guard(value=value, op=op, than=_bind(call, than), go=_target(call, branch.go)))


def _action(call: _Call, node: Node, step: Any) -> None:
    node["action"] = step.action
    node["args"] = {name: _bind(call, value) for name, value in step.with_.items()}
    node["each"] = _bind(call, step.each) if step.each else ""
    node["approve"] = step.approve or ""


def _verify(call: _Call, node: Node, step: Any) -> None:
    spec = step.verify
    node["verify"] = {
        "slo": spec.slo,
        "scope": _bind(call, spec.scope) if spec.scope else None,
        "since": _since(call, spec.since),
        "within_s": seconds(spec.within),
        "every_s": seconds(spec.every),
        "min_requests": spec.min_requests,
        "passes": spec.passes,
    }


def _wait(call: _Call, node: Node, step: Any) -> None:
    node["wait_s"] = seconds(step.wait)
    if step.from_:
        node["wait_from"] = step.from_
    if step.until:
        wanted = step.until
        node["until"] = {
            "action": wanted.action, "output": wanted.output, "is": wanted.is_, "every_s": seconds(wanted.every)
        }  # fmt: skip


def _post(call: _Call, node: Node, step: Any) -> None:
    node["channel"] = step.post.channel
    node["text"] = _words(call, step.post.text or "")


def _runbook(call: _Call, node: Node, step: Any) -> None:
    node["args"] = {name: _bind(call, value) for name, value in step.with_.items()}


def _stop(call: _Call, node: Node, step: Any) -> None:
    target = call.ends[step.stop]
    if target == f"end:{step.stop}":
        node["stop"] = step.stop
    else:
        # The caller goes on elsewhere: what was an end is a heading that is passed at once.
        node["kind"], node["wait_s"], node["edges"] = "wait", 0.0, {"success": target}


_FILL: dict[str, Any] = {
    "manual": _manual,
    "ask": _ask,
    "choose": _choose,
    "action": _action,
    "verify": _verify,
    "wait": _wait,
    "post": _post,
    "runbook": _runbook,
    "stop": _stop,
}

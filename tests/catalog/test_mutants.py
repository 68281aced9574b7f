"""Mutation of the shipped runbooks: every systematic damage is found; undamaged they are clean."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from omniops.actions.specs import SPECS
from omniops.catalog import lint
from tests.support.runbooks import SHIPPED, findings, shipped, sources

ENDS = ("done", "not_recovered", "inconclusive", "aborted", "stopped", "ask", "return")
Mutant = tuple[str, dict[str, Any]]


def _load(id: str) -> dict[str, Any]:
    value: dict[str, Any] = _yaml(shipped(id))
    return value


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _edges(step: dict[str, Any]) -> list[str]:
    return [key for key in step if key.startswith("on_")]


def _never(step: dict[str, Any], edge: str) -> bool:
    """The edge of a call that its runbook cannot take: it has no such end, so where the edge leads harms nobody."""
    if "runbook" not in step:
        return False
    called = shipped(step["runbook"])
    end = {"on_success": "done", "on_failure": "not_recovered", "on_inconclusive": "inconclusive"}.get(edge, "aborted")
    return re.search(rf": {end}\b", called) is None


def _changed(book: dict[str, Any], step: str, **changes: Any) -> dict[str, Any]:
    """A copy of a runbook with one step changed; None takes a key out."""
    made = copy.deepcopy(book)
    for key, value in changes.items():
        if value is None:
            made["steps"][step].pop(key, None)
        else:
            made["steps"][step][key] = value
    return made


def edge_mutants(id: str) -> Iterator[Mutant]:
    """Delete each edge; lead each to a step that is not there, back to its own step, and back to the start."""
    book = _load(id)
    for name, step in book["steps"].items():
        for edge in _edges(step):
            if _never(step, edge):
                continue
            yield f"{name}.{edge} deleted", _changed(book, name, **{edge: None})
            yield f"{name}.{edge} to nowhere", _changed(book, name, **{edge: "nowhere"})
            yield f"{name}.{edge} to itself", _changed(book, name, **{edge: name})
            if name not in {timer["do"] for timer in book.get("timers", {}).values()}:
                yield f"{name}.{edge} to the start", _changed(book, name, **{edge: book["start"]})
            yield f"{name}.{edge} to return", _flipped(book, name, edge)


def _flipped(book: dict[str, Any], name: str, edge: str) -> dict[str, Any]:
    """`return` outside a handler; an end inside one."""
    return _changed(book, name, **{edge: _wrong_end(book, name)})


def _wrong_end(book: dict[str, Any], name: str) -> str:
    """An end in a clock's handler, which has to go back; `return` everywhere else."""
    handled = [timer["do"] for timer in book.get("timers", {}).values()]
    for step in handled:
        node = book["steps"][step]
        leads = [node[edge] for edge in _edges(node)] + [b.get("go", b.get("default")) for b in node.get("choose", [])]
        handled += [target for target in leads if target in book["steps"] and target not in handled]
    return "done" if name in handled else "return"


def choose_mutants(id: str) -> Iterator[Mutant]:
    """Delete each default, move it to the front, misdirect each branch, compare with the wrong type or comparator."""
    book = _load(id)
    for name, step in book["steps"].items():
        branches = step.get("choose", [])
        if not branches:
            continue
        yield f"{name} without default", _changed(book, name, choose=branches[:-1])
        yield f"{name} default first", _changed(book, name, choose=[branches[-1], *branches[:-1]])
        for at, branch in enumerate(branches):
            key = "go" if "when" in branch else "default"
            for target in ("nowhere", name, _wrong_end(book, name)):
                made = copy.deepcopy(book)
                made["steps"][name]["choose"][at][key] = target
                yield f"{name} branch {at} to {target}", made
            if "when" not in branch:
                continue
            (op,) = set(branch["when"]) - {"value"}
            wrong = {"is": [1, 2], "above": "many", "below": True, "empty": "no"}[op]
            other = {"is": "empty", "above": "empty", "below": "empty", "empty": "above"}[op]
            made = copy.deepcopy(book)
            made["steps"][name]["choose"][at]["when"][op] = wrong
            yield f"{name} branch {at} compared with {wrong}", made
            if isinstance(branch["when"][op], str) and op == "is":
                continue  # text may be empty
            made = copy.deepcopy(book)
            del made["steps"][name]["choose"][at]["when"][op]
            made["steps"][name]["choose"][at]["when"][other] = True if other == "empty" else 1
            yield f"{name} branch {at} compared by {other}", made


def reference_mutants(id: str) -> Iterator[Mutant]:
    """Misspell each reference: its root, its step or input, its output; take its closing brace away."""
    text = shipped(id)
    for found in re.finditer(r"\$\{(\w+)\.([\w.]+)\}", text):
        root, path = found.groups()
        step, _, output = path.rpartition(".outputs.")
        changed = {f"{root}.{path}x", f"{root}s.{path}"}
        if root == "steps":
            changed |= {f"steps.{step}x.outputs.{output}", f"steps.{step}.output.{output}", f"steps.{step}"}
        for reference in sorted(changed):
            mutant = text[: found.start()] + "${" + reference + "}" + text[found.end() :]
            yield f"{path} as {reference} at {found.start()}", _yaml(mutant)
        if text[found.start() - 1] == '"':
            mutant = text[: found.end() - 1] + text[found.end() :]
            yield f"{path} without brace at {found.start()}", _yaml(mutant)


def action_mutants(id: str) -> Iterator[Mutant]:
    """Misspell actions and inputs, leave inputs out or add one, take approvals away, approve a read, misuse `each`."""
    book = _load(id)
    for name, step in book["steps"].items():
        if "action" not in step:
            continue
        given = step.get("with", {})
        yield f"{name} misspelt", _changed(book, name, action=step["action"] + "x")
        yield f"{name} with more", _changed(book, name, **{"with": {**given, "colour": "red"}})
        for key in given:
            rest = {k: v for k, v in given.items() if k != key}
            if key not in SPECS[step["action"]].optional:
                yield f"{name} without {key}", _changed(book, name, **{"with": rest or None})
            yield f"{name} with a list for {key}", _changed(book, name, **{"with": {**given, key: 7}})
        if not SPECS[step["action"]].writes:
            yield f"{name} approved", _changed(book, name, approve="operator", on_declined="aborted")
        else:
            yield f"{name} not approved", _changed(book, name, approve=None)
            yield f"{name} neither approved nor declined", _changed(book, name, approve=None, on_declined=None)
        yield f"{name} approved by two", _changed(book, name, approve="two")
        if "each" in step:
            yield f"{name} without each", _changed(book, name, each=None)
        yield f"{name} each of text", _changed(book, name, each="${inputs.nothing}")


def other_mutants(id: str) -> Iterator[Mutant]:
    """Damage that is not an edge: starts, unreachable steps, proofs, prompts, calls, clocks, channels."""
    book = _load(id)
    yield "start nowhere", {**book, "start": "nowhere"}
    lonely = copy.deepcopy(book)
    lonely["steps"]["lonely"] = {"title": "Lonely", "wait": "5s", "on_success": "done"}
    yield "an unreachable step", lonely
    for name, step in book["steps"].items():
        if "verify" in step:
            for key, value in (("since", "nowhere"), ("since", name), ("slo", "nothing"), ("within", "20s")):
                yield f"{name} {key} {value}", _changed(book, name, verify={**step["verify"], key: value})
        if "manual" in step or "ask" in step:
            yield f"{name} times out without expires", _changed(book, name, on_timeout="aborted")
            yield f"{name} expires without an edge", _changed(book, name, expires="10m")
            good = step.get("on_success") or next(iter(step["ask"]["choices"].values()))["go"]
            yield f"{name} expires into yes", _changed(book, name, expires="10m", on_timeout=good)
        if "post" in step:
            yield f"{name} to nobody", _changed(book, name, post={**step["post"], "channel": "smoke-signal"})
        if "runbook" in step:
            yield f"{name} calls nothing", _changed(book, name, runbook="nothing")
            yield f"{name} calls itself", _changed(book, name, runbook=id)
            if "with" in step:
                yield f"{name} gives nothing", _changed(book, name, **{"with": None})
                yield f"{name} gives text", _changed(book, name, **{"with": dict.fromkeys(step["with"], True)})
            yield f"{name} gives more", _changed(book, name, **{"with": {**step.get("with", {}), "colour": "red"}})
        if "ask" in step and "options" in step["ask"]:
            yield f"{name} options", _changed(book, name, ask={**step["ask"], "options": "${inputs.nothing}"})
    for name, timer in book.get("timers", {}).items():
        for key, value in (("from", "nowhere"), ("unless", "nowhere"), ("do", "nowhere"), ("do", book["start"])):
            made = copy.deepcopy(book)
            made["timers"][name] = {**timer, key: value}
            yield f"clock {name} {key} {value}", made


FAMILIES = (edge_mutants, choose_mutants, reference_mutants, action_mutants, other_mutants)


@pytest.mark.parametrize("id", SHIPPED)
def test_the_shipped_runbooks_are_clean(id: str) -> None:
    """No shipped runbook has a finding, read as it is."""
    assert [str(one) for one in findings(shipped(id))] == []


@pytest.mark.parametrize("id", SHIPPED)
@pytest.mark.parametrize("family", FAMILIES, ids=[family.__name__ for family in FAMILIES])
def test_every_mutant_is_found(id: str, family: Any) -> None:
    """Lint finds each mutant, in the mutated file, at a line that it has."""
    survivors = []
    for name, book in family(id):
        text = json.dumps(book, indent=1, ensure_ascii=False)  # JSON is YAML, and quick to write
        found = [one for one in findings(text) if one.file == "it.yaml"]
        if not found:
            survivors.append(name)
        for one in found:
            assert 1 <= one.line <= text.count("\n") + 1
            assert one.mend
    assert survivors == []


def test_there_are_mutants() -> None:
    """The search is not empty: hundreds of mutants in every family together."""
    counts = {family.__name__: sum(len(list(family(id))) for id in SHIPPED) for family in FAMILIES}
    assert all(counts.values()), counts
    assert sum(counts.values()) > 800, counts


def test_sections_lead_to_one_runbook() -> None:
    """Two runbooks with one section number are told apart by nobody: a finding."""
    from omniops.catalog.compile import compile_runbook

    twin = shipped("rollback").replace("id: rollback", "id: twin").replace('section: "3 (0:12)"', 'section: "4.1"')
    known = sources({"twin": twin})
    every = [compile_runbook(id, known) for id in known]
    assert [one.what for one in lint.check_all(every)] == ["section 4.1 is provider-outage's already"]
    assert lint.check_all(one for one in every if one.graph["id"] != "twin") == []

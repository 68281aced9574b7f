"""From plain YAML values to a `Runbook`; every pydantic error becomes a finding with its line and column."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from omniops.catalog import models
from omniops.catalog.findings import Finding, nearest
from omniops.catalog.strict_yaml import Document, Path, Place
from omniops.text import one_line


class Parsed(NamedTuple):
    """A file as a runbook; ``runbook`` is None where it has findings. ``id`` is known wherever it can be read."""

    id: str
    runbook: models.Runbook | None
    findings: list[Finding]


_NESTED: dict[str, type[BaseModel]] = {
    "ask": models.Ask,
    "choices": models.Choice,
    "verify": models.Verify,
    "post": models.Post,
    "when": models.When,
    "choose": models.Guard,
    "inputs": models.Input,
    "timers": models.Timer,
    "review_log": models.Review,
}


def read(document: Document) -> Parsed:
    """Check a document against the format. Never raises for what the document holds."""
    value = document.value
    if not isinstance(value, dict):
        finding = _finding(document, "", (), "a runbook is a mapping", "start with `format: 1` and `id: ...`")
        return Parsed("", None, [finding])
    id = value.get("id")
    id = id if isinstance(id, str) else ""
    findings = _kinds(document, id, value)
    twice = {finding.where for finding in findings}
    try:
        runbook = models.Runbook.model_validate(value)
    except ValidationError as error:
        found = _from_pydantic(document, id, error.errors(include_url=False))
        # A step of two kinds is told once, and not for the keys of its second kind as well.
        findings += [finding for finding in found if finding.where not in twice]
        return Parsed(id, None, findings)
    return Parsed(id, None if findings else runbook, findings)


def place(document: Document, path: Path, *, key: bool = False) -> tuple[int, int]:
    """The line and column of a path, or of the nearest thing above it that is there."""
    for length in range(len(path), -1, -1):
        found: Place | None = document.places.get(path[:length])
        if found is not None:
            at_key = key or length < len(path)
            return (found.key_line, found.key_column) if at_key else (found.line, found.column)
    return 1, 1


def where(id: str, path: Path) -> str:
    """Name the runbook, and the step where there is one."""
    name = one_line(id, 60) or "runbook"
    if len(path) > 1 and path[0] in ("steps", "timers", "inputs"):
        return f"{name}, {str(path[0])[:-1]} {one_line(path[1], 60)}"
    return name


def _kinds(document: Document, id: str, value: dict[str, Any]) -> list[Finding]:
    steps = value.get("steps")
    findings = []
    for name, step in steps.items() if isinstance(steps, dict) else ():
        kinds = [key for key in step if key in models.KINDS] if isinstance(step, dict) else []
        if len(kinds) > 1:
            path = ("steps", name, kinds[1])
            what = f"two kinds of step in one: {' and '.join(kinds)}"
            findings.append(_finding(document, id, path, what, "make them two steps", key=True))
    return findings


def _finding(document: Document, id: str, path: Path, what: str, mend: str, *, key: bool = False) -> Finding:
    line, column = place(document, path, key=key)
    return Finding("error", where(id, path), what, mend, document.file, line, column)


def _from_pydantic(document: Document, id: str, errors: list[Any]) -> list[Finding]:
    """One finding for each place; where a value may be of several types, pydantic complains once for each of them."""
    by_place: dict[Path, list[tuple[bool, Any]]] = {}
    for error in errors:
        path, at_key = _path(document, error)
        by_place.setdefault(path, []).append((at_key or error["type"] in ("extra_forbidden", "no_kind"), error))
    findings = []
    for path, found in by_place.items():
        at_key, error = found[0]
        what, mend = _words(error, path)
        if len(found) > 1 and error["type"] != "extra_forbidden":
            what = f"{_name(path)}: {one_line(error.get('input'), 40)!r} does not fit here"
            mend = "write one of: " + one_line(", ".join(sorted({_wanted(one) for _, one in found})), 200)
        findings.append(_finding(document, id, path, what, mend, key=at_key))
    return findings


def _wanted(error: Any) -> str:
    return "a reference" if error["type"] == "value_error" else _TYPES.get(error["type"], "text")


def _path(document: Document, error: Any) -> tuple[Path, bool]:
    """The path in the file, without what pydantic adds: the kind's tag, ``[key]``, the arm of a union."""
    loc = error["loc"]
    path: Path = ()
    for position, part in enumerate(loc):
        if position == 2 and loc[0] == "steps" and part in models.KINDS:
            continue
        if (*path, part) not in document.places:
            break
        path = (*path, part)
    return ((*path, loc[-1]) if error["type"] == "missing" else path), "[key]" in loc


def _words(error: Any, path: Path) -> tuple[str, str]:
    kind, value = error["type"], error.get("input")
    name = _name(path)
    if name == "approve" and kind == "literal_error":
        return (
            f"approve: {one_line(value, 40)} is not possible; second-person approval is not built yet",
            "write `approve: operator`",
        )
    if kind == "extra_forbidden":
        known = _known(path, error["loc"])
        if name.startswith("on_") and len(path) == 3:
            edges = [key for key in known if key.startswith("on_")]
            what = f"{name} is no edge of this kind of step" if name in _ALL_EDGES else f"unknown key {name!r}"
            return what, f"{nearest(name, edges)} ({', '.join(edges) or 'it has no edges'})"
        return f"unknown key {name!r}", nearest(name, known)
    if kind == "missing":
        return f"{name!r} is missing", f"add `{name}: ...`"
    if kind == "no_kind":
        return "the step has no kind", f"add one of {', '.join(models.KINDS)}"
    if kind == "literal_error":
        given = one_line(value, 40)
        expected = error.get("ctx", {}).get("expected", "")
        return f"{name} cannot be {given!r}", f"write {expected}"
    if kind == "string_type" and name in _DURATIONS:
        return f"{name}: a duration has a unit", "write it with a unit, such as 90s, 5m or 1h30m"
    if kind in _TYPES:
        return f"{name} must be {_TYPES[kind]}", f"write {_TYPES[kind]}"
    if kind == "string_type":
        mend = f'put it in quotes: "{one_line(value, 40)}"' if isinstance(value, (int, float)) else "write text"
        return f"{name} must be text", mend
    if kind == "string_pattern_mismatch":
        return f"{name}: {one_line(value, 60)!r} is not written as it must be", _PATTERNS.get(
            name, "use small letters, digits and _"
        )
    if kind == "value_error":
        return f"{name}: {one_line(str(error['ctx']['error']), 160)}", "see the step format: `omniops runbook schema`"
    return f"{name}: {one_line(error['msg'], 160)}", "see the format: `omniops runbook schema`"


_PATTERNS = {
    "id": "use small letters, digits and -",
    "runbook": "write the id of a runbook: small letters, digits and -",
    "date": 'write it as "2026-06-18"',
    "title": "write one line of text",
}
_DURATIONS = ("within", "every", "after", "wait", "expires", "due")
_TYPES: dict[str, str] = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
}
_ALL_EDGES = {f"on_{outcome}" for outcome in ("success", "failure", "declined", "timeout", "inconclusive")}


def _name(path: Path) -> str:
    last = path[-1] if path else "it"
    if isinstance(last, int):
        return f"{'branch' if len(path) > 1 and path[-2] == 'choose' else 'item'} {last + 1}"
    return one_line(last, 60)


def _known(path: Path, loc: tuple[Any, ...]) -> list[str]:
    """The keys that the model at this path has, by the names the file uses."""
    model: type[BaseModel] = models.Runbook
    if len(path) == 3 and path[0] == "steps" and len(loc) > 2 and loc[2] in models.STEPS:
        model = models.STEPS[loc[2]]
    else:
        for part in path[:-1]:
            if isinstance(part, str) and part in _NESTED and (part != "choices" or path[0] == "steps"):
                model = _NESTED[part]
    return [field.alias or name for name, field in model.model_fields.items()]

"""References in a runbook: ``${inputs.x}``, ``${steps.id.outputs.y}``, ``${item.z}``, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

REFERENCE = re.compile(r"\$\{(inputs|steps|item)\.([A-Za-z0-9_.-]+)\}")


class Undefined(LookupError):
    """A reference to something that this run does not have (the step was skipped, or failed)."""


class Scope:
    """What references may see: the run's inputs, the outputs of finished steps, the current item of ``each``."""

    def __init__(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Mapping[str, Any]],
        item: Mapping[str, Any] | None = None,
    ) -> None:
        self.inputs, self.outputs, self.item = inputs, outputs, item

    def value(self, root: str, path: str) -> Any:
        """Return what a reference stands for. Raises Undefined."""
        try:
            if root == "inputs":
                return self.inputs[path]
            if root == "item":
                return (self.item or {})[path]
            step, _, name = path.rpartition(".outputs.")
            return self.outputs[step][name]
        except KeyError:
            raise Undefined(f"${{{root}.{path}}} has no value in this run") from None


def resolve(value: Any, scope: Scope) -> Any:
    """Replace the references in a value. A string that is one reference becomes what it stands for, of any type;
    a reference inside other text becomes text. Raises Undefined."""
    if isinstance(value, str):
        if "${" not in value:
            return value
        whole = REFERENCE.fullmatch(value)
        if whole:
            return scope.value(*whole.groups())
        return REFERENCE.sub(lambda found: as_text(scope.value(*found.groups())), value)
    if isinstance(value, dict):
        return {key: resolve(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    return value


def text(value: str, scope: Scope) -> str:
    """Like ``resolve``, for words that are only shown: an undefined reference reads "(unknown)"."""
    if "${" not in value:
        return value

    def replace(found: re.Match[str]) -> str:
        try:
            return as_text(scope.value(*found.groups()))
        except Undefined:
            return "(unknown)"

    return REFERENCE.sub(replace, value)


def as_text(value: Any) -> str:
    """Write a value for people: a list of connections is the list of their names."""
    if isinstance(value, list):
        return ", ".join(as_text(item) for item in value)
    if isinstance(value, dict):
        return str(value.get("target") or value.get("name") or value.get("id") or value)
    return str(value)


def steps_in(value: Any) -> Iterator[str]:
    """Yield the ids of the steps whose outputs a value refers to."""
    if isinstance(value, str):
        for root, path in REFERENCE.findall(value):
            if root == "steps":
                yield path.rpartition(".outputs.")[0]
    elif isinstance(value, dict):
        for item in value.values():
            yield from steps_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from steps_in(item)

"""From an action's name to the function of the runner that performs it; a module is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

Own = Callable[["Walk", dict[str, Any]], dict[str, Any]]

_HOMES = {
    "page.state": "omniops.runner.own.page:state",
    "page.firing": "omniops.runner.own.page:firing",
    "links.open": "omniops.runner.own.links:open_links",
    "severity.measure": "omniops.runner.own.severity:measure",
    "latency.compare": "omniops.runner.own.latency:compare",
    "evidence.capture": "omniops.runner.own.evidence:capture",
    "deploys.green": "omniops.runner.own.deploys:green",
    "choices.weigh": "omniops.runner.own.choices:weigh",
}


def find(name: str) -> Own | None:
    """The function called ``name``; None for an action of ``actions/``."""
    if name not in _HOMES:
        return None
    module, _, function = _HOMES[name].partition(":")
    found: Own = getattr(import_module(module), function)
    return found

"""From an action's name to the object that performs it; a module is imported when its first action is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "connection.": "omniops.actions.connections",
    "combo.": "omniops.actions.models",
    "model.": "omniops.actions.models",
    "omniroute.": "omniops.actions.reads",
    "latency.": "omniops.actions.latency",
    "authz.": "omniops.actions.reads",
    "keys.": "omniops.actions.reads",
    "db.": "omniops.actions.reads",
    "backups.": "omniops.actions.backups",
    "replicas.": "omniops.actions.replicas",
    "balancer.": "omniops.actions.replicas",
    "rollback.": "omniops.actions.rollback",
    "script.rollback": "omniops.actions.rollback",
    "script.snapshot": "omniops.actions.copies",
    "script.restore": "omniops.actions.restores",
    "data.": "omniops.actions.copies",
    "cluster.": "omniops.actions.cluster",
    "service.": "omniops.actions.cluster",
    "page.escalate": "omniops.actions.pages",
    "page.": "omniops.actions.paging",
}


def find(name: str) -> Any:
    """Return the ``Read`` or ``Write`` called ``name``: the module's table ``ACTIONS`` holds it."""
    for prefix, home in _HOMES.items():
        if name.startswith(prefix):
            return import_module(home).ACTIONS[name]
    raise KeyError(name)

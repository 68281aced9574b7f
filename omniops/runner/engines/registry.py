"""From an engine's name to the object that sends; a module is imported when its first message is due."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omniops.runner.engines.base import Engine

_HOMES = {
    "slack": "omniops.runner.engines.slack",
    "slack.headline": "omniops.runner.engines.slack",
    "status": "omniops.runner.engines.status",
    "mail": "omniops.runner.engines.mail",
    "webhook": "omniops.runner.engines.webhook",
    "apprise": "omniops.runner.engines.apprise",
    "pager.note": "omniops.runner.engines.pager",
    "pager.responder": "omniops.runner.engines.pager",
    "pager.event": "omniops.runner.engines.pager",
    "github.issue": "omniops.runner.engines.github",
    "alertmanager.alert": "omniops.runner.engines.alerts",
}


def find(name: str) -> Engine | None:
    """Return the engine, or None for a name that this omniops does not know: its messages wait for one that does."""
    home = _HOMES.get(name)
    engine: Engine | None = import_module(home).ENGINES[name] if home else None
    return engine

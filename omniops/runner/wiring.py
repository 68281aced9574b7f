"""Puts together what a walk needs: settings, clock, clients, jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput

if TYPE_CHECKING:
    from omniops.actions.base import Context
    from omniops.engine.graph import Graph
    from omniops.services.clients import Clients
    from omniops.services.omniroute import OmniRoute

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def loopback_only(url: str) -> None:
    """A drill's guard: every client calls it with every address before asking. Raises BadInput."""
    if (urlsplit(url).hostname or "") not in LOOPBACK:
        raise BadInput(
            "a drill reaches nothing but this machine",
            why=f"something asked for {urlsplit(url).hostname}",
            state="nothing was sent",
            next="this is a bug in omniops or in the runbook; please report it",
        )


def clients_of(settings: Settings, clock: Clock) -> Clients:
    """The clients of outside systems for a command that walks nothing. Nothing is asked of any service yet."""
    from omniops.services.clients import Clients

    return Clients(settings, clock, loopback_only if settings.drill else None)


class Unasked:
    """Stands for the server in the walk of a runbook that asks nothing of it: its client is not even imported."""

    def __init__(self) -> None:
        self.permit: Callable[[], None] = lambda: None

    def close(self) -> None:
        """There is nothing to close."""


def asks_server(graph: Graph) -> bool:
    """Does anything that a runbook may do ask OmniRoute?"""
    from omniops.actions.specs import SPECS

    kinds = [step["kind"] for step in graph["steps"].values()]
    actions = [SPECS[step["action"]] for step in graph["steps"].values() if step["kind"] == "action"]
    return "verify" in kinds or not all(one.alone for one in actions)


def server_of(graph: Graph, settings: Settings) -> str:
    """The server's address. Raises BadInput where it is not known, unless the runbook asks nothing of it: then ""."""
    try:
        return settings.omniroute_url
    except BadInput:
        if asks_server(graph):
            raise
        return ""


def context(settings: Settings, clock: Clock, incident: str, onset: datetime, url: str) -> Context:
    """Build what actions may use. ``url``: the server's; "" where nothing is asked of it. Nothing is asked of any
    service yet. Raises BadInput."""
    from omniops.actions.base import Context
    from omniops.jobs.local import LocalJobs
    from omniops.services.pagerduty import Events

    guard = loopback_only if settings.drill else None
    return Context(
        settings=settings,
        clock=clock,
        omniroute=_server(url, settings, clock, guard),
        pagerduty=Events(settings, guard),
        jobs=LocalJobs(settings.state_folder / "jobs", settings, clock),
        incident=incident,
        onset=onset,
        clients=clients_of(settings, clock),
    )


def _server(url: str, settings: Settings, clock: Clock, guard: Callable[[str], None] | None) -> OmniRoute:
    if not url:
        return cast("OmniRoute", Unasked())
    from omniops.services.omniroute import OmniRoute

    return OmniRoute(url, settings, clock, guard)

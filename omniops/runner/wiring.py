"""Puts together what a walk needs: settings, clock, clients, jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omniops.actions.base import Context
from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput

if TYPE_CHECKING:
    from omniops.engine.graph import Graph
    from omniops.services.clients import Clients

NOWHERE = "http://omniroute.invalid"
"""Stands for a server that nobody knows, and that the runbook does not ask; the name is reserved for being none."""
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


def server_of(graph: Graph, settings: Settings) -> str:
    """The server's address. Raises BadInput where it is not known, unless the runbook asks nothing of it: then ""."""
    from omniops.actions.specs import SPECS

    try:
        return settings.omniroute_url
    except BadInput:
        kinds = [step["kind"] for step in graph["steps"].values()]
        actions = [SPECS[step["action"]] for step in graph["steps"].values() if step["kind"] == "action"]
        if "verify" in kinds or not all(one.alone for one in actions):
            raise
        return ""


def context(settings: Settings, clock: Clock, incident: str, onset: datetime, url: str) -> Context:
    """Build what actions may use. ``url``: the server's, as `server_of` says it. Nothing is asked of any service yet.
    Raises BadInput."""
    from omniops.jobs.local import LocalJobs
    from omniops.services.omniroute import OmniRoute
    from omniops.services.pagerduty import Events

    guard = loopback_only if settings.drill else None
    return Context(
        settings=settings,
        clock=clock,
        omniroute=OmniRoute(url or NOWHERE, settings, clock, guard),
        pagerduty=Events(settings, guard),
        jobs=LocalJobs(settings.state_folder / "jobs", settings, clock),
        incident=incident,
        onset=onset,
        clients=clients_of(settings, clock),
    )

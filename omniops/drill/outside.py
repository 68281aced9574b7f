"""The services outside OmniRoute that a drill simulates: their ports, and the settings that lead to them.

A service is a class made from the ``World``, with ``answer(handler, body) -> Reply | None``; what must survive a kill
it keeps in ``world.data``. ``refusal(fault) -> Reply``, where it has one, is what it answers to a request that it does
not carry out. Faults reach it by its name here: ``error-500@GET:pagerduty/incidents``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from omniops.drill import faults
from omniops.drill.api import Reply
from omniops.drill.wire import Answer, Handler, Port, through_faults
from omniops.drill.world import World


class Outside(NamedTuple):
    """``setting``: what its URL is told as. ``place``: module:class, below omniops.drill."""

    setting: str
    place: str


SERVICES: dict[str, Outside] = {
    "pagerduty": Outside("PAGERDUTY_URL", "pager:Pager"),
    "prometheus": Outside("PROMETHEUS_URL", "metrics:Metrics"),
    "events": Outside("PAGERDUTY_EVENTS_URL", "pager_events:PagerEvents"),
    "slack": Outside("SLACK_URL", "chat:Chat"),
    "alertmanager": Outside("ALERTMANAGER_URL", "alerts:Alerts"),
    "statuspage": Outside("STATUSPAGE_URL", "status_page:StatusPage"),
}


def make(world: World, name: str) -> Any:
    """The service of this name."""
    module, _, kind = SERVICES[name].place.partition(":")
    return getattr(import_module(f"omniops.drill.{module}"), kind)(world)


def answering(world: World, name: str, service: Any) -> Answer:
    """The function of a service's port: its faults first, then the service."""
    refusal: Callable[[faults.Fault], Reply] = getattr(service, "refusal", plain_refusal)

    def serve(handler: Handler, body: bytes) -> Reply | None:
        with world.lock:
            path = name + urlsplit(handler.path).path
            met = faults.fire(world.faults, world.data["fault_counts"], handler.command, path)
            if met:
                world.save()

        def work() -> Reply | None:
            reply: Reply | None = service.answer(handler, body)
            return reply

        return through_faults(handler, met, work, refusal)

    return serve


def plain_refusal(fault: faults.Fault) -> Reply:
    """For a service without words of its own."""
    status = {"unauthorized": 401, "redirect": 307, "rate-limited": 429, "rate-limited-bare": 429}.get(fault.kind, 500)
    where = (("location", "/elsewhere"),) if fault.kind == "redirect" else ()
    return Reply(status, {"error": fault.kind}, headers=where)


def ports(world: World) -> dict[str, Port]:
    """The ports of every service, closed; none in a scenario that does not begin with a page. Kept over a kill."""
    kept = world.data["ports"].get("outside", {})
    return {
        name: Port(kept.get(name, 0), answering(world, name, make(world, name)), world.now)
        for name in (SERVICES if world.scenario.paged else ())
    }


def settings(ports: dict[str, str]) -> dict[str, str]:
    """The settings that lead to the services: ``ports`` is name -> URL."""
    return {SERVICES[name].setting: url for name, url in ports.items()}

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
from omniops.drill.discord import PATH as DISCORD_HOOK
from omniops.drill.ports import Held
from omniops.drill.scenarios import Scenario
from omniops.drill.wire import Answer, Handler, Port, through_faults
from omniops.drill.world import World

BEST, LESSER = "best", "lesser"


class Outside(NamedTuple):
    """``setting``: what its URL is told as, with ``path`` at its end. ``place``: module:class, below omniops.drill.
    ``only``: it is there where a scenario has the best way to everyone, or only a lesser one."""

    setting: str
    place: str
    path: str = ""
    only: str = ""


SERVICES: dict[str, Outside] = {
    "pagerduty": Outside("PAGERDUTY_URL", "pager:Pager"),
    "prometheus": Outside("PROMETHEUS_URL", "metrics:Metrics"),
    "events": Outside("PAGERDUTY_EVENTS_URL", "pager_events:PagerEvents"),
    "slack": Outside("SLACK_URL", "chat:Chat", only=BEST),
    "alertmanager": Outside("ALERTMANAGER_URL", "alerts:Alerts"),
    "statuspage": Outside("STATUSPAGE_URL", "status_page:StatusPage", only=BEST),
    "discord": Outside("DISCORD_WEBHOOK_URL", "discord:Discord", DISCORD_HOOK, only=LESSER),
    "github": Outside("GH_URL", "github:GitHub"),
    "mail": Outside("SMTP_URL", "mailbox:Mailbox"),
}


def _kind(name: str) -> Any:
    module, _, kind = SERVICES[name].place.partition(":")
    return getattr(import_module(f"omniops.drill.{module}"), kind)


def make(world: World, name: str) -> Any:
    """The service of this name, one that speaks HTTP."""
    return _kind(name)(world)


def port(world: World, name: str, wanted: int = 0) -> Held:
    """The port of the service of this name, closed. ``wanted``: its number, 0 for any."""
    kind = _kind(name)
    if issubclass(kind, Held):  # it does not speak HTTP
        made: Held = kind(wanted, world)
        return made
    return Port(wanted, answering(world, name, kind(world)), world.now)


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


def names(scenario: Scenario) -> list[str]:
    """The services that there are in a scenario; none where it does not begin with a page."""
    ways = ("", LESSER if scenario.lesser else BEST)
    return [name for name, one in SERVICES.items() if scenario.paged and one.only in ways]


def ports(world: World) -> dict[str, Held]:
    """The ports of every service, closed. Kept over a kill."""
    kept = world.data["ports"].get("outside", {})
    return {name: port(world, name, kept.get(name, 0)) for name in names(world.scenario)}


def settings(ports: dict[str, str]) -> dict[str, str]:
    """The settings that lead to the services: ``ports`` is name -> URL."""
    return {SERVICES[name].setting: url + SERVICES[name].path for name, url in ports.items()}

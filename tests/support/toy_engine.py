"""An engine that takes every message, for what has no service in a test."""

from __future__ import annotations

from typing import Any

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.runner.engines.order import overtaken
from omniops.services.clients import Clients

taken: list[tuple[str, str, dict[str, Any]]] = []
"""Engine, address and body of each."""
failures: list[bool] = []
"""Whether the next attempts fail, one after the other; what follows them is taken."""


class Taking:
    safe_to_resend = True
    longest_s, settle_s = 10.0, 0.0
    missing = "TOY is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return bool(settings.get("TOY"))

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        if message.engine == "status" and overtaken(places.events(), message):
            return Delivery("dropped", why="a newer text is on the status page")
        if failures and failures.pop(0):
            return Delivery("failed", why="the toy is down")
        taken.append((message.engine, message.to, message.body))
        return Delivery("sent", ref=message.id)


ENGINES: dict[str, Engine] = {name: Taking() for name in ("slack", "slack.headline", "status", "mail", "webhook")}

"""``slack``: one text to one channel. Slack cannot tell afterwards whether it has it, so it is never resent by itself."""

from __future__ import annotations

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine
from omniops.services.clients import Clients


class Slack:
    """``body``: {"text"}; ``to``: ``#channel``."""

    safe_to_resend = False
    missing = "SLACK_BOT_TOKEN is not set"

    def configured(self, settings: Settings) -> bool:
        return settings.has_secret("SLACK_BOT_TOKEN")

    def send(self, clients: Clients, message: Message) -> Delivery:
        raise NotImplementedError


ENGINES: dict[str, Engine] = {"slack": Slack()}

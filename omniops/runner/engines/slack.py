"""``slack``: one text to one channel. Slack cannot tell whether it has a message, so none is resent by itself."""

from __future__ import annotations

from omniops.config import Settings
from omniops.errors import Unreachable
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine
from omniops.services.clients import Clients


class Slack:
    """``body``: {"text"}; ``to``: ``#channel``."""

    safe_to_resend = False
    settle_s = 0.0
    missing = "SLACK_BOT_TOKEN is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return settings.has_secret("SLACK_BOT_TOKEN")

    def send(self, clients: Clients, message: Message) -> Delivery:
        from omniops.services.slack import AUTH, SlackBusy, SlackRefused

        try:
            ts = clients.slack.post(message.to, str(message.body["text"]))
        except SlackBusy as busy:
            return Delivery("failed", why=f"{busy.what}: {busy.why}", retry_in_s=busy.retry_in_s, down=True)
        except Unreachable as error:
            return Delivery("failed", why=f"{error.what}: {error.why}", down=True)
        except SlackRefused as no:
            # An incident's own channel need not exist: then the text is for a person to paste where they talk.
            missing = no.code in ("channel_not_found", "is_archived", "not_in_channel")
            if missing and message.to.startswith("#inc-"):
                return Delivery("shown", why=f"{message.to}: {no.why}")
            return Delivery("failed", why=f"{no.what}: {no.why}", down=no.code in AUTH)
        return Delivery("sent", ref=ts)


ENGINES: dict[str, Engine] = {"slack": Slack()}

"""``webhook``: a text through an incoming webhook of Slack or Discord. It cannot be asked, so none is resent."""

from __future__ import annotations

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.runner.engines.ways import cut
from omniops.services.clients import Clients


class ByWebhook:
    """``body``: {"text"}; ``to``: ``slack``, ``discord``, or "" for the one that there is, Slack's first. It posts to a
    channel of all incidents, so the text names its own."""

    safe_to_resend = False
    longest_s, settle_s = 10.0, 10.0
    missing = "neither SLACK_WEBHOOK_URL nor DISCORD_WEBHOOK_URL is set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return bool(_kind(settings, message))

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        return through_webhook(clients, message)


def through_webhook(clients: Clients, message: Message) -> Delivery:
    """Post a message's text, with the incident's id in it."""
    from omniops.services.webhook import Webhook

    kind, text = _kind(clients.settings, message), str(message.body["text"])
    if message.incident and message.incident not in text:
        text = f"[{message.incident}] {text}"
    hook = Webhook(kind, clients.settings, clients.clock, clients.guard)
    how = f"through {kind.capitalize()}'s webhook" + cut(text, hook.most)
    return Delivery("sent", ref=hook.post(text), how=how)


def _kind(settings: Settings, message: Message) -> str:
    from omniops.services.webhook import SETTING

    wanted = (message.to,) if message.to in SETTING else tuple(SETTING)
    return next((kind for kind in wanted if settings.has_secret(SETTING[kind])), "")


ENGINES: dict[str, Engine] = {"webhook": ByWebhook()}

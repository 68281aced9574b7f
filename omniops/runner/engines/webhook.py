"""``webhook``: a text through an incoming webhook of Slack or Discord. It cannot be asked, so none is resent."""

from __future__ import annotations

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.runner.engines.room import Room
from omniops.services.clients import Clients


class ByWebhook:
    """``body``: {"text"}; ``to``: ``slack``, ``discord``, or "" for the one that there is, Slack's first. It posts to a
    channel of all incidents, so the text names its own."""

    safe_to_resend = False
    longest_s, settle_s = 10.0, 10.0
    missing = "neither SLACK_WEBHOOK_URL nor DISCORD_WEBHOOK_URL is set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return bool(_kind(settings, message))

    def room(self, settings: Settings, message: Message) -> Room:
        return room_of_webhook(settings, message)

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        return through_webhook(clients, message)


def through_webhook(clients: Clients, message: Message) -> Delivery:
    """Post a message's text, with the incident's id in it."""
    from omniops.services.webhook import Webhook

    kind, text = _kind(clients.settings, message), _before(message) + str(message.body["text"])
    ref = Webhook(kind, clients.settings, clients.clock, clients.guard).post(text)
    return Delivery("sent", ref=ref, how=f"through {kind.capitalize()}'s webhook")


def room_of_webhook(settings: Settings, message: Message) -> Room:
    """What a message may hold, with the incident's id in front of it."""
    from omniops.services.webhook import MOST

    kind = _kind(settings, message)
    return Room(f"{kind.capitalize()}'s webhook", {"text": MOST[kind] - len(_before(message))})


def _before(message: Message) -> str:
    """What is put in front of a text that does not name its incident."""
    named = not message.incident or message.incident in str(message.body.get("text"))
    return "" if named else f"[{message.incident}] "


def _kind(settings: Settings, message: Message) -> str:
    from omniops.services.webhook import SETTING

    wanted = (message.to,) if message.to in SETTING else tuple(SETTING)
    return next((kind for kind in wanted if settings.has_secret(SETTING[kind])), "")


ENGINES: dict[str, Engine] = {"webhook": ByWebhook()}

"""Which way a text takes to its readers, as the settings say: asked by the engines, and by who queues for them."""

from __future__ import annotations

from omniops.config import Settings

WEBHOOKS = ("SLACK_WEBHOOK_URL", "DISCORD_WEBHOOK_URL")


def by_webhook(settings: Settings) -> bool:
    """Is a webhook all there is to reach the channel by? It is the lesser way: it posts where it was made for, and it
    makes, edits and pins nothing."""
    return not settings.has_secret("SLACK_BOT_TOKEN") and any(settings.has_secret(name) for name in WEBHOOKS)

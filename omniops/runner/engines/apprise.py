"""``apprise``: a text to whatever else Apprise knows (APPRISE_URLS). An optional extra: ``omniops[apprise]``."""

from __future__ import annotations

from omniops.config import Settings
from omniops.errors import BadInput
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.services.clients import Clients

INSTALL = 'pip install "omniops[apprise]"'


class ByApprise:
    """``body``: {"title", "text"}. Apprise says only whether all of them took it, and cannot be asked; not used in a
    drill, because it asks no guard."""

    safe_to_resend = False
    longest_s, settle_s = 60.0, 10.0
    missing = "APPRISE_URLS is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return settings.has_secret("APPRISE_URLS") and not settings.drill

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        if clients.guard is not None:
            raise BadInput("a drill sends nothing through Apprise", state="nothing was sent")
        try:
            import apprise
        except ImportError:
            return Delivery("failed", why=f"apprise is not installed: {INSTALL}", down=True)
        import logging

        logging.getLogger("apprise").addHandler(logging.NullHandler())  # what it says may hold an address
        told = apprise.Apprise()
        urls = clients.settings.secret("APPRISE_URLS").replace(",", " ").split()
        bad = sum(not told.add(url) for url in urls)
        if bad or not urls:
            return Delivery("failed", why=f"Apprise does not understand {bad} of {len(urls)} addresses in APPRISE_URLS")
        text, title = str(message.body["text"]), str(message.body.get("title") or "omniops")
        if not told.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT):
            return Delivery("unsure", why="Apprise says that not all of them took it, and not which")
        return Delivery("sent", ref="", how=f"Apprise, {len(urls)} address{'es' if len(urls) > 1 else ''}")


ENGINES: dict[str, Engine] = {"apprise": ByApprise()}

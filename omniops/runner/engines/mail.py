"""``mail``: one text by e-mail. A mail server cannot be asked whether it has it, so none is resent by itself."""

from __future__ import annotations

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.services.clients import Clients


class ByMail:
    """``to``: an address, or several with commas; ``body``: {"subject", "text", "kind"}. A message without an address
    is for a person to pass on."""

    safe_to_resend = False
    longest_s, settle_s = 40.0, 10.0
    missing = "SMTP_URL or MAIL_FROM is not set, or no address is known"

    def configured(self, settings: Settings, message: Message) -> bool:
        return settings.has_secret("SMTP_URL") and bool(settings.get("MAIL_FROM")) and bool(message.to)

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        from omniops.services.mail import Letter, Mail, message_id

        mail, body = Mail(clients.settings, clients.guard), message.body
        id = message_id(mail.sender(), message.incident, str(body.get("kind") or ""), message.id)
        to = tuple(one.strip() for one in message.to.split(",") if one.strip())
        sent = mail.send(Letter(to, str(body["subject"]), str(body["text"]), id), places.look)
        return Delivery("sent", ref=id, how=f"but not to {sent.refused}" if sent.refused else "")


ENGINES: dict[str, Engine] = {"mail": ByMail()}

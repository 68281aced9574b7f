"""Messages that go through PagerDuty: a note on a page, another responder, a page to somebody else's integration."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.services.clients import Clients

if TYPE_CHECKING:
    from omniops.services.pagerduty_rest import PagerDuty

MAX_NOTE = 24_000


class Note:
    """``pager.note``: ``to`` is the page's id, ``body`` {"content"}. PagerDuty keeps two equal notes, but can be asked:
    every note ends with the message's id, and before a second attempt the notes are looked through for it."""

    safe_to_resend = True
    longest_s, settle_s = 15.0, 10.0
    missing = "PAGERDUTY_TOKEN is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return settings.has_secret("PAGERDUTY_TOKEN")

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        mark = f"[omniops {message.id}]"
        pager = clients.pager
        pager.budget()
        if message.attempts > 1:
            for note in pager.notes(message.to):
                if mark in note.content:
                    return Delivery("sent", ref=note.id, how="it was there already")
        note = pager.add_note(message.to, f"{str(message.body['content'])[:MAX_NOTE]}\n{mark}", places.look)
        return Delivery("sent", ref=note.id)


class Responder:
    """``pager.responder``: ``to`` is the page's id, ``body`` {"message"} and perhaps "user"; without one it is whoever
    is on call at the second level. Each request notifies them anew, and PagerDuty cannot be asked whether it was made.
    Where the account cannot do it, the secondary's own integration is used."""

    safe_to_resend = False
    longest_s, settle_s = 15.0, 10.0
    missing = "PAGERDUTY_TOKEN is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return settings.has_secret("PAGERDUTY_TOKEN")

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        from omniops.services.pagerduty_errors import ABILITY, PagerRefused

        pager, words = clients.pager, str(message.body["message"])
        pager.budget()
        try:
            user = str(message.body.get("user") or _secondary(pager, message.to))
            if not user:
                return Delivery("failed", why="nobody is on call at the second level of the escalation policy")
            pager.request_responder(message.to, user, words, places.look)
        except PagerRefused as no:
            if no.code == ABILITY and clients.events.has_key("secondary"):
                places.look()
                return _event(clients, "secondary", words, message)
            raise
        return Delivery("sent", ref=message.to)


def _secondary(pager: PagerDuty, page: str) -> str:
    """The id of the first person above the first level who is not the operator; "" where there is none."""
    me = pager.me().id
    others = [one.user.id for one in pager.oncalls(pager.get(page).policy) if one.level > 1 and one.user.id != me]
    return others[0] if others else ""


class Event:
    """``pager.event``: ``to`` is a role ("secondary"), ``body`` {"summary"} and perhaps "source" and "dedup_key".
    PagerDuty makes one page of all events with one dedup key, so it is sent again until it is accepted."""

    safe_to_resend = True
    longest_s, settle_s = 10.0, 0.0
    missing = "there is no PagerDuty routing key for them"

    def configured(self, settings: Settings, message: Message) -> bool:
        from omniops.services.pagerduty import Events

        return Events(settings).has_key(message.to)

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        return _event(clients, message.to, str(message.body["summary"]), message)


def _event(clients: Clients, role: str, summary: str, message: Message) -> Delivery:
    key = str(message.body.get("dedup_key") or dedup_key(message))
    reply = clients.events.trigger(role, summary, key, str(message.body.get("source") or "omniops"))
    if reply.status == "sent":
        return Delivery("sent", ref=key, how="accepted; delivery is not confirmed")
    return Delivery("failed" if reply.status == "refused" else "unsure", why=reply.detail)


def dedup_key(message: Message) -> str:
    """The same for every attempt, and telling nothing about the message."""
    return "omniops-" + sha256(f"{message.stream}/{message.key}".encode()).hexdigest()[:32]


ENGINES: dict[str, Engine] = {"pager.note": Note(), "pager.responder": Responder(), "pager.event": Event()}

"""``github.issue``: one issue, through `gh`. A hidden mark in its body tells whether it is there already."""

from __future__ import annotations

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine
from omniops.services.clients import Clients


class Issue:
    """``to``: ``owner/name``, "" for GH_REPO. ``body``: {"title", "body", and perhaps "labels"}. Never in a drill: gh
    talks to GitHub."""

    safe_to_resend = True
    settle_s = 10.0
    missing = "there is no gh, or no GH_REPO"

    def configured(self, settings: Settings, message: Message) -> bool:
        from omniops.services.gh import installed

        return bool(_repo(settings, message)) and not settings.drill and installed(settings)

    def send(self, clients: Clients, message: Message) -> Delivery:
        from omniops.services.gh import Gh

        mark = f"<!-- omniops:{message.incident or 'outbox'}:{message.id} -->"
        gh = Gh(clients.settings, _repo(clients.settings, message))
        if message.attempts > 1 and (url := gh.find(mark)):
            return Delivery("sent", ref=url, how="it was there already")
        text = f"{message.body.get('body') or ''}\n\n{mark}\n"
        made = gh.create(str(message.body["title"]), text, [str(label) for label in message.body.get("labels") or []])
        return Delivery("sent", ref=made.url, how="" if made.labelled else "without its labels, which are not there")


def _repo(settings: Settings, message: Message) -> str:
    return message.to or settings.get("GH_REPO")


ENGINES: dict[str, Engine] = {"github.issue": Issue()}

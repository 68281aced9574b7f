"""``github.issue``: one issue, through `gh`, else the REST API. A hidden mark in its body tells whether it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.config import Settings
from omniops.incident.outbox import Message, hidden_mark
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.services.clients import Clients

if TYPE_CHECKING:
    from omniops.services.gh import Gh
    from omniops.services.github import GitHub


class Issue:
    """``to``: ``owner/name``, "" for GH_REPO. ``body``: {"title", "body", and perhaps "labels", "make_labels" (those
    that are missing), "mark"}. With a ``mark`` of its own an issue is looked for before the first attempt as well, so
    that another journal's is found too. A drill has a `gh` and a GitHub of its own, or none."""

    safe_to_resend = True
    longest_s, settle_s = 40.0, 20.0
    missing = "there is no gh and no GH_TOKEN, or no GH_REPO"

    def configured(self, settings: Settings, message: Message) -> bool:
        from omniops.services.gh import installed

        able = installed(settings) or settings.has_secret("GH_TOKEN")
        return bool(_repo(settings, message)) and able

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        own = str(message.body.get("mark") or "")
        name = own or f"{message.incident or 'outbox'}:{message.id}"
        mark = hidden_mark(name)
        github = _way_in(clients, message)
        labels = [str(label) for label in message.body.get("labels") or []]
        label = labels[0] if own and labels else ""
        if (own or message.attempts > 1) and (url := github.find(mark, label)):
            return Delivery("sent", ref=url, how="it was there already")
        text = f"{message.body.get('body') or ''}\n\n{mark}\n"
        make = bool(message.body.get("make_labels"))
        made = github.create(str(message.body["title"]), text, labels, make_labels=make, before=places.look)
        return Delivery("sent", ref=made.url, how="" if made.labelled else "without its labels, which are not there")


def _way_in(clients: Clients, message: Message) -> Gh | GitHub:
    """`gh`, which knows who the operator is there; without one, GH_TOKEN says it."""
    from omniops.services.gh import Gh, installed

    repo = _repo(clients.settings, message)
    if installed(clients.settings):
        return Gh(clients.settings, repo)
    from omniops.services.github import GitHub

    return GitHub(clients.settings, clients.clock, clients.guard, repo)


def _repo(settings: Settings, message: Message) -> str:
    return message.to or settings.get("GH_REPO")


ENGINES: dict[str, Engine] = {"github.issue": Issue()}

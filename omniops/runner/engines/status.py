"""``status``: the status page: Statuspage where it is set up, else the one that is a git repository."""

from __future__ import annotations

from typing import Any

from omniops.config import Settings
from omniops.incident.communication import LEVELS, STATUSES
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.runner.engines.order import blocked, overtaken
from omniops.runner.engines.room import Room
from omniops.services.clients import Clients


def by_statuspage(settings: Settings) -> bool:
    """Is Statuspage set up? It goes before the git repository."""
    return settings.has_secret("STATUSPAGE_TOKEN") and bool(settings.get("STATUSPAGE_PAGE"))


class Status:
    """``body``: {"title", "status", "impact", "body"}. All of an incident go to one entry, which is found again by what
    it carries unseen; a text that is there is not published again, and none comes after a newer one."""

    safe_to_resend = True
    longest_s, settle_s = 30.0, 15.0
    missing = "no status page is set up: STATUSPAGE_TOKEN and STATUSPAGE_PAGE, or STATUS_REPO"

    def configured(self, settings: Settings, message: Message) -> bool:
        return by_statuspage(settings) or bool(settings.get("STATUS_REPO"))

    def room(self, settings: Settings, message: Message) -> Room:
        from omniops.services.status_git import MAX_BODY, MAX_TITLE  # Statuspage's own are the same

        return Room("the status page", {"title": MAX_TITLE, "body": MAX_BODY})

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        body = message.body
        if body["status"] not in STATUSES or body["impact"] not in LEVELS:
            return Delivery("dropped", why="no status page knows this status or impact")
        events = places.events()
        if overtaken(events, message):
            return Delivery("dropped", why="a newer text is on the status page")
        if other := blocked(events, message):
            return Delivery("failed", why=f"of the texts, {other}", retry_in_s=self.settle_s)
        if by_statuspage(clients.settings):
            return _to_statuspage(clients, message, places)
        return _to_git(clients, message, places)


def _to_statuspage(clients: Clients, message: Message, places: Places) -> Delivery:
    page, fact = clients.statuspage, places.fact("status.opened")
    entry = page.get(str(fact["id"]), message.incident) if fact.get("at") == "statuspage" else None
    entry = entry or page.find(message.incident)
    if entry is not None and message.id in entry.messages:
        published, how = entry, "it was there already"
    else:
        page.wait()
        places.look()
        given = tuple(str(message.body[name]) for name in ("title", "status", "impact", "body"))
        published = (
            page.open(message.incident, message.id, *given) if entry is None else page.update(entry, message.id, *given)
        )
        how = ""
    _keep(places, {"at": "statuspage", "id": published.id, "url": published.url})
    return Delivery("sent", ref=published.url or published.id, how=how)


def _to_git(clients: Clients, message: Message, places: Places) -> Delivery:
    from omniops.services.status_git import StatusGit, Update

    body = message.body
    update = Update(message.incident, message.id, body["title"], body["status"], body["impact"], body["body"])
    done = StatusGit(clients.settings, clients.guard).publish(update, clients.clock.now(), places.look)
    _keep(places, {"at": "git", "id": done.path, "url": ""})
    return Delivery("sent", ref=done.commit, how="it was there already" if done.found else done.path)


def _keep(places: Places, fact: dict[str, Any]) -> None:
    if places.fact("status.opened") != fact:
        places.keep("status.opened", fact)


ENGINES: dict[str, Engine] = {"status": Status()}

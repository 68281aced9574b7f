"""Tells whoever else is to know, through Apprise (APPRISE_URLS): once that a SEV-1 or SEV-2 is declared, once that it
is resolved.

It is looked at after every command and on every tick, as the headline is, so a command that was killed in between
changes nothing. The words are the status page's, without anybody's own among them, so nobody is asked for a last look.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from omniops.config import Settings
from omniops.incident import drafts
from omniops.incident.ladder import DECLARED
from omniops.incident.outbox import fold, with_key
from omniops.incident.view import Incident
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Journal, New
from omniops.runner.outbox import new_message

if TYPE_CHECKING:
    from omniops.incident.communication import Communication

OVER = "it is resolved, and nobody there was told that it had begun"


def tell_all(journal: Journal, now: datetime, settings: Settings, rules: Communication) -> None:
    """Owe what is to be told of every incident; nothing without APPRISE_URLS, and in a drill. Raises OmniopsError where
    the journal cannot be written."""
    if settings.drill or not settings.has_secret("APPRISE_URLS"):
        return
    for stream in journal.streams("incident/"):
        _tell(journal, stream.removeprefix("incident/"), now, rules)


def _tell(journal: Journal, incident: str, now: datetime, rules: Communication) -> None:
    stream = f"incident/{incident}"

    def attempt() -> None:
        events = journal.read(stream)
        found, said = Incident(incident, events), fold(events)
        begun = with_key(said, drafts.BEGUN)
        if found.frozen or (begun is None and (found.resolved or found.severity not in DECLARED)):
            return
        if begun is not None and (not found.resolved or begun.state == "dropped" or with_key(said, drafts.OVER)):
            return
        if begun is not None and begun.state == "waiting":
            journal.append([New(stream, len(events), "message.dropped", {"id": begun.id, "why": OVER})])
            return
        draft = drafts.elsewhere(found, rules, now)
        new = new_message(
            journal, incident, engine=draft.engine, to=draft.to, about=draft.about, body=draft.body, key=draft.key
        )
        journal.append([new._replace(expected=len(events))])

    retry_on_conflict(attempt, "nothing was sent")

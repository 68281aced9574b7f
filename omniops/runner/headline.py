"""Keeps the headline in an incident's channel as the incident is: a new one is owed whenever it would say something
else.

It is looked at after every command and on every tick, so a command that was killed in between changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from omniops.config import Settings
from omniops.incident import headline
from omniops.incident.drafts import progress
from omniops.incident.outbox import fold
from omniops.incident.view import MITIGATION_KINDS, Incident, Mitigation, mitigations
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Journal, New
from omniops.runner.comms import obligations_of, rules_of
from omniops.runner.engines.ways import by_webhook
from omniops.runner.known import runs_of
from omniops.runner.outbox import new_message

if TYPE_CHECKING:
    from omniops.incident.communication import Communication

OLDER = "a newer headline has taken its place"


def keep_all(journal: Journal, now: datetime, settings: Settings) -> list[str]:
    """`keep` for every incident; the ids of the messages that were queued."""
    if not journal.counts().get("severity"):
        return []
    streams, known = journal.streams("incident/"), Known(journal, settings)
    return [id for name in streams if (id := keep(journal, name.removeprefix("incident/"), now, settings, known))]


class Known:
    """What is the same for every incident, read when it is first wanted."""

    def __init__(self, journal: Journal, settings: Settings) -> None:
        self._journal, self._settings = journal, settings

    @cached_property
    def rules(self) -> Communication:
        """communication.yaml. Raises BadInput."""
        return rules_of(self._settings.user_runbooks)

    @cached_property
    def in_force(self) -> list[Mitigation]:
        """What is in force, of all incidents."""
        return mitigations(self._journal.kinds(MITIGATION_KINDS))


def keep(journal: Journal, incident: str, now: datetime, settings: Settings, known: Known | None = None) -> str:
    """Queue a headline where the last one does not say what is true now; its id, or "" where nothing was to be done.

    One that would still be sent by itself is dropped for it. Through a webhook, which edits nothing, it is posted anew
    each time. Raises OmniopsError where the journal cannot be written, or communication.yaml is wrong.
    """
    stream = f"incident/{incident}"

    def attempt() -> str:
        nonlocal known
        events = journal.read(stream)
        found = Incident(incident, events)
        if not headline.wanted(found, events):
            return ""
        runs = [journal.read(f"run/{run}") for run in runs_of(journal, incident)]
        known = known or Known(journal, settings)
        owed = obligations_of(journal, now, incident, folder=settings.user_runbooks, rules=known.rules)
        mine = [one for one in known.in_force if one.incident == incident]
        body = headline.body(found, progress(found, runs, mine), owed)
        engine, to = headline.ENGINE, "incident"
        if by_webhook(settings):
            engine, to, body = "webhook", "", {"text": body["headline"]}
        before = [one for one in fold(events) if one.about == headline.ABOUT]
        if before and before[-1].body == body:
            return ""
        key = f"headline/{len(before) + 1}"
        new = new_message(journal, incident, engine=engine, to=to, about=headline.ABOUT, body=body, key=key)
        older = [
            New(stream, None, "message.dropped", {"id": one.id, "why": OLDER})
            for one in before
            if one.state in ("waiting", "unsure") and one.due
        ]
        journal.append([new._replace(expected=len(events)), *older])
        return str(new.data["id"])

    return retry_on_conflict(attempt, "nothing was sent")

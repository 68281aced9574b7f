"""`page open --source`: what no pager knows becomes an incident, and is told where section 2 routes it to.

Everything that is told goes through the outbox, and is written down together with the incident: given again after a
crash, the same thing is found open already.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from omniops.clock import iso
from omniops.errors import BadInput
from omniops.incident.detection import Source, owed
from omniops.incident.outbox import Message
from omniops.incident.page import Page
from omniops.incident.view import Incident, new_id
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Journal, New
from omniops.runner.desk import Desk
from omniops.runner.engines.room import too_long
from omniops.text import clean, one_line


class Opened(NamedTuple):
    """What was opened. ``incident`` is "" for a source that opens none; ``messages``: (engine, to) in order."""

    source: Source
    title: str
    incident: str
    new: bool
    messages: list[tuple[str, str]]
    waits: list[str] = []  # ids of what was owed before, and is not known to have been sent

    def as_json(self) -> dict[str, Any]:
        told = [{"engine": engine, "to": to or None} for engine, to in self.messages]
        line = {key: getattr(self.source, key) for key in ("id", "source", "signal", "routing")}
        next = f"omniops mitigate {self.source.then}" if self.source.then else None
        return {"source": line, "title": self.title, "incident": self.incident or None, "new": self.new, "told": told,
                "waits": self.waits, "next": next}  # fmt: skip


def find(sources: tuple[Source, ...], id: str) -> Source:
    """The source with this id. Raises BadInput naming those there are."""
    for source in sources:
        if source.id == id:
            return source
    raise BadInput(
        f"there is no detection source {one_line(id, 60)!r}",
        why="; ".join(f"{one.id}: {one.source}" for one in sources),
        state="nothing was opened",
        next=f"omniops page open --source {sources[0].id}",
    )


def open_page(desk: Desk, source: Source, title: str, words: str, onset: datetime) -> Opened:
    """Open it and owe what has to be told; what is open already with this source and title is not opened again."""
    title = one_line(title, 200)
    if not title:
        raise BadInput(
            "it needs a title",
            why="one line that says what is wrong",
            state="nothing was opened",
            next=f'omniops page open --source {source.id} --title "..."',
        )
    words = clean(words).strip()
    for one in owed(source, title, words, ""):
        probe = Message("", "", one.engine, one.to, source.id, one.body, "", "", "waiting")
        if wrong := too_long(desk.settings, probe):
            raise BadInput(
                "it is too long to be told", why=wrong, state="nothing was opened", next="say it in fewer words"
            )
    journal = desk.journal()

    def attempt() -> Opened:
        if source.incident:
            return _incident(desk, journal, source, title, words, onset)
        return _without(journal, source, title, words)

    return retry_on_conflict(attempt, "nothing was opened")


def _incident(desk: Desk, journal: Journal, source: Source, title: str, words: str, onset: datetime) -> Opened:
    there = _open_one(journal, source, title)
    if there is not None:
        return Opened(source, title, there.id, False, [])
    taken = [stream.removeprefix("incident/") for stream in journal.streams("incident/")]
    id = new_id(desk.clock.now(), title, taken)
    key = f"omniops/{id}"
    page = Page(id, "opened", title=title, status="triggered", at=iso(desk.clock.now()), key=key)
    stream = f"incident/{id}"
    linked = {**page._asdict(), "detected_by": source.id}
    events = [
        New(stream, 0, "incident.opened", {"title": title, "onset": iso(onset), "page": page.id}),
        New(stream, None, "page.linked", {"page": linked}),
    ]
    told = _messages(journal, id, source, title, words, key)
    journal.append([*events, *told])
    return Opened(source, title, id, True, _named(told))


def _without(journal: Journal, source: Source, title: str, words: str) -> Opened:
    """A source that opens no incident; the same title is told once."""
    from omniops.runner.outbox import messages

    key = sha256(f"{source.id}/{title}".encode()).hexdigest()[:16]
    known = {message.key for message in messages(journal, "")}
    length = journal.length("outbox")
    told = _messages(journal, "", source, title, words, key)
    fresh = [one for one in told if one.data["key"] not in known]
    if fresh:
        journal.append([fresh[0]._replace(expected=length), *fresh[1:]])
    keys = {one.data["key"] for one in told}
    waits = [one.id for one in messages(journal, "") if one.key in keys and one.owed]
    return Opened(source, title, "", bool(fresh), _named(fresh), [] if fresh else waits)


def _messages(journal: Journal, incident: str, source: Source, title: str, words: str, key: str) -> list[New]:
    from omniops.runner.outbox import new_message

    return [
        new_message(
            journal, incident, engine=one.engine, to=one.to, about=f"opened: {source.id}", body=one.body,
            key=f"open/{key}/{number}",
        )
        for number, one in enumerate(owed(source, title, words, key), 1)
    ]  # fmt: skip


def _named(told: list[New]) -> list[tuple[str, str]]:
    return [(one.data["engine"], one.data["to"]) for one in told]


def _open_one(journal: Journal, source: Source, title: str) -> Incident | None:
    from omniops.runner.known import incidents

    for one in incidents(journal):
        if one.status == "open" and one.title == title and (one.page or {}).get("detected_by") == source.id:
            return one
    return None

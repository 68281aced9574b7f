"""What an incident's events say of what is owed: an obligation, and what bears on whether it is fulfilled. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.incident.communication import Communication, Rule
from omniops.incident.ladder import Ladder
from omniops.incident.outbox import Message
from omniops.incident.unposted import Declined
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import JUST_S, lateness

MARGIN_S = {"mail.start": 900.0, "upstream": 900.0, "mail.resolution": 300.0, "status.resolved": 300.0}
"""Within how many seconds of the moment from which it is owed somebody is told in time: "at SEV-1 start" is within the
first fifteen minutes, in which one thing is done after the other."""


class Obligation(NamedTuple):
    """One thing that is owed, or was. ``at``: by when, ISO. ``done_at``: when it was fulfilled, "" while it is open."""

    id: str
    incident: str
    audience: str  # who is told, in words
    words: str
    at: str
    owner: str
    done_at: str = ""
    next: str = ""  # what to type
    how: str = ""  # by what it was fulfilled: the id of a message, or a person's words
    waits: str = ""  # the id of the message that is on its way, while this is open

    @property
    def open(self) -> bool:
        return not self.done_at

    @property
    def blocks_resolving(self) -> bool:
        """Is an incident not resolved while this is open and its moment is past? Resolving itself is what
        ``resolve_by`` asks for, and the channel's readers know by then."""
        return self.id not in ("resolve_by", "channel")

    def late_s(self, now: datetime) -> float:
        """Seconds since it was due; negative before that."""
        return (now - parse_iso(self.at)).total_seconds()

    @property
    def told_late_s(self) -> float:
        """Seconds by which what was told came too late; 0 for in time. What is owed from a moment on cannot be told at
        that moment: it has a margin."""
        late_s = (parse_iso(self.done_at) - parse_iso(self.at)).total_seconds()
        return late_s if late_s >= MARGIN_S.get(self.id, JUST_S) else 0.0

    def overdue(self, now: datetime) -> bool:
        return self.open and self.late_s(now) >= 0

    def when(self, now: datetime, due: str = "") -> str:
        """How late it is, or how long there is left. It is asked for at the moment from which it is owed, too, so a
        minute is no lateness."""
        return lateness(-self.late_s(now), due, JUST_S)

    def as_json(self, now: datetime) -> dict[str, Any]:
        fields = {name: value for name, value in self._asdict().items() if value}
        return {**fields, "late_s": round(self.late_s(now), 1)} if self.open else fields


class Facts(NamedTuple):
    """What is known of an incident. ``events``: its stream. ``outages``: when each outage of a provider began and was
    shown to be over (``""``: it is not), oldest first. ``providers``: those affected. ``declined``: a walk's words for
    its channel that a person declined, in order."""

    id: str
    events: Sequence[Event]
    outages: tuple[tuple[str, str], ...] = ()
    providers: tuple[str, ...] = ()
    declined: tuple[Declined, ...] = ()


class Post(NamedTuple):
    """One word on the status page: since when it is there, by what, and when the next one was promised ("": it was
    not)."""

    at: str
    how: str
    next: str


class Seen(NamedTuple):
    """An incident's events, sorted by what they say."""

    facts: Facts
    incident: Incident
    severities: list[tuple[str, str]]  # (time, severity) in order, until it was resolved
    messages: list[Message]  # that count: those that were sent
    under_way: list[Message]  # that were neither sent nor given up, nor shown
    by_hand: list[Event]  # ``comms.done``
    rules: Communication
    ladder: Ladder
    zone: tzinfo
    now: datetime

    def new(self, rule: Rule, words: str, at: str, next: str = "", **more: str) -> Obligation:
        """An obligation; while a message for it is on its way, it says so."""
        to = self.rules.audience(rule.audience).audience if rule.audience else rule.channel or "the incident itself"
        id = more.pop("id", rule.id)
        one = Obligation(id, self.facts.id, to, words, at, rule.owner, next=next, **more)
        return one if one.done_at else self._with_what_waits(one)

    def _with_what_waits(self, one: Obligation) -> Obligation:
        found = [message for message in self.under_way if one.id in answers(message)]
        if not found:
            return one
        last = found[-1]
        state = "may have been sent" if last.state == "unsure" else "is not sent yet"
        return one._replace(words=f"{one.words}; {last.id} {state}", next="omniops outbox", waits=last.id)

    def done(self, id: str) -> tuple[str, str]:
        """When an obligation was first fulfilled, and by what; ("", "") where it was not."""
        found = [(one.at, one.id) for one in self.messages if one.about == id]
        found += [(event.time, str(event.data["how"])) for event in self.by_hand if event.data["obligation"] == id]
        return min(found, default=("", ""))

    def posts(self) -> list[Post]:
        """Every word on the status page, in order. A banner is one, too; what a person has posted as both is one."""
        found = [Post(m.at, m.id, str(m.body.get("next") or "")) for m in self.messages if on_page(m)]
        for event in self.by_hand:
            if event.data["obligation"] in ("status", "banner"):
                found.append(Post(event.time, str(event.data["how"]), str(event.data.get("next") or "")))
        return sorted(set(found))

    def first(self, severities: Iterable[str]) -> str:
        """When the incident first had one of these severities; "" where it never did."""
        return next((time for time, severity in self.severities if severity in severities), "")


def on_page(message: Message) -> bool:
    return message.engine == "status" or message.about in ("status", "banner")


def upstream_key(provider: str) -> str:
    """What the key of the words to one provider begins with; a ``#`` in its name is not the one of a second attempt."""
    return "upstream/" + provider.replace("%", "%25").replace("#", "%23")


def provider_of(key: str) -> str:
    """The whole name of the provider to whom the message of this key goes."""
    return key.partition("/")[2].partition("#")[0].replace("%23", "#").replace("%25", "%")


def answers(message: Message) -> tuple[str, ...]:
    """The obligations that a message fulfils once it is sent."""
    if not on_page(message):
        return (message.about,)
    return ("status.resolved",) if message.body.get("status") == "resolved" else ("status", "banner")


def after(moment: str, seconds: float) -> str:
    """A moment so many seconds later, ISO."""
    return iso(parse_iso(moment) + timedelta(seconds=seconds))

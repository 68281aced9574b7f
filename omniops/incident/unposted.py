"""Words that a walk wrote for the incident's channel and somebody declined: they are owed from then on (section 5,
real-time), until they are posted after all or somebody says that it was done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omniops.incident.outbox import fold
from omniops.journal.events import Event

ID = "channel"
"""Of the obligation, and what a message that posts them is about."""
KEY = "unposted"
"""Where the answer of a step keeps the words that were declined."""


class Declined(NamedTuple):
    """Words for the incident's channel that a person declined to post: when, at which step of a walk, and what."""

    at: str
    step: str
    text: str

    @property
    def name(self) -> str:
        return self.step.rpartition(".")[2].replace("_", " ")


def declined(runs: Iterable[Sequence[Event]]) -> tuple[Declined, ...]:
    """What the walks of an incident wrote for its channel and was declined, in order."""
    answers = (event for events in runs for event in events if event.kind == "answered" and event.data.get(KEY))
    return tuple(sorted(Declined(event.time, str(event.data["step"]), str(event.data[KEY])) for event in answers))


class MadeUp(NamedTuple):
    """Such words were posted after all, or somebody said that they were: when, by what, and up to which moment what was
    declined is in them: a message may have waited, and what was declined meanwhile is not."""

    at: str
    how: str
    upto: str


def key_of(left: Sequence[Declined]) -> str:
    """The key of a message that holds these words: up to which moment it holds them."""
    return f"{ID}/{left[-1].at}"


def upto_of(key: str) -> str:
    """Up to which moment a message with this key holds what was declined."""
    return key.partition("/")[2].partition("#")[0]


def made_up(events: Iterable[Event]) -> list[MadeUp]:
    """How what was declined was made up for. ``events``: the incident's stream."""
    events = list(events)
    told = [one for one in fold(events) if one.about == ID and one.state == "sent"]
    sent = [MadeUp(one.at, one.id, upto_of(one.key) or one.queued_at) for one in told]
    by_hand = (event for event in events if event.kind == "comms.done" and event.data["obligation"] == ID)
    return sent + [MadeUp(event.time, str(event.data["how"]), event.data.get("upto", event.time)) for event in by_hand]


def not_posted(found: Iterable[Declined], done: Iterable[MadeUp]) -> list[Declined]:
    """What was declined and nobody has made up for since."""
    last = max((one.upto for one in done), default="")
    return [one for one in found if one.at > last]

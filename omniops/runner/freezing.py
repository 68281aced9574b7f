"""What the freeze of 4.5 does to what waits to be sent."""

from __future__ import annotations

from omniops.incident.outbox import FROZEN, dropped, fold, stream_of, text_of
from omniops.incident.view import Incident
from omniops.journal.events import Journal, New


def freeze(journal: Journal, incident: str) -> list[New]:
    """The events to append after ``frozen``, in the same transaction: every message that waits is dropped, and so is a
    handoff that may still leave and speaks of the incident. It is written anew without it (`oncall handoff`)."""
    events = journal.read(stream_of(incident))
    own = [dropped(one, FROZEN) for one in fold(events) if one.state == "waiting"]
    names = [incident, Incident(incident, events).title]
    others = [one for one in fold(journal.read(stream_of(""))) if one.state in ("waiting", "unsure")]
    return own + [dropped(one, FROZEN) for one in others if any(name in text_of(one) for name in names if name)]

"""What a message that somebody wants to send meets: the same words already said, an older text still on its way, and
what has become of the incident since it was drafted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from omniops.clock import parse_iso
from omniops.errors import BadInput
from omniops.incident.drafts import Draft
from omniops.incident.fulfilled import provider_of
from omniops.incident.outbox import Message, slack_channel, text_of, with_key
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.runner import outbox
from omniops.runner.leaving import Here
from omniops.runner.person import Option

SAME_S = 600.0
_NEXT = re.compile(r"Next update by [0-9:]+ UTC\.")
_OLDER = (
    Option("instead", "Withdraw it, and send this one instead", suggested=True),
    Option("first", "Send it now, then look at this one"),
)


def older_settled(here: Here, incident: Incident, draft: Draft) -> tuple[str, ...] | None:
    """Earlier texts for the status page that are not known to be there, and that this one takes the place of: customers
    read one after another, so an older one leaves first or not at all. None: nothing is to be sent.

    Without a person the newest text counts.
    """
    while older := _older(here, incident, draft):
        for one in older:
            state = "may be there already" if one.state == "unsure" else "is not sent yet"
            here.person.say(f"{one.id} of {one.queued_at[11:16]} UTC {state}: {text_of(one)}", "warn")
        if not here.person.interactive:
            return tuple(one.id for one in older)
        choice = here.person.choose("comms.older", "What of the older one?", _OLDER, None)
        if choice == "instead":
            return tuple(one.id for one in older)
        if choice != "first":
            return None
        for one in older:
            with suppress(BadInput):  # somebody else has sent it
                outbox.retry(here.journal, one.id)
        here.flush(incident.id)
    return ()


def _older(here: Here, incident: Incident, draft: Draft) -> list[Message]:
    if draft.engine != "status":
        return []
    said = outbox.messages(here.journal, incident.id)
    return [one for one in said if one.engine == draft.engine and one.state in ("waiting", "unsure")]


def said_already(here: Here, incident: Incident, draft: Draft) -> Message | None:
    """The message of this key, or one with the same words from the last ten minutes: whoever was killed after it was
    queued, or after it was sent, types the same again, and means the same. It is given its moment first."""
    said, now = outbox.messages(here.journal, incident.id), here.clock.now()
    found = with_key(said, draft.key) or next((one for one in reversed(said) if same(one, draft, now)), None)
    if found is None or not found.owed:
        return found
    here.flush(incident.id)
    return here.message(incident.id, found.id)


def same(one: Message, draft: Draft, now: datetime) -> bool:
    recent = (now - parse_iso(one.queued_at)).total_seconds() < SAME_S
    alike = (one.engine, one.about, _words(one.body)) == (draft.engine, draft.about, _words(draft.body))
    there = one.owed or one.state == "sent"
    return recent and alike and there and _reader(one, one.incident) == _reader(draft, one.incident)


def _reader(one: Message | Draft, incident: str) -> tuple[str, str]:
    """Who reads it. Of the providers several have no address, or one template that names none of them."""
    return slack_channel(one.to, incident) or one.to, provider_of(one.key) if one.about == "upstream" else ""


def _words(body: Mapping[str, Any]) -> list[str]:
    """What a message says, without the moment of the next one, which moves on by itself."""
    return [_NEXT.sub("", str(value)) for key, value in sorted(body.items()) if key != "next"]


def promises_the_past(draft: Draft, now: datetime) -> bool:
    promised = str(draft.body.get("next", ""))
    return bool(promised) and parse_iso(promised) <= now


def changed(before: Incident, events: Sequence[Event], about: str) -> str:
    """What has become of an incident since a text about it was drafted, as far as the text hangs on it; "" for
    nothing."""
    now = Incident(before.id, events)
    if now.resolved and not before.resolved:
        return f"{now.id} has been resolved"
    if now.severity != before.severity:
        return f"{now.id} has been made {now.severity}"
    by_hand = any(event.kind == "comms.done" and event.data["obligation"] == about for event in events[before.n :])
    return f"it was written down that {about} is done by hand" if by_hand else ""


def not_sent_yet(here: Here, incident: Incident, draft: Draft, withdrawn: tuple[str, ...]) -> tuple[str, ...]:
    """What is on its way to the same place already: whoever was killed after queueing it types it again."""
    more = {True: "is withdrawn for this one", False: "is not sent yet, and this would be one more"}
    on_its_way = (
        one
        for one in outbox.messages(here.journal, incident.id)
        if one.owed and (one.engine, one.to) == (draft.engine, draft.to)
    )
    return tuple(
        f"{one.id} of {one.queued_at[11:16]} UTC {more[one.id in withdrawn]}: {text_of(one)}" for one in on_its_way
    )

"""What was owed and is done by hand: a person's word, written down, and what would say the same is sent no more."""

from __future__ import annotations

from typing import Any

from omniops.errors import BadInput, Frozen
from omniops.incident.fulfilled import answers, provider_of
from omniops.incident.outbox import Message, fold
from omniops.incident.view import Incident
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Event, Journal, New


def refuse_frozen(incident: Incident) -> None:
    """Raises Frozen for an incident on the security path."""
    if incident.frozen:
        raise frozen(incident.id)


def frozen(id: str) -> Frozen:
    """The refusal to say anything of an incident on the security path (4.5)."""
    return Frozen(
        f"nothing is sent about {id}",
        why="it is on the security path (4.5): only the security on-call is told, and by page",
        state="nothing was queued, shown or sent",
        next="follow SECURITY.md; @security-team decides what is said, and to whom",
    )


def done(
    journal: Journal,
    incident: Incident,
    obligation: str,
    how: str,
    providers: tuple[str, ...] = (),
    next: str = "",
    upto: str = "",
) -> Event:
    """Write down that something owed was fulfilled by hand; what waits to say the same, or to put something older on
    the page after it, is not sent any more. ``providers``: those that were told, for ``upstream``; ``next``: by when
    the text that was pasted promises another; ``upto``: the last of the declined words that it holds. Raises Frozen;
    BadInput without a word on how."""
    if not how.strip():
        raise BadInput(
            "how was it done?",
            state="nothing was written",
            next=f'omniops comms done {obligation} --how "..."',
        )
    stream = f"incident/{incident.id}"
    data: dict[str, Any] = {"obligation": obligation, "how": how.strip()}
    if obligation == "upstream":
        data["providers"] = list(providers)
    if next:
        data["next"] = next
    if upto:
        data["upto"] = upto

    def attempt() -> Event:
        events = journal.read(stream)
        refuse_frozen(Incident(incident.id, events))
        return journal.append([New(stream, len(events), "comms.done", data), *given_up(events, obligation, providers)])[
            0
        ]

    return retry_on_conflict(attempt, "nothing was written")


def given_up(events: list[Event], obligation: str, providers: tuple[str, ...] = ()) -> list[New]:
    """What is not sent any more once this was done by hand. ``events``: an incident's stream."""
    return [
        New(events[0].stream, None, "message.dropped", {"id": one.id, "why": "it was done by hand"})
        for one in fold(events)
        if one.state in ("waiting", "unsure") and _says_the_same(one, obligation, providers)
    ]


def _says_the_same(message: Message, obligation: str, providers: tuple[str, ...]) -> bool:
    if obligation == "upstream":
        return message.about == obligation and provider_of(message.key) in providers
    if obligation == "status.resolved" and message.engine == "status":
        return True
    return obligation in answers(message)

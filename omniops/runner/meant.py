"""Which incident is meant: the one that is named, else the only one that it can be. Where there are several, a person
is asked or told to name one; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from omniops.errors import BadInput, NeedsPerson
from omniops.incident.view import Incident
from omniops.journal.events import Journal
from omniops.runner.known import incident_of, incidents
from omniops.runner.person import Option, Person

OPEN = 'omniops incident open "..."'
OF_THE_END = frozenset(("status.resolved", "mail.resolution", "postmortem"))
"""What is owed once an incident is resolved."""


def pick(journal: Journal, wanted: str, *, last: bool = False, option: bool = False) -> Incident:
    """The incident named, else the only open one; with ``last``, for what is only read, the one that was resolved last
    where none is open. ``option``: it is named by ``--incident``. Raises BadInput, or NeedsPerson where there are
    several."""
    if wanted:
        return incident_of(journal, wanted)
    known = incidents(journal)
    found = [one for one in known if not one.resolved]
    if not found and last:
        found = sorted(known, key=lambda one: one.resolved)[-1:]
    over = max(known, key=lambda one: one.resolved, default=None)
    return _only(
        found,
        next=lambda id: f"--incident {id}" if option else f"the same command with {id}, or another of them",
        why_none=f"{over.id} was the last, and is resolved" if over else "",
        next_none=f"--incident {over.id}; or: {OPEN}" if over and option else OPEN,
    )


def pick_paged(journal: Journal, person: Person, wanted: str) -> Incident:
    """The incident whose checklist is meant: the one named, else the only open one that somebody was paged for."""
    if wanted:
        return incident_of(journal, wanted)
    open_ones = [one for one in incidents(journal) if one.status == "open"]
    return _only(
        [one for one in open_ones if one.page] or open_ones,
        why_none="the checklist belongs to a page, or to an incident opened by hand",
        next_none="omniops page ack, or: omniops page open",
        next=lambda id: f"omniops checklist {id}",
        ask=(person, "Which incident's checklist?"),
    )


def pick_owing(journal: Journal, now: datetime, wanted: str, ids: tuple[str, ...], folder: Path | None) -> Incident:
    """The incident that a message is about: the one named, else the only open one that owes one of ``ids``, else the
    only one that is open, or that owes one of them still. What is owed after the end alone, none that is open owes.

    While an incident on the security path (4.5) is open, one has to be named: what is meant by "the incident" must not
    be guessed then. Raises BadInput, NeedsPerson, and Frozen where only that one is open.
    """
    from omniops.runner.by_hand import refuse_frozen
    from omniops.runner.comms import obligations_of

    if wanted:
        found = incident_of(journal, wanted)
        refuse_frozen(found)
        return found
    known = {one.id: one for one in incidents(journal)}
    unresolved = [one for one in known.values() if not one.resolved]
    frozen = [one for one in unresolved if one.frozen]
    owing = {one.incident for one in obligations_of(journal, now, folder=folder) if one.open and one.id in ids}
    opened = [one for one in unresolved if not one.frozen]
    meant = [one for one in opened if one.id in owing]
    if not meant:
        meant = [known[id] for id in sorted(owing)]
        if not meant or not OF_THE_END.issuperset(ids):
            meant += opened
    if frozen and not meant:
        refuse_frozen(frozen[0])
    return _only(
        meant,
        beside=frozen,
        state="nothing was sent",
        why_none="nothing is owed to anybody outside",
        next_none="omniops comms due" if opened else OPEN,
        next=lambda id: f"--incident {id}",
    )


def _only(
    found: Sequence[Incident],
    *,
    next: Callable[[str], str],
    beside: Sequence[Incident] = (),
    state: str = "nothing was attempted",
    why_none: str = "",
    next_none: str = OPEN,
    ask: tuple[Person, str] | None = None,
) -> Incident:
    """The only one of these. ``beside``: frozen ones, which are not meant, and beside which none is taken unnamed;
    ``ask``: who chooses among several, and the question; ``next``: what to type, for one of them."""
    if not found:
        raise BadInput("no incident is open", why=why_none, state=state, next=next_none)
    if len(found) == 1 and not beside:
        return found[0]
    chosen = _chosen(found, *ask) if ask else None
    if chosen is None:
        raise NeedsPerson(
            "several incidents are open",
            why=", ".join([one.id for one in found] + [f"{one.id} (frozen)" for one in beside]),
            state=state,
            next=next(found[-1].id),
        )
    return chosen


def _chosen(found: Sequence[Incident], person: Person, question: str) -> Incident | None:
    """The one that a person says; the newest stands first."""
    options = [Option(one.id, one.title) for one in reversed(found)]
    try:
        chosen = person.choose("incident", question, options, None)
    except NeedsPerson:
        return None
    return next((one for one in found if one.id == chosen), None)

"""The rest of an incident, from "mitigated" on: everyone is told, the cause goes away, what was changed is put back,
the incident is resolved, and its postmortem drafted.

A drill plays it; in earnest each part is a command of its own, which is named on the way. What to do next follows from
the journal alone, so whoever is interrupted goes on where they were.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from omniops.engine.verify import VERDICTS
from omniops.errors import Interrupted, NeedsPerson, OmniopsError
from omniops.incident.obligations import Obligation
from omniops.runner import telling
from omniops.runner.comms import obligations_of
from omniops.runner.known import incident_of
from omniops.runner.leaving import TO_PASTE, Here, Said
from omniops.runner.person import Option, PauseAsked
from omniops.runner.putting_back import in_force, put_back
from omniops.runner.resolving import left_open, resolve
from omniops.runner.saying import pasted
from omniops.runner.session import Session
from omniops.runner.verifying import verify_incident

TELLS = ("mail.start", "upstream", "banner", "status", "status.resolved", "mail.resolution")
SOON_S = 1860.0
"""What is owed within half an hour is told at once, while one is at it: the next word on the status page."""


def play(session: Session, here: Here, id: str, heal: Callable[[], None], postmortem: Path) -> None:
    """Play it to its end. ``heal`` makes the cause go away; ``postmortem``: where the draft is written. Raises
    Interrupted, and OmniopsError where a part cannot be done."""
    try:
        _play(session, here, id, heal, postmortem)
    except (PauseAsked, KeyboardInterrupt):
        raise Interrupted(
            "the drill, after the mitigation", state="what was done stays done", next="omniops drill resume"
        ) from None


def _play(session: Session, here: Here, id: str, heal: Callable[[], None], postmortem: Path) -> None:
    _tell(session, here, id)
    if not incident_of(session.journal, id).resolved:
        _put_back(session, id, heal)
        if not _resolve(session, id):
            return
    _tell(session, here, id)
    if not any(event.kind == "postmortem.written" for event in session.journal.read(f"incident/{id}")):
        _head(session, "The postmortem (section 7)", "omniops postmortem new")
        _draft(session, id, postmortem)


def _head(session: Session, title: str, command: str) -> None:
    session.person.say("")
    session.person.say(f"{title} (in earnest: {command})", "head")


def _tell(session: Session, here: Here, id: str) -> None:
    """Everyone to whom something is owed now or soon, once each."""
    for one in _owed(session, id):
        _head(session, f"Owed: {one.words}", one.next or "omniops comms due")
        try:
            for said in _message(here, id, one.id):
                _afterwards(here, id, said)
        except OmniopsError as error:
            session.person.say(f"Not told: {error.brief}.", "warn")


def _owed(session: Session, id: str) -> list[Obligation]:
    now = session.clock.now()
    found = obligations_of(session.journal, now, id)
    return [one for one in found if one.open and one.id in TELLS and one.late_s(now) > -SOON_S]


def _message(here: Here, id: str, obligation: str) -> list[Said]:
    if obligation.startswith("mail."):
        return [telling.email(here, id, "", obligation.removeprefix("mail."))]
    if obligation == "upstream":
        return telling.upstream(here, id, "", [])
    return [telling.status(here, id, "")]


def _afterwards(here: Here, id: str, said: Said) -> None:
    """What became of it; what has to be pasted is shown for that."""
    if said.state == TO_PASTE:
        pasted(here, incident_of(here.journal, id), said.draft)
        return
    why = f": {said.why}" if said.why else ""
    here.person.say(f"{said.draft.where}: {said.state}{why}.", "good" if not said.exit else "warn")


def _put_back(session: Session, id: str, heal: Callable[[], None]) -> None:
    mine = [one for one in in_force(session) if one.incident == id and one.undo and not one.repair]
    if not mine:
        return
    _head(session, "Put back what was changed", "omniops undo")
    heal()
    for one in put_back(session, [mitigation.id for mitigation in mine]):
        if one.error is not None:
            session.person.say(f"Not put back: {one.error.brief}.", "bad")
    _head(session, "A last look at the traffic", "omniops incident verify")
    verdict, sample = verify_incident(session, incident_of(session.journal, id))
    why = f": {sample['why']}" if sample else ""
    session.person.say(f"{VERDICTS[verdict]}{why}", "good" if verdict == "recovered" else "warn")


def _resolve(session: Session, id: str) -> bool:
    _head(session, "Close the incident", "omniops incident resolve")
    incident = incident_of(session.journal, id)
    try:
        left_open(session.journal, incident, session.clock.now())
    except NeedsPerson as error:
        session.person.say(f"{error.brief}.", "bad")
        return False
    options = [Option("yes", "Resolve it"), Option("no", "Leave it open")]
    if session.person.choose("resolve", f"Resolve {id}?", options, None) != "yes":
        session.person.say("It stays open.", "warn")
        return False
    resolve(session.journal, incident, session.clock.now())
    session.person.say(f"{id} is resolved.", "good")
    return True


def _draft(session: Session, id: str, path: Path) -> None:
    from omniops.runner.postmortem import check_file, write_draft

    incident, now = incident_of(session.journal, id), session.clock.now()
    write_draft(session.settings, session.journal, incident, now, str(path), force=True)
    _, found = check_file(session.settings, path, now)
    session.person.say(f"Drafted from the journal: {path}", "good")
    session.person.say(f"{len(found)} things are left for you to fill in; `omniops postmortem check` names each.")

"""The rest of an incident, from "mitigated" on: everyone is told, the cause goes away, what was changed is put back,
the incident is resolved, and its postmortem drafted, filled in and filed.

A drill plays it; in earnest each part is a command of its own, which is named on the way. What to do next follows from
the journal alone, so whoever is interrupted goes on where they were.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from omniops.engine.verify import VERDICTS
from omniops.errors import Interrupted, NeedsPerson, OmniopsError
from omniops.incident.obligations import Obligation
from omniops.runner import telling
from omniops.runner.comms import obligations_of
from omniops.runner.exporting import as_typed
from omniops.runner.known import incident_of
from omniops.runner.leaving import TO_PASTE, Here, Said
from omniops.runner.person import Option, PauseAsked
from omniops.runner.putting_back import in_force, put_back
from omniops.runner.resolving import left_open, not_shown, resolve
from omniops.runner.saying import pasted
from omniops.runner.session import Session
from omniops.runner.verifying import verify_incident

TELLS = ("channel", "mail.start", "upstream", "banner", "status", "status.resolved", "mail.resolution")
SHOWN = 5
"""How many findings of a postmortem are told at a time."""
SOON_S = 1860.0
"""What is owed within half an hour is told at once, while one is at it, where there is news: the status page's next."""


class Stage(NamedTuple):
    """What only a drill can do. ``heal`` makes the cause go away; ``fill_in``: a draft -> the same with made-up words
    where it waits for a person's."""

    heal: Callable[[], None]
    fill_in: Callable[[str], str]


def play(session: Session, here: Here, id: str, stage: Stage) -> None:
    """Play it to its end. Raises Interrupted, and OmniopsError where a part cannot be done."""
    try:
        _play(session, here, id, stage)
    except (PauseAsked, KeyboardInterrupt):
        raise Interrupted(
            "the drill, after the mitigation", state="what was done stays done", next="omniops drill resume"
        ) from None


def _play(session: Session, here: Here, id: str, stage: Stage) -> None:
    _tell(session, here, id)
    if not incident_of(session.journal, id).resolved:
        _put_back(session, id, stage.heal)
        if not _resolve(session, id):
            return
    _tell(session, here, id)
    path = _draft(session, id)
    if _ready(session, here, path, stage.fill_in):
        _file(session, here, id, path)


def _head(session: Session, title: str, command: str) -> None:
    session.person.say("")
    session.person.say(f"{title} (in earnest: {command})", "head")


def _tell(session: Session, here: Here, id: str) -> None:
    """Everyone to whom something is owed now or soon, once each; what one word has answered is not said again."""
    tried: set[str] = set()
    while left := [one for one in _owed(session, here, id) if one.id not in tried]:
        one = left[0]
        tried.add(one.id)
        now = session.clock.now()
        when = "Owed" if one.late_s(now) >= 0 else f"Soon, {one.when(now)}"
        _head(session, f"{when}: {one.words}", one.next or "omniops comms due")
        try:
            for said in _message(here, id, one.id):
                _afterwards(here, id, said)
        except OmniopsError as error:
            session.person.say(f"Not told: {error.brief}.", "warn")


def _owed(session: Session, here: Here, id: str) -> list[Obligation]:
    now = session.clock.now()
    found = obligations_of(session.journal, now, id, folder=session.settings.user_runbooks)
    soon = [one for one in found if one.open and one.id in TELLS and one.late_s(now) > -SOON_S]
    return [one for one in soon if one.late_s(now) >= 0 or (one.id == "status" and _news(here, id))]


def _news(here: Here, id: str) -> bool:
    """Is there something that the status page does not say yet? Only then is it told before it is due."""
    known = telling.read(here, incident_of(here.journal, id))
    said = [one for one in known.said if one.engine == "status" and one.state == "sent"]
    return not said or said[-1].body.get("status") != telling.suggested(here, known)


def _message(here: Here, id: str, obligation: str) -> list[Said]:
    if obligation.startswith("mail."):
        return [telling.email(here, id, "", obligation.removeprefix("mail."))]
    if obligation == "channel":
        return [telling.post(here, id, "")]
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
    if mine:
        _head(session, "Put back what was changed", "omniops undo")
        heal()
        for one in put_back(session, [mitigation.id for mitigation in mine]):
            if one.error is not None:
                session.person.say(f"Not put back: {one.error.brief}.", "bad")
    elif not not_shown(session.journal, incident_of(session.journal, id)):
        return
    _head(session, "A last look at the traffic", "omniops incident verify")
    verdict, sample = verify_incident(session, incident_of(session.journal, id))
    why = f": {sample['why']}" if sample else ""
    session.person.say(f"{VERDICTS[verdict]}{why}", "good" if verdict == "recovered" else "warn")


def _resolve(session: Session, id: str) -> bool:
    _head(session, "Close the incident", "omniops incident resolve")
    incident = incident_of(session.journal, id)
    try:
        left_open(session.journal, incident, session.clock.now(), session.settings.user_runbooks)
    except NeedsPerson as error:
        session.person.say(f"{error.brief}. It is offered again by: omniops drill resume", "bad")
        return False
    options = [Option("yes", "Resolve it"), Option("no", "Leave it open")]
    if session.person.choose("resolve", f"Resolve {id}?", options, None) != "yes":
        session.person.say("It stays open. To be asked again: omniops drill resume", "warn")
        return False
    resolve(session.journal, incident, session.clock.now(), session.settings.user_runbooks)
    session.person.say(f"{id} is resolved.", "good")
    return True


def _draft(session: Session, id: str) -> Path:
    """The postmortem, drafted from the journal where that has not happened yet."""
    from omniops.runner.postmortem import write_draft, written

    incident = incident_of(session.journal, id)
    _head(session, "The postmortem (section 7)", "omniops postmortem new")
    if any(event.kind == "postmortem.written" for event in session.journal.read(f"incident/{id}")):
        path = written(session.settings, session.journal, incident)
    else:
        path = write_draft(session.settings, session.journal, incident, session.clock.now(), "", force=True)
    session.person.say("Drafted from the journal:", "good")
    session.person.say(as_typed(path), "copy")
    return path


def _ready(session: Session, here: Here, path: Path, fill_in: Callable[[str], str]) -> bool:
    """Whether nothing is left to be filled in or mended; the person does it, or has the drill do it."""
    from omniops.runner.postmortem import check_file

    options = [
        Option("edit", "Open it in your editor"),
        Option("check", "I have edited the file: check it again"),
        Option("fill", "Let the drill fill in the rest, with made-up words"),
        Option("later", "Leave it for now: omniops drill resume"),
    ]
    while found := check_file(session.settings, path, session.clock.now())[1]:
        session.person.say("")
        session.person.say(f"{len(found)} things are left to fill in or to mend. In earnest:", "head")
        session.person.say(f"omniops postmortem check {as_typed(path)}", "copy")
        for one in found[:SHOWN]:
            session.person.say(f"line {one.line}: {one.what}; {one.mend}")
        if len(found) > SHOWN:
            session.person.say(f"and {len(found) - SHOWN} more", "dim")
        chosen = session.person.choose("postmortem", "What now?", options, None)
        text = path.read_text(encoding="utf-8")
        try:
            if chosen == "edit" and here.edit is not None:
                path.write_text(here.edit(text) + "\n", encoding="utf-8")
        except OmniopsError as error:
            session.person.say(f"{error.brief}. Edit the file in another window, then choose check.", "warn")
        if chosen == "fill":
            path.write_text(fill_in(text), encoding="utf-8")
        if chosen in (None, "later"):
            session.person.say("It is not filed yet.", "warn")
            return False
    session.person.say("Nothing is left to fill in or to mend.", "good")
    return True


def _file(session: Session, here: Here, id: str, path: Path) -> None:
    from omniops.runner.postmortem_filing import file

    _head(session, "File it: one issue, and its action items", "omniops postmortem file")
    filed = file(here, incident_of(session.journal, id), path, anyway=False)
    where = filed.url or filed.said.why
    tone = "warn" if filed.said.exit else "good"
    session.person.say(f"The issue: {filed.said.state}" + (f": {where}" if where else "") + ".", tone)
    if filed.debt:
        session.person.say(f"{', '.join(filed.debt)} added to:", "good")
        session.person.say(as_typed(Path(filed.file)), "copy")

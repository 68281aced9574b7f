"""A message of section 5 on its way: checked, shown for a last look, sent off (`leaving.py`), and what became of it.

A frozen incident (4.5) is refused before anything is read, shown or asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omniops.errors import BadInput, NeedsPerson
from omniops.failpoints import reached
from omniops.incident import leaks
from omniops.incident.drafts import Draft
from omniops.incident.fulfilled import provider_of
from omniops.incident.obligations import IDS
from omniops.incident.unposted import ID as UNPOSTED
from omniops.incident.unposted import upto_of
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.runner.by_hand import done, frozen, refuse_frozen
from omniops.runner.leaving import (
    ALREADY,
    BY_HAND,
    DECLINED,
    SENT,
    TO_PASTE,
    Here,
    Said,
    became,
    both,
    last_look,
    leave,
    over,
    probe,
    then,
)
from omniops.runner.meanwhile import changed, not_sent_yet, older_settled, promises_the_past, said_already, same
from omniops.runner.person import NO, YES, Option
from omniops.runner.records import note
from omniops.text import one_line, redact

EDIT = "edit"
_ANY = "words"
"""Stands for somebody's own, to see whether a template has a place for them."""
NO_WORDS = (*YES, *NO, "ok", "send", "post", "edit", "none")
"""What a tired person types who takes the question for another one; it is no text for anybody."""


def check(text: str, names: list[leaks.Name] | None) -> str:
    """What is wrong with free words; "" for nothing. ``names``: as for `say`."""
    if redact(text) != text:
        return "it holds a secret"
    found = leaks.leaks(text, names or ())
    return f"it names what nobody outside is told: {leaks.words(found)}" if found else ""


def say(
    here: Here, incident: Incident, draft_of: Callable[[str], Draft], details: str, names: list[leaks.Name] | None
) -> Said:
    """Show a message for a last look, owe it and give it ten seconds to leave.

    ``draft_of`` puts the free words into it. ``names``: what may not stand in those; None for a message that stays
    inside. Raises BadInput for words that name one, or that there is no place for; NeedsPerson without a person or
    --yes; Frozen.
    """
    refuse_frozen(incident)
    here.settings.remember_secrets()
    _refuse_leaks(details, names)
    draft = _whole(draft_of(details))
    free = draft_of(_ANY).body != draft_of("").body
    if details and not free:
        raise BadInput(
            "the template has no place for words of your own",
            why="${details} is not in it, so they would be left out",
            state="nothing was sent",
            next="send it without them, or put ${details} into the template (communication.yaml)",
        )
    known = said_already(here, incident, draft)
    if known is not None:
        there = became(known, draft, here.settings)
        queued = f"{known.id} was queued at {known.queued_at} by {known.by}"
        queued += "; other words send another" if free and known.key != draft.key else ""
        return (
            Said(ALREADY, draft, queued, known) if there.state == SENT else there._replace(why=both(queued, there.why))
        )
    by_hand = _not_from_here(here, incident, draft)
    withdrawn = () if by_hand else older_settled(here, incident, draft)
    if withdrawn is None:
        return Said(DECLINED, draft, "the older one is left as it is")
    while True:
        if by_hand:
            said = _by_hand(here, incident, draft, by_hand)
        elif _looked_at(here, incident, draft, withdrawn):
            if promises_the_past(draft, here.clock.now()):
                here.person.say("It took so long that the update which it promises is due. Here it is anew.", "warn")
                draft = _whole(draft_of(details))
                continue
            return send(here, incident, draft, withdrawn, outside=names is not None)
        else:
            said = Said(DECLINED, draft, "declined at the last look")
        ask = said.state == DECLINED and free
        other = _other_words(here, incident, draft_of, details, names) if ask else None
        if other is None:
            return said
        details = other
        draft = _whole(draft_of(details))


def _not_from_here(here: Here, incident: Incident, draft: Draft) -> str:
    """Why a message is for a person to paste, in words; "" where something here sends it, or will once it can."""
    if not draft.to and draft.engine == "mail":
        return "No address of theirs is known"
    unable = here.person.interactive and _unable(here, incident, draft)
    return "Nothing is set up here to send it (omniops doctor)" if unable else ""


def send(
    here: Here, incident: Incident, draft: Draft, instead_of: tuple[str, ...] = (), *, outside: bool = False
) -> Said:
    """Owe a message that was looked at, flush, and say what became of it. ``outside``: what it was written on must hold
    still; raises NeedsPerson where it does not."""
    now = here.clock.now()

    def still(events: Sequence[Event]) -> None:
        if outside and (other := changed(incident, events, draft.about)):
            raise NeedsPerson(
                f"not sent: {other}, by somebody else, while you were looking",
                why="the text was written before that",
                state="nothing was queued",
                next="omniops comms due, then the same command, if it is to be sent all the same",
            )

    found = leave(here, incident.id, draft, instead_of, lambda one: same(one, draft, now), still)
    if found is None:  # 4.5 was entered while it was looked at
        raise frozen(incident.id)
    there = became(found, draft, here.settings)
    if found.body == draft.body:
        return there
    other = f"somebody else has just queued another one: {found.id}"
    return there._replace(state=ALREADY if there.state == SENT else there.state, why=both(other, there.why))


def _refuse_leaks(details: str, names: list[leaks.Name] | None) -> None:
    if wrong := check(details, names):
        raise BadInput(
            f"not sent: {wrong}",
            why="what goes outside names no connection, host, person or channel, and nothing that is sent a secret",
            state="nothing was queued",
            next="say it without those words",
        )


def _whole(draft: Draft) -> Draft:
    """A draft in which no secret stands, wherever its words come from: a file, a template, a title."""
    if redact(draft.body) != draft.body:
        raise BadInput(
            "not sent: it holds a secret",
            why="not in the words that were given, but in what they are put into",
            state="nothing was queued",
            next="take it out of the file or the settings that the text comes from",
        )
    return draft


def _looked_at(here: Here, incident: Incident, draft: Draft, withdrawn: tuple[str, ...]) -> bool:
    """The last look: the whole text, where it goes, which incident it is about, and what of it is not sent yet; y/N."""
    change = last_look(here, incident, draft, warnings=not_sent_yet(here, incident, draft, withdrawn))
    reached("comms.look", draft.about)
    return here.person.approve("comms", change, None)


def _other_words(
    here: Here, incident: Incident, draft_of: Callable[[str], Draft], details: str, names: list[leaks.Name] | None
) -> str | None:
    """Other free words: typed, or from the editor. None: it is not sent.

    A menu comes first, so that what is typed by somebody who takes the question for another one is no text for anybody.
    """
    if not here.person.interactive:
        return None

    def wrong(text: str) -> str:
        if text.lower() in NO_WORDS:
            return f"“{text}” would be read as your text. Type a sentence, or n to send nothing."
        return check(text, names) or over(here.settings, incident.id, draft_of(text))

    now = f"now: “{one_line(details, 60)}”" if details else "there are none now"
    options = [
        Option("leave", "Leave it unsent", suggested=True),
        Option("again", "Look at it again, as it is"),
        Option("words", "Add or change a line of your own", now),
    ]
    if here.edit is not None:
        options.append(Option(EDIT, "Write them in your editor"))
    if details and draft_of("").text.strip():
        options.append(Option("none", "Take the words out, and look at it again"))
    try:
        while True:
            choice = here.person.choose("comms.again", "Not sent. What now?", options, None, "leave")
            if choice in ("none", "again"):
                return details if choice == "again" else ""
            if choice == "words":
                return here.person.text(
                    "comms.words", "Other words of your own, to be looked at again:", None, wrong, "n"
                )
            if choice != EDIT or here.edit is None:
                return None
            answer = here.edit(details).strip()
            if not (problem := wrong(answer)):
                return answer
            here.person.say(problem, "warn")
    except NeedsPerson:
        return None


def _unable(here: Here, incident: Incident, draft: Draft) -> bool:
    """Is nothing set up here that would send it?"""
    from omniops.runner.tick import unable

    return bool(unable(here.settings, [probe(incident.id, draft)]))


def _by_hand(here: Here, incident: Incident, draft: Draft, why: str) -> Said:
    """Ready to paste, where there is somebody who could: they are told first that nothing is sent from here."""
    if not here.person.interactive:
        return Said(TO_PASTE, draft, then(draft.about))
    here.person.say(f"{why}: it is for you to paste. About {incident.id}: {incident.title}", "warn")
    reached("comms.look", draft.about)
    return pasted(here, incident, draft)


def pasted(here: Here, incident: Incident, draft: Draft) -> Said:
    """Show a text to be pasted, and ask whether it is out: that fulfils what was owed, but for a postmortem, whose
    action items are owed along with its issue."""
    if not here.person.posted("comms.posted", draft.where, draft.text, None):
        return Said(DECLINED, draft, "nobody said that it was posted")
    if draft.about == "post":  # words of one's own, which nothing asked for
        note(here.journal, incident, f"posted by hand, to {draft.where}: {draft.text}")
    elif draft.about in IDS and draft.about != "postmortem":
        # Of a mail not the address: a postmortem would tell it as the name of somebody.
        reader = draft.where.partition(", at ")[0] if draft.engine == "mail" else draft.where
        how, next = f"pasted by hand, to {reader}", str(draft.body.get("next", ""))
        upto = upto_of(draft.key) if draft.about == UNPOSTED else ""
        done(here.journal, incident, draft.about, how, _provider(draft), next, upto)
    return Said(BY_HAND, draft, "pasted by hand")


def _provider(draft: Draft) -> tuple[str, ...]:
    return (provider_of(draft.key),) if draft.about == "upstream" else ()

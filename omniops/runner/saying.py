"""A message of section 5 on its way: checked, shown for a last look, sent off (`leaving.py`), and what became of it.

A frozen incident (4.5) is refused before anything is read, shown or asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from omniops.clock import parse_iso
from omniops.errors import BadInput, NeedsPerson
from omniops.failpoints import reached
from omniops.incident import leaks
from omniops.incident.drafts import Draft
from omniops.incident.fulfilled import provider_of
from omniops.incident.obligations import IDS
from omniops.incident.outbox import Message, slack_channel, text_of, with_key
from omniops.incident.view import Incident
from omniops.runner import outbox
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
from omniops.runner.person import NO, YES, Option
from omniops.runner.records import note
from omniops.text import one_line, redact

SAME_S = 600.0
_NEXT = re.compile(r"Next update by [0-9:]+ UTC\.")
_OLDER = (
    Option("instead", "Withdraw it, and send this one instead"),  # the first one is what a bare Enter takes
    Option("first", "Send it now, then look at this one"),
)
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
    known = _known(here, incident, draft)
    if known is not None:
        there = became(known, draft, here.settings)
        queued = f"{known.id} was queued at {known.queued_at} by {known.by}"
        return (
            Said(ALREADY, draft, queued, known) if there.state == SENT else there._replace(why=both(queued, there.why))
        )
    by_hand = _not_from_here(here, incident, draft)
    withdrawn = () if by_hand else _withdrawn(here, incident, draft)
    if withdrawn is None:
        return Said(DECLINED, draft, "the older one is left as it is")
    while True:
        if by_hand:
            said = _by_hand(here, incident, draft, by_hand)
        elif _looked_at(here, incident, draft, withdrawn):
            return send(here, incident, draft, withdrawn)
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


def _withdrawn(here: Here, incident: Incident, draft: Draft) -> tuple[str, ...] | None:
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


def _known(here: Here, incident: Incident, draft: Draft) -> Message | None:
    """The message of this key, or one with the same words from the last ten minutes that is not known to be sent:
    whoever was killed after it was queued types the same again, and means the same. It is given its moment first."""
    said, now = outbox.messages(here.journal, incident.id), here.clock.now()
    found = with_key(said, draft.key) or next((one for one in reversed(said) if _same(one, draft, now)), None)
    if found is None or not found.owed:
        return found
    here.flush(incident.id)
    return here.message(incident.id, found.id)


def _same(one: Message, draft: Draft, now: datetime) -> bool:
    recent = (now - parse_iso(one.queued_at)).total_seconds() < SAME_S
    alike = (one.engine, one.about, _words(one.body)) == (draft.engine, draft.about, _words(draft.body))
    return recent and alike and one.owed and _reader(one, one.incident) == _reader(draft, one.incident)


def _reader(one: Message | Draft, incident: str) -> tuple[str, str]:
    """Who reads it. Of the providers several have no address, or one template that names none of them."""
    return slack_channel(one.to, incident) or one.to, provider_of(one.key) if one.about == "upstream" else ""


def _words(body: Mapping[str, Any]) -> list[str]:
    """What a message says, without the moment of the next one, which moves on by itself."""
    return [_NEXT.sub("", str(value)) for key, value in sorted(body.items()) if key != "next"]


def send(here: Here, incident: Incident, draft: Draft, instead_of: tuple[str, ...] = ()) -> Said:
    """Owe a message that was looked at, flush, and say what became of it."""
    found = leave(here, incident.id, draft, instead_of)
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
    change = last_look(here, incident, draft, warnings=_not_sent_yet(here, incident, draft, withdrawn))
    reached("comms.look", draft.about)
    return here.person.approve("comms", change, None)


def _not_sent_yet(here: Here, incident: Incident, draft: Draft, withdrawn: tuple[str, ...]) -> tuple[str, ...]:
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
        done(here.journal, incident, draft.about, how, _provider(draft), next)
    return Said(BY_HAND, draft, "pasted by hand")


def _provider(draft: Draft) -> tuple[str, ...]:
    return (provider_of(draft.key),) if draft.about == "upstream" else ()

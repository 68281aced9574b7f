"""The handoff at work: written from the journal, read over by the outgoing, posted once, taken by the incoming."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.config import Settings
from omniops.errors import BadInput, Exit, NeedsPerson
from omniops.failpoints import reached
from omniops.incident import rota as rotas
from omniops.incident.drafts import Draft, once
from omniops.incident.handoff import MOST_PARTS, Contents, acknowledged, draft, handoffs, parts
from omniops.incident.outbox import Message, stream_of, with_key
from omniops.incident.rota import STREAM, Role
from omniops.incident.view import MITIGATION_KINDS, mitigations
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Journal, New
from omniops.runner import outbox
from omniops.runner.known import incidents
from omniops.runner.leaving import Here
from omniops.runner.oncall import Desk
from omniops.runner.person import Option
from omniops.text import clean, one_line, redact

ABOUT = "handoff"
SOON = timedelta(days=1)
"""So long before a turn its handoff is taken by whoever comes next."""
_OPTIONS = (
    Option("edit", "Edit it first", "in your editor"),  # the first one is what a bare Enter takes
    Option("post", "Post it as it is"),
)


class Turn(NamedTuple):
    """The turn that a handoff is about."""

    role: Role
    day: str
    at: datetime
    outgoing: str
    incoming: str

    @property
    def key(self) -> str:
        """One for each role and week: it is never posted twice."""
        return f"handoff/{self.role.id}/{self.day}"


class Done(NamedTuple):
    """What became of it. ``message`` None: nothing was posted."""

    turn: Turn
    text: str
    state: str  # "posted", "by hand", "waits", "to be pasted", "may have been posted", "declined", "already"
    message: Message | None = None
    left_out: int = 0
    again: bool = False  # it was written before

    @property
    def exit(self) -> Exit:
        known = {
            "waits": Exit.WAITING,
            "to be pasted": Exit.PERSON,
            "may have been posted": Exit.IN_DOUBT,
            "declined": Exit.PERSON,
        }
        return known.get(self.state, Exit.DONE)

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "omniops.handoff/1", "role": self.turn.role.id, "turn": self.turn.day, "at": iso(self.turn.at),
            "outgoing": self.turn.outgoing or None, "incoming": self.turn.incoming or None, "state": self.state,
            "text": self.text, "left_out": self.left_out, "message": self.message.as_json() if self.message else None,
        }  # fmt: skip


def turn_of(desk: Desk, role: str, now: datetime) -> Turn:
    """The nearest turn of a role, and who hands over to whom. Raises BadInput for a role that does not turn."""
    return _turn(desk, _weekly(desk, role), rotas.nearest_turn(desk.rota, now))


def _weekly(desk: Desk, role: str) -> Role:
    found = desk.role(role)
    if not found.weekly:
        raise BadInput(
            f"{found.id} is not handed over", why=f"its rotation: {found.rotation}", state="nothing was written",
            next="omniops oncall handoff --role engineering",
        )  # fmt: skip
    return found


def _turn(desk: Desk, role: Role, day: date) -> Turn:
    at = rotas.turn_on(desk.rota, day)
    before = rotas.duties(desk.rota, role, rotas.turn_on(desk.rota, day - rotas.WEEK), at, desk.covers)[-1]
    return Turn(role, str(day), at, before.primary, desk.duty(role, at).primary)


def turn_taken(desk: Desk, role: str, who: str, now: datetime) -> Turn:
    """The turn whose handoff ``who`` takes: the newest one that this journal holds and nobody has acknowledged, however
    late, unless a later turn of their own has begun or is about to. Without one it is their own turn that has, else the
    nearest. Raises BadInput for a role that does not turn."""
    found, same = _weekly(desk, role), who.casefold()
    nearest, begun = rotas.nearest_turn(desk.rota, now), rotas.turn_day(desk.rota, now)
    other = begun if nearest != begun else begun + rotas.WEEK
    around = [_turn(desk, found, nearest), _turn(desk, found, other)]
    theirs = [one for one in around if one.incoming.casefold() == same and one.at <= now + SOON]
    newest = max((one for one in handoffs(desk.events) if one.role == found.id), key=lambda one: one.turn, default=None)
    if newest is None or newest.acknowledged:
        return (theirs or around)[0]
    open_one = Turn(found, newest.turn, parse_iso(newest.at), newest.outgoing, newest.incoming)
    if open_one.incoming.casefold() == same:
        return open_one
    return next((one for one in theirs if one.day > newest.turn), open_one)


def contents(here: Here, desk: Desk, now: datetime) -> Contents:
    """What is open, in force and owed. Incidents on the security path are counted, and nothing of them is told."""
    from omniops.runner.comms import obligations_of

    every = incidents(here.journal)
    frozen = {one.id for one in every if one.frozen}
    force = [one for one in mitigations(here.journal.kinds(MITIGATION_KINDS)) if one.incident not in frozen]
    owed = obligations_of(here.journal, now, folder=here.settings.user_runbooks)
    return Contents(
        [one for one in every if not one.resolved and not one.frozen],
        desk.rota.maintenance,
        force,
        [one for one in owed if one.open and one.incident not in frozen],
        len([one for one in every if one.frozen and not one.resolved]),
    )


def hand_over(here: Here, desk: Desk, role: str, *, yes: bool = False, edit: bool = False) -> Done:
    """Write the handoff, have it read over, post it; where nothing here posts, it is shown to be pasted. One that this
    journal has for this week is not posted again, unless it was given up, or only shown.

    Raises NeedsPerson without a person or ``yes``, and BadInput for a text that holds a secret or is too long.
    """
    here.settings.remember_secrets()
    now = here.clock.now()
    turn = turn_of(desk, role, now)
    known = _standing(here.journal, turn)
    if known is not None:
        return _became(here, turn, known.id, already=True)
    if (text := _pasted(here.journal, turn)) is not None:
        return Done(turn, text, "already", again=True)
    found = contents(here, desk, now)
    text = draft(turn.role, turn.at, turn.outgoing, turn.incoming, found, desk.rota.tz, now)
    if edit:
        text = _edited(here, text)
    if not yes:
        looked = _looked_over(here, text, desk.rota.channel)
        if looked is None:
            return Done(turn, text, "declined", None, found.frozen)
        text = looked
    _check(here.settings, text, desk.rota.channel)
    reached("handoff.look", turn.role.id)
    if here.person.interactive and _unable(here.settings, desk.rota.channel):
        return _by_hand(here, turn, desk.rota.channel, text)._replace(left_out=found.frozen)
    id = _owe(here, turn, desk.rota.channel, text)
    here.flush()
    done = _became(here, turn, id)._replace(left_out=found.frozen)
    if done.state == "to be pasted" and here.person.interactive:
        return _by_hand(here, turn, desk.rota.channel, text)._replace(left_out=found.frozen)
    return done


def _standing(journal: Journal, turn: Turn) -> Message | None:
    """The handoff of this turn that is on its way or posted; None also where it was given up, or only shown."""
    said = outbox.messages(journal, "")
    return with_key(said, once(turn.key, said))


def _pasted(journal: Journal, turn: Turn) -> str | None:
    """The text of this turn that somebody has pasted: it was written down without a message."""
    found = [one for one in handoffs(journal.read(STREAM)) if (one.role, one.turn) == (turn.role.id, turn.day)]
    return found[0].text if found and not found[0].message else None


def _unable(settings: Settings, channel: str) -> bool:
    """Is nothing set up here that would post it?"""
    from omniops.runner.tick import unable

    return bool(unable(settings, [Message("", "", "slack", channel, ABOUT, {}, "", "", "waiting")]))


def _by_hand(here: Here, turn: Turn, channel: str, text: str) -> Done:
    """Show it to be pasted, and ask whether it is out: then it is written down."""
    if not here.person.posted("handoff.posted", channel, text, None):
        return Done(turn, text, "declined")
    here.journal.append([_written(turn, text, "")])
    return Done(turn, text, "by hand")


def _looked_over(here: Here, text: str, channel: str) -> str | None:
    """The text that the outgoing wants to post; None: none."""
    if not here.person.interactive:
        raise NeedsPerson(
            "the handoff was not read over by anybody",
            why="there is no terminal, and --yes was not given",
            state="nothing was posted",
            next="omniops oncall handoff --yes posts it as it is",
        )
    while True:
        for line in clean(text).split("\n"):
            here.person.say(line)
        count = len(_pieces(here.settings, text, channel))
        more = f", as {count} messages" if count > 1 else ""
        question = f"Post this to {place(here.settings, channel)}{more}?"
        answer = here.person.choose("handoff", question, _OPTIONS, None)
        if answer != "edit":
            return text if answer == "post" else None
        try:
            text = _edited(here, text)
            _check(here.settings, text, channel)
        except BadInput as error:  # a tired person's text is not thrown away because of one word
            here.person.say(error.brief, "warn")


def _edited(here: Here, text: str) -> str:
    if here.edit is None:
        raise BadInput("--edit needs a terminal", state="nothing was posted", next="omniops oncall handoff --yes")
    return here.edit(text)


def place(settings: Settings, channel: str) -> str:
    """Where it really goes from here, in words: a webhook posts to the one channel that it was made for."""
    from omniops.runner.comms import to_channel

    return to_channel(settings, Draft("slack", channel, ABOUT, "", channel, {})).where


def _pieces(settings: Settings, text: str, channel: str) -> list[str]:
    """The texts of the messages that it takes, at what it is posted through."""
    from omniops.runner.engines.room import room_for

    room = room_for(settings, Message("", "", "slack", channel, ABOUT, {"text": text}, "", "", "waiting"))
    return parts(text, room.most["text"]) if room else [text]


def _check(settings: Settings, text: str, channel: str) -> None:
    wrong = ""
    if not text.strip():
        wrong = "it is empty"
    elif redact(text) != text:
        wrong = "it holds a secret"
    elif (count := len(_pieces(settings, text, channel))) > MOST_PARTS:
        wrong = f"it is so long that it would be {count} messages; at most {MOST_PARTS} are read"
    if wrong:
        raise BadInput(
            f"not posted: {wrong}",
            state="nothing was queued",
            next="omniops oncall handoff --edit, and say it otherwise",
        )


def _owe(here: Here, turn: Turn, channel: str, text: str) -> str:
    """Write the handoff down together with its messages; return the id of the first. A second one leaves the first."""
    journal = here.journal

    def attempt() -> str:
        n = journal.length(stream_of(""))
        known = _standing(journal, turn)
        if known is not None:
            return known.id
        key = once(turn.key, outbox.messages(journal, ""))
        keys = [key, *(f"{n}:{key}" for n in range(2, MOST_PARTS + 1))]
        message, *more = (
            outbox.new_message(journal, "", engine="slack", to=channel, about=ABOUT, body={"text": one}, key=each)
            for each, one in zip(keys, _pieces(here.settings, text, channel), strict=False)
        )
        journal.append([message._replace(expected=n), *more, _written(turn, text, str(message.data["id"]))])
        reached("outbox.queued", "slack")
        return str(message.data["id"])

    return retry_on_conflict(attempt, "nothing was sent")


def _written(turn: Turn, text: str, message: str) -> New:
    """The event that writes a handoff down. ``message``: the id of the one that posts it, "" where it was pasted."""
    data = {
        "role": turn.role.id, "turn": turn.day, "at": iso(turn.at), "outgoing": turn.outgoing,
        "incoming": turn.incoming, "message": message, "text": text,
    }  # fmt: skip
    return New(STREAM, None, "oncall.handoff", data)


def _became(here: Here, turn: Turn, id: str, *, already: bool = False) -> Done:
    """How it stands: as the first of its messages that was not posted does."""
    found = here.message("", id)
    whole = (one.text for one in handoffs(here.journal.read(STREAM)) if one.message == id)
    text = next(whole, str(found.body["text"]))
    rest = [one for one in outbox.messages(here.journal, "") if one.key.endswith(f":{found.key}")]
    found = next((one for one in (found, *rest) if one.state not in ("sent", "dropped")), found)
    sent = "already" if already else "posted"
    known = {"sent": sent, "waiting": "waits", "shown": "to be pasted", "dropped": "declined"}
    return Done(turn, text, known.get(found.state, "may have been posted"), found, again=already)


class Acknowledged(NamedTuple):
    """``new`` False: it was acknowledged before, by ``who``. ``notes``: what is odd about it."""

    turn: Turn
    who: str
    new: bool
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "omniops.handoff.acknowledged/1", "role": self.turn.role.id, "turn": self.turn.day,
            "incoming": self.turn.incoming or None, "who": self.who, "new": self.new, "notes": self.notes,
        }  # fmt: skip


def acknowledge(here: Here, desk: Desk, role: str, who: str) -> Acknowledged:
    """Take a handoff: written down here, and said in the channel, because the outgoing's journal is another one.

    Raises BadInput where the outgoing would acknowledge their own.
    """
    here.settings.remember_secrets()
    who = one_line(clean(who), 60)
    turn = turn_taken(desk, role, who, here.clock.now())
    same = who.casefold()
    if same == turn.outgoing.casefold() and same != turn.incoming.casefold():
        raise BadInput(
            f"{who} hands over, and cannot acknowledge it",
            why=f"the incoming on-call is {turn.incoming or 'not named'}",
            state="nothing was written",
            next=f"omniops oncall handoff --ack --by {turn.incoming or 'NAME'}, if they have told you",
        )
    notes = []
    if turn.incoming and same != turn.incoming.casefold():
        notes.append(f"the rota names {turn.incoming} as the incoming on-call, not {who}")

    def attempt() -> Acknowledged:
        events = here.journal.read(STREAM)
        if before := acknowledged(events, turn.role.id, turn.day):
            return Acknowledged(turn, before, False, [])
        there = any((one.role, one.turn) == (turn.role.id, turn.day) for one in handoffs(events))
        nowhere = [] if there else ["this journal holds no handoff of that week; the one in the channel is meant"]
        text = f"Handoff, {turn.role.role}, {turn.day}: acknowledged by {who}."
        message = outbox.new_message(
            here.journal, "", engine="slack", to=desk.rota.channel, about="handoff taken", body={"text": text},
            key=f"{turn.key}/ack",
        )  # fmt: skip
        data = {"role": turn.role.id, "turn": turn.day, "who": who}
        here.journal.append([New(STREAM, len(events), "oncall.handoff.acknowledged", data), message])
        return Acknowledged(turn, who, True, [*notes, *nowhere])

    taken = retry_on_conflict(attempt, "nothing was sent")
    if taken.new:
        here.flush()
    return taken

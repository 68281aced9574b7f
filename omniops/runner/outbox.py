"""The outbox at work: a message is queued durably, sent once, and its outcome written down.

Nothing is sent for an incident that is on the security path: ``message.sending`` is appended on condition that the
incident's stream is as it was when the message was found waiting, so a freeze, or another process that takes the same
message, makes a conflict, and nothing leaves. An engine that makes several requests looks again before each of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, OmniopsError, Unreachable
from omniops.failpoints import reached
from omniops.incident.outbox import (
    FROZEN,
    OUTBOX_KINDS,
    Message,
    dropped,
    due,
    fold,
    retry_at,
    slack_channel,
    stream_of,
)
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Event, Journal, New
from omniops.runner.engines.base import Delivery, Engine, Places, Stopped
from omniops.runner.engines.order import doubts, unsettled
from omniops.runner.engines.registry import find as find_engine
from omniops.runner.held import held
from omniops.runner.places import JournalPlaces

if TYPE_CHECKING:
    from omniops.services.clients import Clients

BUDGET_S = 30.0
SEND_BY_S = 5.0
"""A process that was suspended for longer than this after it said "sending" does not send any more."""

WITHDRAWN = "withdrawn for a newer text"

Show = Callable[[Message], None]


def messages(journal: Journal, incident: str | None = None) -> list[Message]:
    """Every message of an incident ("" for those of none), or of the whole journal, as it stands now."""
    return fold(journal.kinds(OUTBOX_KINDS) if incident is None else journal.read(stream_of(incident)))


def new_message(
    journal: Journal, incident: str, *, engine: str, to: str, about: str, body: dict[str, Any], key: str
) -> New:
    """An event that queues a message, to be appended together with others.

    ``body`` holds no secret. A second one with a ``key`` that the incident has already is passed over, so a command
    that is repeated owes nothing twice. For the engine ``slack``, ``to`` may be ``incident``: its own channel.
    """
    if engine == "slack":
        to = slack_channel(to, incident) or to
    taken = {event.data["id"] for event in journal.kinds(("message.queued",))}
    while (id := f"o{os.urandom(3).hex()}") in taken:
        pass
    data = {"id": id, "engine": engine, "to": to, "about": about, "body": body, "key": key}
    return New(stream_of(incident), None, "message.queued", data)


def queue(
    journal: Journal,
    incident: str,
    *,
    engine: str,
    to: str,
    about: str,
    body: dict[str, Any],
    key: str,
    instead_of: Sequence[str] = (),
    same: Callable[[Message], bool] = lambda _: False,
    still: Callable[[Sequence[Event]], object] = lambda _: None,
) -> str:
    """Owe a message, durably, and return its id. What has this key already is not queued again: its id is returned.

    ``instead_of``: ids of older ones that are given up together with it, as far as they are not sent by then. ``same``:
    a message that says the same, and is returned in its place. ``still`` is shown what the incident's events are when
    it is queued, and raises where it is not to be. Returns "" for an incident on the security path: nothing about it is
    written down, and nothing is sent.
    """
    stream = stream_of(incident)

    def attempt() -> str:
        events = journal.read(stream)
        if any(event.kind == "frozen" for event in events):
            return ""
        said = fold(events)
        known = next((one for one in said if one.key == key), None)
        known = known or next((one for one in reversed(said) if same(one)), None)
        if known is not None:
            return known.id
        still(events)
        new = new_message(journal, incident, engine=engine, to=to, about=about, body=body, key=key)
        older = [one for one in said if one.id in instead_of and one.state in ("waiting", "unsure")]
        journal.append([new._replace(expected=len(events)), *(dropped(one, WITHDRAWN) for one in older)])
        reached("outbox.queued", engine)
        return str(new.data["id"])

    return retry_on_conflict(attempt, "nothing was sent")


def flush(
    settings: Settings,
    clock: Clock,
    journal: Journal,
    clients: Clients,
    *,
    budget_s: float = BUDGET_S,
    only: str | None = None,
    show: Show | None = None,
    find: Callable[[str], Engine | None] = find_engine,
) -> list[Message]:
    """Send what is due, oldest first, and return the messages that this changed, as they are now.

    Never raises because a service is down: that is written down, and tried again later. ``budget_s``: no further
    message is begun after so many seconds of the machine's time; the one under way may take as long as its engine
    may. ``only``: one incident, "" for what is of none. ``show`` shows a text ready to paste where no service is
    configured for it; without ``show`` such a message waits, because nobody would see it. Raises OmniopsError where the
    journal cannot be written.
    """
    if settings.drill != journal.drill:
        raise ValueError("a drill's outbox is flushed with a drill's settings, a real one with real ones")
    if held(settings):  # by 4.5, which could not be written down
        return []
    begun = clock.boot()
    changed: dict[tuple[str, str], None] = {}
    down: set[str] = set()
    for found in _to_do(journal, clock, only):
        engine = find(found.engine)
        if engine is None or found.engine in down:
            continue
        if clock.boot() - begun > budget_s:
            break
        if _handle(_Here(settings, clock, journal, clients, show), found, engine, down):
            changed[found.stream, found.id] = None
    if not changed:
        return []
    return [one for one in messages(journal, only) if (one.stream, one.id) in changed]


class _Here:
    """What sending one message needs."""

    def __init__(self, settings: Settings, clock: Clock, journal: Journal, clients: Clients, show: Show | None) -> None:
        self.settings, self.clock, self.journal, self.clients, self.show = settings, clock, journal, clients, show


def _to_do(journal: Journal, clock: Clock, only: str | None) -> list[Message]:
    """Messages to deal with: due ones, those whose sender may be gone, and those that a freeze dropped silently."""
    found = messages(journal, only)
    wanted = {(one.stream, one.id) for one in due(found, clock.now())}
    return [one for one in found if (one.stream, one.id) in wanted or one.state == "sending" or not one.recorded]


def _handle(here: _Here, found: Message, engine: Engine, down: set[str]) -> bool:
    """Deal with one message; say whether that changed anything. Somebody else's hand on it is no error."""

    def attempt() -> bool:
        events = here.journal.read(found.stream)
        message = next((one for one in fold(events) if one.id == found.id), None)
        return message is not None and _step(here, message, events, engine, down)

    return retry_on_conflict(attempt, "nothing was sent")  # a note, a freeze, another flusher


def _step(here: _Here, message: Message, events: Sequence[Event], engine: Engine, down: set[str]) -> bool:
    n = len(events)
    if not message.recorded:
        here.journal.append([dropped(message, FROZEN)._replace(expected=n)])
        return True
    if message.state == "sending":
        if not _sender_gone(message, here.clock, engine):
            return False
        if message.frozen or not engine.safe_to_resend:
            why = "whoever was sending it has gone, and nobody saw the answer"
            here.journal.append([New(message.stream, n, "message.unsure", {"id": message.id, "why": why})])
            return True
    elif message.frozen or not due([message], here.clock.now()):
        return False  # somebody else was faster
    if not engine.configured(here.settings, message):
        if here.show is None:
            return False
        here.show(message)
        shown = {"id": message.id, "why": engine.missing}
        here.journal.append([New(message.stream, n, "message.shown", shown)])
        return True
    if engine.safe_to_resend and unsettled(events, message, here.clock.now(), engine.settle_s):
        return False  # asked now, the service would not know yet of what is still under way
    _send(here, message, events, engine, down)
    return True


def _send(here: _Here, message: Message, events: Sequence[Event], engine: Engine, down: set[str]) -> None:
    """Say so, send, and write down what came of it. Raises Conflict where the stream has moved on: nothing was sent."""
    from omniops.journal.lease import me

    attempt = message.attempts + 1
    began = here.clock.boot()
    sending = {"id": message.id, "attempt": attempt, **me(), "send_by": round(began + SEND_BY_S, 3)}
    here.journal.append([New(message.stream, len(events), "message.sending", sending)])
    reached("outbox.sending", message.engine)
    if here.clock.boot() - began > SEND_BY_S:
        delivery = Delivery("failed", why="this machine slept before it was sent", retry_in_s=1.0)
    else:
        sent = message._replace(state="sending", attempts=attempt)
        places = JournalPlaces(
            here.journal,
            sent,
            here.clock,
            until=began + SEND_BY_S + engine.longest_s,
            maybe=bool(doubts(events, {message.id})),
        )
        delivery = attempted(engine, here.clients, sent, places)
    reached("outbox.sent", message.engine)
    if delivery.status == "shown" and here.show is not None:
        here.show(message)
    if delivery.down:
        down.add(message.engine)
    here.journal.append([_outcome(here, message, attempt, engine, delivery)])


def attempted(engine: Engine, clients: Clients, message: Message, places: Places) -> Delivery:
    """Send once; what the clients raise becomes what it proves."""
    try:
        places.look()  # since "sending" was written
        return engine.send(clients, message, places)
    except Stopped as stopped:
        return stopped.delivery
    except InDoubt as error:
        return Delivery("unsure", why=_words(error))
    except Unreachable as error:  # it may say how long it wants to be left alone, and that an edit may still arrive
        wait, late = getattr(error, "retry_in_s", None), getattr(error, "late", False)
        return Delivery("failed", why=_words(error), retry_in_s=wait, late=late, down=True)
    except OmniopsError as error:
        return Delivery("failed", why=_words(error))
    except Exception as error:  # one message that cannot be sent must not keep all others
        return Delivery("unsure", why=f"a bug in omniops: {type(error).__name__}")


def _outcome(here: _Here, message: Message, attempt: int, engine: Engine, delivery: Delivery) -> New:
    data: dict[str, Any] = {"id": message.id, "attempt": attempt}
    again = retry_at(here.clock.now(), attempt, delivery.retry_in_s)
    match delivery.status:
        case "sent":
            kind, data = "message.sent", {**data, "ref": delivery.ref, "how": delivery.how}
        case "failed":
            kind, data = "message.failed", {**data, "why": delivery.why, "retry_at": again}
            data |= {"late": True} if delivery.late else {}
        case "shown" if here.show is not None:
            kind, data = "message.shown", {**data, "why": delivery.why}
        case "shown":
            kind, data = "message.failed", {**data, "why": delivery.why, "retry_at": again}
        case "dropped":
            kind, data = "message.dropped", {**data, "why": delivery.why}
        case _:
            kind, data = "message.unsure", {**data, "why": delivery.why}
            if engine.safe_to_resend:
                data["retry_at"] = again
    return New(message.stream, None, kind, data)


def _sender_gone(message: Message, clock: Clock, engine: Engine) -> bool:
    """Is it certain that nobody is sending this message any more, and that nothing of it is still under way? A living
    sender's last request leaves by ``send_by`` and the engine's longest; a dead one's has left before, and nobody knows
    how long before. Where nothing is asked or doubled by being early, a dead sender is gone at once."""
    from omniops.clock import parse_iso
    from omniops.journal.lease import boot_id, holder_state

    longest = engine.longest_s + engine.settle_s
    condition = holder_state(message.sender)
    if condition == "unknown":  # another host: its boot clock says nothing here
        return (clock.now() - parse_iso(message.at)).total_seconds() > SEND_BY_S + longest
    late = clock.boot() - float(message.sender["send_by"]) > longest
    if condition != "dead":
        return late
    early = not engine.safe_to_resend or engine.settle_s == 0
    return early or late or message.sender["boot"] != boot_id()


def drop(journal: Journal, id: str, reason: str) -> Message:
    """Give a message up, by a person's word. Raises BadInput for one that is not owed, or without a reason."""
    if not reason.strip():
        raise BadInput(
            "a reason is needed", state="nothing was written", next=f'omniops outbox drop {id} --reason "..."'
        )
    return _by_hand(journal, id, ("waiting", "unsure"), "message.dropped", {"why": reason.strip(), "by_hand": True})


def retry(journal: Journal, id: str) -> Message:
    """Send a message again that may have been sent, or do not wait for its clock. Raises BadInput otherwise."""
    return _by_hand(journal, id, ("unsure", "waiting"), "message.retried", {})


def retry_now(settings: Settings, clock: Clock, journal: Journal, id: str) -> Message:
    """``retry``, and send it at once; returns the message as it is then."""
    from omniops.runner.wiring import clients_of

    again = retry(journal, id)
    flush(settings, clock, journal, clients_of(settings, clock), only=again.incident)
    return next(one for one in messages(journal, again.incident) if one.id == id)


def _by_hand(journal: Journal, id: str, states: Sequence[str], kind: str, data: dict[str, Any]) -> Message:
    stream = next((one.stream for one in messages(journal) if one.id == id), "")

    def attempt() -> Message:
        events = journal.read(stream) if stream else []
        found = next((one for one in fold(events) if one.id == id and one.state in states), None)
        if found is None:
            owed = [one.id for one in messages(journal) if one.state in states]
            raise BadInput(
                f"no message {id!r} is waiting or in doubt",
                why="these are: " + (", ".join(owed) or "none"),
                state="nothing was written",
                next="omniops outbox",
            )
        if kind == "message.retried" and found.frozen:
            raise BadInput(
                f"{id} is not sent again: {found.incident} is frozen",
                why="nothing more is sent about an incident on the security path (4.5)",
                state="nothing was written",
                next=f'omniops outbox drop {id} --reason "..."',
            )
        written = journal.append([New(stream, len(events), kind, {"id": id, **data})])
        return next(one for one in fold([*events, *written]) if one.id == id)

    return retry_on_conflict(attempt, "nothing was written")


def _words(error: OmniopsError) -> str:
    return error.what + (f" ({error.why})" if error.why else "")

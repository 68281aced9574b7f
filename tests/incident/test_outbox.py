"""The outbox as the journal tells it: states, moments, keys, and what a freeze does to each."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from omniops.clock import iso
from omniops.incident.outbox import (
    BACKOFF_S,
    FROZEN,
    MAX_RETRY_AFTER_S,
    Message,
    due,
    fold,
    next_due,
    retry_at,
    slack_channel,
    text_of,
)
from omniops.journal.events import Event

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
INCIDENT = "2026-11-23-openai-outage"
STREAM = f"incident/{INCIDENT}"
LATER = iso(NOW + timedelta(seconds=30))
QUEUED: dict[str, Any] = {
    "id": "o111111", "engine": "slack", "to": "#omniroute-ops", "about": "ack", "body": {"text": "hi"}, "key": "ack/1",
}  # fmt: skip
Told = tuple[str, dict[str, Any]]
SENDING: Told = ("message.sending", {"attempt": 1, "pid": 7, "send_by": 1.0})
SENT: Told = ("message.sent", {"ref": "1.2", "how": ""})
FAILED: Told = ("message.failed", {"why": "no route", "retry_at": LATER})
UNSURE: Told = ("message.unsure", {"why": "reset"})
AGAIN: Told = ("message.unsure", {"why": "reset", "retry_at": LATER})
SHOWN: Told = ("message.shown", {})
DROPPED: Told = ("message.dropped", {"why": "by hand"})
RETRIED: Told = ("message.retried", {})
FREEZE: Told = ("frozen", {})


def late(kind: str) -> Told:
    """How the first attempt ends, said by whoever made it."""
    return kind, {"attempt": 1, "why": "late", "retry_at": LATER, "ref": "", "how": ""}


def told(*events: tuple[str, dict[str, Any]], stream: str = STREAM) -> list[Event]:
    """Events of one stream, a second apart; those of a message are about o111111 unless they say otherwise."""
    made = []
    for n, (kind, data) in enumerate([("message.queued", QUEUED), *events], 1):
        full = data if kind == "frozen" else {"id": "o111111", **data}
        made.append(Event(n, stream, n, iso(NOW + timedelta(seconds=n)), "eve", "h", "1", kind, full))
    return made


def one(*events: tuple[str, dict[str, Any]]) -> Message:
    (message,) = fold(told(*events))
    return message


@pytest.mark.parametrize(
    ("events", "state", "when", "attempts", "why"),
    [
        ([], "waiting", iso(NOW + timedelta(seconds=1)), 0, ""),
        ([SENDING], "sending", "", 1, ""),
        ([SENDING, SENT], "sent", "", 1, ""),
        ([SENDING, FAILED], "waiting", LATER, 1, "no route"),
        ([SENDING, UNSURE], "unsure", "", 1, "reset"),
        ([SENDING, AGAIN], "unsure", LATER, 1, "reset"),
        ([SHOWN], "shown", "", 0, ""),
        ([DROPPED], "dropped", "", 0, "by hand"),
        ([SENDING, UNSURE, RETRIED], "waiting", iso(NOW + timedelta(seconds=4)), 1, ""),
        ([SENDING, UNSURE, SENT], "sent", "", 1, ""),
        ([SENDING, UNSURE, DROPPED, SENT], "sent", "", 1, ""),
        ([SENDING, SENT, FAILED], "sent", "", 1, ""),
    ],
)
def test_states(events: list[Any], state: str, when: str, attempts: int, why: str) -> None:
    """Each event moves a message; that it was sent is the last word."""
    message = one(*events)
    assert (message.state, message.due, message.attempts, message.why) == (state, when, attempts, why)


SECOND: Told = ("message.sending", {"attempt": 2, "pid": 8, "send_by": 9.0})


@pytest.mark.parametrize(
    ("events", "state", "attempts"),
    [
        ([SENDING, SECOND, late("message.failed")], "sending", 2),
        ([SENDING, SECOND, late("message.unsure")], "sending", 2),
        ([SENDING, SECOND, late("message.dropped")], "sending", 2),
        ([SENDING, SECOND, late("message.sent")], "sent", 2),
        ([SENDING, UNSURE, late("message.failed")], "waiting", 1),
        ([SENDING, UNSURE, DROPPED, late("message.failed")], "dropped", 1),
        ([SENDING, UNSURE, DROPPED, late("message.unsure")], "dropped", 1),
        ([SENDING, UNSURE, DROPPED, late("message.sent")], "sent", 1),
        ([SENDING, ("message.dropped", {"why": FROZEN}), FREEZE, late("message.unsure")], "unsure", 1),
        ([SENDING, ("message.dropped", {"why": FROZEN}), FREEZE, late("message.failed")], "dropped", 1),
    ],
)
def test_whoever_wakes_up_late(events: list[Any], state: str, attempts: int) -> None:
    """An attempt that ends when a newer one has begun says nothing of that one, and brings back nothing that was given
    up; that it was sent counts always, and that it may have been where 4.5 cut in."""
    message = one(*events)
    assert (message.state, message.attempts) == (state, attempts)


@pytest.mark.parametrize(
    ("before", "state"),
    [
        ([], "dropped"),
        ([SENDING, FAILED], "dropped"),
        ([SENDING], "sending"),
        ([SENDING, UNSURE], "unsure"),
        ([SENDING, AGAIN], "unsure"),
        ([SENDING, SENT], "sent"),
    ],
)
def test_a_freeze(before: list[Any], state: str) -> None:
    """A freeze drops what waits, and leaves nothing that would be tried again by itself."""
    message = one(*before, FREEZE)
    assert (message.state, message.due, message.frozen) == (state, "", True)
    assert message.why == (FROZEN if state == "dropped" else message.why)
    assert message.recorded == (state != "dropped")


@pytest.mark.parametrize("after", [FAILED, AGAIN, RETRIED])
def test_nothing_waits_after_a_freeze(after: Any) -> None:
    """An attempt that ends after the freeze is never repeated, and no word of a person's brings a message back."""
    message = one(SENDING, FREEZE, after)
    assert message.state in ("dropped", "unsure")
    assert not message.due


def test_the_freeze_is_written_down_once() -> None:
    """A message that the freeze dropped is owed an event that says so, and no second one."""
    assert [one(FREEZE).recorded, one(FREEZE, ("message.dropped", {"why": FROZEN})).recorded] == [False, True]


def test_another_incident_is_not_frozen() -> None:
    """A freeze is one incident's."""
    events = [*told(), *told(FREEZE, stream="incident/other"), *told(stream="outbox")]
    assert [message.state for message in fold(events)] == ["waiting", "dropped", "waiting"]
    assert [message.incident for message in fold(events)] == [INCIDENT, "other", ""]


def test_one_key_is_one_message() -> None:
    """What is queued twice with one key is owed once, whatever became of the first."""
    again = ("message.queued", {**QUEUED, "id": "o222222"})
    other = ("message.queued", {**QUEUED, "id": "o333333", "key": "ack/2"})
    assert [message.id for message in fold(told(SENDING, SENT, again, other))] == ["o111111", "o333333"]


def test_events_of_strangers_are_passed_over() -> None:
    """A note in between, an event of another message, of a message that nobody queued: no error, and no change."""
    events = told(("note", {"text": "x"}), ("message.sent", {"id": "o999999"}))
    assert [message.state for message in fold(events)] == ["waiting"]


def test_every_order_of_events_can_be_read() -> None:
    """Whatever two flushers and a person did, in whatever order: one message, in a state that there is."""
    states = {
        one(*order).state
        for size in range(1, 5)
        for order in permutations([SENDING, SENT, FAILED, AGAIN, FREEZE], size)
    }
    assert states <= {"waiting", "sending", "sent", "unsure", "dropped"}


def test_what_is_due() -> None:
    """A message is due at its moment and not before it; what may have been sent only where it is resent by itself."""
    failed, unsure, again = one(SENDING, FAILED), one(SENDING, UNSURE), one(SENDING, AGAIN)
    found = [failed, unsure, again, one(SENDING), one(SENDING, SENT)]
    assert due(found, NOW + timedelta(seconds=29)) == []
    assert due(found, NOW + timedelta(seconds=30)) == [failed, again]
    assert next_due(found) == LATER
    assert next_due([unsure]) == ""


def test_patience() -> None:
    """The waits grow to ten minutes and stay there; a service's own wish goes first, but not for ever."""
    waits = [(datetime.fromisoformat(retry_at(NOW, n)) - NOW).total_seconds() for n in range(1, 8)]
    assert waits == [*BACKOFF_S, 600, 600]
    asked = [(datetime.fromisoformat(retry_at(NOW, 1, s)) - NOW).total_seconds() for s in (7.0, 0.0, 1e9, math.nan)]
    assert asked == [7, 1, MAX_RETRY_AFTER_S, BACKOFF_S[0]]


@pytest.mark.parametrize(
    ("name", "incident", "channel"),
    [
        ("#security", INCIDENT, "#security"),
        ("incident", INCIDENT, f"#inc-{INCIDENT}"),
        ("incident", "", ""),
        ("status-page", INCIDENT, ""),
        ("#", INCIDENT, ""),
        ("incident", "2026-11-23-" + "x" * 90, "#inc-2026-11-23-" + "x" * 65),
    ],
)
def test_channels(name: str, incident: str, channel: str) -> None:
    """A runbook's channel is one of Slack's by its #, or the incident's own, whose name has 80 characters at most."""
    assert slack_channel(name, incident) == channel


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"text": "hi"}, "hi"),
        ({"content": "note"}, "note"),
        ({"user": "P1", "message": "join"}, "join"),
        ({"title": "T", "body": "B"}, "T\n\nB"),
        ({}, ""),
    ],
)
def test_words_to_paste(body: dict[str, Any], text: str) -> None:
    """Whatever a message is, its words can be pasted by hand."""
    assert text_of(one()._replace(body=body)) == text


@pytest.mark.parametrize("back_s", [0, 59, 61, 7200])
@pytest.mark.parametrize("events", [(), (SENDING, FAILED), (SENDING, AGAIN)])
def test_a_clock_that_was_fast(events: tuple[Told, ...], back_s: int) -> None:
    """Once it is put right a message does not wait out what it was wrong by; a little is waited out."""
    now = NOW + timedelta(seconds=1 + len(events) - back_s)
    assert bool(due([one(*events)], now)) is (back_s > 60 or not (events or back_s))

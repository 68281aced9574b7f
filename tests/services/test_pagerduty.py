"""PagerDuty's Events API: what is sent, and what each answer proves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omniops.config import Settings
from omniops.errors import BadInput
from omniops.services import pagerduty
from omniops.services.pagerduty import Events
from tests.support import scripted_http as play
from tests.support.scripted_http import Play, Scripted

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
MakeSettings = Callable[..., Settings]
QUEUE = ("POST", "/v2/enqueue")
SENT = play.answer({"status": "success", "message": "Event processed", "dedup_key": "k"}, 202)


def events(server: Scripted, settings: MakeSettings, guard: Callable[[str], None] | None = None) -> Events:
    given = settings(PAGERDUTY_EVENTS_URL=server.url, PAGERDUTY_ROUTING_KEY_SECURITY=ROUTING_KEY)
    return Events(given, guard)


def test_keys(server: Scripted, settings: MakeSettings) -> None:
    """A role can be paged where its own routing key is set; the general one does not count."""
    sender = events(server, settings)
    assert [sender.has_key(role) for role in ("security", "data", "")] == [True, False, False]
    with pytest.raises(BadInput) as caught:
        sender.trigger("data", "s", "k", "host")
    assert caught.value.lines() == [
        "no routing key to page data",
        "why:   PAGERDUTY_ROUTING_KEY_DATA is not set",
        "state: nobody was paged",
        "next:  page them by hand",
    ]
    assert server.seen == []


def test_what_is_sent(server: Scripted, settings: MakeSettings) -> None:
    """One critical event with the caller's dedup key, its summary on one line and no longer than 1024 characters."""
    server.on(*QUEUE, SENT)
    guarded: list[str] = []
    reply = events(server, settings, guarded.append).trigger("security", "a\nb\x1b[2J " + "x" * 2000, "key-1", "laptop")
    assert reply == pagerduty.EventReply("sent", "accepted by PagerDuty; delivery is not confirmed")
    sent = server.seen[0].json()
    summary = sent["payload"].pop("summary")
    assert summary.startswith("a b x")
    assert len(summary) == 1024
    assert sent == {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "key-1",
        "client": "omniops",
        "payload": {"source": "laptop", "severity": "critical"},
    }
    assert "authorization" not in server.seen[0].headers
    assert guarded == [f"{server.url}/v2/enqueue"]


@pytest.mark.parametrize(
    ("what", "status", "words"),
    [
        (play.answer({"status": "x", "message": "bad", "errors": ["no key"]}, 400), "refused", "400: bad; no key"),
        (play.raw(b"", 400), "refused", "PagerDuty answered 400"),
        (play.answer([], 403), "refused", "403"),
        (play.redirect("https://elsewhere.example"), "refused", "307"),
        (play.raw(b"slow down", 429), "refused", "429"),
        (play.answer({"status": "invalid event", "message": "no"}, 202), "in_doubt", "202: no"),
        (play.answer({}, 500), "in_doubt", "500"),
        (play.answer({}, 200), "in_doubt", "200"),
        (play.reset_before_answer(), "in_doubt", "the connection broke"),
        (play.close_before_answer(), "in_doubt", "does not answer as HTTP"),
        (play.by_request(lambda s: play.answer({"message": s.body.decode()}, 400)), "refused", '"routing_key": "***"'),
    ],
)
def test_answers(
    server: Scripted, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, what: Play, status: str, words: str
) -> None:
    """Each answer is sent, refused or in doubt; what may pass is tried again, and its key is in no detail."""
    monkeypatch.setattr(pagerduty, "AGAIN_S", (0.0, 0.0))
    server.on(*QUEUE, what)
    reply = events(server, settings).trigger("security", "s", "k", "host")
    assert (reply.status, words in reply.detail) == (status, True), reply
    assert ROUTING_KEY not in repr(reply)
    assert len(server.seen) == (3 if reply.passing else 1)


def test_a_page_is_tried_again(server: Scripted, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same key, which pages once; what one of the attempts may have done stays in doubt."""
    monkeypatch.setattr(pagerduty, "AGAIN_S", (0.0, 0.0))
    server.on(*QUEUE, play.answer({}, 500), play.raw(b"", 429), play.answer({"status": "success"}, 202))
    assert events(server, settings).trigger("security", "s", "k", "host").status == "sent"
    assert {one.json()["dedup_key"] for one in server.seen} == {"k"}
    server.on(*QUEUE, play.answer({}, 500), play.raw(b"", 400))
    assert events(server, settings).trigger("security", "s", "k", "host").status == "in_doubt"


def test_pagerduty_that_is_not_there(settings: MakeSettings) -> None:
    """What never left this machine was certainly not sent."""
    given = settings(PAGERDUTY_EVENTS_URL="http://127.0.0.1:1", PAGERDUTY_ROUTING_KEY_DATA=ROUTING_KEY)
    reply = Events(given).trigger("data", "s", "k", "host")
    assert reply.status == "refused"
    assert "nothing was sent to PagerDuty" in reply.detail


def test_key_is_not_sent_in_the_clear(settings: MakeSettings) -> None:
    """Plain http is for this machine only."""
    given = settings(PAGERDUTY_EVENTS_URL="http://events.example", PAGERDUTY_ROUTING_KEY_DATA=ROUTING_KEY)
    with pytest.raises(BadInput, match="not https"):
        Events(given).trigger("data", "s", "k", "host")


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_dedup_key_that_pagerduty_would_not_take(server: Scripted, settings: MakeSettings, key: str) -> None:
    """A dedup key that is empty or too long would make a second page of a resend."""
    with pytest.raises(ValueError, match="1 to 255"):
        events(server, settings).trigger("security", "s", key, "host")

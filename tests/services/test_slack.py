"""Slack's client: what is sent, and what each answer proves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.drill import chat
from omniops.errors import BadInput, InDoubt, OmniopsError, Unreachable
from omniops.services.slack import AUTH, MAX_TEXT, MAYBE, PLACE, WORDS, Slack, SlackBusy, SlackRefused
from tests.support import scripted_http as play
from tests.support.scripted_http import Play, Scripted
from tests.support.slack import FakeSlack

TOKEN = "xoxb-1234567890-secret"
POST = ("POST", "/api/chat.postMessage")
MakeSettings = Callable[..., Settings]


def client(server: Scripted, settings: MakeSettings, guard: Callable[[str], None] | None = None) -> Slack:
    return Slack(settings(SLACK_URL=server.url, SLACK_BOT_TOKEN=TOKEN), SystemClock(), guard)


def test_what_is_sent(server: Scripted, settings: MakeSettings) -> None:
    """The token goes in the header, and what stands in the text is neither a mention nor a link."""
    server.on(*POST, play.answer({"ok": True, "channel": "C01", "ts": "1732381500.000200"}))
    guarded: list[str] = []
    ts = client(server, settings, guarded.append).post("#omniroute-ops", "<!here> 5 < 6 & so on")
    assert ts == "1732381500.000200"
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert server.seen[0].json() == {"channel": "#omniroute-ops", "text": "&lt;!here&gt; 5 &lt; 6 &amp; so on"}
    assert guarded == [f"{server.url}/api/chat.postMessage"]


@pytest.mark.parametrize(
    ("group", "shown"),
    [("S0AB12", "<!subteam^S0AB12>"), ("", "@incident-commander"), ("S1> <!here", "@incident-commander")],
)
def test_the_incident_commander_is_called(server: Scripted, settings: MakeSettings, group: str, shown: str) -> None:
    """@incident-commander is a real mention where SLACK_COMMANDERS names the group; nothing else in a text is one."""
    server.on(*POST, play.answer({"ok": True, "ts": "1.2"}))
    made = settings(SLACK_URL=server.url, SLACK_BOT_TOKEN=TOKEN, SLACK_COMMANDERS=group)
    Slack(made, SystemClock()).post("#c", "@incident-commander SEV-1 <!subteam^S9>")
    assert server.seen[0].json()["text"] == f"{shown} SEV-1 &lt;!subteam^S9&gt;"


def test_long_texts_are_refused(server: Scripted, settings: MakeSettings) -> None:
    """Slack advises no more than 4,000 characters; nothing is cut, because somebody has approved the whole."""
    server.on(*POST, play.answer({"ok": True, "ts": "1.2"}))
    client(server, settings).post("#c", "x" * MAX_TEXT)
    assert server.seen[0].json()["text"] == "x" * MAX_TEXT
    with pytest.raises(BadInput) as caught:
        client(server, settings).post("#c", "x" * (MAX_TEXT + 1))
    assert (caught.value.why, len(server.seen)) == ("Slack takes 4000 characters, and this has 4001", 1)


@pytest.mark.parametrize("url", ["/api", "/api/", "/"])
def test_the_address_may_name_the_api(server: Scripted, settings: MakeSettings, url: str) -> None:
    """SLACK_URL with or without /api is the same."""
    server.on(*POST, play.answer({"ok": True, "ts": "1.2"}))
    Slack(settings(SLACK_URL=server.url + url, SLACK_BOT_TOKEN=TOKEN), SystemClock()).post("#c", "x")
    assert server.seen[0].path == "/api/chat.postMessage"


@pytest.mark.parametrize("code", [*AUTH, *PLACE, *WORDS])
def test_refusals_in_words(server: Scripted, settings: MakeSettings, code: str) -> None:
    """Every error that Slack lists is told in words, with Slack's own beside them, and nothing was posted."""
    server.on(*POST, play.answer({"ok": False, "error": code, "needed": "chat:write"}))
    with pytest.raises(SlackRefused) as caught:
        client(server, settings).post("#c", "x")
    assert caught.value.code == code
    assert caught.value.why.startswith((AUTH | PLACE | WORDS)[code])
    assert f"({code})" in caught.value.why
    assert caught.value.state == "nothing was posted"
    assert ("chat:write" in caught.value.why) == (code in AUTH)


def test_an_error_that_nobody_knows(server: Scripted, settings: MakeSettings) -> None:
    """A new word of Slack's is shown as it is, on one line and without what could redraw the screen."""
    server.on(*POST, play.answer({"ok": False, "error": "brand_new\x1b[2J\nerror"}))
    with pytest.raises(SlackRefused, match="Slack does not post in #c") as caught:
        client(server, settings).post("#c", "x")
    assert caught.value.why == "Slack says brand_new error"


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        *[(play.answer({"ok": False, "error": code}), InDoubt, code) for code in MAYBE],
        (play.answer({"ok": False, "error": "ratelimited"}, 429, Retry_After="17"), SlackBusy, "17s"),
        (play.raw(b"slow down", 429, Content_Type="text/plain"), SlackBusy, "30s"),
        (play.answer({"ok": False}, 429, Retry_After="nan"), SlackBusy, "30s"),
        (play.answer({"ok": False}, 500), InDoubt, "error of its own"),
        (play.raw(b"<html>", 502), InDoubt, "502"),
        (play.raw(b"<html>"), InDoubt, "not Slack's JSON"),
        (play.answer({"ok": True}), InDoubt, "without the message's ts"),
        (play.answer(["ok"]), InDoubt, "not Slack's JSON"),
        (play.cut_body(), InDoubt, "broke off"),
        (play.redirect("https://elsewhere.example"), SlackRefused, "307"),
        (play.raw(b"no", 404), SlackRefused, "404"),
        (play.reset_before_answer(), InDoubt, "the connection broke"),
        (play.garbage(), InDoubt, "HTTP"),
    ],
)
def test_what_answers_prove(
    server: Scripted, settings: MakeSettings, what: Play, error: type[OmniopsError], words: str
) -> None:
    """Refused and too many at once: certainly not posted. Everything else may have been; it is sent once, and the token
    is in no word of it."""
    server.on(*POST, what)
    with pytest.raises(error) as caught:
        client(server, settings).post("#c", "x")
    assert words in caught.value.why
    assert TOKEN not in repr(caught.value.lines())
    assert len(server.seen) == 1


def test_slack_that_is_not_there(settings: MakeSettings) -> None:
    """What never left this machine was certainly not posted."""
    given = settings(SLACK_URL="http://127.0.0.1:1", SLACK_BOT_TOKEN=TOKEN)
    with pytest.raises(Unreachable, match="cannot be reached"):
        Slack(given, SystemClock()).post("#c", "x")


def test_settings(settings: MakeSettings) -> None:
    """Without a token nothing is asked, and it is sent in the clear to nobody but this machine."""
    with pytest.raises(BadInput, match="no token"):
        Slack(settings(), SystemClock()).post("#c", "x")
    with pytest.raises(BadInput, match="not https"):
        Slack(settings(SLACK_URL="http://slack.example", SLACK_BOT_TOKEN=TOKEN), SystemClock()).post("#c", "x")
    assert [Slack(settings(**given), SystemClock()).configured for given in ({}, {"SLACK_BOT_TOKEN": TOKEN})] == [
        False,
        True,
    ]


def test_whose_token_it_is(tmp_path: Path, settings: MakeSettings) -> None:
    """auth.test names the workspace and what the token may do; a wrong token is refused in words."""
    with FakeSlack(tmp_path) as slack:
        found = Slack(settings(**slack.env), SystemClock()).auth_test()
        assert (found.team, found.user) == ("Drill", "omniops")
        assert "chat:write" in found.scopes
        wrong = settings(SLACK_URL=slack.port.url, SLACK_BOT_TOKEN="xoxb-nobody")
        with pytest.raises(SlackRefused) as caught:
            Slack(wrong, SystemClock()).auth_test()
        assert caught.value.code == "invalid_auth"


def test_against_the_drill(tmp_path: Path, settings: MakeSettings) -> None:
    """The drill's Slack posts once, and refuses as the real one does."""
    with FakeSlack(tmp_path) as slack:
        sender = Slack(settings(**slack.env), SystemClock())
        assert sender.post("#omniroute-ops", "one") != sender.post("#omniroute-ops", "two")
        slack.data["channels"]["security"]["archived"] = True
        refused = []
        for channel in ("#nowhere", "#security"):
            with pytest.raises(SlackRefused) as caught:
                sender.post(channel, "x")
            refused.append(caught.value.code)
        slack.faults("rate-limited=7s@POST:slack")
        with pytest.raises(SlackBusy) as busy:
            sender.post("#omniroute-ops", "three")
        assert busy.value.retry_in_s == 7
        reader = settings(SLACK_URL=slack.port.url, SLACK_BOT_TOKEN=chat.READONLY_TOKEN)
        slack.faults("")
        with pytest.raises(SlackRefused, match="does not post") as lacking:
            Slack(reader, SystemClock()).post("#omniroute-ops", "x")
        assert refused == ["channel_not_found", "is_archived"]
        assert "it needs chat:write" in lacking.value.why
        assert slack.texts() == ["one", "two"]

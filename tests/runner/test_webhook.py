"""Incoming webhooks of Slack and Discord on a real socket, and Apprise: the lesser ways, which cannot be asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import scripted_http as play
from tests.support.messages import INCIDENT, Post
from tests.support.openapi import checker
from tests.support.scripted_http import Play, Scripted

SLACK, DISCORD = "/services/T0/B0/canary-slack-hook", "/api/webhooks/123456/canary-discord-hook"
POSTED = play.answer({"id": "1174", "content": "x"})


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as running:
        running.on("POST", SLACK, play.raw(b"ok", Content_Type="text/html"))
        running.on("POST", DISCORD, POSTED)
        yield running
        for one in running.seen:
            name = "slack" if one.path.startswith("/services") else "discord"
            checker(name).check(one.method, one.path, one.headers, one.body)


def env(server: Scripted, *kinds: str) -> dict[str, str]:
    known = {"slack": ("SLACK_WEBHOOK_URL", SLACK), "discord": ("DISCORD_WEBHOOK_URL", DISCORD)}
    return {known[kind][0]: server.url + known[kind][1] for kind in kinds}


def text(server: Scripted) -> str:
    body = server.seen[-1].json()
    return str(body.get("text") or body.get("content"))


@pytest.mark.parametrize("engine", ["webhook", "slack"])
@pytest.mark.parametrize("kind", ["slack", "discord"])
def test_the_text_names_the_incident(tmp_path: Path, server: Scripted, engine: str, kind: str) -> None:
    """One channel for all incidents, so the text says which; what is meant for Slack's bot goes there, where there is
    none."""
    post = Post(tmp_path, env(server, kind))
    message = post.send(engine, "#omniroute-ops" if engine == "slack" else "", text="failing over")
    assert (message.state, message.how) == ("sent", f"through {kind.capitalize()}'s webhook")
    assert text(server) == f"[{INCIDENT}] failing over"
    post.send(engine, "#omniroute-ops" if engine == "slack" else "", text=f"about {INCIDENT}")
    assert text(server) == f"about {INCIDENT}"


def test_nobody_is_mentioned(tmp_path: Path, server: Scripted) -> None:
    """Slack's markup is shown as it is; Discord is told to mention nobody, and to wait until it is posted."""
    both = Post(tmp_path, {**env(server, "slack", "discord"), "SLACK_COMMANDERS": "S01"})
    both.send("webhook", "", text="<!here> @incident-commander")
    assert "&lt;!here&gt; <!subteam^S01>" in text(server)
    both.send("webhook", "discord", text="@everyone")
    seen = server.seen[-1]
    assert (seen.path, seen.json()["allowed_mentions"]) == (f"{DISCORD}?wait=true", {"parse": []})


def test_a_text_that_is_too_long(tmp_path: Path, server: Scripted) -> None:
    """What leaves is the whole text with the incident's id before it, or nothing."""
    post, most = Post(tmp_path, env(server, "discord")), 2000 - len(f"[{INCIDENT}] ")
    assert post.send("webhook", "", text="x" * most).state == "sent"
    assert len(text(server)) == 2000
    message = post.send("webhook", "", text="x" * (most + 1))
    assert (message.state, len(server.seen)) == ("waiting", 1)
    assert "Discord's webhook takes 2000 characters, and this has 2001" in message.why


def test_a_thread_of_discord(tmp_path: Path, server: Scripted) -> None:
    """What else stands in the address stays."""
    given = {"DISCORD_WEBHOOK_URL": f"{server.url}{DISCORD}?thread_id=77&wait=false"}
    assert Post(tmp_path, given).send("webhook", "", text="x").state == "sent"
    assert server.seen[-1].path == f"{DISCORD}?thread_id=77&wait=true"


BUSY = {"message": "You are being rate limited.", "retry_after": 64.57, "global": False}


@pytest.mark.parametrize(
    ("kind", "answer", "state", "word"),
    [
        ("slack", play.raw(b"no_service", 404), "waiting", "no such webhook any more"),
        ("slack", play.raw(b"channel_is_archived", 410), "waiting", "archived"),
        ("slack", play.raw(f"Cannot POST {SLACK}".encode(), 404), "waiting", "Cannot POST /***"),
        ("discord", play.answer({"message": f"Cannot POST {DISCORD}"}, 404), "waiting", "Cannot POST /***"),
        ("slack", play.raw(b"", 429, Retry_After="17"), "waiting", "17s"),
        ("slack", play.raw(b"rollup_error", 500), "unsure", "500"),
        ("slack", play.raw(b"<html>"), "unsure", "did not answer ok"),
        ("discord", play.answer({"message": "Unknown Webhook", "code": 10015}, 404), "waiting", "Unknown Webhook"),
        ("discord", play.answer(BUSY, 429), "waiting", "1m 05s"),
        ("slack", play.raw(b"", 429, Retry_After="nan"), "waiting", "30s"),
        ("discord", play.raw(b'{"retry_after": NaN}', 429), "waiting", "30s"),
        ("discord", play.raw(b"<html>login"), "unsure", "without the message's id"),
        ("discord", play.raw(b"", 204), "unsure", "204"),
        ("discord", play.answer({}, 502), "unsure", "502"),
        ("discord", play.reset_before_answer(), "unsure", "broke"),
    ],
)
def test_what_answers_prove(tmp_path: Path, server: Scripted, kind: str, answer: Play, state: str, word: str) -> None:
    """Refused and too many at once: not posted. What may have been posted is said so and never posted again by itself;
    the address, which is the secret, is in no word of it."""
    server.on("POST", SLACK if kind == "slack" else DISCORD, answer)
    post = Post(tmp_path, env(server, kind))
    message = post.send("webhook", "", text="x")
    assert (message.state, word in message.why) == (state, True), message.why
    assert "canary" not in repr(post.events())
    if state == "unsure":
        assert (post.flush(86400), len(server.seen)) == (["unsure"], 1)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://hooks.example/services/canary", "in the clear"),
        ("canary", "no address"),
        ("https://hooks.example", "no address"),
        ("https://hooks.example/services/canary", "nothing but this machine"),
    ],
)
def test_addresses_of_no_use(tmp_path: Path, url: str, word: str) -> None:
    """In words, without the address; a drill reaches this machine only."""
    message = Post(tmp_path, {"SLACK_WEBHOOK_URL": url}, guarded=True).send("webhook", "", text="x")
    assert (word in message.why, "canary" in message.why) == (True, False), message.why


def test_nothing_is_set_up(tmp_path: Path) -> None:
    """The messages wait for a person."""
    post = Post(tmp_path, {})
    assert [post.send(engine, "", text="x").attempts for engine in ("webhook", "apprise", "mail", "status")] == [0] * 4


def test_apprise(tmp_path: Path, server: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    """The real Apprise tells whatever its addresses name; that it did not is no proof that nothing arrived."""
    pytest.importorskip("apprise")
    server.on("POST", SLACK, play.answer({}))
    urls = f"json://user:canary-apprise@127.0.0.1:{server.url.rpartition(':')[2]}/hook"
    server.on("POST", "/hook", play.answer({}), play.answer({}, 500))
    post = Post(tmp_path, {"APPRISE_URLS": urls})
    assert post.send("apprise", "", text="hello <b>").state == "sent"
    assert json.loads(server.seen[0].body)["message"] == "hello <b>"
    assert json.loads(server.seen[0].body)["title"] == "omniops"  # an incident's id has the words of its title
    assert post.send("apprise", "", text="x").state == "unsure"
    assert "canary-apprise" not in repr(post.events())
    server.seen.clear()
    wrong = Post(tmp_path, {"APPRISE_URLS": "nonsense://canary"}).send("apprise", "", text="x")
    assert "does not understand 1 of 1" in wrong.why
    assert (
        "nothing through Apprise"
        in Post(tmp_path, {"APPRISE_URLS": urls}, guarded=True).send("apprise", "", text="x").why
    )


def test_apprise_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how it is installed, and is imported by nobody else."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    message: Any = Post(tmp_path, {"APPRISE_URLS": "json://localhost"}).send("apprise", "", text="x")
    assert 'pip install "omniops[apprise]"' in message.why

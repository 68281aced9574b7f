"""The simulated Slack behaves as the protocol facts say, and what it keeps survives a kill."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from omniops.drill import chat, launcher
from tests.drill.conftest import ANCHOR
from tests.support.slack import FakeSlack


def call(url: str, method: str, body: str, kind: str = "application/json", token: str = chat.TOKEN) -> Any:
    """One call of a method; its status and answer."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    link.request("POST", f"/api/{method}", body, {"Authorization": f"Bearer {token}", "Content-Type": kind})
    reply = link.getresponse()
    found = reply.status, json.loads(reply.read())
    link.close()
    return found


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("omniroute-ops", "name_taken"),
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Big", "invalid_name_specials"),
    ],
)
def test_names_of_channels(tmp_path: Path, name: str, error: str) -> None:
    """A channel's name is lower case, new, and no longer than 80; Slack refuses with status 200."""
    with FakeSlack(tmp_path) as slack:
        assert call(slack.port.url, "conversations.create", json.dumps({"name": name})) == (
            200,
            {"ok": False, "error": error},
        )


def test_a_new_channel_takes_posts(tmp_path: Path) -> None:
    """A channel that was created, here with a form, can be posted to by its name and by its id."""
    form = "application/x-www-form-urlencoded"
    with FakeSlack(tmp_path) as slack:
        _, made = call(slack.port.url, "conversations.create", "name=inc-2026-11-23-x", form)
        for channel in ("#inc-2026-11-23-x", made["channel"]["id"]):
            status, said = call(slack.port.url, "chat.postMessage", json.dumps({"channel": channel, "text": "hello"}))
            assert (status, said["ok"]) == (200, True)
        assert slack.texts() == ["hello", "hello"]


@pytest.mark.parametrize(
    ("method", "body", "token", "error"),
    [
        ("chat.postMessage", '{"channel": "#security"}', chat.TOKEN, "no_text"),
        ("chat.postMessage", "nonsense", chat.TOKEN, "invalid_json"),
        ("chat.postMessage", "{}", "", "not_authed"),
        ("chat.postMessage", "{}", "xoxb-other", "invalid_auth"),
        ("chat.postMessage", "{}", chat.READONLY_TOKEN, "missing_scope"),
        ("files.upload", "{}", chat.TOKEN, "unknown_method"),
    ],
)
def test_refusals(tmp_path: Path, method: str, body: str, token: str, error: str) -> None:
    """Each is a 200 with ok false and Slack's word for it."""
    with FakeSlack(tmp_path) as slack:
        status, said = call(slack.port.url, method, body, token=token)
        assert (status, said["ok"], said["error"]) == (200, False, error)


def test_posts_survive_a_kill(tmp_path: Path) -> None:
    """A simulator that is killed and started again has the same port and the same posts."""
    state = tmp_path / "drill"
    post = json.dumps({"channel": "#general", "text": "before"})
    with launcher.start("page", state=state, anchor=ANCHOR) as simulator:
        url = simulator.env["SLACK_URL"]
        assert call(url, "chat.postMessage", post)[1]["ok"]
        simulator.process.kill()
        simulator.process.wait()
    with launcher.attach(state) as simulator:
        assert simulator.env["SLACK_URL"] == url
        assert [one["text"] for one in simulator.control("chat")["chat"]["posts"]] == ["before"]

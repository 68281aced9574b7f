"""The simulated GitHub, its `gh`, the mail server and Discord's webhook: they keep what came, and refuse as theirs."""

from __future__ import annotations

import http.client
import json
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from omniops.config import Settings
from omniops.drill import github, launcher
from omniops.services.gh import installed
from tests.drill.conftest import ANCHOR
from tests.support.messages import Post

ISSUE = {"title": "Postmortem", "body": "what happened", "labels": ["postmortem", "SEV-1"], "make_labels": True}


@pytest.fixture(params=["sev-1", "sev-1-plain"])
def simulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[launcher.Simulator]:
    with launcher.start(request.param, state=tmp_path / "drill", anchor=ANCHOR) as running:
        yield running


def kept(simulator: launcher.Simulator, name: str) -> Any:
    """What a service has written down."""
    return json.loads((simulator.state / "world.json").read_text(encoding="utf-8"))[name]


def asked(url: str, method: str, path: str, body: Any = None, token: str = github.TOKEN) -> tuple[int, Any]:
    parts = urlsplit(url)
    link = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    link.request(method, path, json.dumps(body), {"Authorization": f"Bearer {token}"})
    reply = link.getresponse()
    found = reply.status, json.loads(reply.read() or b"null")
    link.close()
    return found


def test_what_is_sent_is_kept(simulator: launcher.Simulator, tmp_path: Path) -> None:
    """One issue with its labels, however often it is sent, by `gh` or by REST; a letter; a message; over a kill too."""
    post = Post(tmp_path, {**simulator.env, "OMNIOPS_HOME": str(tmp_path / "home")})
    for _ in range(2):
        made = post.send("github.issue", github.REPO, mark="postmortem:x", **ISSUE)
        assert (made.state, made.ref) == ("sent", "https://github.example/drill/omniroute/issues/1"), made.why
    (issue,) = kept(simulator, "github")["issues"]
    assert [one["name"] for one in issue["labels"]] == ["postmortem", "SEV-1"]
    assert "<!-- omniops:postmortem:x -->" in issue["body"]
    letter = post.send("mail", "announce@example.test", subject="Hello", text=".dots\nand more", kind="start")
    assert letter.state == "sent", letter.why
    (taken,) = kept(simulator, "mailbox")["letters"]
    assert (taken["to"], ".dots\nand more" in taken["text"]) == (["announce@example.test"], True)
    if simulator.scenario.lesser:
        sent = post.send("webhook", "", text="we are on it")
        (message,) = kept(simulator, "discord")["messages"]
        assert (sent.state, sent.ref, message["mention_everyone"]) == ("sent", message["id"], False)
    simulator.process.kill()
    simulator.process.wait()
    with launcher.attach(simulator.state) as again:
        assert again.outside == simulator.outside
        assert post.send("github.issue", github.REPO, mark="postmortem:x", **ISSUE).how == "it was there already"


def test_what_they_refuse(simulator: launcher.Simulator) -> None:
    """Each in its own words, and nothing of it is kept."""
    hub = simulator.outside["github"]
    assert asked(hub, "GET", f"/repos/{github.REPO}/issues", token="other")[0] == 401
    assert asked(hub, "GET", "/repos/somebody/else/issues") == (404, {"message": "Not Found"})
    assert asked(hub, "POST", f"/repos/{github.REPO}/issues", {"body": "no title"})[0] == 422
    assert asked(hub, "POST", f"/repos/{github.REPO}/labels", {"name": "bug"})[0] == 422
    assert asked(hub, "GET", f"/repos/{github.REPO}/git/ref/tags/v3.7.9")[0] == 200
    assert asked(hub, "GET", f"/repos/{github.REPO}/git/ref/tags/v9.9.9")[0] == 404
    mail = urlsplit(simulator.outside["mail"])
    with smtplib.SMTP(str(mail.hostname), mail.port or 0, timeout=20) as link:
        assert link.docmd("DATA")[0] == 503
        assert link.docmd("VRFY", "x")[0] == 502
    if simulator.scenario.lesser:
        hook = urlsplit(simulator.env["DISCORD_WEBHOOK_URL"])
        server = f"{hook.scheme}://{hook.netloc}"
        assert asked(server, "POST", hook.path, {"content": ""})[1]["code"] == 50006
        assert asked(server, "POST", hook.path, {"content": "x" * 2001})[0] == 400
        assert asked(server, "POST", "/api/webhooks/1/other", {"content": "x"})[1]["code"] == 10015
        assert asked(server, "POST", hook.path, {"content": "x"}) == (204, None)
        assert asked(server, "GET", f"{hook.path}/messages/1")[1]["code"] == 10008
        assert len(kept(simulator, "discord")["messages"]) == 1
    assert (kept(simulator, "github")["issues"], kept(simulator, "mailbox")["letters"]) == ([], [])


def test_only_its_own_gh(tmp_path: Path) -> None:
    """A `gh` that is installed here is none in a drill: it would reach the real GitHub."""
    real, own = tmp_path / "real", tmp_path / "own"
    for folder in (real, own):
        folder.mkdir()
    (real / "gh").write_text("#!/bin/sh\n", encoding="utf-8")
    (real / "gh").chmod(0o755)
    env = {"PATH": str(real), "OMNIROUTE_BIN": str(own)}
    assert (installed(Settings(env)), installed(Settings(env, drill=True))) == (True, False)
    assert not installed(Settings({"PATH": str(real)}, drill=True))

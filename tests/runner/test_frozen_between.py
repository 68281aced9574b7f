"""A message takes several requests, and 4.5 is entered between two of them: nothing more of it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from omniops.incident.outbox import FROZEN
from omniops.journal.events import New
from omniops.runner import places
from tests.support.fake_gh import FakeGh
from tests.support.fake_statuspage import FakeStatuspage
from tests.support.messages import STREAM, Post
from tests.support.pager import FakePager
from tests.support.slack import FakeSlack
from tests.support.smtp import SmtpServer
from tests.support.status_repo import StatusRepo

PAGE = "Q3OMNI01"
TEXT = {"title": "OmniRoute", "status": "investigating", "impact": "major", "body": "We look into it."}
ISSUE = {"title": "T", "body": "B", "labels": ["new"], "make_labels": True}
LOOKS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "slack": ("slack", "#omniroute-ops", {"text": "on it"}, 2),
    "slack, making the channel": ("slack", "incident", {"text": "on it"}, 3),
    "headline": ("slack.headline", "incident", {"topic": "SEV-1", "headline": "SEV-1 investigating"}, 5),
    "statuspage": ("status", "", TEXT, 2),
    "git": ("status", "", TEXT, 2),
    "mail": ("mail", "a@omni.test", {"subject": "Disruption", "text": "We look into it."}, 2),
    "note": ("pager.note", PAGE, {"content": "on it"}, 2),
    "responder": ("pager.responder", PAGE, {"user": "PUSER02", "message": "please join"}, 2),
    "gh": ("github.issue", "omni/route", ISSUE, 5),
}
"""Engine, address, body, and how often it looks: at the beginning, and before each request that writes."""


class Outside(NamedTuple):
    """Every service, the settings that lead to it, and what it holds."""

    env: dict[str, str]
    holds: Callable[[], str]


@pytest.fixture
def outside(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Outside]:
    name = request.node.callspec.params["name"]
    gh, repo = FakeGh(tmp_path), StatusRepo(tmp_path)
    with (
        FakeSlack(tmp_path) as slack, FakePager(tmp_path) as pager, FakeStatuspage() as page, SmtpServer() as smtp,
    ):  # fmt: skip
        page_env = page.env if name == "statuspage" else repo.env
        env = {**slack.env, **pager.env, **smtp.env, **page_env, "PATH": gh.path}

        def holds() -> str:
            told = [slack.data, pager.counts("note"), pager.counts("responder"), page.incidents]
            return json.dumps([*told, len(smtp.letters), gh.issues(), repo.commits()], default=str)

        yield Outside(env, holds)


def attempt(folder: Path, outside: Outside, name: str, at: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Post, str]:
    """Send one message, and enter 4.5 just before it looks for the ``at``-th time; what was outside by then."""
    engine, to, body, _ = LOOKS[name]
    post = Post(folder, outside.env)
    post.queue(engine, to, **body)
    looked, held = 0, ""

    def reached(place: str, detail: str = "") -> None:
        nonlocal looked, held
        looked += place == "outbox.request"
        if place == "outbox.request" and looked == at:
            held = outside.holds()
            post.journal.append([New(STREAM, None, "frozen", {"by": "eve"})])

    monkeypatch.setattr(places, "reached", reached)
    post.flush()
    assert looked == min(at, LOOKS[name][3])
    return post, held


@pytest.mark.parametrize("name", LOOKS)
def test_frozen_between_two_requests(
    tmp_path: Path, outside: Outside, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it happens, the services hold at the end what they held at that moment; and without a freeze each
    engine looks as often as it writes."""
    most = LOOKS[name][3]
    for at in range(1, most + 1):
        post, held = attempt(tmp_path, outside, name, at, monkeypatch)
        assert outside.holds() == held, at
        (message,) = post.messages()
        pinning = name == "headline" and at == most  # the headline is there, and is said to be
        assert (message.state, message.why) == (("sent", "") if pinning else ("dropped", FROZEN)), at
    post, _ = attempt(tmp_path, outside, name, most + 1, monkeypatch)
    assert post.messages()[0].state == "sent"

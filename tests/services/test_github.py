"""GitHub's REST API: issues where there is no gh, and what each answer proves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import InDoubt, OmniopsError, Refused, Unreachable
from omniops.services.github import GitHub
from tests.support import scripted_http as play
from tests.support.scripted_http import Play, Scripted, Seen

MakeSettings = Callable[..., Settings]
ISSUES = "/repos/omni/route/issues"
ROUTE = "https://github.example/omni/route/issues"
MADE = {"html_url": f"{ROUTE}/42", "labels": [{"name": "postmortem"}]}


def github(server: Scripted, settings: MakeSettings, guard: Callable[[str], None] | None = None) -> GitHub:
    env = settings(GH_URL=server.url, GH_REPO="omni/route", GH_TOKEN="ghp_0123456789abcdef")
    return GitHub(env, SystemClock(), guard)


def test_an_issue(server: Scripted, settings: MakeSettings) -> None:
    """Its labels are made first, one that is there already is no trouble; the token goes in the header."""
    server.on("POST", "/repos/omni/route/labels", play.answer({"message": "Validation Failed"}, 422))
    server.on("POST", ISSUES, play.answer(MADE, 201))
    made = github(server, settings).create("T", "B", ["postmortem"], make_labels=True)
    assert made == (MADE["html_url"], True)
    assert [seen.path for seen in server.seen] == ["/repos/omni/route/labels", ISSUES]
    assert server.seen[1].json() == {"title": "T", "body": "B", "labels": ["postmortem"]}
    assert server.seen[1].headers["authorization"] == "Bearer ghp_0123456789abcdef"


def test_labels_that_were_dropped(server: Scripted, settings: MakeSettings) -> None:
    """Who may not push has them dropped without a word: that is noticed."""
    server.on("POST", ISSUES, play.answer({**MADE, "labels": []}, 201))
    assert not github(server, settings).create("T", "B", ["postmortem"]).labelled


def test_found_again(server: Scripted, settings: MakeSettings) -> None:
    """By the mark in its body, open or closed."""
    rows = [{"html_url": "u1", "body": None}, {"html_url": MADE["html_url"], "body": "x <!-- m --> y"}, "nonsense"]
    server.on("GET", ISSUES, play.answer(rows))
    client = github(server, settings)
    assert (client.find("<!-- m -->"), client.find("<!-- n -->")) == (MADE["html_url"], "")
    assert "state=all" in server.seen[0].path


def test_found_among_many(server: Scripted, settings: MakeSettings) -> None:
    """Pull requests count for nothing among the newest, and what has a label is found however old it is."""
    rows = {"1": [{"html_url": f"p{n}", "body": "", "pull_request": {}} for n in range(100)],
            "2": [{"html_url": f"{ROUTE}/{n}", "body": "<!-- m -->" if n == 40 else ""} for n in range(100)],
            }  # fmt: skip
    old = [{"html_url": f"{ROUTE}/3", "body": "<!-- old -->"}]

    def page(seen: Seen) -> Play:
        asked = parse_qs(urlsplit(seen.path).query)
        return play.answer(old if asked.get("labels") == ["a b"] else rows.get(asked["page"][0], []))

    server.on("GET", ISSUES, play.by_request(page))
    client = github(server, settings)
    assert (client.find("<!-- m -->"), client.find("<!-- old -->")) == (f"{ROUTE}/40", "")
    assert client.find("<!-- old -->", "a b") == f"{ROUTE}/3"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (play.answer({"message": "Bad credentials"}, 401), Refused, "does not know GH_TOKEN (Bad credentials)"),
        (play.answer({"message": "Not Found"}, 404), Refused, "no such repository"),
        (play.answer({}, 410), Refused, "switched off"),
        (play.answer({"message": "Validation Failed"}, 422), Refused, "takes the issue for wrong"),
        (play.answer({}, 429), Unreachable, "429"),
        (play.answer({}, 502), InDoubt, "502"),
        (play.raw(b"<html>", 201), InDoubt, "201"),
        (play.answer({"ok": True}, 201), InDoubt, "no issue of omni/route"),
        (play.answer({"html_url": "https://github.example/other/one/issues/7"}, 201), InDoubt, "no issue of"),
        (play.reset_before_answer(), InDoubt, ""),
    ],
)
def test_what_each_answer_proves(
    answer: Play, error: type[OmniopsError], words: str, server: Scripted, settings: MakeSettings
) -> None:
    """A refusal proves that nothing was made; what nobody saw the end of may have been."""
    server.on("POST", ISSUES, answer)
    with pytest.raises(error) as caught:
        github(server, settings).create("T", "B", [])
    assert words in caught.value.why


@pytest.mark.parametrize(
    ("body", "code"), [({"message": "no"}, 403), ({}, 500), ("text", 200), ([{"body": "m", "html_url": "<html>"}], 200)]
)
def test_it_cannot_be_looked_for(body: Any, code: int, server: Scripted, settings: MakeSettings) -> None:
    """Whether it is there is then not known, and none is made."""
    server.on("GET", ISSUES, play.answer(body, code))
    with pytest.raises((Refused, Unreachable)):
        github(server, settings).find("m")


def test_a_drill_reaches_nothing_real(settings: MakeSettings) -> None:
    """The guard is asked before every request."""
    asked: list[str] = []

    def guard(url: str) -> None:
        asked.append(url)
        raise Refused("not in a drill")

    client = GitHub(settings(GH_REPO="omni/route"), SystemClock(), guard)
    with pytest.raises(Refused, match="not in a drill"):
        client.create("T", "B", [])
    assert asked == ["https://api.github.com/repos/omni/route/issues"]

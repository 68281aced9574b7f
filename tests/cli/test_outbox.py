"""`omniops outbox` and `omniops tick` as they are typed: lists, a person's word, exit codes, and texts to paste."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from omniops.clock import SystemClock, iso
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from omniops.runner import outbox
from tests.support.command import Command
from tests.support.slack import FakeSlack

INCIDENT = "2026-11-23-openai-outage"
STREAM = f"incident/{INCIDENT}"
SECRET = "xoxb-no-such-token-000"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[FakeSlack]:
    with FakeSlack(tmp_path) as fake:
        yield fake


class Home:
    """A home with an incident in its journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = SqliteJournal(folder / "state" / "journal.db", SystemClock(), "eve", "h")
        self.add("incident.opened", title="OpenAI is down", onset=iso(datetime.now(UTC)))

    def add(self, kind: str, **data: Any) -> None:
        self.journal.append([New(STREAM, None, kind, data)])

    def owe(self, key: str = "k", text: str = "We are on it.", to: str = "#omniroute-ops") -> str:
        return outbox.queue(self.journal, INCIDENT, engine="slack", to=to, about="ack", body={"text": text}, key=key)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_nothing_is_due(tmp_path: Path) -> None:
    """Without a journal, and with an empty outbox, there is nothing to say, and the exit code is 0."""
    command = Command(tmp_path)
    ticked = command("tick")
    assert (ticked.returncode, ticked.stdout) == (0, "Nothing is due.\n")
    assert command("tick", "--quiet").stdout == ""
    assert command("outbox").stdout == "The outbox is empty: no message waits.\n"
    assert command.json("tick") == {
        "schema": "omniops.tick/1", "messages": [], "due": [], "waiting": 0, "next": None, "recorded": None,
    }  # fmt: skip


def test_a_tick_sends(home: Home, slack: FakeSlack) -> None:
    """What is owed goes out, the answer says so, and the exit code is 0."""
    id = home.owe()
    done = Command(home.folder, **slack.env).json("tick")
    assert [(one["id"], one["state"]) for one in done["messages"]] == [(id, "sent")]
    assert (done["waiting"], done["due"], slack.texts()) == (0, [], ["We are on it."])


def test_what_may_have_been_sent(home: Home, slack: FakeSlack) -> None:
    """Slack resets the connection after it has the message: exit 1 until a person looks; then drop, or send again."""
    slack.faults("reset-after-apply@POST:slack#1")
    ids = [home.owe("a", "first"), home.owe("b", "second")]
    command = Command(home.folder, **slack.env)
    ticked = command("tick")
    assert (ticked.returncode, slack.texts()) == (1, ["first", "second"])
    assert f"omniops outbox retry {ids[0]}" in ticked.stdout
    listed = command("outbox").stdout
    assert "may have been sent" in listed
    assert "| first" in listed
    assert "second" not in listed
    refused = command("outbox", "drop", ids[1], "--reason", "x")
    assert (refused.returncode, "is waiting or in doubt" in refused.stderr) == (2, True)
    assert command("outbox", "drop", ids[0], "--reason", "seen in Slack").returncode == 0
    assert command("tick").returncode == 0
    assert command.json("outbox", "--all")["messages"][0]["why"] == "seen in Slack"


def test_a_person_sends_it_again(home: Home, slack: FakeSlack) -> None:
    """`outbox retry` sends at once what may have been sent, and its exit code says how that went."""
    slack.faults("applied-500@POST:slack#1")
    id = home.owe()
    command = Command(home.folder, **slack.env)
    assert command("tick").returncode == 1
    assert (command("outbox", "retry", id).returncode, len(slack.texts())) == (0, 2)


def test_nothing_is_set_up(home: Home) -> None:
    """Where cron lacks the settings, a message waits and needs a person; at a terminal its text is shown to paste,
    once, and the journal knows that it was."""
    home.owe(text="We are on it. " * 3)
    command = Command(home.folder)
    quiet = command("tick", "--quiet")
    assert (quiet.returncode, "nothing is set up to send it from here" in quiet.stdout) == (1, True)
    argv = [sys.executable, "-m", "omniops", "tick"]
    env = {**os.environ, **command.env, "TERM": "xterm", "COLUMNS": "100"}
    shown = pexpect.run(" ".join(argv), env=env, timeout=60).decode()
    assert "For #omniroute-ops, ready to paste:" in shown
    assert "We are on it." in shown
    assert command.json("outbox", "--all")["messages"][0]["state"] == "shown"
    assert "ready to paste: ack to #omniroute-ops" in command("incident", "show").stdout


def test_an_incident_channel_that_nobody_has_made(home: Home, slack: FakeSlack) -> None:
    """From a timer it waits, because nobody would see the text; another channel that is missing is no other matter."""
    slack.faults("code=channel_not_found@POST:slack")
    home.owe(to="incident")
    command = Command(home.folder, **slack.env)
    assert command("tick").returncode == 8
    (message,) = command.json("outbox")["messages"]
    assert message["to"] == f"#inc-{INCIDENT}"
    assert "channel_not_found" in message["why"]


@pytest.mark.parametrize(("minutes", "code"), [(4, 1), (20, 0)])
def test_a_page_about_to_come_back(home: Home, minutes: int, code: int) -> None:
    """A page that un-acknowledges itself within five minutes needs a person; a later one does not yet."""
    page = {"id": "Q3OMNI01", "source": "pagerduty", "number": 481, "title": "Burn", "at": iso(datetime.now(UTC))}
    home.add("page.linked", page=page)
    unack = iso(datetime.now(UTC) + timedelta(minutes=minutes))
    home.add("page.acknowledged", page="Q3OMNI01", how="rest", confirmed=True, by="Alice", unack_at=unack)
    ticked = Command(home.folder)("tick")
    assert ticked.returncode == code
    assert ("omniops page ack Q3OMNI01" in ticked.stdout) == bool(code)
    told = Command(home.folder)("incident", "show").stdout
    assert "page #481 (Burn) from pagerduty" in told
    assert "page Q3OMNI01 acknowledged, by Alice" in told


def test_secrets_are_nowhere(home: Home, slack: FakeSlack) -> None:
    """A token that finds its way into a text is not sent, shown or stored: the journal has redacted it."""
    from omniops.text import is_secret

    is_secret(SECRET)
    home.owe(text=f"use {SECRET}")
    slack.token = SECRET
    command = Command(home.folder, **slack.env)
    said = command("tick").stdout + command("outbox").stdout + command("incident", "show", "--json").stdout
    assert SECRET not in said
    assert "invalid_auth" in said
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in (home.folder / "state").iterdir())

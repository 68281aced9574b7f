"""`omniops comms` as it is typed: exit codes, JSON, a last look in a pseudo-terminal, and secrets."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from omniops.clock import SystemClock, iso
from omniops.incident.outbox import OUTBOX_KINDS, fold
from omniops.journal.store import SqliteJournal
from tests.support.command import Command
from tests.support.comms import INCIDENT, STREAM, opened, walked
from tests.support.screen import output, start
from tests.support.slack import FakeSlack

CANARY = "xoxb-canary-1029384756"
MINUTE = 60.0


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[FakeSlack]:
    with FakeSlack(tmp_path) as fake:
        yield fake


@pytest.fixture
def omniops(tmp_path: Path) -> Command:
    """No service at all is set up."""
    (tmp_path / "home").mkdir()
    return Command(tmp_path / "home")


class Ago(SystemClock):
    """A clock that is behind."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> datetime:
        return super().now() - timedelta(seconds=self.seconds)


def journal(command: Command, ago_s: float = 0.0) -> SqliteJournal:
    path = Path(command.env["OMNIOPS_HOME"]) / "state" / "journal.db"
    return SqliteJournal(path, Ago(ago_s), "eve", "ops-laptop")


def begin(command: Command, severity: str = "", *, walk: bool = False, ago_s: float = 0.0) -> None:
    """An incident that has just begun, or did so long ago."""
    made = opened(severity)
    made[0].data["onset"] = iso(Ago(ago_s).now())
    store = journal(command, ago_s)
    store.append(made)
    if walk:
        events = walked()
        events[1].data["onset"] = made[0].data["onset"]
        store.append(
            [*events, events[0]._replace(kind="run.closed", data={"run": "r1a2b", "outcome": "not_recovered"})]
        )
    store.close()


def states(command: Command) -> dict[str, str]:
    """Each message's state, by what it is about."""
    return {one.about: one.state for one in fold(journal(command).kinds(OUTBOX_KINDS))}


def test_due_for_cron(omniops: Command) -> None:
    """0 while nothing is owed, 8 while something will be, 1 when it is late; soonest first."""
    assert omniops("comms", "due").stdout == "Nothing is owed.\n"
    begin(omniops)
    declared = omniops("incident", "severity", "SEV-2", "--why", "one provider")
    assert "Next, in 30m 00s: status page: an update every 30 min" in declared.stderr.replace(
        "in 29m 59s", "in 30m 00s"
    )
    coming = omniops("comms", "due", "--json")
    assert coming.returncode == 8
    assert [one["id"] for one in json.loads(coming.stdout)["obligations"]] == ["status", "resolve_by"]
    late = omniops.later(42 * MINUTE, "comms", "due")
    assert late.returncode == 1
    assert late.stdout.splitlines()[0].startswith("12m 0")
    assert "late  status page: an update every 30 min; none was posted yet" in late.stdout
    assert "omniops comms status" in late.stdout
    ticked = omniops.later(42 * MINUTE, "tick", "--quiet")
    assert (ticked.returncode, "status page: an update every 30 min" in ticked.stdout) == (1, True)


def test_every_command_says_what_is_late(omniops: Command) -> None:
    """After its own answer, on stderr; not a read with --json, which a script may repeat every second."""
    begin(omniops, "SEV-1", ago_s=42 * MINUTE)
    told = omniops("incident", "list")
    owed = [line for line in told.stderr.splitlines() if line.startswith("Owed, ")]
    assert [line.partition(": ")[2].partition(" ")[0] for line in owed] == ["e-mail", "upstream", "status"]
    assert "Owed, 12m 0" in owed[2]
    assert "Next, in 3h 1" in told.stderr
    assert "Owed" not in told.stdout
    assert omniops("incident", "list", "--json").stderr == ""
    assert "Owed" not in omniops("oncall", "who", "--at", "banana").stderr  # the slip alone is said


def test_a_sev_1(omniops: Command) -> None:
    """From the declaration on: every message is queued once, and each exit code says what became of it."""
    begin(omniops, "SEV-1", walk=True)
    assert omniops("comms", "due").returncode == 1
    refused = omniops("comms", "status")
    assert (refused.returncode, "--yes" in refused.stderr) == (3, True)
    assert states(omniops).keys() & {"status", "banner"} == set()
    leak = omniops("comms", "status", "openai-main is out", "--yes")
    assert leak.returncode == 2
    assert "the connection “openai-main”" in leak.stderr
    assert omniops("comms", "status", "Retries help.", "--yes").returncode == 8
    mailed = omniops.json("comms", "email", "--yes")
    assert [(one["state"], one["about"]) for one in mailed["messages"]] == [("waits", "mail.start")]
    upstream = omniops("comms", "upstream", "--yes")
    assert upstream.returncode == 3
    assert upstream.stdout.startswith("OpenAI: errors seen by OmniRoute since ")
    assert omniops("comms", "done", "upstream", "--how", "called their NOC").returncode == 0
    late = omniops("comms", "due")  # a mail that nobody has received
    assert (late.returncode, "is not sent yet" in " ".join(late.stdout.split())) == (1, True)
    told = states(omniops)
    assert {told[about] for about in ("banner", "mail.start", "headline")} == {"waiting"}
    assert omniops("comms", "done", "mail.start", "--how", "from the webmail").returncode == 0
    assert omniops("comms", "due").returncode == 8
    shown = omniops("incident", "show").stdout
    assert "upstream: done by hand (called their NOC)" in shown


@pytest.mark.parametrize(
    "words",
    [
        ["post", "hello", "--yes"],
        ["status", "--yes"],
        ["email", "--kind", "start", "--yes"],
        ["upstream", "--provider", "openai", "--yes"],
        ["done", "mail.start", "--how", "by telephone"],
    ],
)
def test_frozen(omniops: Command, words: list[str]) -> None:
    """On the security path every command ends with 10, and leaves the journal as it was."""
    begin(omniops, "SEV-1")
    store = journal(omniops)
    store.append([store_event("frozen", {"by": "run r1"})])
    length = store.length(STREAM)
    store.close()
    done = omniops("comms", *words)
    assert done.returncode == 10, done.stderr
    assert "security path (4.5)" in done.stderr
    assert omniops("comms", "due").returncode == 0
    assert journal(omniops).length(STREAM) == length


def store_event(kind: str, data: dict[str, Any]) -> Any:
    from omniops.journal.events import New

    return New(STREAM, None, kind, data)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status", "--status", "done"], "--status 'done' is not known"),
        (["status", "--impact", "huge"], "--impact 'huge' is not known"),
        (["email", "--kind", "end"], "--kind 'end' is not known"),
        (["post"], "there is nothing to post"),
        (["post", "x", "--for", "mail.start"], "'mail.start' is not posted to a channel"),
        (["status", "--edit"], "--edit needs a terminal"),
        (["done", "banner", "--how", "x"], "'banner' is not owed by"),
        (["upstream", "--provider", "", "--yes"], "--provider names nobody"),
        (["due", "--incident", "nothing"], "there is no incident 'nothing'"),
        (["status", "--incident", "nothing"], "there is no incident 'nothing'"),
    ],
)
def test_wrong_arguments(omniops: Command, words: list[str], said: str) -> None:
    """Refused in four lines at most, with what to type instead; nothing is queued."""
    begin(omniops, "SEV-2")
    done = omniops("comms", *words)
    assert done.returncode == 2
    assert said in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines[: next((n for n, line in enumerate(lines) if line.startswith("Owed")), len(lines))]) <= 4
    assert set(states(omniops)) <= {"headline"}


def test_a_user_s_own_file_that_is_wrong(omniops: Command, slack: FakeSlack, tmp_path: Path) -> None:
    """File, line and column; other commands go on and say so, and what waits is sent all the same."""
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "communication.yaml").write_text("format: 1\nzone: x\n", encoding="utf-8")
    begin(omniops, "SEV-2")
    done = omniops("comms", "due", OMNIOPS_RUNBOOKS=str(folder))
    assert done.returncode == 2
    assert f"{folder}/communication.yaml:1:1: " in done.stderr
    shown = omniops("incident", "show", OMNIOPS_RUNBOOKS=str(folder))
    assert (shown.returncode, "What is owed was not looked at" in shown.stderr) == (0, True)
    assert omniops("comms", "post", "hello", "--yes").returncode == 8
    ticked = omniops("tick", OMNIOPS_RUNBOOKS=str(folder), **slack.env)
    assert (ticked.returncode, "what is owed to whom cannot be told" in ticked.stdout) == (1, True)
    assert slack.texts(f"#inc-{INCIDENT}")[0] == "hello"


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("", 0, "Sent, to #inc-"),
        ("reset-after-apply@POST:slack/api/chat", 7, "It may have been sent, to #inc-"),
        ("rate-limited=20s@POST:slack", 8, "Not sent yet, it waits in the outbox, to #inc-"),
    ],
)
def test_what_became_of_it(omniops: Command, slack: FakeSlack, fault: str, code: int, said: str) -> None:
    """Sent, waiting, or perhaps sent: in words and as the exit code."""
    begin(omniops, "SEV-3")
    slack.faults(fault)
    done = omniops("comms", "post", "-", "--yes", stdin="two\nlines\n", **slack.env)
    assert done.returncode == code, done.stderr
    assert said in done.stdout
    assert slack.texts() == ([] if code == 8 else ["two\nlines"])


def test_a_service_that_is_down(omniops: Command, slack: FakeSlack) -> None:
    """Slack is down: the message waits, and a later tick sends it, once."""
    begin(omniops, "SEV-3")
    slack.port.close()
    assert omniops("comms", "post", "--for", "ops.standup", "--yes", **slack.env).returncode == 8
    slack.port.open()
    for _ in range(2):
        omniops.later(40, "tick", **slack.env)
    assert [text.partition(" ")[0] for text in slack.texts("#omniroute-ops")] == ["SEV-3"]
    assert omniops("comms", "due").returncode == 8


def test_a_last_look_at_a_terminal(omniops: Command) -> None:
    """The whole text is shown; n leads to a menu, where a stray line is nobody's text; other words are checked and
    shown again; where nothing would send it, it is ready to paste, and the word that it is posted is written down."""
    begin(omniops, "SEV-2", walk=True)
    env: dict[str, Any] = {**omniops.env, "PATH": os.environ["PATH"]}
    child = start(sys.executable, "-m", "omniops", "comms", "status", "First words.", **env)
    child.expect_exact("Nothing is set up here to send it")
    child.expect_exact("openai-main is out")
    child.expect("First words.")
    child.expect_exact("posted/n> ")
    child.send("n\r")
    child.expect("None of these")
    child.send("oops\r")
    child.expect_exact("Nothing chosen yet")
    child.send("3\r")
    child.expect("Other words")
    child.expect_exact("answer> ")
    child.send("y\r")
    child.expect("would be read as your text")
    child.expect_exact("answer> ")
    child.send("openai-main is back\r")
    child.expect("“openai-main”")
    child.expect_exact("answer> ")
    child.send("It is better now.\r")
    child.expect("ype posted when it is posted")
    child.expect_exact("posted/n> ")
    child.send("posted\r")
    child.expect("Written down as posted")
    child.wait()
    assert child.exitstatus == 0, output(child)
    done = [event.data for event in journal(omniops).kinds(("comms.done",))]
    assert [one["obligation"] for one in done] == ["banner"]
    assert max(len(line) for line in output(child).splitlines() if "\x1b" not in line) <= 80


def test_an_editor(omniops: Command, tmp_path: Path) -> None:
    """--edit opens EDITOR with what was typed; what is saved is what is shown."""
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nread first < "$1"\necho "$first Edited." > "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    begin(omniops, "SEV-2")
    env: dict[str, Any] = {**omniops.env, "PATH": os.environ["PATH"], "EDITOR": str(editor)}
    child = start(sys.executable, "-m", "omniops", "comms", "status", "Typed.", "--edit", **env)
    child.expect("Typed. Edited.")
    child.expect_exact("posted/n> ")
    child.send("n\r")
    child.expect_exact("None of these")
    child.send("\r")
    child.expect("Not sent, to the status page")
    child.wait()
    assert child.exitstatus == 3, output(child)


def test_a_long_text(omniops: Command, tmp_path: Path) -> None:
    """64 KB are looked through at once; a longer text is refused whole, and nothing is cut."""
    begin(omniops, "SEV-1", walk=True)
    whole = "word " * (64 * 1024 // 5)
    began = time.monotonic()
    leak = omniops("comms", "status", "-", "--yes", stdin=whole[:-10] + " eve")
    assert (leak.returncode, "the person “eve”" in leak.stderr) == (2, True)
    assert omniops("comms", "status", "-", "--yes", stdin=whole).returncode == 8
    assert time.monotonic() - began < 15
    for words in ("word " * 14_000, "é" * 40_000):
        long = omniops("comms", "status", "-", "--yes", stdin=words)
        assert (long.returncode, "longer than 64 KB" in long.stderr) == (2, True)
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nhead -c 70000 /dev/zero | tr "\\0" x > "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    env: dict[str, Any] = {**omniops.env, "PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "EDITOR": str(editor)}
    child = start(sys.executable, "-m", "omniops", "comms", "status", "--edit", **env)
    child.expect("longer than 64 KB")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2, output(child)


def test_canaries(omniops: Command, slack: FakeSlack, tmp_path: Path) -> None:
    """A secret in the words of a message, in whichever way it is configured, reaches no message, journal or screen."""
    begin(omniops, "SEV-1", walk=True)
    (tmp_path / "token").write_text(CANARY + "\n", encoding="utf-8")
    by_file = {"SLACK_URL": slack.port.url, "SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")}
    said = ""
    for env in (by_file, {"SLACK_URL": slack.port.url, "SLACK_BOT_TOKEN": CANARY}):
        for words in (["post"], ["status"], ["email"], ["upstream", "--provider", "openai"]):
            done = omniops("comms", *words, "-", "--yes", stdin=f"the token is {CANARY}", **env)
            assert done.returncode == 2
            assert "it holds a secret" in done.stderr
            said += done.stdout + done.stderr
    hand = omniops("comms", "done", "mail.start", "--how", f"with {CANARY}", SLACK_BOT_TOKEN=CANARY)
    said += hand.stdout + hand.stderr + omniops("comms", "due", "--all", "--json", SLACK_BOT_TOKEN=CANARY).stdout
    assert CANARY not in said
    assert slack.texts() == []
    home = Path(omniops.env["OMNIOPS_HOME"])
    assert [path for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("place", ["comms.look", "outbox.queued", "outbox.sending", "outbox.sent"])
def test_killed_anywhere(omniops: Command, slack: FakeSlack, place: str) -> None:
    """Killed at the last look, nothing is owed; later, it is sent by the next tick, or marked as perhaps sent: once."""
    begin(omniops, "SEV-3")
    words = ("comms", "post", "--for", "ops.standup", "--yes")
    assert omniops(*words, OMNIOPS_FAILPOINT=place, **slack.env).returncode == -9
    for _ in range(2):
        omniops("tick", **slack.env)
    again = omniops(*words, **slack.env)
    assert len(slack.texts()) == (0 if place == "outbox.sending" else 1)
    in_doubt = place in ("outbox.sending", "outbox.sent")
    assert again.returncode == (7 if in_doubt else 0), again.stderr
    assert again.stdout.startswith("It may have been sent" if in_doubt else "Nothing" if "queued" in place else "Sent")
    assert states(omniops)["ops.standup"] == ("unsure" if in_doubt else "sent")


@pytest.mark.parametrize("place", ["outbox.queued", "outbox.sent"])
def test_the_same_words_again(omniops: Command, slack: FakeSlack, place: str) -> None:
    """Killed after it was queued and typed again: one post, or "may have been sent", and never a second one."""
    begin(omniops, "SEV-3")
    slack.data["channels"][f"inc-{INCIDENT}"] = {"id": "C0INC01", "archived": False, "creator": "U0DRILL"}
    words = ("comms", "post", "The cache is full", "--yes")
    assert omniops(*words, OMNIOPS_FAILPOINT=place, **slack.env).returncode == -9
    again = omniops(*words, **slack.env)
    assert again.returncode == (0 if place == "outbox.queued" else 7), again.stderr
    assert omniops("comms", "post", "The cache is empty again", "--yes", **slack.env).returncode == 0
    assert [text for text in slack.texts() if "cache" in text] == ["The cache is full", "The cache is empty again"]

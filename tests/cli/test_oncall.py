"""`omniops oncall` as it is typed: who, schedule, overrides and swaps, the handoff and its acknowledgement."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import iso
from omniops.errors import BadInput
from omniops.incident.outbox import OUTBOX_KINDS, fold
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from tests.support import scripted_http as play
from tests.support.command import Command
from tests.support.oncall import folder
from tests.support.screen import output, start
from tests.support.scripted_http import Scripted
from tests.support.slack import FakeSlack

FRIDAY = "2026-11-27T20:00:00Z"  # noon in Los Angeles; ann's week, and bo's begins on Monday
MONDAY = "2026-11-30T17:30:00Z"  # half an hour after the turn
CHANNEL = "#omniroute-ops-handoff"
HOSTILE = "evil\x1b[2J\x1b]0;owned\x07\u202e name"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[FakeSlack]:
    with FakeSlack(tmp_path) as fake:
        fake.data["channels"][CHANNEL.removeprefix("#")] = {"id": "C99", "archived": False}
        yield fake


@pytest.fixture
def omniops(tmp_path: Path) -> Command:
    """Ann, Bo and Cy take turns as engineering on-call; ann types."""
    return Command(tmp_path / "home", OMNIOPS_RUNBOOKS=str(folder(tmp_path / "books")), OMNIOPS_OPERATOR="ann")


def ahead(moment: str) -> float:
    """Seconds from now until this moment, which may be over."""
    return (datetime.fromisoformat(moment.replace("Z", "+00:00")) - datetime.now(UTC)).total_seconds()


def journal(command: Command) -> SqliteJournal:
    from omniops.clock import SystemClock

    path = Path(command.env["OMNIOPS_HOME"]) / "state" / "journal.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    return SqliteJournal(path, SystemClock(), "eve", "ops-laptop")


def kinds(command: Command) -> list[str]:
    return [event.kind for event in journal(command).read("oncall")]


def test_nobody_is_invented(tmp_path: Path) -> None:
    """As shipped, who says what the source says and that nobody is named, and lint notes it without failing."""
    shipped = Command(tmp_path / "home")
    done = shipped("oncall", "who")
    assert done.returncode == 0
    for words in ("security-circle lead, secondary @open-sse", "@security-team", "@db-team", "@comms"):
        assert f"the source says: {words}" in done.stdout
    assert "engineering names no members, and a rotation needs two" in done.stdout
    assert shipped("oncall", "who", "--role", "data").returncode == 1
    told = shipped.json("oncall", "who")
    assert {one["primary"] for one in told["roles"]} == {None}
    assert "engineering names no members" in shipped("oncall", "schedule").stdout
    assert shipped("oncall", "schedule", "--ical").stdout.count("BEGIN:VEVENT") == 0
    assert not (tmp_path / "home" / "state" / "journal.db").exists()
    linted = shipped("runbook", "lint")
    assert linted.returncode == 0
    assert "note: oncall.yaml: engineering names no members, and a rotation needs two\n" in linted.stdout


def test_one_member(omniops: Command, tmp_path: Path) -> None:
    """One member has the pager all the time, has no secondary, and it is said that this is no rotation."""
    folder(tmp_path / "books", "ann")
    done = omniops("oncall", "who", "--role", "engineering")
    assert "ann, no secondary" in done.stdout
    assert "engineering names one member, and a rotation needs two" in done.stdout


@pytest.mark.parametrize(
    ("at", "primary", "secondary"),
    [
        ("2026-03-09 09:00", "cy", "ann"),
        ("2026-11-02T08:59:59-08:00", "cy", "ann"),
        ("2027-11-08 08:59", "bo", "cy"),
    ],
)
def test_who_at(omniops: Command, at: str, primary: str, secondary: str) -> None:
    """On the wall of Los Angeles, or with an offset, on both sides of each clock change."""
    told = omniops.json("oncall", "who", "--at", at, "--role", "engineering")
    assert told["schema"] == "omniops.oncall/1"
    assert [(one["primary"], one["secondary"]) for one in told["roles"]] == [(primary, secondary)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["who", "--at", "soon"], "--at 'soon' cannot be read: it is no day and time"),
        (["who", "--at", "2026-11-01 01:30"], "that time is there twice"),
        (["who", "--role", "boss"], "there is no role 'boss'"),
        (["override", "engineering", "bo", "--to", "2020-01-01", "--reason", "x"], "it ends before it begins"),
        (["override", "engineering", "bo", "--to", "2199-01-01", "--reason", "x"], "an override of more than 92 days"),
        (["override", "engineering", "bo", "--from", "2026-12-01", "--to", "2026-12-02", "--reason", " "], "reason"),
        (
            ["override", "engineering", "bo", "--from", "2020-01-01", "--to", "2020-02-01", "--reason", "x"],
            "it was over",
        ),
        (["swap", "engineering", "ann", "bo", "--after", "2020-01-01"], "both turns are over"),
        (["swap", "engineering", "ann", "bo", "--back"], "the next turns of ann and bo are not swapped"),
        (["swap", "engineering", "ann", "Cyy"], "'Cyy' takes no turns as engineering"),
        (["swap", "engineering", "ann", "ann"], "two members are needed"),
        (["handoff", "--role", "comms", "--yes"], "comms is not handed over"),
        (["handoff", "--edit", "--yes"], "--edit needs a terminal"),
    ],
)
def test_wrong_arguments(omniops: Command, words: list[str], said: str) -> None:
    """Refused with 2, in four lines, and nothing is written."""
    done = omniops("oncall", *words)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4
    assert kinds(omniops) == []


def test_a_file_that_is_wrong(omniops: Command, tmp_path: Path) -> None:
    """File, line and column from every command; lint has it as a finding; tick goes on."""
    path = tmp_path / "books" / "oncall.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("format: 1", "format: 2"), encoding="utf-8")
    for words in (["who"], ["handoff", "--yes"]):
        done = omniops("oncall", *words)
        assert (done.returncode, f"{path}:8:" in done.stderr) == (2, True)
    assert omniops("tick").returncode == 0
    linted = omniops("runbook", "lint")
    assert (linted.returncode, f"error: {path}:8:9: oncall: format: this omniops reads" in linted.stdout) == (1, True)


def test_overrides_and_swaps(omniops: Command) -> None:
    """Written to the journal, and followed by who, by the table and by the calendar; the last word wins."""
    span = ("--from", "2026-12-02 09:00", "--to", "2026-12-03 09:00")
    done = omniops.later(ahead(FRIDAY), "oncall", "override", "engineering", "Bob", *span, "--reason", HOSTILE)
    assert done.returncode == 0
    assert "Bob is engineering from Wed 2026-12-02 09:00 PST until Thu 2026-12-03 09:00 PST." in done.stdout
    assert "Bob is not among the members of engineering; is bo meant?" in done.stderr
    again = omniops.later(
        ahead(FRIDAY), "oncall", "override", "engineering", "cy", *span, "--reason", HOSTILE, "--json"
    )
    assert json.loads(again.stdout)["who"] == "cy"
    found = omniops("oncall", "who", "--at", "2026-12-02 12:00")
    assert "cy, secondary ann" in found.stdout
    assert "instead of bo: evil name" in found.stdout
    swapped = omniops.later(ahead(FRIDAY), "oncall", "swap", "engineering", "ann", "cy", "--json")
    assert [(one["who"], one["from"]) for one in json.loads(swapped.stdout)["turns"]] == [
        ("cy", "2026-12-14T17:00:00.000Z"),
        ("ann", "2026-12-07T17:00:00.000Z"),
    ]
    table = omniops.later(ahead(FRIDAY), "oncall", "schedule", "--weeks", "4", "--role", "engineering").stdout
    assert [line.split()[4] for line in table.splitlines() if "PST" in line] == ["ann", "bo", "cy", "bo", "ann", "cy"]
    told = omniops.later(ahead(FRIDAY), "oncall", "schedule", "--weeks", "4", "--json").stdout
    turns = json.loads(told)["roles"][0]["turns"]
    assert all(one["to"] == other["from"] for one, other in pairwise(turns))
    calendar = omniops.later(ahead(FRIDAY), "oncall", "schedule", "--weeks", "4", "--ical").stdout
    assert calendar.count("BEGIN:VEVENT") == 6
    for shown in (done, found):
        assert not any(char in shown.stdout + shown.stderr for char in ("\x1b", "\u202e", "\x07"))
    assert max(len(line) for line in table.splitlines()) <= 80


def test_a_swap_is_made_once(tmp_path: Path) -> None:
    """By whoever types it again, in either order, until it is given back; and that is made once, too."""
    from omniops.clock import parse_iso
    from omniops.journal.memory import MemoryJournal
    from omniops.runner.oncall import desk, override, swap
    from tests.support.fake_omniroute import MovedClock

    books, now, store = folder(tmp_path / "books"), parse_iso(FRIDAY), MemoryJournal(MovedClock(), "ann", "h")

    def typed(one: str, other: str, back: bool = False, later: str = FRIDAY) -> tuple[bool, list[tuple[str, str]]]:
        found = swap(store, desk(MemoryJournal(MovedClock(), "x", "h"), books), "engineering", one, other,
                     parse_iso(later), "", now, back)  # fmt: skip
        return found.new, [(one.who, iso(one.start)[:10]) for one in found.covers]

    swapped = [("bo", "2026-12-14"), ("ann", "2026-11-30")]
    assert typed("ann", "bo") == (True, swapped)
    assert typed("ann", "bo") == (False, swapped)
    assert typed("bo", "ann") == (False, swapped)
    assert typed("ann", "bo", back=True)[0] is True
    assert typed("bo", "ann", back=True)[0] is False
    assert typed("bo", "ann")[0] is True
    assert typed("ann", "bo", later="2026-12-20T00:00:00Z")[0] is True  # their turns after these
    assert len(store.read("oncall")) == 4
    with pytest.raises(BadInput) as caught:
        override(store, desk(store, books), "engineering", " ", now, now + timedelta(days=1), "x", now)
    assert (caught.value.what, "NAME" in caught.value.next) == ("who has it instead is missing", True)


def incident(command: Command) -> None:
    """A SEV-3 that is open, and one on the security path whose name nobody may read."""
    store = journal(command)
    for id, title in (("2026-11-25-slow", f"slow {HOSTILE} <!channel>"), ("2026-11-26-secret", "keys were stolen")):
        opened = {"title": title, "onset": "2026-11-25T10:00:00.000Z"}
        store.append([New(f"incident/{id}", None, "incident.opened", opened)])
        store.append([New(f"incident/{id}", None, "severity", {"severity": "SEV-3", "why": "as it is"})])
    store.append([New("incident/2026-11-26-secret", None, "frozen", {"by": "run r1"})])
    store.close()


def test_a_handoff(omniops: Command, slack: FakeSlack, tmp_path: Path) -> None:
    """What is open, planned, in force and due, posted once a week; who and tick say that it is not acknowledged until
    the incoming takes it."""
    path = tmp_path / "books" / "oncall.yaml"
    row = 'maintenance:\n  - {what: db upgrade, from: "2026-12-01T22:00", to: "2026-12-01T23:00"}'
    path.write_text(path.read_text(encoding="utf-8").replace("maintenance: []", row), encoding="utf-8")
    incident(omniops)
    alone = omniops("oncall", "handoff", **slack.env)
    assert (alone.returncode, "--yes" in alone.stderr, slack.texts()) == (3, True, [])
    done = omniops.later(ahead(FRIDAY), "oncall", "handoff", "--yes", **slack.env)
    assert done.returncode == 0, done.stderr
    assert "1 on the security path (4.5) not in it" in done.stderr
    text = slack.texts(CHANNEL)[0]
    assert text.startswith("Handoff, Engineering on-call: ann to bo, Mon 2026-11-30 09:00 PST\n")
    assert "- SEV-3: slow evil name &lt;!channel&gt; (2026-11-25-slow, open since" in text
    assert "- Tue 2026-12-01 22:00 PST to Tue 2026-12-01 23:00 PST: db upgrade" in text
    assert "In-flight mitigations:\n- none" in text
    assert "Obligations due:\n- " in text
    assert "stolen" not in text
    assert "secret" not in text
    again = omniops.later(ahead(MONDAY), "oncall", "handoff", "--yes", **slack.env)
    assert (again.returncode, "one handoff a week" in again.stderr, len(slack.texts())) == (0, True, 1)
    early = omniops.later(ahead(FRIDAY), "oncall", "who")
    assert "not acknowledged" not in early.stdout
    late = omniops.later(ahead(MONDAY), "oncall", "who")
    assert "The engineering handoff of 2026-11-30, ann to bo is not acknowledged" in " ".join(late.stdout.split())
    ticked = omniops.later(ahead(MONDAY), "tick", "--quiet", **slack.env)
    assert "is not acknowledged, 30m 0" in ticked.stdout
    own = omniops.later(ahead(MONDAY), "oncall", "handoff", "--ack")
    assert (own.returncode, "ann hands over" in own.stderr) == (2, True)
    taken = omniops.later(ahead(MONDAY), "oncall", "handoff", "--ack", OMNIOPS_OPERATOR="Bo", **slack.env)
    assert taken.returncode == 0, taken.stderr
    assert "is acknowledged by Bo" in taken.stdout
    assert slack.texts()[1:] == ["Handoff, Engineering on-call, 2026-11-30: acknowledged by Bo."]
    twice = omniops.later(ahead(MONDAY), "oncall", "handoff", "--ack", "--by", "cy", "--json", **slack.env)
    assert (json.loads(twice.stdout)["new"], json.loads(twice.stdout)["who"]) == (False, "Bo")
    assert "not acknowledged" not in omniops.later(ahead(MONDAY), "oncall", "who").stdout
    assert "acknowledged" not in omniops.later(ahead(MONDAY), "tick", "--quiet", **slack.env).stdout
    assert kinds(omniops) == ["oncall.handoff", "oncall.handoff.acknowledged"]


def test_taken_from_another_s_journal(omniops: Command, slack: FakeSlack) -> None:
    """The incoming's journal holds no handoff: it can be taken all the same, the channel is told, and that is said."""
    env = {"OMNIOPS_OPERATOR": "cy", **slack.env}
    taken = omniops.later(ahead(MONDAY), "oncall", "handoff", "--ack", "--json", **env)
    told = json.loads(taken.stdout)
    assert told["notes"] == [
        "the rota names bo as the incoming on-call, not cy",
        "this journal holds no handoff of that week; the one in the channel is meant",
    ]
    assert slack.texts(CHANNEL) == ["Handoff, Engineering on-call, 2026-11-30: acknowledged by cy."]


def test_not_written(omniops: Command) -> None:
    """After the turn the outgoing is told by who that nothing is written yet; nobody else is, and not before it."""
    said = "Your engineering handoff is not written   (omniops oncall handoff --role engineering)"
    assert said in omniops.later(ahead(MONDAY), "oncall", "who").stdout
    assert said not in omniops.later(ahead(MONDAY), "oncall", "who", OMNIOPS_OPERATOR="bo").stdout
    assert said not in omniops.later(ahead(FRIDAY), "oncall", "who").stdout
    assert omniops.later(ahead(MONDAY), "oncall", "handoff", "--yes").returncode == 8
    assert said not in omniops.later(ahead(MONDAY), "oncall", "who").stdout


def test_slack_is_down(omniops: Command, slack: FakeSlack) -> None:
    """The handoff waits, with 8, and a later tick posts it once."""
    slack.port.close()
    assert omniops("oncall", "handoff", "--yes", **slack.env).returncode == 8
    slack.port.open()
    for _ in range(2):
        omniops.later(40, "tick", **slack.env)
    assert len(slack.texts(CHANNEL)) == 1


def test_nobody_saw_the_answer(omniops: Command, slack: FakeSlack) -> None:
    """It may have been posted: 7, and it is not posted again by itself."""
    slack.faults("reset-after-apply@POST:slack")
    done = omniops("oncall", "handoff", "--yes", **slack.env)
    assert (done.returncode, "It may have been posted" in done.stderr) == (7, True)
    slack.faults("")
    assert omniops("oncall", "handoff", "--yes", **slack.env).returncode == 7
    omniops.later(400, "tick", **slack.env)
    assert len(slack.texts(CHANNEL)) == 1


def test_in_as_many_messages_as_it_takes(omniops: Command) -> None:
    """A handoff that is longer than its service takes is posted in parts, whole and in order, and once; how it stands
    is told by the first part that is not there, and where it went is not the rota's channel."""
    for n in range(10):
        opened = {"title": f"{n}: " + "slow " * 30, "onset": FRIDAY}
        graded = {"severity": "SEV-3", "why": "by hand"}
        stream = f"incident/2026-11-27-slow-{n}"
        journal(omniops).append([New(stream, 0, "incident.opened", opened), New(stream, None, "severity", graded)])
    with Scripted() as discord:
        posted = play.answer({"id": "1174"})
        discord.on("POST", "/api/webhooks/1/hook-0123456", posted, play.answer({}, 500), posted)
        env = {"DISCORD_WEBHOOK_URL": f"{discord.url}/api/webhooks/1/hook-0123456"}
        done = omniops("oncall", "handoff", "--yes", **env)
        assert (done.returncode, "It may have been posted" in done.stderr) == (7, True), done.stderr
        assert "webhook's channel, for #omniroute-ops-handoff" in " ".join(done.stderr.split())
        again = omniops("oncall", "handoff", "--yes", **env)
        assert (again.returncode, len(discord.seen)) == (7, 3)
        texts = [one.json()["content"] for one in discord.seen]
        assert [text[:8] for text in texts] == ["(1 of 3)", "(2 of 3)", "(3 of 3)"]
        assert max(len(text) for text in texts) <= 2000
        assert all(f"slow-{n}, open since" in "".join(texts) for n in range(10))
        second = next(one.id for one in fold(journal(omniops).kinds(OUTBOX_KINDS)) if one.state == "unsure")
        assert omniops("outbox", "retry", second, **env).returncode == 0
        assert omniops("oncall", "handoff", "--yes", **env).returncode == 0
        assert len(discord.seen) == 4


@pytest.mark.parametrize("place", ["handoff.look", "outbox.queued", "outbox.sending", "outbox.sent"])
def test_killed_anywhere(omniops: Command, slack: FakeSlack, place: str) -> None:
    """Given again, the handoff is written down once, and posted at most once."""
    assert omniops("oncall", "handoff", "--yes", OMNIOPS_FAILPOINT=place, **slack.env).returncode == -9
    omniops("oncall", "handoff", "--yes", **slack.env)
    queued = [one for one in fold(journal(omniops).kinds(OUTBOX_KINDS)) if one.about == "handoff"]
    assert len(queued) == 1
    assert kinds(omniops) == ["oncall.handoff"]
    if place in ("outbox.sending", "outbox.sent"):
        assert (queued[0].state, len(slack.texts()) <= 1) == ("unsure", True)
    else:
        assert (queued[0].state, len(slack.texts())) == ("sent", 1)


def test_a_secret_is_not_posted(omniops: Command, slack: FakeSlack) -> None:
    """A text that holds a credential is refused, and reaches neither Slack nor the journal."""
    canary = "xoxb-canary-5647382910"
    store = journal(omniops)
    data = {"title": f"token {canary}", "onset": "2026-11-25T10:00:00.000Z"}
    store.append([New("incident/2026-11-25-x", None, "incident.opened", data)])
    store.close()
    done = omniops("oncall", "handoff", "--yes", **{**slack.env, "SLACK_BOT_TOKEN": canary})
    assert (done.returncode, "it holds a secret" in done.stderr, slack.texts()) == (2, True, [])
    assert canary not in done.stdout + done.stderr
    assert kinds(omniops) == []


def test_at_a_terminal(omniops: Command, slack: FakeSlack, tmp_path: Path) -> None:
    """The whole text is shown; it is edited, shown again, posted as it is then, and taken by the incoming."""
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "Watch the db." >> "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    incident(omniops)
    env: dict[str, Any] = {**omniops.env, **slack.env, "PATH": os.environ["PATH"], "EDITOR": str(editor)}
    child = start(sys.executable, "-m", "omniops", "oncall", "handoff", **env)
    child.expect("Open SEV-3/4 items:")
    child.expect("Post this to #omniroute-ops-handoff")
    child.expect("None of these")
    child.send("\r")
    child.expect(r"Watch the db\.")
    child.expect("None of these")
    child.send("2\r")
    child.expect("Posted to #omniroute-ops-handoff")
    child.wait()
    assert child.exitstatus == 0, output(child)
    assert slack.texts(CHANNEL)[0].endswith("\nWatch the db.")
    assert "owned" not in output(child)
    other = start(sys.executable, "-m", "omniops", "oncall", "handoff", "--ack", "--by", "bo", **env)
    other.expect("is acknowledged by bo")
    other.wait()
    assert other.exitstatus == 0


def test_pasted_by_hand(omniops: Command) -> None:
    """Without a token the text is shown, ready to paste, and counts when it is said to be out; again: nothing new."""
    env: dict[str, Any] = {**omniops.env, "PATH": os.environ["PATH"]}
    child = start(sys.executable, "-m", "omniops", "oncall", "handoff", "--yes", **env)
    child.expect("Post this to #omniroute-ops-handoff")
    child.expect("Type posted when it is posted")
    child.expect_exact("> ")
    child.send("posted\r")
    child.expect("you have pasted it into #omniroute-ops-handoff")
    child.wait()
    assert child.exitstatus == 0, output(child)
    again = omniops("oncall", "handoff", "--yes")
    assert again.returncode == 0
    assert again.stdout.startswith("Handoff, Engineering on-call: ")
    assert kinds(omniops) == ["oncall.handoff"]


def test_declined_at_a_terminal(omniops: Command, slack: FakeSlack) -> None:
    """None of these: nothing is posted, nothing is written down, and the exit code is 3."""
    env: dict[str, Any] = {**omniops.env, **slack.env, "PATH": os.environ["PATH"]}
    child = start(sys.executable, "-m", "omniops", "oncall", "handoff", **env)
    child.expect("None of these")
    child.send("\x1b[B\x1b[B\r")
    child.expect("Nothing was posted")
    child.wait()
    assert child.exitstatus == 3, output(child)
    assert (slack.texts(), kinds(omniops)) == ([], [])

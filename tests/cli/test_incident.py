"""`omniops incident open | severity | role | resolve | export | show`, as processes."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from omniops.runner.doctor import books
from omniops.runner.doctor.base import Look
from tests.support.command import Command
from tests.support.incidents import ID, STREAM, Story
from tests.support.screen import ROOT, output, start


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


class Written(SystemClock):
    """The clock of a journal that a test writes."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def story(command: Command, tmp_path: Path) -> Story:
    """A journal in the command's home; a test says what is in it."""
    clock = Written()
    journal = SqliteJournal(tmp_path / "state" / "journal.db", clock, "alice", "host")
    return Story(journal, clock, SystemClock().now() - timedelta(hours=1))


def terminal(home: Path, *words: str, **env: str) -> Any:
    base: dict[str, Any] = {
        "PYTHONPATH": str(ROOT),
        "OMNIOPS_HOME": str(home),
        "HOME": str(home),
        "OMNIOPS_OPERATOR": "eve",
    }
    return start(sys.executable, "-m", "omniops", *words, **{**base, **env})


def ended(child: Any) -> int:
    child.expect(pexpect.EOF, timeout=30)
    child.wait()
    assert "Traceback" not in output(child)
    return int(child.exitstatus)


# open


@pytest.mark.parametrize("onset", ["0001-01-01T00:00:00Z", "2020-01-01T00:00Z", "9999d"])
def test_an_onset_of_another_age(command: Command, onset: str) -> None:
    """More than a year back is a typing error, or a service's zero: refused before anything is opened."""
    done = command("incident", "open", "x", "--onset", onset, "--severity", "SEV-3")
    assert (done.returncode, "more than a year" in done.stderr or "no moment" in done.stderr) == (2, True), done.stderr
    assert command.json("incident", "list")["incidents"] == []


def test_a_secret_in_a_title(command: Command) -> None:
    """Neither the title nor the id that is made of it holds it."""
    done = command(
        "incident", "open", "login hunter2secret fails", "--onset", "now", OMNIROUTE_PASSWORD="hunter2secret"
    )
    assert "hunter2secret" not in done.stdout + done.stderr
    (found,) = command.json("incident", "list")["incidents"]
    assert "hunter2secret" not in str(found)


@pytest.mark.parametrize("output", ["/", ".", "~nobodyhere/x.md", "x.pdf", "/dev/null"])
def test_a_file_that_is_none(command: Command, output: str) -> None:
    """Devices, folders, nobody's home and unknown formats are refused, with --force too; nothing is replaced."""
    command("incident", "open", "x", "--onset", "now")
    done = command("incident", "export", "-o", output, "--force")
    assert done.returncode == 2, done.stderr
    assert Path("/dev/null").is_char_device()


def test_a_link_stays_a_link(command: Command, tmp_path: Path) -> None:
    """What it leads to is written, and keeps its permissions."""
    opened = command("incident", "open", "x", "--onset", "now").stderr
    assert 'next: omniops incident severity SEV-2 --why "..."' in opened  # nothing here could measure it
    real, link = tmp_path / "real.md", tmp_path / "link.md"
    real.write_text("old", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    assert command("incident", "export", "-o", str(link), "--force").returncode == 0
    assert (link.is_symlink(), real.stat().st_mode & 0o777) == (True, 0o640)
    assert real.read_text(encoding="utf-8").startswith("# ")
    link.unlink()
    link.symlink_to(link)  # leads nowhere
    done = command("incident", "export", "-o", str(link))
    assert (done.returncode, "is there already" in done.stderr) == (2, True), done.stderr


def test_open(command: Command) -> None:
    """It is opened with what was given; a second one with the same title is found open, and nothing is written."""
    words = ("incident", "open", "OpenAI  answers 500", "--onset", "10m", "--severity", "2", "--source", "user-report")
    said = command.json(*words)
    assert (said["title"], said["severity"], said["new"]) == ("OpenAI answers 500", "SEV-2", True)
    again = command("incident", "open", "openai answers 500", "--onset", "now")
    assert (again.returncode, again.stdout) == (0, f"Open already, with this title: {said['id']} (SEV-2)\n")
    assert f"next: omniops checklist {said['id']} (it needs OMNIROUTE_URL: omniops config init)\n" in again.stderr
    assert [one["id"] for one in command.json("incident", "list")["incidents"]] == [said["id"]]
    told = command.json("incident", "show")
    kinds = [event["kind"] for event in told["events"]]
    assert (kinds[:2], kinds.count("incident.opened"), kinds.count("severity")) == (
        ["incident.opened", "severity"],
        1,
        1,
    )
    assert told["events"][0]["data"]["source"] == "user-report"
    command("incident", "resolve", "--yes")
    reopened = command.json("incident", "open", "OpenAI answers 500", "--onset", "now")
    assert (reopened["new"], reopened["id"] == said["id"]) == (True, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "it needs a title"),
        (("  ",), "it needs a title"),
        (("-",), "it needs a title"),
        (("x", "--severity", "9"), "is no severity"),
        (("x", "--onset", "whenever"), "is no moment"),
        (("x", "--source", "rumour"), "no detection source"),
        (("x", "--source", "dependabot"), "omniops page open --source dependabot"),
    ],
)
def test_open_refuses(command: Command, words: tuple[str, ...], says: str) -> None:
    """What is missing or makes no sense is exit 2, in at most four lines, and nothing is opened."""
    done = command("incident", "open", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) <= 4
    assert command.json("incident", "list")["incidents"] == []


def test_open_asks_on_a_terminal(command: Command, tmp_path: Path) -> None:
    """Title, onset and severity are asked for where there is somebody to ask."""
    child = terminal(tmp_path, "incident", "open", TERM="dumb")
    child.expect_exact("What is wrong, in one line?")
    child.expect_exact("answer>")
    child.sendline("Everything is slow")
    child.expect_exact("When did it begin")
    child.expect_exact("answer>")
    child.sendline("10m ago")
    child.expect_exact("How bad is it?")
    child.expect_exact("1-5/n>")
    child.sendline("3")
    assert ended(child) == 0
    (found,) = command.json("incident", "list")["incidents"]
    assert (found["title"], found["severity"]) == ("Everything is slow", "SEV-3")
    assert found["onset"] < found["opened"]
    child = terminal(tmp_path, "incident", "open", "everything is  SLOW", TERM="dumb")
    assert ended(child) == 0  # it is found open before anything more is asked
    assert "Open already" in output(child)


# severity and role


def test_severity(command: Command) -> None:
    """Who said it and why is kept; said again it is not written twice; without a reason it is refused."""
    command.json("incident", "open", "x", "--onset", "now")
    assert command("incident", "severity", "2").returncode == 2
    assert command.json("incident", "severity", "SEV-2", "--why", "one provider")["new"] is True
    assert command.json("incident", "severity", "sev2", "--why", "still")["new"] is False
    assert command("incident", "severity", "1", "--why", "all of them", OMNIOPS_OPERATOR="bob").returncode == 0
    told = command.json("incident", "show")
    assert [(one["severity"], one["why"], one["by"]) for one in told["severities"]] == [
        ("SEV-2", "one provider", "eve"), ("SEV-1", "all of them", "bob"),
    ]  # fmt: skip
    assert "SEV-1: all of them [bob]" in command("incident", "show").stdout


def test_severity_asks_why_on_a_terminal(command: Command, tmp_path: Path) -> None:
    """A person is asked for the reason."""
    command.json("incident", "open", "x", "--onset", "now")
    child = terminal(tmp_path, "incident", "severity", "2", TERM="dumb")
    child.expect_exact("Why is it SEV-2?")
    child.expect_exact("reason>")
    child.sendline("latency doubled")
    assert ended(child) == 0
    assert command.json("incident", "show")["severities"][0]["why"] == "latency doubled"


def test_roles(command: Command) -> None:
    """The three roles are shown; one is given to somebody, or to oneself; a later word counts."""
    command.json("incident", "open", "x", "--onset", "now")
    assert command.json("incident", "role")["roles"] == {"commander": None, "scribe": None, "comms": None}
    assert command("incident", "role", "commander", "--me").returncode == 0
    done = command("incident", "role", "commander", "Carol\x1b[2J Danvers")
    assert done.stdout.splitlines()[1] == "commander  Carol Danvers"
    assert "commander was eve until now" in done.stderr
    assert command.json("incident", "role", "scribe", "bob")["roles"]["scribe"] == "bob"
    assert command.json("incident", "show")["roles"] == {"commander": "Carol Danvers", "scribe": "bob", "comms": None}
    for words in (("boss", "--me"), ("comms",), ("comms", "bob", "--me"), ("comms", " ")):
        assert command("incident", "role", *words).returncode == 2


def test_nothing_is_stored_once_it_is_frozen(command: Command, story: Story, tmp_path: Path) -> None:
    """On the security path severity, role and note are refused with 10, and what they say is stored nowhere."""
    story.opened().frozen().close()
    secret = "the-tenant-key-leaks"
    assert command("incident", "severity", "1", "--why", secret).returncode == 10
    assert command("incident", "role", "comms", secret).returncode == 10
    assert command("incident", "note", secret).returncode == 10
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()


def test_what_is_read_of_a_frozen_incident_is_not_passed_on(command: Command, story: Story) -> None:
    """Its old notes are read here, and the warning that they go no further is on stderr; an export does not have them,
    and says so on top."""
    story.opened().frozen().close()
    warning = f"{ID} is on the security path (4.5): for the security on-call alone, pass nothing of it on."
    shown, exported = command("incident", "show", ID), command("incident", "export", ID)
    assert ("seen by a customer" in shown.stdout, "seen by a customer" in exported.stdout) == (True, False)
    assert "For the security on-call alone; not to be passed on." in exported.stdout
    assert [warning in done.stderr for done in (shown, exported)] == [True, True]


# resolve


def test_resolve_wants_a_word(command: Command) -> None:
    """Without a terminal and without --yes nothing is assumed: exit 3, and the flag is named."""
    id = command.json("incident", "open", "x", "--onset", "now", "--severity", "2")["id"]
    done = command("incident", "resolve")
    assert (done.returncode, f"omniops incident resolve {id} --yes" in done.stderr) == (3, True)
    assert "What is left, or still to come:" in done.stderr
    assert "status page: an update" in done.stderr
    assert "to be resolved within" not in done.stderr.partition("Next")[0]
    said = command.json("incident", "resolve", "--yes")
    assert (said["status"], [one["id"] for one in said["obligations"]]) == ("resolved", ["postmortem"])
    assert said["unproven"] == "nobody has looked at live traffic"  # said, and no reason to refuse
    again = command("incident", "resolve", id)
    assert (again.returncode, again.stdout.partition(".")[0]) == (0, f"{id} is resolved already")
    assert "not shown to have recovered: nobody has looked" in again.stdout


def test_without_a_server_the_way_by_hand_is_said(command: Command) -> None:
    """Where OMNIROUTE_URL is not set, what looks at traffic says how to set it, and what works until then."""
    id = command.json("incident", "open", "x", "--onset", "now", "--severity", "3")["id"]
    refused = command("incident", "verify")
    assert refused.returncode == 2
    assert "export OMNIROUTE_URL=" in refused.stderr
    assert f"--incident {id}; then omniops incident resolve {id}" in refused.stderr
    assert "omniops runbook show first-15-minutes" in command("checklist").stderr


@pytest.mark.parametrize(("key", "code", "status"), [("2", 0, "resolved"), ("1", 3, "open"), ("n", 3, "open")])
def test_resolve_asks_on_a_terminal(command: Command, tmp_path: Path, key: str, code: int, status: str) -> None:
    """A person sees what is still open, and says whether it is over."""
    command.json("incident", "open", "x", "--onset", "now", "--severity", "3")
    child = terminal(tmp_path, "incident", "resolve", TERM="dumb")
    child.expect_exact("What is left, or still to come:")
    child.expect_exact("for the next standup")
    child.expect_exact("It is not shown to have recovered")
    child.expect_exact("1-2/n>")
    child.sendline(key)
    assert ended(child) == code
    assert command.json("incident", "list", "--all")["incidents"][0]["status"] == status


def test_resolve_is_refused_while_something_is_late(command: Command, story: Story) -> None:
    """What was due before now and is not done stands in the way, with the command that does it; --yes changes nothing.
    Done, it does not. What is armed by resolving is told."""
    story.opened().mitigated().put_back().close()
    refused = command("incident", "resolve", "--yes")
    assert refused.returncode == 3
    assert "2 obligation(s) that were due are open" in refused.stderr
    assert "next:  omniops comms" in refused.stderr
    path = Path(command.env["OMNIOPS_HOME"]) / "state" / "journal.db"
    journal = SqliteJournal(path, SystemClock(), "eve", "host")
    for obligation in ("upstream", "status"):
        journal.append([New(STREAM, None, "comms.done", {"obligation": obligation, "how": "by phone"})])
    journal.close()
    said = command.json("incident", "resolve", "--yes")
    assert said["status"] == "resolved"
    assert {"mail.resolution", "postmortem"} <= {one["id"] for one in said["obligations"]}


def test_resolve_is_refused_while_something_is_in_force(command: Command, story: Story) -> None:
    """A mitigation that is neither undone nor kept stands in the way."""
    story.opened().mitigated().close()
    refused = command("incident", "resolve", "--yes")
    assert (refused.returncode, "1 mitigation(s) neither undone nor kept" in refused.stderr) == (3, True)


# export and show


@pytest.mark.parametrize(("name", "begins"), [("r.html", "<!doctype html>"), ("r.json", "{"), ("r.md", "# OpenAI")])
def test_export(command: Command, story: Story, tmp_path: Path, name: str, begins: str) -> None:
    """The file's name says the format; a file that is there is left alone without --force."""
    story.opened().mitigated().close()
    path = tmp_path / "out" / name
    missing = command("incident", "export", "-o", str(path))
    assert (missing.returncode, "cannot be written" in missing.stderr) == (2, True)
    path.parent.mkdir()
    done = command("incident", "export", "--output", str(path))
    assert (done.returncode, done.stdout) == (0, f"Written: {path}\n")
    assert path.read_text(encoding="utf-8").startswith(begins)
    path.write_text("mine", encoding="utf-8")
    refused = command("incident", "export", "--output", str(path))
    assert (refused.returncode, path.read_text()) == (2, "mine")
    assert command("incident", "export", "--output", str(path), "--force").returncode == 0
    assert path.read_text(encoding="utf-8").startswith(begins)
    assert [file.name for file in path.parent.iterdir()] == [name]
    assert command("incident", "export", "--output", str(path.parent), "--force").returncode == 2


def test_export_to_stdout(command: Command, story: Story) -> None:
    """Markdown by default; --json is the JSON report; an unknown format is exit 2."""
    story.opened().mitigated().close()
    assert command("incident", "export", "-o", "-").stdout.startswith("# OpenAI fails")
    assert command.json("incident", "export")["schema"] == "omniops.report/1"
    assert json.loads(command("incident", "export", "--format", "json").stdout)["id"] == ID
    assert "</html>" in command("incident", "export", ID, "--format", "html").stdout
    assert command("incident", "export", "--format", "pdf").returncode == 2
    assert command("incident", "export", "nonsense").returncode == 2


def test_export_says_where(command: Command, story: Story, tmp_path: Path) -> None:
    """--json with a file names the file and its format."""
    story.opened().close()
    said = command.json("incident", "export", "-o", str(tmp_path / "r.html"))
    expected = {"schema": "omniops.export/1", "incident": ID, "format": "html", "file": str(tmp_path / "r.html")}
    assert said == expected


def test_show_begins_with_what_is_open(command: Command, story: Story) -> None:
    """Severity history, roles, what is owed and in force come first, then the story, in 80 columns."""
    story.opened().mitigated().close()
    lines = command("incident", "show", COLUMNS="80").stdout.splitlines()
    parts = [line for line in lines if line in ("severity", "roles", "owed", "clocks", "in force")]
    assert parts == ["severity", "roles", "owed", "in force"]
    assert lines.index("in force") < next(n for n, line in enumerate(lines) if line.startswith("title"))
    assert max(map(len, lines)) <= 80
    said = command.json("incident", "show")
    assert said["roles"]["commander"] == "alice"
    assert [one["state"] for one in said["mitigations"]] == ["in force"]
    assert {"status", "upstream", "resolve_by"} <= {one["id"] for one in said["obligations"]}


def test_rules_that_are_wrong(command: Command, story: Story, tmp_path: Path) -> None:
    """A communication.yaml that is wrong hides nothing else in show; resolving is refused, because nobody can tell."""
    story.opened().mitigated().put_back().close()
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "communication.yaml").write_text("nonsense: [", encoding="utf-8")
    env = {"OMNIOPS_RUNBOOKS": str(tmp_path / "books")}
    shown = command("incident", "show", **env)
    assert (shown.returncode, "cannot be told" in shown.stdout) == (0, True)
    assert "run ended: mitigated" in shown.stdout
    assert command("incident", "resolve", "--yes", **env).returncode == 2


def test_a_clock_that_was_set_back(story: Story, command: Command, tmp_path: Path) -> None:
    """What was written lies in the future: a command that writes says so once, on stderr, and does its work; one that
    only reads is quiet, and so is everything while the clocks agree."""
    story.add(1, STREAM, "incident.opened", title="x", onset="2026-11-23T02:00:00.000Z")
    assert "in the future" not in command("incident", "note", "now").stderr
    story.clock.moment = SystemClock().now() + timedelta(hours=3, seconds=30)
    story.journal.append([New(STREAM, None, "note", {"text": "by a clock that was wrong"})])
    noted = command("incident", "note", "later")
    assert noted.returncode == 0
    assert noted.stderr.count("its newest entry lies 3h 00m in the future: this machine's clock is wrong") == 1
    assert "in the future" in command("incident", "note", "again").stderr
    assert "in the future" not in command("incident", "list").stderr
    look = Look(Settings({"OMNIOPS_HOME": str(tmp_path)}), SystemClock(), None)  # type: ignore[arg-type]
    assert [one.status for one in books.journal(look) if "in the future" in one.detail] == ["warn"]

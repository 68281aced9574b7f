"""Messages and SIGKILL: nothing is lost, and nothing is sent twice where the service can tell; else it is marked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support import scripted_http as play
from tests.support.command import Command
from tests.support.fake_gh import FakeGh
from tests.support.fake_statuspage import FakeStatuspage
from tests.support.outbox_command import INCIDENT
from tests.support.pager import FakePager
from tests.support.screen import ROOT
from tests.support.scripted_http import Scripted
from tests.support.slack import FakeSlack
from tests.support.smtp import SmtpServer
from tests.support.status_repo import StatusRepo

PAGE = "Q3OMNI01"
PLACES = ("outbox.queued", "outbox.sending", "outbox.sent")


class Outside(NamedTuple):
    """The services outside, and the settings that lead to them."""

    slack: FakeSlack
    pager: FakePager

    gh: FakeGh
    alertmanager: Scripted
    hooks: Scripted
    smtp: SmtpServer
    page: FakeStatuspage
    repo: StatusRepo

    @property
    def env(self) -> dict[str, str]:
        more = {"ALERTMANAGER_URL": self.alertmanager.url, "PATH": self.gh.path, "GH_REPO": "omni/route"}
        more |= {"SLACK_WEBHOOK_URL": f"{self.hooks.url}/services/T0/B0/canary-hook"}
        more |= {"APPRISE_URLS": f"json://u:canary-apprise@{self.hooks.url.removeprefix('http://')}/apprise"}
        return {**self.slack.env, **self.pager.env, **self.smtp.env, **more}

    def arrived(self, engine: str) -> int:
        """How many messages of this kind there are, for whoever reads them."""
        if engine in ("slack", "slack.headline"):
            return len(self.slack.texts())
        if engine in ("webhook", "apprise"):
            return len(self.hooks.seen)
        if engine == "mail":
            return len(self.smtp.letters)
        if engine == "status":
            return len(self.page.texts()) + self.repo.commits()
        if engine == "github.issue":
            return len(self.gh.issues())
        if engine == "alertmanager.alert":
            return len({seen.body for seen in self.alertmanager.seen})
        if engine == "pager.event":
            return len(self.pager.data["incidents"]) - 1  # the page that is there from the beginning
        what = {"pager.note": "note", "pager.responder": "responder"}[engine]
        return sum(self.pager.counts(what).values())


MESSAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "slack": ("#omniroute-ops", {"text": "on it"}),
    "webhook": ("", {"text": "on it"}),
    "apprise": ("", {"text": "on it"}),
    "mail": ("announce@omni.test", {"subject": "Disruption", "text": "We look into it.", "kind": "start"}),
    "slack.headline": ("incident", {"topic": "SEV-1", "headline": "SEV-1 investigating"}),
    "status": ("", {"title": "OmniRoute", "status": "investigating", "impact": "major", "body": "We look into it."}),
    "pager.note": (PAGE, {"content": "on it"}),
    "pager.responder": (PAGE, {"user": "PUSER02", "message": "please join"}),
    "pager.event": ("secondary", {"summary": "still firing"}),
    "alertmanager.alert": ("", {"alerts": [{"labels": {"alertname": "ProbeFailed"}}]}),
    "github.issue": ("", {"title": "Patch it", "body": "Dependabot says so.", "labels": ["dependencies"]}),
}
ASKED = ("pager.note", "github.issue")
FACTS = {"slack.headline": ("channel.created", "headline.posted"), "status": ("status.opened",)}
"""Engines that write down what they have made, and can ask for what was made and not written down."""
"""Services that keep two equal messages, and can be asked whether they have one."""
SAFE = (*ASKED, *FACTS, "pager.event", "alertmanager.alert")


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    with (
        FakeSlack(tmp_path) as slack, FakePager(tmp_path) as pager, Scripted() as alertmanager, Scripted() as hooks,
        SmtpServer() as smtp, FakeStatuspage() as page,
    ):  # fmt: skip
        alertmanager.on("POST", "/api/v2/alerts", play.raw(b""))
        hooks.on("POST", "/services/T0/B0/canary-hook", play.raw(b"ok"))
        hooks.on("POST", "/apprise", play.answer({}))
        yield Outside(slack, pager, FakeGh(tmp_path), alertmanager, hooks, smtp, page, StatusRepo(tmp_path))


@pytest.fixture
def omniops(tmp_path: Path, outside: Outside) -> Command:
    return Command(tmp_path / "home", **outside.env)


def owe(command: Command, engine: str, kill: str = "") -> int:
    """Run a command that owes a message of this engine and sends it; its exit code."""
    to, body = MESSAGES[engine]
    argv = [sys.executable, "-m", "tests.support.outbox_command", engine, to, json.dumps(body)]
    env = {**command.env, **({"OMNIOPS_FAILPOINT": kill} if kill else {})}
    return subprocess.run(argv, cwd=ROOT, env=env, timeout=60, check=False).returncode


def only(command: Command) -> dict[str, Any]:
    """The only message, as `omniops outbox --all` has it."""
    (message,) = command.json("outbox", "--all")["messages"]
    found: dict[str, Any] = message
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("engine", [name for name in MESSAGES if name not in (*ASKED, *FACTS)])
def test_killed_anywhere(omniops: Command, outside: Outside, engine: str, place: str) -> None:
    """Killed after any write of the outbox, and then `omniops tick`, twice: it has arrived once, or it is marked as
    one that may have been sent, and then it is not sent again."""
    assert owe(omniops, engine, place) == -signal.SIGKILL
    ticked = omniops("tick")
    omniops("tick")
    marked = place != "outbox.queued" and engine not in SAFE
    message = only(omniops)
    assert message["state"] == ("unsure" if marked else "sent"), (message, ticked.stderr)
    assert outside.arrived(engine) == (0 if (marked and place == "outbox.sending") else 1)
    assert ticked.returncode == (1 if marked else 0), ticked.stdout
    assert ("may have been sent" in ticked.stdout) == marked


def test_what_can_be_asked_for(tmp_path: Path, outside: Outside) -> None:
    """PagerDuty keeps two equal notes, and GitHub two equal issues. One whose sender was killed is left alone until
    nothing of it can arrive any more, then looked for, and made where it is not there: once, wherever it died."""
    homes = {(name, place): Command(tmp_path / f"{name}-{place}", **outside.env) for name in ASKED for place in PLACES}
    for (engine, place), command in homes.items():
        assert owe(command, engine, place) == -signal.SIGKILL
    assert [command("tick").returncode for command in homes.values()] == [0, 8, 8, 0, 8, 8]
    assert [outside.arrived(engine) for engine in ASKED] == [2, 2]  # the first's, just now, and the last's
    for command in homes.values():
        command.later(70, "tick")
        assert only(command)["state"] == "sent"
    assert [outside.arrived(engine) for engine in ASKED] == [3, 3]
    assert [only(command)["how"] for command in homes.values()] == ["", "", "it was there already"] * 2


@pytest.mark.parametrize("by", ["slack.headline", "statuspage", "git"])
def test_what_was_made_and_not_written_down(tmp_path: Path, outside: Outside, by: str) -> None:
    """Killed at every place, also between two requests, and between what was made outside and the event that says so:
    one channel with one headline, one entry with one text."""
    engine = by if by in MESSAGES else "status"
    env = outside.env | (outside.page.env if by == "statuspage" else outside.repo.env)
    places = ["outbox.queued", "outbox.request#2", "outbox.sent", *(f"outbox.fact@{kind}" for kind in FACTS[engine])]
    for place in places:
        outside.page.incidents.clear()
        outside.slack.data["posts"].clear()
        for name in [name for name in outside.slack.data["channels"] if name.startswith("inc-")]:
            del outside.slack.data["channels"][name]
        before = outside.arrived(engine)
        command = Command(tmp_path / place, **env)
        assert owe(command, engine, place) == -signal.SIGKILL
        command.later(70, "tick")
        assert only(command)["state"] == "sent", (place, only(command))
        assert outside.arrived(engine) == before + 1, place
        assert sum(name.startswith("inc-") for name in outside.slack.data["channels"]) == (by == "slack.headline")


def test_no_credential_anywhere(tmp_path: Path, outside: Outside) -> None:
    """A canary in every credential, every engine used, well and badly: none is in the journal, in what was shown, or in
    the arguments and the environment of a process that was started."""
    spy = tmp_path / "spy"
    spy.mkdir()
    (spy / "git").write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >> {spy}/log\nexec /usr/bin/git "$@"\n')
    (spy / "git").chmod(0o755)
    mail = f"smtp://canary-user:canary-p%40ss@127.0.0.1:{outside.smtp.port}"
    canaries = {
        "SLACK_BOT_TOKEN": "xoxb-canary-bot", "STATUSPAGE_TOKEN": "canary-page-key", "SMTP_URL": mail,
        "DISCORD_WEBHOOK_URL": f"{outside.hooks.url}/api/webhooks/1/canary-discord",
    }  # fmt: skip
    good = {**outside.env, **outside.repo.env, "PATH": f"{spy}:{outside.env['PATH']}"}
    bad = {**good, **canaries, "STATUSPAGE_URL": outside.page.url, "STATUSPAGE_PAGE": "kctbh9vrtdwd"}
    shown = ""
    for name, env in (("good", good), ("bad", bad)):
        for engine in ("slack", "slack.headline", "status", "mail", "webhook", "apprise"):
            command = Command(tmp_path / f"{name}-{engine}", **env)
            owe(command, engine)
            done = command("outbox", "--all")
            shown += done.stdout + done.stderr
            for path in (tmp_path / f"{name}-{engine}").rglob("*"):
                shown += path.read_bytes().decode("latin-1") if path.is_file() else ""
    shown += (spy / "log").read_text(encoding="utf-8")
    assert outside.repo.commits() == 1
    assert len(outside.hooks.seen) == 4
    secrets = ("canary", "p@ss", outside.slack.token, "c%40nary")
    assert [secret for secret in secrets if secret in shown] == []


def test_two_ticks_at_once(omniops: Command, outside: Outside) -> None:
    """Two flushers of one journal, and a Slack that takes its time: posted once."""
    assert owe(omniops, "slack", "outbox.queued") == -signal.SIGKILL
    outside.slack.faults("slow=1s@POST:slack")
    ticks = [
        subprocess.Popen([sys.executable, "-m", "omniops", "tick"], env=omniops.env, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [tick.communicate(timeout=60)[0] for tick in ticks]
    assert sum("sent: ack to #omniroute-ops" in text for text in said) == 1, said
    assert outside.slack.texts() == ["on it"]


def test_a_freeze_before_the_tick(omniops: Command, outside: Outside) -> None:
    """A command is killed while it owes a message, 4.5 is entered, and a tick runs: nothing was or is sent."""
    assert owe(omniops, "slack", "outbox.queued") == -signal.SIGKILL
    entered = omniops("mitigate", "security", "--onset", "now", OMNIROUTE_URL="http://127.0.0.1:9")
    assert entered.returncode == 3, entered.stderr
    assert "Frozen" in entered.stderr
    assert omniops("tick").returncode in (0, 1, 8)
    assert (only(omniops)["state"], only(omniops)["why"]) == ("dropped", "frozen")
    assert outside.slack.texts() == []
    told = omniops("incident", "show", INCIDENT).stdout
    assert "not sent any more: ack to #omniroute-ops" in told


def test_a_service_that_is_down(omniops: Command, outside: Outside) -> None:
    """Slack is down: the command that owes the message ends well, the message waits, and a later one sends it."""
    outside.slack.port.close()
    assert owe(omniops, "slack") == 0
    waiting = omniops("tick")
    assert (waiting.returncode, only(omniops)["state"]) == (8, "waiting"), waiting.stdout
    assert "tried again in" in waiting.stdout
    outside.slack.port.open()
    sent = omniops("outbox", "retry", only(omniops)["id"])
    assert (sent.returncode, outside.slack.texts()) == (0, ["on it"])


def test_every_command_gives_it_a_moment(omniops: Command, outside: Outside) -> None:
    """A message that waits goes out with whatever is typed next, after that command's own answer; a read with --json,
    a rehearsal and what does not use the journal leave it."""
    assert owe(omniops, "slack", "outbox.queued") == -signal.SIGKILL
    for words in (["incident", "show", "--json"], ["mitigations", "--json"], ["runbook", "list"], ["--version"]):
        assert omniops(*words).returncode == 0
    assert outside.slack.texts() == []
    listed = omniops("incident", "list")
    assert "sent: ack to #omniroute-ops" in listed.stderr
    assert "sent" not in listed.stdout
    assert outside.slack.texts() == ["on it"]


def test_a_sender_that_was_suspended(omniops: Command, outside: Outside) -> None:
    """Suspended between "sending" and the request, for longer than its deadline: it sends nothing when it wakes up, and
    the message is sent later, once."""
    to, body = MESSAGES["slack"]
    argv = [sys.executable, "-m", "tests.support.outbox_command", "slack", to, json.dumps(body)]
    process = subprocess.Popen(argv, cwd=ROOT, env={**omniops.env, "OMNIOPS_FAILPOINT": "outbox.sending=stop"})
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert omniops("tick").returncode == 8  # somebody is sending it
    time.sleep(5.5)
    process.send_signal(signal.SIGCONT)
    assert process.wait(timeout=60) == 0
    assert outside.slack.texts() == []
    time.sleep(1.1)
    assert omniops("tick").returncode == 0
    assert outside.slack.texts() == ["on it"]

"""`omniops page open`: each source of section 2 is told where it is routed, by way of the outbox."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniops.clock import SystemClock
from omniops.incident.outbox import OUTBOX_KINDS, Message, fold
from omniops.incident.view import Incident
from omniops.journal.store import SqliteJournal
from tests.support.command import Command
from tests.support.pager import FakePager

GH = """#!/bin/sh
printf '%s\\n' "$@" > "$GH_SEEN.argv"
echo "$*" >> "$GH_SEEN.calls"
env | sort > "$GH_SEEN.env"
case "$2" in list) echo '[]'; exit 0;; esac
cat > "$GH_SEEN.body"
[ -n "$GH_FAILS" ] && { echo 'To get started, please run: gh auth login' >&2; exit 4; }
echo https://github.com/acme/omniroute/issues/42
"""


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[FakePager]:
    with FakePager(tmp_path) as fake:
        yield fake


@pytest.fixture
def omniops(pager: FakePager, tmp_path: Path) -> Command:
    return Command(tmp_path / "home", **pager.env)


def journal(command: Command) -> SqliteJournal:
    path = Path(command.env["OMNIOPS_HOME"]) / "state" / "journal.db"
    return SqliteJournal(path, SystemClock(), "test", "test", create=False)


def messages(command: Command) -> list[Message]:
    return fold(journal(command).kinds(OUTBOX_KINDS))


def gh(tmp_path: Path, fails: bool = False) -> dict[str, str]:
    """A stand-in for gh, and the settings that lead to it. It gets an environment of its own: its answers are in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = GH.replace("$GH_SEEN", str(tmp_path / "seen")).replace("$GH_FAILS", "yes" if fails else "")
    (folder / "gh").write_text(script, encoding="utf-8")
    (folder / "gh").chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    return {"PATH": path, "GH_REPO": "acme/omniroute", "GH_TOKEN": "gho_0123456789abcdef"}


def test_the_list(omniops: Command) -> None:
    """Without a source the six of them are listed, with signal and routing."""
    done = omniops("page", "open")
    assert done.returncode == 0
    assert "#omniroute-triage" in done.stdout
    assert len(omniops.json("page", "open")["sources"]) == 6


def test_a_user_report(omniops: Command) -> None:
    """An incident opened by hand: its page is omniops' own, and #omniroute-triage is owed a word."""
    done = omniops("page", "open", "--source", "user-report", "--title", "Login is slow", "--onset", "10m")
    assert done.returncode == 0, done.stderr
    assert "Slack #omniroute-triage" in done.stdout
    assert "next: omniops checklist" in done.stderr
    (stream,) = journal(omniops).streams("incident/")
    incident = Incident(stream.removeprefix("incident/"), journal(omniops).read(stream))
    assert incident.page is not None
    assert (incident.page["source"], incident.page["detected_by"]) == ("opened", "user-report")
    assert incident.onset < incident.page_at
    (message,) = messages(omniops)
    assert (message.engine, message.to, message.state) == ("slack", "#omniroute-triage", "waiting")
    assert "Login is slow" in message.body["text"]


def test_again(omniops: Command) -> None:
    """The same thing opened again is one incident, and told once; another title is another."""
    words = ("page", "open", "--source", "user-report", "--title", "Login is slow")
    first = omniops.json(*words)
    again = omniops.json(*words)
    assert (first["new"], again["new"], again["incident"]) == (True, False, first["incident"])
    assert omniops.json(*words[:-1], "Logout is slow")["incident"] != first["incident"]
    assert len(messages(omniops)) == 2


@pytest.mark.parametrize("source", ["prometheus", "uptime-probe"])
def test_paged_by_hand(pager: FakePager, omniops: Command, source: str) -> None:
    """What Alertmanager would have paged for is a page of the primary, with a key that makes one page of it."""
    answer = omniops.json("page", "open", "--source", source, "--title", "Ping fails in three regions")
    assert answer["told"] == [{"engine": "pager.event", "to": "primary"}]
    (event,) = pager.data["events"]
    assert (event["action"], event["dedup_key"]) == ("trigger", f"omniops/{answer['incident']}")
    assert "Ping fails in three regions" in event["payload"]["summary"]
    assert [message.state for message in messages(omniops)] == ["sent"]


def test_killed(pager: FakePager, omniops: Command) -> None:
    """Killed after it was written down: given again it is one incident, and its page goes out once."""
    words = ("page", "open", "--source", "prometheus", "--title", "Too many 5xx")
    assert omniops(*words, OMNIOPS_FAILPOINT="journal.head#1").returncode == -9
    assert omniops.json(*words)["new"] is False
    assert omniops("tick").returncode in (0, 1, 8)
    assert len(pager.data["events"]) == 1
    assert len(journal(omniops).streams("incident/")) == 1


def test_error_budget(omniops: Command) -> None:
    """The error budget's routing is Alertmanager: an alert of its own is owed."""
    omniops("page", "open", "--source", "error-budget", "--title", "Burning at 6x")
    (message,) = messages(omniops)
    assert message.engine == "alertmanager.alert"
    assert message.body["alerts"][0]["labels"]["alertname"] == "ErrorBudgetBurnByHand"


def test_longer_than_it_can_be_told(omniops: Command) -> None:
    """What nobody could ever be told opens nothing."""
    env = {"SLACK_BOT_TOKEN": "xoxb-1-2-abc", "SLACK_URL": "http://127.0.0.1:9"}
    words = ("page", "open", "--source", "user-report", "--title", "x", "--text", "y" * 5000)
    done = omniops(*words, **env)
    assert (done.returncode, "too long" in done.stderr) == (2, True), done.stderr
    assert messages(omniops) == []


def test_dependabot(omniops: Command, tmp_path: Path) -> None:
    """A CVE opens no incident: one GitHub issue through gh, a word to #security, and the way to 4.5."""
    env = gh(tmp_path)
    words = (
        "page",
        "open",
        "--source",
        "dependabot",
        "--title",
        "CVE-2026-1 in left-pad",
        "--text",
        "Upgrade; `x`$(y)",
    )
    done = omniops(*words, **env)
    assert done.returncode == 0, done.stderr
    assert "next: omniops mitigate security (4.5)" in done.stderr
    assert journal(omniops).streams("incident/") == []
    argv = (tmp_path / "seen.argv").read_text(encoding="utf-8").splitlines()
    assert argv[:4] == ["issue", "create", "--repo", "acme/omniroute"]
    assert "Upgrade" not in " ".join(argv)
    body = (tmp_path / "seen.body").read_text(encoding="utf-8")
    assert "Upgrade; `x`$(y)" in body
    assert "<!-- omniops:" in body
    inside = (tmp_path / "seen.env").read_text(encoding="utf-8")
    assert "GH_TOKEN=gho_" in inside
    assert "PAGERDUTY" not in inside
    states = {message.engine: message.state for message in messages(omniops)}
    assert states == {"github.issue": "sent", "slack": "waiting"}
    again = json.loads(omniops(*words, "--json", **env).stdout)
    assert (again["new"], again["incident"], again["next"]) == (False, None, "omniops mitigate security")
    assert (tmp_path / "seen.calls").read_text(encoding="utf-8").count("issue create") == 1


def test_dependabot_and_gh_is_not_logged_in(omniops: Command, tmp_path: Path) -> None:
    """gh that is not logged in makes nothing: the issue stays owed, and why is said."""
    env = gh(tmp_path, fails=True)
    done = omniops("page", "open", "--source", "dependabot", "--title", "CVE-2026-1", **env)
    assert done.returncode == 0, done.stderr
    (issue,) = [message for message in messages(omniops) if message.engine == "github.issue"]
    assert (issue.state, "not logged in" in issue.why) == ("waiting", True)


def test_dependabot_without_gh(omniops: Command, tmp_path: Path) -> None:
    """Without gh the issue stays owed, and tick says that nothing is set up to send it."""
    empty = tmp_path / "empty"
    empty.mkdir()
    env = {"PATH": str(empty), "GH_REPO": "acme/omniroute"}
    assert omniops("page", "open", "--source", "dependabot", "--title", "CVE-2026-1", **env).returncode == 0
    assert "github.issue" in [message.engine for message in messages(omniops) if message.owed]
    assert "nothing is set up" in omniops("tick", "--json", **env).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source", "nobody", "--title", "x"), "no detection source"),
        (("--source", "user-report"), "it needs a title"),
        (("--source", "user-report", "--title", "x", "--onset", "soon"), "is no moment"),
    ],
)
def test_refused(omniops: Command, words: tuple[str, ...], said: str) -> None:
    """What makes no sense opens nothing."""
    done = omniops("page", "open", *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr

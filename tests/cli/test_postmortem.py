"""`omniops postmortem`: from the journal to the filed issue, each of them once."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Command
from tests.support.fake_gh import FakeGh
from tests.support.postmortems import GOOD

TITLE = "OpenAI main is out <b>| for Bob"


@pytest.fixture
def gh(tmp_path: Path) -> FakeGh:
    return FakeGh(tmp_path, labels=("postmortem", "SEV-1"))


@pytest.fixture
def omniops(tmp_path: Path, gh: FakeGh) -> Command:
    repo = tmp_path / "checkout"
    repo.mkdir()
    return Command(tmp_path / "home", OMNIROUTE_REPO=str(repo), GH_REPO="omni/route", PATH=gh.path)


def resolved(omniops: Command) -> str:
    """An incident from its opening to its end; its id."""
    id: str = omniops.json("incident", "open", TITLE, "--onset", "40m", "--severity", "SEV-1")["id"]
    for words in (("incident", "role", "commander", "Ida.Commander"), ("incident", "note", "eve told ida.commander")):
        assert omniops(*words).returncode == 0
    for owed in ("mail.start", "upstream", "status"):
        omniops("comms", "done", owed, "--how", "by phone")
    done = omniops("incident", "resolve", "--yes")
    assert done.returncode == 0, done.stderr
    return id


def draft(omniops: Command) -> Path:
    return Path(omniops.json("postmortem", "new")["file"])


def filled(text: str) -> str:
    """What a person does with the placeholders."""
    text = re.sub(r'held: ".*"', f'held: "{re.findall(r"at the latest ([0-9-]+)", text)[0]}"', text)
    text = text.replace('not_involved: "TODO: one person who was not involved"', 'not_involved: "Frieda"')
    text = re.sub(
        r"\| TODO:[^|\n]*\| TODO \| TODO \| TODO \|", "| Alert before it expires | Olaf | 2026-12-01 | P1 |", text
    )
    return re.sub(r"TODO[^\n]*", "It is written.", text)


def test_a_draft_from_the_journal(omniops: Command) -> None:
    """Facts are filled in, people are roles in the story, unknown is said, and hostile words break nothing."""
    id = resolved(omniops)
    path = draft(omniops)
    text = path.read_text(encoding="utf-8")
    assert path.name == f"{id}.md"
    assert path.parent.parts[-2:] == ("docs", "postmortem")
    assert 'severity: "SEV-1"' in text
    assert "Errors: unknown" in text
    assert "note: the on-call told the incident commander" in text
    story = text.partition("# Postmortem")[2]
    assert not re.search(r"\b(eve|ida)\b", story, re.IGNORECASE)
    rows = [line for line in story.splitlines() if "incident opened" in line]
    assert "&lt;b>\\| for Bob" in rows[0]
    again = omniops("postmortem", "new")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert omniops("postmortem", "new", "--force").returncode == 0


def test_what_is_filled_in_passes(omniops: Command) -> None:
    """A fresh draft is not ready; with its placeholders filled in, nothing is to be mended."""
    resolved(omniops)
    path = draft(omniops)
    found = omniops("postmortem", "check", str(path))
    assert found.returncode == 1
    assert f"{path}:8:" in found.stdout
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    checked = omniops("postmortem", "check", str(path))
    assert (checked.stdout, checked.returncode) == ("Nothing is to be mended.\n", 0), checked.stdout


def test_check_for_ci(omniops: Command, tmp_path: Path) -> None:
    """Several files, JSON, another moment; what cannot be read is bad input."""
    good, late = tmp_path / "good.md", tmp_path / "late.md"
    good.write_text(GOOD, encoding="utf-8")
    late.write_text(GOOD.replace('held: "2026-11-26"', 'held: ""'), encoding="utf-8")
    at = ("--at", "2026-12-24T00:00:00Z")
    answer = omniops.json("postmortem", "check", str(good), str(late), *at)
    assert [len(one["findings"]) for one in answer["files"]] == [0, 1]
    assert answer["files"][1]["findings"][0]["rule"] == "due"
    for bad in (str(tmp_path / "none.md"), "/dev/zero"):  # one that is not there, and one that never ends
        assert omniops("postmortem", "check", bad).returncode == 2
    folder = Path(omniops.env["OMNIROUTE_REPO"], "docs", "postmortem")
    none = omniops("postmortem", "check")
    assert (none.returncode, f"there is no postmortem in {folder}" in none.stderr) == (2, True)
    folder.mkdir(parents=True)
    for name in ("b.md", "a.md", "TEMPLATE.md", "README.md"):
        (folder / name).write_text(GOOD, encoding="utf-8")
    every = omniops.json("postmortem", "check", *at)
    assert [one["file"] for one in every["files"]] == [str(folder / "a.md"), str(folder / "b.md")]


def test_filed_once(omniops: Command, gh: FakeGh, tmp_path: Path) -> None:
    """One issue with its labels, the action items in TECH_DEBT.md, and the obligation fulfilled; again: nothing new."""
    id = resolved(omniops)
    path = draft(omniops)
    refused = omniops("postmortem", "file", "--yes")
    assert (refused.returncode, gh.issues()) == (3, [])
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert omniops("postmortem", "file").returncode == 3  # nobody to look, and no --yes
    assert gh.issues() == []
    first: Any = omniops.json("postmortem", "file", "--yes")
    assert (first["state"], first["debt"]) == ("sent", ["DEBT-001"])
    again = omniops.json("postmortem", "file", "--yes")
    assert (again["state"], again["debt"], again["known"]) == ("already", [], 1)
    (issue,) = gh.issues()
    assert issue["labels"] == ["postmortem", "SEV-1"]
    assert f"<!-- omniops:postmortem:{id} -->" in issue["body"]
    assert first["url"] == again["url"] == issue["url"]
    debt = (tmp_path / "checkout" / "docs" / "TECH_DEBT.md").read_text(encoding="utf-8")
    assert "| DEBT-001 | Alert before it expires |" in debt
    owed = {one["id"]: one for one in omniops.json("comms", "due", "--all")["obligations"]}
    assert owed["postmortem"]["done_at"]


@pytest.mark.parametrize("place", ["outbox.queued", "outbox.sent", "postmortem.debts"])
def test_killed_while_it_is_filed(place: str, omniops: Command, gh: FakeGh) -> None:
    """Killed at any point and typed again, later: one issue, its URL and its action items are written down."""
    resolved(omniops)
    path = draft(omniops)
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    killed = omniops("postmortem", "file", "--yes", OMNIOPS_FAILPOINT=place)
    assert killed.returncode == -signal.SIGKILL
    done = omniops.later(300, "postmortem", "file", "--yes")
    assert len(gh.issues()) == 1, done.stderr
    assert gh.issues()[0]["url"] in done.stdout
    debt = Path(omniops.env["OMNIROUTE_REPO"], "docs", "TECH_DEBT.md").read_text(encoding="utf-8")
    assert re.findall(r"DEBT-[0-9]+", debt) == ["DEBT-001"]
    owed = {one["id"]: one for one in omniops.json("comms", "due", "--all")["obligations"]}
    assert owed["postmortem"]["how"] == gh.issues()[0]["url"]


def test_filed_into_a_folder_that_is_none(omniops: Command, gh: FakeGh, tmp_path: Path) -> None:
    """Where its action items could go nowhere, the issue is not filed either."""
    resolved(omniops)
    path = draft(omniops)
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    nowhere = str(tmp_path / "nowhere")
    done = omniops("postmortem", "file", "--yes", "--file", str(path), OMNIROUTE_REPO=nowhere)
    assert (done.returncode, "names no folder" in done.stderr) == (2, True), done.stderr
    assert gh.issues() == []


def test_sent_by_a_timer(omniops: Command, gh: FakeGh) -> None:
    """The issue waits, and tick sends it: the action items are still owed, and the same command adds them."""
    resolved(omniops)
    path = draft(omniops)
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    gh.turn("logged-out")
    assert omniops("postmortem", "file", "--yes").returncode == 8
    (gh.folder / "logged-out").unlink()
    omniops.later(900, "tick", "--quiet")
    assert len(gh.issues()) == 1
    owed = {one["id"]: one for one in omniops.json("comms", "due")["obligations"]}
    assert owed["postmortem"]["next"] == "omniops postmortem file"
    done = omniops.json("postmortem", "file", "--yes")
    assert (done["url"], done["debt"]) == (gh.issues()[0]["url"], ["DEBT-001"])


def test_dropped_and_filed_all_the_same(omniops: Command, gh: FakeGh) -> None:
    """Who gave the issue up can file it later."""
    resolved(omniops)
    path = draft(omniops)
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    gh.turn("logged-out")
    omniops("postmortem", "file", "--yes")
    waiting = [one["id"] for one in omniops.json("outbox")["messages"] if one["engine"] == "github.issue"]
    assert omniops("outbox", "drop", waiting[0], "--reason", "not yet").returncode == 0
    (gh.folder / "logged-out").unlink()
    assert omniops.json("postmortem", "file", "--yes")["state"] == "sent"
    assert len(gh.issues()) == 1


def test_another_journal_has_filed_it(omniops: Command, gh: FakeGh, tmp_path: Path) -> None:
    """A colleague's omniops filed it: the mark is looked for first, and no second issue is made."""
    id = resolved(omniops)
    path = draft(omniops)
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert omniops("postmortem", "file", str(path), "--yes").returncode == 0  # a file says itself whose it is
    other = Command(tmp_path / "other", **{key: omniops.env[key] for key in ("OMNIROUTE_REPO", "GH_REPO", "PATH")})
    theirs: str = other.json("incident", "open", TITLE, "--onset", "40m", "--severity", "SEV-1")["id"]
    assert theirs == id
    done = other("postmortem", "file", "--yes")
    assert (done.returncode, len(gh.issues())) == (0, 1), done.stderr


def test_the_security_path_gets_none(omniops: Command) -> None:
    """A frozen incident is refused with 10, and nothing is written."""
    resolved(omniops)
    id = omniops.json("incident", "open", "odd logins", "--onset", "5m")["id"]
    walked = omniops("mitigate", "security", "--incident", id, "--yes", OMNIROUTE_URL="http://127.0.0.1:9")
    assert "Frozen" in walked.stderr
    for words in (("new", id), ("file", id, "--yes")):
        done = omniops("postmortem", *words)
        assert done.returncode == 10, done.stderr
    assert not list(Path(omniops.env["OMNIROUTE_REPO"]).rglob("*logins*"))

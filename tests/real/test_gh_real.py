"""The real `gh`, from Debian's packages, against a GitHub that keeps issues; and the REST API, where there is no gh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import InDoubt, Refused
from omniops.services.gh import Gh
from omniops.services.github import GitHub
from tests.cli.test_postmortem import draft, filled, resolved
from tests.support.command import Command
from tests.support.debian import require
from tests.support.fake_github import FakeGitHub


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub(labels=("bug", "postmortem")) as fake:
        yield fake


@pytest.fixture
def path() -> str:
    return f"{require('gh') / 'usr' / 'bin'}:/usr/bin:/bin"


def test_what_the_real_one_does(github: FakeGitHub, path: str, tmp_path: Path) -> None:
    """A label that is missing is made, one that is there is left alone; the issue is found again by its mark."""
    gh = Gh(Settings({"OMNIOPS_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": path, **github.env}), "omni/route")
    made = gh.create("T\u2013<b>", "body\n<!-- omniops:x -->", ["postmortem", "SEV-1"], make_labels=True)
    assert made == ("https://github.localhost/omni/route/issues/1", True)
    assert github.labels == ["bug", "postmortem", "SEV-1"]
    assert (github.issues[0]["title"], github.issues[0]["labels"]) == ("T\u2013<b>", ["postmortem", "SEV-1"])
    assert gh.find("<!-- omniops:x -->") == made.url
    github.issues += [{"url": f"u{n}", "title": "T", "body": "", "labels": []} for n in range(100)]
    assert (gh.find("<!-- omniops:x -->"), gh.find("<!-- omniops:x -->", "postmortem")) == ("", made.url)
    assert gh.find("<!-- omniops:y -->", "postmortem") == ""
    github.breaks = True
    with pytest.raises(InDoubt):
        gh.create("again", "body", [])


def test_a_token_that_is_not_known(github: FakeGitHub, path: str, tmp_path: Path) -> None:
    """Both ways in say so, and nothing is made."""
    env = {"OMNIOPS_HOME": str(tmp_path), "HOME": str(tmp_path), **github.env, "GH_TOKEN": "ghp_wrong_0123456789"}
    with pytest.raises((Refused, InDoubt)):
        Gh(Settings({**env, "PATH": path}), "omni/route").create("T", "B", [])
    with pytest.raises(Refused, match="GitHub refuses"):
        GitHub(Settings({**env, "GH_URL": github.url}), SystemClock()).create("T", "B", [])
    assert github.issues == []


@pytest.mark.parametrize("with_gh", [True, False], ids=["gh", "rest"])
def test_a_postmortem_is_filed(with_gh: bool, github: FakeGitHub, path: str, tmp_path: Path) -> None:
    """From the journal to the issue, labels and all; the answer is lost once, and there is one issue all the same."""
    repo = tmp_path / "checkout"
    repo.mkdir()
    env = (
        {**github.env, "PATH": path}
        if with_gh
        else {**github.env, "GH_URL": github.url, "HTTP_PROXY": "", "PATH": str(tmp_path)}
    )
    omniops = Command(tmp_path / "home", OMNIROUTE_REPO=str(repo), **env)
    resolved(omniops)
    file = draft(omniops)
    file.write_text(filled(file.read_text(encoding="utf-8")), encoding="utf-8")
    github.breaks = True
    lost = omniops("postmortem", "file", "--yes")
    assert (lost.returncode, len(github.issues)) == (7, 1), lost.stderr
    done = omniops.later(900, "postmortem", "file", "--yes")
    assert (done.returncode, len(github.issues)) == (0, 1), done.stderr
    assert github.issues[0]["labels"] == ["postmortem", "SEV-1"]
    assert github.issues[0]["url"] in done.stdout

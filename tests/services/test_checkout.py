"""From versions to commits and back, by the tags of a real git repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from omniops.actions import resolve
from omniops.config import Settings
from omniops.errors import BadInput
from omniops.services.checkout import Checkout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with the tags v3.7.8 and v3.7.9, the second one annotated."""
    folder = tmp_path / "omniroute"
    env = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.net",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.net",
    }  # fmt: skip

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(folder), *words], env=env, check=True, capture_output=True)

    folder.mkdir()
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "one")
    git("tag", "v3.7.8")
    git("commit", "-q", "--allow-empty", "-m", "two")
    git("tag", "-a", "v3.7.9", "-m", "annotated")
    return folder


def settings(repo: Path | str) -> Settings:
    return Settings({"PATH": os.environ["PATH"], "HOME": "/nowhere", "OMNIROUTE_REPO": str(repo)})


def test_there_and_back(repo: Path) -> None:
    """A version's tag names its commit, annotated or not, and the commit names the version."""
    checkout = Checkout(settings(repo))
    for version in ("3.7.8", "3.7.9"):
        sha = checkout.sha_of(version)
        assert len(sha) == 40
        assert checkout.version_of(sha) == version
        assert checkout.version_of(sha[:12]) == version


def test_unknown_is_empty(repo: Path) -> None:
    """No tag, no commit, no repository, hostile words: nothing is known, and git gets no option from them."""
    checkout = Checkout(settings(repo))
    assert [checkout.sha_of(v) for v in ("9.9.9", "--help", "3.7.8; rm", "")] == ["", "", "", ""]
    assert [checkout.version_of(s) for s in ("deadbeef", "--all", "HEAD", "")] == ["", "", "", ""]
    assert Checkout(settings("/nowhere")).sha_of("3.7.8") == ""
    assert Checkout(Settings({})).version_of("deadbeef") == ""


def test_a_sha_is_mapped_or_refused(repo: Path) -> None:
    """Where a version is asked for, a commit is turned into its version; one without a tag is refused with the mend."""
    sha = Checkout(settings(repo)).sha_of("3.7.8")
    assert resolve.version(sha[:10], settings(repo)) == "3.7.8"
    with pytest.raises(BadInput, match="no version is known for the commit") as refused:
        resolve.version("0123456789", settings(repo))
    assert "OMNIROUTE_REPO" in refused.value.why
    with pytest.raises(BadInput, match="no version is known") as refused:
        resolve.version("0123456789", Settings({}))
    assert "OMNIROUTE_REPO is not set" in refused.value.why

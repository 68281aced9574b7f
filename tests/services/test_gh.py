"""Issues through `gh`: what is passed on, and what each of its exits proves."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, Refused
from omniops.services.gh import Gh, installed
from tests.support.fake_gh import FakeGh
from tests.support.screen import ROOT

MakeSettings = Callable[..., Settings]


def test_an_issue(tmp_path: Path, settings: MakeSettings) -> None:
    """Made once, with its labels, its body by stdin; and found again by a mark in it."""
    fake = FakeGh(tmp_path)
    gh = Gh(settings(PATH=fake.path), "omni/route")
    made = gh.create("Patch it", "now\n<!-- omniops:x -->", ["dependencies"])
    assert made == ("https://github.example/omni/route/issues/1", True)
    assert fake.issues()[0]["labels"] == ["dependencies"]
    assert gh.find("<!-- omniops:x -->") == made.url
    assert gh.find("<!-- omniops:y -->") == ""


def test_a_label_that_is_not_there(tmp_path: Path, settings: MakeSettings) -> None:
    """It does not keep the issue from being made: once, without its labels, and that is said."""
    fake = FakeGh(tmp_path, labels=())
    assert not Gh(settings(PATH=fake.path), "omni/route").create("T", "B", ["dependencies"]).labelled
    assert [one["labels"] for one in fake.issues()] == [[]]


def test_not_logged_in(tmp_path: Path, settings: MakeSettings) -> None:
    """Certainly nothing was done, and the way out is named."""
    fake = FakeGh(tmp_path)
    fake.turn("logged-out")
    gh = Gh(settings(PATH=fake.path), "omni/route")
    with pytest.raises(Refused, match="not logged in") as caught:
        gh.create("T", "B", [])
    assert caught.value.next == "gh auth login"
    with pytest.raises(Refused, match="not logged in"):
        gh.find("x")


def test_it_breaks_off(tmp_path: Path, settings: MakeSettings) -> None:
    """A failure that says nothing about labels may have come after the issue was made."""
    fake = FakeGh(tmp_path)
    fake.turn("breaks")
    with pytest.raises(InDoubt) as caught:
        Gh(settings(PATH=fake.path), "omni/route").create("T", "B", [])
    assert caught.value.why == "error connecting to api.github.example"


@pytest.mark.parametrize("said", ["<html>login</html>", "", "https://github.example/other/one/issues/7"])
def test_it_names_no_issue_of_ours(tmp_path: Path, settings: MakeSettings, said: str) -> None:
    """A success without the address of an issue of this repository is none: nobody can tell, and it is looked for."""
    fake = FakeGh(tmp_path)
    (fake.folder / "says").write_text(said, encoding="utf-8")
    with pytest.raises(InDoubt) as caught:
        Gh(settings(PATH=fake.path), "omni/route").create("T", "B", [])
    assert "no issue of omni/route" in caught.value.why


def test_it_does_not_outlive_us(tmp_path: Path) -> None:
    """Killed while gh is at it: gh is gone as well, and makes no issue when somebody else may have looked for it."""
    fake = FakeGh(tmp_path)
    (fake.folder / "slow").touch()
    words = f"Gh(Settings({{'PATH': {fake.path!r}}}), 'omni/route').create('T', 'B', [])"
    code = f"from omniops.config import Settings\nfrom omniops.services.gh import Gh\n{words}"
    us = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    begun = fake.folder / "begun"
    while not begun.exists():
        assert us.poll() is None
        time.sleep(0.02)
    us.kill()
    us.wait()
    time.sleep(1.0)
    assert fake.issues() == []


def test_no_gh(tmp_path: Path, settings: MakeSettings) -> None:
    """Where there is no gh, that is known before and said after."""
    nowhere = settings(PATH=str(tmp_path))
    assert (installed(nowhere), installed(settings(PATH=FakeGh(tmp_path).path))) == (False, True)
    with pytest.raises(BadInput, match="cannot be run"):
        Gh(nowhere, "omni/route").create("T", "B", [])

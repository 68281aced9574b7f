"""Files that omniops writes for people: which format a name means, and never over one that is there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from omniops.errors import BadInput
from omniops.runner.exporting import format_of, write


@pytest.mark.parametrize(
    ("wanted", "output", "said"),
    [("", "report.pdf", "ending '.pdf'"), ("pdf", "", "format 'pdf'"), ("pdf", "report.html", "format 'pdf'")],
)
def test_a_format_that_there_is_not(wanted: str, output: str, said: str) -> None:
    """What was asked for is named, whether by --format or by the file's name."""
    with pytest.raises(BadInput, match=said):
        format_of(wanted, output)


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that has none a file is written all the same, and not over one that is there."""

    def refused(*_: object) -> NoReturn:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "report.md"
    write(path, "first", force=False)
    with pytest.raises(BadInput, match="is there already"):
        write(path, "second", force=False)
    assert (path.read_text(encoding="utf-8"), [one.name for one in tmp_path.iterdir()]) == ("first", ["report.md"])

"""A person's own editor: what is saved is what is said, and what was written is never lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from omniops.cli import context
from omniops.cli.editing import edit
from omniops.errors import BadInput


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor by the name of vi, the only thing on PATH beside the shell's own; texts lie in a folder of the test."""
    (tmp_path / "texts").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "texts"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("EDITOR", "")
    monkeypatch.setenv("VISUAL", "")
    context.streams.cache_clear()  # it holds the stderr of another test
    return tmp_path / "vi"


def script(editor: Path, lines: str) -> None:
    editor.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    editor.chmod(0o700)


def test_the_usual_one(editor: Path) -> None:
    """Where neither VISUAL nor EDITOR is set, vi is taken; its file is gone afterwards."""
    script(editor, 'echo "$(cat "$1") Edited." > "$1"')
    assert edit("Typed.") == "Typed. Edited."
    assert list((editor.parent / "texts").iterdir()) == []


def test_ctrl_c_in_it(editor: Path) -> None:
    """Ctrl-C is the editor's alone: what it saves afterwards is taken."""
    script(editor, 'kill -INT $PPID; sleep 0.1; echo "Kept." > "$1"')
    assert edit("") == "Kept."


def test_what_was_written_is_not_lost(editor: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An editor that fails leaves the text where the error says; the next edit names it too. One that wrote nothing
    leaves nothing."""
    script(editor, "exit 1")
    with pytest.raises(BadInput) as refused:
        edit("Typed.")
    assert "what you wrote" not in refused.value.state
    script(editor, 'echo "Half a sen" > "$1"; exit 1')
    with pytest.raises(BadInput, match="the editor cannot be used") as refused:
        edit("")
    (left,) = (editor.parent / "texts").iterdir()
    assert refused.value.state.endswith(f"what you wrote is in {left}")
    script(editor, "exit 0")
    edit("")
    assert str(left.name) in capsys.readouterr().err.replace("\n", "")

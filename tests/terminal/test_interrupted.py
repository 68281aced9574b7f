"""Ctrl-C at a question that no walk has put: exit 130, in words, and never a bug."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.support.command import Command
from tests.support.screen import output, start

OMNIOPS = (sys.executable, "-m", "omniops")


def interrupted(child: pexpect.spawn, at: str) -> str:
    child.expect_exact(at, timeout=60)
    child.sendintr()
    child.expect(pexpect.EOF, timeout=30)
    child.close()
    assert child.exitstatus == 130
    return output(child)


@pytest.mark.parametrize(
    ("words", "at"),
    [
        (("page", "open", "--source", "user-report"), "answer> "),
        (("mitigate", "failover"), "answer> "),
        (("drill",), "answer> "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_ctrl_c(tmp_path: Path, words: tuple[str, ...], at: str) -> None:
    """It says that it was interrupted, what state things are in, and what asks again."""
    env: Any = Command(tmp_path, OMNIROUTE_URL="http://127.0.0.1:9", OMNIROUTE_PASSWORD="unused").env
    text = interrupted(start(*OMNIOPS, *words, **env), at)
    assert "a bug" not in text
    assert "interrupted at a question" in text
    assert f"omniops {' '.join(words)} asks again" in text

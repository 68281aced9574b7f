"""`omniops incident watch`: on a pseudo-terminal, and through a pipe."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.support.command import Command
from tests.support.screen import ROOT, output, screen, start

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    found = Command(tmp_path)
    assert found("incident", "open", "OpenAI is failing", "--onset", "20m ago", "--severity", "2").returncode == 0
    return found


def board(home: Path, *words: str, **more: Any) -> Any:
    env: dict[str, Any] = {"PYTHONPATH": str(ROOT), "OMNIOPS_HOME": str(home), "HOME": str(home)}
    return start(sys.executable, "-m", "omniops", "incident", "watch", *words, **env, **more)


@pytest.fixture
def watching(command: Command, tmp_path: Path) -> Iterator[Any]:
    """The board at 80x24, drawn once."""
    child = board(tmp_path)
    child.expect_exact("q leaves", timeout=30)
    yield child
    child.close(force=True)


def ended(child: Any) -> int:
    child.expect(pexpect.EOF, timeout=20)
    child.wait()
    assert "Traceback" not in output(child)
    return int(child.exitstatus)


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_leaving(watching: Any, key: str) -> None:
    """q and Ctrl-C leave with 0; the terminal has its own screen, its cursor and its echo back."""
    watching.send(key)
    assert ended(watching) == 0
    raw = output(watching)
    assert raw.count(ENTER) == raw.count(LEAVE) == 1
    assert raw.rindex("\x1b[?25h") > raw.index("\x1b[?25l")


def test_a_signal(watching: Any) -> None:
    """Ended from outside, the terminal is put back all the same."""
    watching.kill(signal.SIGTERM)
    watching.expect(pexpect.EOF, timeout=20)
    watching.wait()
    assert output(watching).count(LEAVE) == 1


def test_it_is_redrawn_in_place(watching: Any, command: Command) -> None:
    """The screen is cleared once; then only rows that changed are written. What another command does appears on it.

    F2 (ESC O Q), F12 and an arrow are no q: the board stays."""
    first = len(output(watching))
    watching.send("\x1bOQ\x1b[24~\x1b[A")
    command("incident", "note", "a note from next door")
    watching.expect_exact("a note from next door", timeout=20)
    command("incident", "role", "scribe", "bob")
    watching.expect_exact("scribe bob", timeout=20)
    time.sleep(1.2)
    watching.send("q")
    assert ended(watching) == 0
    raw = output(watching)
    assert raw.count("\x1b[2J") <= 2
    assert "\x1b[2J" not in raw[first:]
    rows = re.findall(r"\x1b\[(\d+);1H", raw[first : raw.index("a note from next door")])
    assert set(rows) <= {"1", "3", "4", *map(str, range(5, 25))}
    shown = screen(raw[: raw.rindex(LEAVE)])
    assert shown[0].startswith("SEV-2  2026-") or "SEV-2" in shown[0]
    assert len([line for line in shown if line]) <= 24
    assert max(map(len, shown)) <= 80
    assert shown.count("q leaves") == 1


def test_a_tick_writes_little(watching: Any) -> None:
    """A second in which only time passes costs a few hundred bytes, so a slow line keeps up."""
    before = len(output(watching))
    with pytest.raises(pexpect.TIMEOUT):
        watching.expect_exact("nothing like this", timeout=2)
    written = len(output(watching)) - before
    assert 0 < written < 3 * 600


def test_it_follows_the_window(watching: Any) -> None:
    """A new size is drawn at once, and fits."""
    before = len(output(watching))
    watching.setwinsize(10, 40)
    watching.kill(signal.SIGWINCH)
    watching.expect_exact("q leaves", timeout=20)
    watching.send("q")
    assert ended(watching) == 0
    raw = output(watching)[before:]
    shown = screen(raw[raw.index("\x1b[2J") : raw.rindex(LEAVE)])
    assert max(map(len, shown)) <= 40
    assert len([line for line in shown if line]) <= 10


def test_a_dumb_terminal_gets_lines(command: Command, tmp_path: Path) -> None:
    """Where nothing can be redrawn, what changes is printed."""
    child = board(tmp_path, "--times", "1", TERM="dumb")
    child.expect_exact("severity: SEV-2", timeout=30)
    assert ended(child) == 0
    assert ENTER not in output(child)


def test_through_a_pipe(command: Command) -> None:
    """A line for what is so; then lines only for what changes; Ctrl-C is exit 0. No escape sequence is in it."""
    child = subprocess.Popen(
        [sys.executable, "-m", "omniops", "incident", "watch"],
        env=command.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(iter(child.stdout.readline, "")), daemon=True).start()  # type: ignore
    try:
        _until(lambda: any("severity SEV-2 (" in line for line in lines))
        time.sleep(1.5)  # nothing changes
        before = len(lines)
        command("incident", "note", "news")
        _until(lambda: any("note: news" in line for line in lines))
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) == 0
        assert child.stderr is not None
        assert "Traceback" not in child.stderr.read()
    finally:
        child.kill()
    assert any("severity: SEV-2" in line for line in lines[:before])
    assert not [line for line in lines[before:] if "severity:" in line or "owed" in line]
    assert "\x1b" not in "".join(lines)


def _until(so: Callable[[], bool]) -> None:
    """Wait until it is so, at most 20 seconds."""
    end = time.monotonic() + 20
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_json_lines(command: Command) -> None:
    """With --json each look that found something new is one line: the whole board."""
    done = command("incident", "watch", "--json", "--times", "2", "--every", "1s")
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    assert (done.returncode, said["schema"], said["severity"]) == (0, "omniops.board/1", "SEV-2")
    assert {one["id"] for one in said["obligations"]} == {"status", "resolve_by"}
    assert any(one["words"].startswith("severity SEV-2") for one in said["last"])


def test_refusals(command: Command, tmp_path: Path) -> None:
    """Too often, an incident that there is not, and none that is open: exit 2."""
    assert command("incident", "watch", "--every", "0s").returncode == 2
    assert command("incident", "watch", "nonsense", "--times", "1").returncode == 2
    (tmp_path / "other").mkdir()
    assert Command(tmp_path / "other")("incident", "watch", "--times", "1").returncode == 2

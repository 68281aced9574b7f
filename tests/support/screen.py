"""A pseudo-terminal with a very small screen emulator, to see what a person would see."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
_SEQUENCE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|[()][A-Z0-9]|[=>78])")


def spawn(*args: str, columns: int = 80, rows: int = 24, options: Mapping[str, str] | None = None, **env: str) -> Any:
    """Start the driver in a pseudo-terminal of its own; ``env`` and ``options`` are its environment."""
    return start(
        sys.executable, "-m", "tests.support.pty_driver", *args, columns=columns, rows=rows, **env, **(options or {})
    )


def start(command: str, *args: str, columns: int = 80, rows: int = 24, **env: str) -> Any:
    """Start any program in a pseudo-terminal; ``answer`` and ``output`` work on it. No colour unless NO_COLOR is ""."""
    base = {
        "PATH": "/usr/bin:/bin",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "NO_COLOR": "1",
    }
    child = pexpect.spawn(
        command,
        list(args),
        cwd=str(ROOT),
        env={key: value for key, value in {**base, **env}.items() if value},
        dimensions=(rows, columns),
        encoding="utf-8",
        timeout=10,
        echo=True,
    )
    child.delaybeforesend = None
    child.transcript = []
    child.logfile_read = _Log(child.transcript)
    return child


def answer(child: Any) -> str:
    """Wait for the program's end and return what it printed after ANSWER."""
    child.expect(r"ANSWER ([^\r\n]*)\r?\n")
    found = str(child.match.group(1))
    child.expect(pexpect.EOF)
    child.close()
    return found


def output(child: Any) -> str:
    """Everything the program has written so far."""
    return "".join(child.transcript)


def screen(raw: str) -> list[str]:
    """What the bytes leave on a screen of unlimited size."""
    lines: list[list[str]] = [[]]
    row = column = 0
    position = 0
    while position < len(raw):
        match = _SEQUENCE.match(raw, position)
        if match:
            position = match.end()
            count, final = match.group(1) or "", match.group(2)
            if final == "K":
                del lines[row][column:]
            elif final == "J":
                del lines[row][column:], lines[row + 1 :]
            elif final == "H":
                place = [int(number or 1) - 1 for number in f"{count};".split(";")[:2]]
                row, column = place[0], place[1]
                lines.extend([] for _ in range(row + 1 - len(lines)))
            elif final in ("A", "B"):
                row = max(0, row + (-1 if final == "A" else 1) * int(count or 1))
            elif final in ("C", "D"):
                column = max(0, column + (1 if final == "C" else -1) * int(count or 1))
        else:
            char = raw[position]
            position += 1
            if char == "\r":
                column = 0
            elif char == "\n":
                row += 1
            elif char == "\b":
                column = max(0, column - 1)
            elif char >= " ":
                lines.extend([] for _ in range(row + 1 - len(lines)))
                line = lines[row]
                line.extend(" " * (column + 1 - len(line)))
                line[column] = char
                column += 1
        lines.extend([] for _ in range(row + 1 - len(lines)))
    return ["".join(line).rstrip() for line in lines]


class _Log:
    def __init__(self, pieces: list[str]) -> None:
        self._pieces = pieces

    def write(self, text: str) -> None:
        self._pieces.append(text)

    def flush(self) -> None:
        """Nothing is held back."""

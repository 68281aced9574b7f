"""The two decisions, colour and interactivity, and everything that is written to the screen passes here.

What was asked for goes to stdout; prompts, progress and hints go to stderr. Colour: ``--color``, else NO_COLOR, else
FORCE_COLOR ("0" and "false" mean off), else TERM=dumb, else whether that stream is a terminal. Interactive: stdin and
stderr are both terminals; nothing about colour can make a pipe interactive.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

DEFAULT_WIDTH = 80
MIN_WIDTH = 40

_TONES = {"good": "32", "bad": "1;31", "warn": "33", "dim": "2", "head": "1", "key": "1;36"}
# One character for one, so that what was fitted into a width still fits.
_ASCII = str.maketrans("→…·▸»✓✗—–─│‘’“”×≤≥▁▂▃▄▅▆▇█", ">~->>+x---|''\"\"x<>_.-~=*%#")


def wants_colour(flag: str, env: Mapping[str, str], tty: bool) -> bool:
    """Decide about colour for one stream. ``flag`` is "auto", "always" or "never"."""
    if flag in ("always", "never"):
        return flag == "always"
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return env["FORCE_COLOR"].lower() not in ("0", "false")
    return tty and env.get("TERM") != "dumb"


def wants_unicode(env: Mapping[str, str], encoding: str | None) -> bool:
    """Say whether the screen shows more than ASCII.

    Under ``LANG=C`` Python sets LC_CTYPE=C.UTF-8 for itself; that says nothing about the terminal and is not counted.
    """
    if not (encoding or "").lower().replace("-", "").startswith("utf8"):
        return False
    coerced = not env.get("LC_ALL") and env.get("LC_CTYPE") == "C.UTF-8" and env.get("LANG") in (None, "", "C", "POSIX")
    locale = "" if coerced else env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    return "utf8" in locale.lower().replace("-", "")


class Streams:
    """stdin, stdout and stderr of one command, with what has been decided about them."""

    def __init__(
        self,
        color: str = "auto",
        env: Mapping[str, str] | None = None,
        *,
        stdin: TextIO | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.env = os.environ if env is None else env
        self.stdin = stdin or sys.stdin
        self.stdout = out or sys.stdout
        self.stderr = err or sys.stderr
        self.dumb = self.env.get("TERM", "dumb") in ("dumb", "unknown", "")
        self.err_tty = _isatty(self.stderr)
        self.colour = wants_colour(color, self.env, self.err_tty)
        self.colour_out = wants_colour(color, self.env, _isatty(self.stdout))
        self.interactive = _isatty(self.stdin) and self.err_tty
        self.ascii = not wants_unicode(self.env, getattr(self.stderr, "encoding", None))
        self._live = False

    def columns(self) -> int:
        """The terminal's width: COLUMNS, else what the terminal says, else 80."""
        given = self.env.get("COLUMNS", "")
        if given.isdecimal() and int(given) > 0:
            return int(given)
        try:
            return os.get_terminal_size(self.stderr.fileno()).columns or DEFAULT_WIDTH
        except (OSError, ValueError, AttributeError):
            return DEFAULT_WIDTH

    def abilities(self) -> dict[str, Any]:
        """What the terminal is able to do: interactive, columns, lines, colour, unicode, term."""
        try:
            lines = os.get_terminal_size(self.stderr.fileno()).lines
        except (OSError, ValueError, AttributeError):
            lines = 0
        return {
            "interactive": self.interactive,
            "columns": self.columns(),
            "lines": lines,
            "colour": self.colour,
            "unicode": not self.ascii,
            "term": self.env.get("TERM", ""),
        }

    def width(self) -> int:
        """The width to lay text out for: ``columns``, but at least 40."""
        return max(self.columns(), MIN_WIDTH)

    def style(self, text: str, tone: str) -> str:
        """Colour a text for stderr. Tones: good, bad, warn, dim, head, key; others leave it as it is."""
        return paint(text, tone) if self.colour else text

    def say(self, text: str = "", tone: str = "") -> None:
        """Write one line to stderr."""
        self.end_live()
        self.put(self.style(text, tone) + "\n")

    def result(self, text: str, tone: str = "") -> None:
        """Write what was asked for, one line or several, to stdout."""
        self.end_live()
        shown = paint(text, tone) if self.colour_out else text
        _write(self.stdout, self.encodable(shown, self.stdout) + "\n")

    def live(self, text: str) -> None:
        """Redraw one line in place on a terminal that can; the next ``say`` begins below it."""
        self.put(f"\r{text}\x1b[K")
        self._live = True

    def end_live(self) -> None:
        """End a line drawn by ``live``."""
        if self._live:
            self._live = False
            self.put("\n")

    def put(self, text: str) -> None:
        """Write to stderr as it is, but for characters that the screen cannot show.

        Never raises where the terminal has gone: a hint that nobody reads must not stop a walk between two writes.
        """
        with suppress(OSError):
            _write(self.stderr, self.encodable(text, self.stderr))

    def ready(self, wait_s: float = 0.0) -> bool:
        """Say whether stderr takes more now: not while a slow line is behind, nor after Ctrl-S."""
        try:
            return bool(select.select([], [self.stderr], [], wait_s)[1])
        except (OSError, ValueError):
            return False

    def encodable(self, text: str, stream: TextIO) -> str:
        """Return the text with ASCII stand-ins where the screen shows no more, so that writing never raises."""
        if text.isascii():
            return text
        if self.ascii:
            return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


def paint(text: str, tone: str) -> str:
    """Wrap a text in the ANSI codes of a tone."""
    code = _TONES.get(tone)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def quiet_broken_pipe() -> None:
    """Call on BrokenPipeError: who read us has read enough. Keeps the interpreter quiet at exit; the exit code is 0."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(null, stream.fileno())
        except (OSError, ValueError):
            continue
    os.close(null)


def _isatty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()

"""A whole screen that is redrawn in place, with keys read meanwhile; the terminal is as it was afterwards.

Only rows that have changed are written, so nothing flickers and a slow line keeps up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from omniops.runner.person import PauseAsked
from omniops.terminal.keys import EOF, PAUSE, REDRAW, SUSPEND, LineEditor
from omniops.terminal.layout import cells, cut
from omniops.terminal.streams import DEFAULT_WIDTH, Streams
from omniops.terminal.tty import Tty

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J", "\x1b[?7h\x1b[?25h\x1b[?1049l"
# The alternate screen keeps what was on the terminal; no cursor; a line that is too long is not folded.
_ROWS = 24

Line = tuple[str, str]
"""A line and its tone."""


class LiveScreen(Tty):
    """Opened with ``with``. ``draw`` brings the screen up to date; ``wanted`` waits for keys."""

    def __init__(self, streams: Streams) -> None:
        super().__init__(streams)
        self._drawn: list[str] = []
        self._size = (0, 0)
        self._entered = False
        self._keys = LineEditor()

    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        try:
            found = os.get_terminal_size(self.streams.stderr.fileno())
        except (OSError, ValueError):
            return DEFAULT_WIDTH, _ROWS
        return found.columns or DEFAULT_WIDTH, found.lines or _ROWS

    def draw(self, lines: Sequence[Line]) -> None:
        """Show the lines, as many and as much of each as fits. A line that is behind gets the next picture instead."""
        if not self.streams.ready():
            return
        columns, rows = size = self.size()
        pieces = []
        if size != self._size:
            pieces.append("\x1b[H\x1b[2J")
            self._drawn, self._size = [], size
        wanted = []
        for text, tone in lines[:rows]:
            shown = cut(text, columns) if cells(text) > columns else text
            wanted.append(self.streams.style(shown, tone))
        for row in range(max(len(wanted), len(self._drawn))):
            new = wanted[row] if row < len(wanted) else ""
            if row >= len(self._drawn) or self._drawn[row] != new:
                pieces.append(f"\x1b[{row + 1};1H{new}\x1b[K")
        self._drawn = wanted
        if pieces:
            self.streams.put("".join(pieces))

    def wanted(self, wait_s: float) -> bool:
        """Wait at most so long, less where a key or a new size wants a redraw. False: somebody wants to leave."""
        try:
            data = self.read(wait_s)
        except PauseAsked:  # Ctrl-C from outside, or the terminal is gone
            return False
        if data is None:
            self._keys.quiet()
        if not data:
            return True
        asked = self._keys.feed(data)  # F2 is ESC O Q, and no q
        typed, self._keys.text = self._keys.text, ""
        if asked in (PAUSE, EOF) or "q" in typed.lower():
            return False
        if asked == SUSPEND:
            self.suspend()
        if asked == REDRAW:
            self._size = (0, 0)
        return True

    def _open(self) -> None:
        super()._open()
        self._size = (0, 0)  # whatever was on it meanwhile is drawn over
        if not self._entered:
            self.streams.put(_ENTER)
            self._entered = True

    def _close(self) -> None:
        if self._entered and self.streams.ready(0.2):
            self.streams.put(_LEAVE)
            self._entered = False
        super()._close()


def watch(streams: Streams, lines: Callable[[int, int], Sequence[Line]], every_s: float, times: int = 0) -> None:
    """Redraw ``lines(columns, rows)`` again and again until q or Ctrl-C, or ``times`` times."""
    looks = 0
    with LiveScreen(streams) as screen:
        while True:
            screen.draw(lines(*screen.size()))
            looks += 1
            if looks == times or not screen.wanted(every_s):
                return

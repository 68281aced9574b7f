"""Bytes from a keyboard into one edited line. Pure: no terminal, no clock.

Understands UTF-8 in pieces, backspace, Ctrl-U, Ctrl-W, escape sequences (ignored) and bracketed paste: what is pasted
is text, and a line end in it is a space, so a paste never answers.
"""

from __future__ import annotations

import codecs

MAX_LINE = 2000

ENTER, PAUSE, EOF, SUSPEND, REDRAW, PASTED = "enter", "pause", "eof", "suspend", "redraw", "pasted"

_CONTROLS = {"\x1a": SUSPEND, "\x0c": REDRAW}
_PASTE_END = "\x1b[201~"


class LineEditor:
    """One line being typed. ``text`` is what it holds so far."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self._decode = codecs.getincrementaldecoder("utf-8")("ignore").decode
        self._escape = ""  # an escape sequence that has begun
        self._paste: str | None = None  # None: not in a paste

    def feed(self, data: bytes) -> str:
        """Take bytes as they come. Returns "" or what they ask for: ENTER, PAUSE, EOF, SUSPEND, REDRAW.

        PASTED: more than one line came at once from a terminal that does not mark pastes; nothing was answered and the
        line is empty again. What follows an answer in the same piece is dropped.
        """
        chars = self._decode(data)
        for index, char in enumerate(chars):
            asked = self._take(char)
            if asked == ENTER and chars[index + 1 :].strip("\r\n"):
                self.text = ""
                return PAUSE if "\x03" in chars[index + 1 :] else PASTED
            if asked:
                return asked
        return ""

    def quiet(self) -> None:
        """No byte has come for a while: an escape on its own was the Escape key."""
        if self._paste is None:
            self._escape = ""

    def _take(self, char: str) -> str:
        if char == "\x03":  # even in a paste whose end never comes
            return PAUSE
        if self._paste is not None:
            self._pasted(char)
        elif self._escape:
            self._sequence(char)
        elif char == "\x1b":
            self._escape = char
        elif char in "\r\n":
            return ENTER
        elif char == "\x04":
            return "" if self.text else EOF
        elif char in _CONTROLS:
            return _CONTROLS[char]
        elif char in "\x7f\x08":
            self.text = self.text[:-1]
        elif char == "\x15":
            self.text = ""
        elif char == "\x17":
            kept = self.text.rstrip()
            self.text = kept[: kept.rfind(" ") + 1]
        else:
            self._insert(char)
        return ""

    def _sequence(self, char: str) -> None:
        if char == "\x1b":
            self._escape = char
            return
        self._escape += char
        kind, body = self._escape[1], self._escape[2:]
        if kind == "[":
            # A control sequence ends with a byte from @ to ~.
            if not body or not "@" <= char <= "~":
                return
            if body == "200~":
                self._paste = ""
        elif kind == "O" and not body:
            return
        self._escape = ""

    def _pasted(self, char: str) -> None:
        assert self._paste is not None
        self._paste += char
        if self._paste.endswith(_PASTE_END):
            for pasted in self._paste[: -len(_PASTE_END)].strip("\r\n"):
                self._insert(" " if pasted in "\r\n\t" else pasted)
            self._paste = None
        elif len(self._paste) > 2 * MAX_LINE:
            # What is cut off is the middle of the paste, never its end mark.
            self._paste = self._paste[:MAX_LINE] + self._paste[-len(_PASTE_END) :]

    def _insert(self, char: str) -> None:
        if char.isprintable() and len(self.text) < MAX_LINE:
            self.text += char

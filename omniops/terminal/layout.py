"""Fitting words into columns: how wide text is on a screen, cutting it, wrapping it. Pure."""

from __future__ import annotations

from omniops.text import clean, one_line, redact


def safe(value: object, limit: int = 400) -> str:
    """Return anything as one line fit for a screen: no control characters, no known secret, at most ``limit``."""
    return one_line(redact(clean(value)), limit)


def safe_lines(value: object) -> list[str]:
    """Return a text of several lines fit for a screen; tabs become four spaces."""
    return [line.rstrip() for line in str(redact(clean(value))).expandtabs(4).strip("\n").split("\n")]


def cells(text: str) -> int:
    """Count the columns that a text takes on a terminal: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def cut(text: str, width: int) -> str:
    """Return the text in at most ``width`` columns, an ellipsis at the end where something is missing."""
    if cells(text) <= width:
        return text
    return _head(text, max(width - 1, 0)) + "…" if width > 0 else ""


def parts(text: str, width: int) -> str:
    """Return as many whole parts of a line of several (`` · `` between them) as fit: the last ones, because what is due
    next stands there; else one alone; else "". Half of how late something is says nothing."""
    found = text.split(" · ")
    for first in range(len(found)):
        if cells(" · ".join(found[first:])) <= width:
            return " · ".join(found[first:])
    return next((one for one in reversed(found) if cells(one) <= width), "")


def tail(text: str, width: int) -> str:
    """Return the end of the text in at most ``width`` columns, an ellipsis in front where something is missing."""
    if cells(text) <= width:
        return text
    return "…" + _head(text[::-1], max(width - 1, 0))[::-1] if width > 0 else ""


def pad(text: str, width: int) -> str:
    """Return the text filled up with spaces to ``width`` columns."""
    return text + " " * (width - cells(text))


def wrap(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """Break one line of text at spaces into lines of at most ``width`` columns; a longer word is broken anywhere, a
    path after a slash where it has one. A command of ours that fits into a line is kept on one, so that it can be read
    and copied.

    ``indent`` starts the first line, ``hanging`` (default the same) the others.
    """
    hanging = indent if hanging is None else hanging
    lines: list[str] = []
    line, empty = indent, True
    indents = cells(indent), cells(hanging)
    for word in _kept(text.split(), width - max(indents), width - min(indents)):
        if not empty and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line, empty = hanging, True
        while cells(line) + (not empty) + cells(word) > width and cells(line) < width:
            piece = _piece(word, width - cells(line) - (not empty))
            if not piece:
                break
            lines.append(line + ("" if empty else " ") + piece)
            word, line, empty = word[len(piece) :], hanging, True
        line += word if empty else " " + word
        empty = False
    return [*lines, line] if not empty or not lines else lines


def _kept(words: list[str], room: int, most: int) -> list[str]:
    """The words, each command of ours as one of them: from ``omniops`` to the end of the clause. One with options that
    is longer than ``most`` is as many as it takes lines, broken the shell's way: half of it may be another command."""
    found: list[str] = []
    start = -1  # where a command has begun
    for word in words:
        if word.startswith("("):
            start = _joined(found, start, room, most)
        found.append(word)
        if start < 0 and word.lstrip("(`'\"") == "omniops":
            start = len(found) - 1
        elif start >= 0 and word.endswith((")", ";", ",", ".", ":", "`")):
            start = _joined(found, start, room, most)
    _joined(found, start, room, most)
    return found


def _joined(found: list[str], start: int, room: int, most: int) -> int:
    """What has been found from ``start`` on as one word, where it fits; -1, because no command is open any more."""
    typed = " ".join(found[start:]) if start >= 0 else ""
    if typed and cells(typed) <= room:
        found[start:] = [typed]
    elif " --" in typed and cells(typed) > most:
        found[start:] = [line.strip() for line in command(typed, room)]
    return -1


def _piece(word: str, room: int) -> str:
    """What of a word that is too long goes on this line: as far as a slash in it, else as much as there is room for."""
    piece = _head(word, room)
    slash = piece.rfind("/")
    return piece[: slash + 1] if slash > 0 else piece


def paragraphs(text: object, width: int, indent: str = "") -> list[str]:
    """Wrap a text line by line. A command (a line that begins with ``$ `` or two spaces) is broken the shell's way."""
    lines: list[str] = []
    for line in safe_lines(text):
        if line.startswith(("$ ", "  ")):
            lines += command(line, width, indent)
        elif line:
            lines += wrap(line, width, indent)
        else:
            lines.append("")
    return lines


def command(line: str, width: int, indent: str = "") -> list[str]:
    """Break a command at spaces outside quotes with a backslash, so that it can still be copied into a shell."""
    if cells(indent + line) <= width:
        return [indent + line]
    lead = indent + line[: len(line) - len(line.lstrip())]
    lines: list[str] = []
    current = lead
    for word in _shell_words(line.strip()):
        if current.strip() and cells(current) + 1 + cells(word) > width - 2:
            lines.append(current + " \\")
            current = lead + "  "
        current += word if not current.strip() else " " + word
    return [*lines, current]


def _shell_words(line: str) -> list[str]:
    words, word, quote = [], "", ""
    for char in line:
        if char == " " and not quote and not word.endswith("\\"):
            words.append(word)
            word = ""
            continue
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        word += char
    return [word for word in [*words, word] if word]


def _head(text: str, width: int) -> str:
    """Return as much of the text's beginning as fits; always at least one character where ``width`` is positive."""
    if text.isascii():
        return text[:width]
    taken, used = 0, 0
    for char in text:
        used += cells(char)
        if used > width and taken:
            break
        taken += 1
    return text[:taken] if width > 0 else ""

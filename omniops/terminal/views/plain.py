"""Tables and summaries as plain text: data in, lines out. Pure, width-aware, no library.

Every function takes plain dicts (the same that ``--json`` prints) and leaves out what is not in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omniops.errors import OmniopsError
from omniops.terminal.layout import cells, cut, pad, safe, wrap

Row = Mapping[str, Any]

MIN_COLUMN = 8
ERROR_LINE = 600


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> str:
    """Return an aligned table. Where columns would become too narrow to read, one block of lines for each row."""
    shown = [[safe(value if value is not None else "-", 300) for value in row] for row in rows]
    widths = [max(cells(text) for text in column) for column in zip(headers, *shown, strict=True)]
    room = width - 2 * (len(headers) - 1)
    while sum(widths) > room and max(widths) > MIN_COLUMN:
        widths[widths.index(max(widths))] -= 1
    if sum(widths) > room:
        return _records(headers, shown, width)
    lines = _row_lines(headers, widths)
    for row in shown:
        lines += _row_lines(row, widths)
    return "\n".join(lines)


def _row_lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    wrapped = [wrap(text, width) for text, width in zip(row, widths, strict=True)]
    height = max(len(lines) for lines in wrapped)
    return [
        "  ".join(
            pad(lines[n] if n < len(lines) else "", width) for lines, width in zip(wrapped, widths, strict=True)
        ).rstrip()
        for n in range(height)
    ]


def _records(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """One line for each field, a blank line between the rows."""
    name = min(max(cells(header) for header in headers), 16)
    blocks = []
    for row in rows:
        lines: list[str] = []
        for header, text in zip(headers, row, strict=True):
            lines += wrap(text, width, f"{pad(cut(header, name), name)}  ", " " * (name + 2))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def fields(pairs: Sequence[tuple[str, object]], width: int) -> str:
    """Return ``name  value`` lines; pairs whose value is None or empty are left out."""
    given = [(name, value) for name, value in pairs if value not in (None, "", [], {})]
    return _records([name for name, _ in given], [[safe(value, 600) for _, value in given]], width) if given else ""


def error_lines(exc: OmniopsError) -> list[tuple[str, str]]:
    """Return an error's one to four lines with their tones. Not wrapped, so that a command in them can be copied."""
    lines = [(f"error: {safe(exc.what, ERROR_LINE)}", "bad")]
    next = f"the same command with {exc.next}" if exc.next.startswith("--") else exc.next  # an option is no command
    for name, text, tone in (("why:  ", exc.why, ""), ("state:", exc.state, ""), ("next: ", next, "key")):
        if text:
            lines.append((f"{name} {safe(text, ERROR_LINE)}", tone))
    return lines

"""`config show` as plain text: data in, lines out."""

from __future__ import annotations

from collections.abc import Sequence

from omniops.terminal.layout import cells, cut, pad, safe
from omniops.terminal.views.plain import Row


def lines(shown: Row, rows: Sequence[Row], width: int) -> list[str]:
    """Keys of ``shown``: path, found, environment, environments; of a row: group, name, value, secret, set, origin."""
    there = "" if shown["found"] else " (not there: omniops config init)"
    others = f" (in the file: {', '.join(shown['environments'])})" if shown["environments"] else ""
    found = [f"file         {safe(shown['path'])}{there}", f"environment  {safe(shown['environment'])}{safe(others)}"]
    name = max(cells(row["name"]) for row in rows)
    group = ""
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            found += ["", group]
        found += _row(row, name, width)
    return found


def _row(row: Row, name: int, width: int) -> list[str]:
    value, origin = _value(row), _origin(row)
    line = f"  {pad(row['name'], name)}  {value}"
    if not origin:
        return [cut(line, width)]
    if cells(line) + 3 + cells(origin) <= width:
        return [f"{line}  {origin}"]
    return [cut(line, width), f"  {pad('', name)}  {origin}"]  # a path is not cut: it is there to be opened


def _value(row: Row) -> str:
    if row["secret"]:
        return f"set (secret, from {safe(row['origin'])})" if row["set"] else "-"
    return safe(row["value"]) if row["value"] else "-"


def _origin(row: Row) -> str:
    if row["secret"] or not (row["set"] or row["value"]):
        return ""
    return f"({safe(row['origin'])})"

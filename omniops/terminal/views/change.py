"""A write as it is shown before it is approved: where, before and after, what to beware of, how it is undone. Pure."""

from __future__ import annotations

from typing import Any

from omniops.runner.person import Change
from omniops.terminal.layout import cells, cut, pad, paragraphs, safe, wrap

Line = tuple[str, str]
"""A line and its tone."""

MAX_NAME = 24
FEW = 3
POST = "post"
"""The action of a change that is a message."""


def change_lines(change: Change, width: int) -> list[Line]:
    """Return the lines of a change, none wider than ``width``."""
    if change.action == POST:
        return _post(change, width)
    lines: list[Line] = [("", "")]
    head = f"{safe(change.action, 60)}  {safe(change.target, 200)}"
    lines += [(line, "head") for line in wrap(head, width, "  ")]
    # Environment and host stand in every approval: the wrong window is the commonest way to change the wrong thing.
    lines += [(line, "key") for line in _row("environment", safe(change.environment), width)]
    lines += [(line, "key") for line in _row("host", safe(change.host), width)]
    lines += _table(change.before, change.after, width)
    lines += _shown(change.shown, width)
    for warning in change.warnings:
        lines += [(line, "bad") for line in wrap(safe(warning, 600), width, "  ! ", "    ")]
    lines += [(line, "dim") for line in _row("undo", safe(change.undo, 600) or "cannot be undone", width)]
    return lines


def _post(change: Change, width: int) -> list[Line]:
    """Words as they would be posted."""
    where = f"For {safe(change.target, 100)} ({safe(change.environment, 60)}, {safe(change.host, 120)}):"
    lines = [("", ""), *((line, "key") for line in wrap(where, width, "   "))]
    lines += _shown(change.shown, width)
    for warning in change.warnings:
        lines += [(line, "bad") for line in wrap(safe(warning, 600), width, "  ! ", "    ")]
    return lines + [(line, "") for line in paragraphs(str(change.after.get("text", "")), width, "   ")]


def _shown(shown: dict[str, Any], width: int) -> list[Line]:
    """What is only for the eye: a line each, or run together where there are many, so that the question stays in
    sight."""
    if len(shown) <= FEW:
        rows = [line for name, value in shown.items() for line in _row(safe(name), _value(value), width)]
    else:
        rows = _row("now", "; ".join(f"{safe(name)} {_value(value)}" for name, value in shown.items()), width)
    return [(line, "dim") for line in rows]


def _table(before: dict[str, Any], after: dict[str, Any], width: int) -> list[Line]:
    """Before and after side by side, or one below the other where they do not fit."""
    every = [*before, *(name for name in after if name not in before)]
    rows: list[tuple[str, str, str]] = [(safe(name), *_pair(name, before, after)) for name in every]
    names = min(max([len("environment"), *(cells(name) for name, _, _ in rows)]), MAX_NAME)
    room = width - (2 + names + 2) - len(" → ")
    olds = max([cells(old) for _, old, new in rows if old != new and cells(old) + cells(new) <= room] or [0])
    lines: list[Line] = []
    for name, old, new in rows:
        start = f"  {pad(cut(name, names), names)}  "
        if old == new:
            lines += [(line, "dim") for line in wrap(f"{old} (stays)", width, start, " " * 15)]
        elif max(olds, cells(old)) + cells(new) <= room:
            lines.append((f"{start}{pad(old, olds)} → {new}", ""))
        else:
            lines += [(line, "") for line in wrap(f"before {old}", width, start, " " * 15)]
            lines += [(line, "") for line in wrap(f"after  {new}", width, " " * 15)]
    return lines


def _pair(name: str, before: dict[str, Any], after: dict[str, Any]) -> tuple[str, str]:
    """A value before and after. What differs does not look alike, whatever it takes to see it."""
    old, new = (_value(of[name]) if name in of else "(none)" for of in (before, after))
    if old != new or before.get(name) == after.get(name):
        return old, new
    return _whole(before.get(name)), _whole(after.get(name))


def _row(name: str, value: str, width: int) -> list[str]:
    start = f"  {pad(cut(name, MAX_NAME), len('environment'))}  "
    return wrap(value, width, start, " " * min(cells(start), 15))


NAMED_BY = ("model", "name", "id")
"""What an entry of a list is known by to a person, the first that it has."""


def _value(value: object) -> str:
    """A value as the wire has it: true, null, "text" without quotes, objects as JSON; of a list, its entries' names."""
    if isinstance(value, str):
        return safe(value, 600) or '""'
    if isinstance(value, list) and value:
        return safe(", ".join(_value(_name(entry)) for entry in value), 600)
    return _whole(value)


def _whole(value: object) -> str:
    import json

    return safe(json.dumps(value, ensure_ascii=False, default=str), 600)


def _name(entry: object) -> object:
    if not isinstance(entry, dict):
        return entry
    return next((entry[key] for key in NAMED_BY if isinstance(entry.get(key), str) and entry[key]), entry)

"""How an incident stands, as lines: one screen for people, and what changes as a log. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from omniops.clock import parse_iso, to_second
from omniops.incident.board import Board
from omniops.incident.due import target
from omniops.incident.obligations import Obligation
from omniops.incident.outbox import Message
from omniops.incident.view import ROLES, Mitigation
from omniops.terminal.layout import cells, command, cut, pad, safe, wrap
from omniops.terminal.views.severity import TONES
from omniops.text import duration, lateness

Line = tuple[str, str]
"""A line and its tone."""

_WHEN = 14
_LATELY = 5
"""So many of the last events begin a log."""


class Row(NamedTuple):
    """One thing: what stands before it (when, since when, its id), and the words."""

    lead: str
    words: str
    tone: str = ""

    def wrapped(self, width: int) -> list[Line]:
        """In full, below a heading."""
        indent = f"  {self.lead}"
        return [(line, self.tone) for line in wrap(self.words, width, indent, " " * cells(indent))]

    def short(self, width: int) -> list[Line]:
        """On one line, cut; a command in it that has no room there stands below it, whole."""
        line, before, typed = self.lead + self.words, *self.words.rpartition(" (omniops ")[::2]
        if cells(line) <= width or not before:
            return [(cut(line, width), self.tone)]
        typed = f"omniops {typed.removesuffix(')')}"
        indent = " " * max(min(cells(self.lead), width - cells(typed)), 2)
        below = [(cut(line, width), "key") for line in command(typed, width, indent)]
        return [(cut(self.lead + before, width), self.tone), *below]


class _Part(NamedTuple):
    name: str
    rows: list[Row]
    newest: bool = False  # what has no room is missing at the beginning, not at the end


def screen(board: Board, now: datetime, width: int, height: int) -> list[Line]:
    """At most ``height`` lines of at most ``width`` columns: what matters soonest comes first in every part."""
    head = [*_head(board, now, width), ("", "")]
    runs = [Row(pad(one.run, 7), safe(one.words, 250), "warn" if one.holder == "dead" else "") for one in board.walks]
    parts = [*_open_parts(board, now), _Part("runs", runs), _Part("last", _lately(board), newest=True)]
    shown = _fit([part for part in parts if part.rows], height - len(head) - 1, width)
    foot = [(cut("q leaves", width), "dim")]
    return [*head, *shown, *foot][:height]


def _head(board: Board, now: datetime, width: int) -> list[Line]:
    incident = board.incident
    state = incident.severity or "no severity"
    if incident.status != "open":
        state += f", {incident.status}"
    time = f"{now:%H:%M:%S}Z"
    first = cut(f"{state}  {safe(incident.id)}", width - len(time) - 2)
    lines = [(pad(first, width - len(time)) + time, TONES.get(incident.severity, "head"))]
    if incident.frozen:
        words = f"4.5 was entered at {_time(incident.frozen)} by {safe(incident.frozen_by, 40)}: nothing more is told"
        return [*lines, *((line, "warn") for line in wrap(words, width))]
    lines.append((cut(safe(incident.title), width), "head"))
    since = [f"since onset {duration(max((now - parse_iso(incident.onset)).total_seconds(), 0))}"]
    if incident.page:
        since.append(f"since the page {duration(max((now - parse_iso(incident.page_at)).total_seconds(), 0))}")
    if incident.resolved:
        since = [f"resolved at {_time(incident.resolved)} by {safe(incident.resolved_by, 40)}"]
    lines.append((cut(" · ".join(since), width), ""))
    lines.append((cut(", ".join(f"{role} {safe(incident.roles.get(role) or '-', 40)}" for role in ROLES), width), ""))
    return lines


def _fit(parts: Sequence[_Part], room: int, width: int) -> list[Line]:
    """As much of each part as there is room for: the longest one gives way first, and says how much is missing."""
    shown = [[row.short(width) for row in part.rows] for part in parts]
    while sum(map(_height, shown)) + len(parts) > room and any(len(rows) > 1 for rows in shown):
        longest = max((n for n, rows in enumerate(shown) if len(rows) > 1), key=lambda n: _height(shown[n]))
        shown[longest].pop(0 if parts[longest].newest else -1)
    lines: list[Line] = []
    for part, rows in zip(parts, shown, strict=True):
        missing = len(part.rows) - len(rows)
        word = f"{part.name} (and {missing} {'before' if part.newest else 'more'})" if missing else part.name
        lines.append((cut(word, width), "dim"))
        lines += [line for row in rows for line in row]
    return lines[: max(room, 0)]


def _height(rows: Sequence[Sequence[Line]]) -> int:
    return sum(len(lines) for lines in rows)


def standing(board: Board, now: datetime, width: int) -> list[Line]:
    """The same for `incident show`: how bad it was said to be, who has which role, and what is open, in full."""
    severities = [Row(f"{_time(one.time)}  ", f"{one.severity}: {safe(one.why, 300)}  [{safe(one.by, 40)}]")
                  for one in board.incident.severities]  # fmt: skip
    roles = [Row(pad(role, 11), safe(who, 80)) for role, who in board.incident.roles.items()]
    lines: list[Line] = []
    for part in (_Part("severity", severities), _Part("roles", roles), *_open_parts(board, now)):
        if part.rows:
            lines.append((part.name, "head"))
            lines += [line for row in part.rows for line in row.wrapped(width)]
    return [*lines, ("", "")] if lines else []


def left_lines(
    owed: Sequence[Obligation], messages: Sequence[Message], kept: Sequence[Mitigation], now: datetime, width: int
) -> list[Line]:
    """What an incident that is about to be resolved leaves, and what it still owes later."""
    rows = [owed_row(one, now) for one in owed]
    rows += [Row("not sent yet: ", f"{safe(one.about, 60)} to {safe(target(one), 120)} ({one.id})", "warn")
             for one in messages]  # fmt: skip
    rows += [row._replace(lead=f"stays: {row.lead}") for row in (force_row(one, now) for one in kept)]
    if not rows:
        return [("Nothing is left open.", "dim")]
    return [("What is left, or still to come:", "head"), *(line for row in rows for line in row.wrapped(width))]


def _open_parts(board: Board, now: datetime) -> list[_Part]:
    trouble = [Row("", f"cannot be told: {safe(board.trouble)}", "bad")] if board.trouble else []
    owed = [owed_row(one, now) for one in board.obligations if one.open]
    left = [(one, one.left_s(now)) for one in board.clocks]
    clocks = [Row(_column(lateness(left_s)), safe(one.name, 200), _tone(left_s)) for one, left_s in left]
    force = [force_row(one, now) for one in board.mitigations]
    return [_Part("owed", trouble + owed), _Part("clocks", clocks), _Part("in force", force)]


def _lately(board: Board) -> list[Row]:
    return [Row(f"{parse_iso(one.time):%H:%M:%S}  ", f"{safe(one.words, 300)}  [{safe(one.actor, 40)}]", one.tone)
            for one in board.story]  # fmt: skip


def owed_row(one: Obligation, now: datetime) -> Row:
    """One obligation: how long there is still time, what, and what to type."""
    next = f" ({one.next})" if one.next else ""
    return Row(_column(one.when(now)), safe(one.words, 200) + next, _tone(-one.late_s(now)))


def force_row(one: Mitigation, now: datetime) -> Row:
    """One mitigation, and what puts it back."""
    lasting = duration(max((now - parse_iso(one.since)).total_seconds(), 0))
    undo = f" ({one.undo})" if one.undo and one.state != "kept" else ""
    words = f"{one.state} for {lasting}: {safe(one.action, 60)} {safe(one.target, 120)}{undo}"
    return Row(f"{one.id}  ", words, "" if one.state == "kept" else "warn")


def _column(words: str) -> str:
    return pad(words, max(_WHEN, cells(words) + 2))


def _tone(left_s: float) -> str:
    return "bad" if left_s <= 0 else "warn" if left_s <= 300 else ""


def _time(moment: str) -> str:
    return to_second(parse_iso(moment))


Facts = dict[str, Line]
"""What is so, without anything that ticks: a key, and how it is said."""


def facts(board: Board, now: datetime) -> Facts:
    """Everything on the board that can change, told with moments instead of running clocks."""
    incident = board.incident
    found: Facts = {"status": (f"{safe(incident.id)} is {incident.status}", "head")}
    if incident.frozen:
        words = f"4.5 was entered at {_time(incident.frozen)} by {safe(incident.frozen_by, 40)}: nothing more is told"
        found["frozen"] = (words, "warn")
    else:
        found["severity"] = (f"severity: {incident.severity or 'none yet'}", TONES.get(incident.severity, ""))
        for role in ROLES:
            found[f"role {role}"] = (f"{role}: {safe(incident.roles.get(role) or 'nobody', 40)}", "")
    if board.trouble:
        found["trouble"] = (f"what is owed cannot be told: {safe(board.trouble)}", "bad")
    for one in board.obligations:
        late = one.overdue(now)
        state = "done" if one.done_at else "LATE, was due" if late else "due"
        words = f"owed: {safe(one.words, 200)}: {state} at {_time(one.done_at or one.at)}"
        found[f"owed {one.id} {one.at}"] = (words, "bad" if late else "good" if one.done_at else "")
    for clock in board.clocks:
        over = clock.left_s(now) <= 0
        words = f"clock: {safe(clock.name, 200)}: {'ran out' if over else 'runs out'} at {_time(clock.at)}"
        found[f"clock {clock.name} {clock.at}"] = (words, "bad" if over else "")
    for mitigation in board.mitigations:
        words = f"{mitigation.id} {safe(mitigation.action, 60)} {safe(mitigation.target, 120)}: {mitigation.state}"
        found[f"force {mitigation.id}"] = (words, "warn")
    for number, row in enumerate(_lately(board)):
        found[f"event {number}"] = (row.lead + row.words, row.tone)
    return found


def changes(before: Facts, now: Facts) -> list[Line]:
    """What is new or different, in order, and what is gone. The first time, of the story only the last few lines, and
    nothing of what was owed and is done."""
    skip: set[str] = set()
    if not before:
        skip = set([key for key in now if key.startswith("event ")][:-_LATELY])
        skip |= {key for key, (_, tone) in now.items() if key.startswith("owed ") and tone == "good"}
    lines = [line for key, line in now.items() if key not in skip and before.get(key) != line]
    for key, (text, _) in before.items():
        if key not in now and key.startswith(("force ", "clock ")):
            lines.append((f"over: {text}", "dim"))
    return lines

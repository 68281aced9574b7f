"""The written handoff of section 6: what it covers, whether it was acknowledged, and what is due about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from omniops.clock import on_wall, parse_iso
from omniops.incident.due import NOW, Due
from omniops.incident.obligations import Obligation
from omniops.incident.rota import WEEK, Role, Window
from omniops.incident.view import Incident, Mitigation
from omniops.journal.events import Event
from omniops.text import duration, one_line

ITEMS = ("SEV-3", "SEV-4")
MOST = 25
"""Lines of one part; the rest is counted."""
MOST_PARTS = 5
"""Messages that one handoff is posted in: more is read by nobody."""


class Handoff(NamedTuple):
    """One handoff that was written, and its acknowledgement. ``turn``: the day of the turn; ``at``: its moment."""

    role: str
    turn: str
    at: str
    outgoing: str
    incoming: str
    message: str
    text: str
    written: str
    by: str
    acknowledged: str = ""
    acknowledged_by: str = ""

    @property
    def name(self) -> str:
        """As a clause: whose handoff it is."""
        who = f", {self.outgoing} to {self.incoming}" if self.outgoing and self.incoming else ""
        return f"the {self.role} handoff of {self.turn}{who}"

    def as_json(self) -> dict[str, Any]:
        return {name: value or None for name, value in self._asdict().items()}


class Contents(NamedTuple):
    """What a handoff covers. ``frozen``: incidents on the security path, which are counted and never named."""

    incidents: Sequence[Incident]
    windows: Sequence[Window]
    mitigations: Sequence[Mitigation]
    obligations: Sequence[Obligation]
    frozen: int = 0


def handoffs(events: Iterable[Event]) -> list[Handoff]:
    """The handoffs of the stream ``oncall``, oldest first. Of one turn the last counts: it is written again where the
    first was given up, or only shown. ``message`` is "" where somebody has pasted it."""
    found: dict[tuple[str, str], Handoff] = {}
    for event in events:
        if event.kind not in ("oncall.handoff", "oncall.handoff.acknowledged"):
            continue
        data = event.data
        key = (data["role"], data["turn"])
        if event.kind == "oncall.handoff":
            told = {name: data[name] for name in ("role", "turn", "at", "outgoing", "incoming", "message", "text")}
            before = found.get(key)
            taken = (before.acknowledged, before.acknowledged_by) if before else ("", "")
            found[key] = Handoff(**told, written=event.time, by=event.actor)._replace(
                acknowledged=taken[0], acknowledged_by=taken[1]
            )
        elif event.kind == "oncall.handoff.acknowledged" and key in found and not found[key].acknowledged:
            found[key] = found[key]._replace(acknowledged=event.time, acknowledged_by=data["who"])
    return list(found.values())


def acknowledged(events: Iterable[Event], role: str, turn: str) -> str:
    """Who has acknowledged the handoff of a turn, "" for nobody; also where it was written in another journal."""
    for event in events:
        if event.kind == "oncall.handoff.acknowledged" and (event.data["role"], event.data["turn"]) == (role, turn):
            return str(event.data["who"])
    return ""


def unacknowledged(found: Iterable[Handoff], now: datetime) -> list[Handoff]:
    """Each role's newest handoff, if its turn has begun and nobody has acknowledged it."""
    newest = {one.role: one for one in sorted(found, key=lambda one: one.turn)}
    return [one for one in newest.values() if not one.acknowledged and parse_iso(one.at) <= now]


def due(events: Sequence[Event], now: datetime) -> list[Due]:
    """What is due about being on call: a handoff that nobody took, a change at PagerDuty whose end nobody saw."""
    found = []
    for one in unacknowledged(handoffs(events), now):
        late = duration(max(now - parse_iso(one.at), timedelta(0)))
        words = one_line(f"{one.name} is not acknowledged, {late} after the turn", 300)
        found.append(Due("handoff", "", words, NOW, one.at, f"omniops oncall handoff --ack --role {one.role}"))
    for event in unfinished(events).values():
        role = event.data["role"]
        words = f"nobody saw how the change of {role}'s PagerDuty schedule ended"
        found.append(Due("sync", "", words, NOW, event.time, f"omniops oncall sync --role {role}"))
    return found


def unfinished(events: Iterable[Event]) -> dict[str, Event]:
    """Role -> the change of its PagerDuty schedule that was begun, and of which no end is written down."""
    found: dict[str, Event] = {}
    for event in events:
        if event.kind == "oncall.sync.begun":
            found[event.data["role"]] = event
        elif event.kind == "oncall.synced":
            found.pop(event.data["role"], None)
    return found


def draft(
    role: Role, turn: datetime, outgoing: str, incoming: str, contents: Contents, tz: tzinfo, now: datetime
) -> str:
    """The handoff as the outgoing on-call may post it. ``turn``: the moment at which the incoming one begins."""
    who = f": {outgoing or 'nobody is named'} to {incoming or 'nobody is named'}"
    lines = [f"Handoff, {role.role}{who}, {on_wall(turn, tz)}"]
    items = [one for one in contents.incidents if one.severity in ITEMS]
    others = [one for one in contents.incidents if one.severity not in ITEMS]
    windows = [one for one in contents.windows if one.end > now and one.start < turn + WEEK]
    lines += _part("Open SEV-3/4 items", [_incident(one, tz) for one in items])
    lines += _part(
        "Scheduled maintenance windows",
        [f"{on_wall(one.start, tz)} to {on_wall(one.end, tz)}: {one.what}" for one in windows],
    )
    lines += _part("In-flight mitigations", [_mitigation(one, tz) for one in contents.mitigations])
    lines += _part("Obligations due", [_obligation(one, tz) for one in contents.obligations])
    if others:
        lines += _part("Other open incidents", [_incident(one, tz) for one in others])
    return "\n".join(lines)


def parts(text: str, most: int) -> list[str]:
    """A handoff as the messages of at most ``most`` characters that it is posted in: parted at empty lines where one is
    near, else between lines, else between words; each says which one it is."""
    if len(text) <= most:
        return [text]
    found, rest, room = list[str](), text.strip(), most - len("(9 of 9)\n")
    while len(rest) > room:
        cuts = [(rest.rfind(mark, 0, room + 1), least) for mark, least in (("\n\n", room // 2), ("\n", 1), (" ", 1))]
        at = next((place for place, least in cuts if place >= least), room)
        found.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    found += [rest] if rest else []
    return [f"({n} of {len(found)})\n{one}" for n, one in enumerate(found, 1)]


def _part(title: str, rows: Sequence[str]) -> list[str]:
    shown = [f"- {one_line(row, 240)}" for row in rows[:MOST]] or ["- none"]
    more = [f"- and {len(rows) - MOST} more"] if len(rows) > MOST else []
    return ["", f"{title}:", *shown, *more]


def _incident(one: Incident, tz: tzinfo) -> str:
    return f"{one.severity or 'not graded'}: {one.title} ({one.id}, open since {on_wall(parse_iso(one.opened), tz)})"


def _mitigation(one: Mitigation, tz: tzinfo) -> str:
    kept = f", kept: {one.reason}" if one.state == "kept" and one.reason else ""
    return f"{one.id} {one.action} {one.target}: {one.state} since {on_wall(parse_iso(one.since), tz)}{kept}"


def _obligation(one: Obligation, tz: tzinfo) -> str:
    return f"{on_wall(parse_iso(one.at), tz)}: {one.words} ({one.incident}; {one.owner})"

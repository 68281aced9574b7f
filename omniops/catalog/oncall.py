"""oncall.yaml, read strictly into section 6's roles, who takes turns in them, and when; this module reads files."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from omniops.incident.rota import Ambiguous, Member, Role, Rota, Window, moment
from omniops.text import clean

if TYPE_CHECKING:
    from omniops.catalog.node import Node

ROLES = ("engineering", "security", "data", "comms")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TURNS = ("weekly", "never")
MOST_MEMBERS = 60
LONGEST_NAME = 60
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_CHANNEL = re.compile(r"#[a-z0-9_-]{1,80}")
_ID = re.compile(r"[A-Z0-9]{4,40}")
_NEVER = datetime.min.replace(tzinfo=UTC)


def rota_for(folder: Path | None) -> Rota:
    """What is in force: that of a user's folder, else the shipped one. Raises BadInput."""
    return load(path_for(folder))


def path_for(folder: Path | None) -> Path:
    """Where it is read from."""
    from omniops.catalog.load import shipped_folder

    path = folder / "oncall.yaml" if folder else None
    return path if path and path.exists() else shipped_folder() / "oncall.yaml"


def load(path: Path) -> Rota:
    """Read an oncall.yaml. Raises BadInput with file, line and column."""
    from omniops.catalog.node import open_yaml

    required = ("format", "zone", "turn", "first_turn", "handoff", "priorities", "roles", "maintenance")
    top = open_yaml(path).fields(required)
    top["format"].exactly_1()
    tz = _zone(top["zone"])
    turn = top["turn"].fields(("day", "at"))
    day = DAYS.index(turn["day"].one_of(DAYS))
    first = _date(top["first_turn"])
    if first.weekday() != day:
        top["first_turn"].fail(f"{first} is no {DAYS[day]}", "give the day of a turn")
    roles = [_role(node) for node in top["roles"].items()]
    top["roles"].unique([one.id for one in roles], "role")
    if {one.id for one in roles} != set(ROLES):
        top["roles"].fail(f"the roles are not {', '.join(ROLES)}", "list all four")
    schedules = [one.schedule for one in roles if one.schedule]
    top["roles"].unique(schedules, "schedule")
    return Rota(
        tz=tz,
        zone=tz.key,
        day=day,
        at=_time(turn["at"]),
        first=first,
        channel=_channel(top["handoff"].fields(("channel",))["channel"]),
        priorities={name: _name(node) for name, node in top["priorities"].fields(("P0", "P1")).items()},
        roles=tuple(roles),
        maintenance=tuple(_window(node, tz) for node in top["maintenance"].items()),
    )


def _role(node: Node) -> Role:
    required = ("id", "role", "primary", "rotation", "turns", "members")
    top = node.fields(required, ("secondary", "schedule"))
    members = tuple(_member(one) for one in top["members"].items())
    top["members"].unique([one.name for one in members], "member")
    top["members"].unique([one.pagerduty for one in members if one.pagerduty], "PagerDuty user")
    if len(members) > MOST_MEMBERS:
        top["members"].fail(f"more than {MOST_MEMBERS} members", "who takes turns once a year takes none")
    return Role(
        id=top["id"].one_of(ROLES),
        role=_name(top["role"]),
        primary=_name(top["primary"]),
        secondary=_name(top["secondary"]) if "secondary" in top else "",
        rotation=_name(top["rotation"]),
        weekly=top["turns"].one_of(TURNS) == "weekly",
        members=members,
        schedule=_id(top["schedule"]) if "schedule" in top else "",
    )


def _member(node: Node) -> Member:
    if isinstance(node.value, dict):
        top = node.fields(("name",), ("pagerduty",))
        return Member(_name(top["name"]), _id(top["pagerduty"]) if "pagerduty" in top else "")
    return Member(_name(node))


def _name(node: Node) -> str:
    """A name that can be shown anywhere: one line, nothing that moves a cursor, not too long."""
    text = node.text()
    if text != clean(text).strip() or "\n" in text or "\t" in text or len(text) > LONGEST_NAME:
        node.fail(f"a name of one line, of at most {LONGEST_NAME} characters, is wanted here", "shorten or clean it")
    return text


def _id(node: Node) -> str:
    text = node.text()
    if not _ID.fullmatch(text):
        node.fail("an id of PagerDuty is wanted here", "capital letters and digits, such as PUSER01")
    return text


def _channel(node: Node) -> str:
    text = node.text()
    if not _CHANNEL.fullmatch(text):
        node.fail("a channel begins with #", 'such as "#omniroute-ops-handoff", in quotes')
    return text


def _window(node: Node, tz: ZoneInfo) -> Window:
    top = node.fields(("what", "from", "to"))
    start, end = _moment(top["from"], tz), _moment(top["to"], tz)
    if end <= start:
        top["to"].fail("it ends before it begins", "exchange `from` and `to`")
    return Window(_name(top["what"]), start, end)


def _moment(node: Node, tz: ZoneInfo) -> datetime:
    text = node.text()
    try:
        return moment(text if text.strip() != "now" else "", tz, _NEVER)
    except Ambiguous as error:
        node.fail(str(error), 'write it with its offset: "2026-11-01T01:30-07:00"')
    except ValueError:
        node.fail("a day and a time are wanted here", 'write it in quotes: "2026-12-01T22:00"')


def _date(node: Node) -> date:
    text = node.text()
    try:
        return date.fromisoformat(text)
    except ValueError:
        node.fail("a day is wanted here", 'write it in quotes: "2026-11-30"')


def _time(node: Node) -> time:
    text = node.text()
    if not _TIME.fullmatch(text):
        node.fail("a time of day is wanted here", 'such as "09:00", in quotes')
    return time.fromisoformat(text)


def _zone(node: Node) -> ZoneInfo:
    text = node.text()
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        node.fail("this machine knows no such time zone", "such as America/Los_Angeles")

"""communication.yaml, read strictly into section 5's audiences, obligations and templates; this module reads files."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.incident.communication import (
    LEVELS,
    PUBLIC,
    REFERENCE,
    STATUSES,
    UPSTREAM,
    Audience,
    Communication,
    Impact,
    Mail,
    Rule,
)
from omniops.incident.ladder import SEVERITIES

if TYPE_CHECKING:
    from omniops.catalog.node import Node

AUDIENCES = ("engineering", "status-page", "customers", "upstream", "postmortem")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KEYS: dict[str, tuple[str, ...]] = {
    "channel": ("audience",),
    "status": ("audience", "severities", "every"),
    "banner": ("audience", "runbook", "after"),
    "mail.start": ("audience", "severities"),
    "mail.resolution": ("audience", "severities"),
    "upstream": ("audience", "severities"),
    "resolve_by": ("owner",),
    "ops.standup": ("owner", "severities", "channel"),
    "review.weekly": ("owner", "severities", "channel"),
    "postmortem": ("audience", "severities", "business_days"),
}
"""What each obligation says of itself; one with an audience has that one's owner."""
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_CHANNEL = re.compile(r"#[a-z0-9_-]{1,80}")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
MOST_DAYS = 60


def communication_for(folder: Path | None) -> Communication:
    """What is in force: that of a user's folder, else the shipped one. Raises BadInput."""
    from omniops.catalog.load import shipped_folder

    path = folder / "communication.yaml" if folder else None
    return load(path if path and path.exists() else shipped_folder() / "communication.yaml")


def load(path: Path) -> Communication:
    """Read a communication.yaml. Raises BadInput with file, line and column."""
    from omniops.catalog.node import open_yaml

    required = ("format", "zone", "holidays", "standup", "weekly_review", "audiences", "obligations", "service")
    top = open_yaml(path).fields((*required, "impact", "status", "mail", "upstream"))
    top["format"].exactly_1()
    audiences = tuple(_audience(node) for node in top["audiences"].items())
    top["audiences"].unique([one.id for one in audiences], "audience")
    if {one.id for one in audiences} != set(AUDIENCES):
        top["audiences"].fail(f"the audiences are not {', '.join(AUDIENCES)}", "list all five")
    _address(next(node for node in top["audiences"].items() if node.value["id"] == "customers").mapping()["channel"])
    owners = {one.id: one.owner for one in audiences}
    known = top["obligations"].fields((), tuple(_KEYS))
    standup = top["standup"].fields(("at",))
    review = top["weekly_review"].fields(("day", "at"))
    upstream = top["upstream"].fields(("contacts", "subject", "text"))
    status = top["status"].fields(("title", *STATUSES, "banner"))
    mail = top["mail"].fields(("start", "resolution"))
    return Communication(
        zone=_zone(top["zone"]),
        holidays=tuple(_date(node) for node in top["holidays"].items()),
        standup=_time(standup["at"]),
        review_day=DAYS.index(review["day"].one_of(DAYS)),
        review=_time(review["at"]),
        audiences=audiences,
        rules=tuple(_rule(id, node, owners) for id, node in known.items()),
        service=top["service"].text(),
        impact={severity: _impact(node) for severity, node in top["impact"].fields(SEVERITIES).items()},
        title=_template(status["title"], PUBLIC, line=True),
        status={name: _template(status[name], PUBLIC) for name in (*STATUSES, "banner")},
        mail={kind: _mail(node.fields(("subject", "text")), PUBLIC) for kind, node in mail.items()},
        upstream=_mail({key: upstream[key] for key in ("subject", "text")}, UPSTREAM),
        contacts={name: _address(node) for name, node in upstream["contacts"].mapping().items()},
    )


def _audience(node: Node) -> Audience:
    top = node.fields(("id", "audience", "channel", "cadence", "owner"))
    words = {key: top[key].text() for key in ("audience", "channel", "cadence", "owner")}
    return Audience(top["id"].one_of(AUDIENCES), **words)


def _rule(id: str, node: Node, owners: dict[str, str]) -> Rule:
    top = node.fields(_KEYS[id])
    audience = top["audience"].one_of(AUDIENCES) if "audience" in top else ""
    severities = tuple(one.one_of(SEVERITIES) for one in top["severities"].items()) if "severities" in top else ()
    if "severities" in top and not severities:
        top["severities"].fail("no severity is listed", "name one, or take the whole obligation out")
    days = 0
    if "business_days" in top:
        days = int(top["business_days"].number())
        if days != top["business_days"].value or not 1 <= days <= MOST_DAYS:
            top["business_days"].fail(f"a whole number from 1 to {MOST_DAYS} is wanted here", "business_days: 5")
    return Rule(
        id=id,
        owner=owners[audience] if audience else top["owner"].text(),
        audience=audience,
        severities=severities,
        every_s=top["every"].duration() if "every" in top else 0.0,
        after_s=top["after"].duration() if "after" in top else 0.0,
        runbook=top["runbook"].text() if "runbook" in top else "",
        business_days=days,
        channel=_shaped(top["channel"], _CHANNEL, "a channel begins with #", '"#omniroute-ops", in quotes')
        if "channel" in top
        else "",
    )


def _impact(node: Node) -> Impact:
    top = node.fields(("level", "words"))
    return Impact(top["level"].one_of(LEVELS), top["words"].text())


def _mail(top: dict[str, Node], fields: tuple[str, ...]) -> Mail:
    return Mail(_template(top["subject"], fields, line=True), _template(top["text"], fields))


def _template(node: Node, fields: tuple[str, ...], *, line: bool = False) -> str:
    """A text whose references are all among ``fields``; ``line``: on one line, without the words of a person."""
    text = node.text()
    for name in REFERENCE.findall(text):
        if name not in fields:
            node.fail(f"${{{name}}} may not stand in it", f"one of {', '.join(fields)}")
        if line and name == "details":
            node.fail("${details} belongs into the text", "take it out")
    if "${" in REFERENCE.sub("", text):
        node.fail("a ${ without its }", "write ${service}, or leave it out")
    if line and "\n" in text.strip():
        node.fail("one line is wanted here", "write it on one line")
    return text


def _date(node: Node) -> date:
    text = node.text()
    try:
        return date.fromisoformat(text)
    except ValueError:
        node.fail("a day is wanted here", 'write it in quotes: "2026-11-26"')


def _time(node: Node) -> time:
    hour, minute = _shaped(node, _TIME, "a time of day is wanted here", '"09:00", in quotes').split(":")
    return time(int(hour), int(minute))


def _zone(node: Node) -> str:
    from zoneinfo import ZoneInfo

    text = node.text()
    try:
        ZoneInfo(text)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        node.fail("it is no time zone", "such as America/Los_Angeles")
    except KeyError:
        node.fail("this machine knows no such time zone", "such as America/Los_Angeles")
    return text


def _address(node: Node) -> str:
    return _shaped(node, _ADDRESS, "an e-mail address is wanted here", "announce@example.net")


def _shaped(node: Node, shape: re.Pattern[str], problem: str, mend: str) -> str:
    text = node.text()
    if not shape.fullmatch(text):
        node.fail(problem, f"such as {mend}")
    return text

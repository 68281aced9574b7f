"""A page found from an Alertmanager's group: from the payload of its webhook, or from its API.

PagerDuty knows a group by the SHA-256 of Alertmanager's group key. A webhook tells that key; the API does not, so it is
put together from the route, as it is configured, and the labels that the group is grouped by.
"""

from __future__ import annotations

from omniops.clock import iso
from omniops.errors import BadInput, NeedsPerson
from omniops.incident.page import Page
from omniops.runner.desk import Desk
from omniops.runner.person import Option
from omniops.services.alertmanager import Group, dedup_key, group_key, parse_webhook
from omniops.text import one_line


def from_webhook(payload: bytes, name: str) -> Page:
    """The page of a webhook's payload; ``name``: where it came from. Raises BadInput."""
    group = parse_webhook(payload, name)
    return as_page(group, group.key)


def from_api(desk: Desk, route: str) -> Page:
    """The page of the one group that fires at ALERTMANAGER_URL, or of the one that is chosen. ``route``: the path of
    its route, ``{}`` for the root. Raises BadInput (nothing fires), NeedsPerson, Unreachable."""
    groups = [group for group in desk.clients.alertmanager.groups() if group.alerts]
    if not groups:
        raise BadInput(
            "no alert is active at Alertmanager",
            why="those that are silenced or inhibited do not count",
            state="nothing was acknowledged",
            next="omniops page ack",
        )
    return as_page(found := _one(desk, groups), group_key(found.labels, route))


def _one(desk: Desk, groups: list[Group]) -> Group:
    if len(groups) == 1:
        return groups[0]
    named = {str(number): group for number, group in enumerate(groups, 1)}
    options = [Option(key, _name(group), f"to {group.receiver}") for key, group in named.items()]
    try:
        chosen = desk.person.choose("group", "Which group of alerts?", options, None)
    except NeedsPerson:
        chosen = None
    if not chosen:
        raise NeedsPerson(
            f"{len(groups)} groups of alerts are active",
            why="; ".join(_name(group) for group in groups),
            state="nothing was acknowledged",
            next="omniops page ack",
        )
    return named[chosen]


def _name(group: Group) -> str:
    labels = ", ".join(f"{key}={value}" for key, value in group.labels.items())
    return one_line(labels or group.alerts[0].name or "(no labels)", 120)


def as_page(group: Group, key: str) -> Page:
    """A group as a page; its id is the beginning of its key until PagerDuty says a better one."""
    firing = [one for one in group.alerts if one.state in ("firing", "active")] or group.alerts
    labels = dict(group.labels)
    for name, value in firing[0].labels.items():
        if all(one.labels.get(name) == value for one in firing):
            labels.setdefault(name, value)
    starts = [one.starts_at for one in firing if one.starts_at is not None]
    notes = firing[0].annotations
    hashed = dedup_key(key)
    link = notes.get("runbook_url", "")
    return Page(
        id=hashed[:12],
        source="alertmanager",
        title=labels.get("alertname") or notes.get("summary") or "alert",
        service=labels.get("service", ""),
        urgency=labels.get("severity", ""),
        status="resolved" if group.status == "resolved" else "triggered",
        at=iso(min(starts)) if starts else "",
        key=hashed,
        alert=labels,
        runbook_url=link if link.startswith(("https://", "http://")) else "",
    )

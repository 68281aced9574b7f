"""``page.state`` and ``page.firing``: what is known of the page that woke somebody (section 3, 0:00 and 0:15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omniops.clock import iso, parse_iso
from omniops.errors import NeedsPerson, OmniopsError, Unreachable
from omniops.runner.known import incident_of
from omniops.text import duration, one_line

if TYPE_CHECKING:
    from omniops.runner.walk import Walk
    from omniops.services.pagerduty_parse import PagerIncident


def state(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """Say whose page it is. Raises NeedsPerson for one that nobody has acknowledged."""
    incident = incident_of(walk.journal, walk.state.started["incident"])
    page = incident.page
    if page is None:
        by = walk.ctx.settings.operator
        return _known(incident.title, incident.onset, by, "no page: the incident was opened by hand")
    seen = _asked(walk, page)
    alert = one_line(page.get("title") or incident.title, 200)
    if seen is not None and seen.status == "triggered":
        raise _unacknowledged(page)
    if seen is not None and seen.status == "acknowledged":
        left = f", un-acknowledges itself in {_left(walk, seen)}" if seen.unack_at else ""
        by = one_line(seen.holder, 80) or "somebody"
        return _known(alert, incident.page_at, by, f"acknowledged by {by}{left}")
    if seen is not None:
        return _known(alert, incident.page_at, walk.ctx.settings.operator, f"{seen.status} already")
    acked = incident.acknowledged
    if acked is None and page.get("source") != "opened":
        raise _unacknowledged(page)
    by = one_line((acked or {}).get("by") or walk.ctx.settings.operator, 80)
    sure = "" if acked is None or acked.get("confirmed") else " (sent, unconfirmed)"
    return _known(alert, incident.page_at, by, f"acknowledged by {by}{sure}" if acked else "opened by hand")


def firing(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """Does the page still fire? PagerDuty is asked, then Alertmanager. Raises Unreachable where neither can say."""
    incident = incident_of(walk.journal, walk.state.started["incident"])
    page = incident.page
    if page is None or page.get("source") == "opened":
        return {"firing": False, "summary": "no pager fires for this incident: it was opened by hand"}
    seen = _asked(walk, page)
    if seen is not None:
        word = "has resolved" if seen.status == "resolved" else f"still fires ({seen.status})"
        return {"firing": seen.status != "resolved", "summary": f"the page {word}"}
    alerts = _alerts(walk, page)
    if alerts is None:
        raise Unreachable(
            "whether the page still fires cannot be told",
            why="neither PagerDuty nor Alertmanager answers",
            state="the incident is open",
            next="look at PagerDuty yourself",
        )
    return {"firing": bool(alerts), "summary": f"Alertmanager has {alerts} active alert{'s'[: alerts != 1]} of it"}


def _asked(walk: Walk, page: dict[str, Any]) -> PagerIncident | None:
    """The page as PagerDuty has it; None where it cannot be asked."""
    pager = walk.ctx.clients.pager
    if page.get("source") not in ("pagerduty", "alertmanager") or not pager.configured:
        return None
    try:
        pager.budget()
        if page["source"] == "pagerduty":
            return pager.get(str(page["id"]))
        return pager.by_key(str(page.get("key") or "")) if page.get("key") else None
    except OmniopsError as error:
        walk.person.say(f"{error.what}", "dim")
        return None


def _alerts(walk: Walk, page: dict[str, Any]) -> int | None:
    """How many of Alertmanager's active alerts carry the page's labels; None where it cannot be asked."""
    labels = page.get("alert") or {}
    if not walk.ctx.settings.get("ALERTMANAGER_URL") or not labels.get("alertname"):
        return None
    try:
        active = walk.ctx.clients.alertmanager.alerts()
    except OmniopsError as error:
        walk.person.say(f"{error.what}", "dim")
        return None
    return sum(all(one.labels.get(name) == value for name, value in labels.items()) for one in active)


def _known(alert: str, at: str, by: str, summary: str) -> dict[str, Any]:
    return {"alert": alert, "at": iso(parse_iso(at)), "by": by, "summary": summary}


def _unacknowledged(page: dict[str, Any]) -> NeedsPerson:
    return NeedsPerson(
        "nobody has acknowledged the page",
        why="its escalation timer is running",
        state="nothing was written",
        next=f"omniops page ack {one_line(page.get('id', ''), 40)}",
    )


def _left(walk: Walk, seen: PagerIncident) -> str:
    assert seen.unack_at is not None
    return duration(max((seen.unack_at - walk.now()).total_seconds(), 0.0))

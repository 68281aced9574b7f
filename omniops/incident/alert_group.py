"""An Alertmanager's group, as its webhook tells it, as a page: its key is PagerDuty's key for it. Pure."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from omniops.clock import iso, parse_iso
from omniops.errors import BadInput
from omniops.incident.page import Page
from omniops.text import one_line

MAX_BYTES = 4 * 1024 * 1024


def dedup_key(group_key: str) -> str:
    """What Alertmanager sends to PagerDuty as the dedup key of a group."""
    return sha256(group_key.encode()).hexdigest()


def from_webhook(payload: bytes, name: str) -> Page:
    """Read a webhook payload (version 4). ``name`` is where it came from, for the error. Raises BadInput."""
    try:
        value = json.loads(payload) if len(payload) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        value = None
    group = value.get("groupKey") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(group, str) or not group:
        raise BadInput(
            f"{name} is no webhook payload of Alertmanager",
            why="it is a JSON object with a groupKey and a list of alerts",
            state="nothing was acknowledged",
            next="omniops page ack ID",
        )
    alerts = [one for one in _list(value.get("alerts")) if isinstance(one, dict)]
    firing = [one for one in alerts if one.get("status") == "firing"] or alerts
    first = firing[0] if firing else {}
    labels = _words(value.get("commonLabels")) or _words(first.get("labels"))
    notes = _words(value.get("commonAnnotations")) or _words(first.get("annotations"))
    starts = sorted(moment for one in firing if (moment := _moment(one.get("startsAt"))))
    key = dedup_key(group)
    return Page(
        id=key[:12],
        source="alertmanager",
        title=labels.get("alertname") or notes.get("summary") or "alert",
        service=labels.get("service", ""),
        urgency=labels.get("severity", ""),
        status="resolved" if value.get("status") == "resolved" else "triggered",
        at=starts[0] if starts else "",
        url=_link(value.get("externalURL")),
        key=key,
        alert=labels,
        runbook_url=_link(notes.get("runbook_url")),
    )


def _words(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {one_line(key, 80): one_line(item, 400) for key, item in value.items() if isinstance(item, str)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(value: Any) -> str:
    try:
        return iso(parse_iso(value)) if isinstance(value, str) else ""
    except ValueError:
        return ""


def _link(value: Any) -> str:
    return one_line(value, 500) if isinstance(value, str) and value.startswith(("https://", "http://")) else ""

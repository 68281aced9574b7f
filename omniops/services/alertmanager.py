"""Alertmanager's API v2: active alerts, their groups, and alerts that omniops posts itself (section 2).

PagerDuty's key of a notification is the SHA-256 of Alertmanager's group key, so a page is found from a group.
Raises Unreachable, Refused or BadInput (settings).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import Clock, iso, parse_iso
from omniops.config import Settings
from omniops.errors import BadInput, Refused, Unreachable
from omniops.services.http import Http, NoAnswer, Reply, said

TIMEOUT_S = 10.0
MAX_WEBHOOK = 4 * 1024 * 1024
_NEVER = "0001-01-01T00:00:00Z"


class Alert(NamedTuple):
    """One alert. ``ends_at``: None while it fires without an end; ``state``: active, suppressed or unprocessed."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime | None
    ends_at: datetime | None
    state: str
    fingerprint: str = ""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")


class Group(NamedTuple):
    """Alerts that are notified together. ``key`` is "" where Alertmanager does not say it (its API never does)."""

    receiver: str
    labels: dict[str, str]
    alerts: list[Alert]
    key: str = ""
    status: str = ""  # of a webhook: firing or resolved


class Posted(NamedTuple):
    """An alert to post. ``ends_at``: when it is over, unless it is posted again before."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None = None


class Alertmanager:
    """The server at ALERTMANAGER_URL."""

    def __init__(self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        url = settings.service_url("ALERTMANAGER_URL")
        if not url:
            raise BadInput(
                "ALERTMANAGER_URL is not set",
                why="omniops does not know which Alertmanager to ask",
                state="nothing was attempted",
                next="export ALERTMANAGER_URL=https://your-alertmanager",
            )
        self.url = url
        self._http = Http(url, settings.env, clock, guard, TIMEOUT_S)

    def alerts(self, matchers: Sequence[str] = ()) -> list[Alert]:
        """The alerts that fire and are neither silenced nor inhibited. ``matchers``: ``alertname="X"``, all of them."""
        from urllib.parse import urlencode

        query = [("active", "true"), ("silenced", "false"), ("inhibited", "false")]
        query += [("filter", matcher) for matcher in matchers]
        found = self._json("GET", f"/api/v2/alerts?{urlencode(query)}")
        return [alert for alert in map(_alert, _list(found)) if alert is not None]

    def groups(self) -> list[Group]:
        """The groups of active alerts, with their receivers."""
        found = []
        for row in _list(self._json("GET", "/api/v2/alerts/groups?active=true&silenced=false&inhibited=false")):
            if isinstance(row, dict):
                alerts = [alert for alert in map(_alert, _list(row.get("alerts"))) if alert is not None]
                receiver = row.get("receiver")
                name = str(receiver.get("name", "")) if isinstance(receiver, dict) else ""
                found.append(Group(name, _strings(row.get("labels")), alerts))
        return found

    def post(self, alerts: Sequence[Posted]) -> None:
        """Post alerts. The same labels again are the same alert: a repetition lengthens it, an end in the past ends
        it. Raises Unreachable where nobody can tell whether it was taken; then it may simply be posted again."""
        rows = []
        for one in alerts:
            row: dict[str, Any] = {"labels": one.labels, "annotations": one.annotations, "startsAt": iso(one.starts_at)}
            if one.ends_at is not None:
                row["endsAt"] = iso(one.ends_at)
            rows.append(row)
        self._ask("POST", "/api/v2/alerts", rows)

    def version(self) -> str:
        """The version of Alertmanager."""
        found = self._json("GET", "/api/v2/status")
        info = found.get("versionInfo") if isinstance(found, dict) else None
        return said(info.get("version", ""), 40) if isinstance(info, dict) else ""

    def close(self) -> None:
        self._http.close()

    def _json(self, method: str, path: str) -> Any:
        reply = self._ask(method, path)
        try:
            return json.loads(reply.body)
        except (ValueError, RecursionError):
            raise self._trouble("its answer is no JSON") from None

    def _ask(self, method: str, path: str, body: Any = None) -> Reply:
        try:
            reply = self._http.ask(method, path, body=body)
        except NoAnswer as error:
            raise self._trouble(error.why) from None
        if reply.broken:
            raise self._trouble(reply.broken)
        if 200 <= reply.code < 300:
            return reply
        why = f"it answered {reply.code}{_error(reply.body)}"
        if reply.code in (401, 403):
            raise Refused("Alertmanager refuses", why=why, state="nothing was changed", next="look at ALERTMANAGER_URL")
        raise self._trouble(why)

    def _trouble(self, why: str) -> Unreachable:
        return Unreachable(
            "Alertmanager cannot be asked",
            why=why,
            state="nothing is known from there",
            next="look at ALERTMANAGER_URL",
        )


def group_key(labels: Mapping[str, str], route: str = "{}") -> str:
    """The key that Alertmanager gives a group: the path of its route, and the labels that it is grouped by, sorted.

    ``route`` is ``{}`` for the root; a child adds ``/`` and its matchers, as in ``{}/{severity="critical"}``.
    """
    inner = ", ".join(f'{name}="{_quoted(value)}"' for name, value in sorted(labels.items()))
    return f"{route}:{{{inner}}}"


def dedup_key(key: str) -> str:
    """PagerDuty's key for a group: the SHA-256 of the group key, in hex."""
    from hashlib import sha256

    return sha256(key.encode()).hexdigest()


def parse_webhook(raw: bytes, where: str) -> Group:
    """Read a webhook's payload (version 4). ``where``: a file's name, for the error. Raises BadInput."""

    def bad(why: str) -> BadInput:
        return BadInput(
            f"{where} is no payload of an Alertmanager webhook",
            why=why,
            state="nothing was attempted",
            next="give the body that Alertmanager posted: an object with groupKey and alerts",
        )

    if len(raw) > MAX_WEBHOOK:
        raise bad("it is larger than 4 MB")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise bad(f"it is no JSON: {said(error, 120)}") from None
    if not isinstance(value, dict):
        raise bad("it is no object")
    if value.get("version") != "4":
        raise bad(f"its version is {said(value.get('version'), 20)!r}, not '4'")
    key = value.get("groupKey")
    if not isinstance(key, str) or not key:
        raise bad("it has no groupKey")
    alerts = [alert for alert in map(_alert, _list(value.get("alerts"))) if alert is not None]
    if not alerts:
        raise bad("it holds no alert")
    labels = _strings(value.get("groupLabels")) or _strings(value.get("commonLabels"))
    return Group(str(value.get("receiver") or ""), labels, alerts, key, str(value.get("status") or ""))


def _alert(row: Any) -> Alert | None:
    """One alert; None for what is none."""
    if not isinstance(row, dict) or not _strings(row.get("labels")):
        return None
    status = row.get("status")
    state = status.get("state", "") if isinstance(status, dict) else status
    ends = row.get("endsAt")
    return Alert(
        _strings(row.get("labels")),
        _strings(row.get("annotations")),
        _moment(row.get("startsAt")),
        None if ends == _NEVER else _moment(ends),
        str(state or ""),
        str(row.get("fingerprint") or ""),
    )


def _moment(text: Any) -> datetime | None:
    try:
        moment = parse_iso(_trimmed(text)) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and moment.year > 1970 else None  # Go's zero is the year 1


def _trimmed(text: str) -> str:
    """Nanoseconds are more than Python reads."""
    head, dot, rest = text.partition(".")
    zone = rest.lstrip("0123456789")
    return f"{head}.{rest[: len(rest) - len(zone)][:6]}{zone}" if dot else text


def _strings(value: Any) -> dict[str, str]:
    """The text entries of a mapping, cleaned; {} of anything else."""
    if not isinstance(value, dict):
        return {}
    return {said(name, 200): said(text, 1000) for name, text in value.items() if isinstance(text, str)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _error(body: bytes) -> str:
    """Alertmanager's own words: a JSON string, or an object with a message."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    text = value.get("message") if isinstance(value, dict) else value
    return f": {said(text, 160)}" if isinstance(text, str) and text else ""

"""The simulated Alertmanager: the alert that the drill is about, and what is posted to it.

Its state is in ``world.data["alerts"]``, so it survives a kill. Times are the drill's.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from omniops.clock import iso, parse_iso
from omniops.drill import alarm
from omniops.drill.api import Reply
from omniops.drill.faults import Fault
from omniops.drill.wire import Handler
from omniops.drill.world import World

RECEIVER = "pagerduty-critical"
RESOLVE_AFTER = timedelta(minutes=5)
_MATCHER = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*"?([^"]*)"?\s*')


class Alerts:
    """One Alertmanager."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.data: dict[str, Any] = world.data.setdefault("alerts", {"posted": [], "silences": []})

    def answer(self, handler: Handler, body: bytes) -> Reply:
        """Answer one request; what was posted is written down before the answer leaves."""
        parts = urlsplit(handler.path)
        with self.world.lock:
            match handler.command, parts.path:
                case "GET", "/api/v2/alerts":
                    return self._alerts(parse_qsl(parts.query))
                case "GET", "/api/v2/alerts/groups":
                    return Reply(200, self._groups())
                case "POST", "/api/v2/alerts":
                    return self._post(body)
                case "GET", "/api/v2/status":
                    return Reply(200, {"versionInfo": {"version": "0.25.0"}, "cluster": {"status": "disabled"}})
                case "GET", "/-/ready" | "/-/healthy":
                    return Reply(200, "OK", content_type="text/plain; charset=utf-8")
        return Reply(404, "404 page not found\n", content_type="text/plain; charset=utf-8")

    def refusal(self, fault: Fault) -> Reply:
        """What a fault answers: Alertmanager's errors are JSON strings."""
        return Reply(401 if fault.kind == "unauthorized" else 500, "an error of the drill")

    def active(self) -> list[dict[str, Any]]:
        """The alerts that fire now: the drill's own, and those that were posted and have not ended."""
        now, found = self.world.now(), []
        scenario = self.world.scenario
        if scenario.paged and alarm.ended_at(self.world) is None:
            begun = parse_iso(self.world.data["onset"])
            labels, annotations = alarm.labels_of(scenario), alarm.annotations_of(scenario)
            found.append(_row(labels, annotations, iso(begun), iso(now + RESOLVE_AFTER), iso(now)))
        for one in self.data["posted"]:
            if parse_iso(one["endsAt"]) > now:
                found.append(_row(one["labels"], one["annotations"], one["startsAt"], one["endsAt"], one["updatedAt"]))
        return found

    def _alerts(self, query: list[tuple[str, str]]) -> Reply:
        matchers = []
        for name, text in query:
            if name == "filter":
                found = _MATCHER.fullmatch(text)
                if found is None:
                    return Reply(400, f"bad matcher format: {text}")
                matchers.append(found.groups())
        return Reply(200, [row for row in self.active() if all(_holds(row["labels"], *one) for one in matchers)])

    def _groups(self) -> list[dict[str, Any]]:
        groups: dict[str, dict[str, Any]] = {}
        for row in self.active():
            labels = {name: row["labels"][name] for name in ("alertname", "service") if name in row["labels"]}
            group = {"labels": labels, "receiver": {"name": RECEIVER}, "alerts": []}
            groups.setdefault(json.dumps(labels, sort_keys=True), group)["alerts"].append(row)
        return list(groups.values())

    def _post(self, body: bytes) -> Reply:
        try:
            rows = json.loads(body)
            fresh = [self._posted(row) for row in rows]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Reply(400, f"bad request: {type(error).__name__}")
        kept = [one for one in self.data["posted"] if one["labels"] not in [new["labels"] for new in fresh]]
        self.data["posted"] = kept + fresh
        self.world.save()
        return Reply(200, "")

    def _posted(self, row: dict[str, Any]) -> dict[str, Any]:
        if not row["labels"]:
            raise ValueError("an alert needs labels")
        now = self.world.now()
        return {
            "labels": dict(row["labels"]),
            "annotations": dict(row.get("annotations") or {}),
            "startsAt": iso(parse_iso(row.get("startsAt") or iso(now))),
            "endsAt": iso(parse_iso(row.get("endsAt") or iso(now + RESOLVE_AFTER))),
            "updatedAt": iso(now),
        }


def _row(labels: dict[str, str], notes: dict[str, str], starts: str, ends: str, updated: str) -> dict[str, Any]:
    print_ = hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "labels": labels, "annotations": notes, "startsAt": starts, "endsAt": ends, "updatedAt": updated,
        "generatorURL": "", "fingerprint": print_, "receivers": [{"name": RECEIVER}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }  # fmt: skip


def _holds(labels: dict[str, str], name: str, op: str, value: str) -> bool:
    own = labels.get(name, "")
    if op in ("=~", "!~"):
        return bool(re.fullmatch(value, own)) is (op == "=~")
    return (own == value) is (op == "=")

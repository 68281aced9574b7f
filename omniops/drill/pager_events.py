"""The simulated PagerDuty's Events API v2. It answers 202 to what it then drops, as the real one does."""

from __future__ import annotations

import json
from typing import Any

from omniops.drill.api import Reply
from omniops.drill.faults import Fault
from omniops.drill.pager_store import Refusal, Store
from omniops.drill.wire import Handler
from omniops.drill.world import World

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")


class PagerEvents:
    """The Events API's port; it shares its state with the REST API."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = Store(world)

    def answer(self, handler: Handler, body: bytes) -> Reply:
        """Take an event in, and carry it out at once."""
        if (handler.command, handler.path) != ("POST", "/v2/enqueue"):
            return Reply(404, "not found", "text/plain")
        try:
            event = json.loads(body)
        except ValueError:
            return _bad("body", "it is not JSON")
        wrong = _wrong(event)
        if wrong:
            return _bad(*wrong)
        with self.world.lock:
            number = len(self.store.data["events"]) + 1
            key = event.get("dedup_key") or f"drill-{number}"
            kept = {"action": event["event_action"], "dedup_key": key, "payload": event.get("payload")}
            service = self.store.data["routing_keys"].get(event["routing_key"])
            self.store.data["events"].append(kept | {"service": service})
            if service is not None:
                self._carry_out(event, key, service)
            self.world.save()
        return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def refusal(self, fault: Fault) -> Reply:
        """What a fault answers, in the API's words."""
        if fault.kind.startswith("rate-limited"):
            return Reply(429, {"status": "throttle exceeded", "message": "Requests are coming too fast"})
        if fault.kind in ("code", "unauthorized"):
            return _bad("routing_key", "it is not known")
        return Reply(500, "", "")

    def _carry_out(self, event: dict[str, Any], key: str, service: str) -> None:
        if event["event_action"] == "trigger":
            payload = event["payload"]
            self.store.trigger(key, payload["summary"], payload.get("custom_details") or {}, service)
            return
        for one in self.store.incidents():
            mine = one["service"]["id"] == service and key in self.store.keys_of(one["id"])
            if not mine or one["status"] == "resolved":
                continue  # another integration's, or over: dropped without a word
            try:
                if event["event_action"] == "acknowledge":
                    self.store.acknowledge(one, one["assignments"][0]["assignee"]["id"])
                else:
                    self.store.resolve(one, None)
            except Refusal:
                continue


def _wrong(event: Any) -> tuple[str, str] | None:
    """What is wrong with an event: which field, and why."""
    if not isinstance(event, dict):
        return "event", "it is no object"
    if len(str(event.get("routing_key", ""))) != 32:
        return "routing_key", "Length must be 32"
    if event.get("event_action") not in ACTIONS:
        return "event_action", f"it is none of {', '.join(ACTIONS)}"
    if event["event_action"] != "trigger":
        return None if event.get("dedup_key") else ("dedup_key", "it is missing")
    payload = event.get("payload")
    if not isinstance(payload, dict) or not all(payload.get(name) for name in ("summary", "source", "severity")):
        return "payload", "summary, source and severity are required"
    return None if payload["severity"] in SEVERITIES else ("severity", f"it is none of {', '.join(SEVERITIES)}")


def _bad(field: str, why: str) -> Reply:
    return Reply(
        400, {"status": "invalid event", "message": "Event object is invalid", "errors": [f"'{field}': {why}"]}
    )

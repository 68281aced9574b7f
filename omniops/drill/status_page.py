"""The simulated Statuspage: one page, its incidents and their updates; its state is in ``world.data``."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from omniops.clock import iso
from omniops.drill.api import Reply
from omniops.drill.wire import Handler
from omniops.drill.world import World

TOKEN = "drill-statuspage-0123456789"
PAGE = "drillpage"
STATUSES = ("investigating", "identified", "monitoring", "resolved")
IMPACTS = ("none", "minor", "major", "critical")


class StatusPage:
    """One page with its incidents, newest first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.data: dict[str, Any] = world.data.setdefault("status_page", {"incidents": []})

    def answer(self, handler: Handler, body: bytes) -> Reply:
        if handler.headers.get("Authorization") != f"OAuth {TOKEN}":
            return Reply(401, {"error": "Could not authenticate"})
        parts = urlsplit(handler.path).path.strip("/").split("/")
        if parts[:2] != ["pages", PAGE]:
            return Reply(404, {"error": "Not found"})
        with self.world.lock:
            reply = self._at(handler.command, parts[2:], body)
            if handler.command != "GET":
                self.world.save()
        return reply

    def _at(self, method: str, rest: list[str], body: bytes) -> Reply:
        known = self.data["incidents"]
        if (method, rest) == ("GET", []):
            return Reply(200, {"id": PAGE, "name": "OmniRoute (drill)"})
        if (method, rest) == ("GET", ["incidents"]):
            return Reply(200, known)
        if (method, rest) == ("POST", ["incidents"]):
            return self._publish({"id": f"inc{len(known) + 1:05}", "incident_updates": []}, body)
        found = next((one for one in known if rest[:1] == ["incidents"] and rest[1:] == [one["id"]]), None)
        if found is None or method not in ("GET", "PATCH"):
            return Reply(404, {"error": "Not found"})
        return Reply(200, found) if method == "GET" else self._publish(found, body)

    def _publish(self, row: dict[str, Any], body: bytes) -> Reply:
        try:
            given = json.loads(body)["incident"]
            name, status = str(given["name"]), given["status"]
        except (ValueError, KeyError, TypeError):
            return Reply(422, {"error": ["incident is missing"]})
        if not name or status not in STATUSES or given.get("impact_override", "none") not in IMPACTS:
            return Reply(422, {"error": ["Name, status or impact is invalid"]})
        now = iso(self.world.now())
        new = not row["incident_updates"]
        update = {"id": f"u{len(row['incident_updates']) + 1}", "status": status, "body": given.get("body", ""),
                  "created_at": now}  # fmt: skip
        row["incident_updates"].insert(0, update)
        row.update(
            name=name, status=status, impact=given.get("impact_override", "none"), updated_at=now,
            metadata=given.get("metadata", {}), shortlink=f"https://stspg.io/{row['id']}",
        )  # fmt: skip
        if new:
            row["created_at"] = now
            self.data["incidents"].insert(0, row)
        return Reply(201 if new else 200, row)

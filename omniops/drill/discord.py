"""The simulated Discord: one incoming webhook, and the messages that came in through it.

Its state is in ``world.data["discord"]``, so it survives a kill.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from omniops.drill.api import Reply
from omniops.drill.faults import Fault
from omniops.drill.wire import Handler
from omniops.drill.world import World

PATH = "/api/webhooks/1174000000000000001/drill-hook-0123456789"
"""Of the webhook; whoever knows it may post."""
MOST = 2000
CHANNEL = "1174000000000000002"


class Discord:
    """One webhook of one channel: ``POST`` posts, ``GET .../messages/ID`` reads one back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.data: dict[str, Any] = world.data.setdefault("discord", {"messages": [], "gone": False})

    def answer(self, handler: Handler, body: bytes) -> Reply:
        """Answer one request; a message is written down before the answer leaves."""
        where = urlsplit(handler.path)
        with self.world.lock:
            if self.data["gone"] or not (where.path == PATH or where.path.startswith(f"{PATH}/messages/")):
                return Reply(404, {"message": "Unknown Webhook", "code": 10015})
            if handler.command == "GET" and where.path != PATH:
                id = where.path.rpartition("/")[2]
                found = next((one for one in self.data["messages"] if one["id"] == id), None)
                return Reply(200, found) if found else Reply(404, {"message": "Unknown Message", "code": 10008})
            if handler.command != "POST":
                return Reply(405, {"message": "405: Method Not Allowed", "code": 0})
            return self._post(body, parse_qs(where.query).get("wait") == ["true"])

    def refusal(self, fault: Fault) -> Reply:
        """What a fault answers, in Discord's words."""
        if fault.kind in ("rate-limited", "rate-limited-bare"):
            wait = (("retry-after", f"{fault.seconds:.0f}"),) if fault.kind == "rate-limited" else ()
            told = {"message": "You are being rate limited.", "retry_after": fault.seconds, "global": False}
            return Reply(429, told, headers=wait)
        if fault.kind in ("unauthorized", "code"):
            return Reply(401, {"message": "Invalid Webhook Token", "code": 50027})
        return Reply(502, "<html>bad gateway</html>", "text/html")

    def _post(self, body: bytes, wait: bool) -> Reply:
        try:
            given = json.loads(body)
            text, mentions = given.get("content"), given.get("allowed_mentions")
        except (ValueError, AttributeError):
            return Reply(400, {"message": "The request body contains invalid JSON.", "code": 50109})
        if not isinstance(text, str) or not text:
            return Reply(400, {"message": "Cannot send an empty message", "code": 50006})
        if len(text) > MOST:
            return Reply(400, {"message": "Invalid Form Body", "code": 50035})
        made = {
            "id": str(1174000000000000100 + len(self.data["messages"])),
            "channel_id": CHANNEL,
            "content": text,
            "mention_everyone": mentions is None and "@everyone" in text,
            "timestamp": self.world.now_iso(),
        }
        self.data["messages"].append(made)
        self.world.save()
        return Reply(200, made) if wait else Reply(204, "", "")

"""The simulated Slack: channels, what was posted to them, and Slack's way of answering 200 when it refuses.

Its state is in ``world.data["chat"]``, so it survives a kill. Faults reach it by their path:
``code=is_archived@POST:slack/api/chat``, ``rate-limited=20s@POST:slack``, ``applied-hang@POST:slack#1``.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from omniops.drill.api import Reply
from omniops.drill.faults import Fault
from omniops.drill.wire import Handler
from omniops.drill.world import World

TOKEN = "xoxb-drill-0123456789-alice"
READONLY_TOKEN = "xoxb-drill-0123456789-reader"  # without chat:write
CHANNELS = ("general", "omniroute-ops", "omniroute-triage", "security")
MAX_NAME = 80
SCOPES = {
    TOKEN: ("channels:history", "channels:manage", "channels:read", "chat:write", "chat:write.public", "pins:write"),
    READONLY_TOKEN: ("channels:read",),
}
NEEDS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.create": "channels:manage",
    "conversations.setTopic": "channels:manage",
    "conversations.list": "channels:read",
    "conversations.history": "channels:history",
    "pins.add": "pins:write",
}
"""Method -> the scope without which Slack refuses it."""
BOT = "U0DRILL"
MAX_TOPIC = 250


class _No(Exception):
    """Slack refuses: its word for why, and what else it says."""

    def __init__(self, error: str, **more: str) -> None:
        super().__init__(error)
        self.error, self.more = error, more


class Chat:
    """One workspace."""

    def __init__(self, world: World) -> None:
        self.world = world
        if "chat" not in world.data:
            channels = {name: {"id": f"C0DRILL{n:02d}", "archived": False} for n, name in enumerate(CHANNELS, 1)}
            world.data["chat"] = {"channels": channels, "posts": [], "without": []}
        self.data: dict[str, Any] = world.data["chat"]

    def answer(self, handler: Handler, body: bytes) -> Reply:
        """Answer one request; what was posted is written down before the answer leaves."""
        path = urlsplit(handler.path).path
        with self.world.lock:
            method = path.removeprefix("/api/")
            token = (handler.headers.get("authorization") or "").removeprefix("Bearer ")
            scopes = (("x-oauth-scopes", ",".join(SCOPES.get(token, ()))),)
            try:
                return Reply(200, {"ok": True, **self._do(method, token, _arguments(handler, body))}, headers=scopes)
            except _No as no:
                return Reply(200, {"ok": False, "error": no.error, **no.more}, headers=scopes)
            finally:
                self.world.save()

    def refusal(self, fault: Fault) -> Reply:
        """What a fault answers, in Slack's words."""
        if fault.kind in ("rate-limited", "rate-limited-bare"):
            wait = (("retry-after", f"{fault.seconds:g}"),) if fault.kind == "rate-limited" else ()
            return Reply(429, {"ok": False, "error": "ratelimited"}, headers=wait)
        if fault.kind == "code":
            return Reply(200, {"ok": False, "error": fault.value})
        if fault.kind == "unauthorized":
            return Reply(200, {"ok": False, "error": "invalid_auth"})
        if fault.kind == "redirect":
            return Reply(307, "", headers=(("location", "/elsewhere"),))
        return Reply(500, {"ok": False, "error": "internal_error"})

    def _do(self, method: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
        if not token:
            raise _No("not_authed")
        if token not in SCOPES:
            raise _No("invalid_auth")
        needed = NEEDS.get(method, "")
        if needed and (needed not in SCOPES[token] or needed in self.data.get("without", [])):
            raise _No("missing_scope", needed=needed, provided=",".join(SCOPES[token]))
        match method:
            case "auth.test":
                return {
                    "url": "https://drill.slack.test/", "team": "Drill", "team_id": "T0DRILL",
                    "user": "omniops", "user_id": BOT, "bot_id": "B0DRILL",
                }  # fmt: skip
            case "chat.postMessage":
                return self._post(given)
            case "chat.update":
                return self._update(given)
            case "pins.add":
                return self._pin(given)
            case "conversations.create":
                return self._create(given)
            case "conversations.setTopic":
                return self._topic(given)
            case "conversations.list":
                return self._list(given)
            case "conversations.history":
                return self._history(given)
        raise _No("unknown_method")

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        text, wanted = str(given.get("text") or ""), str(given.get("channel") or "")
        channel = self._channel(wanted)
        if channel["archived"]:
            raise _No("is_archived")
        if not text:
            raise _No("no_text")
        ts = f"{self.world.now().timestamp():.0f}.{len(self.data['posts']) + 1:06d}"
        mark = {"metadata": given["metadata"]} if given.get("metadata") else {}
        self.data["posts"].append({"channel": wanted, "id": channel["id"], "ts": ts, "text": text, **mark})
        return {"channel": channel["id"], "ts": ts, "message": {"type": "message", "text": text, "ts": ts}}

    def _channel(self, wanted: str) -> dict[str, Any]:
        for name, channel in self.data["channels"].items():
            if wanted in (channel["id"], name, f"#{name}"):
                found: dict[str, Any] = channel
                return found
        raise _No("channel_not_found")

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        name = str(given.get("name") or "")
        if not name:
            raise _No("invalid_name_required")
        if len(name) > MAX_NAME:
            raise _No("invalid_name_maxlength")
        if not re.fullmatch(r"[a-z0-9_-]+", name):
            raise _No("invalid_name_specials")
        if name in self.data["channels"]:
            raise _No("name_taken")
        return {"channel": {"id": self._make(name)["id"], "name": name, "is_archived": False}}

    def _make(self, name: str) -> dict[str, Any]:
        created = int(self.world.now().timestamp())
        made = {"id": f"C0DRILL{len(self.data['channels']) + 1:02d}", "archived": False, "creator": BOT}
        self.data["channels"][name] = {**made, "created": created, "topic": "", "pins": []}
        return made

    def _topic(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, topic = self._open(given), str(given.get("topic") or "")
        if len(topic) > MAX_TOPIC:
            raise _No("too_long")
        channel["topic"] = topic
        return {"channel": {"id": channel["id"], "topic": {"value": topic}}}

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, post = self._open(given), self._message(given, str(given.get("ts")))
        if not given.get("text"):
            raise _No("no_text")
        post["text"] = str(given["text"])
        return {"channel": channel["id"], "ts": post["ts"], "text": post["text"]}

    def _pin(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, post = self._open(given), self._message(given, str(given.get("timestamp")))
        if post["ts"] in channel.setdefault("pins", []):
            raise _No("already_pinned")
        channel["pins"].append(post["ts"])
        return {}

    def _list(self, given: dict[str, Any]) -> dict[str, Any]:
        """Two to a page, whatever was asked for: Slack may give fewer than the limit, too."""
        start = int(given.get("cursor") or 0)
        rows = [
            {"id": one["id"], "name": name, "is_archived": one["archived"], "creator": one.get("creator", "U0OTHER"),
             "created": one.get("created", 0)}
            for name, one in self.data["channels"].items()
        ]  # fmt: skip
        more = str(start + 2) if start + 2 < len(rows) else ""
        return {"channels": rows[start : start + 2], "response_metadata": {"next_cursor": more}}

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(str(given.get("channel") or ""))
        unseen = () if given.get("include_all_metadata") == "true" else ("metadata",)
        posts = [post for post in self.data["posts"] if post["id"] == channel["id"]]
        rows = [{name: post[name] for name in post if name not in ("id", "channel", *unseen)} for post in posts]
        return {"messages": rows[::-1], "has_more": False}

    def _open(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(str(given.get("channel") or ""))
        if channel["archived"]:
            raise _No("is_archived")
        return channel

    def _message(self, given: dict[str, Any], ts: str) -> dict[str, Any]:
        channel = self._channel(str(given.get("channel") or ""))
        for post in self.data["posts"]:
            if (post["id"], post["ts"]) == (channel["id"], ts):
                found: dict[str, Any] = post
                return found
        raise _No("message_not_found")


def _arguments(handler: Handler, body: bytes) -> dict[str, Any]:
    """The arguments of a call: JSON or a form, as Slack takes both."""
    if "json" in (handler.headers.get("content-type") or ""):
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            raise _No("invalid_json") from None
        if not isinstance(given, dict):
            raise _No("json_not_object")
        return given
    return dict(parse_qsl(body.decode("utf-8", "replace")))

"""PagerDuty's schedules on a socket of this process: stateful, with a drawing of its own.

    with FakeSchedules() as pager:
        command("oncall", "sync", "--yes", **pager.env)
        assert len(pager.writes) == 1

It draws a schedule by stepping through it hour by hour and asking, for each, how many turns lie between the layer's
anchor and that hour: by the wall clock of the schedule's zone (``by_wall``), as the real one is said to do, or by
seconds, as a simpler one would, which is wrong by an hour after a clock change. It shares no code with the rota.
Every request is held against our description of the API; what is not as described is kept in ``wrong``, and fails.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from omniops.drill.api import Reply
from omniops.drill.wire import Handler, Port
from tests.support.openapi import checker

TOKEN = "u+schedules-0123456789"
HOUR = timedelta(hours=1)
USERS = {"PUSER01": "Ann <b>Ängström", "PUSER02": "Bo", "PUSER03": "Cy\u202e\x1b[2Jevil", "PUSER09": "Old hand"}


class FakeSchedules:
    """One account. ``fault``: "", "403", "500", "applied-500", "reset-after-apply", "400", "ignored", of the next
    write; ``lies``: what the answers to a look say instead;
    ``down_after_write``: reads after it are answered with 500."""

    def __init__(self) -> None:
        self.schedules: dict[str, dict[str, Any]] = {}
        self.writes: list[tuple[str, str, Any]] = []
        self.asked: list[str] = []
        self.fault = ""
        self.lies: dict[str, Any] = {}
        self.faults: dict[str, str] = {}  # method, or a schedule's id -> the fault of its next write
        self.down_after_write = False
        self.by_wall = True
        self.wrong: list[str] = []
        self.refuse_overrides = False
        self.after_a_look: Callable[[], None] | None = None  # somebody else's hand, once
        self._next = 0
        self.port = Port(0, self._serve, lambda: datetime.now(UTC))
        self.add("PSCHED1")

    def __enter__(self) -> FakeSchedules:
        self.port.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.port.close()
        assert error is not None or not self.wrong, self.wrong

    @property
    def env(self) -> dict[str, str]:
        return {"PAGERDUTY_URL": self.port.url, "PAGERDUTY_TOKEN": TOKEN}

    def add(self, id: str, *layers: dict[str, Any], zone: str = "America/Los_Angeles") -> None:
        """A schedule, without a layer unless some are given."""
        self.schedules[id] = {
            "id": id, "type": "schedule", "name": "OmniRoute primary", "summary": "OmniRoute primary",
            "time_zone": zone, "description": "kept", "schedule_layers": list(layers), "overrides": [],
        }  # fmt: skip

    def layer(self, anchor: str, *users: str, days: int = 7, **more: Any) -> dict[str, Any]:
        """A layer as PagerDuty has it."""
        self._next += 1
        return {
            "id": f"PLAY{self._next:02d}", "name": "Layer 1", "start": anchor, "end": None,
            "rotation_virtual_start": anchor, "rotation_turn_length_seconds": days * 86400,
            "users": [{"user": {"id": one, "type": "user_reference", "summary": USERS[one]}} for one in users],
            "restrictions": [], "rendered_schedule_entries": [], "rendered_coverage_percentage": 100.0, **more,
        }  # fmt: skip

    # -- what it draws ------------------------------------------------------------------------------------------------

    def draw(self, one: dict[str, Any], since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Who is on call, entry by entry, an hour at a time."""
        found: list[dict[str, Any]] = []
        hour = since.replace(minute=0, second=0, microsecond=0)
        while hour < until:
            user = self._on_call(one, hour)
            start, end = max(hour, since), min(hour + HOUR, until)
            if user and found and found[-1]["user"]["id"] == user and found[-1]["x"] == start:
                found[-1]["x"] = end
            elif user:
                found.append({"start": start, "x": end, "user": {"id": user, "summary": USERS[user]}})
            hour += HOUR
        zone = ZoneInfo(one["time_zone"])
        for entry in found:
            entry["start"], entry["end"] = (entry[key].astimezone(zone).isoformat() for key in ("start", "x"))
            del entry["x"]
        return found

    def _on_call(self, one: dict[str, Any], hour: datetime) -> str:
        user = ""
        for layer in one["schedule_layers"]:
            if _when(layer["start"]) <= hour and (layer["end"] is None or hour < _when(layer["end"])):
                user = self._of(layer, ZoneInfo(one["time_zone"]), hour) or user
        for each in one["overrides"]:
            if _when(each["start"]) <= hour < _when(each["end"]):
                user = each["user"]["id"]
        return user

    def _of(self, layer: dict[str, Any], zone: ZoneInfo, hour: datetime) -> str:
        anchor, length = _when(layer["rotation_virtual_start"]), layer["rotation_turn_length_seconds"]
        if self.by_wall:
            passed = hour.astimezone(zone).replace(tzinfo=None) - anchor.astimezone(zone).replace(tzinfo=None)
        else:
            passed = hour - anchor
        if passed < timedelta(0) or layer["restrictions"]:
            return ""
        users: list[str] = [each["user"]["id"] for each in layer["users"]]
        return users[int(passed.total_seconds() // length) % len(users)]

    # -- what it answers ----------------------------------------------------------------------------------------------

    def _serve(self, handler: Handler, body: bytes) -> Reply | None:
        parts = urlsplit(handler.path)
        method, query = handler.command, {key: value[-1] for key, value in parse_qs(parts.query).items()}
        self.asked.append(f"{method} {parts.path}")
        headers = {key.lower(): value for key, value in handler.headers.items()}
        problems = checker("pagerduty").problems(method, handler.path, headers, body)
        self.wrong += [f"{method} {handler.path}: {problem}" for problem in problems]
        if handler.headers.get("authorization") != f"Token token={TOKEN}":
            return _error(401, 2006, "Authentication Failed")
        if parts.path == "/users/me":
            return Reply(200, {"user": {"id": "PUSER01", "name": "Ann", "email": "ann@example.test"}})
        found = re.fullmatch(r"/schedules/(\w+)(/overrides)?", parts.path)
        if not found or found[1] not in self.schedules:
            return _error(404, 2100, "Not Found")
        one = self.schedules[found[1]]
        if method == "GET" and not found[2]:
            if self.down_after_write and self.writes:
                return Reply(500, "oops", "text/plain")
            reply = Reply(200, {"schedule": copy.deepcopy(self._shown(one, query))})
            hook, self.after_a_look = self.after_a_look, None
            if hook:
                hook()
            return reply
        if handler.headers.get("from") != "ann@example.test":
            return _error(400, 2016, "From Header Required")
        return self._write(method, one, bool(found[2]), json.loads(body))

    def _write(self, method: str, one: dict[str, Any], overrides: bool, body: Any) -> Reply | None:
        fault = self.faults.pop(method, "") or self.faults.pop(one["id"], "") or self.fault
        self.fault = ""
        if fault == "403":
            return _error(403, 2010, "Access Denied")
        if fault == "400":
            return _error(400, 3001, "Invalid Schedule", "\x1b]0;evil\x07Rotation is not nice")
        self.writes.append((method, one["id"], body))
        if fault == "ignored":
            return Reply(200, {"schedule": {**one, "final_schedule": None}})
        if fault == "500":
            return Reply(500, "oops", "text/plain")
        if method == "POST" and overrides:
            reply = self._add_overrides(one, body["overrides"])
        elif method == "PUT":
            reply = self._put(one, body["schedule"])
        else:
            return _error(404, 2100, "Not Found")
        if fault == "applied-500":
            return Reply(500, "oops", "text/plain")
        return None if fault == "reset-after-apply" else reply

    def _put(self, one: dict[str, Any], given: dict[str, Any]) -> Reply:
        known = {layer["id"]: layer for layer in one["schedule_layers"]}
        for layer in given["schedule_layers"]:
            for each in layer["users"]:
                if each["user"]["id"] not in USERS:
                    return _error(400, 2001, "Invalid Input Provided", "User not found")
        one.update({key: given[key] for key in ("name", "time_zone", "description")})
        for layer in given["schedule_layers"]:
            if "id" not in layer:  # it is added, and nothing is taken away
                known[f"PNEW{len(known)}"] = {**layer, "id": f"PNEW{len(known)}", "rendered_schedule_entries": []}
            elif layer["id"] not in known:
                return _error(400, 3001, "Invalid Schedule", "Layer not found")
            else:
                known[layer["id"]].update(layer)
        one["schedule_layers"] = list(known.values())
        return Reply(200, {"schedule": {**one, "final_schedule": None}})

    def _add_overrides(self, one: dict[str, Any], rows: list[dict[str, Any]]) -> Reply:
        if self.refuse_overrides:  # a success that holds a refusal
            return Reply(201, [{"status": 400, "errors": ["Override must end in the future"], "override": rows[0]}])
        one["overrides"] += rows
        return Reply(201, [{"status": 201, "override": row} for row in rows])

    def _shown(self, one: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        since, until = _when(query["since"]), _when(query["until"])
        if until - since > timedelta(days=90):
            self.wrong.append("more than 90 days are asked for")
        final = {"name": "Final Schedule", "rendered_schedule_entries": self.draw(one, since, until)}
        return {**{key: one[key] for key in one if key != "overrides"}, "final_schedule": final, **self.lies}


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _error(status: int, code: int, message: str, *errors: str) -> Reply:
    return Reply(status, {"error": {"message": message, "code": code, "errors": list(errors)}})

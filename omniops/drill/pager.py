"""The simulated PagerDuty's REST API v2: the operations that omniops uses, and the ways in which they go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from omniops.clock import parse_iso
from omniops.drill.api import Reply
from omniops.drill.faults import Fault
from omniops.drill.pager_store import Refusal, Store, not_found
from omniops.drill.wire import Handler
from omniops.drill.world import World

MAX_LIMIT, MAX_WINDOW, MOST_AT_ONCE = 100, 10_000, 250
DEFAULT_AGE = timedelta(days=30)
CODES: dict[int, tuple[int, str]] = {
    1001: (400, "Incident Already Resolved"),
    1002: (400, "Incident Already Acknowledged"),
    1005: (409, "Incident Data Has Changed"),
    1006: (400, "Incident Cannot Be Escalated"),
    1008: (400, "Requester User Not Found"),
    1015: (400, "No One On Call"),
    1018: (403, "Requester Not Authorized"),
    2001: (400, "Invalid Input Provided"),
    2006: (401, "Authentication Failed"),
    2010: (403, "Access Denied"),
    2014: (402, "Account Does Not Have the Ability"),
    2016: (400, "From Header Required"),
    2018: (403, "Access Lost After Resolve"),
    2020: (429, "Rate Limit Exceeded"),
    2100: (404, "Not Found"),
    5001: (404, "Not Found"),
}
"""Code -> the status that it comes with, and a title."""


class Request:
    """One request: who asks, and what."""

    def __init__(self, store: Store, handler: Handler, body: bytes) -> None:
        parts = urlsplit(handler.path)
        self.store, self.method, self.path, self._body = store, handler.command, parts.path, body
        self.query = parse_qs(parts.query, keep_blank_values=True)
        token = re.fullmatch(r"Token token=(\S+)", handler.headers.get("authorization") or "")
        known = store.data["tokens"].get(token[1]) if token else None
        if known is None:  # also what a key of the other region gets
            raise Refusal(2006, 401, "Authentication Failed")
        self._user, self._may_write = known["user"], known["write"]
        self._from = handler.headers.get("from") or ""

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return self.query.get(name, [default])[-1]

    def me(self) -> dict[str, Any]:
        """Whose key it is. Raises Refusal for an account's."""
        if self._user is None:
            raise Refusal(2001, 400, "Invalid Input Provided", "User not found for an account-level key")
        return self.store.user(self._user)

    def writer(self) -> str:
        """The id of the user who writes. Raises Refusal 2010, 2016 or 1008."""
        if not self._may_write:
            raise Refusal(2010, 403, "Access Denied")
        if self._user is not None:
            return str(self._user)
        if not self._from:
            raise Refusal(2016, 400, "From Header Required")
        for user in self.store.data["users"]:
            if user["email"] == self._from:
                return str(user["id"])
        raise Refusal(1008, 400, "Requester User Not Found")

    def json(self, key: str) -> Any:
        """What the body holds under its one key. Raises Refusal 2001."""
        try:
            return json.loads(self._body)[key]
        except (ValueError, KeyError, TypeError):
            raise Refusal(2001, 400, "Invalid Input Provided", f"{key} is missing") from None


class Pager:
    """The REST API's port."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = Store(world)

    def answer(self, handler: Handler, body: bytes) -> Reply:
        """Answer one request; what was changed is written down before the answer leaves."""
        with self.world.lock:
            try:
                request = Request(self.store, handler, body)
                for method, pattern, work in _ROUTES:
                    found = re.fullmatch(pattern, request.path)
                    if found and method == request.method:
                        return Reply(200, work(request, *found.groups()))
                raise not_found()
            except Refusal as refusal:
                return _error(refusal.code, refusal.status, refusal.message, refusal.errors)
            finally:
                self.world.save()

    def refusal(self, fault: Fault) -> Reply:
        """What a fault answers, in PagerDuty's words."""
        if fault.kind == "unauthorized":
            return _error(2006, 401, "Authentication Failed", [])
        if fault.kind in ("rate-limited", "rate-limited-bare"):
            reset = (
                ("ratelimit-limit", "960"),
                ("ratelimit-remaining", "0"),
                ("ratelimit-reset", f"{fault.seconds:g}"),
            )
            reply = _error(2020, 429, "Rate Limit Exceeded", [])
            return (
                reply._replace(headers=reset) if fault.kind == "rate-limited" else Reply(429, "Too many", "text/plain")
            )
        if fault.kind == "code" and fault.value.isdecimal() and int(fault.value) in CODES:
            return _error(int(fault.value), *CODES[int(fault.value)], [])
        if fault.kind == "redirect":
            return Reply(307, "", "", (("location", "/elsewhere"),))
        return Reply(500, "<html>Internal Server Error</html>", "text/html")


def _error(code: int, status: int, message: str, errors: list[str]) -> Reply:
    return Reply(status, {"error": {"message": message, "code": code, "errors": errors}})


def _me(request: Request) -> Any:
    return {"user": request.me()}


def _users(request: Request) -> Any:
    wanted = request.one("query").lower()
    found = [user for user in request.store.data["users"] if wanted in f"{user['name']} {user['email']}".lower()]
    return _listed(request, "users", found)


def _list(request: Request) -> Any:
    store, now = request.store, request.store.world.now()
    found = store.incidents()
    for key, kept in (
        ("statuses[]", lambda one, values: one["status"] in values),
        ("urgencies[]", lambda one, values: one["urgency"] in values),
        ("service_ids[]", lambda one, values: one["service"]["id"] in values),
        ("user_ids[]", lambda one, values: {each["assignee"]["id"] for each in one["assignments"]} & set(values)),
        ("incident_key", lambda one, values: set(store.keys_of(one["id"])) & set(values)),
    ):
        if key in request.query:
            found = [one for one in found if kept(one, request.query[key])]
    if "user_ids[]" in request.query:  # somebody's incidents are open ones, whatever was asked for
        found = [one for one in found if one["status"] != "resolved"]
    if request.one("date_range") != "all":
        found = [one for one in found if parse_iso(one["created_at"]) > now - DEFAULT_AGE]
    if request.one("sort_by", "created_at:asc").endswith(":desc"):
        found.reverse()
    return _listed(request, "incidents", [shown(one) for one in found])


def _get(request: Request, id: str) -> Any:
    return {"incident": shown(request.store.incident(id))}


def _put(request: Request, id: str) -> Any:
    one, by = request.store.incident(id), request.writer()
    _change(request.store, one, request.json("incident"), by)
    return {"incident": shown(one)}


def _put_many(request: Request) -> Any:
    wanted, by = request.json("incidents"), request.writer()
    if not isinstance(wanted, list) or len(wanted) > MOST_AT_ONCE:
        raise Refusal(2001, 413, "Request Entity Too Large")
    changes = [(request.store.incident(str(each.get("id"))), each) for each in wanted]
    for one, fields in changes:
        try:
            _change(request.store, one, fields, by)
        except Refusal as refusal:
            if refusal.code != 1002:
                raise
    return {"incidents": [shown(one) for one, _ in changes]}


def _change(store: Store, one: dict[str, Any], fields: Any, by: str) -> None:
    if not isinstance(fields, dict) or fields.get("type") not in ("incident", "incident_reference"):
        raise Refusal(2001, 400, "Invalid Input Provided", "Incident type is missing or wrong")
    if fields.get("status") == "acknowledged":
        store.acknowledge(one, by)
    elif fields.get("status") == "resolved":
        store.resolve(one, by)
    elif "escalation_level" in fields:
        store.escalate(one, int(fields["escalation_level"]), by)
    else:
        raise Refusal(2001, 400, "Invalid Input Provided", "Nothing is changed")


def _alerts(request: Request, id: str) -> Any:
    one = request.store.incident(id)
    return _listed(request, "alerts", request.store.data["alerts"].get(one["id"], []))


def _notes(request: Request, id: str) -> Any:
    return {"notes": request.store.data["notes"].get(request.store.incident(id)["id"], [])}


def _add_note(request: Request, id: str) -> Any:
    store, by = request.store, request.writer()
    one = store.incident(id)
    text = request.json("note").get("content", "")
    if not text:
        raise Refusal(2001, 400, "Invalid Input Provided", "Content cannot be empty")
    kept = store.data["notes"].setdefault(one["id"], [])
    user = store.user(by)
    note = {
        "id": f"PNOTE{len(kept) + 1}", "user": {"id": by, "summary": user["name"]}, "channel": {"summary": "API"},
        "content": text, "created_at": store.world.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    kept.append(note)
    store.wrote("note", one["id"], by)
    return {"note": note}


def _responders(request: Request, id: str) -> Any:
    store, by = request.store, request.writer()
    one = store.incident(id)
    if not store.data["coordinated_responding"]:
        raise Refusal(2014, 402, "Account Does Not Have the Ability", "coordinated_responding")
    message, targets = request.json("message"), request.json("responder_request_targets")
    if store.user(str(request.json("requester_id")))["id"] != by:
        raise Refusal(1018, 403, "Requester Not Authorized")
    asked = [store.user(str(each["responder_request_target"]["id"])) for each in targets]
    for user in asked:
        store.data["responder_requests"].append(
            {"incident": one["id"], "user": user["id"], "message": message, "by": by}
        )
        store.wrote("responder", one["id"], by)
    return {"responder_request": {"incident": {"id": one["id"]}, "message": message, "requester": {"id": by}}}


def _oncalls(request: Request) -> Any:
    store = request.store
    rows: list[dict[str, Any]] = [
        {
            "user": {"id": id, "type": "user_reference", "summary": store.user(id)["name"]},
            "schedule": None,
            "escalation_policy": {"id": "PESC001", "type": "escalation_policy_reference", "summary": "OmniRoute"},
            "escalation_level": int(level),
            "start": None,
            "end": None,
        }
        for level, ids in sorted(store.data["levels"].items())
        for id in ids
    ]
    wanted = request.query.get("escalation_policy_ids[]")
    return _listed(request, "oncalls", [row for row in rows if not wanted or row["escalation_policy"]["id"] in wanted])


def _listed(request: Request, name: str, rows: list[Any]) -> dict[str, Any]:
    try:
        limit, offset = int(request.one("limit", "25")), int(request.one("offset", "0"))
    except ValueError:
        raise Refusal(2001, 400, "Invalid Input Provided", "limit and offset are numbers") from None
    if not 0 < limit <= MAX_LIMIT or offset < 0 or offset + limit > MAX_WINDOW:
        raise Refusal(2001, 400, "Invalid Input Provided", "limit or offset is out of range")
    part = rows[offset : offset + limit]
    return {name: part, "limit": limit, "offset": offset, "more": offset + limit < len(rows), "total": None}


def shown(one: dict[str, Any]) -> dict[str, Any]:
    """An incident as the API shows it."""
    return {key: value for key, value in one.items() if not key.startswith("x_")}


_INCIDENT = r"/incidents/([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", r"/users/me", _me),
    ("GET", r"/users", _users),
    ("GET", r"/abilities", lambda request: {"abilities": ["teams", "coordinated_responding"]}),
    ("GET", r"/incidents", _list),
    ("PUT", r"/incidents", _put_many),
    ("GET", _INCIDENT, _get),
    ("PUT", _INCIDENT, _put),
    ("GET", _INCIDENT + "/alerts", _alerts),
    ("GET", _INCIDENT + "/notes", _notes),
    ("POST", _INCIDENT + "/notes", _add_note),
    ("POST", _INCIDENT + "/responder_requests", _responders),
    ("GET", r"/oncalls", _oncalls),
)

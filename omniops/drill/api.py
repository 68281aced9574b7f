"""The simulated admin API: who may ask, which handler answers, and OmniRoute's three shapes of error.

Handlers are functions of (call) -> Reply and live in ``api_writes`` and ``api_reads``; this file finds them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sqlite3
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from omniops.clock import parse_iso
from omniops.drill import data_folder
from omniops.drill.cast import PASSWORD
from omniops.drill.traffic import Traffic
from omniops.drill.world import World

JSON = "application/json"
HTML = "text/html; charset=utf-8"
NOT_FOUND_PAGE = (
    '<!DOCTYPE html><html lang="en"><head><title>404</title></head><body>This page could not be found.</body></html>'
)
LOCK_AFTER, LOCK_FOR = 5, timedelta(minutes=15)


class Reply(NamedTuple):
    """An answer. ``body`` is made into JSON unless it is a string."""

    status: int
    body: Any = ""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Call(NamedTuple):
    """One request to one replica. ``ids`` are the parts of the path that a route leaves open."""

    world: World
    traffic: Traffic
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    raw: bytes
    replica: int = 0
    ids: tuple[str, ...] = ()

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.raw)


Handler = Callable[[Call], Reply]
ROUTES: list[tuple[str, re.Pattern[str], str, Handler]] = []


def route(method: str, path: str, flavour: str = "") -> Callable[[Handler], Handler]:
    """Register a handler; ``*`` in a path is one open part; ``flavour`` limits it to one flavour."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile("/".join("([^/]+)" if part == "*" else re.escape(part) for part in path.split("/")))
        ROUTES.append((method, pattern, flavour, handler))
        return handler

    return register


def text_error(status: int, text: str) -> Reply:
    """The routes' shape of error."""
    return Reply(status, {"error": text})


def invalid(field: str, message: str) -> Reply:
    """The validation's shape of error."""
    return Reply(400, {"error": {"message": "Invalid request", "details": [{"field": field, "message": message}]}})


def denied(status: int, code: str, message: str) -> Reply:
    """The middleware's shape of error; its correlation id is that of the answer's x-request-id."""
    request = str(uuid.uuid4())
    body = {"error": {"code": code, "message": message, "correlation_id": request}}
    return Reply(status, body, headers=(("x-request-id", request),))


def not_found_page() -> Reply:
    """What OmniRoute answers for a path it does not have."""
    return Reply(404, NOT_FOUND_PAGE, HTML)


def route_class(path: str) -> str:
    """Return the class of a path, as x-omniroute-route-class names it, or "" for a page."""
    if path.startswith("/api/auth/") or path in ("/api/settings/require-login", "/api/monitoring/health"):
        return "PUBLIC"
    if path.startswith("/api/"):
        return "MANAGEMENT"
    return "CLIENT_API" if path.startswith("/v1/") else ""


def answer(call: Call) -> Reply:
    """Answer a request: authentication, then the route, then 405 or the 404 page."""
    kind = route_class(call.path)
    with call.world.lock:
        if call.world.data["replicas"][call.replica]["bad"]:
            return _bad_replica(call)
        refusal = _management(call) if kind == "MANAGEMENT" else _client(call) if kind == "CLIENT_API" else None
        if refusal:
            return refusal
        try:
            return _dispatch(call)
        except sqlite3.Error:
            return text_error(500, "Internal server error")


def _dispatch(call: Call) -> Reply:
    wrong_method = False
    for method, pattern, flavour, handler in ROUTES:
        found = pattern.fullmatch(call.path)
        if not found or flavour not in ("", call.world.data["flavour"]):
            continue
        if method == call.method:
            return handler(call._replace(ids=found.groups()))
        wrong_method = True
    return Reply(405, "", "") if wrong_method else not_found_page()


def _bad_replica(call: Call) -> Reply:
    if call.path == "/api/monitoring/health":
        return Reply(500, {"status": "error", "error": "Health check failed"})
    if call.path == "/api/health/ping" and call.world.fork:
        return Reply(503, {"status": "error", "error": "db_query_failed"})
    return text_error(500, "Internal server error")


def session_token(world: World) -> str:
    """The session cookie's value: a JWT that outlives a restart, because its secret does."""
    secret = f"drill-{world.data['seed']}".encode()
    expires = int((parse_iso(world.data["anchor"]) + timedelta(days=30)).timestamp())
    head = _base64(b'{"alg":"HS256"}') + "." + _base64(json.dumps({"authenticated": True, "exp": expires}).encode())
    return head + "." + _base64(hmac.digest(secret, head.encode(), hashlib.sha256))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def has_cookie(call: Call) -> bool:
    """Say whether the request carries the session cookie."""
    pairs = (part.strip().partition("=") for part in call.headers.get("cookie", "").split(";"))
    return any(name == "auth_token" and value == session_token(call.world) for name, _, value in pairs)


def bearer(call: Call) -> str | None:
    """Return the Bearer token, or None where there is no Authorization header."""
    header = call.headers.get("authorization")
    return None if header is None else header.removeprefix("Bearer ").strip()


def _management(call: Call) -> Reply | None:
    if has_cookie(call):
        origin = call.headers.get("origin", "").partition("://")[2]
        writes = call.method not in ("GET", "HEAD")
        if call.world.fork and writes and origin and origin != call.headers.get("host", ""):
            return denied(403, "INVALID_ORIGIN", "Invalid request origin")
        return None
    token = bearer(call)
    if token is None:
        return denied(401, "AUTH_001", "Authentication required")
    if call.world.fork:
        rows = data_folder.key_rows(call.world.database())
        if any(row["key"] == token and "manage" in (row["scopes"] or "") for row in rows):
            return None
    return denied(403, "AUTH_001", "Invalid management token")


def _client(call: Call) -> Reply | None:
    token = bearer(call)
    if token is None:
        return None
    if not call.world.data["auth_ok"]:
        return Reply(500, "Internal Server Error", "text/plain; charset=utf-8")
    rows = data_folder.key_rows(call.world.database())
    if not any(row["key"] == token for row in rows) and not call.world.fork:
        return denied(401, "AUTH_002", "Invalid API key")
    return None


@route("POST", "/api/auth/login")
def login(call: Call) -> Reply:
    """Password login, with the lock after five failures in 15 minutes."""
    data, now = call.world.data, call.world.now()
    recent = [at for at in data["login_failures"] if now - parse_iso(at) < LOCK_FOR]
    if len(recent) >= LOCK_AFTER:
        left = LOCK_FOR - (now - parse_iso(recent[-1]))
        headers = (("Retry-After", str(max(1, round(left.total_seconds())))),)
        return Reply(429, {"error": "Too many failed attempts. Try again later."}, headers=headers)
    try:
        body = call.json()
    except ValueError:
        return text_error(500, "Internal server error")
    password = body.get("password") if isinstance(body, dict) else None
    if not isinstance(password, str):
        found = "undefined" if password is None else type(password).__name__
        return invalid("password", f"Invalid input: expected string, received {found}")
    if password != PASSWORD:
        data["login_failures"] = [*recent, call.world.now_iso()]
        call.world.save()
        return text_error(401, "Invalid password")
    call.world.audit("auth.login.success", "dashboard-auth", "auth_session", {})
    call.world.save()
    age = "; Max-Age=2592000" if call.world.fork else ""
    cookie = f"auth_token={session_token(call.world)}; Path=/{age}; HttpOnly; SameSite=lax"
    return Reply(200, {"success": True}, headers=(("set-cookie", cookie),))


@route("POST", "/api/auth/logout")
def logout(call: Call) -> Reply:
    return Reply(200, {"success": True})


@route("GET", "/api/auth/status")
def status(call: Call) -> Reply:
    return Reply(200, {"authenticated": has_cookie(call)})


@route("GET", "/api/settings/require-login")
def require_login(call: Call) -> Reply:
    node = {"nodeVersion": "v22.20.0", "nodeCompatible": False}
    return Reply(200, {"requireLogin": True, "hasPassword": True, "setupComplete": True, **node})

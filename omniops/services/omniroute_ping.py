"""The uptime probe's one question to OmniRoute, without credentials: does it answer at all? (section 2)"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from omniops.clock import Clock
from omniops.services.http import Http, NoAnswer, Reply, said

PING, HEALTH = "/api/health/ping", "/api/monitoring/health"
TIMEOUT_S = 10.0


class Ping(NamedTuple):
    """One answer. ``state``: "up", "unproven" (it answers, and that is all that is known) or "down".

    ``took_s`` is the machine's time from the request to the end of the answer; None where there was none.
    """

    state: str
    why: str
    path: str
    took_s: float | None = None


def ping(url: str, env: Mapping[str, str], clock: Clock, guard: Callable[[str], None] | None = None) -> Ping:
    """Ask for a ping; where the server has no such page (3.7.9 shows it to nobody), for its health page. Never raises
    for what the server does."""
    http = Http(url, env, clock, guard, TIMEOUT_S)
    try:
        reply, took_s = _ask(http, PING)
        if reply.code == 404:
            reply, took_s = _ask(http, HEALTH)
            return _health(reply, took_s)
        return _ping(reply, took_s)
    except NoAnswer as error:
        return Ping("down", error.why, PING)
    finally:
        http.close()


def _ask(http: Http, path: str) -> tuple[Reply, float]:
    begun = time.monotonic()
    reply = http.ask("GET", path)
    return reply, time.monotonic() - begun


def _ping(reply: Reply, took_s: float) -> Ping:
    if reply.broken:
        return Ping("down", reply.broken, PING, took_s)
    if reply.code in (401, 403):
        return Ping("unproven", f"reachable, unproven: it answers {reply.code} without a login", PING, took_s)
    if reply.code == 200 and _status(reply) == "ok":
        return Ping("up", "it answers, and so does its database", PING, took_s)
    return Ping("down", _failure(reply), PING, took_s)


def _health(reply: Reply, took_s: float) -> Ping:
    """ "healthy" is what this page says while every request fails; a 500 is what it says with no database."""
    if not reply.broken and reply.code == 200 and _status(reply) in ("healthy", "degraded", "warning"):
        why = f'there is no ping here; the health page says "{_status(reply)}", which proves little'
        return Ping("unproven", why, HEALTH, took_s)
    return Ping("down", reply.broken or _failure(reply), HEALTH, took_s)


def _failure(reply: Reply) -> str:
    word = _status(reply)
    return f"it answers {reply.code}" + (f" ({word})" if word else " with something else than a status")


def _status(reply: Reply) -> str:
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        return ""
    return said(value.get("error") or value.get("status") or "", 60) if isinstance(value, dict) else ""

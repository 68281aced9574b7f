"""What OmniRoute answers, as typed values. Pure: bytes in, values out, or Nonsense with the place."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import parse_iso
from omniops.services.http import said
from omniops.text import duration

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}")
VOLATILE = ("testStatus", "errorCode", "lastError", "lastErrorAt", "backoffLevel", "rateLimitedUntil")


class Connection(NamedTuple):
    """A provider connection. ``label`` is what people call its provider (nodeName, prefix, or the provider id)."""

    id: str
    provider: str
    name: str
    label: str
    prefix: str
    active: bool
    priority: int
    default_model: str
    updated_at: str
    shown: dict[str, Any]  # testStatus, errorCode, lastError, backoffLevel, rateLimitedUntil: volatile


class Combo(NamedTuple):
    """A combo. ``version`` is the format's, not a revision: it stays the same when the combo is written."""

    id: str
    name: str
    models: list[Any]  # as the server has them (dicts or strings)
    version: int | None


class WriteReply(NamedTuple):
    """What a write's answer proves: ``applied`` (2xx), ``not_applied`` (4xx, or never sent), ``in_doubt`` (else)."""

    status: str
    detail: str
    code: int | None
    body: Any
    at: str  # updatedAt of the answer, else its Date header, else ""
    request_id: str


class TestReply(NamedTuple):
    """What a connection's test found. The test itself writes testStatus and updatedAt, and a call-log row."""

    ok: bool
    detail: str
    latency_ms: float | None


class Health(NamedTuple):
    """GET /api/monitoring/health (public). ``ok`` proves little: it reads "healthy" while everything fails."""

    ok: bool
    version: str
    uptime_s: float
    pid: int | None
    cryptography: str
    detail: str


class Telemetry(NamedTuple):
    """GET /api/telemetry/summary: one entry per client request of the window."""

    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody wants here
    p95_s: float | None  # None where count is 0
    p99_s: float | None


class Attempt(NamedTuple):
    """A row of call-logs: one upstream attempt."""

    at: datetime
    path: str
    status: int
    model: str
    requested_model: str
    provider: str
    connection: str
    duration_s: float
    combo: str
    error: str


class CallLogs(NamedTuple):
    """``skipped`` counts rows that made no sense."""

    rows: list[Attempt]  # newest first, only /v1/ paths, only finished ones
    complete: bool  # False: the 10 s or 5,000 rows ran out before ``since`` was reached
    skipped: int = 0


class Nonsense(ValueError):
    """An answer that makes no sense; the text says where."""


def json_of(body: bytes) -> Any:
    """Read JSON. Raises Nonsense; lone surrogates, which no terminal or database takes, become question marks."""
    import json

    def constant(name: str) -> Any:
        raise Nonsense(f"{name} is no JSON")

    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text, parse_constant=constant)
        if "\\ud" in text.lower():
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        start = said(text, 60)
        raise Nonsense(f"no JSON: {start}" if start else "an empty answer") from None
    return value


def error_code(body: bytes) -> str:
    """The code of an error body ("AUTH_001"), "" where it has none."""
    try:
        error = json_of(body)["error"]
        return said(error["code"], 40)
    except (Nonsense, KeyError, TypeError, IndexError):
        return ""


def error_text(body: bytes) -> str:
    """An error body in words. OmniRoute has three shapes of it: a text, a message with a code, details per field."""
    try:
        value = json_of(body)
    except Nonsense:
        return "" if is_html(body) else said(body.decode("utf-8", "replace"), 120)
    error = value.get("error", value.get("message", "")) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return said(error)
    parts = [str(error.get("message") or error.get("code") or "")]
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            parts.append(f"{detail.get('field') or 'body'}: {detail.get('message', '')}")
    return said("; ".join(part for part in parts if part))


def is_html(body: bytes) -> bool:
    return body.lstrip()[:15].lower().startswith((b"<!doctype", b"<html"))


def safe_id(value: str) -> bool:
    """May this be put into a URL path? (It is quoted all the same.)

    "client" may not: GET /api/providers/client is no connection, it answers with the upstreams' raw keys.
    """
    return bool(_SAFE_ID.fullmatch(value)) and value.lower() != "client"


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None where it is neither."""
    from email.utils import parsedate_to_datetime

    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def retry_words(value: str, now: datetime) -> str:
    """A Retry-After header in words, "" where there is none that makes sense."""
    wait = retry_after(value, now) if value else None
    return "" if wait is None else f"try again in {duration(wait)}"


def connections(value: Any) -> list[Connection]:
    rows = _list(_field(value, "connections", "the answer"), "connections")
    return [connection(row, f"connections[{place}]") for place, row in enumerate(rows)]


def one_connection(value: Any) -> Connection:
    """The connection of ``{"connection": {...}}``, which is how one is answered."""
    return connection(_field(value, "connection", "the answer"))


def connection(value: Any, where: str = "connection") -> Connection:
    id = _text(value, "id", where)
    if not safe_id(id):
        raise Nonsense(f"{where}.id is no id: {said(id, 40)}")
    provider = _text(value, "provider", where)
    active = _field(value, "isActive", where)
    if not isinstance(active, bool):
        raise Nonsense(f"{where}.isActive is {_kind(active)}, not true or false")
    special = value.get("providerSpecificData")
    special = special if isinstance(special, dict) else {}
    prefix = _maybe(special, "prefix") or provider
    name = _maybe(value, "name") or _maybe(value, "displayName") or _maybe(value, "email") or id
    priority = value.get("priority")
    shown = {key: value[key] for key in VOLATILE if value.get(key) is not None}
    return Connection(
        id,
        provider,
        name,
        _maybe(special, "nodeName") or prefix,
        prefix,
        active,
        priority if isinstance(priority, int) and not isinstance(priority, bool) else 0,
        _maybe(value, "defaultModel"),
        _maybe(value, "updatedAt"),
        {key: said(item) if isinstance(item, (str, dict, list)) else item for key, item in shown.items()},
    )


def combos(value: Any) -> list[Combo]:
    rows = _list(_field(value, "combos", "the answer"), "combos")
    return [combo(row, f"combos[{place}]") for place, row in enumerate(rows)]


def combo(value: Any, where: str = "combo") -> Combo:
    id = _text(value, "id", where)
    if not safe_id(id):
        raise Nonsense(f"{where}.id is no id: {said(id, 40)}")
    version = value.get("version")
    models = _list(_field(value, "models", where), f"{where}.models")
    return Combo(id, _text(value, "name", where), models, version if isinstance(version, int) else None)


def model_names(models: list[Any]) -> list[str]:
    """What a combo's models refer to, in order, whichever way they are written."""
    return [str(m.get("model") or m.get("comboName") or m.get("id")) if isinstance(m, dict) else str(m) for m in models]


def test_reply(value: Any) -> TestReply:
    valid = _field(value, "valid", "the answer")
    if not isinstance(valid, bool):
        raise Nonsense(f"valid is {_kind(valid)}, not true or false")
    latency = value.get("latencyMs")
    detail = said(value.get("error") or value.get("warning") or ("ok" if valid else "it failed without a reason"))
    return TestReply(valid, detail, _number(latency, "latencyMs") if latency is not None else None)


def health(value: Any) -> Health:
    status = _text(value, "status", "the answer")
    system = value.get("system")
    system = system if isinstance(system, dict) else {}
    uptime = value.get("uptime", system.get("uptime"))
    pid = system.get("pid")
    cryptography = value.get("cryptography")
    return Health(
        status == "healthy",
        _maybe(value, "version") or _maybe(system, "version"),
        _number(uptime, "uptime") if uptime is not None else 0.0,
        pid if isinstance(pid, int) and not isinstance(pid, bool) and pid > 0 else None,
        _maybe(cryptography, "status") if isinstance(cryptography, dict) else "",
        "; ".join(part for part in (status, _maybe(value, "error")) if part),
    )


def telemetry(value: Any) -> Telemetry:
    count = int(_number(_field(value, "count", "the answer"), "count"))
    if count == 0:
        return Telemetry(0, None, None)
    p95, p99 = (_number(_field(value, name, "the answer"), name) / 1000 for name in ("p95", "p99"))
    return Telemetry(count, p95, p99)


def latency_stats(value: Any) -> list[dict[str, Any]]:
    """The fork's figures per provider, model and connection: key, totalRequests, p95LatencyMs."""
    found = []
    for entry in _list(_field(value, "entries", "the answer"), "entries"):
        figures = {name: _number(_field(entry, name, "entry"), name) for name in ("totalRequests", "p95LatencyMs")}
        found.append({"key": _text(entry, "key", "entry"), **figures})
    return found


def log_row(row: Any) -> tuple[datetime | None, Attempt | None]:
    """One row of call-logs: when, and the attempt, if it is a client's; neither of an unfinished one. May raise."""
    status = int(_number(_field(row, "status", "row"), "row.status"))
    if row.get("active") is True or status == 0:
        return None, None
    path = _text(row, "path", "row")
    try:
        at = parse_iso(_text(row, "timestamp", "row"))
    except Nonsense:
        raise
    except ValueError as error:
        raise Nonsense(f"row.timestamp: {error}") from None
    if not path.startswith("/v1/"):
        return at, None
    duration_s = _number(_field(row, "duration", "row"), "row.duration") / 1000
    return at, Attempt(
        at,
        path,
        status,
        _maybe(row, "model"),
        _maybe(row, "requestedModel"),
        _maybe(row, "provider"),
        _maybe(row, "connectionId"),
        duration_s,
        _maybe(row, "comboName"),
        _maybe(row, "error"),
    )


def audit_rows(value: Any, target: str, since: datetime) -> list[dict[str, Any]]:
    """The rows of an audit log that name a target (or the connection with that id), from ``since`` on."""
    found = []
    for row in value if isinstance(value, list) else []:
        if not isinstance(row, dict):
            continue
        given = row.get("details")
        details: dict[str, Any] = given if isinstance(given, dict) else {}
        ids = [
            part.get("id")
            for part in (details.get(k) for k in ("before", "after", "connection"))
            if isinstance(part, dict)
        ]
        try:
            at = parse_iso(_text(row, "timestamp", "row"))
        except ValueError:
            continue
        if at < since or (row.get("target") != target and target not in ids):
            continue
        fields = details.get("changedFields")
        found.append(
            {
                "id": said(row.get("id"), 60),
                "timestamp": _maybe(row, "timestamp"),
                "actor": _maybe(row, "actor"),
                "action": _maybe(row, "action"),
                "changedFields": [said(name, 60) for name in fields] if isinstance(fields, list) else [],
                "request_id": _maybe(row, "request_id") or _maybe(row, "requestId"),
            }
        )
    return found


def number(value: Any, name: str) -> float:
    """A field of an object as a number. Raises Nonsense."""
    return _number(_field(value, name, "the answer"), name)


def flag(value: Any, name: str) -> bool:
    """A field of an object as true or false. Raises Nonsense."""
    found = _field(value, name, "the answer")
    if not isinstance(found, bool):
        raise Nonsense(f"{name} is {_kind(found)}, not true or false")
    return found


def text(value: Any, name: str) -> str:
    """A field of an object as a text that is not empty. Raises Nonsense."""
    return _text(value, name, "the answer")


def model_ids(value: Any, key: str, owner: str = "") -> list[str]:
    """The ids of a list of models; with ``owner``, only those it owns. What makes no sense is left out."""
    rows = value.get(key) if isinstance(value, dict) else None
    return [
        _maybe(row, "id")
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and _maybe(row, "id") and (not owner or row.get("owned_by") == owner)
    ]


def _field(value: Any, name: str, where: str) -> Any:
    if not isinstance(value, dict):
        raise Nonsense(f"{where} is {_kind(value)}, not an object")
    if name not in value:
        raise Nonsense(f"{where} has no {name}")
    return value[name]


def _text(value: Any, name: str, where: str) -> str:
    found = _field(value, name, where)
    if not isinstance(found, str) or not said(found):
        raise Nonsense(f"{where}.{name} is {_kind(found)}, not a text")
    return said(found, 500)


def _maybe(value: Any, name: str) -> str:
    """An optional text; null, absent and wrong types are the same."""
    found = value.get(name) if isinstance(value, dict) else None
    return said(found, 500) if isinstance(found, str) else ""


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Nonsense(f"{where} is {_kind(value)}, not a list")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise Nonsense(f"{where} is {_kind(value)}, not a number from 0 on")
    return float(value)


def _kind(value: Any) -> str:
    kinds = {type(None): "null", bool: "a flag", str: "a text", dict: "an object", list: "a list"}
    return kinds.get(type(value), "a number")

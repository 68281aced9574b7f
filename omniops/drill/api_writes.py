"""The parts of the simulated API that change something: connections, combos, keys. Every write is counted."""

from __future__ import annotations

from random import Random
from typing import Any

from omniops.clock import iso, parse_iso
from omniops.drill import cast, data_folder, faults
from omniops.drill.api import Call, Reply, invalid, route, text_error
from omniops.drill.world import World

_FIELDS: dict[str, tuple[str, type]] = {
    "isActive": ("boolean", bool),
    "name": ("string", str),
    "priority": ("number", int),
    "defaultModel": ("string", str),
    "testStatus": ("string", str),
    "lastError": ("string", str),
    "rateLimitedUntil": ("string", str),
}
_NULLABLE = ("lastError", "rateLimitedUntil", "defaultModel")
_JSON_NAMES = {bool: "boolean", str: "string", int: "number", float: "number", list: "array", dict: "object"}


def find_connection(world: World, id: str) -> dict[str, Any] | None:
    """Return the stored connection."""
    return next((row for row in world.data["connections"] if row["id"] == id), None)


def shown(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    """Return a connection as the API shows it now: null fields left out, its last error worked out from traffic."""
    view = {**row, **_volatile(call, row)}
    if call.world.fork:
        view |= {"proxyEnabled": False, "perKeyProxyEnabled": False}
        view["apiKey"] = "sk-****"
    return {key: value for key, value in view.items() if value is not None or key == "maxConcurrent"}


def _volatile(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    failing = call.world.data["modes"].get(row["id"])
    if not failing and not call.world.has("instant-errors"):
        return {}
    error = call.traffic.last_error(row["id"])
    if error is None:
        return {}
    if call.world.fork:  # a 5xx locks the model, the connection stays as it was
        return {"lastError": f"Model {error['model']} server_error", "lastErrorAt": error["timestamp"]}
    at = parse_iso(error["timestamp"])
    until = at.timestamp() + 3
    return {
        "testStatus": "unavailable",
        "errorCode": f"{error['status']}.0",
        "lastError": error["error"],
        "lastErrorAt": error["timestamp"],
        "lastErrorType": "server_error",
        "backoffLevel": 1,
        "rateLimitedUntil": iso(at.fromtimestamp(until, at.tzinfo)),
        "updatedAt": max(row["updatedAt"], error["timestamp"]),
    }


def visible(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    """Return what a read shows of a connection or combo: the old state while the fault stale-read lasts."""
    stale = call.world.data["stale"].get(row["id"])
    if stale and stale["left"] > 0:
        stale["left"] -= 1
        call.world.save()
        return dict(stale["before"])
    return shown(call, row) if "provider" in row else dict(row)


def _write(call: Call, target: str, what: str, before: dict[str, Any] | None) -> None:
    """Count a write that was carried out, and let reads be stale if the drill wants them to."""
    world = call.world
    world.data["writes"].append(
        {
            "number": len(world.data["writes"]) + 1,
            "at": world.now_iso(),
            "method": call.method,
            "path": call.path,
            "target": target,
            "what": what,
        }
    )
    stale = faults.find(world.faults, "stale-read")
    if stale and before is not None:
        world.data["stale"][target] = {"left": stale.nth or 1, "before": before}
    world.changed()


def _body(call: Call) -> dict[str, Any] | Reply:
    try:
        body = call.json()
    except ValueError:
        return invalid("body", "Invalid JSON body")
    return body if isinstance(body, dict) else invalid("", "Invalid input: expected object")


def _update(call: Call, row: dict[str, Any], changes: dict[str, Any]) -> None:
    before = shown(call, row)
    row |= changes
    row["updatedAt"] = call.world.now_iso()
    call.world.data["connections"].sort(key=lambda one: (one["priority"], one["createdAt"]))
    target = f"{row['provider']}:{row['name']}"
    details = {
        "provider": row["provider"],
        "changedFields": sorted(changes),
        "before": before,
        "after": shown(call, row),
    }
    call.world.audit("provider.credentials.updated", target, "provider_credentials", details)
    _write(call, row["id"], ", ".join(f"{key}={value}" for key, value in changes.items()), before)


@route("PUT", "/api/providers/*")
def put_connection(call: Call) -> Reply:
    """Change a connection. Repeating it is no no-op: updatedAt advances and the audit log grows."""
    body = _body(call)
    if isinstance(body, Reply):
        return body
    changes = {key: value for key, value in body.items() if key in _FIELDS}
    for key, value in changes.items():
        name, kind = _FIELDS[key]
        if type(value) is not kind and not (value is None and key in _NULLABLE):
            received = _JSON_NAMES.get(type(value), "null")
            return invalid(key, f"Invalid input: expected {name}, received {received}")
    if not changes:
        return invalid("", "No valid fields to update")
    row = find_connection(call.world, call.ids[0])
    if row is None:
        return text_error(404, "Connection not found")
    _update(call, row, changes)
    return Reply(200, {"connection": shown(call, row)})


@route("PATCH", "/api/providers", "fork")
def patch_connections(call: Call) -> Reply:
    """The fork's batch switch."""
    body = _body(call)
    if isinstance(body, Reply):
        return body
    ids, active = body.get("ids"), body.get("isActive")
    if not isinstance(ids, list) or not isinstance(active, bool):
        return invalid("ids", "Invalid input: expected array")
    rows = [row for row in (find_connection(call.world, str(id)) for id in ids) if row]
    for row in rows:
        _update(call, row, {"isActive": active})
    missing = [id for id in ids if not find_connection(call.world, str(id))]
    word = "Activated" if active else "Deactivated"
    return Reply(200, {"message": f"{word} {len(rows)} connection(s)", "updated": len(rows), "notFound": missing})


@route("POST", "/api/providers/*/test")
def test_connection(call: Call) -> Reply:
    """An upstream call through one connection. It leaves a row in call-logs, off /v1/."""
    row = find_connection(call.world, call.ids[0])
    if row is None:
        return text_error(404, "Connection not found")
    bad = bool(call.world.data["modes"].get(row["id"])) or call.world.has("instant-errors")
    message = "[500]: upstream is overloaded" if bad else None
    kind, code = ("upstream_error", "upstream_error") if bad else ("ok", None)
    call.world.data["tests"].append({"at": call.world.now_iso(), "connection": row["id"], "error": message})
    call.world.save()
    return Reply(
        200,
        {
            "valid": not bad,
            "error": message,
            "warning": None,
            "refreshed": False,
            "diagnosis": {"type": kind, "source": "upstream", "message": message, "code": code},
            "latencyMs": 2100 if bad else 180,
            "statusCode": 500 if bad else None,
            "runtime": None,
            "testedAt": call.world.now_iso(),
        },
    )


@route("PUT", "/api/combos/*")
def put_combo(call: Call) -> Reply:
    """Change a combo. ``version`` stays 2 and nothing reaches the audit log, as on the real server."""
    body = _body(call)
    if isinstance(body, Reply):
        return body
    changes = {key: body[key] for key in ("models", "name", "strategy", "isActive") if key in body}
    models = changes.get("models", [])
    if not isinstance(models, list):
        received = _JSON_NAMES.get(type(models), "null")
        return invalid("models", f"Invalid input: expected array, received {received}")
    if not changes:
        return invalid("", "No valid fields to update")
    row = next((one for one in call.world.data["combos"] if one["id"] == call.ids[0]), None)
    if row is None:
        return text_error(404, "Combo not found")
    before = dict(row)
    if "models" in changes:
        changes["models"] = cast.steps(row["name"], models)
    row |= changes
    row["updatedAt"] = call.world.now_iso()
    _write(call, row["id"], "models=" + ",".join(step["model"] for step in row["models"]), before)
    return Reply(200, row)


@route("POST", "/api/keys")
def post_key(call: Call) -> Reply:
    """Make an API key; 3.7.9 drops the scopes without a word."""
    body = _body(call)
    if isinstance(body, Reply):
        return body
    if not isinstance(body.get("name"), str):
        return invalid("name", "Invalid input: expected string, received undefined")
    key = cast.keys(Random(), call.world.now())[0] | {"name": body["name"]}
    manage = call.world.fork and "manage" in (body.get("scopes") or [])
    key["scopes"] = '["manage","self:usage"]' if manage else ""
    data_folder.insert_key(call.world.database(), key)
    _write(call, key["id"], f"key {key['name']}", None)
    made = {"key": key["key"], "name": key["name"], "id": key["id"], "machineId": key["machine"], "noLog": False}
    return Reply(201, made)


@route("POST", "/api/shutdown")
def shutdown(call: Call) -> Reply:
    call.world.ask_stop()
    return Reply(200, {"success": True, "message": "Shutting down..."})


@route("DELETE", "/api/keys/*")
def delete_key(call: Call) -> Reply:
    gone = call.world.database().execute("DELETE FROM api_keys WHERE id = ?", (call.ids[0],)).rowcount
    if not gone:
        return text_error(404, "Key not found")
    _write(call, call.ids[0], "key deleted", None)
    return Reply(200, {"message": "Key deleted successfully"})

"""The parts of the simulated API that only read: health, version, models, logs, latency."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from omniops.clock import parse_iso
from omniops.drill import data_folder
from omniops.drill.api import Call, Reply, invalid, not_found_page, route, text_error
from omniops.drill.api_traffic import MEMORY, QUOTA, number
from omniops.drill.api_writes import find_connection, visible

_TIERS = ("LOCAL_ONLY", "ALWAYS_PROTECTED", "MANAGEMENT", "CLIENT_API", "PUBLIC")


@route("GET", "/api/providers")
def connections(call: Call) -> Reply:
    return Reply(200, {"connections": [visible(call, row) for row in call.world.data["connections"]]})


@route("GET", "/api/providers/*")
def connection(call: Call) -> Reply:
    row = find_connection(call.world, call.ids[0])
    return Reply(200, {"connection": visible(call, row)}) if row else text_error(404, "Connection not found")


@route("GET", "/api/combos")
def combos(call: Call) -> Reply:
    return Reply(200, {"combos": [visible(call, row) for row in call.world.data["combos"]]})


@route("GET", "/api/combos/*")
def combo(call: Call) -> Reply:
    row = next((one for one in call.world.data["combos"] if one["id"] == call.ids[0]), None)
    return Reply(200, visible(call, row)) if row else text_error(404, "Combo not found")


@route("GET", "/api/synced-available-models")
def synced_models(call: Call) -> Reply:
    """Stored models, by provider."""
    table = {
        provider: [{"id": model, "name": model, "source": "imported"} for model in entry["models"]]
        for provider, entry in call.world.data["providers"].items()
    }
    wanted = call.query.get("provider")
    return Reply(200, table if wanted is None else {"models": table.get(wanted, [])})


@route("GET", "/api/provider-models")
def provider_models(call: Call) -> Reply:
    """Custom models: none here."""
    return Reply(200, {"models": [] if "provider" in call.query else {}, "modelCompatOverrides": []})


@route("GET", "/v1/models")
def models(call: Call) -> Reply:
    created = int(parse_iso(call.world.data["booted"]).timestamp())
    entries = [(row["name"], "combo", row["name"]) for row in call.world.data["combos"]]
    for provider, entry in call.world.data["providers"].items():
        entries += [(f"{entry['prefix']}/{model}", provider, model) for model in entry["models"]]
    fixed: dict[str, Any] = {"permission": [], "parent": None}
    return Reply(
        200,
        {
            "object": "list",
            "data": [
                {"id": id, "object": "model", "created": created, "owned_by": owner, "root": root, **fixed}
                for id, owner, root in entries
            ],
        },
    )


@route("POST", "/v1/chat/completions")
def chat(call: Call) -> Reply:
    """One request by hand. It leaves no row: the rows are those of the made-up clients."""
    try:
        wanted = str(call.json()["model"])
    except (ValueError, KeyError, TypeError):
        return invalid("body", "Invalid JSON body")
    world = call.world.data
    combo_models = [step["model"] for row in world["combos"] if row["name"] == wanted for step in row["models"]]
    candidates = combo_models or [wanted]
    names = {entry["prefix"]: provider for provider, entry in world["providers"].items()}
    providers = [names.get(model.partition("/")[0], model.partition("/")[0]) for model in candidates]
    live = [row for row in world["connections"] if row["isActive"] and row["provider"] in providers]
    if not live:
        error = {"message": f"No credentials for provider: {providers[0]}", "type": "invalid_request_error"}
        if call.world.fork:
            error["message"] = f"No active credentials for provider: {providers[0]}"
            return Reply(404, {"error": error | {"code": "model_not_found"}})
        return Reply(400, {"error": error | {"code": "bad_request"}})
    if call.world.has("instant-errors") or all(world["modes"].get(row["id"]) for row in live):
        text = f"[{live[0]['provider']}/{candidates[0]}] [500]: upstream is overloaded (reset after 1s)"
        return Reply(500, {"error": {"message": text}})
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 2005, "completion_tokens": 3, "total_tokens": 2008}
    return Reply(200, {"object": "chat.completion", "model": wanted, "choices": [choice], "usage": usage})


@route("GET", "/api/monitoring/health")
def health(call: Call) -> Reply:
    """The health page: "healthy" as long as the database opens at all, whatever fails."""
    world = call.world
    try:
        world.database().execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error:
        return Reply(500, {"status": "error", "error": "Health check failed"})
    uptime = (world.now() - parse_iso(world.data["booted"])).total_seconds()
    active = [row for row in world.data["connections"] if row["isActive"]]
    providers = sorted({row["provider"] for row in active})
    closed: dict[str, Any] = {"state": "CLOSED", "lastFailure": None, "retryAfterMs": 0}
    version = world.data["version"]
    body: dict[str, Any] = {
        "status": "healthy",
        "timestamp": world.now_iso(),
        "system": {
            "version": version,
            "nodeVersion": "v22.20.0",
            "uptime": uptime,
            "memoryUsage": MEMORY,
            "pid": world.pid(call.replica),
            "platform": "linux",
        },
        "version": version,
        "uptime": uptime,
        "memoryUsage": MEMORY,
        "activeConnections": len(world.data["connections"]),
        "circuitBreakers": {"open": 0, "halfOpen": 0, "closed": len(providers), "total": len(providers)},
        "providerBreakers": [{"provider": name, "failureCount": 0, **closed} for name in providers],
        "providerHealth": {name: {"failures": 0, **closed} for name in providers},
        "providerSummary": {
            "catalogCount": 160,
            "configuredCount": len(world.data["providers"]),
            "activeCount": len(providers),
            "monitoredCount": len(providers),
        },
        "localProviders": {},
        "rateLimitStatus": {
            f"{row['provider']}:{row['id']}": {"queued": 0, "running": 0, "executing": 0} for row in active
        },
        "learnedLimits": {},
        "lockouts": _lockouts(call),
        "quotaMonitor": {**QUOTA, "byProvider": {}, "monitors": []},
        "sessions": {"activeCount": 2, "stickyBoundCount": 2, "byApiKey": {}, "top": []},
        "dedup": {"inflightRequests": 0},
        "cryptography": {"status": "missing_or_invalid", "provider": "aes-256-gcm"},
        "setupComplete": True,
    }
    if world.fork:
        body["circuitBreakers"]["degraded"] = 0
        body |= {"connectionHealth": {}, "credentialHealth": {}}
    return Reply(200, body)


def _lockouts(call: Call) -> list[dict[str, Any]]:
    """The fork locks a model where 3.7.9 cools down the connection."""
    answer: list[dict[str, Any]] = []
    for row in call.world.data["connections"] if call.world.fork else []:
        if row["isActive"] and call.world.data["modes"].get(row["id"]):
            until = int((call.world.now().timestamp() + 2) * 1000)
            answer.append(
                {
                    "provider": row["provider"],
                    "connectionId": row["id"],
                    "model": row["defaultModel"],
                    "reason": "server_error",
                    "remainingMs": 2000,
                    "failureCount": 1,
                    "lockedAt": until - 3000,
                    "until": until,
                }
            )
    return answer


@route("GET", "/api/health/ping", "fork")
def ping(call: Call) -> Reply:
    return Reply(200, {"status": "ok", "timestamp": call.world.now_iso(), "latencyMs": 1})


@route("GET", "/api/system/version")
def version(call: Call) -> Reply:
    return Reply(
        200,
        {
            "current": call.world.data["version"],
            "latest": "3.7.9",
            "updateAvailable": False,
            "channel": "source",
            "autoUpdateSupported": False,
            "autoUpdateError": "Not a git repository. Download source or use npm install -g.",
            "news": None,
        },
    )


@route("GET", "/api/settings/authz-inventory", "fork")
def inventory(call: Call) -> Reply:
    """The fork's inventory. It has no policies_active, unless the drill puts one in."""
    if call.world.has("inventory-failing"):
        return text_error(500, "Internal server error")
    if call.world.has("inventory-malformed"):
        return Reply(200, ["not", "an", "inventory"])
    body: dict[str, Any] = {
        "tiers": [
            {"name": name, "prefixes": ["/api/"], "description": f"{name} routes", "bypassable": name == "LOCAL_ONLY"}
            for name in _TIERS
        ],
        "bypassEnabled": True,
        "bypassPrefixes": ["/api/mcp/"],
        "spawnCapablePrefixes": [],
    }
    if call.world.has("policies-empty"):
        body["policies_active"] = []
    return Reply(200, body)


@route("GET", "/api/keys")
def keys(call: Call) -> Reply:
    rows = data_folder.key_rows(call.world.database())
    shown = [
        {
            "id": row["id"],
            "name": row["name"],
            "key": f"{row['key'][:8]}****{row['key'][-4:]}",
            "machineId": row["machine_id"],
            "allowedModels": [],
            "noLog": False,
            "createdAt": row["created_at"],
            "revokedAt": None,
            "expiresAt": None,
            "lastUsedAt": None,
            "keyPrefix": row["key_prefix"],
            "ipAllowlist": None,
            "scopes": json.loads(row["scopes"]) if row["scopes"] and call.world.fork else None,
            "allowedConnections": [],
            "autoResolve": False,
            "isActive": True,
            "accessSchedule": None,
            "maxRequestsPerDay": None,
            "maxRequestsPerMinute": None,
            "maxSessions": 0,
        }
        for row in rows
    ]
    return Reply(200, {"keys": shown, "total": len(shown), "allowKeyReveal": False})


@route("GET", "/api/db/health")
def db_health(call: Call) -> Reply:
    found = data_folder.problems(call.world.database())
    issues = [{"type": "integrity", "message": text} for text in found]
    fixed = {"repairedCount": 0, "backupCreated": False, "autoRepair": False, "checkedAt": call.world.now_iso()}
    return Reply(200, {"isHealthy": not found, "issues": issues, **fixed})


@route("GET", "/api/storage/health")
def storage_health(call: Call) -> Reply:
    folder = call.world.folder / "data"
    path = folder / "storage.sqlite"
    backups = data_folder.backup_list(folder)
    return Reply(
        200,
        {
            "driver": "sqlite",
            "dbPath": str(path),
            "sizeBytes": path.stat().st_size if path.exists() else 0,
            "lastBackupAt": backups[0]["createdAt"] if backups else None,
            "backupCount": len(backups),
            "retentionDays": {"app": 7, "call": 7},
            "tableMaxRows": {"callLogs": 100000, "proxyLogs": 100000},
            "backupRetention": {"maxFiles": 20, "days": 0},
            "dataDir": str(folder),
        },
    )


@route("GET", "/api/db-backups")
def db_backups(call: Call) -> Reply:
    return Reply(200, {"backups": data_folder.backup_list(call.world.folder / "data")})


@route("GET", "/api/compliance/audit-log")
def audit_log(call: Call) -> Reply:
    rows = call.world.data["audit"][::-1]
    limit, offset = number(call.query.get("limit"), 100), number(call.query.get("offset"), 0)
    headers = (("x-page-limit", str(limit)), ("x-page-offset", str(offset)), ("x-total-count", str(len(rows))))
    return Reply(200, rows[offset : offset + limit], headers=headers)


@route("GET", "/api/rate-limit")
def rate_limit(call: Call) -> Reply:
    return Reply(308, "", "", headers=(("location", f"http://{call.headers.get('host', '')}/api/rate-limits"),))


@route("GET", "/api/health/ping", "3.7.9")
def no_ping(call: Call) -> Reply:
    return not_found_page()

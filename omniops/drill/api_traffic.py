"""The parts of the simulated API that are made from traffic: telemetry, call logs, latency per model."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any

from omniops.clock import iso, parse_iso
from omniops.drill.api import Call, Reply, route, text_error
from omniops.drill.traffic import percentile

MEMORY = {
    "rss": 256163840,
    "heapTotal": 154976256,
    "heapUsed": 120906272,
    "external": 3837420,
    "arrayBuffers": 8500137,
}
QUOTA = {
    "active": 0,
    "alerting": 0,
    "exhausted": 0,
    "errors": 0,
    "statusCounts": {"starting": 0, "idle": 0, "healthy": 0, "warning": 0, "exhausted": 0, "error": 0},
}
DEFAULT_WINDOW_MS = 300_000


@route("GET", "/api/telemetry/summary")
def telemetry(call: Call) -> Reply:
    """One entry per client request, in memory only: a restart forgets. A window that is no number is no requests."""
    world = call.world
    try:
        window = float(call.query.get("windowMs", DEFAULT_WINDOW_MS))
    except ValueError:
        window = 0.0
    booted = parse_iso(world.data["booted"])
    since = max(world.now().timestamp() - window / 1000, booted.timestamp())
    times = sorted(entry.ms for entry in call.traffic.served(since))
    count = len(times)
    average = round(sum(times) / count) if count else 0
    p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
    phases = {"connect": {"count": count, "p50": p50, "p95": p95, "avg": average}} if count else {}
    return Reply(
        200,
        {
            "count": count,
            "avg": average,
            "p50": p50,
            "p95": p95,
            "p99": p99,
            "phaseBreakdown": phases,
            "totalRequests": count,
            "avgLatencyMs": average,
            "sessions": {"activeCount": 2, "stickyBoundCount": 2},
            "quotaMonitor": QUOTA,
            "uptime": (world.now() - booted).total_seconds(),
            "memoryUsage": MEMORY,
            "activeConnections": 2,
            "errorRate": 0,  # real: it counts quota-monitor errors, not failed requests
        },
    )


@route("GET", "/api/usage/call-logs")
def call_logs(call: Call) -> Reply:
    """Attempts, newest first. The fork mixes in a row in flight and its own model-sync rows."""
    query = call.query
    limit, offset = number(query.get("limit"), 200), number(query.get("offset"), 0)
    fields = {"model": "model", "provider": "provider", "account": "account", "combo": "comboName"}
    wanted = {field: query[name] for name, field in fields.items() if name in query}
    status = query.get("status", "")

    def fits(row: dict[str, Any]) -> bool:
        code = int(row["status"])
        by_status = {"": True, "ok": 200 <= code < 400, "error": code >= 400}.get(status, str(code) == status)
        return by_status and all(row[field] == value for field, value in wanted.items())

    rows = (row for row in _all_rows(call) if fits(row))
    return Reply(200, list(islice(rows, offset, offset + limit)))


def _test_rows(call: Call) -> Iterator[dict[str, Any]]:
    """Connection tests, newest first: they are in the log too, with a path and a model of their own."""
    rows = {row["id"]: row for row in call.world.data["connections"]}
    for test in reversed(call.world.data["tests"]):
        yield call.traffic.row(
            test["at"],
            "/api/providers/test",
            rows[test["connection"]],
            None,
            "connection-test",
            status=401 if test["error"] else 200,
            error=test["error"],
        )


def _all_rows(call: Call) -> Iterator[dict[str, Any]]:
    newest = merge(call.traffic.rows(), _test_rows(call), key=lambda row: row["timestamp"], reverse=True)
    for number, row in enumerate(newest):
        if call.world.fork and number == 0:
            extra = row | {"id": "in-flight", "status": 0, "active": True, "duration": 0, "error": None}
            yield extra | {"timestamp": call.world.now_iso()}
        if call.world.fork and number == 20:
            path = f"/api/providers/{row['connectionId']}/models"
            yield row | {
                "id": "model-sync",
                "correlationId": None,
                "model": "model-sync",
                "method": "GET",
                "path": path,
            }
        yield row


def number(text: str | None, default: int) -> int:
    """Read a whole number of a query, or the default where there is none."""
    return int(text) if text and text.isdigit() else default


@route("GET", "/api/usage/model-latency-stats", "fork")
def model_latency(call: Call) -> Reply:
    """The fork's percentiles per model and connection."""
    try:
        hours = float(call.query.get("windowHours", "24"))
    except ValueError:
        hours = 0.0
    if hours <= 0:
        fixed = {"type": "invalid_request_error", "code": "bad_request"}
        return Reply(400, {"error": {"message": "Too small: expected number to be >0", **fixed}})
    since = iso(call.world.now().fromtimestamp(call.world.now().timestamp() - hours * 3600, call.world.now().tzinfo))
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in islice(call.traffic.rows(), 10_000):
        if row["timestamp"] < since:
            break
        groups.setdefault((row["provider"], row["model"], row["connectionId"]), []).append(row)
    least = number(call.query.get("minSamples"), 1)
    entries = [_latency_entry(key, rows, hours) for key, rows in sorted(groups.items()) if len(rows) >= least]
    head = {"windowHours": hours, "minSamples": least, "maxRows": 10000, "keyByConnectionId": True}
    return Reply(200, {**head, "count": len(entries), "entries": entries})


def _latency_entry(key: tuple[str, str, str], rows: list[dict[str, Any]], hours: float) -> dict[str, Any]:
    times = sorted(int(row["duration"]) for row in rows)
    good = sum(1 for row in rows if row["status"] == 200)
    average = round(sum(times) / len(times))
    return {
        "provider": key[0],
        "model": key[1],
        "key": "/".join(key),
        "connectionId": key[2],
        "totalRequests": len(rows),
        "successfulRequests": good,
        "successRate": round(good / len(rows), 4),
        "avgLatencyMs": average,
        "p50LatencyMs": percentile(times, 0.5),
        "p95LatencyMs": percentile(times, 0.95),
        "p99LatencyMs": percentile(times, 0.99),
        "latencyStdDev": 0,
        "avgTtftMs": average,
        "windowHours": hours,
    }


@route("GET", "/api/usage/model-latency-stats", "3.7.9")
def no_model_latency(call: Call) -> Reply:
    """3.7.9 takes the path for another route's."""
    return text_error(404, "Connection not found")

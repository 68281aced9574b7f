"""The OmniRoute admin API, for 3.7.9 (cookie login only) and the newer fork (Bearer keys), told apart by probing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import Clock
from omniops.config import Settings

REQUEST_TIMEOUT_S = 10.0


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
    id: str
    name: str
    models: list[Any]  # as the server has them (dicts or strings)
    version: int | None


class WriteReply(NamedTuple):
    """What a write's answer proves: ``applied`` (2xx), ``not_applied`` (4xx, or never sent), ``in_doubt`` (the rest)."""

    status: str
    detail: str
    code: int | None
    body: Any
    at: str  # updatedAt of the answer, else its Date header, else ""
    request_id: str


class TestReply(NamedTuple):
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

    count: int
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
    rows: list[Attempt]  # newest first, only /v1/ paths, only finished ones
    complete: bool  # False: the 10 s or 5,000 rows ran out before ``since`` was reached


class OmniRoute:
    """One server. Every method raises Refused (401/403), Unreachable (no sense to be had) or BadInput (configuration)."""

    def __init__(
        self, url: str, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None
    ) -> None:
        """``guard`` is called with every URL before it is asked (a drill refuses what is not loopback)."""
        raise NotImplementedError

    url: str
    timeout_s: float = REQUEST_TIMEOUT_S

    def connections(self) -> list[Connection]: ...
    def connection(self, id: str) -> Connection | None: ...
    def set_active(self, id: str, active: bool) -> WriteReply: ...
    def test_connection(self, id: str) -> TestReply: ...
    def combos(self) -> list[Combo]: ...
    def set_combo_models(self, id: str, models: list[Any]) -> WriteReply: ...
    def models_of(self, provider: str) -> list[str]:
        """Client ids ("prefix/model") that /v1/models and the stored lists know for a provider."""
        ...

    def health(self) -> Health: ...
    def version(self) -> tuple[str, str]:
        """(version, source): /api/system/version, else the health page."""
        ...

    def telemetry(self, window_s: float) -> Telemetry: ...
    def call_logs(self, since: datetime) -> CallLogs: ...
    def inventory(self) -> tuple[str, Any]:
        """("ok", body), ("absent", None) (404 page), ("failing", detail) or ("malformed", detail)."""
        ...

    def keys_total(self) -> int: ...
    def db_health(self) -> tuple[bool, str]: ...
    def data_folder(self) -> str:
        """dataDir of /api/storage/health."""
        ...

    def writes_to(self, target: str, since: str) -> list[dict[str, Any]]:
        """Audit-log rows for a target ("<provider>:<name>" or an id) at or after ``since`` (ISO): id, timestamp, actor,
        changedFields. Empty where the log cannot be read."""
        ...

    def skew_s(self) -> float | None:
        """Server clock minus ours, from the last Date header; None before the first answer."""
        ...

    def server_now(self) -> datetime:
        """Our clock corrected by the skew."""
        ...

    def close(self) -> None: ...

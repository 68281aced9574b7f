"""An OmniRoute and a PagerDuty held in memory, with the clients' own methods, and the clock that they go by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

from omniops.actions.base import Context
from omniops.clock import iso, parse_iso
from omniops.config import Settings
from omniops.errors import OmniopsError, Unreachable
from omniops.services.omniroute import (
    Attempt,
    CallLogs,
    Combo,
    Connection,
    Health,
    OmniRoute,
    Telemetry,
    TestReply,
    WriteReply,
)
from omniops.services.omniroute_audit import Writes
from omniops.services.pagerduty import EventReply, Events

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
URL = "http://127.0.0.1:20128"


class MovedClock:
    """A clock that the test moves."""

    def __init__(self, now: datetime = START) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def boot(self) -> float:
        return (self.moment - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class FakeOmniRoute:
    """The server. ``broken`` maps a method's name to the error it raises; ``calls`` lists the methods called."""

    servers: ClassVar[dict[str, FakeOmniRoute]] = {}  # what answers at each URL

    def __init__(
        self,
        url: str = URL,
        settings: Settings | None = None,
        clock: MovedClock | None = None,
        guard: Callable[[str], None] | None = None,
    ) -> None:
        self.url, self.guard = url, guard
        self.clock = clock or MovedClock()
        self.skew = 0.0
        self.broken: dict[str, OmniopsError] = {}
        self.calls: list[str] = []
        self.known: list[Connection] = []
        self.combo_list: list[Combo] = []
        self.models: dict[str, list[str]] = {}
        self.rows: list[Attempt] = []
        self.most_rows = 5000
        self.skipped = 0
        self.requests: list[tuple[datetime, float]] = []  # of clients: when they ended, seconds
        self.audit: list[dict[str, Any]] = []
        self.audit_gap = ""
        self.tests: dict[str, TestReply] = {}
        self.up_since = START - timedelta(days=2)
        self.pid: int | None = 4711
        self.page_ok = True
        self.keys = 3
        self.database = (True, "")
        self.authz: tuple[str, Any] = ("absent", None)
        self.reply: WriteReply | None = None  # what a write answers instead
        self.behind: list[str] = []  # a load balancer's URLs
        self.asked = 0

    def _do(self, method: str) -> None:
        self.calls.append(method)
        if method in self.broken:
            raise self.broken[method]

    def _who(self) -> FakeOmniRoute:
        found = self.servers.get(self.url, self)
        if found.behind:
            found.asked += 1
            found = self.servers[found.behind[found.asked % len(found.behind)]]
        return found

    def sibling(self, url: str) -> FakeOmniRoute:
        return FakeOmniRoute(url, None, self.clock, self.guard)

    def connections(self) -> list[Connection]:
        self._do("connections")
        return list(self.known)

    def connection(self, id: str) -> Connection | None:
        self._do("connection")
        return next((c for c in self.known if c.id == id), None)

    def set_active(self, id: str, active: bool) -> WriteReply:
        self._do("set_active")
        if self.reply:
            return self.reply
        self.change(id, active=active, updated_at=iso(self.clock.now()))
        found = next(c for c in self.known if c.id == id)
        self.wrote(f"{found.provider}:{found.name}", ["isActive"])
        return WriteReply("applied", "", 200, {"connection": {"isActive": active}}, iso(self.clock.now()), "req-1")

    def change(self, id: str, **fields: Any) -> None:
        """Change a connection as somebody else would, with no trace in the audit log."""
        self.known = [c._replace(**fields) if c.id == id else c for c in self.known]

    def wrote(self, target: str, fields: list[str], actor: str = "admin", at: datetime | None = None) -> None:
        moment = iso(at or self.clock.now() + timedelta(milliseconds=7))
        row = {"id": len(self.audit) + 1, "timestamp": moment, "actor": actor, "changedFields": fields}
        self.audit.append({**row, "target": target})

    def test_connection(self, id: str) -> TestReply:
        self._do("test_connection")
        return self.tests.get(id, TestReply(True, "", 12.0))

    def combos(self) -> list[Combo]:
        self._do("combos")
        return list(self.combo_list)

    def set_combo_models(self, id: str, models: list[Any]) -> WriteReply:
        self._do("set_combo_models")
        if self.reply:
            return self.reply
        self.combo_list = [c._replace(models=list(models)) if c.id == id else c for c in self.combo_list]
        return WriteReply("applied", "", 200, {}, iso(self.clock.now()), "req-2")

    def models_of(self, provider: str) -> list[str]:
        self._do("models_of")
        return list(self.models.get(provider, []))

    def health(self) -> Health:
        who = self._who()
        who._do("health")
        up = (self.clock.now() - who.up_since).total_seconds()
        return Health(who.page_ok, "3.7.9", up, who.pid, "ok", "" if who.page_ok else "degraded")

    def version(self) -> tuple[str, str]:
        self._do("version")
        return "3.7.9", "health page"

    def telemetry(self, window_s: float) -> Telemetry:
        from omniops.engine.verify import p95

        self._do("telemetry")
        start = self.clock.now() + timedelta(seconds=self.skew - window_s)
        took = [seconds for at, seconds in self.requests if at >= max(start, self.up_since)]
        return Telemetry(len(took), p95(took), max(took, default=None))

    def model_latency_stats(self, window_h: float) -> list[dict[str, Any]] | None:
        """3.7.9 keeps none."""
        return None

    def call_logs(self, since: datetime) -> CallLogs:
        self._do(f"call_logs {iso(since)}")
        if "call_logs" in self.broken:
            raise self.broken["call_logs"]
        found = sorted((row for row in self.rows if row.at >= since), key=lambda row: row.at, reverse=True)
        return CallLogs(found[: self.most_rows], len(found) <= self.most_rows, self.skipped)

    def inventory(self) -> tuple[str, Any]:
        self._do("inventory")
        return self.authz

    def keys_total(self) -> int:
        who = self._who()
        who._do("keys_total")
        return who.keys

    def db_health(self) -> tuple[bool, str]:
        who = self._who()
        who._do("db_health")
        return who.database

    def data_folder(self) -> str:
        return "/data"

    def writes_to(self, target: str, since: str) -> Writes:
        self._do("writes_to")
        begin = parse_iso(since)
        rows = [row for row in self.audit if row["target"] == target and parse_iso(row["timestamp"]) >= begin]
        return Writes(rows, self.audit_gap)

    def skew_s(self) -> float | None:
        return self.skew if self.calls else None

    def server_now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.skew)

    def close(self) -> None:
        self.calls.append("close")


class FakeEvents:
    """PagerDuty's Events API: keeps what it was sent, and answers ``reply``."""

    def __init__(self, *roles: str) -> None:
        self.roles = roles
        self.sent: list[dict[str, str]] = []
        self.reply = EventReply("sent", "202, unconfirmed")
        self.broken: OmniopsError | None = None

    def has_key(self, role: str) -> bool:
        return role in self.roles

    def trigger(self, role: str, summary: str, dedup_key: str, source: str) -> EventReply:
        if self.broken:
            raise self.broken
        self.sent.append({"role": role, "summary": summary, "dedup_key": dedup_key, "source": source})
        return self.reply


def context(
    server: FakeOmniRoute, events: FakeEvents | None = None, env: dict[str, str] | None = None, drill: bool = False
) -> Context:
    """What an action is given."""
    return Context(
        settings=Settings({"OMNIROUTE_URL": URL, "OMNIOPS_ENV": "production", **(env or {})}, drill=drill),
        clock=server.clock,
        omniroute=cast(OmniRoute, server),
        pagerduty=cast(Events, events or FakeEvents()),
        jobs=cast(Any, None),
        incident="2026-11-23-openai-outage",
        onset=START,
    )


def connection(id: str, provider: str = "openai", name: str = "main", **more: Any) -> Connection:
    """A connection as 3.7.9 gives it; null fields are left out of ``shown``."""
    fields: dict[str, Any] = {
        "label": provider,
        "prefix": provider,
        "active": True,
        "priority": 1,
        "default_model": "",
        "updated_at": iso(START),
        "shown": {"testStatus": "active"},
        **more,
    }
    return Connection(id=id, provider=provider, name=name, **fields)


def attempt(at: datetime, connection: str, status: int = 200, **more: Any) -> Attempt:
    """A row of the call log that ended at ``at``."""
    fields: dict[str, Any] = {
        "path": "/v1/chat/completions",
        "model": "gpt-4o",
        "requested_model": "openai/gpt-4o",
        "provider": "openai",
        "duration_s": 0.2,
        "combo": "",
        "error": "" if status < 400 else f"[{status}]: upstream",
        **more,
    }
    return Attempt(at=at, status=status, connection=connection, **fields)


DOWN = Unreachable("the server does not answer", why="connection refused")

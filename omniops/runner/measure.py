"""The figures of one look at live traffic since a change (the rule that judges them: ``engine/verify.py``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from omniops.actions.connections import head, live
from omniops.actions.latency import failed
from omniops.actions.resolve import target
from omniops.clock import iso
from omniops.engine.verify import BUDGETS, Budgets, Figures, Tally, judge_sample
from omniops.errors import Unreachable
from omniops.runner.person import Sample
from omniops.services.omniroute_replicas import Replicas
from omniops.text import duration, one_line

if TYPE_CHECKING:
    from omniops.actions.base import Context
    from omniops.runner.witness import Seen, Witness
    from omniops.services.omniroute import Attempt, CallLogs, Connection, Telemetry

T = TypeVar("T")

ERRORS_ONLY = {"availability-cluster", "error-budget-burn-5m", "error-budget-burn-1h"}
WINDOW_S = 300.0
"""The budgets are promises over a rolling 5 minutes: older traffic counts no more, even if it came since the change."""
OVERLAP_S = 30.0
"""A row is written a little after the moment that it names, so the end of the last read is read again."""
LEAST_WINDOW_S = 1.0
SKEW_S = 0.5
"""How well the server's clock is known: so much is left off the telemetry's window, lest it reach before the change."""
NONSENSE = 20
"""One row in so many that makes no sense is an oddity; more, and the call log says nothing."""


class Measure:
    """Looks at the traffic since ``since`` (the server's time). ``items``: the affected connections, as ``resolve``
    gives them (``back``: it is in rotation again); none: the whole gateway. Rows already read are kept, so a look reads
    only what is new."""

    def __init__(
        self,
        ctx: Context,
        slo: str,
        items: Sequence[dict[str, Any]],
        since: datetime,
        min_requests: int,
        budgets: Budgets = BUDGETS,
        witness: Witness | None = None,
    ) -> None:
        self.ctx, self.since, self.min_requests, self.budgets = ctx, since, min_requests, budgets
        self.witness = witness
        self.gateway = Replicas(ctx.omniroute, ctx.settings, ctx.clock.now)
        self.latency = slo not in ERRORS_ONLY
        self.affected = {str(item["id"]) for item in items if not item.get("back")}  # taken out of rotation
        self.providers = {str(item["provider"]): str(item.get("prefix") or item["provider"]) for item in items}
        self._rows: list[Attempt] = []
        self._unread: list[str] = []

    def look(self) -> Figures:
        """Take one look. Raises Refused; what cannot be reached makes the figures "cannot tell"."""
        client = self.gateway
        self._unread = []
        known = (self._try(client.connections, "the connections") or []) if self.providers else []
        if client.skew_s() is None:
            self._try(client.health, "the health page")
        now = client.server_now()
        window = min((now - self.since).total_seconds() - SKEW_S, WINDOW_S)
        at = iso(self.ctx.clock.now())
        if window < LEAST_WINDOW_S:
            return Figures(at, hopeless=self._hopeless(known, 0), unread="the change was made a moment ago")
        logs = self._try(lambda: self._read(max(self.since, now - timedelta(seconds=WINDOW_S))), "the call log")
        seen = self.witness.look(window) if self.witness else None
        needed = self.latency and (seen is None or seen.p95_s is None)
        telemetry = self._try(lambda: client.telemetry(window), "the telemetry", needed=needed)
        figures = self._figures(at, known, window, logs, telemetry)
        if client.partial:  # what was not read may be what is still broken
            figures = figures._replace(
                unproven="; ".join(filter(None, [f"partial: {client.partial}", figures.unproven]))
            )
        return _together(figures, seen, telemetry) if seen else figures

    def to_sample(self, figures: Figures) -> Sample:
        """Judge a look, for the journal and the screen. The worse of the two tallies is the one shown."""
        verdict = judge_sample(figures, self.budgets, self.min_requests, latency=self.latency)
        worse = max(figures.scope, figures.whole, figures.clients, key=lambda tally: tally.ratio or 0.0)
        shown = worse if worse.errors else figures.whole
        return Sample(
            at=figures.at,
            p95_s=figures.p95_s,
            budget_s=self.budgets.p95_s,
            error_ratio=shown.ratio,
            error_budget=self.budgets.error_ratio,
            attempts=shown.attempts,
            errors=shown.errors,
            requests=figures.requests,
            ok_elsewhere=figures.ok_elsewhere,
            min_requests=self.min_requests,
            verdict=verdict.verdict,
            why=verdict.why,
            hopeless=verdict.hopeless,
        )

    def _figures(
        self, at: str, known: list[Connection], window: float, logs: CallLogs | None, telemetry: Telemetry | None
    ) -> Figures:
        rows = logs.rows if logs else []
        if logs and logs.skipped * NONSENSE > len(rows):
            self._unread.append(f"{logs.skipped} rows of the call log make no sense")
        fresh = [row for row in rows if _began(row) >= self.since]
        old = [row for row in rows if _began(row) < self.since]
        slow = [row for row in old if row.duration_s > self.budgets.p95_s]
        scope = [row for row in fresh if self._about(row)]
        elsewhere = sum(1 for row in scope if _ok(row) and row.connection not in self.affected)
        ok = sum(1 for row in fresh if _ok(row))
        count = telemetry.count if telemetry else 0
        if self.latency and telemetry and count < self.min_requests <= ok:
            self._restarted(window, count)
        return Figures(
            at=at,
            p95_s=telemetry.p95_s if telemetry else None,
            requests=count,
            whole=_tally(fresh),
            scope=_tally(scope),
            ok=ok,
            ok_elsewhere=elsewhere,
            stragglers=len(slow),
            old_errors=sum(1 for row in old if failed(row)),
            complete=logs.complete if logs else False,
            worst=_worst(fresh, known),
            hopeless=self._hopeless(known, elsewhere),
            unread="; ".join(self._unread),
        )

    def _about(self, row: Attempt) -> bool:
        """Whether an attempt was for the affected providers, or for one of their models by the client's own words."""
        if not self.providers:
            return True
        return row.provider in self.providers or row.requested_model.partition("/")[0] in self.providers.values()

    def _hopeless(self, known: list[Connection], elsewhere: int) -> str:
        """The affected providers that no live connection serves; "" too where that could not be read."""
        if not known or elsewhere:
            return ""
        others = [c for c in known if live(c) and c.id not in self.affected]
        served = {c.provider for c in others} | {head(c) for c in others}
        lost = [prefix for provider, prefix in self.providers.items() if not served & {provider, prefix}]
        return "the models of " + ", ".join(one_line(prefix, 40) for prefix in lost) if lost else ""

    def _restarted(self, window: float, count: int) -> None:
        """Telemetry lives in the server's memory, the call log does not: after a restart p95 says less."""
        health = self._try(self.gateway.health, "the health page")
        if health is not None and 0 < health.uptime_s < window - LEAST_WINDOW_S:
            ago = duration(health.uptime_s)
            self._unread.append(f"the server restarted {ago} ago, and its p95 covers only {count} requests")

    def _read(self, start: datetime) -> CallLogs:
        """The rows since ``start``: those kept, and the new ones."""
        newest = max((row.at for row in self._rows), default=start)
        begin = max(start, newest - timedelta(seconds=OVERLAP_S))
        logs = self.gateway.call_logs(begin)
        if not logs.complete:  # what lies between the kept rows and these is not known, so the kept ones go
            self._rows = logs.rows
            return logs
        kept = [row for row in self._rows if start <= row.at < begin]
        self._rows = [*logs.rows, *kept]
        return logs._replace(rows=self._rows)

    def _try(self, read: Callable[[], T], what: str, *, needed: bool = True) -> T | None:
        try:
            return read()
        except Unreachable as error:
            if needed:
                self._unread.append(f"{what} cannot be read: {one_line(error.what, 80)}")
            return None


def _together(figures: Figures, seen: Seen, telemetry: Telemetry | None) -> Figures:
    """OmniRoute's figures and Prometheus': the worse of the two p95s, and what clients have seen fail."""
    known = [p95_s for p95_s in (figures.p95_s, seen.p95_s) if p95_s is not None]
    requests = figures.requests if telemetry is not None else seen.requests or 0
    return figures._replace(
        p95_s=max(known, default=None),
        requests=requests,
        clients=seen.clients,
        unproven=seen.missing,
        away=seen.away,
    )


def _began(row: Attempt) -> datetime:
    """The log names the moment at which an attempt ended; one that began before the change proves nothing about it."""
    return row.at - timedelta(seconds=row.duration_s)


def _ok(row: Attempt) -> bool:
    return 200 <= row.status < 300


def _tally(rows: Sequence[Attempt]) -> Tally:
    return Tally(len(rows), sum(1 for row in rows if failed(row)))


def _worst(rows: Sequence[Attempt], known: Sequence[Connection]) -> str:
    """Where most errors are: connection and model."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        if failed(row):
            counts[row.connection, row.model] = counts.get((row.connection, row.model), 0) + 1
    if not counts:
        return ""
    connection, model = max(counts, key=lambda place: counts[place])
    names = {c.id: target(c) for c in known}
    where = names.get(connection) or one_line(connection[:8] or "no connection", 40)
    return f"on {where}, {one_line(model, 40)}"

"""Is it slower than it was, and which provider is it? (section 4.2)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.actions.base import Args, Context, Read, Write
from omniops.actions.resolve import target
from omniops.engine.verify import is_error, p95
from omniops.text import duration, one_line

if TYPE_CHECKING:
    from omniops.services.omniroute import Attempt

NOW_S = 300.0
"""The window of "now": the latency SLO's own."""
RECENT_S = 600.0
MOST_SHOWN = 5
WEEK_H = 168
MAX_ROWS = 10_000
"""The server reads at most so many attempts for its figures: a week of more is no week."""
LEAST_NOW, LEAST_PER_MODEL, LEAST_TIMES = 20, 20, 10
"""Attempts in the last 5 minutes; of one model in the week; how much more the week must hold than those 5 minutes."""


class Share(NamedTuple):
    """What one connection answered. Durations of all its attempts: a timeout is slow, a refusal fast."""

    connection: str  # id
    attempts: int
    errors: int  # neither 2xx nor 4xx
    p95_s: float


class ByProvider:
    """p95 and errors per connection over the last minutes, from the call log (upstream attempts)."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        logs = ctx.omniroute.call_logs(ctx.omniroute.server_now() - timedelta(seconds=RECENT_S))
        known = {c.id: c for c in ctx.omniroute.connections()}
        rows = []
        for share in shares(logs.rows):
            connection = known.get(share.connection)
            rows.append(
                {
                    "id": share.connection,
                    "provider": connection.provider if connection else "",
                    "target": target(connection) if connection else one_line(share.connection or "no connection", 40),
                    "attempts": share.attempts,
                    "errors": share.errors,
                    "error_ratio": share.errors / share.attempts,
                    "p95_s": share.p95_s,
                }
            )
        if not rows:
            return {"slowest": "", "summary": f"no attempts in the last {duration(RECENT_S)}", "providers": []}
        words = [_words(row) for row in rows[:MOST_SHOWN]]
        more = f"; {len(rows) - MOST_SHOWN} faster ones" if len(rows) > MOST_SHOWN else ""
        cut = "" if logs.complete else " (of the newest attempts: there were too many to read)"
        return {"slowest": rows[0]["target"], "summary": "; ".join(words) + more + cut, "providers": rows}


def shares(rows: Sequence[Attempt]) -> list[Share]:
    """Group attempts by connection, the slowest first."""
    groups: dict[str, list[Attempt]] = {}
    for row in rows:
        groups.setdefault(row.connection, []).append(row)
    found = [
        Share(id, len(group), sum(1 for row in group if failed(row)), p95([row.duration_s for row in group]) or 0.0)
        for id, group in groups.items()
    ]
    return sorted(found, key=lambda share: share.p95_s, reverse=True)


def failed(row: Attempt) -> bool:
    return is_error(row.status)


def _words(row: dict[str, Any]) -> str:
    return f"{row['target']} p95 {row['p95_s']:.2f}s, {row['errors']} of {row['attempts']} failed"


class Compare:
    """p95 of client requests now, and how it compares with the last 7 days, where the server can say."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        """``ratio``: half of the traffic is at least so many times as slow as its own 7-day p95. None: no baseline."""
        now = ctx.omniroute.telemetry(NOW_S)
        ratio, why = _ratio(ctx)
        text = f"{now.p95_s:.2f}s" if now.p95_s is not None else "unknown (no requests in the last 5 minutes)"
        summary = f"p95 is {text}; {why}"
        return {
            "available": ratio is not None,
            "ratio": ratio,
            "p95_s": now.p95_s,
            "p95_text": text,
            "why": why,
            "summary": summary,
        }


def _ratio(ctx: Context) -> tuple[float | None, str]:
    """The fork keeps p95 of attempts per provider, model and connection. 3.7.9 keeps none: its telemetry lives in
    memory, and the attempts of its call log are not compared with client requests."""
    week = ctx.omniroute.model_latency_stats(WEEK_H)
    recent = None if week is None else ctx.omniroute.model_latency_stats(NOW_S / 3600)
    if week is None or recent is None:
        return None, "this server keeps no p95 of past days"
    return weigh(recent, week)


def weigh(recent: Sequence[Mapping[str, Any]], week: Sequence[Mapping[str, Any]]) -> tuple[float | None, str]:
    """Compare two sets of per-model figures (``key``, ``totalRequests``, ``p95LatencyMs``), weighted by recent traffic.

    Percentiles cannot be averaged, so each model and connection is compared with itself, and the traffic-weighted
    median of the ratios is taken: a regression is cluster-wide when most of the traffic sees it.
    """
    counts = {str(entry["key"]): int(entry["totalRequests"]) for entry in week}
    usual = {str(entry["key"]): float(entry["p95LatencyMs"]) for entry in week}
    asked, kept = sum(int(entry["totalRequests"]) for entry in recent), sum(counts.values())
    if asked < LEAST_NOW:
        return None, f"only {asked} attempts in the last 5 minutes"
    if kept >= MAX_ROWS:
        return None, f"the server's week holds only its newest {MAX_ROWS} attempts"
    if kept < LEAST_TIMES * asked:
        return None, "what the server remembers is mostly the last 5 minutes themselves"
    pairs = sorted(
        (float(entry["p95LatencyMs"]) / usual[key], int(entry["totalRequests"]))
        for entry in recent
        if counts.get(key := str(entry["key"]), 0) >= LEAST_PER_MODEL and usual[key] > 0
    )
    covered = sum(weight for _, weight in pairs)
    if covered * 2 < asked:
        return None, "most of the recent traffic has no 7-day figures of its own"
    ratio = _median(pairs, covered)
    words = f"half of the attempts are {ratio:.1f}x as slow as their own 7-day p95, or more (per model and connection)"
    return round(ratio, 2), words


def _median(pairs: Sequence[tuple[float, int]], total: int) -> float:
    """The largest value that half of the weight reaches; ``pairs`` rise."""
    passed = 0
    for value, weight in reversed(pairs):
        passed += weight
        if passed * 2 >= total:
            return value
    return pairs[0][0]


ACTIONS: dict[str, Read | Write] = {"latency.compare": Compare(), "latency.by_provider": ByProvider()}

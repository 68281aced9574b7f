"""One look at OmniRoute's own figures: telemetry (client requests, in memory) and the call log (upstream attempts).

The fallback where there is no Prometheus. It remembers little: no 30 days, no 7 days, often not even an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from omniops.actions.latency import failed
from omniops.errors import Refused, Unreachable
from omniops.incident.ladder import Slo, Slos, availability
from omniops.incident.readings import Measured, Quantile, Reading, Share
from omniops.text import duration, one_line

if TYPE_CHECKING:
    from datetime import datetime

    from omniops.services.omniroute import Attempt, CallLogs, Health, Telemetry

LENGTHS = (300.0, 3600.0)
AGGREGATES = {0.95: "latency-p95-aggregate", 0.99: "latency-p99-aggregate"}
"""The telemetry knows these two, over all client requests together."""
TELEMETRY_HOLDS = 1000
SHORTER = (60.0, 15.0)
"""Windows in seconds that are looked at where 5 minutes hold more requests than the telemetry keeps."""
ABOUT = "OmniRoute's own figures: p95 of client requests, errors of upstream attempts (clients may have seen fewer)"
NO_HISTORY = "OmniRoute keeps no such history"
NO_SPLIT = "OmniRoute's telemetry knows only all requests together"


class Gateway(Protocol):
    """What is read of an OmniRoute; several replicas merged into one have the same methods."""

    def telemetry(self, window_s: float) -> Telemetry: ...

    def call_logs(self, since: datetime) -> CallLogs: ...

    def health(self) -> Health: ...

    def server_now(self) -> datetime: ...


def look(gateway: Gateway, slos: Slos, *, full: bool = True) -> Measured:
    """Measure what OmniRoute itself can tell. Raises Unreachable or Refused where it tells nothing at all."""
    error: Unreachable | Refused | None = None
    telemetry = logs = None
    try:
        telemetry = gateway.telemetry(LENGTHS[0])
    except (Unreachable, Refused) as caught:
        error = caught
    now = gateway.server_now()
    try:
        logs = gateway.call_logs(now - timedelta(seconds=LENGTHS[-1]))
    except (Unreachable, Refused) as caught:
        if error is not None:
            raise
        error = caught
    notes = [] if error is None else [f"not all of it could be read: {one_line(error.what, 80)}"]
    notes += _restarted(gateway)
    if telemetry is not None and telemetry.count >= TELEMETRY_HOLDS:
        notes.append(f"p95 is of the newest {TELEMETRY_HOLDS} requests: its telemetry holds no more")
    main = availability(slos)
    shares = {length: _share(logs, now, length) for length in LENGTHS}
    least = _least(gateway, telemetry, logs, now, shares)
    if full and main is not None:
        never = Reading("unread", why=NO_HISTORY)
        shares |= {main.window_s: Share(main.window_s, never, never, never)}
    return Measured(
        "omniroute",
        ABOUT,
        shares=shares,
        least=least,
        quantiles={slo.id: _quantile(slo, telemetry) for slo in slos.slos if slo.measures == "latency" and slo.buckets},
        gauges={slo.id: Reading("unread", why=NO_HISTORY) for slo in slos.slos if slo.gauge},
        partial=str(getattr(gateway, "partial", "")),
        notes=tuple(notes),
    )


def _share(logs: CallLogs | None, now: datetime, length: float) -> Share:
    if logs is None:
        none = Reading("unread", why="the call log cannot be read")
        return Share(length, none, none, none)
    since = now - timedelta(seconds=length)
    rows = [row for row in logs.rows if row.at >= since]
    reaches = logs.complete or any(row.at < since for row in logs.rows)
    if not reaches:
        oldest = min((row.at for row in logs.rows), default=now)
        why = f"the call log has more rows than may be read: they reach back {duration(now - oldest)}"
        none = Reading("unread", why=why)
        return Share(length, none, none, none)
    return _counted(rows, length)


def _counted(rows: Sequence[Attempt], length: float) -> Share:
    if not rows:
        none = Reading("nan", why="no upstream attempts")
        return Share(length, none, Reading("value", 0.0), Reading("value", 0.0))
    errors = sum(1 for row in rows if failed(row))
    return Share(
        length,
        Reading("value", errors / len(rows)),
        Reading("value", float(errors)),
        Reading("value", float(len(rows))),
    )


def _least(
    gateway: Gateway, telemetry: Telemetry | None, logs: CallLogs | None, now: datetime, shares: dict[float, Share]
) -> dict[float, float]:
    """The share of clients' requests that must have failed, by window, as far as it is known.

    Each request that a client saw succeed has an attempt that did, so of the requests in the telemetry all but as many
    as there are good attempts have failed. The telemetry holds so many; of busier times a shorter window is taken.
    """
    five, hour = (shares[length] for length in LENGTHS)
    least = dict.fromkeys(LENGTHS, 0.0)
    length = LENGTHS[0]
    if logs is None or five.ratio.value is None:
        return {}
    for shorter in SHORTER:
        if telemetry is None or telemetry.count < TELEMETRY_HOLDS:
            break
        length = shorter
        try:
            telemetry = gateway.telemetry(length)
        except (Unreachable, Refused):
            telemetry = None
    if telemetry is not None and 0 < telemetry.count < TELEMETRY_HOLDS:
        since = now - timedelta(seconds=length)
        good = sum(1 for row in logs.rows if row.at >= since and not failed(row))
        failures = max(telemetry.count - good, 0) / telemetry.count
        least[LENGTHS[0]] = min(failures, five.ratio.value)
    if five.requests.value and hour.requests.value:
        least[LENGTHS[1]] = least[LENGTHS[0]] * five.requests.value / hour.requests.value
    return least


def _quantile(slo: Slo, telemetry: Telemetry | None) -> Quantile:
    if AGGREGATES.get(slo.quantile or 0.0) != slo.id:
        return Quantile(Reading("unread", why=NO_SPLIT))
    if telemetry is None:
        return Quantile(Reading("unread", why="the telemetry cannot be read"))
    value = telemetry.p95_s if slo.quantile == 0.95 else telemetry.p99_s
    found = Reading("nan") if value is None else Reading("value", value)
    return Quantile(found, float(telemetry.count))


def _restarted(gateway: Gateway) -> list[str]:
    """Its telemetry lives in memory."""
    try:
        up = gateway.health().uptime_s
    except (Unreachable, Refused):
        return []
    if not 0 < up < LENGTHS[0]:
        return []
    return [f"it restarted {duration(up)} ago, and its telemetry covers only that"]

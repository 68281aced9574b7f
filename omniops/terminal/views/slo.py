"""How the SLOs stand, as a table for 80 columns; and as one line for a log. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from omniops.incident.figures import plain
from omniops.incident.signals import window
from omniops.incident.slo import BURNING, OK, UNKNOWN, UNMEASURED, Status
from omniops.terminal.layout import cut, pad, safe, wrap
from omniops.terminal.sparkline import MAX_SPARK, spark
from omniops.text import duration

Line = tuple[str, str]
"""A line and its tone."""

WORDS = {OK: "in budget", BURNING: "BURNING", UNKNOWN: "cannot tell", UNMEASURED: "no metric"}
_TONES = {OK: "good", BURNING: "bad", UNKNOWN: "warn", UNMEASURED: "dim"}
_STATE, _NAME, _FIGURE = 12, 23, 10
_INDENT = " " * _STATE


def head(about: str, fallback: str, partial: str, notes: Sequence[str], at: datetime, width: int) -> list[Line]:
    """Where the figures are from, and what else has to be known about them."""
    lines = [(line, "head") for line in wrap(f"{at:%H:%M:%S}Z  {safe(about)}", width, "", " " * 11)]
    for text in (fallback and f"not from Prometheus: {fallback}", partial and f"partial: {partial}", *notes):
        if text:
            lines += [(line, "warn") for line in wrap(safe(text), width, " " * 11)]
    return lines


def table(statuses: Sequence[Status], width: int, ascii: bool = False) -> list[Line]:
    """A line for each SLO: state, id, value, limit, sparkline; below it why, where there is something to say."""
    room = width - _STATE - _NAME - 2 * _FIGURE
    title = pad("state", _STATE) + pad("SLO", _NAME) + pad("now", _FIGURE) + pad("limit", _FIGURE)
    lines: list[Line] = [((title + ("lately" if room >= 6 else "")).rstrip(), "dim")]
    for status in statuses:
        drawn = spark(_peaks(status.series, min(room, MAX_SPARK)), _scale(status), room, ascii) if room >= 4 else ""
        line = (
            pad(WORDS[status.state], _STATE)
            + pad(cut(safe(status.slo.id), _NAME - 1), _NAME)
            + pad(value(status, status.value), _FIGURE)
            + pad(_limit(status), _FIGURE)
            + drawn
        )
        lines.append((line.rstrip(), _TONES[status.state]))
        lines += [(part, "dim") for part in wrap(safe(_below(status)), width, _INDENT) if _below(status)]
    return lines


def budget(statuses: Sequence[Status], width: int) -> list[Line]:
    """Burn rates per window, the budget that is left, and when it is spent at the rate of the last hour."""
    lines: list[Line] = []
    for status in statuses:
        if status.budget is None:
            continue
        rates = [f"{window(length)} {f'{plain(found.value)}x' if found.value is not None else found.words}"
                 for length, found in status.burns]  # fmt: skip
        shown = ", ".join(rates) if rates else "unknown"
        lines += [(line, "") for line in wrap(shown, width, pad("burn rate", _STATE), _INDENT)]
        lines += [(line, "") for line in wrap(_left(status), width, pad("budget", _STATE), _INDENT)]
    return lines


def log_line(statuses: Sequence[Status], at: datetime) -> str:
    """One look on one line, the worst first."""
    parts = []
    for state in (BURNING, UNKNOWN):
        found = [f"{safe(s.slo.id)} {value(s, s.value)}/{_limit(s)}" for s in statuses if s.state == state]
        parts += [f"{WORDS[state]}: {', '.join(found)}"] if found else []
    kept = sum(1 for status in statuses if status.state == OK)
    return f"{at:%H:%M:%S}Z  " + "; ".join([*parts, f"{kept} in budget"])


def value(status: Status, number: float | None) -> str:
    """Write a figure in the SLO's unit: ``99.95 %``, ``7.1x``, ``1.24s``, ``280``."""
    if number is None:
        return "?"
    if status.unit == "ratio":
        return f"{number * 100:.5g} %"
    if status.unit == "s":
        return f"{number * 1000:.0f}ms" if number < 0.1 else f"{number:.2f}s"
    return f"{plain(float(f'{number:.3g}'))}{status.unit}"


def _limit(status: Status) -> str:
    if status.unit == "ratio":
        return f"{status.limit * 100:.6g} %"
    if status.unit == "s":
        return f"{status.limit * 1000:.0f}ms" if status.limit < 0.1 else f"{plain(status.limit)}s"
    return f"<{plain(status.limit)}{status.unit}"


def _below(status: Status) -> str:
    """What stands below an SLO's line: why, or the figures behind it."""
    if status.state == UNMEASURED:
        return ""
    if status.why:
        return status.why
    if status.share is not None and status.unit == "x":
        return status.share.events()
    return ""


def _left(status: Status) -> str:
    found = status.budget
    if found is None or found.left is None or status.slo.objective is None:
        return "cannot tell what is left of it"
    whole = status.slo.window_s * (1 - status.slo.objective)
    of = f"{duration(whole)} in {window(status.slo.window_s)}"
    left = f"{found.left * 100:.3g} % left of {of}"
    match found.ends:
        case "spent":
            return f"spent {plain(float(f'{1 - found.left:.3g}'))} times over: it was {of}"
        case "never":
            return f"{left}; nothing burned it in the last hour"
        case "in":
            return f"{left}; at the last hour's rate it is spent in {duration(found.ends_in_s or 0)}"
    return f"{left}; when it is spent cannot be told"


def _scale(status: Status) -> float:
    return 1.0 if status.unit == "ratio" else status.limit


def _peaks(series: Sequence[float | None], points: int) -> list[float | None]:
    """At most ``points`` values, each the worst of its stretch; a stretch without any data stays unknown."""
    if points <= 0 or len(series) <= points:
        return list(series)
    found: list[float | None] = []
    for index in range(points):
        part = series[index * len(series) // points : (index + 1) * len(series) // points]
        known = [one for one in part if one is not None]
        found.append(max(known) if known else None)
    return found

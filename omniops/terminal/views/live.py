"""Live signals as lines: each rule of the ladder with what was measured, and how it was judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from omniops.incident.live import Row
from omniops.terminal.layout import pad, safe, wrap

Line = tuple[str, str]
"""A line and its tone."""

_NAME, _VALUE = 14, 9
_INDENT = " " * (2 + _NAME + _VALUE)
_TONES = {"fires": "bad", "cannot judge": "warn", "held back": "dim", "quiet": ""}


def lines(rows: Sequence[Row], about: str, fallback: str, partial: str, notes: Sequence[str], width: int) -> list[Line]:
    """The source, then a line or two for each rule: value, window, events, threshold, verdict and why."""
    shown = [(line, "head") for line in wrap(f"measured: {safe(about)}", width, "", "  ")]
    for text in (fallback and f"not from Prometheus: {fallback}", partial and f"partial: {partial}", *notes):
        if text:
            shown += [(line, "warn") for line in wrap(safe(text), width, "  ")]
    for row in rows:
        facts = ", ".join(part for part in (row.window, row.events) if part)
        verdict = f"{row.verdict} {row.severity}" if row.verdict == "fires" else row.verdict
        why = f"{', ' if row.verdict == 'held back' else ': '}{row.why}" if row.why else ""
        text = f"{facts}{': ' * bool(facts)}{verdict}{why} ({row.threshold})"
        begin = f"  {pad(row.signal, _NAME)}{pad(row.shown, _VALUE)}"
        shown += [(line, _TONES[row.verdict]) for line in wrap(safe(text, 600), width, begin, _INDENT)]
    return shown

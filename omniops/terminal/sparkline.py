"""A series of measurements as one line of blocks, against its budget. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from omniops.runner.person import Sample
from omniops.terminal.layout import cut, safe
from omniops.text import duration

# Five heights within the budget, three above it: what sticks out over the middle is over budget, at any scale.
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-~=*%#"
WITHIN = 5
MAX_SPARK = 30


def spark(values: Sequence[float | None], budget: float, width: int, ascii: bool = False) -> str:
    """Draw the last ``width`` values. None ("cannot tell") is a question mark, never a height."""
    return "".join(_block(value, budget, ASCII_BLOCKS if ascii else BLOCKS) for value in values[-width:] if width > 0)


def _block(value: float | None, budget: float, blocks: str) -> str:
    if value is None or value != value:
        return "?"
    if value <= budget:
        return blocks[min(int(value / budget * WITHIN), WITHIN - 1) if budget > 0 and value > 0 else 0]
    above = len(blocks) - WITHIN
    # Twice the budget and more is the full height.
    share = (value - budget) / budget if budget > 0 else 1.0
    return blocks[WITHIN + min(int(share * above), above - 1)]


def verify_line(samples: Sequence[Sample], left_s: float, width: int, ascii: bool = False) -> str:
    """One line about a verify step: what the last sample says first, then as much as fits in ``width``."""
    left = f"{duration(max(left_s, 0))} left"
    if not samples:
        return cut(f"no sample yet, {left}", width)
    last = samples[-1]
    p95 = "?" if last.p95_s is None else f"{last.p95_s:.2f}s"
    figures = f"{p95}/{last.budget_s:g}s"
    line = f"{_verdict(last)}  p95 {figures}  {left}"
    if len(line) > width - 10:
        line = f"{_verdict(last)}  {figures}  {left.removesuffix(' left')}"
    ratio = "?" if last.error_ratio is None else f"{last.error_ratio:.2%}"
    why = safe(last.why, 80)
    for part in (
        f"errors {ratio}/{last.error_budget:.2%}",
        f"{last.ok_elsewhere}/{last.min_requests} ok elsewhere",
        why if last.verdict != "pass" else "",
    ):
        if part and len(line) + 2 + len(part) <= width - 8:
            line += "  " + part
    room = min(width - len(line) - 2, MAX_SPARK)
    if room < 4:
        return cut(line, width)
    drawn = spark([sample.p95_s for sample in samples], last.budget_s, room, ascii)
    return f"{drawn}  {line}"


def sample_line(sample: Sample) -> str:
    """One sample in full, for a log: a line of its own for each."""
    p95 = "unknown" if sample.p95_s is None else f"{sample.p95_s:.2f}s"
    ratio = "unknown" if sample.error_ratio is None else f"{sample.error_ratio:.2%}"
    why = f"; {safe(sample.why)}" if sample.why and sample.verdict != "pass" else ""
    return (
        f"{safe(sample.at, 30)[11:19]}Z {_verdict(sample)}: p95 {p95}/{sample.budget_s:g}s, "
        f"errors {ratio}/{sample.error_budget:.2%}, {sample.ok_elsewhere}/{sample.min_requests} ok elsewhere{why}"
    )


def _verdict(sample: Sample) -> str:
    over = (sample.p95_s or 0.0) > sample.budget_s or (sample.error_ratio or 0.0) > sample.error_budget
    fail = "over budget" if over else "not recovered"
    return {"pass": "ok", "fail": fail}.get(sample.verdict, "cannot tell")

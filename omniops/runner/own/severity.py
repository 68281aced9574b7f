"""``severity.measure``: how bad it is, by the ladder of section 1, from live figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omniops.catalog.ladder import ladder_for, slos_for
from omniops.errors import Exit
from omniops.runner.live import Live
from omniops.runner.live import measure as measure_live

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

MOST_REASONS = 3


def measure(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """Judge what can be judged; what cannot is said, and is no reason to stop. A person decides afterwards."""
    folder = walk.ctx.settings.user_runbooks
    ladder = ladder_for(folder)
    live = measure_live(walk.ctx.settings, walk.ctx.clock, walk.ctx.clients, ladder=ladder, slos=slos_for(folder))
    answer = live.classify(ladder, walk.state.onset)
    for line in _figures(live):
        walk.person.say(line)
    own = [reason.partition(": ")[2] or reason for reason in answer.reasons]
    reason = "; ".join(own[:MOST_REASONS])
    if answer.severity:
        words = f"Measured: {answer.severity} ({reason})."
    elif answer.exit is Exit.DONE:
        words = "Measured: no rule of the ladder fires."
    else:
        words = f"Nothing could be judged{f' ({live.trouble})' if live.trouble else ''}."
    return {
        "key": (answer.severity or "").lower(),
        "severity": answer.severity or "",
        "question": f"{words} What is it?",
        # With what it is the reason of: who declares another severity is not made to argue against it.
        "reason": f"Measured {answer.severity}: {reason}" if answer.severity else "severity set by the on-call.",
        "runbook": answer.runbook or "provider-outage",
        "error_ratio": live.signals.error_ratio,
        "p95_s": live.signals.p95_s,
    }


def _figures(live: Live) -> list[str]:
    source = {"prometheus": "Prometheus", "omniroute": "OmniRoute's own figures"}.get(live.source, "nowhere")
    partial = f"; partial: {live.partial}" if live.partial else ""
    lines = [f"From {source}{f' ({live.fallback})' if live.fallback else ''}{partial}:"]
    for row in live.rows:
        over = f" over {row.window}" if row.window else ""
        events = f", {row.events}" if row.events else ""
        why = f" ({row.why})" if row.why else ""
        lines.append(f"  {row.severity} {row.signal}: {row.shown}{over}{events}; {row.threshold}: {row.verdict}{why}")
    return lines

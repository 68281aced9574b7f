"""``latency.compare``: is p95 what it usually is? (section 4.2)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omniops.errors import OmniopsError
from omniops.runner import baseline
from omniops.runner.live import P95Now, p95_now
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.runner.baseline import Baseline
    from omniops.runner.walk import Walk


def compare(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """p95 of now against the median of the 7 days before the onset: Prometheus' hours, else those that `tick` has
    recorded, else what the server itself remembers. Without any of them the on-call decides.

    Only figures of the same source are compared: a proxy and the server do not measure the same.
    """
    ctx, why = walk.ctx, []
    if ctx.settings.get("PROMETHEUS_URL"):
        try:
            now = p95_now(ctx.settings, ctx.clock, ctx.clients, alone=True)
            usual = _remembered(walk)
        except OmniopsError as error:
            why.append(one_line(f"{error.what}: {error.why}", 120))
        else:
            for found in (usual, baseline.baseline(walk.journal, walk.now(), now.source, walk.state.onset)):
                if now.p95_s is not None and found.p95_s:
                    return _outputs(now, found)
            why.append(usual.why if now.p95_s is not None else f"Prometheus knows no p95 of now ({now.why})")
    own: dict[str, Any] = walk.find("latency.compare").read(walk.context(walk.state.current), args)
    recorded = baseline.baseline(walk.journal, walk.now(), baseline.OMNIROUTE, walk.state.onset)
    if own["p95_s"] is not None and recorded.p95_s:
        return _outputs(P95Now(own["p95_s"], 0, baseline.OMNIROUTE, ""), recorded)
    if own["available"]:
        return own
    words = "; ".join([*why, recorded.why, own["why"]])
    return own | {"why": words, "summary": f"p95 is {own['p95_text']}; {words}"}


def _remembered(walk: Walk) -> Baseline:
    from omniops.catalog.ladder import slos_for
    from omniops.incident.ladder import p95_slo

    slo = p95_slo(slos_for(walk.ctx.settings.user_runbooks))
    if slo is None or not slo.buckets:
        return baseline.Baseline(None, 0, "slos.yaml names no metric for p95")
    client = walk.ctx.clients.prometheus
    try:
        return baseline.from_prometheus(client, walk.ctx.clock, slo, walk.now(), walk.state.onset)
    finally:
        client.close()


def _outputs(now: P95Now, usual: Baseline) -> dict[str, Any]:
    assert now.p95_s is not None
    assert usual.p95_s
    ratio = round(now.p95_s / usual.p95_s, 2)
    text = f"{now.p95_s:.2f}s"
    why = f"{ratio:g}x the usual {usual.p95_s:.2f}s (median: {usual.why})"
    return {
        "available": True,
        "ratio": ratio,
        "p95_s": now.p95_s,
        "p95_text": text,
        "why": why,
        "summary": f"p95 is {text}, {why}",
    }

"""Prometheus as a witness of a verify step: what clients have seen since a change."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from omniops.clock import Clock
from omniops.engine.verify import Tally
from omniops.errors import Refused, Unreachable
from omniops.incident.ladder import Slos, availability, p95_slo
from omniops.incident.readings import Quantile
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.actions.base import Context
    from omniops.services.prometheus import Prometheus


class Seen(NamedTuple):
    """What Prometheus says of the traffic since the change.

    ``missing``: what it cannot say, so that nothing is proved; ``away``: why it could not be asked at all, and then
    OmniRoute's own figures stand alone.
    """

    p95_s: float | None = None
    requests: int | None = None  # behind p95
    clients: Tally = Tally()  # clients' requests, and those that answered neither 2xx nor 4xx
    missing: str = ""
    away: str = ""


class Witness:
    """One Prometheus. ``latency`` False: p95 is not asked for."""

    def __init__(self, client: Prometheus, clock: Clock, slos: Slos, *, latency: bool = True) -> None:
        self._client, self._clock, self._latency = client, clock, latency
        self._main, self._speed = availability(slos), p95_slo(slos)

    def look(self, window_s: float) -> Seen:
        """The traffic of the last ``window_s`` seconds. Never raises for a Prometheus that cannot be asked."""
        from omniops.runner.figures_prometheus import Look

        length = float(math.floor(window_s))
        try:
            asked = Look(self._client, self._clock)
            share = asked.share(self._main, length) if self._main else None
            speed = self._speed
            slow = Quantile()
            if self._latency and speed is not None and speed.buckets and speed.quantile:
                slow = asked.quantile(speed.quantile, speed.buckets, length)
        except (Unreachable, Refused) as error:
            return Seen(away=one_line(f"{error.what}: {error.why}", 160))
        finally:
            self._client.close()
        lacking = []
        tally = Tally()
        if share is None or share.errors.value is None or share.requests.value is None:
            lacking.append(f"errors of clients' requests: {share.requests.words if share else 'no SLO tells them'}")
        elif share.requests.value <= 0:
            lacking.append("errors of clients' requests: no traffic")
        else:
            tally = Tally(round(share.requests.value), math.ceil(round(share.errors.value, 3)))
        p95_s = slow.reading.value
        if self._latency and p95_s is None:
            p95_s = slow.reading.at_least
            budget = self._speed.budget_s if self._speed else None
            if p95_s is None or budget is None or p95_s < budget:
                p95_s = None
                lacking.append(f"p95: {slow.reading.words}")
        missing = f"Prometheus cannot tell since the change ({'; '.join(lacking)})" if lacking else ""
        requests = None if slow.requests is None else round(slow.requests)
        return Seen(p95_s, requests, tally, missing)


def witness_of(ctx: Context, *, latency: bool) -> Witness | None:
    """The Prometheus of this walk; None where there is none."""
    if ctx.clients is None or not ctx.settings.get("PROMETHEUS_URL"):
        return None
    from omniops.catalog.ladder import slos_for

    return Witness(ctx.clients.prometheus, ctx.clock, slos_for(ctx.settings.user_runbooks), latency=latency)

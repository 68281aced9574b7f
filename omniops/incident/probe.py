"""The uptime probe of one region, folded from its stream ``probe/<region>``: how often it has failed in a row. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from omniops.journal.events import Event

FAILURES = 3
"""Consecutive failures at which a region raises its alert (section 2)."""
REGIONS = 3
"""Regions that have to agree before somebody is paged (section 2)."""
ALERT, DOWN = "OmniRouteProbeFailing", "OmniRouteDown"
"""What one region raises, and what is raised when enough of them agree."""


class Streak(NamedTuple):
    """``failures`` in a row; ``since``: the first one's time (ISO); ``raised``: the region's alert is out."""

    failures: int = 0
    since: str = ""
    raised: bool = False
    n: int = 0


def fold(events: Iterable[Event]) -> Streak:
    """Where a region stands after its events."""
    streak = Streak()
    for event in events:
        match event.kind:
            case "probe.failed":
                since = streak.since if streak.failures else event.time
                streak = Streak(streak.failures + 1, since, streak.raised, event.n)
            case "probe.passed":
                streak = Streak(0, "", streak.raised, event.n)
            case "probe.raised":
                streak = streak._replace(raised=True, n=event.n)
            case "probe.ended":
                streak = streak._replace(raised=False, n=event.n)
    return streak


def labels(alert: str, environment: str, region: str = "") -> dict[str, str]:
    """The labels of an alert. Without a region they are the same from everywhere, so it is one alert."""
    found = {"alertname": alert, "service": "omniroute", "environment": environment}
    if region:
        return {**found, "region": region, "severity": "warning"}
    return {**found, "severity": "critical"}


def agreeing(alerts: Iterable[Any], environment: str) -> list[str]:
    """The regions whose alert is active, by name; ``alerts`` have ``labels``."""
    own = {"alertname": ALERT, "environment": environment}
    found = {
        str(one.labels.get("region"))
        for one in alerts
        if one.labels.get("region") and all(one.labels.get(name) == value for name, value in own.items())
    }
    return sorted(found)

"""Does the drill's alert fire? As an Alertmanager would see it: from a minute after things went wrong, until a minute
after they are right again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.drill.scenarios import Scenario
from omniops.drill.world import World

LASTING = timedelta(seconds=60)
SLOW = 1.5
RUNBOOK = "https://runbooks.example.test/omniroute#provider-outage"
SUMMARIES = {
    "ErrorBudgetBurnFast": "the error budget burns more than six times too fast",
    "LatencySLOBreach": "p95 of chat completions is above twice its budget",
}


def labels_of(scenario: Scenario) -> dict[str, str]:
    """Of the alert that pages: what its figures will say, so that the page and they speak of one thing."""
    return {"alertname": scenario.alert, "severity": "critical", "service": "omniroute"}


def annotations_of(scenario: Scenario) -> dict[str, str]:
    """Its summary and its runbook."""
    return {"summary": SUMMARIES[scenario.alert], "runbook_url": RUNBOOK}


def well_since(world: World) -> datetime | None:
    """Since when everything has been right; None while something is wrong."""
    since: float | None = None
    for moment in world.data["history"]:
        if _sick(moment):
            since = None
        elif since is None:
            since = moment["at"]
    return None if since is None else datetime.fromtimestamp(since, UTC)


def ended_at(world: World) -> datetime | None:
    """When the alert ended; None while it fires."""
    since = well_since(world)
    return since + LASTING if since is not None and world.now() >= since + LASTING else None


def _sick(moment: dict[str, Any]) -> bool:
    broken = any(moment["modes"].get(id) for id in moment["active"])
    return bool(
        broken or not moment["running"] or not moment["auth"] or not moment["data"] or moment["bad"] or
        moment["slow"] > SLOW or moment["instant"]
    )  # fmt: skip

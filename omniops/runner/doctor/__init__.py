"""`omniops doctor`: everything that must be true before 03:00, looked at without changing or paging anything.

Each examiner is a function of a `Look` that yields findings; adding a check is adding one function to EXAMINERS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from omniops.clock import Clock
from omniops.config import Settings
from omniops.runner.doctor import audiences, books, clocks, host, monitoring, omniroute, people
from omniops.runner.doctor.base import Finding, Look, Report, Screen
from omniops.runner.doctor.together import examine_all

__all__ = ["EXAMINERS", "Finding", "Report", "Screen", "examine"]

Examiner = Callable[[Look], Iterator[Finding]]

EXAMINERS: dict[str, Examiner] = {
    "settings": host.settings,
    "OmniRoute": omniroute.examine,
    "scripts": host.scripts,
    "Prometheus": monitoring.prometheus,
    "Alertmanager": monitoring.alertmanager,
    "Grafana": monitoring.grafana,
    "PagerDuty": people.pagerduty,
    "routing keys": people.routing_keys,
    "Slack": people.slack,
    "webhooks": audiences.webhooks,
    "status page": audiences.status_page,
    "mail": audiences.mail,
    "Apprise": audiences.apprise,
    "GitHub": people.github,
    "runbooks": books.runbooks,
    "journal": books.journal,
    "tick": host.tick,
    "background": host.background,
    "terminal": host.terminal,
}
"""Group -> what looks at it, in the order of the report. They run side by side."""

WITHIN_S = 12.0
"""For all of it; what has not answered by then does not answer at 03:00 either."""


def examine(settings: Settings, clock: Clock, screen: Screen, *, within_s: float = WITHIN_S) -> Report:
    """Look at everything, for at most ``within_s``. Raises nothing: what goes wrong is a finding."""
    with clocks.watched(settings, clock) as seen:
        look = Look(settings, clock, screen)
        findings = examine_all(EXAMINERS, look, within_s)
        findings += clocks.compare(seen)
    return Report(findings)

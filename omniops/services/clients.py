"""Every client of an outside system, built when it is first asked for.

A client takes (settings, clock, guard): ``guard`` is called with every URL before it is asked, and a drill's refuses
what is not loopback. Building one asks nothing of anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from omniops.clock import Clock
from omniops.config import Settings

if TYPE_CHECKING:
    from omniops.services.alertmanager import Alertmanager
    from omniops.services.github import GitHub
    from omniops.services.pagerduty import Events
    from omniops.services.pagerduty_rest import PagerDuty
    from omniops.services.pagerduty_schedules import Schedules
    from omniops.services.prometheus import Prometheus
    from omniops.services.slack import Slack
    from omniops.services.statuspage import Statuspage


class Clients:
    """The clients of one command. Each is a ``cached_property`` that imports its module when it is first used."""

    def __init__(self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        self.settings, self.clock, self.guard = settings, clock, guard

    @cached_property
    def prometheus(self) -> Prometheus:
        """Prometheus at PROMETHEUS_URL. Raises BadInput where that is unset or no plain URL."""
        from omniops.services.prometheus import Prometheus

        return Prometheus(self.settings, self.clock, self.guard)

    @cached_property
    def alertmanager(self) -> Alertmanager:
        """Alertmanager at ALERTMANAGER_URL. Raises BadInput where that is unset or no plain URL."""
        from omniops.services.alertmanager import Alertmanager

        return Alertmanager(self.settings, self.clock, self.guard)

    @cached_property
    def github(self) -> GitHub:
        """GitHub's REST API: issues, tags and checks of GH_REPO."""
        from omniops.services.github import GitHub

        return GitHub(self.settings, self.clock, self.guard)

    @cached_property
    def slack(self) -> Slack:
        """The Slack workspace behind SLACK_BOT_TOKEN."""
        from omniops.services.slack import Slack

        return Slack(self.settings, self.clock, self.guard)

    @cached_property
    def statuspage(self) -> Statuspage:
        """The status page STATUSPAGE_PAGE at Atlassian Statuspage."""
        from omniops.services.statuspage import Statuspage

        return Statuspage(self.settings, self.clock, self.guard)

    @cached_property
    def pager(self) -> PagerDuty:
        """PagerDuty's REST API. Its waits are of the machine's time, also in a drill: the network knows no other."""
        from omniops.clock import SystemClock
        from omniops.services.pagerduty_rest import PagerDuty

        return PagerDuty(self.settings, SystemClock(), self.guard)

    @cached_property
    def schedules(self) -> Schedules:
        """PagerDuty's schedules, through the same API."""
        from omniops.clock import SystemClock
        from omniops.services.pagerduty_schedules import Schedules

        return Schedules(self.settings, SystemClock(), self.guard)

    @cached_property
    def events(self) -> Events:
        """PagerDuty's Events API, by the routing key of a role."""
        from omniops.services.pagerduty import Events

        return Events(self.settings, self.guard)

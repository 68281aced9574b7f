"""Do the clocks agree? By the Date header of every answer that the other checks get, without asking anybody more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from omniops.clock import Clock
from omniops.config import Settings
from omniops.config.address import plain
from omniops.runner.doctor.base import Finding, ok, unset, warn
from omniops.services import http

MOST_SKEW_S = 5.0
"""Date is cut to seconds, and the answer was under way for a while."""
URLS = {
    "OmniRoute": ("OMNIROUTE_URL", ""),
    "Prometheus": ("PROMETHEUS_URL", ""),
    "Alertmanager": ("ALERTMANAGER_URL", ""),
    "PagerDuty": ("PAGERDUTY_URL", "https://api.pagerduty.com"),
    "Slack": ("SLACK_URL", "https://slack.com"),
}


@contextmanager
def watched(settings: Settings, clock: Clock) -> Iterator[dict[str, float]]:
    """Collect service -> its clock minus ours, in seconds, from the answers that come while the block runs."""
    urls = {service: plain(settings.get(name, default)) for service, (name, default) in URLS.items()}
    names = {parts.netloc: service for service, parts in urls.items() if parts is not None}
    seen: dict[str, float] = {}

    def note(reply: http.Reply) -> None:
        service = names.get(urlsplit(reply.url).netloc)
        skew = skew_s(reply.headers.get("date", ""), clock.now())
        if service and skew is not None:
            seen[service] = skew

    http.watchers.append(note)
    try:
        yield seen
    finally:
        http.watchers.remove(note)


def skew_s(date: str, now: datetime) -> float | None:
    """A Date header minus ``now``; on average half a second of it was cut off. None where it is none."""
    from email.utils import parsedate_to_datetime

    try:
        told = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None
    return (told.replace(tzinfo=told.tzinfo or UTC) + timedelta(seconds=0.5) - now).total_seconds()


def compare(seen: dict[str, float]) -> list[Finding]:
    """One line about all clocks."""
    skews = dict(seen)  # a check that came to no end may still be adding to it
    if not skews:
        none = "no service answered with its time"
        return [unset("clocks", none, "set up a service first")._replace(group="clocks")]
    words = ", ".join(f"{service} {_signed(skew)}" for service, skew in sorted(skews.items()))
    off = [service for service, skew in sorted(skews.items()) if abs(skew) > MOST_SKEW_S]
    if not off:
        return [ok("clocks", f"in agreement: {words}")._replace(group="clocks")]
    ours = len(off) == len(skews) > 1
    mend = "set this machine's clock (timedatectl set-ntp true)" if ours else f"set the clock of {', '.join(off)}"
    return [warn("clocks", f"they differ: {words}", mend)._replace(group="clocks")]


def _signed(skew: float) -> str:
    return f"{round(skew):+d} s"

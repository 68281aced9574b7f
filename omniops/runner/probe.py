"""`omniops probe`: one look of the uptime probe from one vantage point, its count kept between runs (section 2)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from omniops.clock import Clock, parse_iso
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError
from omniops.incident.probe import ALERT, DOWN, FAILURES, REGIONS, Streak, agreeing, fold, labels
from omniops.journal.events import Journal, New
from omniops.services.alertmanager import Posted
from omniops.services.clients import Clients
from omniops.services.omniroute_ping import Ping, ping

if TYPE_CHECKING:
    from datetime import datetime

LASTS = timedelta(minutes=10)
"""An alert is over after so long unless the next run posts it again: a probe that died must not alarm for ever."""
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Look(NamedTuple):
    """One run. ``regions``: those that agree, where that was asked; ``paged``: enough of them; ``trouble``: why
    Alertmanager could not be told."""

    region: str
    url: str
    answer: Ping
    streak: Streak
    regions: tuple[str, ...] = ()
    paged: bool = False
    trouble: OmniopsError | None = None


def look(settings: Settings, clock: Clock, journal: Journal, clients: Clients, region: str) -> Look:
    """Ask once, count, and at the third failure in a row raise the region's alert; with enough regions agreeing, the
    one that pages. The alert is posted anew by every failing run, and ended by the first that is answered.

    Raises BadInput for a region's name that cannot be one.
    """
    if not _REGION.fullmatch(region):
        raise BadInput(
            f"{region!r} is no region's name",
            why="a name has letters, digits, dots, - and _, 63 at most",
            state="nothing was asked",
            next="omniops probe --region us-west",
        )
    url = settings.omniroute_url
    stream = f"probe/{region}"
    answer = ping(url, settings.env, clock, clients.guard)
    before = fold(journal.read(stream))
    if answer.state == "down":
        journal.append([New(stream, None, "probe.failed", {"url": url, "why": answer.why, "path": answer.path})])
    elif before.failures:
        journal.append([New(stream, None, "probe.passed", {"url": url, "why": answer.why, "path": answer.path})])
    streak = fold(journal.read(stream))
    found = Look(region, url, answer, streak)
    try:
        if streak.failures >= FAILURES:
            return _raise(found, settings, clock.now(), journal, clients)
        if streak.raised and not streak.failures:
            return _end(found, settings, clock.now(), journal, clients)
    except OmniopsError as error:
        return found._replace(trouble=error)
    return found


def _raise(found: Look, settings: Settings, now: datetime, journal: Journal, clients: Clients) -> Look:
    """Post the region's alert, and the one that pages where enough regions agree. Posted again, each is the same."""
    summary = f"{found.url} has failed {found.streak.failures} probes in a row from {found.region}"
    notes = {"summary": summary, "description": found.answer.why}
    alerts = clients.alertmanager
    own = labels(ALERT, settings.environment, found.region)
    alerts.post([Posted(own, notes, parse_iso(found.streak.since), now + LASTS)])
    if not found.streak.raised:
        journal.append([New(f"probe/{found.region}", None, "probe.raised", {"alert": ALERT})])
    regions = sorted({found.region, *agreeing(alerts.alerts(), settings.environment)})
    paged = len(regions) >= REGIONS
    if paged:
        words = {"summary": f"{found.url} fails from {len(regions)} regions: {', '.join(regions)}"}
        since = parse_iso(found.streak.since)
        alerts.post([Posted(labels(DOWN, settings.environment), words, since, now + LASTS)])
    return found._replace(streak=found.streak._replace(raised=True), regions=tuple(regions), paged=paged)


def _end(found: Look, settings: Settings, now: datetime, journal: Journal, clients: Clients) -> Look:
    """End the region's alert; and the one that pages, once too few regions agree."""
    alerts = clients.alertmanager
    past = now - timedelta(seconds=1)
    alerts.post([Posted(labels(ALERT, settings.environment, found.region), {}, past, past)])
    regions = [one for one in agreeing(alerts.alerts(), settings.environment) if one != found.region]
    if len(regions) < REGIONS:
        alerts.post([Posted(labels(DOWN, settings.environment), {}, past, past)])
    journal.append([New(f"probe/{found.region}", None, "probe.ended", {"alert": ALERT})])
    return found._replace(streak=found.streak._replace(raised=False), regions=tuple(regions))

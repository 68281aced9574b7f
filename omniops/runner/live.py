"""Live signals: what is measured now, from Prometheus where there is one, else from OmniRoute itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError, Refused, Unreachable
from omniops.incident.ladder import Ladder, Slos
from omniops.incident.live import Row, doubts_of, rows_of, signals_of
from omniops.incident.readings import Measured
from omniops.incident.signals import Signals, written
from omniops.runner.wiring import clients_of
from omniops.text import one_line

if TYPE_CHECKING:
    from datetime import datetime

    from omniops.incident.severity import Classification
    from omniops.runner.figures_omniroute import Gateway
    from omniops.services.clients import Clients

WITHOUT_PROMETHEUS = "PROMETHEUS_URL is not set"


class Found(NamedTuple):
    """Figures, and why they are not from Prometheus ("" where they are)."""

    measured: Measured
    fallback: str


class Live(NamedTuple):
    """The signals of now, and how each rule of the ladder was judged.

    ``source``: "prometheus" or "omniroute"; "" where neither answered, and then there are no signals and ``trouble``
    says why. ``partial``: why the figures are not those of everything; such figures can't yield "recovered".
    """

    source: str
    signals: Signals
    rows: list[Row]
    partial: str
    fallback: str  # why not Prometheus
    about: str
    notes: tuple[str, ...]
    trouble: str = ""
    measured: Measured = Measured("")
    doubts: Mapping[str, str] = {}  # rules that cannot be judged though their signal is known

    def over(self, signals: Signals, ladder: Ladder) -> Live:
        """The same look, with flags or a file laid over it: the rows say how those were judged."""
        told = ("error_ratio", "burn_rate", "requests")
        same = all(getattr(signals, name) == getattr(self.signals, name) for name in told)
        doubts = self.doubts if same else {}
        return self._replace(signals=signals, doubts=doubts, rows=rows_of(self.measured, signals, ladder, doubts))

    def classify(self, ladder: Ladder, onset: datetime) -> Classification:
        """What the ladder says of these signals."""
        from omniops.incident.severity import classify

        return classify(self.signals, ladder, onset, self.doubts)

    def as_json(self) -> dict[str, Any]:
        """The part "signals" of a classification; ``values`` is what `omniops classify --signals` would read."""
        return {
            "source": self.source or None,
            "about": self.about,
            "fallback": self.fallback,
            "partial": self.partial,
            "notes": list(self.notes),
            "trouble": self.trouble,
            "values": written(self.signals),
            "rows": [row.as_json() for row in self.rows],
        }


def configured(settings: Settings) -> bool:
    """Is there anything to measure with: PROMETHEUS_URL, or OMNIROUTE_URL with credentials?"""
    return bool(settings.get("PROMETHEUS_URL")) or gateway_configured(settings)


def gateway_configured(settings: Settings) -> bool:
    """Can OmniRoute be asked: its address and credentials are set?"""
    with_credentials = any(settings.has_secret(name) for name in ("OMNIROUTE_PASSWORD", "OMNIROUTE_API_KEY"))
    return settings.has_server and with_credentials


def gateway(settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> Gateway:
    """The OmniRoute whose own figures are read: all replicas merged, where OMNIROUTE_URLS says where they are."""
    from omniops.services.omniroute import OmniRoute
    from omniops.services.omniroute_replicas import Replicas

    return Replicas(OmniRoute(settings.omniroute_url, settings, clock, guard), settings, clock.now)


def look(
    settings: Settings,
    clock: Clock,
    clients: Clients,
    slos: Slos,
    *,
    full: bool,
    ask: Callable[[], Gateway] | None = None,
) -> Found:
    """One look at the best source there is. ``full``: everything that `omniops slo` shows. ``ask``: the OmniRoute to
    ask where it comes to that, for who looks again and again and wants to log in once.

    Raises Unreachable, Refused or BadInput where no source can be had.
    """
    fallback = WITHOUT_PROMETHEUS
    if settings.get("PROMETHEUS_URL"):
        from omniops.runner import figures_prometheus

        prometheus = clients.prometheus
        try:
            return Found(figures_prometheus.look(prometheus, clock, slos, full=full), "")
        except (Unreachable, Refused) as error:
            if not gateway_configured(settings):
                raise
            fallback = one_line(f"{error.what}: {error.why}", 160)
        finally:
            prometheus.close()
    from omniops.runner import figures_omniroute

    asked = ask() if ask else gateway(settings, clock, clients.guard)
    try:
        return Found(figures_omniroute.look(asked, slos, full=full), fallback)
    finally:
        getattr(asked, "close", lambda: None)()


def measure(
    settings: Settings,
    clock: Clock,
    clients: Clients | None = None,
    *,
    ladder: Ladder | None = None,
    slos: Slos | None = None,
) -> Live:
    """The signals of now. ``ladder`` and ``slos`` default to those in force.

    A source that cannot be had raises nothing: then nothing is known, and ``trouble`` says why. Raises BadInput for
    settings that make no sense.
    """
    if ladder is None or slos is None:
        from omniops.catalog.ladder import ladder_for, slos_for

        ladder, slos = ladder or ladder_for(settings.user_runbooks), slos or slos_for(settings.user_runbooks)
    try:
        found = look(settings, clock, clients or clients_of(settings, clock), slos, full=False)
    except BadInput:
        raise
    except OmniopsError as error:
        nothing = Measured("")
        signals = signals_of(nothing, ladder)
        trouble = one_line(f"{error.what}{': ' * bool(error.why)}{error.why}", 300)
        return Live("", signals, rows_of(nothing, signals, ladder), "", "", "", (), trouble)
    measured = found.measured
    signals = signals_of(measured, ladder)
    doubts = doubts_of(measured, signals, ladder)
    rows = rows_of(measured, signals, ladder, doubts)
    return Live(
        source=measured.source,
        signals=signals,
        rows=rows,
        partial=measured.partial,
        fallback=found.fallback,
        about=measured.about,
        notes=measured.notes,
        measured=measured,
        doubts=doubts,
    )


class P95Now(NamedTuple):
    """p95 of clients' requests over the last 5 minutes. None: unknown, and ``why`` says so."""

    p95_s: float | None
    requests: int
    source: str
    why: str


def p95_now(settings: Settings, clock: Clock, clients: Clients, *, alone: bool = False) -> P95Now:
    """p95 of now, from Prometheus where there is one, else from OmniRoute's telemetry. ``alone``: only Prometheus.

    Raises Unreachable, Refused or BadInput where there is nothing to be had.
    """
    if settings.get("PROMETHEUS_URL"):
        from omniops.catalog.ladder import slos_for
        from omniops.incident.ladder import p95_slo
        from omniops.runner.figures_prometheus import Look

        slo = p95_slo(slos_for(settings.user_runbooks))
        prometheus = clients.prometheus
        try:
            if slo is not None and slo.buckets and slo.quantile:
                found = Look(prometheus, clock).quantile(slo.quantile, slo.buckets, slo.window_s)
                return P95Now(found.reading.value, round(found.requests or 0), "prometheus", found.reading.words)
        except (Unreachable, Refused):
            if alone or not gateway_configured(settings):
                raise
        finally:
            prometheus.close()
    if alone:
        return P95Now(None, 0, "prometheus", "slos.yaml names no metric for p95")
    asked = gateway(settings, clock, clients.guard)
    try:
        telemetry = asked.telemetry(300.0)
    finally:
        getattr(asked, "close", lambda: None)()
    return P95Now(telemetry.p95_s, telemetry.count, "omniroute", "" if telemetry.count else "no traffic")

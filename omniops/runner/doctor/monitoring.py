"""Prometheus, Alertmanager, Grafana: are they there, and do the SLOs' queries return data?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from omniops.errors import OmniopsError
from omniops.incident import promql
from omniops.incident.ladder import Slo, Slos, availability, p95_slo
from omniops.runner.doctor.base import Finding, Look, fail, failed, ok, unset, warn

if TYPE_CHECKING:
    from omniops.services.prometheus import Prometheus


def prometheus(look: Look) -> Iterator[Finding]:
    """Its version, and one line for each SLO."""
    if not look.settings.get("PROMETHEUS_URL"):
        yield unset("Prometheus", "figures come from OmniRoute alone: no burn rates, no baseline", "set PROMETHEUS_URL")
        return
    from omniops.catalog.ladder import slos_for

    client = look.clients.prometheus
    try:
        build = client.buildinfo()
        yield ok("Prometheus", f"{client.url} answers: {build.version}")
    except OmniopsError as error:
        yield failed("Prometheus", error)
        return
    slos = slos_for(look.settings.user_runbooks)
    needed = {slo.id for slo in (availability(slos), p95_slo(slos)) if slo is not None}
    for slo in slos.slos:
        expr = query_of(slo, slos)
        if not expr:
            yield unset(slo.id, "slos.yaml names no metric for it", "add one, or judge it by hand")
        else:
            yield _data(client, slo.id, expr, slo.id in needed)


def query_of(slo: Slo, slos: Slos) -> str:
    """The query that tells whether there is data for an SLO: its requests, its quantile, or its gauge; "" for none."""
    if slo.of:
        counted = next((other.all for other in slos.slos if other.id == slo.of), "")
        return promql.requests(counted, slo.window_s) if counted else ""
    if slo.all:
        return promql.requests(slo.all, 3600.0)
    if slo.buckets and slo.quantile:
        return promql.quantile(slo.quantile, slo.buckets, slo.window_s)
    return promql.gauge(slo.gauge) if slo.gauge else ""


def _data(client: Prometheus, name: str, expr: str, needed: bool) -> Finding:
    """No data for what the severity ladder reads is a fault; for the others it is worth knowing."""
    try:
        found = client.query(expr)
    except OmniopsError as error:
        return failed(name, error)
    if found.kind == "value":
        return ok(name, "its query returns data")
    if found.kind == "nan":
        return warn(name, "its query returns NaN: no traffic in its window", "nothing to mend, if there is no traffic")
    if found.kind == "inf":
        return warn(name, "its query returns infinity: beyond the largest bucket", "give its histogram larger buckets")
    detail = "its query returns no data" if found.kind == "empty" else "its query returns several series"
    mend = f"check the metric's name and labels in slos.yaml: {expr}"
    return fail(name, detail, mend) if needed else warn(name, detail, mend)


def alertmanager(look: Look) -> Iterator[Finding]:
    """Its status."""
    if not look.settings.get("ALERTMANAGER_URL"):
        yield unset("Alertmanager", "no alerts can be looked up or posted", "set ALERTMANAGER_URL")
        return
    client = look.clients.alertmanager
    try:
        version = client.version()
    finally:
        client.close()
    url = look.settings.service_url("ALERTMANAGER_URL")
    if version:
        yield ok("Alertmanager", f"{url} answers: {version}")
    else:
        yield fail("Alertmanager", f"{url} answers, and names no version: no Alertmanager?", "check ALERTMANAGER_URL")


def grafana(look: Look) -> Iterator[Finding]:
    """Only a link for people, so only its address is looked at."""
    url = look.settings.service_url("GRAFANA_URL")
    if url:
        yield ok("Grafana", f"{url} (a link; it is not asked)")
    else:
        yield unset("Grafana", "the checklist has no dashboards to open", "set GRAFANA_URL")

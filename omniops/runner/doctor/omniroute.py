"""OmniRoute: is it there, which version, does the login work, what may it read, and does it run on this host?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from omniops.errors import OmniopsError, Refused
from omniops.runner.doctor.base import Finding, Look, fail, failed, ok, unset, warn
from omniops.services.omniroute import OmniRoute
from omniops.text import duration

PATIENCE_S = 4.0
READS: dict[str, Callable[[OmniRoute], object]] = {
    "connections": OmniRoute.connections,
    "combos": OmniRoute.combos,
    "telemetry": lambda server: server.telemetry(300),
    "API keys": OmniRoute.keys_total,
    "database health": OmniRoute.db_health,
}
"""What the runbooks read, and so what a login has to be allowed to."""


class _Impatient(OmniRoute):
    timeout_s = PATIENCE_S


def examine(look: Look) -> Iterator[Finding]:
    """OMNIROUTE_URL is the one setting that nothing works without. One login is tried at most."""
    from omniops.runner.wiring import loopback_only

    if not look.settings.has_server:
        yield fail(
            "server",
            "OMNIROUTE_URL is not set: there is nothing to act on",
            "export OMNIROUTE_URL=https://..., or omniops config init",
        )
        return
    url = look.settings.omniroute_url
    server = _Impatient(url, look.settings, look.clock, loopback_only if look.settings.drill else None)
    try:
        yield from _server(look, server)
    finally:
        server.close()


def _server(look: Look, server: OmniRoute) -> Iterator[Finding]:
    try:
        page = server.health()
    except OmniopsError as error:
        yield failed("server", error)
        yield unset("login", "not tried: the server does not answer", "mend the server first")
        return
    detail = f"{server.url} answers: {page.version or 'it names no version'}, up {duration(page.uptime_s)}"
    if page.ok and page.version:
        yield ok("server", detail)
    else:
        yield warn("server", f"{detail}; {page.detail}", "look at its health page")
    yield from _login(look, server)
    yield from _replicas(look)
    yield _host(look, server)


def _login(look: Look, server: OmniRoute) -> Iterator[Finding]:
    """The first read tells whether we get in; the others, what we may see. Writes cannot be tried without writing."""
    try:
        count = len(server.connections())
    except Refused as error:
        if not any(look.settings.has_secret(name) for name in ("OMNIROUTE_PASSWORD", "OMNIROUTE_API_KEY")):
            yield fail("login", f"{server.url} wants one, and none is configured", error.next)
        else:
            yield failed("login", error)
        return
    except OmniopsError as error:
        yield failed("login", error)
        return
    yield ok("login", f"valid; {count} connection{'' if count == 1 else 's'} listed")
    may, may_not = ["connections"], []
    for name, read in READS.items():
        if name == "connections":
            continue
        try:
            read(server)
            may.append(name)
        except Refused:
            may_not.append(f"{name} (refused)")
        except OmniopsError as error:
            may_not.append(f"{name} ({error.why})")
            if error.why.startswith("no answer"):
                break  # it is slow: the other reads would only wait as long
    if may_not:
        detail = f"may read {', '.join(may)}; not: {'; '.join(may_not)}"
        yield warn("rights", detail, "use a login or key that may, or go without what needs it")
    else:
        yield ok("rights", f"may read {', '.join(may)}; that it may write shows only when it does")


def _replicas(look: Look) -> Iterator[Finding]:
    from omniops.runner.wiring import loopback_only

    for url in look.settings.replica_urls:
        replica = _Impatient(url, look.settings, look.clock, loopback_only if look.settings.drill else None)
        try:
            page = replica.health()
            yield ok("replica", f"{url} answers: {page.version or 'it names no version'}")
        except OmniopsError as error:
            yield failed("replica", error)
        finally:
            replica.close()


def _host(look: Look, server: OmniRoute) -> Finding:
    """Scripts run only where the server is shown to run; elsewhere their steps are done by hand, which is no fault."""
    from omniops.jobs.host import prove

    proof = prove(look.settings, server)
    if proof.here:
        return ok("this host", f"the server runs here: {proof.why}")
    detail = f"not shown to be the server's: {proof.why}"
    if look.settings.get("OMNIROUTE_BIN"):
        return warn(
            "this host", detail, "scripts will be steps by hand; run omniops on the server's host to have them run"
        )
    return unset("this host", detail, "scripts are steps by hand from here; nothing to do if that is meant")

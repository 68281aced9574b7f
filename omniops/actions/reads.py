"""Small reads of the server: version, authz inventory, API keys, database (sections 4.2.1, 4.3.1, 4.4)."""

from __future__ import annotations

from typing import Any

from omniops.actions.base import Args, Context, Read, Write
from omniops.errors import Broken, Unreachable
from omniops.text import duration, one_line


class Version:
    """The running version, and how long that process has run."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        version, source = ctx.omniroute.version()
        uptime = ctx.omniroute.health().uptime_s
        running = sorted({version, *_elsewhere(ctx)})
        if len(running) > 1:
            version, source = " and ".join(running), "the replicas differ"
        summary = f"{one_line(version, 60)}, running for {duration(uptime)} ({source})"
        return {"version": one_line(version, 60), "source": source, "uptime_s": uptime, "summary": summary}


def _elsewhere(ctx: Context) -> list[str]:
    """The versions that the replicas of OMNIROUTE_URLS run; of those that say."""
    if not ctx.settings.replica_urls:
        return []
    from omniops.services.omniroute_replicas import Replicas

    replicas = Replicas(ctx.omniroute, ctx.settings, ctx.clock.now)
    try:
        return list(replicas.versions().values())
    finally:
        replicas.close()


class Inventory:
    """The authz inventory's verdict. Neither 3.7.9 (no such page) nor today's fork (no ``policies_active``) says
    whether the policies are there; so the API keys are counted as well, and a store that cannot count them fails."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        """Raises Refused; and Unreachable when the server does not answer at all."""
        status, found = ctx.omniroute.inventory()
        verdict, words = _judge(status, found)
        keys: int | None = None
        try:
            keys = ctx.omniroute.keys_total()
            words += f"; {keys} API key{'' if keys == 1 else 's'}"
        except Unreachable as error:
            verdict = "failing" if verdict in ("absent", "healthy") else verdict
            words += f"; the API keys cannot be counted: {one_line(error.what, 120)}"
        cryptography = _cryptography(ctx)
        summary = f"{words}; cryptography {cryptography}"
        return {"verdict": verdict, "keys": keys, "summary": summary, "cryptography": cryptography}


def _judge(status: str, found: Any) -> tuple[str, str]:
    if status == "absent":
        return "absent", "this version has no authz inventory"
    if status in ("failing", "malformed"):
        return status, f"the authz inventory is {status}: {one_line(found, 120)}"
    if isinstance(found, dict) and "policies_active" in found:
        active = found["policies_active"]
        count = len(active) if isinstance(active, (list, dict)) else active
        return (
            ("healthy", f"{one_line(count, 20)} policies active") if count else ("policies_empty", "no active policies")
        )
    if isinstance(found, dict) and isinstance(found.get("tiers"), list) and found["tiers"]:
        return "healthy", f"the authz inventory lists {len(found['tiers'])} tiers, and says nothing about policies"
    return "malformed", "the authz inventory holds neither policies nor tiers"


def _cryptography(ctx: Context) -> str:
    try:
        return one_line(ctx.omniroute.health().cryptography, 60) or "not said"
    except Unreachable:
        return "unknown: the health page does not answer"


class Keys:
    """How many API keys the server has; none means that no keyed request can succeed."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        return {"total": ctx.omniroute.keys_total()}


class Database:
    """The server's own word about its database. A sick one is an error here: no runbook goes on past it by itself."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        """Raises Broken for a database that is not healthy."""
        healthy, detail = ctx.omniroute.db_health()
        if not healthy:
            raise Broken(
                "the server says that its database is not healthy",
                why=one_line(detail, 200),
                state="the server runs on a damaged database",
                next="see section 4.4: omniops mitigate data-incident",
            )
        return {"healthy": True}


ACTIONS: dict[str, Read | Write] = {
    "omniroute.version": Version(),
    "authz.inventory": Inventory(),
    "keys.count": Keys(),
    "db.health": Database(),
}

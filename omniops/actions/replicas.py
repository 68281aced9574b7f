"""The replicas behind the load balancer: which are healthy, and whether a bad one is out (section 3, 0:12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.actions.base import Args, Context, Read, Write
from omniops.errors import OmniopsError, Refused, Unreachable
from omniops.services.omniroute_replicas import Identity, identity
from omniops.services.omniroute_replicas import name_of as _name
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.services.omniroute import Health

LOOKS = 30
ANSWERS_PER_REPLICA = 2
FAILED, UNKNOWN = "no answer", "an unknown process"


class Asked(NamedTuple):
    """One replica, asked directly. ``why``: what is wrong with it; "" = healthy."""

    url: str
    why: str
    health: Health | None
    identity: Identity | None
    refused: OmniopsError | None = None  # it, or all of them, refuse our credential
    keys: int | None = None


class ReplicaHealth:
    """Asks each replica of OMNIROUTE_URLS for its health page, its database and its API keys."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        """Raises Refused where no replica takes our credential."""
        urls = list(dict.fromkeys(ctx.settings.replica_urls))
        asked = _judge_together([_ask(ctx, url) for url in urls])
        bad = [{"url": a.url, "target": _name(a.url), "why": a.why} for a in asked if a.why]
        words = "; ".join(f"{one['target']} ({one['why']})" for one in bad)
        summary = f"{len(asked) - len(bad)} of {len(asked)} replicas healthy" + (f"; bad: {words}" if words else "")
        return {
            "known": bool(urls),
            "healthy": len(asked) - len(bad),
            "bad": bad,
            "bad_text": words or "no replica",
            "balancer": ctx.settings.omniroute_url,
            "replicas": [_row(a) for a in asked],
            "summary": summary if urls else "omniops knows of no replicas (OMNIROUTE_URLS is not set)",
        }


class BalancerProof:
    """Asks through the load balancer, each time on a new connection, and recognises the replicas that answer."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        """``dropped`` is True only with evidence: no answer came from a bad replica, none failed, each was recognised,
        and there were enough. ``seen`` is that evidence, in words."""
        balancer, urls = ctx.settings.omniroute_url, list(dict.fromkeys(ctx.settings.replica_urls))
        bad = {str(one["url"]) if isinstance(one, dict) else str(one) for one in args["bad"]}
        if balancer in urls:
            why = f"cannot tell: OMNIROUTE_URL is a replica itself ({_name(balancer)}), no balancer"
            return {"dropped": False, "seen": [why], "summary": why}
        known = {url: who for url in urls if isinstance(who := _who(ctx, url), Identity)}
        twins = [f"{_name(a)} and {_name(b)}" for a in known for b in known if a < b and known[a].is_of(known[b])]
        if twins:
            why = f"cannot tell: {twins[0]} cannot be told apart (same pid, started together)"
            return {"dropped": False, "seen": [why], "summary": why}
        counts: dict[str, int] = {}
        for _ in range(LOOKS):
            seen = _who(ctx, balancer)
            if isinstance(seen, Identity):
                seen = next((url for url, identity in known.items() if seen.is_of(identity)), UNKNOWN)
            counts[seen] = counts.get(seen, 0) + 1
        dropped, why = _verdict(counts, bad, len(urls))
        seen_words = [f"{_name(url)}: {count} of {LOOKS} answers" for url, count in counts.items()]
        return {"dropped": dropped, "seen": [*seen_words, why], "summary": why}


def _verdict(counts: dict[str, int], bad: set[str], replicas: int) -> tuple[bool, str]:
    still = [_name(url) for url in counts if url in bad]
    if still:
        return False, f"{', '.join(still)} still answers behind the load balancer"
    if counts.get(FAILED):
        return (
            False,
            f"cannot tell: {counts[FAILED]} of {LOOKS} requests failed, and a bad replica may have failed them",
        )
    if counts.get(UNKNOWN):
        return False, f"cannot tell: {counts[UNKNOWN]} of {LOOKS} answers came from a process that no replica has"
    good = sum(counts.values())
    if good < ANSWERS_PER_REPLICA * replicas:
        return False, f"cannot tell: only {good} answers"
    return True, f"all of {good} answers came from healthy replicas"


def _ask(ctx: Context, url: str) -> Asked:
    client = ctx.omniroute.sibling(url)
    try:
        health = client.health()
        identity = _identity(ctx, health)
        if not health.ok:
            return Asked(
                url, f"its health page says: {one_line(health.detail or 'not healthy', 100)}", health, identity
            )
        try:
            sound, detail = client.db_health()
            if not sound:
                return Asked(url, f"its database: {one_line(detail, 100)}", health, identity)
            return Asked(url, "", health, identity, keys=client.keys_total())
        except Unreachable as error:
            return Asked(url, one_line(error.what, 120), health, identity)
        except Refused as error:
            return Asked(url, "it refuses the credential that other replicas take", health, identity, error)
    except (Unreachable, Refused) as error:
        return Asked(url, one_line(error.what, 120), None, None)
    finally:
        client.close()


def _judge_together(asked: list[Asked]) -> list[Asked]:
    """What only a comparison shows: a credential that all refuse is ours to mend, one that has lost its keys is bad."""
    refused = [a.refused for a in asked if a.refused]
    if refused and not any(a.keys is not None for a in asked):
        raise refused[0]
    most = max((a.keys or 0 for a in asked), default=0)
    return [
        a._replace(why=f"it has no API keys, another replica has {most}") if a.keys == 0 and most else a for a in asked
    ]


def _who(ctx: Context, url: str) -> Identity | str:
    """Who answers at an address, asked on a connection of its own; UNKNOWN where the answer does not say, or FAILED."""
    client = ctx.omniroute.sibling(url)
    try:
        return _identity(ctx, client.health()) or UNKNOWN
    except (Unreachable, Refused):
        return FAILED
    finally:
        client.close()


def _identity(ctx: Context, health: Health) -> Identity | None:
    return identity(health, ctx.clock.now())


def _row(asked: Asked) -> dict[str, Any]:
    health = asked.health
    return {
        "url": asked.url,
        "target": _name(asked.url),
        "healthy": not asked.why,
        "why": asked.why,
        "version": health.version if health else "",
        "uptime_s": health.uptime_s if health else None,
        "pid": health.pid if health else None,
    }


ACTIONS: dict[str, Read | Write] = {"replicas.health": ReplicaHealth(), "balancer.proof": BalancerProof()}

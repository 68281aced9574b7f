"""``connection.disable``: takes one provider connection out of rotation, and puts it back (section 4.1.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from omniops.actions.base import Applied, Args, Context, Observation, Read, Write
from omniops.actions.resolve import target, typable
from omniops.clock import iso, parse_iso
from omniops.errors import BadInput, NotOurs, Refused, Unreachable
from omniops.services.omniroute_parse import VOLATILE
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.services.omniroute import Connection, WriteReply

CLIENTS_SEE = (
    'clients then get 400 "No credentials for provider" (3.7.9), or 404 "No active credentials for provider" (the fork)'
)
SIGNED_OUT = ("expired",)
"""``testStatus`` of a connection whose credential the upstream refuses: enabled, but it serves nothing."""
UNSEEN = {"lastErrorType", "lastErrorSource", "lastTested", "consecutiveUseCount", "lastUsedAt", "updatedAt"}
"""What the server notes of a connection's health besides the fields that are shown (``VOLATILE``)."""
OUR_ROW_S = 2.0
"""The audit log's row of our own write lies at most this far from the moment that the write's answer named."""
MODELS_SHOWN = 5


class Disable:
    """``PUT /api/providers/{id}`` with ``isActive`` false. A repeat is no no-op, so it is sent only when needed."""

    def observe(self, ctx: Context, args: Args) -> Observation:
        """Read the connection. Raises BadInput where there is none, Refused, Unreachable."""
        found = _find(ctx, args)
        elsewhere = _still_active(ctx, found.id)
        active = found.active or bool(elsewhere)
        seen = Observation(
            target=target(found),
            state={**state_of(found), "isActive": active},
            desired={**state_of(found), "isActive": False},
            already=not active,
            shown={**found.shown, **({"active on": ", ".join(elsewhere)} if elsewhere else {})},
            at=found.updated_at,
        )
        if not found.active:
            return seen
        warnings = []
        if "stops" in args:
            others = some([str(model) for model in args["stops"]]) or "no other model"
            warnings.append(f"stopping the whole provider {one_line(found.label, 40)}; with it stops: {others}")
        lost = lost_with(ctx, found)
        if lost:
            warnings.append(f"this is the last live connection that serves {lost}: {CLIENTS_SEE}")
        if not warnings:
            return seen
        return seen._replace(warnings=tuple(warnings), destructive=True, typed=typable(found))

    def apply(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        return written(ctx.omniroute.set_active(before["id"], False))

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        """Read it for undo; when it is to be enabled, test it. Raises NotOurs where it has been deleted."""
        found = ctx.omniroute.connection(before["id"])
        if found is None:
            raise NotOurs(
                f"connection {one_line(before['id'], 40)} is gone",
                why="somebody has deleted it since omniops disabled it",
                state="nothing was changed",
            )
        seen = Observation(
            target=target(found),
            state=state_of(found),
            desired={**state_of(found), "isActive": before["isActive"]},
            already=found.active == before["isActive"],
            shown=dict(found.shown),
            typed=typable(found),
            at=found.updated_at,
        )
        if seen.already:
            return seen
        other, unknown = _written_by_others(ctx, found, str(after.get("_at", "")))
        if other:
            seen.shown["not_ours"] = other
            return seen
        warnings = []
        if unknown:
            seen.shown["writes_unknown"] = unknown
            warnings.append(f"whether somebody else has written to it since is unknown: {unknown}")
        failing = _test(ctx, found)
        if failing:
            seen.shown["test_failed"] = failing
            warnings.append(f"its test fails: {failing}")
        return seen._replace(warnings=tuple(warnings))

    def undo(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        return written(ctx.omniroute.set_active(before["id"], before["isActive"]))

    def reconcile(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied | None:
        return None  # what became of a PUT is told by the connection itself


def _still_active(ctx: Context, id: str) -> list[str]:
    """The other replicas (OMNIROUTE_URLS) that have a connection enabled: a write goes to one, and counts when all show
    it. One that does not answer serves nobody, and is passed over."""
    if not ctx.settings.replica_urls:
        return []
    from omniops.services.omniroute_replicas import Replicas

    replicas = Replicas(ctx.omniroute, ctx.settings, ctx.clock.now)
    try:
        return [name for name, found in replicas.connection(id).items() if found is not None and found.active]
    finally:
        replicas.close()


def state_of(connection: Connection) -> dict[str, Any]:
    """Identity and the field that is written; nothing volatile."""
    return {
        "id": connection.id,
        "provider": connection.provider,
        "name": one_line(connection.name, 80),
        "isActive": connection.active,
    }


def live(connection: Connection) -> bool:
    """Enabled, and the upstream takes its credential. A cooldown passes by itself, so it counts as live."""
    return connection.active and connection.shown.get("testStatus") not in SIGNED_OUT


def lost_with(ctx: Context, connection: Connection) -> str:
    """The models that nothing live serves once this connection is out, in words; "" where something else does.

    A provider's connections all carry its models; a model belongs to another provider as well only where that one's
    list has the same client id, which takes the same prefix.
    """
    others = [c for c in ctx.omniroute.connections() if c.id != connection.id and live(c)]
    if any(c.provider == connection.provider for c in others):
        return ""
    models = models_of(ctx, connection)
    rivals = {c.provider: c for c in others if head(c) == head(connection)}
    covered = {model for rival in rivals.values() for model in models_of(ctx, rival)}
    lost = [model for model in models if model not in covered]
    if models and not lost:
        return ""
    return some(lost) or f"the models of {one_line(connection.label, 40)}"


def head(connection: Connection) -> str:
    """What the client ids of its models begin with: ``fake`` of ``fake/fake-small``."""
    return connection.prefix or connection.provider


def models_of(ctx: Context, connection: Connection) -> list[str]:
    """The client ids that the server lists for a connection's provider, and its default model; [] if it cannot say.

    What cannot be listed is no reason to keep a broken connection in rotation, so errors are taken for an empty list.
    """
    try:
        listed = list(ctx.omniroute.models_of(connection.provider))
    except (Unreachable, Refused):
        listed = []
    default = f"{head(connection)}/{connection.default_model}"
    return listed + ([default] if connection.default_model and default not in listed else [])


def some(names: list[str], limit: int = MODELS_SHOWN) -> str:
    """``a, b and 7 more``, safe to show."""
    more = len(names) - limit
    return ", ".join(one_line(name, 60) for name in names[:limit]) + (f" and {more} more" if more > 0 else "")


def _find(ctx: Context, args: Args) -> Connection:
    found = ctx.omniroute.connection(args["connection"])
    if found is None:
        raise BadInput(
            f"there is no connection {one_line(args['connection'], 60)}",
            why="the server does not know that id",
            state="nothing was changed",
            next="omniops mitigate provider-outage, with a provider's name, lists its connections",
        )
    return found


def written(reply: WriteReply) -> Applied:
    """A write's answer as the runner takes it."""
    evidence = {name: value for name, value in (("code", reply.code), ("request_id", reply.request_id)) if value}
    outputs = {"changed_at": reply.at} if reply.status == "applied" else {}
    return Applied(reply.status, reply.detail, evidence, outputs, reply.at)


def _written_by_others(ctx: Context, connection: Connection, since: str) -> tuple[str, str]:
    """Who wrote to the connection since our own write, in words, and why that cannot be told; "" for nobody and for
    certain. Our own row is passed over, once."""
    if not since:
        return "", ""
    moment = parse_iso(since)
    start = iso(moment - timedelta(seconds=OUR_ROW_S))
    # A row names its connection by provider and name; one whose name the server made up is found by its id.
    found = ctx.omniroute.writes_to(f"{connection.provider}:{connection.name}", start)
    if not found.rows and not found.gap:
        found = ctx.omniroute.writes_to(connection.id, start)
    dated = sorted(((_when(row, since), row) for row in found.rows), key=lambda pair: pair[0])
    near = [(when, row) for when, row in dated if abs((when - moment).total_seconds()) <= OUR_ROW_S]
    ours = min(near, key=lambda pair: (not _wrote_it(pair[1]), abs(pair[0] - moment)), default=None)
    begin = ours[0] if ours else moment
    foreign = [
        (when, row) for when, row in dated if when >= begin and not (ours and row is ours[1]) and not _volatile(row)
    ]
    if not foreign:
        return "", one_line(found.gap, 160)
    when, row = foreign[-1]
    fields = some([str(field) for field in row.get("changedFields") or []]) or "something"
    more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
    told = f"{one_line(row.get('actor') or 'somebody', 40)} changed {fields} at {iso(when)}{more}"
    return ("", f"{told}, of one of two connections of that name") if _has_twin(ctx, connection) else (told, "")


def _has_twin(ctx: Context, connection: Connection) -> bool:
    """The audit log names connections by provider and name; with two of one name it cannot tell whose a row is."""
    twins = [c for c in ctx.omniroute.connections() if (c.provider, c.name) == (connection.provider, connection.name)]
    return len(twins) > 1


def _when(row: dict[str, Any], fallback: str) -> datetime:
    try:
        return parse_iso(str(row.get("timestamp")))
    except ValueError:
        return parse_iso(fallback) + timedelta(seconds=2 * OUR_ROW_S)  # undated: somebody's, until shown otherwise


def _wrote_it(row: dict[str, Any]) -> bool:
    return "isActive" in (row.get("changedFields") or [])


def _volatile(row: dict[str, Any]) -> bool:
    """The server's own notes about a connection's health are nobody's decision."""
    fields = row.get("changedFields") or []
    return bool(fields) and UNSEEN.issuperset(set(fields) - set(VOLATILE))


def _test(ctx: Context, connection: Connection) -> str:
    """Ask the server to test the connection; how it fails, in words, or ""."""
    try:
        reply = ctx.omniroute.test_connection(connection.id)
    except Unreachable as error:
        return f"it could not be tested: {error.what}"
    return "" if reply.ok else one_line(reply.detail or "the upstream refuses it", 160)


ACTIONS: dict[str, Read | Write] = {"connection.disable": Disable()}

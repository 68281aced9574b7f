"""What still serves a model, and taking a model out of a combo: the switch that works (section 4.1.3).

OmniRoute has no per-model switch: hiding a model, blocking its provider or switching a combo off leaves it served.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from omniops.actions.base import Applied, Args, Context, Observation, Read, Write
from omniops.actions.connections import head, live, models_of, some, written
from omniops.actions.resolve import item
from omniops.clock import iso
from omniops.errors import BadInput, NotOurs, Unreachable
from omniops.services.omniroute_parse import model_names
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.services.omniroute import Attempt, Combo, Connection

RECENT_S = 900.0
"""Models asked for in this time are the ones in trouble; the rest of a provider's list is only carried."""
FAILING_S = 300.0
"""A connection that answered nothing of a model in this time, though asked, does not serve it."""


class Carriers:
    """Which models stand behind connections, and what is left that serves them."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        """``serving``: how many live connections serve the worst-off of ``models``; 0: nothing does.

        Live: enabled, its credential taken, and not failing every recent attempt. ``models``: those that nothing serves
        (of them those asked for lately, if any), else those asked for. ``connections``: what the provider still has
        enabled, each with the ``other_models`` that stop if it is disabled too.
        """
        given = {str(entry["id"]) for entry in args["connections"]}
        known = ctx.omniroute.connections()
        affected = [c for c in known if c.id in given]
        providers = {c.provider for c in affected}
        combos = ctx.omniroute.combos()
        recent = _recent(ctx, known)
        asked = {id: None for id, row in recent if row.provider in providers}
        carried = _carried(ctx, affected, combos, asked)
        serving = _serving(ctx, carried, known, recent)
        orphans = [m for m in carried if not serving[m]]
        models = [m for m in orphans if m in asked] or orphans or list(asked) or list(carried)
        least = min((serving[m] for m in models), default=sum(1 for c in known if c.provider in providers and live(c)))
        rest = [c for c in known if c.provider in providers and c.active]
        others = [m for m in carried if m not in models] if rest else []
        return {
            "serving": least,
            "models": models,
            "models_text": some(models) or "the models of " + (some(sorted({c.label for c in affected})) or "these"),
            "combos": [_combo_item(c, models) for c in combos if _hits(c, models)],
            "connections": [item(c) for c in rest],
            "other_models": others,
            "other_models_text": some(others) or "none",
        }


class Withdraw:
    """``PUT /api/combos/{id}`` with the models that stay; the before-image is the whole list, in its order."""

    def observe(self, ctx: Context, args: Args) -> Observation:
        """Read the combo. Raises BadInput where there is none, Refused, Unreachable."""
        found = _find(ctx, str(args["combo"]))
        wanted = [str(model) for model in args["models"]]
        out = [entry for entry in found.models if model_name(entry) in wanted]
        stay = [entry for entry in found.models if model_name(entry) not in wanted]
        seen = Observation(
            target=_target(found),
            state=_state(found, found.models),
            desired=_state(found, stay),
            already=not out,
            shown={"takes out": some(model_names(out)), "stays": some(model_names(stay)) or "nothing"},
            at=iso(ctx.omniroute.server_now()),
        )
        if stay or not out:
            return seen
        warning = f"nothing is left in {seen.target}: every request to it fails at once from then on"
        return seen._replace(warnings=(warning,), destructive=True, typed=one_line(found.name or found.id, 60))

    def apply(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        wanted = [str(model) for model in args["models"]]
        stay = [entry for entry in before["models"] if model_name(entry) not in wanted]
        return _put(ctx, before["id"], before["models"], stay)

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        """Read it for undo. Raises NotOurs where it has been deleted."""
        found = _by_id(ctx, before["id"])
        if found is None:
            raise NotOurs(
                f"combo {one_line(before['name'], 40)} is gone",
                why="somebody has deleted it since omniops took models out of it",
                state="nothing was changed",
            )
        return Observation(
            target=_target(found),
            state=_state(found, found.models),
            desired=_state(found, before["models"]),
            already=found.models == before["models"],
            at=iso(ctx.omniroute.server_now()),
        )

    def undo(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        wanted = [str(model) for model in args["models"]]
        ours = [entry for entry in before["models"] if model_name(entry) not in wanted]
        return _put(ctx, before["id"], ours, before["models"])

    def reconcile(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied | None:
        return None  # the combo itself tells


def model_name(entry: Any) -> str:
    """The client id of a combo's entry (``{"kind": "model", "model": "openai/gpt-4o"}`` or just the id), else ""."""
    if isinstance(entry, dict):
        return str(entry.get("model") or "") if entry.get("kind", "model") == "model" else ""
    return entry if isinstance(entry, str) else ""


def _put(ctx: Context, id: str, expected: list[Any], models: list[Any]) -> Applied:
    """Write a combo's models, if they are still ``expected``: the PUT replaces the list, and the server compares no
    version (its ``version`` is the schema's)."""
    try:
        found = _by_id(ctx, id)
    except Unreachable as error:
        return Applied("not_applied", f"not sent: the combo cannot be read ({error.what})")
    if found is None or found.models != expected:
        return Applied("not_applied", "not sent: somebody has just changed the combo")
    return written(ctx.omniroute.set_combo_models(id, models))


def _by_id(ctx: Context, id: str) -> Combo | None:
    return next((combo for combo in ctx.omniroute.combos() if combo.id == id), None)


def _find(ctx: Context, named: str) -> Combo:
    combos = ctx.omniroute.combos()
    found = [c for c in combos if c.id == named] or [c for c in combos if c.name == named]
    if len(found) != 1:
        raise BadInput(
            f"{'several combos are' if found else 'there is no combo'} {one_line(named, 60)!r}",
            why="the server has: " + (some([c.name for c in combos], 20) or "none"),
            state="nothing was changed",
            next="name one of them",
        )
    return found[0]


def _state(combo: Combo, models: list[Any]) -> dict[str, Any]:
    return {"id": combo.id, "name": combo.name, "models": models}


def _target(combo: Combo) -> str:
    return f"combo {one_line(combo.name or combo.id, 60)}"


def _hits(combo: Combo, models: list[str]) -> list[str]:
    return [model_name(entry) for entry in combo.models if model_name(entry) in models]


def _combo_item(combo: Combo, models: list[str]) -> dict[str, Any]:
    hits = _hits(combo, models)
    left = len(combo.models) - len(hits)
    return {"id": combo.id, "name": one_line(combo.name, 60), "target": _target(combo), "models": hits, "left": left}


def _recent(ctx: Context, known: list[Connection]) -> list[tuple[str, Attempt]]:
    """The attempts of the last minutes, each with the client id of its model. None where the log cannot be read: then
    only what the connections say of themselves counts."""
    try:
        rows = ctx.omniroute.call_logs(ctx.omniroute.server_now() - timedelta(seconds=RECENT_S)).rows
    except Unreachable:
        return []
    heads = {c.provider: head(c) for c in known}
    return [(_client_id(row, heads.get(row.provider, row.provider)), row) for row in rows]


def _client_id(row: Attempt, prefix: str) -> str:
    """``prefix/model``, as the client asked for it; a combo's attempt names the combo, so it is put together."""
    asked_for = row.requested_model.partition("/")[2]
    return row.requested_model if asked_for and asked_for == row.model else f"{prefix}/{row.model}"


def _carried(
    ctx: Context, affected: list[Connection], combos: list[Combo], asked: Iterable[str]
) -> dict[str, set[str]]:
    """Client ids behind the connections -> the providers that carry them. Those asked for lately come first; then what
    the server lists, and what combos name: a custom upstream serves models that no list shows."""
    heads = {head(c): c.provider for c in affected}
    listed = [(name, c.provider) for c in {c.provider: c for c in affected}.values() for name in models_of(ctx, c)]
    in_combos = [model_name(entry) for combo in combos for entry in combo.models]
    found: dict[str, set[str]] = {}
    for name in [*asked, *(name for name, _ in listed), *in_combos]:
        provider = heads.get(name.partition("/")[0])
        if provider:
            found.setdefault(name, set()).add(provider)
    for name, provider in listed:
        found.setdefault(name, set()).add(provider)
    return found


def _serving(
    ctx: Context, carried: dict[str, set[str]], known: list[Connection], recent: list[tuple[str, Attempt]]
) -> dict[str, int]:
    """How many live connections serve each client id, and do not fail every attempt at it."""
    since = ctx.omniroute.server_now() - timedelta(seconds=FAILING_S)
    answered: dict[tuple[str, str], bool] = {}
    for id, row in recent:
        if row.at >= since:
            place = (row.connection, id)
            answered[place] = answered.get(place, False) or 200 <= row.status < 300
    return {
        model: sum(
            1
            for c in known
            if live(c)
            and (c.provider in providers or head(c) == model.partition("/")[0])
            and answered.get((c.id, model), c.shown.get("testStatus") != "unavailable")
        )
        for model, providers in carried.items()
    }


ACTIONS: dict[str, Read | Write] = {"model.carriers": Carriers(), "combo.withdraw": Withdraw()}

"""What still serves a model, and taking models out of a combo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omniops.actions.models import ACTIONS
from omniops.actions.resolve import item
from omniops.actions.specs import SPECS
from omniops.errors import BadInput, NotOurs
from omniops.services.omniroute import Combo, WriteReply
from tests.support.fake_omniroute import DOWN, START, FakeOmniRoute, attempt, connection, context

CARRIERS: Any = ACTIONS["model.carriers"]
WITHDRAW: Any = ACTIONS["combo.withdraw"]
ENTRIES = [
    {"id": "s1", "kind": "model", "model": "openai/gpt-4o", "weight": 3},
    {"id": "s2", "kind": "model", "model": "azure/gpt-4o", "weight": 1},
    {"id": "s3", "kind": "combo-ref", "comboName": "other"},
]


@pytest.fixture
def server() -> FakeOmniRoute:
    fake = FakeOmniRoute()
    fake.known = [connection("a"), connection("b", name="spare"), connection("z", "azure")]
    fake.models = {"openai": ["openai/gpt-4o", "openai/o3"], "azure": ["azure/gpt-4o"]}
    fake.combo_list = [Combo("c1", "ha", list(ENTRIES), 2), Combo("c2", "plain", ["azure/gpt-4o"], 2)]
    return fake


def carriers(server: FakeOmniRoute, *ids: str) -> dict[str, Any]:
    given = [item(c) for c in server.known if c.id in ids]
    found: dict[str, Any] = CARRIERS.read(context(server), {"connections": given})
    assert set(found) == set(SPECS["model.carriers"].outputs)
    return found


def test_something_else_serves(server: FakeOmniRoute) -> None:
    """With another live connection of the provider its models are served still."""
    server.change("a", active=False)
    found = carriers(server, "a")
    assert found["serving"] == 1
    assert found["models"] == ["openai/gpt-4o", "openai/o3"]


def test_nothing_serves(server: FakeOmniRoute) -> None:
    """With every connection of the provider out, nothing does; the combos that carry the model are found."""
    server.change("a", active=False)
    server.change("b", active=False)
    found = carriers(server, "a")
    assert found["serving"] == 0
    assert found["models_text"] == "openai/gpt-4o, openai/o3"
    assert found["combos"] == [{"id": "c1", "name": "ha", "target": "combo ha", "models": ["openai/gpt-4o"], "left": 2}]
    assert (found["connections"], found["other_models"], found["other_models_text"]) == ([], [], "none")


def test_enabled_but_failing_is_not_serving(server: FakeOmniRoute) -> None:
    """A connection that failed every recent attempt at the model does not serve it; what else it carries would stop."""
    server.change("a", active=False)
    server.rows = [attempt(START - timedelta(seconds=s), "b", 503) for s in range(5)]
    found = carriers(server, "a")
    assert found["serving"] == 0
    assert found["models"] == ["openai/gpt-4o"]
    assert [c["id"] for c in found["connections"]] == ["b"]
    assert found["other_models"] == ["openai/o3"]
    server.rows.append(attempt(START - timedelta(seconds=9), "b", 200))
    assert carriers(server, "a")["serving"] == 1


@pytest.mark.parametrize(("status", "serving"), [("expired", 0), ("unavailable", 0), ("active", 1), ("unknown", 1)])
def test_without_traffic_the_connection_speaks(server: FakeOmniRoute, status: str, serving: int) -> None:
    """With nothing in the log, or no log, what the connection says of itself counts."""
    server.change("a", active=False)
    server.change("b", shown={"testStatus": status})
    server.broken["call_logs"] = DOWN
    assert carriers(server, "a")["serving"] == serving


def test_a_success_long_ago_is_no_evidence(server: FakeOmniRoute) -> None:
    """Only the last minutes tell whether it still answers."""
    server.change("a", active=False)
    server.rows = [attempt(START - timedelta(seconds=400), "b"), attempt(START - timedelta(seconds=4), "b", 500)]
    assert carriers(server, "a")["serving"] == 0


def test_unlisted_models(server: FakeOmniRoute) -> None:
    """A custom upstream lists nothing: what was asked of it, its default model, and what combos name are its models."""
    node = connection("n", "node-9", label="Fake Upstream", prefix="fake", default_model="small", active=False)
    server.known.append(node)
    server.rows = [
        attempt(START, "n", 500, provider="node-9", model="large", requested_model="ha"),
        attempt(START, "n", 500, provider="node-9", model="mini", requested_model="fake/mini"),
    ]
    server.combo_list.append(Combo("c3", "mix", ["fake/tiny", "azure/gpt-4o"], 2))
    found = carriers(server, "n")
    assert sorted(found["models"]) == ["fake/large", "fake/mini"]
    assert found["serving"] == 0
    server.rows = []
    assert carriers(server, "n")["models"] == ["fake/small", "fake/tiny"]


def test_nothing_known_at_all(server: FakeOmniRoute) -> None:
    """Where no model is known the provider's live connections are counted, and it is named instead."""
    server.known.append(connection("n", "node-9", label="Fake Upstream", prefix="fake", active=False))
    found = carriers(server, "n")
    assert (found["serving"], found["models"], found["models_text"]) == (0, [], "the models of Fake Upstream")


def withdraw(server: FakeOmniRoute, *models: str, combo: str = "c1") -> dict[str, Any]:
    return {"combo": combo, "models": list(models)}


def test_withdraw_and_put_back(server: FakeOmniRoute) -> None:
    """The other entries stay as they are, in order; undo puts the whole list back."""
    ctx, args = context(server), withdraw(server, "openai/gpt-4o", "openai/o3")
    seen = WITHDRAW.observe(ctx, args)
    assert seen.target == "combo ha"
    assert seen.state == {"id": "c1", "name": "ha", "models": ENTRIES}
    assert seen.desired["models"] == ENTRIES[1:]
    assert seen.shown == {"takes out": "openai/gpt-4o", "stays": "azure/gpt-4o, other"}
    assert not seen.destructive
    assert WITHDRAW.apply(ctx, args, seen.state, "k").status == "applied"
    after = WITHDRAW.observe(ctx, args)
    assert after.already
    undo = WITHDRAW.observe_undo(ctx, args, seen.state, {**after.desired, "_at": "x"})
    assert (undo.state, undo.desired, undo.already) == (after.desired, seen.state, False)
    assert WITHDRAW.undo(ctx, args, seen.state, "k").status == "applied"
    assert WITHDRAW.observe(ctx, args).state == seen.state
    assert WITHDRAW.observe_undo(ctx, args, seen.state, after.desired).already


def test_nothing_left_is_destructive(server: FakeOmniRoute) -> None:
    """A combo that would be empty fails at once, so that has to be typed."""
    seen = WITHDRAW.observe(context(server), withdraw(server, "azure/gpt-4o", combo="c2"))
    assert (seen.destructive, seen.typed, seen.desired["models"]) == (True, "plain", [])
    assert "nothing is left in combo plain" in seen.warnings[0]


def test_not_sent_over_somebody_elses_change(server: FakeOmniRoute) -> None:
    """The PUT replaces the whole list, so a combo that has changed since it was shown is not written."""
    ctx, args = context(server), withdraw(server, "openai/gpt-4o")
    before = WITHDRAW.observe(ctx, args).state
    server.combo_list[0] = server.combo_list[0]._replace(models=[*ENTRIES, "extra/model"])
    assert WITHDRAW.apply(ctx, args, before, "k").status == "not_applied"
    assert WITHDRAW.undo(ctx, args, before, "k").status == "not_applied"
    server.broken["combos"] = DOWN
    assert WITHDRAW.apply(ctx, args, before, "k").status == "not_applied"
    assert "set_combo_models" not in server.calls


def test_answers_are_passed_on(server: FakeOmniRoute) -> None:
    """What a write's answer does not prove stays in doubt."""
    server.reply = WriteReply("in_doubt", "504", 504, None, "", "r")
    args = withdraw(server, "openai/gpt-4o")
    assert WITHDRAW.apply(context(server), args, {"id": "c1", "models": ENTRIES}, "k").status == "in_doubt"


def test_unknown_and_gone(server: FakeOmniRoute) -> None:
    """A combo is found by its name too; one that is not there is bad input, one that was deleted cannot come back."""
    ctx = context(server)
    assert WITHDRAW.observe(ctx, withdraw(server, "x", combo="ha")).already
    with pytest.raises(BadInput, match="there is no combo"):
        WITHDRAW.observe(ctx, withdraw(server, "x", combo="nope"))
    with pytest.raises(NotOurs, match="combo old is gone"):
        WITHDRAW.observe_undo(ctx, {}, {"id": "c9", "name": "old", "models": []}, {})

"""The small reads: version, authz inventory, API keys, database."""

from __future__ import annotations

from typing import Any

import pytest

from omniops.actions.reads import ACTIONS
from omniops.actions.specs import SPECS
from omniops.errors import Broken, Refused, Unreachable
from tests.support.fake_omniroute import DOWN, FakeOmniRoute, context


def read(server: FakeOmniRoute, name: str) -> dict[str, Any]:
    action: Any = ACTIONS[name]
    found: dict[str, Any] = action.read(context(server), {})
    assert set(SPECS[name].outputs) <= set(found) <= {*SPECS[name].outputs, "summary"}
    return found


def test_version() -> None:
    """The running version, where it was read, and for how long it has run."""
    found = read(FakeOmniRoute(), "omniroute.version")
    assert (found["version"], found["source"], found["uptime_s"]) == ("3.7.9", "health page", 172800.0)


@pytest.mark.parametrize(
    ("answer", "verdict", "says"),
    [
        (("absent", None), "absent", "this version has no authz inventory; 3 API keys"),
        (("failing", "500 boom\x1b[2J"), "failing", "failing: 500 boom;"),
        (("malformed", "no JSON"), "malformed", "malformed: no JSON"),
        (("ok", {"policies_active": []}), "policies_empty", "no active policies"),
        (("ok", {"policies_active": 0}), "policies_empty", "no active policies"),
        (("ok", {"policies_active": ["a", "b"]}), "healthy", "2 policies active"),
        (("ok", {"policies_active": 7}), "healthy", "7 policies active"),
        (("ok", {"tiers": [{"name": "PUBLIC"}]}), "healthy", "1 tiers, and says nothing about policies"),
        (("ok", {"tiers": []}), "malformed", "neither policies nor tiers"),
        (("ok", {}), "malformed", "neither policies nor tiers"),
    ],
)
def test_inventory(answer: tuple[str, Any], verdict: str, says: str) -> None:
    """Each answer of the inventory has a verdict, and words that say what it rests on."""
    server = FakeOmniRoute()
    server.authz = answer
    found = read(server, "authz.inventory")
    assert found["verdict"] == verdict
    assert says in found["summary"]
    assert (found["keys"], found["cryptography"]) == (3, "ok")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [(("absent", None), "failing"), (("ok", {"tiers": [1]}), "failing"), (("malformed", ""), "malformed")],
)
def test_keys_that_cannot_be_counted(answer: tuple[str, Any], verdict: str) -> None:
    """An inventory that says nothing, over a store that cannot count its keys, is failing, never healthy."""
    server = FakeOmniRoute()
    server.authz, server.broken = answer, {"keys_total": DOWN}
    found = read(server, "authz.inventory")
    assert (found["verdict"], found["keys"]) == (verdict, None)
    assert "cannot be counted" in found["summary"]


def test_inventory_without_health_page() -> None:
    """The cryptography status is an extra; without it the reading goes on, and says that it is unknown."""
    server = FakeOmniRoute()
    server.broken = {"health": DOWN}
    assert read(server, "authz.inventory")["cryptography"].startswith("unknown")


def test_refusals_and_silence_are_errors() -> None:
    """A refused credential and a server that does not answer are the step's failure, not a verdict."""
    server = FakeOmniRoute()
    server.broken = {"inventory": Refused("403")}
    with pytest.raises(Refused):
        read(server, "authz.inventory")
    server.broken = {"keys_total": DOWN}
    with pytest.raises(Unreachable):
        read(server, "keys.count")


def test_keys() -> None:
    """The number of keys, zero included."""
    server = FakeOmniRoute()
    server.keys = 0
    assert read(server, "keys.count") == {"total": 0}


def test_database() -> None:
    """A healthy database is an output; a sick one is an error, so that no runbook goes on past it by itself."""
    server = FakeOmniRoute()
    assert read(server, "db.health") == {"healthy": True}
    server.database = (False, "database disk image is malformed")
    with pytest.raises(Broken) as caught:
        read(server, "db.health")
    assert caught.value.why == "database disk image is malformed"

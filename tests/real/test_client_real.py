"""The client against a real OmniRoute 3.7.9: what the scripted server only plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from omniops.clock import SystemClock, iso, parse_iso
from omniops.config import Settings
from omniops.errors import Refused
from omniops.services.omniroute import OmniRoute
from tests.support.real_server import Pair, RealOmniRoute

pytestmark = pytest.mark.real

Make = Callable[..., OmniRoute]


@pytest.fixture
def make(omniroute: RealOmniRoute, tmp_path: Path) -> Iterator[Make]:
    """Make a client of the real server; a state folder for each test."""
    made: list[OmniRoute] = []

    def make(**given: str) -> OmniRoute:
        env = {"OMNIOPS_HOME": str(tmp_path), "OMNIROUTE_PASSWORD": omniroute.password, **given}
        made.append(OmniRoute(omniroute.url, Settings(env), SystemClock()))
        return made[-1]

    yield make
    for client in made:
        client.close()


def logins(omniroute: RealOmniRoute) -> list[str]:
    """The login events of the server's audit log, newest first."""
    rows = omniroute.ask("GET", "/api/compliance/audit-log?limit=200")[1]
    return [row["action"] for row in rows if row["action"].startswith("auth.login")]


def test_login(omniroute: RealOmniRoute, make: Make, two_connections: Pair) -> None:
    """One login lets the client in; a key, which 3.7.9 takes for nothing, gives way to the password."""
    before = len(logins(omniroute))
    client = make(OMNIROUTE_API_KEY=two_connections.client_key)
    assert client.keys_total() >= 1
    assert client.keys_total() >= 1
    assert len(logins(omniroute)) == before + 1


def test_wrong_password_is_sent_once(omniroute: RealOmniRoute, make: Make) -> None:
    """A wrong password is sent once, however often the client is asked; the version comes from the health page."""
    before = len(logins(omniroute))
    client = make(OMNIROUTE_PASSWORD="not-the-password")
    for _ in range(3):
        with pytest.raises(Refused) as caught:
            client.keys_total()
    assert caught.value.why == "Invalid password"
    assert client.version() == ("3.7.9", "/api/monitoring/health")
    assert len(logins(omniroute)) == before + 1


def test_nobody(make: Make) -> None:
    """Without credentials the server's refusal says what to set."""
    with pytest.raises(Refused) as caught:
        make(OMNIROUTE_PASSWORD="").keys_total()
    assert "Authentication required" in caught.value.why
    assert "OMNIROUTE_PASSWORD" in caught.value.next


def test_connections(make: Make, two_connections: Pair) -> None:
    """Connections come with the names that people know them by."""
    client = make()
    found = [c for c in client.connections() if c.provider == two_connections.provider]
    assert [c.id for c in found] == [two_connections.a, two_connections.b]
    first = found[0]
    assert (first.name, first.label, first.prefix, first.active) == ("fake-a", "Fake Upstream", "fake", True)
    assert first.default_model == "fake-small"
    again = client.connection(two_connections.a)
    assert again is not None
    assert again.updated_at == first.updated_at
    assert client.connection("00000000-none") is None


def test_set_active_and_back(make: Make, two_connections: Pair) -> None:
    """A connection goes off and on again; each write tells its time and has a row in the audit log."""
    client = make()
    before = client.connection(two_connections.a)
    assert before is not None
    off = client.set_active(two_connections.a, False)
    assert (off.status, off.code) == ("applied", 200)
    after = client.connection(two_connections.a)
    assert after is not None
    assert (after.active, after.updated_at) == (False, off.at)
    on = client.set_active(two_connections.a, True)
    assert on.status == "applied"
    assert parse_iso(on.at) >= parse_iso(off.at) > parse_iso(before.updated_at)
    target = f"{two_connections.provider}:fake-a"
    for name in (target, two_connections.a):
        rows, gap = client.writes_to(name, off.at)
        assert gap == ""
        assert [row["request_id"] for row in rows] == [on.request_id, off.request_id]
        assert all(row["changedFields"] == ["isActive"] for row in rows)
    assert client.writes_to(two_connections.b, off.at) == ([], "")


def test_write_to_nothing(make: Make, two_connections: Pair) -> None:
    """A write to a connection that is not there was not applied."""
    reply = make().set_active("00000000-none", False)
    assert (reply.status, reply.detail) == ("not_applied", "404: Connection not found")


def test_disabled_connection_gets_no_traffic(omniroute: RealOmniRoute, make: Make, two_connections: Pair) -> None:
    """What 4.1 rests on: from the next request on, only the other connection is asked."""
    upstream = two_connections.upstream
    assert omniroute.chat(two_connections, "before") == 200
    assert (upstream.hits["sk-up-a"], upstream.hits["sk-up-b"]) == (1, 0)
    assert make().set_active(two_connections.a, False).status == "applied"
    assert [omniroute.chat(two_connections, f"after {n}") for n in range(3)] == [200] * 3
    assert (upstream.hits["sk-up-a"], upstream.hits["sk-up-b"]) == (1, 3)


def test_test_connection(make: Make, two_connections: Pair) -> None:
    """A connection's test asks the upstream."""
    assert make().test_connection(two_connections.a).ok


def test_combos(omniroute: RealOmniRoute, make: Make, two_connections: Pair) -> None:
    """A combo's models are replaced and put back as they were; the server leaves no audit row for it."""
    body = {"name": "ha", "strategy": "priority", "models": ["dead/m1", "fake/fake-small"]}
    id = omniroute.ask("POST", "/api/combos", body)[1]["id"]
    client = make()
    before = next(combo for combo in client.combos() if combo.id == id)
    assert [model["model"] for model in before.models] == ["dead/m1", "fake/fake-small"]
    reply = client.set_combo_models(id, before.models[1:])
    assert reply.status == "applied"
    assert client.writes_to(id, reply.at) == client.writes_to("ha", reply.at) == ([], "")
    now = next(combo for combo in client.combos() if combo.id == id)
    assert [model["model"] for model in now.models] == ["fake/fake-small"]
    assert client.set_combo_models(id, before.models).status == "applied"
    assert next(combo for combo in client.combos() if combo.id == id) == before
    assert client.set_combo_models("00000000-none", []).detail == "404: Combo not found"
    assert omniroute.ask("DELETE", f"/api/combos/{id}")[0] == 200


def test_traffic(omniroute: RealOmniRoute, make: Make, two_connections: Pair) -> None:
    """A request that fails over is one client request in telemetry, and two attempts in the call logs."""
    client = make()
    client.keys_total()
    count = client.telemetry(300).count
    two_connections.upstream.behave["sk-up-a"] = "500"
    time.sleep(1.1 - time.time() % 1)  # the Date header has whole seconds: let the tests before this one be over
    since = client.server_now() - timedelta(seconds=0.6)
    assert omniroute.chat(two_connections, "failing over") == 200
    told = client.telemetry(300)
    assert told.count == count + 1
    assert told.p95_s is not None
    assert 0 < told.p95_s < 10
    ends = time.monotonic() + 5
    while len(client.call_logs(since).rows) < 2 and time.monotonic() < ends:
        time.sleep(0.1)  # rows are written a moment after the answer
    logs = client.call_logs(since)
    assert (logs.complete, logs.skipped) == (True, 0)
    assert {(row.status, row.connection) for row in logs.rows} == {(500, two_connections.a), (200, two_connections.b)}
    assert {row.path for row in logs.rows} == {"/v1/chat/completions"}
    assert {row.provider for row in logs.rows} == {two_connections.provider}
    assert any("500" in row.error for row in logs.rows)
    assert client.call_logs(client.server_now() + timedelta(hours=1)).rows == []
    failing = client.connection(two_connections.a)
    assert failing is not None
    assert failing.shown["testStatus"] == "unavailable"


def test_how_the_server_is(omniroute: RealOmniRoute, make: Make, two_connections: Pair) -> None:
    """Version, health, database and folder; 3.7.9 has no authz inventory."""
    client = make()
    health = client.health()
    assert (health.ok, health.version, health.pid) == (True, "3.7.9", omniroute.pid)
    assert health.uptime_s > 0
    assert client.version()[0] == "3.7.9"
    assert client.inventory() == ("absent", None)
    assert client.db_health() == (True, "no issues")
    assert client.data_folder() == str(omniroute.data_dir)
    assert client.keys_total() == omniroute.ask("GET", "/api/keys")[1]["total"]
    skew = client.skew_s()
    assert skew is not None
    assert abs(skew) < 2
    assert iso(client.server_now())


def test_models_of(omniroute: RealOmniRoute, make: Make, two_connections: Pair) -> None:
    """The models of a node are those that were synced, as clients write them."""
    assert omniroute.ask("POST", f"/api/providers/{two_connections.a}/sync-models", {})[0] == 200
    assert make().models_of(two_connections.provider) == ["fake/fake-small"]


def test_a_combo_passes_over_a_model_that_nothing_serves(omniroute: RealOmniRoute, two_connections: Pair) -> None:
    """All connections of its first model disabled, as while an undo is half done: the next model answers at once."""
    node = {"name": "Other", "prefix": "other", "apiType": "chat", "type": "openai-compatible",
            "baseUrl": two_connections.upstream.url}  # fmt: skip
    provider = omniroute.ask("POST", "/api/provider-nodes", node)[1]["node"]["id"]
    other = {"provider": provider, "apiKey": "sk-up-c", "name": "other-c", "defaultModel": "fake-small"}
    connection = omniroute.ask("POST", "/api/providers", other)[1]["connection"]["id"]
    body = {"name": "half", "strategy": "priority", "models": ["fake/fake-small", "other/fake-small"]}
    combo = omniroute.ask("POST", "/api/combos", body)[1]["id"]
    for id in (two_connections.a, two_connections.b):
        assert omniroute.ask("PUT", f"/api/providers/{id}", {"isActive": False})[0] == 200
    assert omniroute.chat(two_connections, "alone") == 400
    assert omniroute.chat(two_connections, "in the combo", "half") == 200
    for path in (f"combos/{combo}", f"providers/{connection}", f"provider-nodes/{provider}"):
        assert omniroute.ask("DELETE", f"/api/{path}")[0] == 200

"""The simulated admin API, on the wire, in both flavours."""

from __future__ import annotations

import re
import sqlite3
import time
from typing import Any

import pytest

from tests.drill.conftest import Start

FLAVOURS = ("3.7.9", "fork")


def manage_key(client: Any) -> str:
    """The key with the manage scope, from the drill's database."""
    database = sqlite3.connect(client.simulator.state / "data" / "storage.sqlite")
    try:
        return str(database.execute("SELECT key FROM api_keys WHERE scopes LIKE '%manage%'").fetchone()[0])
    finally:
        database.close()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_authentication(start: Start, flavour: str) -> None:
    """Without a cookie 401, with a bearer 403; the fork's manage keys are let in; the error shapes differ by layer."""
    client = start(flavour=flavour, login=False)
    nothing = client.ask("GET", "/api/providers")
    assert (nothing.status, nothing.json["error"]["code"]) == (401, "AUTH_001")
    assert nothing.json["error"]["correlation_id"] == nothing.headers["x-request-id"]
    assert client.ask("GET", "/api/providers", authorization="Bearer no").status == 403
    keyed = client.ask("GET", "/api/providers", authorization=f"Bearer {manage_key(client)}").status
    assert keyed == (200 if flavour == "fork" else 403)
    assert client.ask("GET", "/api/providers", x_api_key=manage_key(client)).status == 401
    missing = client.ask("POST", "/api/auth/login", {})
    assert (missing.status, missing.json["error"]["details"][0]["field"]) == (400, "password")
    assert client.ask("POST", "/api/auth/login", "nonsense").status == 500
    assert client.ask("POST", "/api/auth/login", {"password": "no"}).json == {"error": "Invalid password"}
    assert not client.get("/api/auth/status")["authenticated"]
    assert client.login().get("/api/auth/status")["authenticated"]
    assert client.get("/api/providers")["connections"]


def test_five_wrong_passwords_lock_the_door(start: Start) -> None:
    """After five failures even the right password is refused, with Retry-After."""
    client = start(login=False)
    for _ in range(5):
        assert client.ask("POST", "/api/auth/login", {"password": "no"}).status == 401
    locked = client.ask("POST", "/api/auth/login", {"password": "drill-password"})
    assert locked.status == 429
    assert 0 < int(locked.headers["retry-after"]) <= 900


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_paths_it_does_not_have(start: Start, flavour: str) -> None:
    """Unknown paths are a 404 page with a cookie and 401 without; a wrong method is 405; no control API here."""
    client = start(flavour=flavour)
    page = client.ask("GET", "/api/nothing")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    wrong = client.ask("DELETE", "/api/system/version")
    assert (wrong.status, wrong.text) == (405, "")
    assert client.ask("GET", "/__drill/state").status == 404
    assert client.ask("GET", "/api/rate-limit").status == 308
    inventory, ping = client.ask("GET", "/api/settings/authz-inventory"), client.ask("GET", "/api/health/ping")
    if flavour == "fork":
        assert "policies_active" not in inventory.json
        assert len(inventory.json["tiers"]) == 5
        assert ping.json["status"] == "ok"
    else:
        assert (inventory.status, ping.status) == (404, 404)
    client.cookie = ""
    assert client.ask("GET", "/api/nothing").status == 401


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_writing_a_connection(start: Start, flavour: str) -> None:
    """A PUT answers the whole connection; a second one is no no-op: updatedAt moves and the audit log grows."""
    client = start(flavour=flavour)
    id = client.id_of("openai-main")
    first = client.ask("PUT", f"/api/providers/{id}", {"isActive": False}).json["connection"]
    second = client.ask("PUT", f"/api/providers/{id}", {"isActive": False}).json["connection"]
    assert first["isActive"] is second["isActive"] is False
    assert second["updatedAt"] > first["updatedAt"]
    assert client.get(f"/api/providers/{id}")["connection"]["isActive"] is False
    log = client.get("/api/compliance/audit-log?limit=10")
    assert [row["action"] for row in log] == ["provider.credentials.updated"] * 2 + ["auth.login.success"]
    assert log[0]["target"] == "openai:openai-main"
    assert log[0]["details"]["changedFields"] == ["isActive"]
    assert client.simulator.writes() == {id: 2}
    assert client.simulator.control("writes")["writes"][0]["method"] == "PUT"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_refused_writes_change_nothing(start: Start, flavour: str) -> None:
    """400 and 404 in OmniRoute's words; nothing is counted."""
    client = start(flavour=flavour)
    path = f"/api/providers/{client.id_of('openai-main')}"

    def detail(body: Any) -> tuple[str, str]:
        answer = client.ask("PUT", path, body)
        assert answer.status == 400
        found = answer.json["error"]["details"][0]
        return found["field"], found["message"]

    assert detail({}) == ("", "No valid fields to update")
    assert detail({"colour": 1}) == ("", "No valid fields to update")
    assert detail({"isActive": "false"}) == ("isActive", "Invalid input: expected boolean, received string")
    assert detail("zzz") == ("body", "Invalid JSON body")
    for method in ("GET", "PUT"):
        gone = client.ask(method, "/api/providers/nope", {"isActive": False})
        assert (gone.status, gone.json) == (404, {"error": "Connection not found"})
    assert client.ask("PUT", "/api/combos/nope", {"models": []}).json == {"error": "Combo not found"}
    assert client.ask("PATCH", path, {"isActive": False}).status == 405
    assert client.simulator.writes() == {}


def test_batch_switch(start: Start) -> None:
    """The fork switches several connections in one request and names those it does not know; 3.7.9 says 405."""
    client = start(flavour="fork")
    ids = [client.id_of("openai-main"), client.id_of("openai-backup")]
    answer = client.ask("PATCH", "/api/providers", {"ids": [*ids, "nope"], "isActive": False}).json
    assert answer == {"message": "Deactivated 2 connection(s)", "updated": 2, "notFound": ["nope"]}
    assert client.simulator.writes() == dict.fromkeys(ids, 1)
    older = start(state="older")
    assert older.ask("PATCH", "/api/providers", {"ids": ids, "isActive": False}).status == 405


def test_error_fields_of_a_failing_connection(start: Start) -> None:
    """3.7.9 marks the connection, the fork locks its model; null fields are left out."""
    row = start().get("/api/providers")["connections"][0]
    assert (row["testStatus"], row["errorCode"], row["backoffLevel"]) == ("unavailable", "500.0", 1)
    assert row["rateLimitedUntil"] > row["lastErrorAt"]
    fork = start(flavour="fork", state="fork")
    row = fork.get("/api/providers")["connections"][0]
    assert (row["testStatus"], row["backoffLevel"]) == ("active", 0)
    assert "server_error" in row["lastError"]
    assert fork.get("/api/monitoring/health")["lockouts"][0]["connectionId"] == row["id"]
    well = start(state="third").get("/api/providers")["connections"][1]
    assert not {"lastError", "errorCode", "rateLimitedUntil"} & set(well)


def test_combos_and_models(start: Start) -> None:
    """A combo takes strings or objects, keeps objects as they are, and has no audit row; models by provider and all."""
    client = start()
    combo = client.get("/api/combos")["combos"][0]
    kept = combo["models"][1:]
    changed = client.ask("PUT", f"/api/combos/{combo['id']}", {"models": kept}).json
    assert changed["models"] == kept
    assert changed["version"] == combo["version"]
    named = client.ask("PUT", f"/api/combos/{combo['id']}", {"models": ["openai/gpt-4o"]}).json
    assert named["models"][0]["providerId"] == "openai"
    assert [row["action"] for row in client.get("/api/compliance/audit-log")] == ["auth.login.success"]
    assert client.simulator.writes() == {combo["id"]: 2}
    ids = {entry["id"] for entry in client.get("/v1/models")["data"]}
    assert {"ha", "openai/gpt-4o", "llama/llama-70b"} <= ids
    assert client.get("/api/synced-available-models?provider=openai")["models"][0]["id"] == "gpt-4o"
    assert "openai" in client.get("/api/synced-available-models")
    assert client.get("/api/provider-models?provider=openai")["models"] == []


def test_client_requests_by_hand(start: Start) -> None:
    """Chat fails over like the real thing: 200, then 400 (404 in the fork) when every connection is disabled."""
    for flavour, refused in (("3.7.9", 400), ("fork", 404)):
        client = start(flavour=flavour, state=flavour)
        ask = {"model": "openai/gpt-4o", "messages": []}
        assert client.ask("POST", "/v1/chat/completions", ask).status == 200
        for name in ("openai-main", "openai-backup"):
            client.ask("PUT", f"/api/providers/{client.id_of(name)}", {"isActive": False})
        assert client.ask("POST", "/v1/chat/completions", ask).status == refused
    older = start(state="older")
    assert older.ask("GET", "/v1/models", authorization="Bearer no").json["error"]["code"] == "AUTH_002"


def test_test_connection(start: Start) -> None:
    """A test of a failing connection says why; healed, it is valid. Both leave a row in the call logs, off /v1/."""
    client = start()
    path = f"/api/providers/{client.id_of('openai-main')}/test"
    bad = client.ask("POST", path, {}).json
    assert (bad["valid"], bad["diagnosis"]["type"]) == (False, "upstream_error")
    client.simulator.control("heal", {"connection": "openai-main"})
    assert client.ask("POST", path, {}).json["valid"] is True
    newest = client.get("/api/usage/call-logs?limit=20&model=connection-test")
    assert [(row["path"], row["status"]) for row in newest] == [("/api/providers/test", n) for n in (200, 401)]
    assert client.ask("POST", "/api/providers/nope/test", {}).status == 404


def test_keys(start: Start) -> None:
    """3.7.9 drops scopes without a word; the fork keeps them; a deleted key is gone once."""
    for flavour, scopes in (("3.7.9", None), ("fork", ["manage", "self:usage"])):
        client = start(flavour=flavour, state=flavour)
        assert client.get("/api/keys")["total"] == 3
        made = client.ask("POST", "/api/keys", {"name": "new", "scopes": ["manage"]})
        assert made.status == 201
        assert re.fullmatch(r"sk-\w{16}-\w{6}-\w{8}", made.json["key"])
        row = next(key for key in client.get("/api/keys")["keys"] if key["id"] == made.json["id"])
        assert row["scopes"] == scopes
        assert made.json["key"] not in str(row)
        assert client.ask("DELETE", f"/api/keys/{row['id']}").status == 200
        assert client.ask("DELETE", f"/api/keys/{row['id']}").json == {"error": "Key not found"}


def test_health_says_healthy_while_everything_fails(start: Start) -> None:
    """The health page is public, has the version and uptime, and proves nothing."""
    client = start("provider-outage-all-down", faults="instant-errors", login=False)
    page = client.get("/api/monitoring/health")
    assert (page["status"], page["version"], page["system"]["version"]) == ("healthy", "3.7.9", "3.7.9")
    assert page["uptime"] > 3 * 3600
    assert "appVersion" not in page


def test_storage_and_backups(start: Start) -> None:
    """storage/health names the drill's own data folder; db-backups lists the flat files only."""
    client = start()
    storage = client.get("/api/storage/health")
    assert storage["dataDir"] == str(client.simulator.state / "data")
    assert storage["backupCount"] == len(client.get("/api/db-backups")["backups"]) == 1
    assert client.get("/api/db/health")["isHealthy"] is True


def test_inventory_variants(start: Start) -> None:
    """The fork's inventory can be made empty, malformed or failing while the drill runs."""
    client = start(flavour="fork")
    path = "/api/settings/authz-inventory"
    client.simulator.control("faults", {"spec": "policies-empty"})
    assert client.get(path)["policies_active"] == []
    client.simulator.control("faults", {"spec": "inventory-malformed"})
    assert isinstance(client.get(path), list)
    client.simulator.control("faults", {"spec": "inventory-failing"})
    assert client.ask("GET", path).status == 500


def test_foreign_origin(start: Start) -> None:
    """The fork refuses a write that carries a cookie and another site's Origin; 3.7.9 does not look."""
    for flavour, status in (("3.7.9", 200), ("fork", 403)):
        client = start(flavour=flavour, state=flavour)
        path = f"/api/providers/{client.id_of('openai-main')}"
        assert client.ask("PUT", path, {"isActive": True}, origin="https://elsewhere.example").status == status


def test_shutdown(start: Start) -> None:
    """POST /api/shutdown answers, then nothing listens; the control port goes on."""
    client = start()
    assert client.ask("POST", "/api/shutdown").json["success"] is True
    end = time.monotonic() + 3
    while client.simulator.control("state")["running"] and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.1)
    with pytest.raises(ConnectionRefusedError):
        client.ask("GET", "/api/monitoring/health")

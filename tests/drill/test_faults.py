"""Faults, one by one: what the client sees, and what has really been done."""

from __future__ import annotations

import http.client
import time

import pytest

from omniops.drill.faults import REQUEST_KINDS, fire, parse
from omniops.errors import BadInput
from tests.drill.conftest import Client, Start

NO_ANSWER = (ConnectionError, http.client.HTTPException)


def put(client: Client, timeout: float = 5) -> int:
    path = f"/api/providers/{client.id_of('openai-main')}"
    return client.ask("PUT", path, {"isActive": False}, timeout=timeout).status


def applied(client: Client) -> bool:
    rows = client.simulator.control("state")["connections"]
    done = not next(row["isActive"] for row in rows if row["name"] == "openai-main")
    assert done == bool(client.simulator.writes()), "the count and the state agree"
    return done


@pytest.mark.parametrize(
    ("spec", "status", "done"),
    [
        ("applied-500@PUT#1", 500, True),
        ("error-500@PUT#1", 500, False),
        ("garbage@PUT#1", 200, True),
        ("unauthorized@PUT#1", 401, False),
        ("redirect@PUT#1", 307, False),
        ("applied-500@PUT#2", 200, True),
        ("applied-500@PUT:/api/combos", 200, True),
        ("applied-500@PATCH", 200, True),
    ],
)
def test_answers_that_lie(start: Start, spec: str, status: int, done: bool) -> None:
    """The status on the wire and what was done are independent."""
    client = start(faults=spec)
    assert put(client) == status
    assert applied(client) is done


@pytest.mark.parametrize(("spec", "done"), [("reset-after-apply@PUT#1", True), ("refuse@PUT#1", False)])
def test_cut_connections(start: Start, spec: str, done: bool) -> None:
    """The connection is cut without an answer, after or before the change; the next request is served."""
    client = start(faults=spec)
    with pytest.raises(NO_ANSWER):
        put(client)
    assert applied(client) is done
    assert put(client) == 200


@pytest.mark.parametrize(("spec", "done"), [("applied-hang@PUT#1", True), ("hang@PUT#1", False)])
def test_no_answer_ever(start: Start, spec: str, done: bool) -> None:
    """The client has to give up; the simulator still ends at once."""
    client = start(faults=spec)
    with pytest.raises(TimeoutError):
        put(client, timeout=0.3)
    assert applied(client) is done


def test_slow(start: Start) -> None:
    """The answer comes late, in real seconds, and only for what matches."""
    client = start(faults="slow=400ms@GET:/api/providers")
    began = time.monotonic()
    client.get("/api/combos")
    quick = time.monotonic() - began
    began = time.monotonic()
    client.get("/api/providers")
    assert time.monotonic() - began >= 0.4 > quick


def test_stale_read(start: Start) -> None:
    """After a write, two reads show the old state, whichever endpoint they use; the third shows the truth."""
    client = start(faults="stale-read#2")
    path = f"/api/providers/{client.id_of('openai-main')}"
    assert client.ask("PUT", path, {"isActive": False}).json["connection"]["isActive"] is False
    seen = [client.get(path)["connection"]["isActive"], client.get("/api/providers")["connections"][0]["isActive"]]
    assert seen == [True, True]
    assert client.get(path)["connection"]["isActive"] is False


def test_no_traffic(start: Start) -> None:
    """No client sends anything: telemetry counts none and there are no rows, before or after."""
    client = start(faults="no-traffic")
    assert client.get("/api/telemetry/summary?windowMs=200000")["count"] == 0
    assert client.get("/api/usage/call-logs?limit=1") == []


def test_instant_errors(start: Start) -> None:
    """Every attempt fails at once: p95 looks splendid, and nothing works."""
    client = start(faults="instant-errors")
    assert client.get("/api/telemetry/summary?windowMs=200000")["p95"] < 100
    assert {row["status"] for row in client.get("/api/usage/call-logs?limit=200")} == {500}


def test_down(start: Start) -> None:
    """OmniRoute's port refuses; cleared through the control port, it serves."""
    client = start(faults="down", login=False)
    with pytest.raises(ConnectionRefusedError):
        client.ask("GET", "/api/monitoring/health")
    client.simulator.control("faults", {"spec": ""})
    assert client.ask("GET", "/api/monitoring/health").status == 200


def test_a_fault_without_a_method_spares_the_login(start: Start) -> None:
    """A drill with faults everywhere can still be logged into; a fault that names the path hits it."""
    client = start(faults="error-500")
    assert client.ask("GET", "/api/providers").status == 500
    client.simulator.control("faults", {"spec": "error-500@POST:/api/auth/login"})
    assert client.ask("POST", "/api/auth/login", {"password": "drill-password"}).status == 500


def test_the_number_counts_matching_requests_only() -> None:
    """#2 is the second request that matches, however many others came between."""
    faults, counts = parse("applied-500@PUT:/api/providers#2"), dict[str, int]()
    requests = [("PUT", "/api/providers/a"), ("GET", "/api/providers/a"), ("PUT", "/api/combos/b")] * 2
    assert [len(fire(faults, counts, *request)) for request in requests] == [0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("spec", ["nonsense", "slow=3@GET", "applied-500@put", "hang#x", "slow=@GET"])
def test_bad_specifications(spec: str) -> None:
    """A specification that makes no sense is refused and named."""
    with pytest.raises(BadInput) as refused:
        parse(spec)
    assert spec in refused.value.what


def test_every_kind_can_be_written() -> None:
    """Each kind parses, with method, path and number."""
    for kind in REQUEST_KINDS:
        assert parse(f"{kind}@PUT:/api#3")[0].nth == 3

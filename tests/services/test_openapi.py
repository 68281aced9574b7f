"""The checker of requests: what is described passes, and everything else is named."""

from __future__ import annotations

import json

import pytest

from tests.support.openapi import checker

HEADERS = {
    "Authorization": "Token token=u+abc",
    "Accept": "application/vnd.pagerduty+json;version=2",
    "Content-Type": "application/json",
}
WRITE = {**HEADERS, "From": "alice@example.test"}
ACK = {"incident": {"type": "incident_reference", "status": "acknowledged"}}
MANY = {"incidents": [{"id": f"P{number:05}", "type": "incident", "status": "acknowledged"} for number in range(251)]}
RESOLVE = {"incident": {"type": "incident", "status": "resolved"}}
KEY = "k" * 32
EVENT = {"routing_key": KEY, "event_action": "acknowledge", "dedup_key": "a"}

GOOD = [
    ("pagerduty", "GET", "/users/me", HEADERS, None),
    ("pagerduty", "GET", "/incidents?statuses[]=triggered&statuses[]=acknowledged&limit=100", HEADERS, None),
    ("pagerduty", "GET", "/incidents?statuses%5B%5D=triggered&user_ids%5B%5D=PUSER01&offset=100", HEADERS, None),
    ("pagerduty", "PUT", "/incidents/Q3OMNI01", WRITE, ACK),
    ("pagerduty", "PUT", "/incidents", WRITE, {"incidents": MANY["incidents"][:250]}),
    ("pagerduty_events", "POST", "/v2/enqueue", HEADERS, EVENT),
]  # fmt: skip
BAD = [
    ("pagerduty", "GET", "/incidents?status=open", HEADERS, None, "status is not described"),
    ("pagerduty", "GET", "/incidents?limit=500", HEADERS, None, "limit"),
    ("pagerduty", "GET", "/incidents?statuses[]=open", HEADERS, None, "open"),
    ("pagerduty", "GET", "/teams", HEADERS, None, "not"),
    ("pagerduty", "DELETE", "/incidents/Q3OMNI01", WRITE, None, "not"),
    ("pagerduty", "GET", "/users/me", {**HEADERS, "Authorization": "Bearer x"}, None, "authorization"),
    ("pagerduty", "GET", "/users/me", {**HEADERS, "Accept": "application/json"}, None, "accept"),
    ("pagerduty", "PUT", "/incidents/Q3OMNI01", HEADERS, ACK, "From"),
    ("pagerduty", "PUT", "/incidents/Q3OMNI01", {**WRITE, "From": "alice"}, ACK, "From"),
    ("pagerduty", "PUT", "/incidents/Q3OMNI01", WRITE, {"incident": {"status": "acknowledged"}}, "type"),
    ("pagerduty", "PUT", "/incidents/Q3OMNI01", WRITE, RESOLVE, "acknowledged"),
    ("pagerduty", "PUT", "/incidents/Q3OMNI01", WRITE, {**ACK, "note": 1}, "note"),
    ("pagerduty", "PUT", "/incidents", WRITE, MANY, "too long"),
    ("pagerduty", "POST", "/incidents/Q3OMNI01/responder_requests", WRITE, {"message": "come"}, "requester_id"),
    ("pagerduty_events", "POST", "/v2/enqueue", HEADERS, {**EVENT, "routing_key": "short"}, ""),
    ("pagerduty_events", "POST", "/v2/enqueue", HEADERS, {"routing_key": KEY, "event_action": "acknowledge"}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "method", "path", "headers", "body"), GOOD)
def test_what_is_described(name: str, method: str, path: str, headers: dict[str, str], body: object) -> None:
    """A request as described has no problems."""
    assert checker(name).problems(method, path, headers, b"" if body is None else json.dumps(body).encode()) == []


@pytest.mark.parametrize(("name", "method", "path", "headers", "body", "word"), BAD)
def test_what_is_not(name: str, method: str, path: str, headers: dict[str, str], body: object, word: str) -> None:
    """A wrong operation, parameter, header or field is found, and named."""
    found = checker(name).problems(method, path, headers, b"" if body is None else json.dumps(body).encode())
    assert found
    assert word in " ".join(found)

"""What omniops makes of OmniRoute's answers, and of answers that make no sense."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omniops.clock import SystemClock, iso
from omniops.errors import BadInput, Refused, Unreachable
from omniops.services import omniroute
from omniops.services.omniroute import OmniRoute
from tests.support import scripted_http as play
from tests.support.scripted_http import Play, Scripted, Seen

Make = Callable[..., OmniRoute]
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONNECTION = {
    "id": "8ae76e54-1",
    "provider": "openai-compatible-chat-afef",
    "authType": "apikey",
    "name": "fake-a",
    "priority": 1,
    "isActive": True,
    "testStatus": "unavailable",
    "errorCode": "500.0",
    "lastError": "[500]: fake\x1b[31m upstream\nfailure",
    "backoffLevel": 1,
    "providerSpecificData": {"prefix": "fake", "nodeName": "Fake Upstream"},
    "defaultModel": "fake-small",
    "updatedAt": "2026-11-23T07:17:03.756Z",
    "maxConcurrent": None,
}


def test_connections(server: Scripted, make: Make) -> None:
    """A connection of a custom node is called by its node's name; null fields are left out; no escapes."""
    server.on("GET", "/api/providers", play.answer({"connections": [CONNECTION]}))
    found = make().connections()
    assert len(found) == 1
    assert found[0]._replace(shown={}) == (
        "8ae76e54-1", "openai-compatible-chat-afef", "fake-a", "Fake Upstream", "fake", True, 1, "fake-small",
        "2026-11-23T07:17:03.756Z", {},
    )  # fmt: skip
    assert found[0].shown == {
        "testStatus": "unavailable",
        "errorCode": "500.0",
        "lastError": "[500]: fake upstream failure",
        "backoffLevel": 1,
    }


def test_connection_of_an_account(server: Scripted, make: Make) -> None:
    """A connection without a name is called by its account, and its provider by its id."""
    bare = {"id": "x", "provider": "claude", "isActive": False, "email": "ops@example.org", "priority": None}
    server.on("GET", "/api/providers/x", play.answer({"connection": bare}))
    found = make().connection("x")
    assert found is not None
    assert (found.name, found.label, found.prefix, found.priority) == ("ops@example.org", "claude", "claude", 0)


def test_connection_that_is_not_there(server: Scripted, make: Make) -> None:
    """A 404 in JSON means no such connection; the 404 page means no such endpoint."""
    server.on("GET", "/api/providers/x", play.answer({"error": "Connection not found"}, 404), play.page_404())
    assert make().connection("x") is None
    with pytest.raises(Unreachable) as caught:
        make().connection("x")
    assert caught.value.why == "no such endpoint on this server"


def test_connections_in_pages(server: Scripted, make: Make) -> None:
    """Where the answer says that there are more, they are asked for; where they never come, that ends."""
    first, second = ({**CONNECTION, "id": id} for id in ("a", "b"))
    server.on("GET", "/api/providers", play.answer({"connections": [first], "total": 2}))
    server.on("GET", "/api/providers?limit=500&offset=1", play.answer({"connections": [second], "total": 2}))
    assert [connection.id for connection in make().connections()] == ["a", "b"]
    server.on("GET", "/api/providers?limit=500&offset=1", play.answer({"connections": [first], "total": 2}))
    assert [connection.id for connection in make().connections()] == ["a"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "the answer is not an object"),
        ({}, "the answer has no connections"),
        ({"connections": {}}, "connections is an object, not a list"),
        ({"connections": [None]}, "connections[0] is null, not an object"),
        ({"connections": [{**CONNECTION, "isActive": "true"}]}, "connections[0].isActive is a text, not true or false"),
        ({"connections": [CONNECTION, {**CONNECTION, "id": "../client"}]}, "connections[1].id is no id: ../client"),
        ({"connections": [{**CONNECTION, "id": 7}]}, "connections[0].id is a number, not a text"),
        ({"connections": [{"id": "a", "provider": "p"}]}, "connections[0] has no isActive"),
    ],
)
def test_nonsense_says_where(server: Scripted, make: Make, body: Any, words: str) -> None:
    """A wrong type is an error that says where it is; exit code 5."""
    server.on("GET", "/api/providers", play.answer(body))
    with pytest.raises(Unreachable) as caught:
        make().connections()
    assert caught.value.why.endswith(words)
    assert caught.value.exit == 5
    assert len(caught.value.lines()) == 4


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (play.raw(b"not json"), "it talks nonsense: no JSON: not json"),
        (play.raw(b""), "it talks nonsense: an empty answer"),
        (play.raw(b'{"total": NaN}'), "NaN"),
        (play.raw(b"[" * 100_000), "it talks nonsense: no JSON"),
        (play.raw(b"\xff\xfe\x00{"), "it talks nonsense: no JSON"),
        (play.raw(b"\x1b]0;owned\x07<b>\x1b[2J"), "it talks nonsense: no JSON: <b>"),
        (play.page_404(), "no such endpoint on this server"),
        (play.answer({"error": "text"}, 500), "it answered 500: text"),
        (play.answer({"error": {"code": "X", "message": "words"}}, 500), "it answered 500: words"),
        (play.answer({"error": {"message": "Invalid request", "details": [{"field": "f", "message": "bad"}]}}, 400),
         "it answered 400: Invalid request; f: bad"),
        (play.raw(b"Internal Server Error", 500, Content_Type="text/plain"), "it answered 500: Internal Server Error"),
        (play.raw(b"", 405), "it answered 405"),
        (play.answer({"error": "slow down"}, 429, Retry_After="30"), "it answered 429: slow down; try again in 30s"),
        (play.redirect("https://elsewhere.example/x"), "it redirects to https://elsewhere.example/x"),
        (play.hang(), "no answer within 0.4 s"),
        (play.drip(), "the answer did not end in time"),
        (play.cut_body(), "the answer broke off"),
        (play.garbage(), "it does not answer as HTTP"),
        (play.answer({"total": -1}), "total is a number, not a number from 0 on"),
        (play.answer({"total": True}), "total is a flag, not a number from 0 on"),
    ],
)  # fmt: skip
def test_answers_that_make_no_sense(server: Scripted, make: Make, what: Play, words: str) -> None:
    """Whatever a server does to a read ends in Unreachable with words, never in a traceback or a control character."""
    server.on("GET", "/api/keys", what)
    with pytest.raises(Unreachable) as caught:
        make(timeout_s=0.4).keys_total()
    assert words in caught.value.why
    assert all(line.isprintable() for line in caught.value.lines())


def test_permission(server: Scripted, make: Make) -> None:
    """A 403 that no login mends is Refused, with the server's words."""
    error = {"error": {"code": "LOCAL_ONLY", "message": "This endpoint requires localhost access"}}
    server.on("GET", "/api/keys", play.answer(error, 403))
    with pytest.raises(Refused) as caught:
        make().keys_total()
    assert caught.value.why == "This endpoint requires localhost access"


def test_lone_surrogates(server: Scripted, make: Make) -> None:
    """Half an emoji, which no terminal or database takes, becomes a question mark; a whole one stays."""
    body = b'{"combos": [{"id": "c", "name": "\\ud83d x \\ud83d\\ude00", "models": ["\\udc00"]}]}'
    server.on("GET", "/api/combos", play.raw(body))
    assert make().combos() == [("c", "? x \U0001f600", ["?"], None)]


def test_client_list_is_never_asked(server: Scripted, make: Make) -> None:
    """GET /api/providers/client gives raw upstream keys away: no method asks it, whatever it is given."""
    client = make()
    for id in ("client", "Client"):
        with pytest.raises(BadInput):
            client.connection(id)
    assert server.seen == []
    server.on("GET", "/api/providers", play.answer({"connections": [{**CONNECTION, "id": "client"}]}))
    with pytest.raises(Unreachable, match="no usable answer"):
        client.connections()


def test_test_connection(server: Scripted, make: Make) -> None:
    """A connection's test passes, fails with a reason, or has no end: a server that is not there is unreachable."""
    ok = {"valid": True, "error": None, "latencyMs": 2}
    bad = {"valid": False, "error": "Endpoint /models\x07 unavailable", "latencyMs": None}
    path = "/api/providers/a/test"
    server.on("POST", path, play.answer(ok), play.answer(bad), play.answer({"error": "boom"}, 500), play.hang())
    client = make(timeout_s=0.4)
    assert client.test_connection("a") == (True, "ok", 2.0)
    assert client.test_connection("a") == (False, "Endpoint /models unavailable", None)
    assert client.test_connection("a") == (False, "the test answered 500: boom", None)
    assert client.test_connection("a") == (False, "the test had no end: no answer within 0.4 s", None)
    with pytest.raises(Unreachable):
        make(url="http://127.0.0.1:1").test_connection("a")


def test_health(server: Scripted, make: Make) -> None:
    """The health page is read without a login; degraded and error are not ok."""
    page = {
        "status": "healthy",
        "version": "3.7.9",
        "uptime": 12.5,
        "system": {"pid": 3413},
        "cryptography": {"status": "ok"},
    }
    plays = (
        play.answer(page),
        play.answer({**page, "status": "degraded", "error": "partially unavailable"}),
        play.answer({"status": "error", "error": "Health check failed"}, 500),
        play.raw(b"Bad Gateway", 502),
    )
    server.on("GET", "/api/monitoring/health", *plays)
    client = make(OMNIROUTE_PASSWORD="correct-horse")
    assert client.health() == (True, "3.7.9", 12.5, 3413, "ok", "healthy")
    assert client.health()[::5] == (False, "degraded; partially unavailable")
    assert client.health() == (False, "", 0.0, None, "", "error; Health check failed")
    with pytest.raises(Unreachable, match="no usable answer"):
        client.health()
    assert len(server.seen) == 4


@pytest.mark.parametrize("closed", [play.page_404(), play.answer({"error": "x"}, 500), play.reset_before_answer()])
def test_version(server: Scripted, make: Make, closed: Play) -> None:
    """The version is the server's own, or where that is closed, the health page's."""
    server.on("GET", "/api/system/version", play.answer({"current": "3.7.9", "latest": "unavailable"}), closed)
    server.on("GET", "/api/monitoring/health", play.answer({"status": "healthy", "system": {"version": "3.8.49-k.0"}}))
    client = make()
    assert client.version() == ("3.7.9", "/api/system/version")
    assert client.version() == ("3.8.49-k.0", "/api/monitoring/health")


def test_telemetry(server: Scripted, make: Make) -> None:
    """The window is given in milliseconds; percentiles come in seconds, and there are none without requests."""
    full = {"count": 34, "p50": 183, "p95": 3866, "p99": 6100, "errorRate": 0}
    server.on("GET", "/api/telemetry/summary", play.answer(full), play.answer({"count": 0, "p95": 0, "p99": 0}))
    client = make()
    assert client.telemetry(90.5) == (34, 3.866, 6.1)
    assert client.telemetry(300) == (0, None, None)
    assert [seen.path.partition("?")[2] for seen in server.seen] == ["windowMs=90500", "windowMs=300000"]


def test_inventory(server: Scripted, make: Make) -> None:
    """The inventory is there, absent, failing or malformed (runbook 4.3)."""
    body: dict[str, Any] = {"tiers": []}
    plays = (play.answer(body), play.page_404(), play.answer({"error": "boom"}, 503), play.raw(b"{"), play.answer([1]))
    server.on("GET", "/api/settings/authz-inventory", *plays)
    client = make()
    assert client.inventory() == ("ok", body)
    assert client.inventory() == ("absent", None)
    assert client.inventory() == ("failing", "503 boom")
    assert client.inventory() == ("malformed", "no JSON: {")
    assert client.inventory() == ("malformed", "the answer is not an object")


def test_database_and_folder(server: Scripted, make: Make) -> None:
    """The database's health comes with its issues; the data folder is a path of the server."""
    well, ill = {"isHealthy": True, "issues": []}, {"isHealthy": False, "issues": ["a", 1]}
    server.on("GET", "/api/db/health", play.answer(well), play.answer(ill))
    server.on("GET", "/api/storage/health", play.answer({"dataDir": "/app/data"}))
    client = make()
    assert [client.db_health(), client.db_health()] == [(True, "no issues"), (False, "a; 1")]
    assert client.data_folder() == "/app/data"


def test_models_of(server: Scripted, make: Make) -> None:
    """A provider's models are those of the catalogue and of the stored lists, each once, as clients write them."""
    server.on("GET", "/api/providers", play.answer({"connections": [CONNECTION]}))
    node = str(CONNECTION["provider"])
    listed = [{"id": "fake/fake-small", "owned_by": node}, {"id": "ha", "owned_by": "combo"}, 3]
    server.on("GET", "/v1/models", play.answer({"data": listed}))
    server.on("GET", f"/api/synced-available-models?provider={node}", play.answer({"models": [{"id": "fake-small"}]}))
    server.on("GET", f"/api/provider-models?provider={node}", play.answer({"models": [{"id": "fake-large"}]}))
    assert make().models_of(node) == ["fake/fake-small", "fake/fake-large"]
    server.on("GET", "/v1/models", play.answer({"error": "no"}, 401))
    assert make().models_of(node) == ["fake/fake-small", "fake/fake-large"]


AUDIT = "/api/compliance/audit-log"


def _audit_row(id: int, minute: int, target: str = "p:a", connection: str = "c1") -> dict[str, Any]:
    details = {"changedFields": ["isActive"], "before": {"id": connection}, "after": {"id": connection}}
    return {"id": id, "timestamp": iso(NOON + timedelta(minutes=minute)), "actor": "admin", "target": target,
            "action": "provider.credentials.updated", "details": details, "request_id": f"r{id}"}  # fmt: skip


def test_writes_to(server: Scripted, make: Make) -> None:
    """Audit rows of a target are found by its name or a connection's id, from a moment on."""
    log = [_audit_row(3, 2), _audit_row(2, 1, "p:b", "c2"), _audit_row(1, 0), _audit_row(9, -1)]
    server.on("GET", AUDIT, play.answer(log), play.answer(log), play.answer([]))
    client = make()
    found = client.writes_to("p:a", iso(NOON))
    assert ([row["id"] for row in found.rows], found.gap) == (["3", "1"], "")
    assert client.writes_to("c2", iso(NOON)) == (
        [{"id": "2", "timestamp": iso(NOON + timedelta(minutes=1)), "actor": "admin", "changedFields": ["isActive"],
          "action": "provider.credentials.updated", "request_id": "r2"}],
        "",
    )  # fmt: skip
    assert client.writes_to("p:a", iso(NOON)) == ([], "")
    with pytest.raises(BadInput, match="not a moment"):
        client.writes_to("p:a", "yesterday")


def test_an_audit_log_in_pages(server: Scripted, make: Make) -> None:
    """A page whose rows are all from after the moment is not the whole log, however few it holds; rows that have moved
    on to the next page count once."""
    second = [_audit_row(2, 2), _audit_row(1, 1), _audit_row(0, -1)]
    server.on("GET", AUDIT, play.answer([_audit_row(3, 3), _audit_row(2, 2)]), play.answer(second))
    found = make().writes_to("p:a", iso(NOON))
    assert ([row["id"] for row in found.rows], found.gap) == (["3", "2", "1"], "")
    assert [seen.path.partition("offset=")[2] for seen in server.seen if AUDIT in seen.path] == ["", "2"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([play.page_404()], "the audit log cannot be read (no such endpoint on this server)"),
        ([play.answer([_audit_row(1, 1)]), play.answer({"error": "no"}, 500)], "the audit log cannot be read ("),
        ([play.answer({"rows": []})], "the audit log makes no sense"),
        ([play.answer([_audit_row(1, 1)])] * 2, "was read back to 2026-11-23T12:01:00.000Z only"),
        ([play.answer([_audit_row(1, 1), {"id": 5}, None]), play.answer([])], "2 rows of the audit log have no time"),
    ],
)
def test_an_audit_log_that_cannot_tell(server: Scripted, make: Make, answers: list[Any], words: str) -> None:
    """Unreadable, nonsense, or not read back to the moment: that is said, and is never "nobody has written"."""
    server.on("GET", AUDIT, *answers)
    assert words in make().writes_to("p:a", iso(NOON)).gap


def test_a_refused_audit_log(server: Scripted, make: Make) -> None:
    """A credential that may not read the log is no reason to stop, but a gap."""
    server.on("GET", AUDIT, play.answer({"error": "admins only"}, 403))
    assert "cannot be read (admins only)" in make().writes_to("p:a", iso(NOON)).gap


class Noon(SystemClock):
    def now(self) -> datetime:
        return NOON


def test_skew(server: Scripted, make: Make) -> None:
    """The server's clock is known from its Date header, to half a second; before the first answer it is not."""
    server.on(
        "GET",
        "/api/keys",
        play.answer({"total": 0}, 200, Date="Mon, 23 Nov 2026 12:01:30 GMT"),
        play.answer({"total": 0}),
    )
    client = make(clock=Noon())
    assert (client.skew_s(), client.server_now()) == (None, NOON)
    client.keys_total()
    assert (client.skew_s(), client.server_now()) == (90.5, NOON + timedelta(seconds=90.5))
    client.keys_total()
    assert client.skew_s() == 90.5


def log_row(number: int, age_s: float, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"r{number}",
        "timestamp": iso(NOON - timedelta(seconds=age_s)),
        "path": "/v1/chat/completions",
        "status": 200,
        "model": "fake-small",
        "requestedModel": "fake/fake-small",
        "provider": "p",
        "connectionId": "c1",
        "duration": 2053,
        "comboName": None,
        "error": None,
        **changed,
    }


def logs(server: Scripted, rows: list[Any], shift: int = 0) -> None:
    """Serve rows in pages as OmniRoute does; with ``shift``, that many new rows come in between two pages."""
    asked = 0

    def choose(seen: Seen) -> Play:
        nonlocal asked
        query = dict(part.split("=") for part in seen.path.partition("?")[2].split("&"))
        start, limit = int(query["offset"]), int(query["limit"])
        fresh = [log_row(1_000_000 + n, -1) for n in range(shift * asked)]
        asked += 1
        return play.answer([*fresh, *rows][start : start + limit])

    server.on("GET", "/api/usage/call-logs", play.by_request(choose))


def test_call_logs(server: Scripted, make: Make) -> None:
    """Only finished attempts of clients since the moment are returned; rows that make no sense are counted."""
    rows: list[Any] = [
        log_row(1, 0, status=0, active=True, duration=None),
        log_row(2, 1, status=500, error="[500]: fake\x07 failure", comboName="ha"),
        log_row(3, 2, path="/api/providers/x/models", model="model-sync"),
        log_row(4, 3, duration="long"),
        log_row(5, 4, timestamp="2026-11-23 12:00:00"),
        "row",
        log_row(6, 60),
        log_row(7, 60.001),
    ]
    logs(server, rows)
    found = make().call_logs(NOON - timedelta(minutes=1))
    assert (found.complete, found.skipped) == (True, 3)
    common = ("fake-small", "fake/fake-small", "p", "c1", 2.053)
    path = "/v1/chat/completions"
    assert found.rows == [
        (NOON - timedelta(seconds=1), path, 500, *common, "ha", "[500]: fake failure"),
        (NOON - timedelta(seconds=60), path, 200, *common, "", ""),
    ]


def test_call_logs_stop_at_the_moment(server: Scripted, make: Make) -> None:
    """Pages of 500 are asked for until one ends before the moment; rows that moved to a later page count once."""
    logs(server, [log_row(n, n) for n in range(3000)], shift=7)
    found = make().call_logs(NOON - timedelta(seconds=1199))
    assert (len(found.rows), found.complete) == (1200, True)
    assert [row.at for row in found.rows] == sorted((row.at for row in found.rows), reverse=True)
    assert [seen.path.partition("?")[2] for seen in server.seen] == [f"limit=500&offset={n}" for n in (0, 500, 1000)]


def test_call_logs_of_internal_rows_only(server: Scripted, make: Make) -> None:
    """Rows that are not clients' still say how far back a page reaches."""
    logs(server, [log_row(n, n, path="/api/x") for n in range(3000)])
    assert make().call_logs(NOON - timedelta(seconds=600)) == ([], True, 0)
    assert len(server.seen) == 2


def test_call_logs_end_at_5000_rows(server: Scripted, make: Make) -> None:
    """After 5,000 rows the answer is incomplete, and says so."""
    logs(server, [log_row(n, n / 100) for n in range(6000)])
    found = make().call_logs(NOON - timedelta(hours=1))
    assert (len(found.rows), found.complete, len(server.seen)) == (5000, False, 10)


def test_call_logs_end_when_the_time_is_up(server: Scripted, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that turns slow in the middle is left alone when the time is up; the rows so far are kept."""
    monkeypatch.setattr(omniroute, "CALL_LOGS_S", 0.4)
    server.on("GET", "/api/usage/call-logs?limit=500&offset=0", play.answer([log_row(n, 0) for n in range(500)]))
    server.on("GET", "/api/usage/call-logs?limit=500&offset=500", play.hang())
    found = make().call_logs(NOON - timedelta(hours=1))
    assert (len(found.rows), found.complete) == (500, False)


@pytest.mark.parametrize("what", [play.answer({"logs": []}), play.answer({"error": "x"}, 500), play.raw(b"[{")])
def test_call_logs_that_make_no_sense(server: Scripted, make: Make, what: Play) -> None:
    """A first page that makes no sense is an error, not an empty log: no data is not health."""
    server.on("GET", "/api/usage/call-logs", what)
    with pytest.raises(Unreachable):
        make().call_logs(NOON)


def test_an_answer_about_another_connection_is_nonsense(server: Scripted, make: Make) -> None:
    """Asked for one connection and answered with another: not believed, or the wrong one would be written to."""
    row = {"id": "zz", "provider": "openai", "name": "other", "isActive": True}
    server.on("GET", "/api/providers/a1", play.answer({"connection": row}))
    with pytest.raises(Unreachable) as refused:
        make().connection("a1")
    assert "another connection, zz" in refused.value.why


def test_an_address_that_is_none_in_a_redirect(server: Scripted, make: Make) -> None:
    """A redirect to something that is no address is an answer that makes no sense, not a bug of ours."""
    server.on("GET", "/api/providers", play.redirect("http://\x01evil\x7f:99999999/"))
    with pytest.raises(Unreachable):
        make().connections()

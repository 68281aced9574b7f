"""What each possible answer to a write proves; a write that may have happened is never sent again."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from omniops.errors import BadInput
from omniops.services.omniroute import OmniRoute
from tests.support import scripted_http as play
from tests.support.scripted_http import Play, Scripted

Make = Callable[..., OmniRoute]
AT = "2026-11-23T03:10:00.123Z"
PUT = ("PUT", "/api/providers/a")


def connection(**changed: Any) -> dict[str, Any]:
    return {"connection": {"id": "a", "provider": "p", "isActive": False, "updatedAt": AT, **changed}}


DETAILS = {"error": {"message": "Invalid request", "details": [{"field": "", "message": "No valid fields to update"}]}}
CASES = {
    "2xx that agrees": (play.answer(connection()), "applied", "200"),
    "201 that agrees": (play.answer(connection(), 201), "applied", "201"),
    "2xx of the old value": (play.answer(connection(isActive=True)), "in_doubt", "isActive is still true"),
    "2xx of another one": (play.answer(connection(id="b")), "in_doubt", "about another connection, b"),
    "2xx of a wrong type": (play.answer(connection(isActive="false")), "in_doubt", "isActive is a text"),
    "2xx without it": (play.answer({"success": True}), "in_doubt", "has no connection"),
    "2xx of a list": (play.answer([]), "in_doubt", "not an object"),
    "2xx of HTML": (play.raw(play.HTML_404), "in_doubt", "no JSON"),
    "204, empty": (play.raw(b"", 204), "in_doubt", "an empty answer"),
    "2xx, body cut": (play.cut_body(), "in_doubt", "the answer broke off"),
    "2xx, body dripping": (play.drip(), "in_doubt", "did not end in time"),
    "2xx, body huge": (play.huge(9_000_000), "in_doubt", "larger than"),
    "307": (play.redirect("/elsewhere"), "not_applied", "redirects to /elsewhere"),
    "400": (play.answer(DETAILS, 400), "not_applied", "400: Invalid request; body: No valid fields to update"),
    "400, body cut": (play.cut_body(400, b"{"), "not_applied", "400"),
    "403": (play.answer({"error": {"code": "INVALID_ORIGIN", "message": "no"}}, 403), "not_applied", "403: no"),
    "404": (play.answer({"error": "Connection not found"}, 404), "not_applied", "404: Connection not found"),
    "405": (play.raw(b"", 405), "not_applied", "405"),
    "409": (play.answer({"error": "busy"}, 409), "not_applied", "409: busy"),
    "408": (play.answer({}, 408), "in_doubt", "408"),
    "429": (play.answer({"error": "slow down"}, 429, Retry_After="90"), "not_applied", "down; try again in 1m 30s"),
    "500": (play.answer({"error": "boom"}, 500), "in_doubt", "500: boom"),
    "502": (play.raw(b"<html>bad gateway</html>", 502), "in_doubt", "502"),
    "503": (play.answer({"error": {"code": "SERVICE_UNAVAILABLE", "message": "drain"}}, 503), "in_doubt", "drain"),
    "999": (play.answer({}, 999), "in_doubt", "999"),
    "silence": (play.hang(), "in_doubt", "no answer within"),
    "close": (play.close_before_answer(), "in_doubt", "does not answer as HTTP"),
    "reset": (play.reset_before_answer(), "in_doubt", "the connection broke"),
    "garbage": (play.garbage(), "in_doubt", "does not answer as HTTP"),
    "control characters": (play.answer({"error": "\x1b[2J\x07no\u202e"}, 400), "not_applied", "400: no"),
}  # fmt: skip


@pytest.mark.parametrize(("what", "status", "words"), CASES.values(), ids=CASES.keys())
def test_what_an_answer_proves(server: Scripted, make: Make, what: Play, status: str, words: str) -> None:
    """Each answer is applied, not applied or in doubt, is told in words, and the write was sent exactly once."""
    server.on(*PUT, what)
    reply = make(timeout_s=0.4).set_active("a", False)
    assert (reply.status, words in reply.detail) == (status, True), reply
    assert [seen.json() for seen in server.seen] == [{"isActive": False}]
    assert reply.detail.isprintable()


@pytest.mark.parametrize("code", [400, 404, 500])
def test_nothing_is_sent_twice_after_a_bad_answer(server: Scripted, make: Make, code: int) -> None:
    """A second write with the same client is a second request, not a leftover of the first."""
    server.on(*PUT, play.answer({"error": "no"}, code), play.answer(connection()))
    client = make()
    assert client.set_active("a", False).code == code
    assert client.set_active("a", False).status == "applied"
    assert len(server.asked(*PUT)) == 2


def test_a_server_that_is_not_there(make: Make) -> None:
    """Where no connection comes about, the write was certainly not applied."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    reply = make(url=url).set_active("a", False)
    assert reply.status == "not_applied"
    assert "refused" in reply.detail


def test_when_it_was_and_what_it_was_called(server: Scripted, make: Make) -> None:
    """The time is the answer's updatedAt; without one, its Date header; the request id is kept for the audit log."""
    date = {"Date": "Mon, 23 Nov 2026 03:10:07 GMT", "X_Request_Id": "r-1\x07"}
    for body, at in ((connection(), AT), (connection(updatedAt="soon"), "2026-11-23T03:10:07.000Z")):
        server.on(*PUT, play.answer(body, 200, **date))
        reply = make().set_active("a", False)
        assert (reply.status, reply.at, reply.request_id) == ("applied", at, "r-1")
    server.on(*PUT, play.answer({"connection": {**connection()["connection"], "updatedAt": None}}))
    assert make().set_active("a", False).at == ""


def test_combo_models(server: Scripted, make: Make) -> None:
    """A combo's models are sent whole; an answer with other models than were sent leaves the write in doubt."""
    sent = [{"id": "ha-1", "kind": "model", "model": "fake/fake-small", "weight": 0}, "other/m2"]
    stored = [{"id": "x", "kind": "model", "model": name} for name in ("fake/fake-small", "other/m2")]
    combo = {"id": "c1", "name": "ha", "models": stored, "version": 2, "updatedAt": AT}
    server.on("PUT", "/api/combos/c1", play.answer(combo), play.answer({**combo, "models": stored[:1]}))
    reply = make().set_combo_models("c1", sent)
    assert (reply.status, reply.at) == ("applied", AT)
    assert server.seen[0].json() == {"models": sent}
    reply = make().set_combo_models("c1", sent)
    assert (reply.status, reply.detail) == ("in_doubt", "200, but it answered that the models are fake/fake-small")


@pytest.mark.parametrize("id", ["", "..", "a/b", "a?b", "a b", "a\x00", "%2e%2e", "client/../a", "é", "x" * 300])
def test_ids_that_are_none(server: Scripted, make: Make, id: str) -> None:
    """What is no id is never put into a path."""
    client = make()
    for call in (
        lambda: client.set_active(id, False),
        lambda: client.connection(id),
        lambda: client.test_connection(id),
    ):
        with pytest.raises(BadInput, match="not the id of a connection"):
            call()
    assert server.seen == []

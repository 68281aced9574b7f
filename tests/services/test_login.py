"""How omniops gets in: probing, one login, the memory of refusals, and secrets that show up nowhere."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import SystemClock
from omniops.errors import BadInput, OmniopsError, Refused, Unreachable
from omniops.services.omniroute import OmniRoute
from omniops.text import redact
from tests.support import scripted_http as play
from tests.support.scripted_http import Play, Scripted, Seen

PASSWORD = "correct-horse-battery"
KEY = "sk-b1490-abcdef-12345678"
COOKIE = "auth_token=eyJhbGciOiJIUzI1NiJ9.e30.c2ln"
NOBODY = play.answer({"error": {"code": "AUTH_001", "message": "Authentication required", "correlation_id": "1"}}, 401)
BAD_TOKEN = play.answer({"error": {"code": "AUTH_001", "message": "Invalid management token"}}, 403)
LOGIN = ("POST", "/api/auth/login")
KEYS = ("GET", "/api/keys")

Make = Callable[..., OmniRoute]


class MovedClock(SystemClock):
    """The machine's clock, but the date is the test's."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 3, 10, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


def needs(cookie: str = COOKIE, key: str = "") -> Play:
    """What an endpoint of the admin API answers: data to who may, 403 to a Bearer, 401 to nobody."""

    def choose(seen: Seen) -> Play:
        if seen.headers.get("cookie") == cookie or (key and seen.headers.get("authorization") == f"Bearer {key}"):
            return play.answer({"total": 2, "keys": []})
        return BAD_TOKEN if "authorization" in seen.headers else NOBODY

    return play.by_request(choose)


def login(password: str = PASSWORD, cookie: str = COOKIE) -> Play:
    def choose(seen: Seen) -> Play:
        if seen.json() == {"password": password}:
            return play.answer({"success": True}, Set_Cookie=f"{cookie}; Path=/; HttpOnly; SameSite=lax")
        return play.answer({"error": "Invalid password"}, 401)

    return play.by_request(choose)


def test_server_without_authentication_needs_neither(server: Scripted, make: Make) -> None:
    """Where nothing is asked for, nothing is sent, though there is a password."""
    server.on(*KEYS, play.answer({"total": 2}))
    assert make(OMNIROUTE_PASSWORD=PASSWORD).keys_total() == 2
    assert server.asked(*LOGIN) == []


def test_login_once_and_stay(server: Scripted, make: Make) -> None:
    """A 401 leads to one login; the cookie is used from then on."""
    server.on(*KEYS, needs())
    server.on(*LOGIN, login())
    client = make(OMNIROUTE_PASSWORD=PASSWORD)
    assert [client.keys_total(), client.keys_total()] == [2, 2]
    assert len(server.asked(*LOGIN)) == 1
    assert len(server.asked(*KEYS)) == 3


def test_key_is_used_where_it_works(server: Scripted, make: Make) -> None:
    """A Bearer key that works makes a login unnecessary."""
    server.on(*KEYS, needs(key=KEY))
    assert make(OMNIROUTE_API_KEY=KEY, OMNIROUTE_PASSWORD=PASSWORD).keys_total() == 2
    assert server.asked(*LOGIN) == []


def test_key_that_is_refused_gives_way_to_the_login(server: Scripted, make: Make) -> None:
    """3.7.9 answers any Bearer with 403: the password is used instead, and the key not sent again."""
    server.on(*KEYS, needs())
    server.on(*LOGIN, login())
    client = make(OMNIROUTE_API_KEY=KEY, OMNIROUTE_PASSWORD=PASSWORD)
    assert [client.keys_total(), client.keys_total()] == [2, 2]
    assert ["authorization" in seen.headers for seen in server.asked(*KEYS)] == [True, False, False]


def test_key_that_is_refused_without_a_password(server: Scripted, make: Make) -> None:
    """Without a password the refusal names both settings."""
    server.on(*KEYS, needs())
    with pytest.raises(Refused) as caught:
        make(OMNIROUTE_API_KEY=KEY).keys_total()
    lines = caught.value.lines()
    assert lines[0] == f"{server.url} refuses OMNIROUTE_API_KEY"
    assert "Invalid management token" in lines[1]
    assert "OMNIROUTE_PASSWORD" in lines[3]
    assert caught.value.exit == 4


def test_nothing_to_log_in_with(server: Scripted, make: Make) -> None:
    """Without any credentials the error says which settings there are."""
    server.on(*KEYS, needs())
    with pytest.raises(Refused) as caught:
        make().keys_total()
    assert caught.value.lines() == [
        f"{server.url} wants a login",
        "why:   Authentication required; neither OMNIROUTE_PASSWORD nor OMNIROUTE_API_KEY is set",
        "state: nothing was changed",
        "next:  export OMNIROUTE_PASSWORD (or OMNIROUTE_PASSWORD_FILE, _COMMAND)",
    ]


def test_what_no_login_mends_is_not_followed_by_one(server: Scripted, make: Make) -> None:
    """LOCAL_ONLY is about where we are, not who we are: no login, and /v1/models refusing a client neither."""
    local = {"error": {"code": "LOCAL_ONLY", "message": "This endpoint requires localhost access"}}
    server.on(*KEYS, play.answer(local, 403))
    server.on("GET", "/api/providers", play.answer({"connections": []}))
    server.on("GET", "/v1/models", play.answer({"error": {"code": "AUTH_002", "message": "Invalid API key"}}, 401))
    client = make(OMNIROUTE_API_KEY=KEY, OMNIROUTE_PASSWORD=PASSWORD)
    with pytest.raises(Refused, match="is refused \\(403\\)"):
        client.keys_total()
    assert client.models_of("openai") == []
    assert server.asked(*LOGIN) == []


def test_session_that_expires_is_renewed_once(server: Scripted, make: Make) -> None:
    """A 401 in the middle leads to one login more; a 401 after that is an error."""
    server.on(*LOGIN, login())
    server.on(*KEYS, NOBODY, play.answer({"total": 1}), NOBODY, play.answer({"total": 2}), NOBODY)
    client = make(OMNIROUTE_PASSWORD=PASSWORD)
    assert [client.keys_total(), client.keys_total()] == [1, 2]
    with pytest.raises(Refused):
        client.keys_total()
    assert len(server.asked(*LOGIN)) == 3


def test_write_that_was_refused_is_sent_once_more(server: Scripted, make: Make) -> None:
    """A 401 proves that a write was not done: after a login it is sent again, once."""
    done = {"connection": {"id": "a", "provider": "p", "isActive": False, "updatedAt": "2026-11-23T03:10:00.000Z"}}
    server.on(*LOGIN, login())
    server.on("PUT", "/api/providers/a", NOBODY, play.answer(done))
    assert make(OMNIROUTE_PASSWORD=PASSWORD).set_active("a", False).status == "applied"
    assert len(server.asked("PUT", "/api/providers/a")) == 2
    server.on("PUT", "/api/providers/a", NOBODY)
    reply = make(OMNIROUTE_PASSWORD=PASSWORD).set_active("a", False)
    assert (reply.status, reply.code) == ("not_applied", 401)
    assert len(server.asked("PUT", "/api/providers/a")) == 4


def test_write_whose_login_fails_was_not_applied(server: Scripted, make: Make) -> None:
    """A write that was answered 401, and whose login is refused, certainly did not happen."""
    server.on(*LOGIN, login("another"))
    server.on("PUT", "/api/providers/a", NOBODY)
    reply = make(OMNIROUTE_PASSWORD=PASSWORD).set_active("a", False)
    assert reply.status == "not_applied"
    assert "refuses OMNIROUTE_PASSWORD: Invalid password" in reply.detail


def test_wrong_password_is_tried_once(server: Scripted, make: Make) -> None:
    """A refused password is not sent again by the same client, whatever it is asked for."""
    server.on(*KEYS, needs())
    server.on(*LOGIN, login("another"))
    server.on("GET", "/api/monitoring/health", play.answer({"status": "healthy", "version": "3.7.9"}))
    client = make(OMNIROUTE_PASSWORD=PASSWORD)
    for _ in range(3):
        with pytest.raises(Refused, match="refuses OMNIROUTE_PASSWORD"):
            client.keys_total()
    assert client.version() == ("3.7.9", "/api/monitoring/health")
    assert len(server.asked(*LOGIN)) == 1


def test_third_refusal_within_15_minutes_is_ours(server: Scripted, make: Make, tmp_path: Path) -> None:
    """Two refusals are remembered over processes; a third login is refused here, and only while they are young."""
    server.on(*KEYS, needs())
    server.on(*LOGIN, login("another"))
    clock = MovedClock()
    for _ in range(2):
        with pytest.raises(Refused, match="refuses OMNIROUTE_PASSWORD"):
            make(clock=clock, OMNIROUTE_PASSWORD=PASSWORD).keys_total()
        clock.moment += timedelta(minutes=2)
    with pytest.raises(Refused) as caught:
        make(clock=clock, OMNIROUTE_PASSWORD=PASSWORD).keys_total()
    assert caught.value.lines()[0].endswith("it has refused the password 2 times within 15 min")
    assert "the server locks logins for 15 min after 5 refusals in 15 min" in caught.value.why
    assert "wait until 03:25 UTC" in caught.value.next
    assert len(server.asked(*LOGIN)) == 2

    file = tmp_path / "state" / "login-refusals.json"
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {server.url: ["2026-11-23T03:10:00.000Z", "2026-11-23T03:12:00.000Z"]}

    clock.moment = datetime(2026, 11, 23, 3, 25, 1, tzinfo=UTC)
    server.on(*LOGIN, login())
    assert make(clock=clock, OMNIROUTE_PASSWORD=PASSWORD).keys_total() == 2
    assert json.loads(file.read_text()) == {}


def test_refusals_are_counted_per_server(server: Scripted, make: Make) -> None:
    """Refusals of one replica do not keep us out of another."""
    server.on(*KEYS, needs())
    server.on(*LOGIN, login("another"))
    for _ in range(2):
        with pytest.raises(Refused):
            make(OMNIROUTE_PASSWORD=PASSWORD).keys_total()
    with Scripted() as replica:
        replica.on(*KEYS, needs())
        replica.on(*LOGIN, login())
        assert make(OMNIROUTE_PASSWORD=PASSWORD).sibling(replica.url).keys_total() == 2


@pytest.mark.parametrize("contents", ["", "{", "[]", '{"URL": 3}', '{"URL": [3, null, "x", "2026-11-23"]}', "\x00\xff"])
def test_damaged_memory_is_no_memory(server: Scripted, make: Make, tmp_path: Path, contents: str) -> None:
    """What cannot be read in the file of refusals is as if it were not there."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "login-refusals.json").write_text(contents.replace("URL", server.url))
    server.on(*KEYS, needs())
    server.on(*LOGIN, login())
    assert make(OMNIROUTE_PASSWORD=PASSWORD).keys_total() == 2


def test_state_folder_that_cannot_be_written(server: Scripted, make: Make, tmp_path: Path) -> None:
    """Without a state folder the login goes on; only the memory is missing."""
    (tmp_path / "file").write_text("")
    server.on(*KEYS, needs())
    server.on(*LOGIN, login())
    assert make(OMNIROUTE_PASSWORD=PASSWORD, OMNIOPS_HOME=str(tmp_path / "file")).keys_total() == 2


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"Retry_After": "750"}, "wait 12m 30s, until 03:22 UTC"),
        ({"Retry_After": "Mon, 23 Nov 2026 03:20:00 GMT"}, "wait 10m 00s, until 03:20 UTC"),
        ({}, "wait 15 min"),
        ({"Retry_After": "soon"}, "wait 15 min"),
    ],
)
def test_locked_server(server: Scripted, make: Make, header: dict[str, str], words: str) -> None:
    """A server that has locked logins is told in words, with the time at which it opens; it is not counted by us."""
    server.on(*KEYS, needs())
    server.on(*LOGIN, play.answer({"error": "Too many failed attempts. Try again later."}, 429, **header))
    for _ in range(3):
        with pytest.raises(Refused, match="has locked logins from here") as caught:
            make(clock=MovedClock(), OMNIROUTE_PASSWORD=PASSWORD).keys_total()
    assert words in caught.value.next
    assert "Too many failed attempts" in caught.value.why


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (play.answer({"success": True}), "200 without a session cookie"),
        (play.answer({"success": True}, Set_Cookie="auth_token=; Path=/"), "200 without a session cookie"),
        (play.redirect("https://sso.example/login", 302), "redirects to https://sso.example/login"),
        (play.answer({"error": "Server is shutting down"}, 503), "503: Server is shutting down"),
        (play.page_404(), "404"),
        (play.reset_before_answer(), "the connection broke"),
        (play.hang(), "no answer within"),
    ],
)
def test_login_that_makes_no_sense(server: Scripted, make: Make, tmp_path: Path, what: Play, words: str) -> None:
    """A login page that is none is unreachable, not a refusal, and is not remembered as one."""
    server.on(*KEYS, needs())
    server.on(*LOGIN, what)
    with pytest.raises(Unreachable) as caught:
        make(timeout_s=0.4, OMNIROUTE_PASSWORD=PASSWORD).keys_total()
    assert words in caught.value.why
    assert "no login at" in caught.value.what
    assert (tmp_path / "state" / "login-refusals.json").read_text() in ("", "{}")


@pytest.mark.parametrize("key", ["sk-with\nline", "sk-with space", "sk-ümlaut"])
def test_key_that_no_header_takes(server: Scripted, make: Make, key: str) -> None:
    """A key with a line end or the like is refused before it is sent, and without being quoted."""
    with pytest.raises(BadInput, match="OMNIROUTE_API_KEY") as caught:
        make(OMNIROUTE_API_KEY=key).keys_total()
    assert key not in "".join(caught.value.lines())
    assert server.seen == []


def echo(seen: Seen) -> Play:
    """Answer with everything that was sent, as a clumsy server's error page may."""
    return play.answer({"error": f"bad request: {dict(seen.headers)} {seen.body!r}"}, 500)


@pytest.mark.parametrize(
    ("plays", "given"),
    [
        ({KEYS: play.by_request(echo)}, {"OMNIROUTE_API_KEY": KEY}),
        ({KEYS: play.reset_before_answer()}, {"OMNIROUTE_API_KEY": KEY}),
        ({KEYS: play.garbage()}, {"OMNIROUTE_API_KEY": KEY}),
        ({KEYS: needs()}, {"OMNIROUTE_API_KEY": KEY}),
        ({KEYS: needs(), LOGIN: play.by_request(echo)}, {"OMNIROUTE_PASSWORD": PASSWORD}),
        ({KEYS: needs(), LOGIN: login("another")}, {"OMNIROUTE_PASSWORD": PASSWORD}),
        ({KEYS: needs(), LOGIN: play.garbage()}, {"OMNIROUTE_PASSWORD": PASSWORD}),
        ({KEYS: play.by_request(lambda seen: echo(seen) if seen.headers.get("cookie") else NOBODY), LOGIN: login()},
         {"OMNIROUTE_PASSWORD": PASSWORD}),
    ],
)  # fmt: skip
def test_secrets_show_up_nowhere(server: Scripted, make: Make, plays: dict[Any, Play], given: dict[str, str]) -> None:
    """No password, key or cookie is in an error, its traceback, a repr, or what redact lets through."""
    for (method, path), what in plays.items():
        server.on(method, path, what)
    client = make(**given)
    with pytest.raises(OmniopsError) as caught:
        client.keys_total()
    shown = "\n".join(
        [*caught.value.lines(), *traceback.format_exception(caught.value), repr(caught.value), repr(client)]
    )
    shown += repr(client._session) + repr(client._http)
    for secret in (PASSWORD, KEY, COOKIE.partition("=")[2]):
        assert secret not in shown
    if LOGIN in plays and server.asked(*KEYS)[-1].headers.get("cookie"):
        assert redact(COOKIE) == "auth_token=***"
    assert not [seen for seen in server.seen if "origin" in seen.headers]


@pytest.mark.parametrize(("allowed", "refused"), [("", True), ("1", False)])
def test_a_password_does_not_cross_a_network_in_the_clear(tmp_path: Path, allowed: str, refused: bool) -> None:
    """http to another host: nothing is sent, unless the operator says that the network is theirs alone."""
    from omniops.config import Settings
    from omniops.services.http import Http, Reply
    from omniops.services.omniroute_login import Session

    def stop(url: str) -> None:
        raise Unreachable("it would have been sent now")

    env = {"OMNIROUTE_PASSWORD": "correct-horse", "OMNIOPS_HOME": str(tmp_path), "OMNIOPS_INSECURE_HTTP": allowed}
    settings = Settings(env)
    session = Session(Http("http://omniroute.invalid", env, SystemClock(), stop), settings, SystemClock())
    with pytest.raises((BadInput, Unreachable)) as stopped:
        session.renew(Reply(401, {}, [], b"", "", "http://omniroute.invalid"))
    assert isinstance(stopped.value, BadInput) is refused
    assert "correct-horse" not in str(stopped.value.lines())

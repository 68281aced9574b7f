"""One HTTP conversation: its limits, its redirects, and what is known when there is no answer."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from omniops import __version__
from omniops.clock import SystemClock
from omniops.errors import BadInput
from omniops.services.http import Http, NoAnswer, patience
from tests.support import scripted_http as play
from tests.support.scripted_http import Play, Scripted


@pytest.fixture
def http(server: Scripted) -> Iterator[Http]:
    made = Http(server.url, {}, SystemClock(), timeout_s=0.4)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (play.hang(), "no answer within 0.4 s"),
        (play.drip(head=True), "no answer within 0.4 s"),
        (play.close_before_answer(), "does not answer as HTTP"),
        (play.reset_before_answer(), "the connection broke"),
        (play.garbage(), "does not answer as HTTP"),
    ],
    ids=["hang", "drip-head", "close", "reset", "garbage"],
)
def test_no_answer_to_something_sent(server: Scripted, http: Http, what: Play, words: str) -> None:
    """A request that left and got no answer says so, in words without a byte of what came, and within the deadline."""
    server.on("GET", "/x", what)
    started = time.monotonic()
    with pytest.raises(NoAnswer, match=words) as caught:
        http.ask("GET", "/x")
    assert caught.value.sent
    assert time.monotonic() - started < 1.0
    assert caught.value.__cause__ is None
    assert "\x1b" not in caught.value.why


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nosuch.invalid"], ids=["refused", "no-such-name"])
def test_nothing_was_sent(url: str) -> None:
    """Where no connection comes about, it is certain that nothing was sent."""
    with pytest.raises(NoAnswer, match=r"no connection|no answer") as caught:
        Http(url, {}, SystemClock(), timeout_s=2).ask("PUT", "/x", body={})
    assert not caught.value.sent


def test_tls_failure_sends_nothing(server: Scripted) -> None:
    """A server that cannot do TLS is told apart from one that broke off after the request."""
    url = server.url.replace("http://", "https://")
    with pytest.raises(NoAnswer) as caught:
        Http(url, {}, SystemClock(), timeout_s=1).ask("PUT", "/x", body={})
    assert not caught.value.sent
    assert server.asked("PUT", "/x") == []


def test_body_that_drips_ends_at_the_deadline(server: Scripted, http: Http) -> None:
    """A body that comes a byte at a time is cut off at the deadline; the status that came before it is kept."""
    server.on("GET", "/x", play.drip(code=200))
    started = time.monotonic()
    reply = http.ask("GET", "/x")
    assert time.monotonic() - started < 1.0
    assert (reply.code, reply.broken) == (200, "the answer did not end in time")


def test_silence_after_a_drip_ends_at_the_deadline(server: Scripted) -> None:
    """The deadline is one for the whole request: what a drip has used up is not given to the silence after it."""
    server.on("GET", "/x", play.drip(then_hang_after=0.8))
    started = time.monotonic()
    reply = Http(server.url, {}, SystemClock(), timeout_s=1.0).ask("GET", "/x")
    assert time.monotonic() - started < 1.5
    assert reply.broken == "the answer did not end in time"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (play.huge(9_000_000), "the answer is larger than 8192 KB"),
        (play.gzipped(b"0" * 9_000_000), "the answer is larger than 8192 KB"),
        (play.cut_body(), "the answer broke off"),
        (play.raw(b"xxxx", Content_Encoding="gzip"), "no gzip"),
        (play.raw(b"xxxx", Content_Encoding="br"), "packed as br"),
    ],
    ids=["huge", "gzip-bomb", "cut", "false-gzip", "brotli"],
)
def test_body_that_is_not_whole(server: Scripted, what: Play, words: str) -> None:
    """A body that is too large, cut or packed in a strange way is said to be broken, and is empty."""
    server.on("GET", "/x", what)
    reply = Http(server.url, {}, SystemClock(), timeout_s=5).ask("GET", "/x")
    assert words in reply.broken
    assert reply.body == b""


def test_gzip_that_nobody_asked_for_is_read(server: Scripted, http: Http) -> None:
    """No packing is asked for, but a proxy that packs all the same is understood."""
    server.on("GET", "/x", play.gzipped(b'{"a": 1}'))
    assert http.ask("GET", "/x").body == b'{"a": 1}'
    assert server.seen[0].headers["accept-encoding"] == "identity"


def test_headers(server: Scripted, http: Http) -> None:
    """Every request names omniops and its version, and carries no Origin or Sec-Fetch header (the fork minds)."""
    server.on("PUT", "/x", play.answer({}))
    http.ask("PUT", "/x", body={"a": 1})
    headers = server.seen[0].headers
    assert headers["user-agent"] == f"omniops/{__version__}"
    assert headers["content-type"] == "application/json"
    assert not [name for name in headers if name == "origin" or name.startswith("sec-") or name == "referer"]


def test_connections_are_kept_alive(server: Scripted, http: Http) -> None:
    """Requests in a row use one connection; after a failure the next opens another."""
    server.on("GET", "/x", play.answer({}))
    server.on("GET", "/bad", play.reset_before_answer())
    http.ask("GET", "/x")
    http.ask("GET", "/x")
    assert server.connections == 1
    with pytest.raises(NoAnswer):
        http.ask("GET", "/bad")
    assert http.ask("GET", "/x").code == 200
    assert server.connections == 2


def test_get_follows_redirects_within_the_server(server: Scripted) -> None:
    """A GET follows a redirect to the same server, and the guard sees each address before it is asked."""
    guarded: list[str] = []
    server.on("GET", "/old", play.redirect("/new", 308))
    server.on("GET", "/new", play.answer({}))
    http = Http(server.url, {}, SystemClock(), guarded.append)
    assert http.ask("GET", "/old").code == 200
    assert guarded == [f"{server.url}/old", f"{server.url}/new"]


def test_redirects_to_another_server_are_not_followed(server: Scripted, http: Http) -> None:
    """Credentials are not carried to another host or port: the redirect itself is the answer."""
    with Scripted() as other:
        server.on("GET", "/x", play.redirect(f"{other.url}/x"))
        reply = http.ask("GET", "/x", headers={"Authorization": "Bearer s3cret"})
        assert (reply.code, other.seen) == (307, [])


def test_redirects_in_a_circle_end(server: Scripted, http: Http) -> None:
    """A circle of redirects ends after a few."""
    server.on("GET", "/x", play.redirect("/x"))
    with pytest.raises(NoAnswer, match="redirects more than 3 times"):
        http.ask("GET", "/x")
    assert len(server.seen) == 4


def test_write_follows_no_redirect(server: Scripted, http: Http) -> None:
    """A write's redirect is its answer."""
    server.on("PUT", "/x", play.redirect("/y"))
    assert http.ask("PUT", "/x", body={}).code == 307
    assert len(server.seen) == 1


def test_guard_that_refuses(server: Scripted) -> None:
    """What the guard raises comes through, and nothing was asked."""

    def guard(url: str) -> None:
        raise BadInput(f"a drill does not ask {url}")

    with pytest.raises(BadInput, match="a drill"):
        Http(server.url, {}, SystemClock(), guard).ask("GET", "/x")
    assert (server.seen, server.connections) == ([], 0)


def test_proxy_of_the_environment_is_not_used_for_loopback(server: Scripted) -> None:
    """HTTP_PROXY does not stand between omniops and a server on this machine."""
    server.on("GET", "/x", play.answer({}))
    http = Http(server.url, {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}, SystemClock())
    assert http.ask("GET", "/x").code == 200


def test_proxy_of_the_environment_is_used_elsewhere(server: Scripted) -> None:
    """A server elsewhere is asked through the proxy, unless NO_PROXY names it."""
    server.on("GET", "http://omniroute.invalid/x", play.answer({}))
    env = {"http_proxy": server.url}
    assert Http("http://omniroute.invalid", env, SystemClock()).ask("GET", "/x").code == 200
    direct = Http("http://omniroute.invalid", {**env, "no_proxy": "omniroute.invalid"}, SystemClock(), timeout_s=2)
    with pytest.raises(NoAnswer):
        direct.ask("GET", "/x")


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://user:pw@host", "http://host?x=1", "host:80"])
def test_strange_addresses_are_refused(url: str) -> None:
    """An address that is no plain http(s) URL is refused without repeating it: it may hold a password."""
    with pytest.raises(BadInput) as caught:
        Http(url, {}, SystemClock())
    assert "pw" not in "".join(caught.value.lines())


def test_a_write_without_a_body_says_so(server: Scripted, http: Http) -> None:
    """A POST of nothing has a length, which some servers insist on; a GET has none."""
    for method in ("POST", "GET"):
        server.on(method, "/x", play.answer({}))
        http.ask(method, "/x")
    assert [seen.headers.get("content-length") for seen in server.seen] == ["0", None]
    assert server.seen[0].headers["host"] == server.url.removeprefix("http://")


def test_no_cookie_is_kept(server: Scripted, http: Http) -> None:
    """Cookies are told to who asked, each by itself, and sent by nobody else."""
    server.on("GET", "/x", play.raw(b"{}", Set_Cookie="a=1; Path=/"))
    assert http.ask("GET", "/x").cookies == ["a=1; Path=/"]
    http.ask("GET", "/x")
    assert "cookie" not in server.seen[1].headers


def test_httpx_comes_without_its_command_line() -> None:
    """The client does not load what httpx's own command line needs, and leaves the import system as it was."""
    code = (
        "import sys\n"
        "from omniops.services.omniroute import OmniRoute\n"
        "assert 'httpx' not in sys.modules, 'httpx is imported before the first request'\n"
        "from omniops.services.http import _import_transport\n"
        "_import_transport()\n"
        "assert 'httpx' in sys.modules and 'httpx._main' not in sys.modules\n"
        "print([name for name in ('click', 'rich', 'pygments') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (("17",), 17.0),
        ((" 1.5 ",), 1.5),
        ((64.57, "65"), 64.57),
        ((None, "65"), 65.0),
        (("0",), 1.0),
        (("-5",), 1.0),
        (("nan",), 30.0),
        ((float("nan"), "7"), 7.0),
        (("inf",), 30.0),
        (("1e400",), 30.0),
        (("Wed, 21 Oct 2026 07:28:00 GMT",), 30.0),
        (({}, "²"), 30.0),
        ((None,), 30.0),
    ],
)
def test_how_long_to_wait(asked: tuple[object, ...], seconds: float) -> None:
    """The first number that a server says, at least a second; what is none, "nan" least of all, is not believed."""
    assert patience(*asked, otherwise=30.0) == seconds

"""One HTTP conversation with one server: bounded in time and size, redirects on GET only, failures told apart.

with a write in mind: NoAnswer.sent False = nothing left this machine; True = nobody can tell what it did
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

from omniops import __version__
from omniops.clock import Clock
from omniops.config.address import WANTED, plain
from omniops.errors import BadInput
from omniops.text import clean, one_line, redact
from omniops.value import Value

if TYPE_CHECKING:
    import httpx

    from omniops.services.transport import Exchange

CONNECT_TIMEOUT_S = 3.0
MAX_BODY = 8 * 1024 * 1024
MAX_REDIRECTS = 3
USER_AGENT = f"omniops/{__version__}"


_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


def in_the_clear(url: str) -> bool:
    """Would a credential that is sent there cross a network unencrypted? On loopback it crosses none."""
    parts = urlsplit(url)
    return parts.scheme != "https" and not _LOOPBACK.fullmatch(parts.hostname or "")


class Reply(Value):
    """An answer. ``broken`` says why its body is not whole, where it is not; headers have lower-case names."""

    code: int
    headers: dict[str, str]
    cookies: list[str]  # the Set-Cookie lines
    body: bytes
    broken: str
    url: str


class NoAnswer(Exception):
    """There was no answer. ``sent``: the request, or a part of it, had left this machine."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent


def nothing() -> None:
    """What a client does just before a request that writes, unless who calls it wants a last look there."""


watchers: list[Callable[[Reply], None]] = []
"""Called with every answer, whoever asked: `omniops doctor` compares clocks by their Date headers."""


def said(text: object, limit: int = 200) -> str:
    """What a server said, fit to be shown: one line, no control characters, no secret."""
    return one_line(redact(clean(text)), limit)


def patience(*asked: object, otherwise: float) -> float:
    """Seconds that a server asks to wait: the first of ``asked`` that says a number of them, at least 1; ``otherwise``
    where none does. A header may hold anything, "nan" and "inf" too."""
    for one in asked:
        try:
            seconds = float(str(one))
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 1.0)
    return otherwise


class Http:
    """One server. ``guard`` is called with every URL before it is asked."""

    def __init__(
        self,
        url: str,
        env: Mapping[str, str],
        clock: Clock,
        guard: Callable[[str], None] | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        if plain(url) is None:
            raise BadInput(
                "a service's address is no plain http(s) URL",
                why=f"it must be {WANTED}",
                state="nothing was attempted",
                next="look at OMNIROUTE_URL, OMNIROUTE_URLS and PAGERDUTY_EVENTS_URL",
            )
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self._env = env
        self._clock = clock
        self._guard = guard
        self._client: httpx.Client | None = None
        self._exchange: Exchange | None = None

    def __repr__(self) -> str:
        return f"Http({self.url!r})"

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        max_body: int = MAX_BODY,
        within_s: float | None = None,
    ) -> Reply:
        """Ask, and return whatever answer comes. A GET follows redirects within the same server. Raises NoAnswer.

        ``body`` is sent as JSON; ``form`` instead as the fields of a form.
        """
        import json

        given = dict(headers or {})
        content = None
        if form is not None:
            content = urlencode(form).encode()
            given["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            content = json.dumps(body).encode()
            given["Content-Type"] = "application/json"
        url = self.url + path
        client, exchange = self._open()
        exchange.begin(self.timeout_s if within_s is None else min(within_s, self.timeout_s), method)
        for _ in range(MAX_REDIRECTS + 1):
            if self._guard:
                self._guard(url)
            reply = self._once(client, exchange, method, url, given, content, max_body)
            for watch in watchers:
                watch(reply)
            target = urljoin(url, reply.headers.get("location", ""))
            if method != "GET" or reply.code not in (301, 302, 303, 307, 308) or not _same_server(url, target):
                return reply
            url = target
        raise NoAnswer(f"it redirects more than {MAX_REDIRECTS} times", sent=True)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._client:
            self._client.close()
        self._client = self._exchange = None

    def _open(self) -> tuple[httpx.Client, Exchange]:
        if self._client is None or self._exchange is None:
            transport = _import_transport()
            self._exchange = transport.Exchange(self._clock.boot)
            self._client = transport.client(
                self.url,
                self._exchange,
                self._env,
                # identity: a sick server is spared the work, and a small answer cannot unpack into a huge one.
                {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"},
                CONNECT_TIMEOUT_S,
                self.timeout_s,
            )
        return self._client, self._exchange

    def _once(
        self,
        client: httpx.Client,
        exchange: Exchange,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | None,
        max_body: int,
    ) -> Reply:
        import httpcore
        import httpx

        client.cookies.clear()  # httpx keeps what servers set; who asks decides here what is sent
        # Errors are raised anew, from None: those of the library may quote a header, and headers hold secrets.
        try:
            with client.stream(method, url, headers=headers, content=content) as answer:
                body, broken = _body(answer, max_body)
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status_code, found, answer.headers.get_list("set-cookie"), body, broken, url)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.ProxyError) as error:
            raise NoAnswer(f"no connection: {_words(error) or 'nobody answers'}", sent=False) from None
        except httpcore.TimeoutException:
            raise NoAnswer(f"no answer within {exchange.within_s:.2g} s", sent=exchange.sent) from None
        except httpcore.RemoteProtocolError as error:
            raise NoAnswer(f"it does not answer as HTTP: {_words(error)}", sent=exchange.sent) from None
        except httpcore.NetworkError as error:
            raise NoAnswer(f"the connection broke: {_words(error) or 'reset'}", sent=exchange.sent) from None
        except httpcore.LocalProtocolError:
            raise NoAnswer("the request cannot be put into HTTP", sent=exchange.sent) from None
        except httpx.HTTPError as error:  # httpx's own reading of an answer: a Location that is no address, and such
            raise NoAnswer(f"it does not answer as HTTP: {_words(error)}", sent=exchange.sent) from None


def _import_transport() -> Any:
    """Import httpx without its command line (rich, click, pygments: 46 ms), which it loads where it can."""
    blocked = "httpx" not in sys.modules and "httpx._main" not in sys.modules
    if blocked:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]
    try:
        from omniops.services import transport
    finally:
        if blocked:
            sys.modules.pop("httpx._main", None)  # another thread may have been here
    return transport


def _body(answer: httpx.Response, max_body: int) -> tuple[bytes, str]:
    """Read a body of at most ``max_body`` bytes, unpacked; the second value says why it is not whole."""
    import httpcore

    found = bytearray()
    try:
        for chunk in answer.iter_raw():
            found += chunk
            if len(found) > max_body:
                return b"", f"the answer is larger than {max_body // 1024} KB"
    except httpcore.TimeoutException:
        return b"", "the answer did not end in time"
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        return b"", f"the answer broke off: {_words(error) or 'reset'}"
    packing = answer.headers.get("content-encoding", "identity").strip().lower()
    if packing == "identity" or not found:
        return bytes(found), ""
    if packing != "gzip":
        return b"", f"the answer is packed as {said(packing, 20)}, which was not asked for"
    return _unpack(bytes(found), max_body)


def _unpack(packed: bytes, max_body: int) -> tuple[bytes, str]:
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(packed, max_body + 1)
    except zlib.error:
        return b"", "the answer is no gzip, though it says so"
    if len(body) > max_body:
        return b"", f"the answer is larger than {max_body // 1024} KB"
    return (body, "") if unpacker.eof else (b"", "the answer broke off: its gzip does not end")


def _same_server(old: str, new: str) -> bool:
    """May a redirect be followed, with the credentials? Same host and port, or from http to https of the same host."""
    a, b = urlsplit(old), urlsplit(new)
    try:
        ports = a.port, b.port
    except ValueError:
        return False
    if b.username or a.hostname != b.hostname:
        return False
    if a.scheme == b.scheme:
        return ports[0] == ports[1]
    return (a.scheme, b.scheme) == ("http", "https") and ports[0] in (None, 80) and ports[1] in (None, 443)


def _words(error: Exception) -> str:
    """An error of the library in words, short, without what it quotes of the wire."""
    return said(str(error).split("bytearray(")[0].strip(" :"), 120)

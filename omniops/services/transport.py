"""The sockets under every client: one deadline over a whole request, and the knowledge whether anything was sent.

httpx bounds each read and each write, not their sum, so a server that drips a byte a second would hold a command for
hours. Only `http.py` imports this module, and only when the first request is made.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from omniops.failpoints import reached

# Node closes idle connections after 5 s; closing ours earlier keeps a write from being lost in that race.
KEEPALIVE_S = 4.0
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


class Exchange:
    """What the sockets need to know about the request under way: when it must be over, and whether it has left."""

    def __init__(self, boot: Callable[[], float]) -> None:
        self._boot = boot
        self._ends = 0.0
        self.within_s = 0.0
        self.sent = False
        self.waiting = False  # sent, and nothing of the answer has been read
        self._method = ""

    def begin(self, within_s: float, method: str = "") -> None:
        self.within_s = within_s
        self._ends = self._boot() + within_s
        self.sent = self.waiting = False
        self._method = method

    def reading(self) -> None:
        """The answer is about to be read; the first time, the request has just gone out whole."""
        if self.waiting:
            self.waiting = False
            reached("after_send", self._method)

    def left(self, limit: float | None) -> float:
        """Seconds that the next operation may take. Raises httpcore.ReadTimeout when the time is up."""
        left = self._ends - self._boot()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return left if limit is None else min(limit, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, exchange: Exchange) -> None:
        self._inner = inner
        self._exchange = exchange

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._exchange.reading()
        return self._inner.read(max_bytes, self._exchange.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._exchange.left(timeout)
        self._exchange.sent = self._exchange.waiting = True
        self._inner.write(buffer, left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._exchange.left(timeout))
        return _Stream(inner, self._exchange)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        error: Exception = httpcore.ConnectError("no address")
        for address in _addresses(host, port, self._exchange.left(timeout)):
            try:
                limit = self._exchange.left(timeout)
                numeric: Any = address.encode("ascii")  # as bytes: see ``_addresses``
                inner = self._inner.connect_tcp(numeric, port, limit, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                return _Stream(inner, self._exchange)
        raise error


def _addresses(host: str, port: int, within_s: float) -> list[str]:
    """Resolve a host. In a thread, because a resolver that hangs cannot be interrupted otherwise."""
    from threading import Thread

    found: list[list[str] | OSError] = []

    def look() -> None:
        try:
            # As bytes: for text Python loads 2 ms of tables of international names, which httpx has left in ASCII.
            rows = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except (OSError, UnicodeError) as error:
            found.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = Thread(target=look, daemon=True)
    thread.start()
    thread.join(within_s)
    if not found:
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved")
    if isinstance(found[0], OSError):
        raise httpcore.ConnectError(f"{host}: {found[0].strerror or found[0]}")
    return found[0]


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Transport(httpx.BaseTransport):
    """httpx.HTTPTransport, but for the network backend, which that does not let one choose."""

    def __init__(self, exchange: Exchange, context: ssl.SSLContext | None, proxy: httpcore.Proxy | None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            proxy=proxy,
            max_connections=1,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=_Backend(exchange),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answer = self._pool.handle_request(asked)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


def client(
    url: str, exchange: Exchange, env: Mapping[str, str], headers: dict[str, str], connect_s: float, timeout_s: float
) -> httpx.Client:
    """Build the client for one server. TLS is verified; a proxy of the environment is used, never for loopback."""
    parts = urlsplit(url)
    proxy = _proxy(parts.scheme, parts.hostname or "", env)
    # An SSL context costs 20 ms to make, so plain http goes without.
    context = httpx.create_ssl_context() if parts.scheme == "https" else None
    return httpx.Client(
        transport=_Transport(exchange, context, proxy),
        headers=headers,
        timeout=httpx.Timeout(timeout_s, connect=connect_s),
        follow_redirects=False,
        trust_env=False,
    )


def _proxy(scheme: str, host: str, env: Mapping[str, str]) -> httpcore.Proxy | None:
    proxies = {name.lower()[:-6]: value for name, value in env.items() if name.lower().endswith("_proxy") and value}
    if not proxies or _LOOPBACK.fullmatch(host):
        return None
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

    wanted = proxies.get(scheme) or proxies.get("all")
    if not wanted or proxy_bypass_environment(host, proxies):
        return None
    given = httpx.Proxy(wanted if "://" in wanted else f"http://{wanted}")
    target = httpcore.URL(
        scheme=given.url.raw_scheme, host=given.url.raw_host, port=given.url.port, target=given.url.raw_path
    )
    return httpcore.Proxy(target, auth=given.raw_auth)

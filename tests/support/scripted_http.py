"""A scripted HTTP server on a real socket, which misbehaves on demand.

    with Scripted() as server:
        server.on("GET", "/api/keys", answer({"total": 2}))
        server.on("PUT", "/api/providers/a", reset_before_answer())
        client asks server.url ...; server.seen lists what was asked

A play is a function of the socket and the request. Several plays for one path are used in order, the last one again
and again. What has no play is answered with the 404 page of 3.7.9. Connections are kept alive after a whole answer.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

HTML_404 = b"<!DOCTYPE html><html><head><title>404</title></head><body>This page could not be found.</body></html>"
PHRASES = {200: "OK", 202: "Accepted", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}


class Seen(NamedTuple):
    """A request as it came in; header names are lower-case."""

    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes
    connection: int  # the how-manieth connection it came in on

    def json(self) -> Any:
        return json.loads(self.body)


class Stop(Exception):
    """A play has ended the connection."""


Play = Callable[[socket.socket, Seen], None]


class Scripted:
    """The server. ``seen`` is every request, in order; ``connections`` counts the sockets that were opened."""

    def __init__(self) -> None:
        self._plays: dict[tuple[str, str], list[Play]] = {}
        self.seen: list[Seen] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def on(self, method: str, path: str, *plays: Play) -> None:
        """Set what happens to a request. A path without "?" stands for all of its queries."""
        self._plays[method, path] = list(plays)

    def asked(self, method: str, path: str) -> list[Seen]:
        """The requests for a path, whatever their query."""
        return [s for s in self.seen if s.method == method and path in (s.path, s.path.partition("?")[0])]

    def __enter__(self) -> Scripted:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        file = connection.makefile("rb")
        try:
            while (request := _read(file, number)) is not None:
                self.seen.append(request)
                self._next(request)(connection, request)
        except (OSError, Stop, ValueError):
            pass
        finally:
            file.close()
            connection.close()

    def _next(self, request: Seen) -> Play:
        for path in (request.path, request.path.partition("?")[0]):
            plays = self._plays.get((request.method, path))
            if plays:
                return plays.pop(0) if len(plays) > 1 else plays[0]
        return page_404()


def _read(file: Any, number: int) -> Seen | None:
    line = file.readline().decode("latin-1").split()
    if len(line) < 2:
        return None
    headers: dict[str, str] = {}
    while header := file.readline().decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Seen(line[0], line[1], headers, file.read(int(headers.get("content-length", 0))), number)


def _send(connection: socket.socket, code: int, body: bytes, headers: dict[str, str]) -> None:
    given = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {code} {PHRASES.get(code, 'Whatever')}", *(f"{name}: {value}" for name, value in given.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def answer(value: Any, code: int = 200, **headers: str) -> Play:
    """Answer with JSON. Header names are written with underscores: ``Retry_After="30"``."""
    return raw(json.dumps(value).encode(), code, **headers)


def raw(body: bytes, code: int = 200, **headers: str) -> Play:
    """Answer with these bytes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda connection, request: _send(connection, code, body, named)


def page_404() -> Play:
    """The page that 3.7.9 answers, with a cookie, for a path it does not know."""
    return raw(HTML_404, 404, Content_Type="text/html; charset=utf-8")


def redirect(target: str, code: int = 307) -> Play:
    return raw(b"", code, Location=target)


def by_request(choose: Callable[[Seen], Play]) -> Play:
    """Decide when the request is there."""
    return lambda connection, request: choose(request)(connection, request)


def hang(seconds: float = 30.0) -> Play:
    """Read the request and say nothing."""

    def play(connection: socket.socket, request: Seen) -> None:
        connection.settimeout(seconds)
        connection.recv(1)  # returns when the other side gives up
        raise Stop

    return play


def drip(code: int = 200, every: float = 0.05, head: bool = False, then_hang_after: float = 30.0) -> Play:
    """Answer a byte at a time, for ever: the body, or with ``head`` the header lines. Then say nothing."""

    def play(connection: socket.socket, request: Seen) -> None:
        start = f"HTTP/1.1 {code} OK\r\n" + ("X-Slow: " if head else "Content-Length: 100000\r\n\r\n")
        connection.sendall(start.encode())
        ends = time.monotonic() + then_hang_after
        while time.monotonic() < ends:
            connection.sendall(b"a")
            time.sleep(every)
        hang()(connection, request)

    return play


def close_before_answer() -> Play:
    """Close in good order, without an answer."""

    def play(connection: socket.socket, request: Seen) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        raise Stop

    return play


def reset_before_answer() -> Play:
    """Reset the connection (RST), without an answer."""

    def play(connection: socket.socket, request: Seen) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Stop

    return play


def cut_body(code: int = 200, body: bytes = b'{"connection": {"id"') -> Play:
    """Promise more than is sent, then close."""

    def play(connection: socket.socket, request: Seen) -> None:
        _send(connection, code, body, {"Content-Length": str(len(body) + 1000)})
        connection.shutdown(socket.SHUT_RDWR)
        raise Stop

    return play


def garbage() -> Play:
    """Speak something that is not HTTP."""

    def play(connection: socket.socket, request: Seen) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\x00\x1b[2J\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)
        raise Stop

    return play


def huge(size: int) -> Play:
    """Answer with a body of ``size`` bytes, without saying how long it will be."""

    def play(connection: socket.socket, request: Seen) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[")
        for _ in range(size // 65536 + 1):
            connection.sendall(b" " * 65536)
        raise Stop

    return play


def gzipped(body: bytes) -> Play:
    """Answer in gzip, though it was not asked for."""
    packer = zlib.compressobj(wbits=31)
    return raw(packer.compress(body) + packer.flush(), Content_Encoding="gzip")

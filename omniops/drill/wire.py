"""HTTP on 127.0.0.1: ports that can be opened and closed, and the faults that a request meets on its way."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from omniops.drill import faults
from omniops.drill.api import Call, Reply, answer, denied, route_class
from omniops.drill.ports import HOST, Held
from omniops.drill.traffic import Traffic
from omniops.drill.world import World

HANG_S = 600.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
REFUSALS = ("error-500", "unauthorized", "redirect", "rate-limited", "rate-limited-bare", "code")
_KNOWN_KINDS = ("MANAGEMENT", "PUBLIC", "CLIENT_API")

Answer = Callable[["Handler", bytes], Reply | None]
"""What a port does with a request; None: the connection has been dealt with."""


class Server(ThreadingHTTPServer):
    """A listening port. Connections that are to be reset are closed without a goodbye."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, serve: Answer, now: Callable[[], Any]) -> None:
        self.serve, self.now = serve, now
        self.open_sockets: set[socket.socket] = set()
        self.closing = threading.Event()
        super().__init__((HOST, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open_sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close one connection; a lingering time of zero makes that a reset, if nothing is sent before."""
        self.open_sockets.discard(request)
        try:
            hard = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == _RESET_ON_CLOSE
        except OSError:
            hard = True
        if hard:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def end(self) -> None:
        """Stop listening and cut every connection."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.open_sockets):
            reset(connection)


def reset(connection: socket.socket) -> None:
    """Make the close of a connection a reset, and wake whoever waits on it."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        return  # it is gone already


class Handler(BaseHTTPRequestHandler):
    """Reads a request, lets the port's function answer it, writes the answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is two writes; with Nagle each would cost 40 ms
    server: Server

    def _any(self) -> None:
        length = self.headers.get("content-length", "0")
        body = self.rfile.read(int(length)) if length.isdigit() else b""
        reply = None if self.server.closing.is_set() else self.server.serve(self, body)
        if reply is None or self.server.closing.is_set():
            self.close_connection = True
            reset(self.connection)
        else:
            self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _any

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body, separators=(",", ":"))
        raw = body.encode()
        self.send_response_only(reply.status)
        self.send_header("Date", format_datetime(self.server.now(), usegmt=True))
        if reply.content_type:
            self.send_header("content-type", reply.content_type)
        self.send_header("content-length", str(len(raw)))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the drill."""

    def hang(self) -> None:
        """Wait until the client gives up, the port closes, or ten minutes are over."""
        end = time.monotonic() + HANG_S
        while time.monotonic() < end and not self.server.closing.is_set():
            if select.select([self.connection], [], [], 0.1)[0]:
                return


class Port(Held):
    """A port that speaks HTTP: OmniRoute's, or a service's outside."""

    def __init__(self, wanted: int, serve: Answer, now: Callable[[], Any]) -> None:
        self._serve, self._now = serve, now
        super().__init__(wanted)

    def _listen(self) -> Server:
        return Server(self.number, self._serve, self._now)


def omniroute(world: World, traffic: Traffic, pick: Callable[[], int | None]) -> Answer:
    """Return the function of an OmniRoute port. ``pick`` says which replica answers; None: 502, as Caddy says."""

    def serve(handler: Handler, body: bytes) -> Reply | None:
        parts = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        replica = pick()
        if replica is None:
            return Reply(502, "", "")
        call = Call(world, traffic, handler.command, parts.path, _query(parts.query), headers, body, replica)
        with world.lock:
            met = faults.fire(world.faults, world.data["fault_counts"], call.method, call.path)
            if met:
                world.save()
        reply = through_faults(handler, met, lambda: answer(call), _refusal)
        return None if reply is None else _dressed(call, reply)

    return serve


def _query(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def through_faults(
    handler: Handler,
    met: list[faults.Fault],
    work: Callable[[], Reply | None],
    refusal: Callable[[faults.Fault], Reply],
) -> Reply | None:
    """Answer a request that meets these faults. ``refusal``: what the service answers to one that it does not carry
    out, in its own shape."""
    kinds = {fault.kind: fault for fault in met}
    if "refuse" in kinds:
        return None
    if "hang" in kinds:
        handler.hang()
        return None
    for kind in REFUSALS:
        if kind in kinds:
            return refusal(kinds[kind])
    reply = work()
    if "slow" in kinds:
        time.sleep(kinds["slow"].seconds)
    if "reset-after-apply" in kinds:
        return None
    if "applied-hang" in kinds:
        handler.hang()
        return None
    if "applied-500" in kinds:
        reply = refusal(kinds["applied-500"])
    if "garbage" in kinds:
        reply = Reply(200, "<html><body>Bad gateway</body></html>", "text/html")
    return reply


def _refusal(fault: faults.Fault) -> Reply:
    """What OmniRoute answers instead of doing what was asked."""
    if fault.kind == "unauthorized":
        return denied(401, "AUTH_001", "Authentication required")
    if fault.kind == "redirect":
        return Reply(307, "", "", (("location", "/api/elsewhere"),))
    if fault.kind.startswith("rate-limited"):
        return Reply(429, {"error": "Too many requests"})
    return Reply(500, {"error": "Internal server error"})


def _dressed(call: Call, reply: Reply) -> Reply:
    """Add the headers that every answer of OmniRoute carries."""
    kind = route_class(call.path)
    extra: tuple[tuple[str, str], ...] = (("x-omniroute-route-class", kind),) if kind in _KNOWN_KINDS else ()
    if kind and not any(name == "x-request-id" for name, _ in reply.headers):
        extra += (("x-request-id", str(uuid.uuid4())),)
    return reply._replace(headers=reply.headers + extra)

"""Ports on 127.0.0.1 that are opened and closed, and keep their number over a kill."""

from __future__ import annotations

import socket
import threading
import time
from typing import Protocol

HOST = "127.0.0.1"
BIND_PATIENCE_S = 5.0


class Listening(Protocol):
    """A server that listens, as `Held` starts and ends it."""

    def serve_forever(self, poll_interval: float = ...) -> None: ...

    def end(self) -> None:
        """Stop listening."""


class Held:
    """A port that is opened and closed. While closed it is held by a socket that does not listen: refused."""

    scheme = "http"

    def __init__(self, wanted: int) -> None:
        self._server: Listening | None = None
        self._guard = threading.Lock()
        self._held = self._hold(wanted)
        self.number: int = self._held.getsockname()[1]

    def _listen(self) -> Listening:
        """A server on this port."""
        raise NotImplementedError

    @staticmethod
    def _hold(wanted: int) -> socket.socket:
        """Bind without listening. After a kill the old process may keep the port for a moment. Raises OSError."""
        end = time.monotonic() + BIND_PATIENCE_S
        while True:
            held = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                held.bind((HOST, wanted))
            except OSError:
                held.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return held

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.number}"

    def open(self) -> None:
        """Listen; does nothing on a port that listens."""
        with self._guard:
            if self._server is None:
                self._held.close()
                self._server = self._listen()
                threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on, and cut those there are."""
        with self._guard:
            if self._server is not None:
                server, self._server = self._server, None
                server.end()
                self._held = self._hold(self.number)

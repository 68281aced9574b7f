"""The simulated mail server: it takes every letter, delivers none, and keeps what it took in ``world.data``.

As much SMTP as a letter needs (RFC 5321); no TLS and no login, because nothing leaves this machine.
"""

from __future__ import annotations

import re
import socketserver
from typing import Any

from omniops.drill.ports import HOST, Held
from omniops.drill.world import World

GREETING = "220 drill ESMTP"
MOST_LINE = 100_000
_ADDRESS = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>", re.IGNORECASE)


class Mailbox(Held):
    """A port that takes mail; opened and closed as every port of a drill. Raises OSError where it cannot be bound."""

    scheme = "smtp"

    def __init__(self, wanted: int, world: World) -> None:
        super().__init__(wanted)
        self.world = world
        self.data: dict[str, Any] = world.data.setdefault("mailbox", {"letters": []})

    def keep(self, sender: str, to: list[str], text: str) -> None:
        """Write a letter down, before it is said to be taken."""
        with self.world.lock:
            self.data["letters"].append({"from": sender, "to": to, "text": text, "at": self.world.now_iso()})
            self.world.save()

    def _listen(self) -> _Server:
        return _Server(self.number, self)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        super().__init__((HOST, port), _Conversation)

    def end(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 60

    def handle(self) -> None:
        self._say(GREETING)
        sender, to = "", list[str]()
        while line := self._line():
            verb, found = line[:4].upper(), _ADDRESS.search(line)
            if verb in ("EHLO", "HELO"):
                self._say("250 drill")
            elif verb == "MAIL" and found:
                sender, to = found[1], []
                self._say("250 OK")
            elif verb == "RCPT" and found and sender:
                to.append(found[1])
                self._say("250 OK")
            elif verb == "DATA" and to:
                self._say("354 End with a dot on a line of its own")
                text = self._text()
                if text is None:
                    return
                self.server.mailbox.keep(sender, to, text)
                sender, to = "", []
                self._say("250 Taken")
            elif verb in ("RSET", "NOOP"):
                sender, to = ("", []) if verb == "RSET" else (sender, to)
                self._say("250 OK")
            elif verb == "QUIT":
                self._say("221 Bye")
                return
            else:
                self._say("503 Not now" if verb in ("MAIL", "RCPT", "DATA") else "502 Not here")

    def _line(self) -> str:
        return self.rfile.readline(MOST_LINE).decode("utf-8", "replace").strip()

    def _text(self) -> str | None:
        """The letter; None where the client went away in the middle of it."""
        lines = list[str]()
        while raw := self.rfile.readline(MOST_LINE):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if line == ".":
                return "\n".join(lines)
            lines.append(line.removeprefix(".") if line.startswith("..") else line)
        return None

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

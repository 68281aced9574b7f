"""A real SMTP server (aiosmtpd) on a socket of this process, which refuses and breaks on demand."""

from __future__ import annotations

import socket
import ssl
import subprocess
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "post@omni", "c@nary/pass word"


class SmtpServer:
    """``letters``: what was delivered. ``refuse``: addresses that it does not know; ``data``: what it answers to a text
    instead of 250; ``lost``: the next text is delivered, and the connection cut before the answer."""

    def __init__(self, *, tls: tuple[Path, Path] | None = None, sealed: bool = False, login: bool = False) -> None:
        self.letters: list[Message] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.refuse: dict[str, str] = {}
        self.data, self.lost = "", False
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        more: dict[str, Any] = {}
        if login:
            more |= {"authenticator": self._login, "auth_required": True, "auth_require_tls": not sealed}
        if sealed:
            more["ssl_context"] = context
        elif context:
            more |= {"tls_context": context}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)
        self.sealed, self.logs_in = sealed, login

    def __enter__(self) -> SmtpServer:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop(no_assert=True)

    @property
    def env(self) -> dict[str, str]:
        """The settings of an operator who uses it."""
        who = "post%40omni:c%40nary%2Fpass%20word@" if self.logs_in else ""
        url = f"smtp{'s' if self.sealed else ''}://{who}127.0.0.1:{self.port}"
        return {"SMTP_URL": url, "MAIL_FROM": "status@omni.test"}

    def _login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data:
            return self.data
        self.letters.append(message_from_bytes(envelope.content))
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        if self.lost:
            self.lost = False
            server.transport.abort()
        return "250 OK"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return cert, key

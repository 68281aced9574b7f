"""E-mail over SMTP: one text to one or several addresses, and what each phase of the conversation proves.

Only the answer to the text itself is a promise to deliver; what breaks before it was certainly not sent. A server
cannot be asked whether it has a message, but the Message-ID is the same for every attempt, so a second copy is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, OmniopsError, Refused, Unreachable
from omniops.services.http import in_the_clear, nothing, said

if TYPE_CHECKING:
    import smtplib
    import ssl
    from email.message import EmailMessage

NOTHING = "nothing was sent"
PORTS = {"smtp": 587, "smtps": 465}
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)


READY, ASKED_FOR = 220, 354
GOODBYE_S = 1.0


class Server(NamedTuple):
    """SMTP_URL, taken apart. ``user`` "" = nobody logs in."""

    scheme: str
    host: str
    port: int
    user: str
    password: str

    @property
    def url(self) -> str:
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Letter(NamedTuple):
    """One text. ``id``: the same for every attempt."""

    to: tuple[str, ...]
    subject: str
    text: str
    id: str


class Sent(NamedTuple):
    """What the server took. ``refused``: whom it does not deliver to, and why, in words."""

    said: str
    refused: str


class Mail:
    """The server SMTP_URL. Raises BadInput, Refused and Unreachable (nothing was sent), and InDoubt."""

    timeout_s = 10.0  # for one answer
    within_s = 30.0  # for all of them

    def __init__(self, settings: Settings, guard: Callable[[str], None] | None = None) -> None:
        self._settings, self._guard = settings, guard

    def server(self) -> Server:
        """SMTP_URL, read. Raises BadInput, with no word of what it holds."""
        url = self._settings.secret("SMTP_URL")
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS[parts.scheme]
            host, user, password = parts.hostname or "", unquote(parts.username or ""), unquote(parts.password or "")
        except (ValueError, KeyError):
            host = port = user = password = ""  # type: ignore[assignment]
        login = user + password  # no other letters in the login, says smtplib
        if not host or parts.path.strip("/") or parts.query or not login.isascii() or re.search(r"[\r\n\0]", login):
            raise BadInput(
                "SMTP_URL is of no use" if url else "SMTP_URL is not set",
                why="it has to be smtp://USER:PASSWORD@HOST:PORT, or smtps://; letters such as @ as %40",
                state=NOTHING,
                next="set SMTP_URL",
            )
        return Server(parts.scheme, host, port, user, password)

    def sender(self) -> str:
        """MAIL_FROM. Raises BadInput."""
        given = self._settings.get("MAIL_FROM")
        if not _ADDRESS.fullmatch(given):
            why = "it is no plain address" if given else "it is not set"
            raise BadInput("MAIL_FROM is of no use", why=why, state=NOTHING, next="set MAIL_FROM to an address")
        return given

    def send(self, letter: Letter, before: Callable[[], None] = nothing) -> Sent:
        """Send a letter, once. ``before`` is called just before the text leaves."""
        import smtplib

        sender, message = self.sender(), self._message(letter)
        with self._conversation() as link:
            refused = self._envelope(link, sender, letter.to)
            before()
            try:  # nothing of the text has left before it is asked for
                code, words = link.docmd("data")
            except (smtplib.SMTPException, OSError) as error:
                raise _unable(error) from None
            if code != ASKED_FOR:
                raise _no(code, words)
            try:
                link.send(_dotted(message.as_bytes()))
                code, words = link.getreply()
            except (smtplib.SMTPException, OSError) as error:
                raise _maybe(_why(error), letter.id) from None
            if 400 <= code < 600:
                raise _no(code, words)
            if not _yes(code):
                raise _maybe(f"its answer to the text is none of SMTP's: {_text(words)}", letter.id)
            return Sent(_text(words), refused)

    def hello(self) -> str:
        """Connect, greet and log in, and send nothing: what `omniops doctor` does. How it went, in words."""
        server = self.server()
        with self._conversation() as link:
            import ssl

            sealed = isinstance(link.sock, ssl.SSLSocket)
        return f"{server.host} greets, {'encrypted' if sealed else 'in the clear'}" + (
            ", and takes the login" if server.user else "; nobody logs in"
        )

    def _message(self, letter: Letter) -> EmailMessage:
        from email.message import EmailMessage
        from email.policy import SMTP
        from email.utils import format_datetime

        for value in (*letter.to, letter.subject, letter.id):
            if re.search(r"[\r\n\0]", value):
                raise BadInput("a line end stands in the head of an e-mail", state=NOTHING, next="write it on one line")
        if not letter.to or not all(_ADDRESS.fullmatch(one) for one in letter.to):
            raise BadInput("an e-mail has no plain address to go to", state=NOTHING, next="send it by hand")
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = self.sender(), ", ".join(letter.to), letter.subject
        message["Message-ID"], message["Auto-Submitted"] = letter.id, "auto-generated"
        from datetime import UTC, datetime

        message["Date"] = format_datetime(datetime.now(UTC))
        message.set_content(letter.text)
        return message

    @contextmanager
    def _conversation(self) -> Iterator[smtplib.SMTP]:
        """A conversation that has got past the greeting, encryption and the login. A server that takes longer than
        ``within_s`` for all of it, byte by byte, is cut off."""
        import smtplib
        from threading import Timer

        server = self.server()
        if self._guard:
            self._guard(server.url)
        remote = in_the_clear(server.url)  # of any address that is not https: whether it is another machine
        given: dict[str, Any] = {"local_hostname": _own_name(), "timeout": self.timeout_s}
        link = (
            smtplib.SMTP_SSL(context=_context(remote), **given) if server.scheme == "smtps" else smtplib.SMTP(**given)
        )
        timer = Timer(self.within_s, _cut, (link,))
        timer.daemon = True
        timer.start()
        try:
            try:
                _connect(link, server)
                _enter(link, server, remote)
            except (smtplib.SMTPException, OSError, ValueError) as error:
                raise _unable(error) from None
            yield link
        finally:
            _leave(link)
            timer.cancel()

    def _envelope(self, link: smtplib.SMTP, sender: str, to: tuple[str, ...]) -> str:
        """Say from whom and to whom; who is refused, in words. Raises Refused where nobody is left."""
        import smtplib

        refused = []
        try:
            code, words = link.mail(sender)
            if not _yes(code):
                raise _no(code, words)
            for one in to:
                code, words = link.rcpt(one)
                if 400 <= code < 600:
                    refused.append((one, code, words))
                elif not _yes(code):  # nobody knows whom it would deliver to
                    raise _no(code, words)
        except (smtplib.SMTPException, OSError) as error:
            raise _unable(error) from None
        told = "; ".join(f"{one}: {code} {_text(words)}" for one, code, words in refused)
        if len(refused) == len(to):
            raise _no(refused[0][1], told.encode())
        return told


def message_id(sender: str, *parts: str) -> str:
    """A Message-ID that says nothing and is the same for the same parts."""
    from hashlib import sha256

    return f"<omniops.{sha256('/'.join(parts).encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"


def _own_name() -> str:
    """How this machine greets: without asking a name server, which may take its time."""
    import socket

    name = socket.gethostname()
    return name if "." in name and re.fullmatch(r"[A-Za-z0-9.-]+", name) else "[127.0.0.1]"


def _context(remote: bool) -> ssl.SSLContext:
    """TLS is verified, but for this machine's own server: nobody sits in between."""
    import ssl

    context = ssl.create_default_context()
    if not remote:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _yes(code: int) -> bool:
    """2xx is a success, whichever: 251 is "will forward"."""
    return 200 <= code < 300


def _maybe(why: str, id: str) -> InDoubt:
    """The text has left, and nobody saw an answer that says what became of it."""
    return InDoubt(
        "nobody can tell whether the mail server has the message", why=why,
        state="it may have been sent", next=f"look for Message-ID {id}",
    )  # fmt: skip


def _no(code: int, words: bytes | str) -> OmniopsError:
    """The server said no before the text, or to it; 5xx is for good, all else for now."""
    why = f"{code} {_text(words)}".strip() if str(code) not in _text(words) else _text(words)
    if not 500 <= code < 600:
        return Unreachable(
            "the mail server does not take it now", why=why, state=NOTHING, next="omniops tick tries again"
        )
    return Refused(
        "the mail server refuses the message", why=why, state=NOTHING, next="send it by hand: omniops outbox"
    )


def _unable(error: Exception) -> OmniopsError:
    """What went wrong before anything of the text had left, in words."""
    import smtplib

    if isinstance(error, smtplib.SMTPAuthenticationError):
        why = f"{error.smtp_code}"  # its words may quote the login
        return Refused("the mail server does not take the login", why=why, state=NOTHING, next="mend SMTP_URL")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Refused("the mail server takes no login", why="it offers none", state=NOTHING, next="mend SMTP_URL")
    return Unreachable(
        "the mail server cannot be used", why=_why(error), state=NOTHING, next="omniops tick tries again"
    )


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and not error.args:
        return type(error).__name__
    return said(getattr(error, "strerror", None) or error, 160) or type(error).__name__


def _text(words: bytes | str) -> str:
    return said(words.decode("utf-8", "replace") if isinstance(words, bytes) else words, 160)


def _enter(link: smtplib.SMTP, server: Server, remote: bool) -> None:
    """Greet, encrypt where it is offered, log in. Raises Refused for another machine's server that does not encrypt."""
    link.ehlo_or_helo_if_needed()
    if server.scheme == "smtp" and link.has_extn("starttls"):
        link.starttls(context=_context(remote))
        link.ehlo_or_helo_if_needed()
    elif server.scheme == "smtp" and remote:
        raise Refused(
            "the mail server does not encrypt", why="it offers no STARTTLS", state=NOTHING,
            next="use smtps://, or another server",
        )  # fmt: skip
    if server.user:
        link.login(server.user, server.password)


def _cut(link: smtplib.SMTP) -> None:
    """End a conversation from outside: whoever waits for a byte gets the end of the stream."""
    import socket

    if isinstance(link.sock, socket.socket):
        with suppress(OSError):
            socket.socket.shutdown(link.sock, socket.SHUT_RDWR)


def _connect(link: smtplib.SMTP, server: Server) -> None:
    """Connect, and read the greeting: apart from making ``link``, so that what drips can be cut off from the start."""
    import smtplib

    link._host = server.host  # type: ignore[attr-defined]  # whom a certificate has to name; given to it only on making
    code, words = link.connect(server.host, server.port)
    if code != READY:
        raise smtplib.SMTPConnectError(code, words)


def _dotted(text: bytes) -> bytes:
    """A text as DATA wants it: lines that begin with a dot get another one, and one alone ends it (RFC 5321, 4.5.2)."""
    lines = text if text.endswith(b"\r\n") else text + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def _leave(link: smtplib.SMTP) -> None:
    """Say goodbye; whatever comes of that changes nothing, and nobody waits for it."""
    import smtplib

    try:
        if link.sock is not None:
            link.sock.settimeout(GOODBYE_S)
        link.quit()
    except (smtplib.SMTPException, OSError):
        link.close()

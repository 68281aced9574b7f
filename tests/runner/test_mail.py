"""E-mail against a real SMTP server: what arrives, what is refused in words, and what each phase proves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.config import Settings
from omniops.errors import BadInput, Unreachable
from omniops.services.mail import Letter, Mail
from tests.support.messages import INCIDENT, Post
from tests.support.smtp import PASSWORD, SmtpServer, certificate

TEXT = "Hello,\n\nsince 03:05 UTC there has been a disruption – of OmniRoute.\n.\nEnd\n"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as running:
        yield running


@pytest.fixture
def post(tmp_path: Path, server: SmtpServer) -> Post:
    return Post(tmp_path, server.env)


def mail(post: Post, to: str = "announce@omni.test", subject: str = "OmniRoute: service disruption") -> Any:
    return post.send("mail", to, subject=subject, text=TEXT, kind="start")


def test_what_arrives(post: Post, server: SmtpServer) -> None:
    """One text part, marked as sent by a machine, from MAIL_FROM; nothing in its head names the incident."""
    message = mail(post)
    assert message.state == "sent"
    (letter,) = server.letters
    assert (letter["From"], letter["To"]) == ("status@omni.test", "announce@omni.test")
    assert (letter["Subject"], letter["Auto-Submitted"]) == ("OmniRoute: service disruption", "auto-generated")
    assert (letter.get_content_type(), letter.is_multipart(), letter["Message-ID"]) == (
        "text/plain",
        False,
        message.ref,
    )
    body = letter.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().replace("\r\n", "\n") == TEXT
    assert INCIDENT not in letter.as_string()


def test_one_message_id_for_all_attempts(post: Post, server: SmtpServer) -> None:
    """A second copy that a person asks for is recognised; another message has another id."""
    server.lost = True
    assert mail(post).state == "unsure"
    assert post.flush(86400) == ["unsure"]  # never by itself
    from omniops.runner import outbox

    outbox.retry(post.journal, post.messages()[0].id)
    assert post.flush() == ["sent"]
    mail(post)
    ids = [letter["Message-ID"] for letter in server.letters]
    assert (ids[0], len(set(ids)), len(ids)) == (ids[1], 2, 3)


def test_refused_recipients(post: Post, server: SmtpServer) -> None:
    """Those who are refused are named, and the others have it; where nobody is left nothing was sent."""
    server.refuse = {"gone@omni.test": "550 5.1.1 no such user"}
    some = mail(post, "announce@omni.test, gone@omni.test")
    assert (some.state, "gone@omni.test: 550 5.1.1 no such user" in some.how) == ("sent", True)
    assert server.envelopes == [("status@omni.test", ["announce@omni.test"])]
    none = mail(post, "gone@omni.test")
    assert (none.state, "no such user" in none.why, len(server.letters)) == ("waiting", True, 1)
    server.refuse = {"odd@omni.test": "hello there"}
    odd = mail(post, "announce@omni.test, odd@omni.test")
    assert (odd.state, len(server.letters)) == ("waiting", 1)


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        ("451 later", "waiting", "451 later"),
        ("554 spam", "waiting", "554 spam"),
        ("251 will forward", "sent", ""),
        ("HTTP/1.1 200 OK", "unsure", "none of SMTP's"),
        ("354 go on", "unsure", "none of SMTP's"),
    ],
)
def test_what_the_answer_to_the_text_proves(post: Post, server: SmtpServer, answer: str, state: str, word: str) -> None:
    """4xx and 5xx: it does not have it; 2xx, whichever: it does. Anything else says neither, and nothing is resent."""
    server.data = answer
    message = mail(post)
    assert (message.state, word in message.why) == (state, True), message.why
    server.data = ""
    assert post.flush(86400) == ["sent" if state == "waiting" else state]
    assert len(server.letters) == (state == "waiting")


def test_nobody_answers(tmp_path: Path) -> None:
    """Certainly not sent, and tried again."""
    message = mail(Post(tmp_path, {"SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "a@omni.test"}))
    assert (message.state, "cannot be used" in message.why) == ("waiting", True)


@pytest.mark.parametrize("first", [b"220-", b"220 hi\r\n250-"])
def test_a_server_that_drips(server: SmtpServer, first: bytes) -> None:
    """It is cut off when the time for all of the conversation is up, greeting included, however often it sends a
    byte."""
    import socket
    import threading
    import time

    def drip(listening: socket.socket) -> None:
        link, _ = listening.accept()
        with link, contextlib.suppress(OSError):
            link.sendall(first)
            for _ in range(100):
                time.sleep(0.05)
                link.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        url = f"smtp://127.0.0.1:{listening.getsockname()[1]}"
        client = Mail(Settings({"SMTP_URL": url, "MAIL_FROM": "a@omni.test"}))
        client.within_s = 0.3
        begun = time.monotonic()
        with pytest.raises(Unreachable):
            client.hello()
        assert time.monotonic() - begun < 3


def test_cut_off_before_the_text_is_asked_for(tmp_path: Path) -> None:
    """Nothing of the text has left: it is not in doubt, and is tried again."""
    import socket
    import threading

    def until_data(listening: socket.socket) -> None:
        link, _ = listening.accept()
        with link, link.makefile("rb") as lines:
            link.sendall(b"220 hi\r\n")
            for line in lines:
                if line[:4].upper() == b"DATA":
                    return
                link.sendall(b"250 fine\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=until_data, args=(listening,), daemon=True).start()
        url = f"smtp://127.0.0.1:{listening.getsockname()[1]}"
        message = mail(Post(tmp_path, {"SMTP_URL": url, "MAIL_FROM": "a@omni.test"}))
    assert (message.state, "cannot be used" in message.why) == ("waiting", True), message.why


@pytest.mark.parametrize("sealed", [False, True])
def test_encrypted_with_a_login(tmp_path: Path, sealed: bool) -> None:
    """STARTTLS where it is offered, smtps from the first byte; user and password as they were before the percents."""
    with SmtpServer(tls=certificate(tmp_path), sealed=sealed, login=True) as server:
        post = Post(tmp_path, server.env)
        assert mail(post).state == "sent"
        assert "encrypted, and takes the login" in Mail(post.settings).hello()
        wrong = {**server.env, "SMTP_URL": server.env["SMTP_URL"].replace("nary", "nope")}
        message = mail(Post(tmp_path, wrong))
        assert "does not take the login" in message.why
        assert not any(word in message.why + repr(post.events()) for word in (PASSWORD, "c%40n", "c@nope"))
        assert len(server.letters) == 1


def test_not_in_the_clear(tmp_path: Path, server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine's server that does not encrypt gets nothing; here a name that leads to this machine."""
    import socket

    real = socket.getaddrinfo

    def resolved(host: str, *more: Any, **words: Any) -> Any:
        return real("127.0.0.1" if host == "mail.example" else host, *more, **words)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    url = f"smtp://u:p4ssw0rd@mail.example:{server.port}"
    message = mail(Post(tmp_path, {"SMTP_URL": url, "MAIL_FROM": "a@omni.test"}))
    assert (message.state, "does not encrypt" in message.why, server.letters) == ("waiting", True, [])


@pytest.mark.parametrize(
    "letter",
    [
        Letter(("a@omni.test",), "x\r\nBcc: b@omni.test", "t", "<1@x>"),
        Letter(("a@omni.test\nb@omni.test",), "x", "t", "<1@x>"),
        Letter(("Name <a@omni.test>",), "x", "t", "<1@x>"),
        Letter((), "x", "t", "<1@x>"),
    ],
)
def test_heads_that_are_refused(server: SmtpServer, letter: Letter) -> None:
    """A line end in a header, and what is no plain address: nothing is sent."""
    with pytest.raises(BadInput):
        Mail(Settings(server.env)).send(letter)
    assert server.letters == []


@pytest.mark.parametrize(
    "url",
    [
        "http://canary",
        "smtp:///canary",
        "smtp://canary:x",
        "smtp://canary/path",
        "smtp://u%0d%0a:canary@h",
        "smtp://u:canary%C3%A9@h",  # smtplib logs nobody in with it
        "canary",
        "smtp://[::1canary",
    ],
)
def test_urls_that_are_of_no_use(url: str) -> None:
    """In words, without the URL: it may hold a password."""
    with pytest.raises(BadInput) as caught:
        Mail(Settings({"SMTP_URL": url, "MAIL_FROM": "a@omni.test"})).server()
    assert caught.value.what == "SMTP_URL is of no use"
    assert "canary" not in " ".join(caught.value.lines())


def test_what_is_missing(tmp_path: Path, server: SmtpServer) -> None:
    """Without MAIL_FROM or an address the message waits for a person; a MAIL_FROM that is none is named."""
    for env, to in (({"SMTP_URL": server.env["SMTP_URL"]}, "a@omni.test"), (server.env, "")):
        assert mail(Post(tmp_path, env), to).attempts == 0
    assert "MAIL_FROM" in mail(Post(tmp_path, {**server.env, "MAIL_FROM": "x\ny"})).why


def test_a_drill_reaches_nobody_else(tmp_path: Path) -> None:
    """The guard is asked before the first byte."""
    env = {"SMTP_URL": "smtps://u:p4ssw0rd@mail.example", "MAIL_FROM": "a@omni.test"}
    assert "nothing but this machine" in mail(Post(tmp_path, env, guarded=True)).why

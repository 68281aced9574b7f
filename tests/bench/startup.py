"""Start-up of the built wheel against ``python -c pass`` of the same environment."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from omniops.drill import launcher
from tests.bench.measure import Row, Skipped, environment, medians, quiet, timed

READ_AIM = 5.5
TARGET = ("mitigate", "provider-outage", "openai-main")
SECURITY = ("mitigate", "security", "--onset", "now")
KEY = {"PAGERDUTY_ROUTING_KEY_SECURITY": "0" * 32}
PASS = "`python -c pass`"
WAIT_S = 30.0
ACK = '{"incident":{"type":"incident_reference","status":"acknowledged"}}'


def measure(programs: Path, work: Path) -> list[Row]:
    """Run every command in turn; ``programs`` is the bin folder of an environment with the wheel in it."""
    omniops, python = str(programs / "omniops"), str(programs / "python")
    with (
        launcher.start("provider-outage", state=work / "drill") as simulator,
        _silent_server() as (silent, first),
        _Desk() as desk,
    ):
        home = _warm_home(omniops, work / "home", simulator.env)
        env = environment(home)
        real = environment(home, {name: simulator.env[name] for name in ("OMNIROUTE_URL", "OMNIROUTE_PASSWORD")})
        mute = {**real, "OMNIROUTE_URL": silent}
        pager = {**env, "PAGERDUTY_URL": silent, "PAGERDUTY_TOKEN": "u+bench", "PAGERDUTY_FROM": "b@example.net"}
        put = [
            _curl(),
            "-s",
            "-X",
            "PUT",
            "-H",
            "Authorization: Token token=u+bench",
            "-d",
            ACK,
            f"{silent}/incidents/Q1",
        ]

        def whole(*argv: str) -> Callable[[], float]:
            return lambda: timed(lambda: quiet(argv, env))

        def fresh(given: dict[str, str]) -> dict[str, str]:
            """A copy of the warm home, because a run that is killed would stand in the next one's way."""
            copy = work / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(home, copy)
            return {**given, "OMNIOPS_HOME": str(copy)}

        took = medians(
            bare=whole(python, "-c", "pass"),
            version=whole(omniops, "--version"),
            help=whole(omniops, "--help"),
            mitigations=whole(omniops, "mitigations", "--json"),
            tidy=lambda: timed(lambda: quiet((omniops, "mitigations", "--json"), {**env, "OMNIOPS_TIDY_EXIT": "1"})),
            incidents=whole(omniops, "incident", "list", "--json"),
            classify=whole(omniops, "classify", "--error-ratio", "0.62", "--json"),
            line=lambda: _first_byte([omniops, *TARGET, "--yes"], fresh(real)),
            send=lambda: _first_request([omniops, *TARGET, "--yes"], fresh(mute), first),
            ack=lambda: _first_request([omniops, "page", "ack", "Q1"], fresh(pager), first),
            acked=lambda: _first_put([omniops, "page", "ack", "Q1"], fresh({**pager, "PAGERDUTY_URL": desk.url}), desk),
            curl=lambda: _first_request(put, env, first),
            menu=lambda: _on_terminal([omniops, "classify"], env, b"figures come next"),
            question=lambda: _on_terminal([omniops, *SECURITY], fresh({**real, **KEY}), b"y/N"),
            approval=lambda: _on_terminal([omniops, *TARGET, "--onset", "now"], fresh(real), b"y/N"),
        )
    bare, curl = took.pop("bare"), took.pop("curl")

    def row(what: str, name: str, aim: float | None) -> Row:
        return Row(what, PASS, took[name] / bare, aim)

    return [
        row("`omniops --version`", "version", 1.5),
        row("`omniops --help`", "help", 1.5),
        row("`mitigations --json`", "mitigations", READ_AIM),
        row("`mitigations --json`, with the interpreter's own tear-down", "tidy", None),
        row("`incident list --json`", "incidents", READ_AIM),
        row("`classify --error-ratio 0.62 --json`", "classify", 6),
        row("`mitigate`: first visible line", "line", 5),
        row("`mitigate`: first request sent", "send", 13),
        row("`page ack ID`: first request to PagerDuty sent", "ack", 13),
        row("`page ack ID`: the PUT sent, after a look at the page", "acked", 13),
        Row("`page ack ID`: first request to PagerDuty sent", "`curl -X PUT` to the same server", took["ack"] / curl),
        row("first y/N question (`mitigate security`)", "question", 6),
        row("first menu (`classify`)", "menu", None),
        row("first y/N question of `mitigate provider-outage`, its requests included", "approval", None),
    ]


class _Desk:
    """A PagerDuty with one page, which tells when it is asked to acknowledge it."""

    def __enter__(self) -> _Desk:
        self.put = threading.Event()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                user = {"user": {"id": "P1", "name": "B", "email": "b@example.net"}}
                page = {"incident": {"id": "Q1", "incident_number": 1, "title": "t", "status": "triggered"}}
                body = json.dumps(user if self.path.startswith("/users") else page).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self) -> None:
                desk.put.set()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _first_put(argv: list[str], env: dict[str, str], desk: _Desk) -> float:
    """Seconds until the acknowledgement comes in; the process is then killed."""
    desk.put.clear()
    begin = time.perf_counter()
    with _started(argv, env):
        assert desk.put.wait(WAIT_S)
        return time.perf_counter() - begin


def _curl() -> str:
    found = shutil.which("curl")
    if found is None:
        raise Skipped("there is no curl here")
    return found


def _warm_home(omniops: str, home: Path, drill: dict[str, str]) -> Path:
    """A home with compiled runbooks and a journal that holds a finished run and one mitigation in force."""
    env = environment(home, {name: drill[name] for name in ("OMNIROUTE_URL", "OMNIROUTE_PASSWORD")})
    quiet((omniops, *TARGET, "--yes", "--until", "disable"), env)
    quiet((omniops, "undo", "--yes", "--force"), env)
    return home


def _first_byte(argv: list[str], env: dict[str, str]) -> float:
    """Seconds until something is on stderr; the process is then killed."""
    begin = time.perf_counter()
    with _started(argv, env) as process:
        assert process.stderr is not None
        os.read(process.stderr.fileno(), 1)
        return time.perf_counter() - begin


def _first_request(argv: list[str], env: dict[str, str], first: Callable[[], None]) -> float:
    begin = time.perf_counter()
    with _started(argv, env):
        first()
        return time.perf_counter() - begin


@contextmanager
def _started(argv: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _silent_server() -> Iterator[tuple[str, Callable[[], None]]]:
    """A server that reads and never answers: its URL, and a function that returns when a request begins to come in."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(WAIT_S)

        def first() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(WAIT_S)
                assert connection.recv(1)

        yield f"http://127.0.0.1:{listening.getsockname()[1]}", first


def _on_terminal(argv: list[str], env: dict[str, str], wanted: bytes) -> float:
    """Seconds until ``wanted`` is on a pseudo-terminal; the process is then killed."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execve(argv[0], argv, {**env, "TERM": "xterm-256color"})
        finally:
            os._exit(127)
    seen = b""
    try:
        while wanted not in seen:
            if not select.select([terminal], [], [], WAIT_S)[0]:
                raise OSError
            seen += os.read(terminal, 4096)
        return time.perf_counter() - begin
    except OSError:
        raise AssertionError(f"{argv} did not ask: {seen[-500:]!r}") from None
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)

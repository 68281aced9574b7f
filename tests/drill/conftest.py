"""Simulators for the tests of the drill, and the shortest HTTP client that shows what is on the wire."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from omniops.drill import launcher
from omniops.drill.cast import PASSWORD

ANCHOR = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Client:
    """One simulator, asked with http.client: no retries, no cookies but the one kept here."""

    def __init__(self, simulator: launcher.Simulator, url: str = "") -> None:
        self.simulator = simulator
        self.url = url or simulator.url
        self.cookie = ""

    def ask(self, method: str, path: str, body: Any = None, *, timeout: float = 5, **headers: str) -> Answer:
        """Send one request; str bodies go as they are."""
        parts = urlsplit(self.url)
        link = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            named["cookie"] = self.cookie
        raw = body if body is None or isinstance(body, str) else json.dumps(body)
        try:
            link.request(method, path, raw, named)
            reply = link.getresponse()
            text = reply.read().decode()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, text)
        finally:
            link.close()

    def get(self, path: str) -> Any:
        """GET that has to answer 200 with JSON."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.json

    def login(self) -> Client:
        answer = self.ask("POST", "/api/auth/login", {"password": PASSWORD})
        assert answer.status == 200, answer
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self

    def id_of(self, name: str) -> str:
        """The id of a connection, without a read that a fault could count."""
        rows = self.simulator.control("state")["connections"]
        return str(next(row["id"] for row in rows if row["name"] == name))


Start = Callable[..., Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start simulators with a fixed beginning; the client is logged in. All are stopped at the end."""
    running: list[launcher.Simulator] = []

    def begin(scenario: str = "provider-outage", *, login: bool = True, state: str = "drill", **options: Any) -> Client:
        simulator = launcher.start(scenario, state=tmp_path / state, anchor=ANCHOR, **options)
        running.append(simulator)
        client = Client(simulator)
        return client.login() if login else client

    yield begin
    for simulator in running:  # the polite way has tests of its own
        simulator.process.kill()
        simulator.process.wait()

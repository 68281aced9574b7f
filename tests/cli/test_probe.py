"""`omniops probe` as cron runs it: real processes, a server that is well or not, and an Alertmanager on a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from omniops.clock import SystemClock
from omniops.drill.alerts import Alerts
from omniops.drill.wire import Handler, Port
from omniops.drill.world import World
from tests.support.command import Command
from tests.support.openapi import checker

PING, HEALTH = "/api/health/ping", "/api/monitoring/health"


class Server:
    """An OmniRoute that answers what it is told to: path -> (status, body)."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {PING: (200, {"status": "ok"})}
        server = self

        class Probed(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = server.answers.get(self.path, (404, "<html>404</html>"))
                raw = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Probed)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Pager:
    """The drill's Alertmanager, every request held against its description."""

    def __init__(self, folder: Path) -> None:
        now = SystemClock().now()
        self.world = World.create(folder, "provider-outage", flavour="3.7.9", seed=1, speed=1.0, anchor=now, spec="")
        self.alerts, self.described, self.wrong = Alerts(self.world), checker("alertmanager"), list[str]()

        def serve(handler: Handler, body: bytes) -> Any:
            self.wrong += self.described.problems(handler.command, handler.path, dict(handler.headers.items()), body)
            return self.alerts.answer(handler, body)

        self.port = Port(0, serve, self.world.now)
        self.port.open()

    def active(self) -> list[dict[str, str]]:
        """The labels of the alerts that fire."""
        return [row["labels"] for row in self.alerts.active()]

    def close(self) -> None:
        self.port.close()
        self.world.close()
        assert not self.wrong, self.wrong


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Pager]:
    found = Pager(tmp_path / "world")
    yield found
    found.close()


@pytest.fixture
def omniops(server: Server, alertmanager: Pager, tmp_path: Path) -> Command:
    urls = {"OMNIROUTE_URL": server.url, "ALERTMANAGER_URL": alertmanager.port.url}
    return Command(tmp_path / "home", OMNIOPS_ENV="test", **urls)


@pytest.mark.parametrize(
    ("answers", "state", "words", "code"),
    [
        ({PING: (200, {"status": "ok"})}, "up", "so does its database", 0),
        ({PING: (401, {"error": {"code": "AUTH_001"}})}, "unproven", "reachable, unproven", 0),
        ({HEALTH: (200, {"status": "healthy"})}, "unproven", "proves little", 0),
        ({HEALTH: (500, {"status": "error", "error": "Health check failed"})}, "down", "Health check failed", 1),
        ({PING: (503, {"status": "error", "error": "db_query_failed"})}, "down", "db_query_failed", 1),
        ({PING: (200, "<html>hello</html>")}, "down", "something else than a status", 1),
        ({}, "down", "it answers 404", 1),
    ],
)
def test_what_an_answer_means(
    server: Server, omniops: Command, answers: dict[str, Any], state: str, words: str, code: int
) -> None:
    """Up, reachable and unproven, or down; and why, in words."""
    server.answers = answers
    done = omniops("probe", "--region", "us-west", "--json")
    found = json.loads(done.stdout)
    assert (found["state"], done.returncode) == (state, code)
    assert words in found["why"]


def test_three_in_a_row_raise_and_one_answer_ends(server: Server, alertmanager: Pager, omniops: Command) -> None:
    """The count is kept between runs; a success starts it anew; the third failure raises, the next success ends."""
    server.answers = {}
    for _ in range(2):
        omniops("probe", "--region", "us-west")
    server.answers = {PING: (200, {"status": "ok"})}
    assert omniops.json("probe", "--region", "us-west")["failures"] == 0
    server.answers = {}
    assert [omniops.json("probe", "--region", "us-west")["raised"] for _ in range(4)] == [False, False, True, True]
    (labels,) = alertmanager.active()
    assert labels == {
        "alertname": "OmniRouteProbeFailing", "service": "omniroute", "environment": "test", "region": "us-west",
        "severity": "warning",
    }  # fmt: skip
    server.answers = {PING: (401, {})}
    assert omniops.json("probe", "--region", "us-west")["raised"] is False
    assert alertmanager.active() == []


def test_three_regions_make_a_page(server: Server, alertmanager: Pager, omniops: Command) -> None:
    """With the third region the alert that pages is raised, once for all of them; with fewer than three it ends."""
    server.answers = {}
    for region in ("us-west", "eu-central", "ap-south"):
        last = [omniops.json("probe", "--region", region) for _ in range(3)][-1]
    assert (last["paged"], last["regions"]) == (True, ["ap-south", "eu-central", "us-west"])
    names = sorted(labels["alertname"] for labels in alertmanager.active())
    assert names == ["OmniRouteDown", *["OmniRouteProbeFailing"] * 3]
    server.answers = {PING: (200, {"status": "ok"})}
    omniops("probe", "--region", "us-west")
    assert sorted(labels["alertname"] for labels in alertmanager.active()) == ["OmniRouteProbeFailing"] * 2


def test_another_environment_does_not_agree(server: Server, alertmanager: Pager, omniops: Command) -> None:
    """The alerts of staging say nothing about production."""
    server.answers = {}
    for region, environment in (("a", "staging"), ("b", "staging"), ("c", "production")):
        for _ in range(3):
            found = omniops.json("probe", "--region", region, OMNIOPS_ENV=environment)
    assert (found["regions"], found["paged"]) == (["c"], False)


def test_alertmanager_is_down(server: Server, omniops: Command) -> None:
    """What could not be told is said, with exit 5, and the next run tells it."""
    server.answers = {}
    for _ in range(2):
        omniops("probe", "--region", "us-west")
    lost = omniops("probe", "--region", "us-west", ALERTMANAGER_URL="http://127.0.0.1:9")
    assert lost.returncode == 5
    assert "Alertmanager cannot be asked" in lost.stderr
    assert omniops.json("probe", "--region", "us-west")["raised"] is True


def test_hostile_regions(omniops: Command) -> None:
    """A region's name becomes a label and the name of a stream: anything else than a plain word is refused."""
    for name in ("", "a b", "../x", "x" * 64, "a\x1b[2J"):
        done = omniops("probe", "--region", name)
        assert done.returncode == 2
        assert "\x1b" not in done.stderr

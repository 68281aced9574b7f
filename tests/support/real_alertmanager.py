"""The real Alertmanager of Debian's package, on the configuration that docs/probe.md shows, with other addresses."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.debian import require

START_S = 20.0
DOCS = Path(__file__).parents[2] / "docs" / "probe.md"
TEMPLATES = Path("/usr/share/prometheus/alertmanager")
"""Where Debian's build looks for its templates, wherever it was unpacked."""


def shown() -> dict[str, Any]:
    """The configuration in docs/probe.md."""
    found = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    config: dict[str, Any] = yaml.safe_load(found[1])
    return config


class Hook:
    """Takes Alertmanager's webhooks; ``payloads`` are the bodies, as they came."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.payloads.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RealAlertmanager:
    """A running server. ``pages`` is where its PagerDuty events go, ``routing_key`` what they carry."""

    def __init__(self, pages: str, routing_key: str) -> None:
        binary = _with_templates(require("prometheus-alertmanager")) / "usr" / "bin" / "prometheus-alertmanager"
        self.folder = Path(tempfile.mkdtemp(prefix="alertmanager-"))
        self.hook = Hook()
        (self.folder / "alertmanager.yml").write_text(json.dumps(self._config(pages, routing_key)), encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with (self.folder / "alertmanager.log").open("wb") as log:
            self._process = subprocess.Popen(
                [binary, f"--config.file={self.folder / 'alertmanager.yml'}", f"--storage.path={self.folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.stop)
        self._wait()

    def _config(self, pages: str, routing_key: str) -> dict[str, Any]:
        """The documented one: its routes and groups as they are, its addresses and waits those of a test."""
        config = shown()
        (self.folder / "key").write_text(routing_key, encoding="utf-8")
        quick = {"group_wait": "0s", "group_interval": "1s"}
        config["route"] |= quick
        for route in config["route"]["routes"]:
            route |= quick
        by_name = {one["name"]: one for one in config["receivers"]}
        hook = {"webhook_configs": [{"url": self.hook.url}]}
        by_name["ops"].pop("slack_configs")
        by_name["ops"] |= hook
        by_name["pagerduty"]["pagerduty_configs"][0] |= {
            "routing_key_file": str(self.folder / "key"), "url": f"{pages}/v2/enqueue",
        }  # fmt: skip
        by_name["pagerduty"] |= hook
        return config

    def _wait(self) -> None:
        ends = time.monotonic() + START_S
        while time.monotonic() < ends and self._process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=2).close()
                return
            time.sleep(0.1)
        log = (self.folder / "alertmanager.log").read_text(errors="replace")[-600:]
        self.stop()
        pytest.fail(f"Alertmanager did not start: {log}")

    def stop(self) -> None:
        """End it, and remove what it wrote."""
        atexit.unregister(self.stop)
        self._process.kill()
        self._process.wait()
        self.hook.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _with_templates(package: Path) -> Path:
    """Debian's build reads its templates from a fixed folder; where there is none, the unpacked one is put there."""
    if not (TEMPLATES / "default.tmpl").exists():
        try:
            TEMPLATES.mkdir(parents=True, exist_ok=True)
            for template in (package / "usr/share/prometheus/alertmanager").glob("*.tmpl"):
                with contextlib.suppress(FileExistsError):
                    shutil.copy(template, TEMPLATES / template.name)
        except PermissionError:
            why = f"Alertmanager wants {TEMPLATES}, which only root can make"
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(why)
            pytest.skip(why)
    return package


def until(holds: Any, seconds: float = 30.0) -> None:
    """Wait until something holds; it is asked ten times a second."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("it did not come about in time")


@pytest.fixture
def alertmanager_for() -> Iterator[Any]:
    """Starts a server for a PagerDuty's address and routing key, and ends it."""
    running: list[RealAlertmanager] = []

    def start(pages: str, routing_key: str) -> RealAlertmanager:
        running.append(RealAlertmanager(pages, routing_key))
        return running[-1]

    yield start
    for one in running:
        one.stop()

"""The real Prometheus of Debian's package, fed by a small exporter and with a past made by promtool.

Every kind of traffic has a `service` of its own, so that the figures of one test can be worked out by hand:

| service | what it does |
|---|---|
| live | now: 994 requests answer 200 and 6 answer 500 at every scrape: 0.6 % errors, 6x; p95 0.667 s |
| idle | now: its counters stand still |
| failing | now: everything answers 500, and no other code was ever seen |
| beyond | now: every request takes longer than the largest bucket |
| history | 31 days, 1000 requests per 5 minutes, p95 0.667 s; one hour three days ago has 1 % errors (10x) |
| short | the last two days of that, without the errors |
"""

from __future__ import annotations

import atexit
import contextlib
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

import pytest

from tests.support.debian import require

START_S = 20.0
STEP_S = 300
OUTAGE_AGO_S = 3 * 86400
BOUNDS = ("0.5", "1", "2.5", "+Inf")
PER_TICK = {"0.5": 94, "1": 97, "2.5": 100, "+Inf": 100}
"""Of a hundred requests: the 95th lies a third into the bucket from 0.5 to 1 s, so p95 is 0.667 s."""
P95_S = 0.5 + 0.5 / 3


class Exporter:
    """Counts on by a fixed amount at every scrape, so that ratios are exact."""

    def __init__(self) -> None:
        self.scrapes = 0
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.scrapes += 1
                body = exporter.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def text(self) -> str:
        n = self.scrapes
        lines = ["# TYPE http_requests_total counter"]
        for service, code, count in (
            ("live", "200", 994 * n), ("live", "500", 6 * n), ("idle", "200", 500), ("idle", "500", 1),
            ("failing", "500", 40 * n),
        ):  # fmt: skip
            lines.append(f'http_requests_total{{service="{service}",code="{code}"}} {count}')
        lines.append("# TYPE http_request_duration_seconds histogram")
        for le in BOUNDS:
            labels = f'path="/api/v1/responses",le="{le}"'
            name = "http_request_duration_seconds_bucket"
            lines.append(f'{name}{{service="live",{labels}}} {PER_TICK[le] * n}')
            lines.append(f'{name}{{service="idle",{labels}}} {PER_TICK[le]}')
            lines.append(f'{name}{{service="beyond",{labels}}} {100 * n if le == "+Inf" else 0}')
        lines += ["# TYPE ws_active_connections gauge", 'ws_active_connections{service="live"} 281']
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def past(now: float) -> str:
    """The traffic of 31 days in OpenMetrics' own text."""
    end = int(now) - 1
    begin = end - 31 * 86400
    counters: list[str] = []
    buckets: list[str] = []
    good = bad = ticks = 0
    for at in range(begin, end + 1, STEP_S):
        outage = end - OUTAGE_AGO_S - 3600 < at <= end - OUTAGE_AGO_S
        good, bad, ticks = good + (990 if outage else 1000), bad + (10 if outage else 0), ticks + 10
        counters.append(f'http_requests_total{{service="history",code="200"}} {good} {at}')
        counters.append(f'http_requests_total{{service="history",code="500"}} {bad} {at}')
        if at > end - 2 * 86400:
            counters.append(f'http_requests_total{{service="short",code="200"}} {good} {at}')
        if at > end - 8 * 86400:
            for le in BOUNDS:
                labels = f'service="history",path="/api/v1/responses",le="{le}"'
                buckets.append(f"http_request_duration_seconds_bucket{{{labels}}} {PER_TICK[le] * ticks} {at}")
    head = ["# TYPE http_requests counter", *counters, "# TYPE http_request_duration_seconds histogram"]
    return "\n".join([*head, *buckets, "# EOF", ""])


class RealPrometheus:
    """A running server with a folder of its own."""

    def __init__(self) -> None:
        binaries = require("prometheus") / "usr" / "bin"
        self.folder = Path(tempfile.mkdtemp(prefix="prometheus-"))
        self.exporter = Exporter()
        (self.folder / "past.txt").write_text(past(time.time()), encoding="utf-8")
        made = subprocess.run(
            [binaries / "promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=768h", "--quiet",
             self.folder / "past.txt", self.folder / "data"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr[-600:]
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            "scrape_configs:\n- job_name: omniroute\n  honor_labels: true\n  static_configs:\n"
            f"  - targets: ['127.0.0.1:{self.exporter.port}']\n",
            encoding="utf-8",
        )
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with (self.folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [binaries / "prometheus", f"--config.file={self.folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={self.folder / 'data'}", "--storage.tsdb.retention.time=60d",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.stop)
        self._wait()

    def _wait(self) -> None:
        """Until it answers, and has scraped often enough for a rate (it begins to scrape after 5 s)."""
        ends = time.monotonic() + START_S
        while time.monotonic() < ends and self._process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=2).close()
                if self.exporter.scrapes >= 3:
                    return
            time.sleep(0.1)
        log = (self.folder / "prometheus.log").read_text(errors="replace")[-600:]
        self.stop()
        pytest.fail(f"Prometheus did not start: {log}")

    def stop(self) -> None:
        """End both, and remove what they wrote."""
        atexit.unregister(self.stop)
        self._process.kill()
        self._process.wait()
        self.exporter.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def prometheus() -> Iterator[RealPrometheus]:
    """The server that this session shares; where it cannot be had the test is skipped, but in CI it fails."""
    server = RealPrometheus()
    yield server
    server.stop()

"""Against the real Alertmanager: three regions make a page, found by the hash of its group key, acked and resolved."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.drill import pager_store
from omniops.services.alertmanager import Alertmanager, dedup_key, group_key, parse_webhook
from tests.support.command import Command
from tests.support.pager import FakePager
from tests.support.real_alertmanager import alertmanager_for, until

__all__ = ["alertmanager_for"]
REGIONS = ("us-west", "eu-central", "ap-south")


class Ping(BaseHTTPRequestHandler):
    """An OmniRoute that is well."""

    def do_GET(self) -> None:
        body = b'{"status":"ok","latencyMs":1}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_from_three_regions_to_the_ack_and_back(alertmanager_for: Any, tmp_path: Path) -> None:
    """One region wakes nobody, three do; PagerDuty's key is the hash of Alertmanager's group key, however it is found;
    the page is acknowledged from the webhook's payload, and resolves when the probes are answered again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with FakePager(tmp_path) as pager:
        server = alertmanager_for(pager.ports["events"].url, pager_store.ROUTING_KEY)
        before = len(pager.data["incidents"])
        omniops = Command(
            tmp_path / "home", OMNIROUTE_URL=f"http://127.0.0.1:{port}", ALERTMANAGER_URL=server.url,
            OMNIOPS_ENV="production", **pager.env,
        )  # fmt: skip
        for region in REGIONS[:2]:
            for failures in (1, 2, 3):
                found = omniops.json("probe", "--region", region)
                assert (found["state"], found["failures"], found["raised"]) == ("down", failures, failures == 3)
        until(lambda: len(server.hook.payloads) >= 2)
        assert len(pager.data["incidents"]) == before, "two regions are no page"

        assert [omniops.json("probe", "--region", REGIONS[2])["paged"] for _ in range(3)] == [False, False, True]
        until(lambda: len(pager.data["incidents"]) == before + 1)
        page = pager.data["incidents"][-1]
        labels = {"alertname": "OmniRouteDown", "environment": "production", "service": "omniroute"}
        route = '{}/{alertname="OmniRouteDown"}'
        assert page["incident_key"] == dedup_key(group_key(labels, route))
        payload = next(raw for raw in server.hook.payloads if b"OmniRouteDown" in raw)
        assert parse_webhook(payload, "it").key == group_key(labels, route)

        (tmp_path / "webhook.json").write_bytes(payload)
        acked = omniops("page", "ack", "--alertmanager", str(tmp_path / "webhook.json"))
        assert acked.returncode == 0, acked.stderr
        assert page["status"] == "acknowledged"

        well = ThreadingHTTPServer(("127.0.0.1", port), Ping)
        Thread(target=well.serve_forever, daemon=True).start()
        try:
            for region in REGIONS:
                found = omniops.json("probe", "--region", region)
                assert (found["state"], found["failures"], found["raised"]) == ("up", 0, False)
        finally:
            well.shutdown()
            well.server_close()
        until(lambda: page["status"] == "resolved")
        # The description is of what omniops sends; Alertmanager's own events have their own form.
        pager.wrong[:] = [words for words in pager.wrong if "'client': 'Alertmanager'" not in words]


def test_reading(alertmanager_for: Any, tmp_path: Path) -> None:
    """Its version, its alerts by matchers, its groups; a bad matcher is said in Alertmanager's own words."""
    import pytest

    from omniops.errors import Unreachable
    from omniops.services.alertmanager import Posted

    server = alertmanager_for("http://127.0.0.1:9", "k" * 32)
    client = Alertmanager(Settings({"ALERTMANAGER_URL": server.url}), SystemClock())
    assert client.version()[0].isdigit()
    now = SystemClock().now()
    client.post(
        [Posted({"alertname": "A", "service": "x"}, {"summary": "s"}, now), Posted({"alertname": "B"}, {}, now)]
    )
    until(lambda: len(client.alerts()) == 2)
    (one,) = client.alerts(['alertname="A"'])
    assert (one.name, one.labels["service"], one.annotations["summary"]) == ("A", "x", "s")
    assert {group.labels.get("alertname") for group in client.groups()} == {"A", "B"}
    with pytest.raises(Unreachable, match="cannot be asked") as wrong:
        client.alerts(["alertname:A"])
    assert "bad matcher" in wrong.value.why
    assert json.dumps(one.labels)

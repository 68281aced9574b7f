"""A Statuspage that keeps incidents, on a real socket: rate limits, validation, answers that are lost.

with FakeStatuspage() as page:
    page.breaks = "POST"  # the next such request is done, and its answer lost
Every request is held against tests/support/openapi/statuspage.yaml; ``wrong`` says what is not as described.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from tests.support.openapi import Checker

TOKEN = "0f3a5c7e-statuspage-key"
PAGE = "kctbh9vrtdwd"


class FakeStatuspage:
    """``incidents``: newest first. ``busy``: (status, Retry-After), answered once. ``meanwhile`` is called, once, after
    the next request was read and before anything of it is done."""

    def __init__(self) -> None:
        self.incidents: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.breaks = ""
        self.lies: dict[str, Any] = {}  # what the next answers about an entry say instead
        self.meanwhile: Callable[[], object] = lambda: None
        self.busy: tuple[int, str] | None = None
        self._checker = Checker("statuspage")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def env(self) -> dict[str, str]:
        return {"STATUSPAGE_URL": f"{self.url}/v1", "STATUSPAGE_TOKEN": TOKEN, "STATUSPAGE_PAGE": PAGE}

    def texts(self) -> list[str]:
        """Every text that customers have read, oldest first."""
        return [one["body"] for incident in self.incidents[::-1] for one in incident["incident_updates"]]

    def __enter__(self) -> FakeStatuspage:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        self.asked.append(f"{method} {path}")
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if self.busy:
            (code, wait), self.busy = self.busy, None
            return code, {"error": "Too many requests"}, {"Retry-After": wait} if wait else {}
        if headers.get("authorization") != f"OAuth {TOKEN}":
            return 401, {"error": "Could not authenticate"}, {}
        self.wrong += self._checker.problems(method, path.removeprefix("/v1"), headers, body)
        parts = urlsplit(path).path.strip("/").split("/")
        if parts[:2] != ["v1", "pages"] or parts[2] != PAGE:
            return 404, {"error": "Not found"}, {}
        if parts[3:] == []:
            return 200, {"id": PAGE, "name": "OmniRoute"}, {}
        given = json.loads(body)["incident"] if body else {}
        if not given.get("name", "x").strip():
            return 422, {"error": ["Name can't be blank", "Incident is not valid"]}, {}
        if method == "POST":
            made = {"id": f"p{len(self.incidents) + 1:011}", "shortlink": f"https://stspg.io/{len(self.incidents) + 1}"}
            self.incidents.insert(0, {**made, "metadata": {}, "incident_updates": []})
            return 201, {**self._change(self.incidents[0], given), **self.lies}, {}
        if method == "GET" and len(parts) == 4:
            return 200, self.incidents[:100], {}
        for one in self.incidents:
            if one["id"] == parts[4]:
                return 200, {**(self._change(one, given) if given else one), **self.lies}, {}
        return 404, {"error": "Not found"}, {}

    def _change(self, incident: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        incident.update(name=given["name"], status=given["status"], impact=given["impact_override"])
        incident["metadata"].update(given["metadata"])
        incident["incident_updates"].append({"status": given["status"], "body": given["body"]})
        return incident

    def _handler(fake: FakeStatuspage) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                code, value, more = fake.answer(self.command, self.path, headers, body)
                if fake.breaks == self.command:
                    fake.breaks = ""
                    self.close_connection = True
                    return
                data = json.dumps(value).encode()
                self.send_response(code)
                for name, text in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **more,
                }.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any

            def log_message(self, *args: object) -> None:
                pass

        return Handler

"""An OpenAI-compatible upstream on loopback, whose behaviour is switched per key while it runs."""

from __future__ import annotations

import json
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class FakeUpstream:
    """``behave[key]`` is "ok", "slow" (``slow_s``, then ok) or a status such as "500"; ``hits[key]`` counts chats.

    A key is what a connection sends as its Bearer. OmniRoute's own polls of /models are not counted.
    """

    def __init__(self) -> None:
        self.behave: dict[str, str] = {}
        self.hits: Counter[str] = Counter()
        self.slow_s = 1.0
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(200, {"object": "list", "data": [{"id": "fake-small", "object": "model"}]})

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                upstream.hits[key] += 1
                how = upstream.behave.get(key, "ok")
                if how.isdigit():
                    self._answer(int(how), {"error": {"message": "fake upstream failure"}})
                    return
                if how == "slow":
                    time.sleep(upstream.slow_s)
                self._answer(200, _completion(asked.get("model", "fake-small")))

            def _answer(self, code: int, value: Any) -> None:
                body = json.dumps(value).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Every key is well again, and nothing has been counted."""
        self.behave.clear()
        self.hits.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _completion(model: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1795400000,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }

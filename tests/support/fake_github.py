"""A GitHub that keeps labels and issues: the GraphQL that the real `gh` asks through a proxy, and the REST API.

What `gh` 2.23 sends was taken from the real one: RepositoryInfo, RepositoryResolveMetadataIDs (one alias per label),
IssueList, the mutation IssueCreate, and labels by REST.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

TOKEN = "ghp_0123456789abcdef"


class FakeGitHub:
    """``url`` is a proxy for `gh`, and the API itself. ``breaks``: the next issue is made, and its answer lost."""

    def __init__(self, labels: tuple[str, ...] = ()) -> None:
        self.labels = list(labels)
        self.issues: list[dict[str, Any]] = []
        self.breaks = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def env(self) -> dict[str, str]:
        """Settings with which the real gh reaches it, and nothing else."""
        return {"GH_HOST": "github.localhost", "HTTP_PROXY": self.url, "GH_TOKEN": TOKEN, "GH_REPO": "omni/route"}

    def __enter__(self) -> FakeGitHub:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        with self._lock:
            if path == "/graphql":
                return self._graphql(body["query"], body.get("variables") or {})
            if (method, path) == ("POST", "/repos/omni/route/labels"):
                if body["name"] in self.labels:
                    return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]}
                self.labels.append(body["name"])
                return 201, {"name": body["name"]}
            if (method, path) == ("GET", "/repos/omni/route/issues"):
                return 200, [{"html_url": one["url"], "body": one["body"]} for one in reversed(self.issues)]
            if (method, path) == ("POST", "/repos/omni/route/issues"):
                labels = [name for name in body["labels"] if name in self.labels]
                made = self._make(body["title"], body["body"], labels)
                return 201, {"html_url": made["url"], "labels": [{"name": name} for name in labels]}
            return 404, {"message": "Not Found"}

    def _graphql(self, query: str, variables: dict[str, Any]) -> tuple[int, Any]:
        if "RepositoryInfo" in query:
            repo = {"id": "R1", "name": "route", "owner": {"login": "omni"}, "hasIssuesEnabled": True,
                    "viewerPermission": "WRITE"}  # fmt: skip
            return 200, {"data": {"repository": repo}}
        if "RepositoryResolveMetadataIDs" in query:
            wanted = re.findall(r'(l[0-9]+): label\(name:"([^"]+)"\)', query)
            found = {alias: {"id": f"L:{n}", "name": n} if n in self.labels else None for alias, n in wanted}
            return 200, {"data": {"repository": found}}
        if "IssueList" in query:
            nodes = self._newest(self.issues, int(variables["limit"]))
            page = {"hasNextPage": False, "endCursor": ""}
            issues = {"totalCount": len(nodes), "nodes": nodes, "pageInfo": page}
            return 200, {"data": {"repository": {"hasIssuesEnabled": True, "issues": issues}}}
        if "IssueSearch" in query:
            label = re.findall(r"label:\"?([^\" ]+)", variables["query"])
            nodes = self._newest([one for one in self.issues if label[0] in one["labels"]], int(variables["limit"]))
            page = {"hasNextPage": False, "endCursor": ""}
            search = {"issueCount": len(nodes), "nodes": nodes, "pageInfo": page}
            return 200, {"data": {"repository": {"hasIssuesEnabled": True}, "search": search}}
        if "IssueCreate" in query:
            given = variables["input"]
            labels = [id.removeprefix("L:") for id in given.get("labelIds") or []]
            made = self._make(given["title"], given["body"], labels)
            return 200, {"data": {"createIssue": {"issue": {"id": "I1", "url": made["url"]}}}}
        return 200, {"errors": [{"message": f"the fake knows nothing of {query[:60]}"}]}

    @staticmethod
    def _newest(issues: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
        return [{"url": one["url"], "body": one["body"]} for one in reversed(issues)][:most]

    def _make(self, title: str, body: str, labels: list[str]) -> dict[str, Any]:
        url = f"https://github.localhost/omni/route/issues/{len(self.issues) + 1}"
        self.issues.append({"url": url, "title": title, "body": body, "labels": labels})
        return self.issues[-1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                before = len(fake.issues)
                if TOKEN not in self.headers.get("Authorization", ""):
                    code, answer = 401, {"message": "Bad credentials"}
                else:
                    code, answer = fake.answer(self.command, urlsplit(self.path).path, json.loads(text or b"null"))
                if fake.breaks and len(fake.issues) > before:
                    fake.breaks = False
                    self.close_connection = True
                    return
                data = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _do

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

"""The simulated GitHub: one repository with its labels, issues and a tag for each version, by the REST API.

Its state is in ``world.data["github"]``, so it survives a kill. The drill's `gh` asks it too (script_gh.py).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from omniops.drill.api import Reply
from omniops.drill.faults import Fault
from omniops.drill.wire import Handler
from omniops.drill.world import World

TOKEN = "ghp_drill0123456789"
REPO = "drill/omniroute"
LABELS = ("bug", "documentation")
PER_PAGE = 30


class GitHub:
    """One repository. A label that it lacks is dropped from a new issue, as the real one does for who may not push."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.data: dict[str, Any] = world.data.setdefault("github", {"labels": list(LABELS), "issues": []})

    def answer(self, handler: Handler, body: bytes) -> Reply:
        """Answer one request; an issue is written down before the answer leaves."""
        if handler.headers.get("Authorization") not in (f"Bearer {TOKEN}", f"token {TOKEN}"):
            return Reply(401, {"message": "Bad credentials"})
        where = urlsplit(handler.path)
        rest = where.path.removeprefix(f"/repos/{REPO}/")
        if rest == where.path:
            return Reply(404, {"message": "Not Found"})
        with self.world.lock:
            reply = self._at(handler.command, rest, parse_qs(where.query), body)
            if handler.command != "GET":
                self.world.save()
        return reply

    def refusal(self, fault: Fault) -> Reply:
        """What a fault answers, in GitHub's words."""
        if fault.kind.startswith("rate-limited"):
            wait = (("retry-after", f"{fault.seconds:g}"),) if fault.kind == "rate-limited" else ()
            return Reply(403, {"message": "You have exceeded a secondary rate limit"}, headers=wait)
        if fault.kind == "unauthorized":
            return Reply(401, {"message": "Bad credentials"})
        return Reply(502, {"message": "Server Error"})

    def _at(self, method: str, rest: str, query: dict[str, list[str]], body: bytes) -> Reply:
        issues: list[dict[str, Any]] = self.data["issues"]
        if (method, rest) == ("GET", "issues"):
            most = int(query.get("per_page", [str(PER_PAGE)])[0])
            return Reply(200, issues[::-1][:most])
        if method == "GET" and rest.startswith("git/ref/tags/v"):
            version = rest.removeprefix("git/ref/tags/v")
            if version not in self.world.data["versions"]:
                return Reply(404, {"message": "Not Found"})
            sha = hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest()
            return Reply(200, {"ref": f"refs/tags/v{version}", "object": {"type": "commit", "sha": sha}})
        try:
            given = json.loads(body)
            if (method, rest) == ("POST", "labels"):
                return self._label(str(given["name"]))
            if (method, rest) == ("POST", "issues"):
                return self._issue(str(given["title"]), str(given.get("body") or ""), given.get("labels") or [])
        except (ValueError, KeyError, TypeError, AttributeError):
            return Reply(422, {"message": "Validation Failed"})
        return Reply(404, {"message": "Not Found"})

    def _label(self, name: str) -> Reply:
        if name in self.data["labels"]:
            return Reply(422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]})
        self.data["labels"].append(name)
        return Reply(201, {"name": name})

    def _issue(self, title: str, text: str, labels: list[str]) -> Reply:
        number = len(self.data["issues"]) + 1
        made = {
            "number": number,
            "html_url": f"https://github.example/{REPO}/issues/{number}",
            "state": "open",
            "title": title,
            "body": text,
            "labels": [{"name": name} for name in labels if name in self.data["labels"]],
            "created_at": self.world.now_iso(),
        }
        self.data["issues"].append(made)
        return Reply(201, made)

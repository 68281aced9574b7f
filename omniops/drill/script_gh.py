"""The drill's `gh`: as much of it as omniops types, in the real one's words. It asks the simulated GitHub."""

from __future__ import annotations

import http.client
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from omniops.drill.script import Failed, Script

TIMEOUT_S = 5.0
USAGE, NOT_LOGGED_IN = 1, 4


def gh(script: Script) -> int:
    """``gh issue list``, ``gh issue create``, ``gh label create``, ``gh auth status``."""
    words = script.argv
    named = {words[n]: words[n + 1] for n in range(len(words) - 1) if words[n].startswith("--")}
    repo, labels = named.get("--repo", ""), [words[n + 1] for n, word in enumerate(words[:-1]) if word == "--label"]
    if not os.environ.get("GH_TOKEN"):
        _say("To get started with GitHub CLI, please run:  gh auth login")
        return NOT_LOGGED_IN
    if words[:2] == ["auth", "status"]:
        return 0
    if words[:2] == ["issue", "list"]:
        rows = _ask(script, "GET", f"/repos/{repo}/issues?state=all&per_page={named.get('--limit', '30')}")
        print(json.dumps([{"url": row["html_url"], "body": row["body"]} for row in rows]))
        return 0
    if words[:2] == ["label", "create"]:
        _ask(script, "POST", f"/repos/{repo}/labels", {"name": words[2] if words[2] != "--repo" else words[4]})
        return 0
    if words[:2] == ["issue", "create"] and named.get("--body-file") == "-":
        body = {"title": named["--title"], "body": sys.stdin.read(), "labels": labels}
        known = script.world["github"]["labels"]
        missing = next((label for label in labels if label not in known), "")
        if missing:  # looked up before anything is made
            _say(f"could not add label: '{missing}' not found")
            return 1
        print(_ask(script, "POST", f"/repos/{repo}/issues", body)["html_url"])
        return 0
    _say(f"unknown command {' '.join(words[:2])!r} for the drill's gh")
    return USAGE


def _ask(script: Script, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request. Raises Failed where it is refused, or nobody answers."""
    at = urlsplit(json.loads((script.state / "ready.json").read_text(encoding="utf-8"))["outside"]["github"])
    link = http.client.HTTPConnection(str(at.hostname), at.port, timeout=TIMEOUT_S)
    try:
        headers = {"authorization": f"token {os.environ['GH_TOKEN']}", "content-type": "application/json"}
        link.request(method, path, json.dumps(body) if body is not None else None, headers)
        reply = link.getresponse()
        answer = json.loads(reply.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        _say(f"error connecting to the drill's GitHub: {error}")
        raise Failed(1) from None
    finally:
        link.close()
    if reply.status >= 400:
        _say(f"HTTP {reply.status}: {answer.get('message', '')}")
        raise Failed(1)
    return answer


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


RUN = {"gh": gh}

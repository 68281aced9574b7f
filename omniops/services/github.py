"""The smallest client of GitHub's REST API: which commit a tag names, and issues."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from omniops.clock import Clock
from omniops.config import Settings
from omniops.services.http import Http, NoAnswer

API_URL = "https://api.github.com"
TIMEOUT_S = 5.0
_REPO = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_SHA = re.compile(r"[0-9a-f]{40}")


class GitHub:
    """One repository (GH_REPO), asked with GH_TOKEN where there is one. GH_URL: another address of the API."""

    def __init__(self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        self._settings, self._clock, self._guard = settings, clock, guard
        self.repo = settings.get("GH_REPO")

    @property
    def configured(self) -> bool:
        return bool(_REPO.fullmatch(self.repo))

    def sha_of(self, version: str) -> str:
        """The commit that the tag ``v<version>`` names; "" where it is not known, or GitHub does not answer."""
        if not self.configured:
            return ""
        found = self._get(f"/repos/{self.repo}/git/ref/tags/v{version}")
        sha, kind = _object(found)
        if kind == "tag":  # an annotated tag is an object of its own, which names the commit
            sha, _ = _object(self._get(f"/repos/{self.repo}/git/tags/{sha}"))
        return sha

    def _get(self, path: str) -> Any:
        import json

        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        token = self._settings.secret("GH_TOKEN")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = self._settings.service_url("GH_URL", API_URL)
        http = Http(url, self._settings.env, self._clock, self._guard, TIMEOUT_S)
        try:
            reply = http.ask("GET", path, headers=headers)
            return json.loads(reply.body) if reply.code == 200 and not reply.broken else None
        except (NoAnswer, ValueError, RecursionError):
            return None
        finally:
            http.close()


def _object(found: Any) -> tuple[str, str]:
    """The sha and the kind of a reference's ``object``; "" where it is none."""
    named = found.get("object") if isinstance(found, dict) else None
    if not isinstance(named, dict) or not isinstance(named.get("sha"), str) or not _SHA.fullmatch(named["sha"]):
        return "", ""
    return named["sha"], str(named.get("type"))

"""The smallest client of GitHub's REST API: which commit a tag names, and issues where there is no `gh`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import Refused, Unreachable
from omniops.services.gh import LABELLED, NEWEST, Made, doubt, known_issue, new_issue
from omniops.services.http import Http, NoAnswer, Reply, nothing, said

API_URL = "https://api.github.com"
TIMEOUT_S = 5.0
PAGES = 10
_REPO = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_SHA = re.compile(r"[0-9a-f]{40}")


class GitHub:
    """One repository (GH_REPO), asked with GH_TOKEN where there is one. GH_URL: another address of the API."""

    def __init__(
        self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None, repo: str = ""
    ) -> None:
        self._settings, self._clock, self._guard = settings, clock, guard
        self.repo = repo or settings.get("GH_REPO")

    @property
    def configured(self) -> bool:
        return bool(_REPO.fullmatch(self.repo))

    def sha_of(self, version: str) -> str:
        """The commit that the tag ``v<version>`` names; "" where it is not known, or GitHub does not answer."""
        if not self.configured:
            return ""
        sha, kind = _object(self._get(f"/repos/{self.repo}/git/ref/tags/v{version}"))
        if kind == "tag":  # an annotated tag is an object of its own, which names the commit
            sha, _ = _object(self._get(f"/repos/{self.repo}/git/tags/{sha}"))
        return sha

    def find(self, mark: str, label: str = "") -> str:
        """The URL of the newest issue, open or closed, whose body holds ``mark``; "" where there is none among the
        newest 100, and the newest 1000 with this ``label``. Raises Refused, Unreachable."""
        found = self._look(mark, "", NEWEST)
        return found or (self._look(mark, f"&labels={quote(label, safe='')}", LABELLED) if label else "")

    def _look(self, mark: str, which: str, most: int) -> str:
        seen = 0
        for page in range(1, PAGES + 1):
            rows = self._page(f"{which}&page={page}")
            issues = [row for row in rows if isinstance(row, dict) and "pull_request" not in row]  # GitHub mixes them
            for row in issues:
                if mark in str(row.get("body")):
                    return known_issue(row.get("html_url"))
            seen += len(issues)
            if seen >= most or len(rows) < NEWEST:
                break
        return ""

    def _page(self, which: str) -> list[Any]:
        path = f"/repos/{self.repo}/issues?state=all&per_page={NEWEST}{which}"
        try:
            reply = self._ask("GET", path)
        except NoAnswer as error:
            raise _nothing(error.why) from None
        rows = _body(reply)
        if reply.code in (401, 403, 404):
            raise _refused(reply)
        if reply.code != 200 or not isinstance(rows, list):
            raise _nothing(f"it answers {reply.code}")
        return rows

    def create(
        self,
        title: str,
        body: str,
        labels: Sequence[str],
        *,
        make_labels: bool = False,
        before: Callable[[], None] = nothing,
    ) -> Made:
        """Make an issue, once. ``before`` is called before each request. Raises Refused and Unreachable (nothing was
        done), InDoubt (it may have been)."""
        if make_labels:
            for label in labels:
                before()
                self._label(label)
        before()
        try:
            reply = self._ask("POST", f"/repos/{self.repo}/issues", {"title": title, "body": body, "labels": [*labels]})
        except NoAnswer as error:
            if error.sent:
                raise doubt(error.why) from None
            raise _nothing(error.why) from None
        issue = _body(reply)
        if reply.code == 201 and isinstance(issue, dict):
            # Who may not push has labels dropped without a word.
            given = issue.get("labels")
            there = {str(one.get("name")) for one in given if isinstance(one, dict)} if isinstance(given, list) else ()
            return Made(new_issue(issue.get("html_url"), self.repo), set(labels).issubset(there))
        if 200 <= reply.code < 300 or reply.code >= 500:
            raise doubt(f"it answers {reply.code}" + (f", and {reply.broken}" if reply.broken else ""))
        raise _refused(reply)

    def _label(self, name: str) -> None:
        """Make a label; one that is there is left as it is, and one that cannot be made is missed later."""
        try:
            self._ask("POST", f"/repos/{self.repo}/labels", {"name": name})
        except NoAnswer:
            return

    def _ask(self, method: str, path: str, body: Any = None) -> Reply:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        token = self._settings.secret("GH_TOKEN")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = self._settings.service_url("GH_URL", API_URL)
        http = Http(url, self._settings.env, self._clock, self._guard, TIMEOUT_S)
        try:
            return http.ask(method, path, headers=headers, body=body)
        finally:
            http.close()

    def _get(self, path: str) -> Any:
        try:
            reply = self._ask("GET", path)
        except NoAnswer:
            return None
        return _body(reply) if reply.code == 200 else None


def _body(reply: Reply) -> Any:
    import json

    try:
        return None if reply.broken else json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _refused(reply: Reply) -> Refused | Unreachable:
    words = {401: "it does not know GH_TOKEN", 403: "GH_TOKEN may not do this, or GitHub wants patience",
             404: "there is no such repository, or GH_TOKEN may not see it", 410: "its issues are switched off",
             422: "it takes the issue for wrong"}  # fmt: skip
    body = _body(reply)
    told = said(body.get("message", ""), 200) if isinstance(body, dict) else ""
    why = words.get(reply.code, f"it answers {reply.code}") + (f" ({told})" if told else "")
    if reply.code == 429 or reply.headers.get("retry-after"):
        return Unreachable("GitHub wants patience", why=why, state="nothing was done at GitHub", next="later again")
    return Refused("GitHub refuses", why=why, state="nothing was done at GitHub", next="look at GH_TOKEN and GH_REPO")


def _nothing(why: str) -> Unreachable:
    return Unreachable("GitHub cannot be asked", why=why, state="nothing was done at GitHub", next="later again")


def _object(found: Any) -> tuple[str, str]:
    """The sha and the kind of a reference's ``object``; "" where it is none."""
    named = found.get("object") if isinstance(found, dict) else None
    if not isinstance(named, dict) or not isinstance(named.get("sha"), str) or not _SHA.fullmatch(named["sha"]):
        return "", ""
    return named["sha"], str(named.get("type"))

"""A status page that is a git repository (STATUS_REPO): one Markdown file per incident, with cState's front matter.

The repository is public as a rule, so a file is named by its day and title, and neither it nor a commit names the
incident as omniops does: they carry a digest of it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from omniops.config import Settings
from omniops.errors import BadInput, Refused
from omniops.services.git_repo import GitRepo
from omniops.services.http import nothing
from omniops.services.length import refuse_longer
from omniops.text import clean, one_line

FOLDER = "content/issues"
MAX_TITLE = 255
MAX_BODY = 25_000
SEVERITY = {"critical": "down", "major": "disrupted", "minor": "disrupted", "none": "notice"}
"""An impact in Statuspage's word -> cState's."""
RESOLVED = "resolved"


class Published(NamedTuple):
    """``found``: it was there already."""

    path: str
    commit: str
    found: bool


class Update(NamedTuple):
    """One text. ``incident`` and ``message`` only enter as digests."""

    incident: str
    message: str
    title: str
    status: str
    impact: str
    body: str


class StatusGit:
    """The checkout STATUS_REPO. Raises what `GitRepo` raises."""

    def __init__(self, settings: Settings, guard: Callable[[str], None] | None = None) -> None:
        folder = settings.get("STATUS_REPO")
        if not folder:
            raise BadInput(
                "STATUS_REPO is not set", state="nothing was published", next="set STATUS_REPO to a checkout"
            )
        self.repo = GitRepo(settings, Path(folder).expanduser(), guard)

    def publish(self, update: Update, now: datetime, before: Callable[[], None] = nothing) -> Published:
        """Commit and push one text, newest first in the incident's file; once, however often it is asked for.
        ``before`` is called just before it is pushed."""
        refuse_longer("the status page", update.body, MAX_BODY, "nothing was published")
        refuse_longer("its title", update.title, MAX_TITLE, "nothing was published")
        target = self.repo.target()
        tip = self.repo.fetch(target)
        trailer = f"Omniops-Message: {digest(update.incident, update.message)}"
        mark = f"omniops: {digest(update.incident)}"
        path = self.repo.find(mark, FOLDER, tip)
        done = self.repo.commit_with(trailer, tip)
        if done:
            self.repo.follow(tip)
            return Published(path, done, True)
        old = self.repo.read(path, tip) if path else ""
        path = path or _free(f"{now:%Y-%m-%d}-{_slug(update.title)}", self.repo.files(FOLDER, tip))
        message = f"Status: {update.status}\n\n{trailer}\n"
        commit = self.repo.push(target, tip, path, written(old, mark, update, now), message, before)
        return Published(path, commit, False)


def digest(*parts: str) -> str:
    """What stands for an incident or a message where everybody can read."""
    return sha256("/".join(parts).encode()).hexdigest()[:16]


def written(old: str, mark: str, update: Update, now: datetime) -> str:
    """A file with one more text: the front matter's own lines changed, those of a person kept, the newest text first.

    Raises Refused for a file whose front matter is not there any more."""
    moment = now.astimezone(UTC)
    head, body = _parted(old) if old else ([f"date: {moment:%Y-%m-%dT%H:%M:%SZ}", "affected: []", "section: issue"], "")
    done = update.status == RESOLVED
    changed = {
        "title": json.dumps(one_line(update.title, len(update.title)), ensure_ascii=False),
        "resolved": "true" if done else "false",
        "resolvedWhen": f"{moment:%Y-%m-%dT%H:%M:%SZ}" if done else '""',
        "severity": SEVERITY[update.impact],
    }
    kept = [line for line in head if line.partition(":")[0] not in (*changed, "omniops")]
    lines = ["---", *(f"{name}: {value}" for name, value in changed.items()), *kept, mark, "---", ""]
    text = f'*{update.status.capitalize()}* - {_harmless(update.body)} {{{{< track "{moment:%Y-%m-%d %H:%M:%S}" >}}}}'
    return "\n".join([*lines, text, *(["", body] if body else [])]).rstrip() + "\n"


def _parted(text: str) -> tuple[list[str], str]:
    lines = text.splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        raise Refused(
            "the incident's file on the status page has no front matter", why="somebody has changed it",
            state="nothing was published", next="mend it in STATUS_REPO, and push",
        )  # fmt: skip
    end = lines.index("---", 1)
    return lines[1:end], "\n".join(lines[end + 1 :]).strip()


def _harmless(body: str) -> str:
    """A text in which no HTML, no shortcode and no line of three dashes is obeyed."""
    text = clean(body).strip().replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"\{(?=\{)", "{ ", text)  # every one of a row, however long it is
    return re.sub(r"(?m)^(\s*)([-=#]{1,})", r"\1\\\2", text)


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].rstrip("-") or "incident"


def _free(stem: str, taken: list[str]) -> str:
    names = [f"{FOLDER}/{stem}.md", *(f"{FOLDER}/{stem}-{n}.md" for n in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)

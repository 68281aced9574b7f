"""GitHub's issues through `gh`, which knows who the operator is there. A body goes in by stdin, unseen by others."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, Refused, Unreachable
from omniops.services.http import nothing, said

TIMEOUT_S = 20.0
NEWEST = 100
LABELLED = 1000
NOT_LOGGED_IN = 4
_ISSUE = re.compile(r"https?://[A-Za-z0-9.:-]{1,255}/([A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100})/issues/[0-9]{1,12}")
_PASSED_ON = (
    "PATH", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "GH_CONFIG_DIR", "GH_HOST",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


class Made(NamedTuple):
    """A new issue. ``labelled``: False where GitHub lacks one of its labels, so it was made without."""

    url: str
    labelled: bool


class Gh:
    """One repository's issues: ``owner/name``. Raises BadInput (no gh), Refused (not logged in), Unreachable (nothing
    was done) and InDoubt (it may have been)."""

    def __init__(self, settings: Settings, repo: str) -> None:
        self._settings, self.repo = settings, repo

    def find(self, mark: str, label: str = "") -> str:
        """The URL of the newest issue, open or closed, whose body holds ``mark``; "" where there is none among the
        newest 100, and the newest 1000 with this ``label``. Those with a label gh takes from GitHub's search, which
        learns of a new issue a little late; that one is among the newest."""
        found = self._look(mark, NEWEST)
        return found or (self._look(mark, LABELLED, "--label", label) if label else "")

    def _look(self, mark: str, most: int, *which: str) -> str:
        import json

        words = ["list", "--state", "all", "--limit", str(most), "--json", "url,body", *which]
        code, out, error = self._run(words, "")
        if code:
            raise self._failed(code, error)
        try:
            rows: Any = json.loads(out)
        except ValueError:
            rows = None
        if not isinstance(rows, list):
            raise Unreachable(
                "gh answers with something that is no list", state="nothing was done at GitHub", next="run gh"
            )
        for row in rows:
            if isinstance(row, dict) and mark in str(row.get("body")):
                return known_issue(row.get("url"))
        return ""

    def create(
        self,
        title: str,
        body: str,
        labels: Sequence[str],
        *,
        make_labels: bool = False,
        before: Callable[[], None] = nothing,
    ) -> Made:
        """Make an issue, once. A label that the repository lacks is made first with ``make_labels``; where it cannot
        be, it does not keep the issue from being made. ``before`` is called before each of these requests."""
        words = ["create", "--title", title, "--body-file", "-"]
        with_labels = [word for label in labels for word in ("--label", label)]
        before()
        code, out, error = self._run([*words, *with_labels], body)
        if code and "could not add label" in error and make_labels:
            for label in labels:  # one that is there already says so, and stays as it is
                before()
                self._run(["create", label], "", what="label")
            before()
            code, out, error = self._run([*words, *with_labels], body)
        labelled = True
        if code and "could not add label" in error:  # said before anything is made
            before()
            code, out, error = self._run(words, body)
            labelled = False
        if code == NOT_LOGGED_IN:
            raise self._failed(code, error)
        if code:
            raise doubt(said(error, 200) or f"it exited with {code}")
        return Made(new_issue(out.strip().rpartition("\n")[2], self.repo), labelled)

    def _run(self, words: Sequence[str], text: str, what: str = "issue") -> tuple[int, str, str]:
        import subprocess

        from omniops.services import child

        token = self._settings.secret("GH_TOKEN")
        env = {name: self._settings.get(name) for name in _PASSED_ON if self._settings.get(name)}
        env |= {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        env |= {"GH_TOKEN": token} if token else {}
        try:
            argv = [_place(self._settings) or "gh", what, words[0], "--repo", self.repo, *words[1:]]
            done = child.run(argv, given=text, env=env, timeout_s=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise doubt(f"gh did not end within {TIMEOUT_S:g} s") from None
        except (OSError, ValueError) as error:
            raise BadInput(
                "gh cannot be run",
                why=getattr(error, "strerror", None) or "an argument cannot be passed on",
                state="nothing was done at GitHub",
                next="install gh, or make the issue by hand",
            ) from None
        return done.returncode, done.stdout, done.stderr

    def _failed(self, code: int, error: str) -> Refused | Unreachable:
        why = said(error, 200) or f"it exited with {code}"
        if code == NOT_LOGGED_IN:
            return Refused("gh is not logged in", why=why, state="nothing was done at GitHub", next="gh auth login")
        return Unreachable("gh cannot ask GitHub", why=why, state="nothing was done at GitHub", next="run gh by hand")


def installed(settings: Settings) -> bool:
    """Is there a `gh` on the PATH? In a drill only its own one counts: the real one would reach GitHub."""
    return bool(_place(settings))


def _place(settings: Settings) -> str:
    from shutil import which

    folders = settings.get("OMNIROUTE_BIN") if settings.drill else settings.get("PATH") or os.defpath
    return (which("gh", path=folders) or "") if folders else ""


def new_issue(url: object, repo: str) -> str:
    """The address of a new issue of ``repo``. Raises InDoubt for anything else: then a proxy has answered, or the
    repository has another name by now, and whether there is an issue shows when it is looked for."""
    is_one = _ISSUE.fullmatch(str(url))
    if is_one and is_one[1].lower() == "/".join(repo.lower().split("/")[-2:]):
        return str(url)
    raise doubt(f"{said(url, 80) or 'nothing'} was answered, which is no issue of {repo}")


def known_issue(url: object) -> str:
    """The address of an issue whose text holds the mark that was looked for. Raises Unreachable where it is none."""
    if _ISSUE.fullmatch(str(url)):
        return str(url)
    raise Unreachable(
        "GitHub names no address of an issue", why=said(url, 80), state="nothing was done at GitHub", next="run gh"
    )


def doubt(why: str) -> InDoubt:
    """An issue of which nobody saw whether it was made."""
    return InDoubt(
        "nobody can tell whether the issue was made", why=why, state="it may be there", next="look at GitHub"
    )

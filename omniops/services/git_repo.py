"""A git checkout that is written to without touching its files: a commit is made beside them, and pushed in one step.

Every git is called with a list of arguments and no shell; texts go in by stdin. The push is the moment at which
something happens: it is refused by the remote where anybody else was faster, so a commit made on an old state is lost
and nothing else is. A process that is killed before it leaves objects that nothing points to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, Refused, Unreachable
from omniops.services.http import in_the_clear, nothing, said

TIMEOUT_S = 15.0
NOTHING = "nothing was published"
WHO = "omniops"
_PASSED_ON = ("PATH", "HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "SSL_CERT_FILE", "SSL_CERT_DIR")
_SCP = re.compile(r"(?:[^/:@]+@)?(\[[^]]+\]|[^/:]+):(?!//)")
_USER = re.compile(r"//[^/@\s]*@")


class Target(NamedTuple):
    """Where a branch goes: its remote, and the ref there."""

    branch: str
    remote: str
    ref: str
    where: str  # the remote's host, or its folder: without the user


class GitRepo:
    """The checkout in one folder. Raises BadInput (no checkout, no remote), Refused (in a state that is not touched)
    and Unreachable: nothing was published then; ``push`` raises InDoubt as well."""

    def __init__(self, settings: Settings, folder: Path, guard: Callable[[str], None] | None = None) -> None:
        self._settings, self.folder, self._guard = settings, folder, guard

    def target(self) -> Target:
        """The branch that is checked out, and where it goes. The address is checked, and nobody is asked."""
        code, top, error = self._git("rev-parse", "--show-toplevel")
        if code or Path(top).resolve() != self.folder.resolve():
            raise BadInput(
                "STATUS_REPO is not a git checkout", why=_plain(error) or "it lies inside another one", state=NOTHING,
                next="set STATUS_REPO to the checkout's own folder",
            )  # fmt: skip
        code, branch, _ = self._git("symbolic-ref", "--quiet", "--short", "HEAD")
        remote = self._git("config", f"branch.{branch}.remote")[1] if not code else ""
        ref = self._git("config", f"branch.{branch}.merge")[1] if remote else ""
        if not remote or remote == "." or not ref:
            raise BadInput(
                "STATUS_REPO's branch goes nowhere",
                why=f"{said(branch, 60)} has no remote that it follows" if branch else "no branch is checked out",
                state=NOTHING,
                next="git push --set-upstream origin BRANCH",
            )
        urls = {
            url
            for words in (("--all",), ("--push", "--all"))
            for url in self._git("remote", "get-url", *words, remote)[1].splitlines()
        }
        if not urls:
            raise BadInput(
                "STATUS_REPO's remote has no address", why=said(remote, 60), state=NOTHING, next="git remote"
            )
        hosts = {self._checked(url) for url in sorted(urls, key=lambda url: url.startswith(("/", "file:")))}
        return Target(branch, remote, ref, ", ".join(sorted(hosts)))

    def changes(self) -> str:
        """What is changed in the checkout and not committed, in words; "" where it is clean."""
        code, out, error = self._git("status", "--porcelain", "--untracked-files=normal")
        if code:
            return _plain(error) or "git status fails"
        return said("; ".join(row.strip() for row in out.splitlines()), 160)

    def fetch(self, target: Target) -> str:
        """The remote's newest commit. Raises Refused where the checkout has anything that the remote does not."""
        mine = self.changes()
        if mine:
            raise self._left_alone("has changes of its own", mine)
        code, _, error = self._git("fetch", "--quiet", "--no-tags", target.remote, target.ref)
        if code:
            raise Unreachable(
                f"{target.where} cannot be reached", why=_plain(error), state=NOTHING, next="omniops tick tries again"
            )
        tip = self._must("rev-parse", "--verify", "FETCH_HEAD^{commit}")
        if self._git("merge-base", "--is-ancestor", "HEAD", tip)[0]:
            why = "HEAD has commits that the remote does not have"
            raise self._left_alone("has gone another way than its remote", why)
        return tip

    def commit_with(self, line: str, tip: str) -> str:
        """The commit, at or below ``tip``, whose message has this line; "" where there is none."""
        found = self._must("log", "--fixed-strings", f"--grep={line}", "--max-count=1", "--format=%H", tip, "--")
        return found

    def files(self, folder: str, tip: str) -> list[str]:
        """The paths of a folder's files."""
        return self._must("ls-tree", "--name-only", "-z", tip, "--", f"{folder}/").split("\0")[:-1]

    def find(self, line: str, folder: str, tip: str) -> str:
        """The path of the file that has exactly this line (letters and digits); "" where there is none."""
        words = ("grep", "-E", "-l", "-z", "-e", f"^{re.escape(line)}$", tip, "--", f"{folder}/")
        code, out, _ = self._git(*words)
        return out.split("\0")[0].partition(":")[2] if not code else ""

    def read(self, path: str, tip: str) -> str:
        """A file's text."""
        return self._must("cat-file", "blob", f"{tip}:{path}", strip=False)

    def push(
        self, target: Target, tip: str, path: str, text: str, message: str, before: Callable[[], None] = nothing
    ) -> str:
        """Commit a file on top of ``tip`` and push it; the checkout follows. Returns the commit. Raises InDoubt."""
        commit = self._commit(tip, path, text, message)
        before()
        code, _, error = self._git("push", "--quiet", target.remote, f"{commit}:{target.ref}")
        if code and re.search(r"\[rejected\]|non-fast-forward|fetch first|failed to update ref|cannot lock ref", error):
            raise Unreachable(
                "somebody else was faster", why="the remote has moved on", state=NOTHING, next="omniops tick"
            )
        if code and "[remote rejected]" in error:
            raise Refused(f"{target.where} refuses the push", why=_plain(error), state=NOTHING, next="git push by hand")
        if code:
            raise InDoubt(
                f"nobody can tell whether {target.where} has it", why=_plain(error), state="it may have been published",
                next="omniops tick looks for it",
            )  # fmt: skip
        self.follow(commit)
        return commit

    def follow(self, commit: str) -> None:
        """Let the checkout follow what is published. Where it does not, what is published stays published."""
        self._git("merge", "--quiet", "--ff-only", commit)

    def _commit(self, tip: str, path: str, text: str, message: str) -> str:
        from tempfile import TemporaryDirectory

        blob = self._must("hash-object", "-w", "--stdin", given=text)
        with TemporaryDirectory(prefix="omniops-") as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index"}
            self._must("read-tree", tip, more=index)
            self._must("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", more=index)
            tree = self._must("write-tree", more=index)
        return self._must("commit-tree", tree, "-p", tip, "-F", "-", given=message)

    def _checked(self, url: str) -> str:
        """The host that an address leads to, in words; refused where it would send in the clear, and by a drill."""
        scp = None if "://" in url else _SCP.match(url)
        if "::" in url.partition("/")[0]:
            raise BadInput("STATUS_REPO's remote is of an unknown kind", why="a transport of git's own", state=NOTHING)
        if scp:
            url = f"ssh://{scp[1]}/"
        parts = urlsplit(url)
        if parts.password:  # git hands it on to its helper in the arguments, where others see it
            raise BadInput(
                "STATUS_REPO's remote has a password in its address", why="it would be seen in the list of processes",
                state=NOTHING, next="take it out, and set a git credential helper",
            )  # fmt: skip
        if parts.scheme in ("", "file"):
            if self._guard and not self._of_the_drill(parts.path):
                raise BadInput(
                    "a drill pushes nowhere else", why=f"the remote is the folder {said(url, 120)}", state=NOTHING,
                    next="this is a bug in omniops; please report it",
                )  # fmt: skip
            return f"the folder {said(url, 120)}"
        if parts.scheme not in ("https", "http", "ssh", "git+ssh", "ssh+git") or (
            parts.scheme == "http" and in_the_clear(url)
        ):
            raise BadInput(
                "STATUS_REPO's remote is neither https nor ssh", why="it would be sent in the clear", state=NOTHING,
                next="git remote set-url",
            )  # fmt: skip
        if self._guard:
            self._guard(url)
        return said(parts.hostname or "the remote", 120)

    def _of_the_drill(self, path: str) -> bool:
        """Does a folder lie in the drill's own?"""
        own = self._settings.get("OMNIOPS_DRILL_FOLDER")
        return bool(own) and (self.folder / path).resolve().is_relative_to(Path(own).resolve())

    def _left_alone(self, what: str, why: str) -> Refused:
        return Refused(
            f"the checkout in STATUS_REPO {what}", why=why, state=f"{NOTHING}; the checkout is as it was",
            next=f"git -C {said(self.folder, 120)} status",
        )  # fmt: skip

    def _must(self, *words: str, given: str = "", more: dict[str, str] | None = None, strip: bool = True) -> str:
        code, out, error = self._git(*words, given=given, more=more, strip=strip)
        if code:
            raise Unreachable(
                f"git {words[0]} failed in STATUS_REPO", why=_plain(error), state=NOTHING, next="run it by hand"
            )
        return out

    def _git(
        self, *words: str, given: str = "", more: dict[str, str] | None = None, strip: bool = True
    ) -> tuple[int, str, str]:
        import subprocess

        from omniops.services import child

        env = {name: self._settings.get(name) for name in _PASSED_ON if self._settings.get(name)}
        env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C.UTF-8"}
        env |= {"GIT_SSH_COMMAND": env.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")}
        for role in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{role}_NAME": WHO, f"GIT_{role}_EMAIL": f"{WHO}@localhost"}
        try:
            argv = ["git", "-C", str(self.folder), *words]
            done = child.run(argv, given=given, env={**env, **(more or {})}, timeout_s=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return 124, "", f"git {words[0]} did not end within {TIMEOUT_S:g} s"
        except (OSError, ValueError) as error:
            raise BadInput(
                "git cannot be run", why=getattr(error, "strerror", None) or "an argument cannot be passed on",
                state=NOTHING, next="install git",
            ) from None  # fmt: skip
        return done.returncode, done.stdout.strip() if strip else done.stdout, done.stderr


def _plain(error: str) -> str:
    """What git said, without the user and password of an address."""
    return said(_USER.sub("//", error), 200)

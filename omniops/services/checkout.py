"""A checkout of OmniRoute's repository (OMNIROUTE_REPO): from a version to its commit and back, by the tags."""

from __future__ import annotations

import re
from pathlib import Path

from omniops.config import Settings

TIMEOUT_S = 5.0
_SHA = re.compile(r"[0-9a-f]{7,40}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,80}")


class Checkout:
    """Asks git, read-only. Every answer is "" where there is no checkout, no git, or nothing known."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        folder = settings.get("OMNIROUTE_REPO")
        self.folder = Path(folder).expanduser() if folder else None

    def sha_of(self, version: str) -> str:
        """The commit that the tag ``v<version>`` names."""
        if not _VERSION.fullmatch(version):
            return ""
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/tags/v{version}^{{commit}}")
        return found if _SHA.fullmatch(found) else ""

    def version_of(self, sha: str) -> str:
        """The version whose tag names this commit; the newest, where there are several."""
        if not _SHA.fullmatch(sha):
            return ""
        tags = self._git("tag", "--list", "v*", "--points-at", sha, "--sort=-version:refname").splitlines()
        return tags[0].removeprefix("v") if tags else ""

    def _git(self, *words: str) -> str:
        if self.folder is None or not self.folder.is_dir():
            return ""
        import subprocess

        env = {name: self._settings.env[name] for name in ("PATH", "HOME") if self._settings.env.get(name)}
        env |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                ["git", "-C", str(self.folder), *words],
                capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=env, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

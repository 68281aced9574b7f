"""A real git repository with a bare remote, for the git-based status page."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class StatusRepo:
    """``folder`` is the checkout, ``remote`` the bare repository that it follows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.remote = folder / "status", folder / "status.git"
        self.home = folder / "git-home"
        self.home.mkdir()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), at=folder)
        self.git("clone", "--quiet", str(self.remote), str(self.folder), at=folder)
        (self.folder / "config.yml").write_text("title: Status\n", encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "The page")
        self.git("push", "--quiet", "--set-upstream", "origin", "HEAD:main")

    @property
    def env(self) -> dict[str, str]:
        return {"STATUS_REPO": str(self.folder)}

    def git(self, *words: str, at: Path | None = None) -> str:
        """Run git as a person would."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        for role in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{role}_NAME": "Somebody", f"GIT_{role}_EMAIL": "somebody@example.test"}
        done = subprocess.run(
            ["git", *words], cwd=at or self.folder, env=env, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    def published(self) -> list[str]:
        """The files of incidents, as the remote has them."""
        return self.git("ls-tree", "--name-only", "main", "content/issues/", at=self.remote).splitlines()

    def text(self, path: str = "") -> str:
        """A file as the remote has it; the only one, where none is named."""
        return self.git("show", f"main:{path or self.published()[0]}", at=self.remote)

    def commits(self) -> int:
        """How many texts were published."""
        return int(self.git("rev-list", "--count", "main", at=self.remote)) - 1

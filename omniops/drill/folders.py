"""The repositories of a drill: the checkout that postmortems are written into, and a git-based status page."""

from __future__ import annotations

import subprocess
from pathlib import Path

from omniops.drill.scenarios import Scenario
from omniops.errors import BadInput

CHECKOUT, STATUS = "omniroute", "status"
_TIMEOUT_S = 20.0
_DEBT = "# Technical debt\n" + "".join(
    f"\n## {limit}\n\n| ID | Title | Filed | Owner | Notes |\n|---|---|---|---|---|\n"
    for limit in ("P0 (due < 30 days)", "P1 (due < 90 days)", "P2 (due < 180 days)", "P3")
)


def write(state: Path, scenario: Scenario) -> None:
    """Write them below ``state``; what is there already stays. Raises BadInput where a status page needs git, and
    there is none."""
    debt = state / CHECKOUT / "docs" / "TECH_DEBT.md"
    if not debt.exists():
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        debt.parent.mkdir(parents=True, exist_ok=True)
        debt.write_text(_DEBT, encoding="utf-8")
    if scenario.lesser and not (state / STATUS / ".git").exists():
        _status_page(state)


def _status_page(state: Path) -> None:
    """A checkout of a bare repository beside it, so that a push has somewhere to go."""
    remote, here = state / f"{STATUS}.git", state / STATUS
    _git(state, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    _git(state, "clone", "--quiet", str(remote), str(here))
    (here / "config.yml").write_text("title: OmniRoute (drill)\n", encoding="utf-8")
    _git(here, "checkout", "--quiet", "-B", "main")
    _git(here, "add", ".")
    _git(here, "commit", "--quiet", "-m", "The page")
    _git(here, "push", "--quiet", "--set-upstream", "origin", "main")


def _git(folder: Path, *words: str) -> None:
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "drill", f"GIT_{role}_EMAIL": "drill@omniroute.example"}
    try:
        subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, check=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        raise BadInput(
            "this scenario needs git",
            why="its status page is a git repository",
            state="nothing was started",
            next="install git, or: omniops drill sev-1",
        ) from None

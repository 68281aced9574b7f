"""The real command as a subprocess, with an environment of its own: nothing of the shell's is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.screen import ROOT

_LATER = """
import sys
from datetime import timedelta
from omniops.clock import SystemClock
now, boot, late = SystemClock.now, SystemClock.boot, float(sys.argv[1])
SystemClock.now = lambda self: now(self) + timedelta(seconds=late)
SystemClock.boot = lambda self: boot(self) + late
from omniops.entry import run
sys.exit(run(sys.argv[2:]))
"""


def later(seconds: float) -> list[str]:
    """How omniops is started with its clocks ahead."""
    return [sys.executable, "-c", _LATER, str(seconds)]


class Command:
    """``command("mitigations", "--json")`` runs it; ``command.env`` is its environment."""

    def __init__(self, home: Path, **env: str) -> None:
        self.env = {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HOME": str(home),
            "OMNIOPS_HOME": str(home), "OMNIOPS_OPERATOR": "eve", **env,
        }  # fmt: skip

    def __call__(self, *words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "-m", "omniops", *words], stdin, env)

    def later(self, seconds: float, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run it with both of its clocks so much ahead: what has to be waited for is over, and nobody has waited."""
        return self._run([*later(seconds), *words], "", env)

    def _run(self, argv: list[str], stdin: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, env={**self.env, **env}, input=stdin, capture_output=True, text=True, timeout=90, check=False
        )

    def json(self, *words: str, **env: str) -> Any:
        """The answer of a command with ``--json``, whatever its exit code."""
        done = self(*words, "--json", **env)
        return json.loads(done.stdout)

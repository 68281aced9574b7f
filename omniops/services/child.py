"""A program that another service is reached through (git, gh): it takes so long at most, and does not outlive us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence

PR_SET_PDEATHSIG = 1


def run(
    argv: Sequence[str], *, given: str, env: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a program with a text on its stdin, from the root folder. Raises what ``subprocess.run`` raises.

    Whoever is killed enforces no time limit any more; so the program is killed with us, where the system can do that,
    and nothing of it happens later than those expect who look for what it did.
    """
    return subprocess.run(
        argv, input=given, capture_output=True, text=True, timeout=timeout_s, check=False, env=env, cwd=os.sep,
        preexec_fn=_ends_with_us(),
    )  # fmt: skip


def _ends_with_us() -> Callable[[], None] | None:
    """What the child does before it becomes the program: prctl(2), which only Linux has."""
    import ctypes
    import signal

    prctl, us, kill = getattr(ctypes.CDLL(None), "prctl", None), os.getpid(), int(signal.SIGKILL)
    if prctl is None:
        return None

    def promise() -> None:
        prctl(PR_SET_PDEATHSIG, kill)
        if os.getppid() != us:  # we were killed in between
            os._exit(1)

    return promise

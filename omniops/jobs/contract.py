"""Scripts that outlive omniops. The contract; `local.py` implements it on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from omniops.value import Value

LOST = -1
"""``exit``: the supervisor died before it could write the script's end down; nobody knows how, or whether, it ended."""
NOT_STARTED = -2
"""``exit``: the script certainly did not run, and never will under this attempt."""
TIMED_OUT = -3
"""``exit``: the script was killed at its time limit; it may have done any part of its work."""


class JobResult(Value):
    """How a script ended. ``stdout`` and ``stderr`` are cleaned and redacted; ``exit`` None: it is still running.

    An exit below zero is LOST, NOT_STARTED or TIMED_OUT, and the last line of ``stderr`` says so in words. A script
    that died of a signal has 128 + signal, as in a shell.
    """

    exit: int | None
    stdout: str
    stderr: str
    folder: str
    started: str = ""  # ISO, on the clock of the omniops that started it


class Jobs(Protocol):
    """Runs scripts under a supervisor in a folder named after the intent's key."""

    def run(
        self,
        key: str,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str],
        checkpoint: Callable[[], None] | None = None,
        cwd: str = "/",
    ) -> JobResult:
        """Start the script and wait for it. Raises FileNotFoundError / PermissionError before anything has started.

        The folder is made, exclusively, before the spawn: a second call with the same key never spawns again, it
        waits for the first one's end.
        """
        ...

    def result(self, key: str) -> JobResult | None:
        """What became of the job: None if it was never started."""
        ...

    def wait(self, key: str, timeout_s: float) -> JobResult | None:
        """Wait for a job that an earlier omniops started."""
        ...

    def void(self, key: str) -> bool:
        """Make certain that nothing of an earlier call can start any more. False: it has started, and is not void."""
        ...

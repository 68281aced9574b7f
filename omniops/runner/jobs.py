"""Scripts that outlive omniops. Contract first; see docs/architecture.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol


class JobResult(NamedTuple):
    """How a script ended. ``stdout`` and ``stderr`` are cleaned and redacted; ``exit`` None: it is still running."""

    exit: int | None
    stdout: str
    stderr: str
    folder: str


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

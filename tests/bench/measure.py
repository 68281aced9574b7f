"""What the parts of the benchmark share: interleaved medians, a row of the table, an environment without settings."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

RUNS = 31


class Row(NamedTuple):
    """One figure: how many times as long as (or, with ``ahead``, as short as) what was run beside it."""

    what: str
    beside: str
    ratio: float
    aim: float | None = None
    ahead: bool = False

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.ratio >= self.aim if self.ahead else self.ratio <= self.aim

    def line(self) -> str:
        bound = "at least" if self.ahead else "at most"
        aim = "" if self.aim is None else f"{bound} {self.aim:g}"
        verdict = {True: "met", False: "**missed**", None: ""}[self.met]
        return f"| {self.what} | {self.beside} | {self.ratio:.2f} | {aim} | {verdict} |"


class Skipped(Exception):
    """A part cannot be measured here; the text says why."""


def medians(runs: int = RUNS, **tasks: Callable[[], float]) -> dict[str, float]:
    """Run every task ``runs`` times, in turn, so that a slow minute hits all alike. A task returns its seconds.

    One round before the first is thrown away: caches are warm for everybody.
    """
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(runs):
        for name, task in tasks.items():
            taken[name].append(task())
    return {name: statistics.median(values) for name, values in taken.items()}


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes by the wall clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def quiet(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Run a command to its end; what it said is shown only where it fails."""
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout}{done.stderr}")


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a measured process: none of this shell's settings reach it."""
    fixed = {"LANG": "C.UTF-8", "OMNIOPS_HOME": str(home), "HOME": str(home), "OMNIOPS_OPERATOR": "bench"}
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), **fixed, **(more or {})}

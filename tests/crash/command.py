"""Commands of a drill against a simulator that a test owns: ``python -m tests.crash.command STATE walk|resume|undo``.

`omniops drill` starts its own simulator, which would die with the command; everything but that is what the CLI calls.
OMNIOPS_HOME and OMNIOPS_OPERATOR are taken from the environment, the rest from the simulator's own settings.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from omniops.cli import practice
from omniops.cli.context import streams
from omniops.cli.walking import conclude, conclude_undo
from omniops.drill.launcher import Simulator
from omniops.errors import OmniopsError
from omniops.runner.session import Result
from omniops.terminal.errors import show_error


def attached(state: Path) -> Simulator:
    """The running simulator of a folder, without owning its process."""
    nobodys: Any = None
    simulator = Simulator(nobodys, state)
    for name in ("OMNIOPS_HOME", "OMNIOPS_OPERATOR"):
        if os.environ.get(name):
            simulator.env[name] = os.environ[name]
    return simulator


def walk(simulator: Simulator, options: list[str]) -> int:
    """`mitigate`; ``options`` may name the step to end after."""
    return conclude(practice.walk(simulator, True, options[0] if options else ""), False)


def resume(simulator: Simulator, options: list[str]) -> int:
    """`resume`; with ``--take-over`` as `omniops resume --take-over`."""
    from omniops.runner.opening import pick_run
    from omniops.runner.session import resume as go_on

    here = practice.session(simulator, True)
    run = pick_run(here.journal, here.person, "")
    if not run:
        streams().say("Nothing to resume.")
        return 0
    result: Result = go_on(here, run, take_over="--take-over" in options)
    return conclude(practice.flushed(here, result), False)  # as every command of omniops ends


def undo(simulator: Simulator, options: list[str]) -> int:
    """`undo` of everything in force, by name: without names, repairs (a rollback, a restore) would stay."""
    from omniops.runner.putting_back import in_force, put_back

    here = practice.session(simulator, True)
    ids = [one.id for one in in_force(here)]
    return conclude_undo(put_back(here, ids, take_over="--take-over" in options), False)


def main(argv: list[str]) -> int:
    """Run one command; errors are shown and end in their exit codes, as in ``omniops.entry``."""
    commands = {"walk": walk, "resume": resume, "undo": undo}
    try:
        return commands[argv[1]](attached(Path(argv[0])), argv[2:])
    except OmniopsError as error:
        show_error(error, streams())
        return int(error.exit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

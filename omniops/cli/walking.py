"""What the walking commands (mitigate, resume, drill) do with a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.cli.context import emit, streams

if TYPE_CHECKING:
    from omniops.runner.session import Result


def conclude(result: Result, as_json: bool) -> int:
    """Show how a walk went and return the exit code. The last lines are what to type next."""
    from omniops.runner.report import as_json as answer
    from omniops.runner.report import lines

    error = result.error
    if as_json:
        emit(answer(result.state, result.outcome, error.what if error else ""))
    if error is not None:
        from omniops.terminal.errors import show_error

        show_error(error, streams())
    elif not as_json or streams().err_tty:
        for number, line in enumerate(lines(result.state, result.outcome)):
            tone = ("good" if result.outcome == "mitigated" else "warn") if number == 0 else ""
            streams().say(line, tone)
    return result.exit

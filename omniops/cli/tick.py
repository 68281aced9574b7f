"""`omniops tick`: send what is owed, and say what is due. Every command does the first by itself; a timer does both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, opened, settings, streams
from omniops.cli.options import Json

if TYPE_CHECKING:
    from omniops.runner.outbox import Show


def tick(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what needs a person; for cron.")] = False,
    json: Json = False,
) -> None:
    """Send what is owed, record what is recorded hourly, and say what is due.

    Exit code 0: nothing is due. 1: something is due that needs a person. 8: only clocks run.
    """
    from omniops.incident.due import NOW
    from omniops.runner.tick import lines
    from omniops.runner.tick import tick as once

    show: Show | None = None
    if not json and not quiet and streams().err_tty:
        from omniops.cli.pasting import paste

        show = paste
    done = once(settings(), clock(), open_journal(create=True), show=show)
    opened.clear()  # it has been flushed
    if json:
        emit(done.as_json())
    elif quiet:
        for one in done.due:
            if one.urgency == NOW:
                streams().result(one.words + (f"   ({one.next})" if one.next else ""), "bad")
    else:
        for line, tone in lines(done):
            streams().result(line, tone)
    raise typer.Exit(int(done.exit))

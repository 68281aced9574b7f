"""`omniops doctor`: is everything as it has to be before 03:00?"""

from __future__ import annotations

import typer

from omniops.cli.context import as_they_are, clock, emit, streams
from omniops.cli.options import Json


def doctor(json: Json = False) -> None:
    """Look at everything that must be true before 03:00. Reads only; exit 1 where something fails."""
    from omniops.runner.doctor import Screen, examine

    here = as_they_are()
    if not json and streams().interactive:
        streams().say("Looking at everything; at most 15 s ...", "dim")
    report = examine(here, clock(), Screen(**streams().abilities()))
    if json:
        emit(report.as_json(here.environment))
    else:
        from omniops.terminal.views.doctor import lines

        found = [finding._asdict() for finding in report.findings]
        for line, tone in lines(found, report.counts(), streams().width()):
            streams().result(line, tone)
    raise typer.Exit(int(report.exit))

"""`omniops undo [ID...]`: put back what a mitigation changed."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, person, settings, streams
from omniops.cli.options import Answers, Confirm, IncidentId, Json, Yes


def undo(
    ids: Annotated[
        list[str] | None, typer.Argument(help="m12, ... as `omniops mitigations` shows them; default all")
    ] = None,
    incident: IncidentId = "",
    yes: Yes = False,
    confirm: Confirm = None,
    answers: Answers = "",
    force: Annotated[bool, typer.Option("--force", help="Put back even what fails its own test.")] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take the run from a holder who may be alive.")
    ] = False,
    json: Json = False,
) -> None:
    """Put back what is still in force, newest first."""
    from omniops.runner.putting_back import put_back
    from omniops.runner.session import Session

    session = Session(settings(), clock(), person(yes, confirm or [], answers), open_journal(create=True))
    session.journal.verify()  # type: ignore[attr-defined]
    result = put_back(session, ids or [], incident=incident, force=force, take_over=take_over)
    if json:
        emit({"schema": "omniops.undo/1", "undone": result})
    elif not result:
        streams().say("Nothing to undo: no mitigation is in force.")

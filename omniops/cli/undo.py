"""`omniops undo [ID...]`: put back what a mitigation changed."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import clock, open_journal, person, settings
from omniops.cli.options import Answers, Confirm, Json, Yes


def undo(
    ids: Annotated[
        list[str] | None, typer.Argument(help="m12, ... as `omniops mitigations` shows them; default all")
    ] = None,
    incident: Annotated[str, typer.Option("--incident", metavar="ID", help="Only those of this incident.")] = "",
    yes: Yes = False,
    confirm: Confirm = None,
    answers: Answers = "",
    force: Annotated[
        bool, typer.Option("--force", help="Put back even what fails its own test, or may not be ours.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take the run from a holder who may be alive.")
    ] = False,
    json: Json = False,
) -> None:
    """Put back what is still in force, newest first."""
    from omniops.cli.walking import conclude_undo
    from omniops.runner.putting_back import put_back
    from omniops.runner.session import Session

    session = Session(settings(), clock(), person(yes, confirm or [], answers), open_journal(create=True))
    session.journal.verify()  # type: ignore[attr-defined]
    done = put_back(session, ids or [], incident=incident, force=force, take_over=take_over)
    raise typer.Exit(conclude_undo(done, json))

"""`omniops journal verify | accept`: is the record whole, and what if it is not."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, settings, streams
from omniops.cli.options import Json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def verify(json: Json = False) -> None:
    """Check the whole chain of events."""
    from omniops.errors import BadInput

    path = settings().journal_path
    if not path.exists() and not path.with_name(f"{path.name}.head").exists():
        raise BadInput(
            f"there is no journal at {path}",
            why="nothing has been written there, or OMNIOPS_HOME or OMNIOPS_JOURNAL names another place",
            state="nothing was checked",
            next="omniops config show says where that comes from",
        )
    journal = open_journal()
    count = journal.verify()
    if json:
        emit({"schema": "omniops.journal/1", "path": str(settings().journal_path), "events": count, "whole": True})
    else:
        streams().result(f"{settings().journal_path}: {count} events, the chain is whole.")


@app.command()
def accept(reason: Annotated[str, typer.Option(help="What happened to the lost events.")], json: Json = False) -> None:
    """Go on with a journal that has lost its tail. The loss itself is recorded."""
    from omniops.journal.lease import hostname
    from omniops.journal.store import SqliteJournal

    here = settings()
    lost = SqliteJournal.accept_loss(here.journal_path, clock(), here.operator, hostname(), here.drill, reason)
    if json:
        emit({"schema": "omniops.journal/1", "path": str(settings().journal_path), "accepted": lost})
    else:
        streams().result("Accepted and recorded. Check by hand what the lost events may have done.")

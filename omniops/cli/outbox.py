"""`omniops outbox`: messages that are owed to an outside system; `drop` and `retry` are a person's word on one."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import clock, emit, its_journal, open_journal, settings, streams, whose_journal
from omniops.cli.options import Json

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
Id = Annotated[str, typer.Argument(help="o3f2a1b, as `omniops outbox` shows it")]


@app.callback()
def show(
    context: typer.Context,
    all: Annotated[bool, typer.Option("--all", help="Those that are settled, too.")] = False,
    json: Json = False,
) -> None:
    """List what waits, and what may have been sent."""
    if context.invoked_subcommand:
        return
    from omniops.runner.outbox import messages

    found = [one for one in messages(its_journal()) if all or one.owed]
    if json:
        emit({"schema": "omniops.outbox/1", "messages": [one.as_json() for one in found]})
        return
    from omniops.terminal.views.outbox import outbox_lines

    for line in outbox_lines(found, clock().now(), streams().width()):
        streams().result(line)
    if not found:  # "empty" is said of this journal alone
        streams().say(whose_journal(), "dim")


@app.command()
def drop(id: Id, reason: Annotated[str, typer.Option(help="Why it is given up.")], json: Json = False) -> None:
    """Give a message up: it is not sent any more."""
    from omniops.runner.outbox import drop as give_up

    dropped = give_up(open_journal(create=True), id, reason)
    if json:
        emit({"schema": "omniops.outbox/1", "messages": [dropped.as_json()]})
    else:
        streams().result(f"Dropped: {dropped.id} ({dropped.about}).")


@app.command()
def retry(id: Id, json: Json = False) -> None:
    """Send a message again that may have been sent, or at once what waits. Look first whether it is there already."""
    from omniops.errors import Exit
    from omniops.runner.outbox import retry_now

    done = retry_now(settings(), clock(), open_journal(create=True), id)
    if json:
        emit({"schema": "omniops.outbox/1", "messages": [done.as_json()]})
    else:
        streams().result(f"{done.id} ({done.about}): {done.state}" + (f": {done.why}" if done.why else "") + ".")
    raise typer.Exit(int({"sent": Exit.DONE, "unsure": Exit.IN_DOUBT}.get(done.state, Exit.WAITING)))

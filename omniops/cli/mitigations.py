"""`omniops mitigations`: what is still in force, since when, by whom, and the command that undoes it."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import clock, emit, its_journal, open_journal, streams
from omniops.cli.options import Json

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def show(context: typer.Context, json: Json = False) -> None:
    """List what is still in force."""
    if context.invoked_subcommand:
        return
    from omniops.incident.view import MITIGATION_KINDS, mitigations

    found = mitigations(its_journal().kinds(MITIGATION_KINDS))
    if json:
        emit({"schema": "omniops.mitigations/1", "mitigations": [one.as_json() for one in found]})
        return
    from omniops.terminal.views.incidents import mitigation_lines

    for line in mitigation_lines(found, clock().now(), streams().width()):
        streams().result(line)
    if not found:  # "nothing" is said of this journal alone: a mistyped path or a colleague's is another one
        from omniops.cli.context import whose_journal

        streams().say(whose_journal(), "dim")


@app.command()
def keep(
    id: Annotated[str, typer.Argument(help="m12, as `omniops mitigations` shows it")],
    reason: Annotated[str, typer.Option(help="Why it stays on purpose.")],
    json: Json = False,
) -> None:
    """Keep a mitigation on purpose: it no longer stands in the way of resolving the incident."""
    from omniops.runner.records import keep as record_keep

    kept = record_keep(open_journal(create=True), id, reason)
    if json:
        emit({"schema": "omniops.mitigations/1", "mitigations": [kept.as_json()]})
    if not kept.reason:
        streams().say("The reason is not stored: the incident is on the security path (4.5).", "warn")
    if not json:
        still = f" `{kept.undo}` still puts it back." if kept.undo else ""
        streams().result(f"Kept on purpose: {kept.target}.{still}")

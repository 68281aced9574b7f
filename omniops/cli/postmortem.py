"""`omniops postmortem new | check | file`: section 7."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, settings, streams
from omniops.cli.options import Json
from omniops.errors import Exit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="[INCIDENT]", help="its id; without it: the open one, else the last")]


@app.command()
def new(
    incident: Id = "",
    output: Annotated[str, typer.Option(metavar="FILE", help="Default: docs/postmortem/ID.md of OMNIROUTE_REPO.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Write the first draft from the journal: timeline, impact, times; what is not known is left to you."""
    from omniops.runner.postmortem import meant, write_draft

    journal = open_journal(create=True)
    found = meant(journal, incident)
    path = write_draft(settings(), journal, found, clock().now(), output, force=force)
    if json:
        emit({"schema": "omniops.postmortem/1", "incident": found.id, "file": str(path.absolute())})
        return
    streams().result(f"Written: {path}")
    streams().say(f"next: fill in what says TODO, then: omniops postmortem check {path}", "key")


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="default: all of docs/postmortem of OMNIROUTE_REPO")
    ] = None,
    at: Annotated[str, typer.Option(help="As if it were this moment (ISO).")] = "",
    json: Json = False,
) -> None:
    """Check postmortems against section 7, for CI too: in time, attended, with owners and dates, blameless. Exit 1:
    something is to be mended."""
    from omniops.runner.postmortem import all_files, check_file

    now = _moment(at)
    told, wrong = [], 0
    for file in files or all_files(settings()):
        _, found = check_file(settings(), file, now)
        wrong += len(found)
        told.append({"file": str(file), "findings": [one._asdict() for one in found]})
        if not json:
            for one in found:
                streams().result(f"{file}:{one.line}:{one.column}: {one.rule}: {one.what}; {one.mend}")
    if json:
        emit({"schema": "omniops.postmortem-check/1", "files": told})
    elif not wrong:
        every = "" if files else f" (files: {len(told)})"
        streams().result(f"Nothing is to be mended{every}.", "good")
    raise typer.Exit(int(Exit.NO if wrong else Exit.DONE))


@app.command()
def file(
    incident: Id = "",
    path: Annotated[str, typer.Option("--file", metavar="FILE", help="Default: where `new` wrote it.")] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Though `check` finds something.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="File it as it is, without a last look.")] = False,
    json: Json = False,
) -> None:
    """File it: the GitHub issue, once, and its action items in docs/TECH_DEBT.md."""
    from omniops.cli.here import here_for
    from omniops.runner.postmortem import meant, written
    from omniops.runner.postmortem_filing import file as file_it

    here = here_for(yes, json)
    found = meant(here.journal, incident)
    filed = file_it(here, found, Path(path) if path else written(here.settings, here.journal, found), anyway=anyway)
    said = filed.said
    if json:
        emit({
            "schema": "omniops.postmortem-filed/1", "incident": found.id, "state": said.state, "why": said.why or None,
            "url": filed.url or None, "debt": list(filed.debt), "known": filed.known,
        })  # fmt: skip
    else:
        streams().result(f"Issue: {said.state}" + (f": {filed.url or said.why}" if filed.url or said.why else "") + ".")
        if filed.debt or filed.known:
            more = f"; {filed.known} were there already" if filed.known else ""
            streams().result(f"{filed.file}: {', '.join(filed.debt) or 'nothing new'}{more}.")
    raise typer.Exit(int(said.exit))


def _moment(text: str) -> datetime:
    from omniops.clock import parse_iso

    if not text:
        return clock().now()
    try:
        return parse_iso(text)
    except (ValueError, OverflowError):
        from omniops.errors import BadInput

        raise BadInput(
            f"--at {text[:40]!r} is no moment", state="nothing was checked", next="--at 2026-11-30T09:00:00Z"
        ) from None

"""`omniops checklist [INCIDENT]`: the first 15 minutes, timed from the page."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import person, settings, streams
from omniops.cli.options import Answers, Confirm, Json, Yes


def checklist(
    incident: Annotated[str, typer.Argument(help="which; without it: the open one that somebody was paged for")] = "",
    yes: Yes = False,
    confirm: Confirm = None,
    answers: Answers = "",
    until: Annotated[str, typer.Option(metavar="STEP", help="End after this step, with its outcome.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read, and show every change; make none.")] = False,
    json: Json = False,
) -> None:
    """Walk the first-15-minutes checklist, or go on with it. Its clocks count from the page."""
    from omniops.catalog import get

    here = settings()
    if not here.has_server:
        from omniops.config import no_server

        raise no_server("omniops runbook show first-15-minutes, and do each step by hand")
    graph = get("first-15-minutes", here)
    streams().say(f"{graph['title']} · {here.environment} · {here.omniroute_url}", "head")
    from omniops.cli.walking import conclude, paged_alone, session_of, unused
    from omniops.runner.checklist import walk
    from omniops.runner.session import Request

    asked = person(yes, confirm or [], answers)
    session = session_of(asked, dry_run)
    result = paged_alone(session, Request("security", incident=incident), walk(session, graph, incident, until=until))
    unused(asked)
    raise typer.Exit(conclude(result, json))

"""`omniops mitigate RUNBOOK [TARGET]`: walk a mitigation runbook."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import person, settings, streams
from omniops.cli.options import Answers, Confirm, IncidentId, Json, Yes


def mitigate(
    runbook: Annotated[str, typer.Argument(help="provider-outage, latency-regression, ..., or its section: 4.1")] = "",
    target: Annotated[str, typer.Argument(help="what it is about: a connection, a provider, a version")] = "",
    yes: Yes = False,
    confirm: Confirm = None,
    answers: Answers = "",
    incident: IncidentId = "",
    onset: Annotated[str, typer.Option(help="When it began: now, 10m, 02:15 (UTC), or ISO.")] = "",
    until: Annotated[str, typer.Option(metavar="STEP", help="End after this step, with its outcome.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read, and show every change; make none.")] = False,
    json: Json = False,
) -> None:
    """Walk a mitigation runbook, step by step."""
    from omniops.catalog import get

    here = settings()
    graph = get(runbook, here)
    streams().say(f"{graph['title']} · {here.environment} · {here.omniroute_url}", "head")
    # Imported below the first line, which is seen that much earlier (docs/benchmarks.md).
    from omniops.cli.walking import conclude, session_of, unused
    from omniops.runner.session import Request
    from omniops.runner.session import mitigate as begin

    asked = person(yes, confirm or [], answers)
    session = session_of(asked, dry_run)
    result = begin(session, Request(graph["id"], target, incident, onset, until), graph)
    unused(asked)
    raise typer.Exit(conclude(result, json))

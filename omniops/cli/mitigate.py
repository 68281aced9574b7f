"""`omniops mitigate RUNBOOK [TARGET]`: walk a mitigation runbook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.context import clock, environment_alone, person, settings, streams
from omniops.cli.options import Answers, Confirm, IncidentId, Json, Yes
from omniops.errors import Broken, OmniopsError, Waiting

if TYPE_CHECKING:
    from omniops.config import Settings
    from omniops.engine.graph import Graph
    from omniops.runner.session import Request, Result, Session
    from omniops.terminal.unattended import Combined, Unattended

SECURITY = ("security", "4.5")


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
    here, graph = _known(runbook)
    streams().say(f"{graph['title']} · {here.environment} · {_server(graph, here)}", "head")
    # Imported below the first line, which is seen that much earlier (docs/benchmarks.md).
    from omniops.cli.walking import conclude, session_of, unused
    from omniops.runner.session import Request, stops_everything
    from omniops.runner.session import mitigate as begin

    asked = person(yes, confirm or [], answers)
    request = Request(graph["id"], target, incident, onset, until)
    if stops_everything(graph) and not dry_run and until != graph["start"]:
        result = _security(here, asked, request, graph)
    else:
        result = begin(session_of(asked, dry_run), request, graph)
    unused(asked)
    raise typer.Exit(conclude(result, json))


def _security(here: Settings, asked: Unattended | Combined, request: Request, graph: Graph) -> Result:
    """The security path (4.5) does not wait for the journal either: where that fails before the page has left, the
    page goes out alone. Raises what the journal raised, where nothing has begun."""
    sys.dont_write_bytecode = True  # on a full disk Python would leave half a file behind, and fail at it next time
    from omniops.cli.walking import page_alone, paged_alone, session_of
    from omniops.runner.opening import left_behind
    from omniops.runner.session import mitigate as begin
    from omniops.runner.session import resume

    session: Session | None = None
    try:
        session = session_of(asked, False)
        left = left_behind(session.journal, request.runbook, request.incident)
        if left:  # typed again after a crash
            streams().say(f"Going on with run {left}, which nobody walks any more.", "warn")
        result = resume(session, left, take_over=False) if left else begin(session, request, graph)
    except OmniopsError as error:
        if session is None or isinstance(error, (Broken, Waiting)):
            page_alone(session or _unwritten(here, asked), request, error)
        raise
    return paged_alone(session, request, result)


def _unwritten(here: Settings, asked: Unattended | Combined) -> Session:
    """What a page is given where the journal cannot be opened: one that nothing is written into."""
    from omniops.journal.memory import MemoryJournal
    from omniops.runner.session import Session

    return Session(here, clock(), asked, MemoryJournal(clock(), "", "", here.drill))


def _known(runbook: str) -> tuple[Settings, Graph]:
    """The settings and the runbook. The security path (4.5) waits for no file to be mended: it goes on with what the
    environment says, and the runbook as shipped."""
    from omniops.catalog import get

    try:
        here = settings()
        return here, get(runbook, here)
    except OmniopsError as error:
        if runbook.strip().lower() not in SECURITY:
            raise
        streams().say(f"{error.brief}. Going on without it, with the environment alone.", "bad")
        here = environment_alone()
        return here, get(runbook, here)


def _server(graph: Graph, here: Settings) -> str:
    from omniops.runner.wiring import server_of

    return server_of(graph, here) or "no server is asked"

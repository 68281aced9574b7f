"""`omniops incident list | show | note | declare | verify | resolve`."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, person, settings, streams
from omniops.cli.options import Json
from omniops.errors import Exit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="[INCIDENT]", help="its id; without it: the open one")]


@app.command("list")
def list_(all: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False, json: Json = False) -> None:
    """List the open incidents."""
    from omniops.runner.known import incidents, open_runs

    journal = open_journal()
    found = [one for one in incidents(journal) if all or not one.resolved]
    runs = open_runs(journal)
    if json:
        from omniops.incident.story import incident_json

        emit({"schema": "omniops.incidents/1", "incidents": [incident_json(one, runs) for one in found]})
        return
    from omniops.terminal.views.incidents import incident_lines

    for line in incident_lines(found, runs, clock().now(), streams().width()):
        streams().result(line)


@app.command()
def show(id: Id = "", json: Json = False) -> None:
    """Show what happened, in order: every change, answer, verdict and note."""
    from omniops.incident.story import story, story_json
    from omniops.runner.known import open_runs, record_of
    from omniops.runner.records import pick

    journal = open_journal()
    incident = pick(journal, id)
    events = record_of(journal, incident.id)
    if json:
        emit(story_json(incident, events, open_runs(journal)))
        return
    from omniops.terminal.views.incidents import story_lines

    for line in story_lines(incident, story(events), clock().now(), streams().width()):
        streams().result(line)


@app.command()
def note(
    text: Annotated[str, typer.Argument(help="what to write down")],
    incident: Annotated[str, typer.Option("--incident", metavar="ID", help="which; default: the open one")] = "",
    json: Json = False,
) -> None:
    """Write something into the incident's timeline."""
    from omniops.runner.records import note as record_note
    from omniops.runner.records import pick

    journal = open_journal(create=True)
    found = pick(journal, incident)
    record_note(journal, found, text)
    if json:
        emit({"schema": "omniops.note/1", "incident": found.id, "text": text})
    else:
        streams().result(f"Noted in {found.id}.")


@app.command()
def declare(
    severity: Annotated[str, typer.Argument(help="SEV-1 to SEV-4; SEV1, sev-1 and 1 are understood")],
    incident: Annotated[str, typer.Option("--incident", metavar="ID", help="which; default: the open one")] = "",
    json: Json = False,
) -> None:
    """Write down the incident's severity."""
    from omniops.incident.signals import parse_severity
    from omniops.runner.records import declare as record_declare
    from omniops.runner.records import pick

    journal = open_journal(create=True)
    found, settled = pick(journal, incident), parse_severity(severity)
    record_declare(journal, found, settled)
    if json:
        emit({"schema": "omniops.incident/1", "incident": found.id, "severity": settled})
    else:
        streams().result(f"{found.id} is {settled}. `omniops classify {settled}` says who is paged, and by when.")


@app.command()
def verify(id: Id = "", json: Json = False) -> None:
    """Look at live traffic now: recovered, not recovered, or cannot tell."""
    from omniops.runner.records import pick
    from omniops.runner.session import Session
    from omniops.runner.verifying import verify_incident

    journal = open_journal(create=True)
    incident = pick(journal, id)
    verdict, sample = verify_incident(Session(settings(), clock(), person(), journal), incident)
    if json:
        emit({"schema": "omniops.verification/1", "incident": incident.id, "verdict": verdict, "last": sample})
    else:
        from omniops.engine.verify import VERDICTS

        streams().result(f"{VERDICTS[verdict]}: {sample.get('why', '')}" if sample else VERDICTS[verdict])
    raise typer.Exit(int(Exit.DONE if verdict == "recovered" else Exit.NO))


@app.command()
def resolve(id: Id = "", json: Json = False) -> None:
    """Close an incident. Refused while a mitigation is neither undone nor kept, or a run is open."""
    from omniops.runner.records import pick
    from omniops.runner.records import resolve as record_resolve

    journal = open_journal(create=True)
    incident = pick(journal, id)
    record_resolve(journal, incident)
    if json:
        emit({"schema": "omniops.incident/1", "incident": incident.id, "status": "resolved"})
    else:
        streams().result(f"{incident.id} is resolved.")

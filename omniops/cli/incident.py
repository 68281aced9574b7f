"""`omniops incident open | list | show | note | severity | role | verify | watch | resolve | export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.context import clock, emit, its_journal, open_journal, person, settings, streams, warn_of_frozen
from omniops.cli.options import Json
from omniops.errors import Exit

if TYPE_CHECKING:
    from omniops.incident.view import Incident

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="[INCIDENT]", help="its id; without it: the open one")]
OfIncident = Annotated[str, typer.Option("--incident", metavar="ID", help="which; default: the open one")]


@app.command("open")
def open_(
    title: Annotated[str, typer.Argument(metavar="[TITLE]", help="One line that says what is wrong.")] = "",
    onset: Annotated[str, typer.Option(help="When it began: now, 10m ago, 02:15 (UTC).")] = "",
    severity: Annotated[str, typer.Option(help="SEV-1 to SEV-4, where it is known already.")] = "",
    source: Annotated[str, typer.Option(help="Who saw it: user-report, ... (omniops page open lists them).")] = "",
    json: Json = False,
) -> None:
    """Open an incident by hand. Pages nobody: `omniops page open` tells what no pager knows."""
    from omniops.cli import incident_opening

    found, new = incident_opening.open_(title, onset, severity, source)
    if json:
        from omniops.incident.story import incident_json

        emit({"schema": "omniops.incident/1", **incident_json(found, {}), "new": new})
        return
    if not new:
        streams().result(f"Open already, with this title: {found.id}" + (f" ({found.severity})" * bool(found.severity)))
    else:
        from omniops.clock import parse_iso, to_minute
        from omniops.text import duration

        began = parse_iso(found.onset)
        onset = f"onset {to_minute(began)}, {duration((clock().now() - began).total_seconds())} ago"
        streams().result(f"{found.id} is open" + (f" as {found.severity}" if found.severity else "") + f"; {onset}.")
    streams().say(f"next: {incident_opening.next_step(found)}", "key")


@app.command("list")
def list_(all: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False, json: Json = False) -> None:
    """List the open incidents."""
    from omniops.runner.known import incidents, open_runs

    journal = its_journal()
    found = [one for one in incidents(journal) if all or not one.resolved]
    runs = open_runs(journal)
    if json:
        from omniops.incident.story import incident_json

        emit({"schema": "omniops.incidents/1", "incidents": [incident_json(one, runs) for one in found]})
        return
    from omniops.terminal.views.incidents import incident_lines

    for line in incident_lines(found, runs, clock().now(), streams().width()):
        streams().result(line)
    if not found:
        from omniops.cli.context import whose_journal

        streams().say(whose_journal(), "dim")


@app.command()
def show(id: Id = "", json: Json = False) -> None:
    """Show what is owed and in force, and what happened, in order: every change, answer, verdict and note."""
    from omniops.incident.story import story, story_json
    from omniops.runner.board import board_of
    from omniops.runner.known import open_runs, record_of
    from omniops.runner.meant import pick

    journal, now = its_journal(), clock().now()
    incident = pick(journal, id, last=True)
    warn_of_frozen(incident)
    events = record_of(journal, incident.id)
    board = board_of(journal, incident.id, now, settings().user_runbooks)
    if json:
        emit(story_json(incident, events, open_runs(journal), board.stands(now)))
        return
    from omniops.terminal.views.board import standing
    from omniops.terminal.views.incidents import story_lines

    width = streams().width()
    for line, tone in standing(board, now, width):
        streams().result(line, tone)
    for text in story_lines(incident, story(events), now, width):
        streams().result(text)


@app.command()
def note(
    text: Annotated[str, typer.Argument(help="what to write down")], incident: OfIncident = "", json: Json = False
) -> None:
    """Write something into the incident's timeline."""
    from omniops.runner.meant import pick
    from omniops.runner.records import note as record_note

    journal = open_journal(create=True)
    found = pick(journal, incident, option=True)
    record_note(journal, found, text)
    if json:
        emit({"schema": "omniops.note/1", "incident": found.id, "text": text})
    else:
        streams().result(f"Noted in {found.id}.")


@app.command()
def severity(
    severity: Annotated[str, typer.Argument(help="SEV-1 to SEV-4; SEV1, sev-1 and 1 are understood")],
    why: Annotated[str, typer.Option(help="What says so; it goes into the timeline, with who said it.")] = "",
    incident: OfIncident = "",
    json: Json = False,
) -> None:
    """Write down how bad the incident is, and why."""
    from omniops.incident.signals import parse_severity
    from omniops.runner.meant import pick
    from omniops.runner.records import declare as record_declare

    journal, settled = open_journal(create=True), parse_severity(severity)
    found = pick(journal, incident, option=True)
    asks = not why and streams().interactive and not (found.frozen or found.resolved)
    reason = person().reason("why", f"Why is it {settled}?") if asks else why
    new = record_declare(journal, found, settled, reason)
    if json:
        emit({"schema": "omniops.incident/1", "incident": found.id, "severity": settled, "new": new})
    elif new:
        streams().result(f"{found.id} is {settled}. `omniops classify {settled}` says who is paged, and by when.")
    else:
        streams().result(f"{found.id} is {settled} already.")


@app.command()
def role(
    role: Annotated[str, typer.Argument(metavar="[commander|scribe|comms]", help="which; none: show all three")] = "",
    who: Annotated[str, typer.Argument(metavar="[WHO]", help="who has it from now on")] = "",
    me: Annotated[bool, typer.Option("--me", help="I have it from now on.")] = False,
    incident: OfIncident = "",
    json: Json = False,
) -> None:
    """Show who has which role in the incident, or give one to somebody."""
    from omniops.incident.view import ROLES
    from omniops.runner.known import incident_of
    from omniops.runner.meant import pick
    from omniops.runner.records import assign

    journal = open_journal(create=bool(role))
    found = pick(journal, incident, option=True)
    if role:
        before = assign(journal, found, role, _who(role, who, me))
        found = incident_of(journal, found.id)
        if before and before != found.roles[role] and not json:
            streams().say(f"{role} was {before} until now.", "dim")
    if json:
        roles = {one: found.roles.get(one) for one in ROLES}
        emit({"schema": "omniops.roles/1", "incident": found.id, "roles": roles})
        return
    from omniops.terminal.views.plain import table

    rows = [[one, found.roles.get(one) or "nobody"] for one in ROLES]
    streams().result(table(["role", "who"], rows, streams().width()))


def _who(role: str, who: str, me: bool) -> str:
    """The one named, or oneself. Raises BadInput for both."""
    if who and me:
        from omniops.errors import BadInput

        raise BadInput(
            f"who is {role}: {who}, or you?", state="nothing was written", next=f"omniops incident role {role} --me"
        )
    return settings().operator if me else who


@app.command()
def verify(id: Id = "", json: Json = False) -> None:
    """Look at live traffic now: recovered, not recovered, or cannot tell."""
    from omniops.runner.meant import pick
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
        if verdict == "inconclusive":
            from omniops.incident.typed import by_hand

            streams().say(f"next: once more, or by hand: {by_hand(incident.id)}", "key")
    raise typer.Exit(int(Exit.DONE if verdict == "recovered" else Exit.NO))


@app.command()
def watch(
    id: Id = "",
    every: Annotated[str, typer.Option(metavar="TIME", help="How often it looks.")] = "1s",
    times: Annotated[int, typer.Option(metavar="N", min=0, help="End after so many looks.")] = 0,
    json: Json = False,
) -> None:
    """A live board: clocks, what is owed, what is in force, the last events. q leaves.

    Without a terminal it prints only what changes, a line for each; with --json the whole board, whenever it changes.
    """
    from omniops.cli.incident_watch import watch_incident
    from omniops.cli.waiting import interval

    watch_incident(id, interval(every, "omniops incident watch --every 5s"), times, json)


@app.command()
def resolve(
    id: Id = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")] = False,
    json: Json = False,
) -> None:
    """Close an incident. From then on its resolution mail and its postmortem are owed.

    Refused while a mitigation is neither undone nor kept, a run is open, or something that was due is still owed.
    """
    from omniops.cli.incident_resolving import confirmed, owed_now
    from omniops.runner.meant import pick
    from omniops.runner.resolving import left_open, not_shown
    from omniops.runner.resolving import resolve as record_resolve

    journal, now, folder = open_journal(create=True), clock().now(), settings().user_runbooks
    incident = pick(journal, id)
    unproven = not_shown(journal, incident)
    if not incident.resolved:
        confirmed(incident, left_open(journal, incident, now, folder), unproven, yes)
        record_resolve(journal, incident, clock().now(), folder)
    owed = owed_now(journal, incident.id)
    if json:
        owes = [one.as_json(clock().now()) for one in owed]
        emit({"schema": "omniops.incident/1", "incident": incident.id, "status": "resolved",
              "unproven": unproven or None, "obligations": owes})  # fmt: skip
        return
    _resolved(incident, unproven)
    from omniops.terminal.views.board import owed_row

    for line, tone in (line for one in owed for line in owed_row(one, clock().now()).wrapped(streams().width())):
        streams().say(line, tone)


def _resolved(incident: Incident, unproven: str) -> None:
    already = " already" if incident.resolved else ""
    shown = f" It is not shown to have recovered: {unproven}." if unproven else ""
    streams().result(f"{incident.id} is resolved{already}.{shown}")


@app.command()
def export(
    id: Id = "",
    format: Annotated[str, typer.Option(metavar="json|markdown|html", help="Default: as the file is named.")] = "",
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Default: stdout.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Write the incident's report: timeline, SLO series, who did what, what was owed, and what was changed.

    The HTML page is one file that asks nothing of any network. Of an incident on the security path (4.5) nothing is
    written but that it was entered, by whom, and when.
    """
    from omniops.cli.incident_export import export_incident

    export_incident(id, format, output, force, json)

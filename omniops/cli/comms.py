"""`omniops comms due | post | status | email | upstream | done`: section 5, who is told what, and by when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.context import clock, emit, its_journal, open_journal, settings, streams, typed_in, whose_journal
from omniops.cli.here import here_for
from omniops.cli.options import Json, all_given
from omniops.errors import Exit

if TYPE_CHECKING:
    from omniops.runner.leaving import Said

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
IncidentId = Annotated[str, typer.Option("--incident", metavar="ID", help="Which; default: the one that owes it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Send it as it is, without a last look.")]
Edit = Annotated[bool, typer.Option("--edit", help="Write the free words in your editor first.")]
Words = Annotated[str, typer.Argument(metavar="[TEXT]", help="free words, put where the template has them")]


@app.command()
def due(
    incident: Annotated[str, typer.Option("--incident", metavar="ID", help="Of this incident alone.")] = "",
    all: Annotated[bool, typer.Option("--all", help="What is fulfilled, too.")] = False,
    json: Json = False,
) -> None:
    """List what is owed, soonest first, and how late it is.

    Exit code 0: nothing is owed. 1: something is overdue. 8: nothing is, but something will be due.
    """
    from omniops.runner.comms import obligations_of

    now = clock().now()
    found = obligations_of(its_journal(), now, incident, folder=settings().user_runbooks)
    shown = found if all else [one for one in found if one.open]
    if json:
        emit({"schema": "omniops.obligations/1", "obligations": [one.as_json(now) for one in shown]})
    else:
        from omniops.terminal.views.comms import due_lines

        for line, tone in due_lines(shown, now, streams().width()):
            streams().result(line, tone)
        if not found:  # "nothing" is said of this journal alone
            streams().say(whose_journal(), "dim")
    if any(one.overdue(now) for one in found):
        raise typer.Exit(int(Exit.NO))
    raise typer.Exit(int(Exit.WAITING if any(one.open for one in found) else Exit.DONE))


@app.command()
def post(
    text: Annotated[
        str,
        typer.Argument(metavar="[TEXT]", help="what to post to the incident's channel; without it, what was declined"),
    ] = "",
    obligation: Annotated[
        str, typer.Option("--for", metavar="ID", help="ops.standup or review.weekly: to the ops channel instead.")
    ] = "",
    incident: IncidentId = "",
    yes: Yes = False,
    edit: Edit = False,
    json: Json = False,
) -> None:
    """Post to the incident's channel."""
    from omniops.runner.telling import post as tell

    here = here_for(yes, json)
    _conclude([tell(here, incident, _words(text, edit), obligation)], json)


@app.command()
def status(
    text: Words = "",
    progress: Annotated[
        str, typer.Option("--status", help="investigating, identified, monitoring or resolved; default: suggested.")
    ] = "",
    impact: Annotated[str, typer.Option(help="none, minor, major or critical; default: by severity.")] = "",
    incident: IncidentId = "",
    yes: Yes = False,
    edit: Edit = False,
    json: Json = False,
) -> None:
    """Write the next text on the status page: suggested from the journal, shown first."""
    from omniops.incident.communication import LEVELS, STATUSES
    from omniops.runner.telling import status as tell

    _one_of("--status", progress, STATUSES)
    _one_of("--impact", impact, LEVELS)
    _sentence("" if edit else text, "--status" if text in STATUSES else "")
    here = here_for(yes, json)
    _conclude([tell(here, incident, _words(text, edit), progress, impact)], json)


@app.command()
def email(
    text: Words = "",
    kind: Annotated[str, typer.Option(help="start or resolution; default: what is due.")] = "",
    incident: IncidentId = "",
    yes: Yes = False,
    edit: Edit = False,
    json: Json = False,
) -> None:
    """Write to customers: at the start of a SEV-1, and at its resolution."""
    from omniops.runner.telling import email as tell

    _one_of("--kind", kind, ("start", "resolution"))
    _sentence("" if edit else text, "--kind" if text in ("start", "resolution") else "")
    here = here_for(yes, json)
    _conclude([tell(here, incident, _words(text, edit), kind)], json)


@app.command()
def upstream(
    text: Words = "",
    provider: Annotated[list[str] | None, typer.Option(help="This provider; may be repeated.")] = None,
    incident: IncidentId = "",
    yes: Yes = False,
    edit: Edit = False,
    json: Json = False,
) -> None:
    """Write to each provider that is affected, through vendor management."""
    from omniops.runner.telling import upstream as tell

    _sentence("" if edit else text, "--provider")
    here = here_for(yes, json)
    _conclude(tell(here, incident, _words(text, edit), list(provider or ())), json)


@app.command()
def done(
    obligation: Annotated[
        str, typer.Argument(metavar="OBLIGATION", help="its id, as `omniops comms due` shows it")
    ] = "",
    how: Annotated[str, typer.Option(help="How it was fulfilled, in words. Needed.")] = "",
    incident: IncidentId = "",
    json: Json = False,
) -> None:
    """Write down that something owed was done by hand."""
    from omniops.runner.fulfilling import fulfil

    all_given('omniops comms done mail.start --how "..."', OBLIGATION=obligation, how=how)
    found = fulfil(open_journal(create=True), clock().now(), obligation, how, incident, settings().user_runbooks)
    if json:
        emit({"schema": "omniops.obligation/1", "incident": found.incident, "obligation": found.id, "how": how})
    else:
        streams().result(f"Written down for {found.incident}: {found.id} was done ({found.words}).")


def _words(text: str, edit: bool) -> str:
    """The free words: as they were typed, from stdin (``-``), or from the editor."""
    from omniops.cli.editing import MOST_BYTES, within

    if text == "-":
        text = typed_in(MOST_BYTES, "give the text in UTF-8: iconv -t UTF-8")
    if edit:
        if not streams().interactive:
            from omniops.errors import BadInput

            raise BadInput(
                "--edit needs a terminal", state="nothing was sent", next="give the text as an argument, or - for stdin"
            )
        from omniops.cli.editing import edit as opened

        text = opened(text)
    within(text.encode(errors="replace"))
    from omniops.text import clean

    return clean(text).strip()


def _sentence(text: str, option: str) -> None:
    """Raises BadInput for a single word, which is meant for an option, as a rule: customers would read it."""
    if text and text != "-" and len(text.split()) == 1:
        from omniops.errors import BadInput
        from omniops.text import one_line

        word = one_line(text, 40)
        raise BadInput(
            f"{word!r} would be a sentence of the text that goes outside",
            why="one word alone is a slip, as a rule",
            state="nothing was sent",
            next=f"{option} {word}, or words in quotes" if option else 'words in quotes: "..."',
        )


def _one_of(option: str, given: str, known: Sequence[str]) -> None:
    if given and given not in known:
        from difflib import get_close_matches

        from omniops.errors import BadInput
        from omniops.text import one_line

        raise BadInput(
            f"{option} {one_line(given, 40)!r} is not known",
            why=f"it is one of {', '.join(known)}",
            state="nothing was sent",
            next=f"{option} {get_close_matches(given, known, 1, 0)[0]}",
        )


def _conclude(found: list[Said], json: bool) -> None:
    """Say what became of each; the exit code is the first that is not 0."""
    if json:
        told: list[dict[str, Any]] = [one.as_json() for one in found]
        emit({"schema": "omniops.comms/1", "messages": told})
    else:
        from omniops.terminal.views.comms import said_lines

        for one in found:
            if one.state == "to be pasted" and one.message is None:  # what was queued has been shown
                from omniops.terminal.layout import safe_lines

                streams().result("\n".join(safe_lines(one.draft.text)))
            for line, tone in said_lines(one.state, one.draft.where, one.why, streams().width()):
                streams().result(line, tone)
    raise typer.Exit(next((int(one.exit) for one in found if one.exit), 0))

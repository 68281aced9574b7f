"""`omniops resume [RUN]`: go on with a run that was paused or killed."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, person, settings, streams, whose_journal
from omniops.cli.options import Answers, Confirm, Json, Yes
from omniops.errors import Broken, Waiting


def resume(
    run: Annotated[str, typer.Argument(help="the run, such as r7f3a; without it: the open one")] = "",
    yes: Yes = False,
    confirm: Confirm = None,
    answers: Answers = "",
    take_over: Annotated[bool, typer.Option("--take-over", help="Take it from a holder who may be alive.")] = False,
    abort: Annotated[str, typer.Option("--abort", metavar="REASON", help="End the run instead of going on.")] = "",
    json: Json = False,
) -> None:
    """Go on with a run."""
    from omniops.cli.walking import conclude, paged_alone, unused
    from omniops.runner.opening import pick_run
    from omniops.runner.session import Request, Session
    from omniops.runner.session import resume as go_on

    asked = person(yes, confirm or [], answers)
    try:
        journal = open_journal(create=True)
        journal.verify()
    except (Broken, Waiting) as error:  # which run it was, only the journal says
        error.next += ". Is it the security path (4.5)? omniops mitigate security pages without the journal"
        raise
    run = pick_run(journal, asked, run)
    if not run:
        if json:
            emit({"schema": "omniops.run/1", "run": None, "outcome": None, "changes": []})
        streams().say("Nothing to resume: no run is open.")
        streams().say(whose_journal(), "dim")
        return
    session = Session(settings(), clock(), asked, journal)
    result = paged_alone(session, Request("security"), go_on(session, run, take_over=take_over, abort=abort))
    unused(asked)
    raise typer.Exit(conclude(result, json))

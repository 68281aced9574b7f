"""What the walking commands (mitigate, resume, drill) do with a result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from omniops.cli.context import emit, streams
from omniops.errors import Broken, Exit, NeedsPerson, Waiting

if TYPE_CHECKING:
    from omniops.errors import OmniopsError
    from omniops.runner.putting_back import PutBack
    from omniops.runner.session import Request, Result, Session
    from omniops.terminal.unattended import Combined, Unattended


def session_of(asked: Unattended | Combined, dry_run: bool) -> Session:
    """What a walk is given: the settings, the journal, verified from end to end, and who answers."""
    from omniops.cli.context import clock, open_journal, settings
    from omniops.runner.session import Session

    journal = open_journal(create=True)
    journal.verify()
    session = Session(settings(), clock(), asked, journal, dry_run)
    if dry_run:
        from omniops.cli.rehearse import rehearsed

        return rehearsed(session)
    return session


def paged_alone(session: Session, request: Request, result: Result) -> Result:
    """The security path (4.5), whichever command walks it, does not wait for the journal: where that has failed on it
    before the page has left, the page goes out alone."""
    if isinstance(result.error, (Broken, Waiting)) and not result.dry:
        from omniops.runner.security import entered

        if entered(result):
            page_alone(session, request, result.error, result)
    return result


def page_alone(session: Session, request: Request, error: OmniopsError, result: Result | None = None) -> None:
    """Page the security on-call without the journal."""
    sys.dont_write_bytecode = True  # see `mitigate`
    from omniops.cli.context import opened
    from omniops.runner.security import page_alone as page

    opened.clear()  # what is not frozen is not sent at the command's end either
    page(session, request, error, result)


def conclude(result: Result, as_json: bool) -> int:
    """Show how a walk went and return the exit code. The last lines are what to type next."""
    from omniops.runner.report import as_json as answer
    from omniops.runner.report import lines

    error = result.error
    if as_json:
        emit(answer(result.state, result.outcome, error.what if error else "", result.dry))
    if result.dry:
        return _rehearsed(error)
    if error is not None:
        _stopped(error)
    elif not as_json or streams().err_tty:
        for line, tone in lines(result.state, result.outcome):
            streams().say(line, tone)
    return result.exit


def _rehearsed(error: OmniopsError | None) -> int:
    """A dry run has changed nothing and leaves no run behind, whatever stopped it."""
    from omniops.errors import Interrupted

    asked = isinstance(error, NeedsPerson)
    left = isinstance(error, Interrupted)
    end = "You left it" if left else f"It would stop: {error.what}" if error else "It would go through"
    streams().say(f"Dry run: nothing was changed, and nothing is left open. {end}.", "warn")
    if error is not None and not left:
        if error.why:
            streams().say(f"why:   {error.why}")
        if asked and error.next:
            streams().say(f"next: {error.next}", "key")
    return int(Exit.DONE if error is None or asked else error.exit)


def _stopped(error: OmniopsError) -> None:
    """What stopped the walk. A pause that was asked for is no error."""
    from omniops.errors import Interrupted
    from omniops.terminal.errors import show_error

    if not isinstance(error, Interrupted):
        show_error(error, streams())
        return
    streams().say(f"Paused: {error.what}; {error.state}.", "warn")
    streams().say(f"next: {error.next}", "key")


def unused(asked: Unattended | Combined) -> None:
    """Say which answers of the answers file nothing has asked for: a typing error, mostly."""
    left = asked.unused()
    if left:
        streams().say(f"Nothing asked for these answers: {', '.join(left)}.", "warn")


def conclude_undo(done: Sequence[PutBack], as_json: bool, drill: bool = False) -> int:
    """Show what was put back and what was not; the exit code is that of the first that was not."""
    from omniops.terminal.errors import show_error

    failed = [one.error for one in done if one.error is not None]
    if as_json:
        emit({"schema": "omniops.undo/1", "drill": drill, "mitigations": [one.as_json() for one in done]})
    elif not done:
        from omniops.cli.context import whose_journal

        streams().say("Nothing to undo: no mitigation is in force that is to be put back.")
        if not drill:
            streams().say(whose_journal(), "dim")
    for error in failed:
        show_error(error, streams())
    return int(failed[0].exit) if failed else int(Exit.DONE)

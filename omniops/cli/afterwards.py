"""What every command ends with: messages that are owed get a moment to leave. Its own answer is out by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.cli.context import Opened, opened, streams
from omniops.errors import Exit, OmniopsError

if TYPE_CHECKING:
    from omniops.runner.outbox import Show

_LEFT_IN_A_HURRY = (Exit.INTERRUPTED, Exit.TERMINATED, Exit.BUG)


def tick_once(code: int, argv: list[str]) -> None:
    """Flush the outbox of the journal that the command has used, for about two seconds; the exit code stays.

    Not after Ctrl-C, not after a rehearsal, not for a drill (its simulator has gone), and not after a read with
    ``--json``, which a script may repeat every second.
    """
    used = next((one for one in reversed(opened) if one.writes), opened[-1])
    scripted = "--json" in argv
    if used.settings.drill or code in _LEFT_IN_A_HURRY or "--dry-run" in argv or (scripted and not used.writes):
        return
    try:
        _flush(used, scripted)
    except OmniopsError as error:
        streams().say(f"The outbox was not looked at: {error.what}.", "dim")
    except KeyboardInterrupt:
        streams().say("The outbox waits: omniops tick.", "dim")


def _flush(used: Opened, scripted: bool) -> None:
    from omniops.runner.tick import afterwards, moved, worth_a_tick

    if not worth_a_tick(used.journal):
        return
    journal = used.journal
    if not used.writes:  # it was opened for reading, without a name to write under
        from omniops.cli.context import open_journal

        journal = open_journal(used.settings, used.clock, create=True)
    show: Show | None = None
    if not scripted and streams().err_tty:
        from omniops.cli.pasting import paste

        show = paste
    for line, tone in moved(afterwards(used.settings, used.clock, journal, show)):
        streams().say(line, tone)

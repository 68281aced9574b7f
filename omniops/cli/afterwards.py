"""What every command ends with: messages that are owed get a moment to leave, and what is owed to somebody and is late
is said. Its own answer is out by then."""

from __future__ import annotations

from omniops.cli.commands import COMMANDS
from omniops.cli.context import Opened, opened, streams
from omniops.errors import Exit, OmniopsError

MOST = 3
_SAYS_SO_ITSELF = ("comms", "config", "journal")
_WALKS = ("checklist", "incident", "mitigate", "resume", "undo")
"""After these the next thing that will be owed is shown, too."""
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
    word = next((one for one in argv if one in COMMANDS), "")
    if scripted or word in _SAYS_SO_ITSELF or "watch" in argv[:2]:
        return
    try:
        _owed(used, ahead=word in _WALKS)
    except OmniopsError as error:
        streams().say(f"What is owed was not looked at: {error.what}.", "dim")
    except KeyboardInterrupt:
        return


def _owed(used: Opened, *, ahead: bool) -> None:
    """One line for each thing that is late; ``ahead``: also the next one that is not."""
    from omniops.runner.tick import owed

    found, now = owed(used.settings, used.clock, used.journal), used.clock.now()
    late = [one for one in found if one.overdue(now)]
    coming = [one for one in found if not one.overdue(now)][:1] if ahead else []
    if not late and not coming:
        return
    from omniops.terminal.layout import safe, wrap
    from omniops.terminal.views.comms import when_words

    lines = [(f"Owed, {when_words(one, now).strip()}: {safe(one.words, 200)}   ({one.next})", "bad") for one in late]
    if len(late) > MOST:
        lines[MOST:] = [(f"and {len(late) - MOST} more that are late: omniops comms due", "bad")]
    lines += [(f"Next, {when_words(one, now).strip()}: {safe(one.words, 200)}   ({one.next})", "dim") for one in coming]
    for line, tone in lines:
        for part in wrap(line, streams().width() - 1, "", "   "):
            streams().say(part, tone)


def _flush(used: Opened, scripted: bool) -> None:
    from omniops.cli.here import pasting
    from omniops.runner.tick import afterwards, moved, worth_a_tick

    if not used.writes and not worth_a_tick(used.journal):  # who has written may owe a headline
        return
    journal = used.journal
    if not used.writes:  # it was opened for reading, without a name to write under
        from omniops.cli.context import open_journal

        journal = open_journal(used.settings, used.clock, create=True)
    for line, tone in moved(afterwards(used.settings, used.clock, journal, pasting(scripted))):
        streams().say(line, tone)

"""`--dry-run`: the same engine and the same reads, on a journal in memory, with every write assumed to succeed."""

from __future__ import annotations

from omniops.runner.session import Session


def rehearsed(session: Session) -> Session:
    """The session of a dry run: what it appends is forgotten at its end."""
    from omniops.journal.lease import hostname
    from omniops.journal.memory import MemoryJournal

    memory = MemoryJournal(session.clock, session.settings.operator, hostname(), session.journal.drill, session.journal)
    session.person.say("Dry run: reads are made, changes are only shown, nothing is journalled.", "warn")
    return session._replace(journal=memory, dry=True)

"""`omniops comms done`: a person's word that something owed was done."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from omniops.errors import BadInput
from omniops.incident.obligations import Obligation
from omniops.incident.outages import providers
from omniops.journal.events import Journal
from omniops.runner.comms import obligations_of
from omniops.runner.known import runs_of
from omniops.runner.meant import pick_owing
from omniops.runner.saying import done
from omniops.text import one_line


def fulfil(
    journal: Journal, now: datetime, id: str, how: str, wanted: str = "", folder: Path | None = None
) -> Obligation:
    """Write down that an obligation was fulfilled by hand; returns it as it was.

    Raises BadInput for one that is not owed, and without a word on how; Frozen for an incident on the security path.
    """
    incident = pick_owing(journal, now, wanted, (id,), folder)
    owed = {one.id: one for one in obligations_of(journal, now, incident.id, folder=folder) if one.open}
    if id not in owed:
        raise BadInput(
            f"{one_line(id, 40)!r} is not owed by {incident.id}",
            why=f"owed: {', '.join(owed) or 'nothing'}",
            state="nothing was written",
            next="omniops comms due",
        )
    if id == "resolve_by":
        raise BadInput(
            "resolve_by is fulfilled by resolving the incident",
            state="nothing was written",
            next=f"omniops incident resolve {incident.id}",
        )
    affected = providers([journal.read(f"run/{run}") for run in runs_of(journal, incident.id)])
    done(journal, incident, id, how, affected if id == "upstream" else ())
    return owed[id]

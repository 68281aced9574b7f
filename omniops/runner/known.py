"""What the journal knows: the incidents, and the runs that have not ended. Imports nothing that only a walk needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omniops.errors import BadInput
from omniops.incident.view import Incident
from omniops.journal.events import Event, Journal

if TYPE_CHECKING:
    from omniops.config import Settings
    from omniops.incident.communication import Communication
    from omniops.incident.leaks import Name


def open_runs(journal: Journal) -> dict[str, dict[str, Any]]:
    """The runs that have not ended, oldest first: id -> the data of ``run.opened`` with ``since`` and ``by``."""
    found: dict[str, dict[str, Any]] = {}
    for event in journal.read("runs"):
        if event.kind == "run.opened":
            found[event.data["run"]] = {**event.data, "since": event.time, "by": event.actor}
        elif event.kind == "run.closed":
            found.pop(event.data["run"], None)
    return found


def incident_of(journal: Journal, id: str) -> Incident:
    """Read an incident. Raises BadInput for one that there is not."""
    events = journal.read(f"incident/{id}")
    if not events:
        from difflib import get_close_matches

        known = [stream.removeprefix("incident/") for stream in journal.streams("incident/")]
        near = get_close_matches(id, known, 3, 0.4) or known[-5:]
        raise BadInput(
            f"there is no incident {id!r}",
            why="the journal knows: " + ", ".join(near) if near else "the journal holds no incident yet",
            state="nothing was attempted",
            next="omniops incident list",
        )
    return Incident(id, events)


def incidents(journal: Journal) -> list[Incident]:
    return [Incident(name.removeprefix("incident/"), journal.read(name)) for name in journal.streams("incident/")]


def runs_of(journal: Journal, incident: str) -> list[str]:
    """The runs of an incident, oldest first, ended ones too."""
    return [e.data["run"] for e in journal.read("runs") if e.kind == "run.opened" and e.data["incident"] == incident]


def record_of(journal: Journal, incident: str) -> list[Event]:
    """Everything that is written down about an incident and its runs, in order."""
    streams = (f"incident/{incident}", *(f"run/{run}" for run in runs_of(journal, incident)))
    return sorted((event for stream in streams for event in journal.read(stream)), key=lambda event: event.seq)


def unspoken(journal: Journal, incident: str, rules: Communication, settings: Settings) -> list[Name]:
    """What may not be read outside about an incident: the names in its record, and our own servers'."""
    from omniops.incident import leaks

    servers = f"{settings.get('OMNIROUTE_URL')} {settings.get('OMNIROUTE_URLS')}".replace(",", " ").split()
    return leaks.names(record_of(journal, incident), rules.public_names(), servers)

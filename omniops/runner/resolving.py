"""`omniops incident resolve`: what stands in the way, what is left open, and the end itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from omniops.errors import NeedsPerson
from omniops.incident.obligations import Obligation
from omniops.incident.outbox import Message
from omniops.incident.typed import Commands
from omniops.incident.verdicts import unproven, verdicts
from omniops.incident.view import Incident, Mitigation
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Journal, New
from omniops.runner.board import in_force_of
from omniops.runner.comms import obligations_of
from omniops.runner.known import incident_of, open_runs, record_of, runs_of
from omniops.runner.outbox import messages


class Left(NamedTuple):
    """What an incident that could be resolved leaves open: what is owed later (but for being resolved in time), what
    was not sent yet, what stays."""

    obligations: list[Obligation]
    messages: list[Message]
    kept: list[Mitigation]


def left_open(journal: Journal, incident: Incident, now: datetime, folder: Path | None = None) -> Left:
    """What would still be open. Raises NeedsPerson while something stands in the way: a mitigation that is neither
    undone nor kept, a run that is open, an obligation that was due before now and is open."""
    here = in_force_of(journal, incident.id)
    left = [one for one in here if one.state != "kept"]
    if left:
        first = left[0]
        raise NeedsPerson(
            f"{incident.id} is not resolved: {len(left)} mitigation(s) neither undone nor kept",
            why="; ".join(f"{one.id} {one.target} ({one.state})" for one in left),
            state="the incident stays open",
            next=first.next,
        )
    runs = [run for run, data in open_runs(journal).items() if data["incident"] == incident.id]
    if runs:
        raise NeedsPerson(
            f"{incident.id} is not resolved: run {runs[0]} is open",
            state="the incident stays open",
            next=Commands(journal.drill).resume(runs[0]),
        )
    owed = [one for one in obligations_of(journal, now, incident.id, folder=folder) if one.open]
    late = [one for one in owed if one.overdue(now) and one.blocks_resolving]
    if late:
        raise NeedsPerson(
            f"{incident.id} is not resolved: {len(late)} obligation(s) that were due are open",
            why="; ".join(f"{one.words} ({one.when(now)})" for one in late),
            state="the incident stays open",
            next=late[0].next or "omniops comms due",
        )
    return Left(
        [one for one in owed if one.blocks_resolving], [one for one in messages(journal, incident.id) if one.owed], here
    )


def not_shown(journal: Journal, incident: Incident) -> str:
    """Why nobody may say that the traffic has recovered; "" where it was shown. It is no reason to refuse: what ended
    may never have been traffic."""
    if incident.frozen:
        return ""
    found = verdicts([record_of(journal, incident.id)], incident)
    return unproven(found) or _put_back_since(journal, incident.id, max(one.time for one in found if one.shown))


def _put_back_since(journal: Journal, incident: str, looked: str) -> str:
    """What was put back after the last look at the traffic, which has shown nothing of it."""
    runs = {f"run/{run}" for run in runs_of(journal, incident)}
    back = [one for one in journal.kinds(("undone",)) if one.stream in runs and one.time > looked]
    return (
        f"nobody has looked at live traffic since {back[-1].time[11:16]} UTC, when a change was put back"
        if back
        else ""
    )


def resolve(journal: Journal, incident: Incident, now: datetime, folder: Path | None = None) -> None:
    """Resolve an incident; from then on its resolution mail and its postmortem are owed. Raises as ``left_open`` does,
    also for what came in between."""

    def attempt() -> None:
        found = incident_of(journal, incident.id)
        if found.resolved:
            return
        try:
            left_open(journal, found, now, folder)
        except NeedsPerson:
            if incident_of(journal, incident.id).resolved:  # by somebody else, a moment ago
                return
            raise
        journal.append([New(f"incident/{incident.id}", found.n, "incident.resolved", {})])

    retry_on_conflict(attempt, "the incident stays open")

"""Gathers how an incident stands, for `incident show`, `watch`, `resolve` and `export`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from omniops.engine.state import RunState
from omniops.errors import OmniopsError
from omniops.incident.board import Board, clocks, walks
from omniops.incident.obligations import Obligation
from omniops.incident.story import story
from omniops.incident.view import MITIGATION_KINDS, Mitigation, mitigations
from omniops.journal.events import Event, Journal
from omniops.journal.lease import holder_state
from omniops.runner.known import incident_of, record_of, runs_of


class Owed(NamedTuple):
    """What is owed, or why that cannot be told."""

    obligations: list[Obligation]
    trouble: str


def board_of(journal: Journal, id: str, now: datetime, folder: Path | None = None) -> Board:
    """How an incident stands. Raises BadInput for one that there is not; a file of rules that is wrong is said in
    ``trouble``."""
    return Gatherer(journal, id, folder).look(now)


class Gatherer:
    """Gathers again and again, and reads events only where the journal has grown. ``folder``: the user's runbooks."""

    REFRESH_S = 5.0
    """What is owed depends on the time too, and on a file: it is derived anew so often."""

    def __init__(self, journal: Journal, id: str, folder: Path | None = None) -> None:
        self._journal, self._id, self._folder = journal, id, folder
        self._events = -1
        self._owed_at: datetime | None = None
        self._states: list[RunState] = []
        self._board: Board

    def look(self, now: datetime) -> Board:
        """How it stands at ``now``."""
        events = sum(self._journal.counts().values())
        grown = events != self._events
        if grown:
            self._board, self._events = self._read(), events
        if grown or self._owed_at is None or abs((now - self._owed_at).total_seconds()) >= self.REFRESH_S:
            owed, self._owed_at = owed_of(self._journal, self._id, now, self._folder), now
            self._board = self._board._replace(obligations=owed.obligations, trouble=owed.trouble)
        return self._board._replace(walks=walks(self._states, holder_state))  # a process that dies writes no event

    def _read(self) -> Board:
        incident = incident_of(self._journal, self._id)
        self._states = [RunState(self._journal.read(f"run/{run}")) for run in runs_of(self._journal, self._id)]
        in_force = in_force_of(self._journal, self._id)
        told = [] if incident.frozen else story(self.events())
        return Board(incident, clocks(incident, self._states), [], in_force, [], told)

    def events(self) -> list[Event]:
        """The incident's whole record."""
        return record_of(self._journal, self._id)


def in_force_of(journal: Journal, id: str) -> list[Mitigation]:
    """What an incident still has in force, kept ones too."""
    return [one for one in mitigations(journal.kinds(MITIGATION_KINDS)) if one.incident == id]


def owed_of(journal: Journal, id: str, now: datetime, folder: Path | None) -> Owed:
    """What an incident owes. A file of rules that is wrong must not hide all the rest from a person."""
    from omniops.runner.comms import obligations_of

    try:
        return Owed(obligations_of(journal, now, id, folder=folder), "")
    except OmniopsError as error:
        return Owed([], error.brief)

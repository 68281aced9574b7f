"""Begins the first-15-minutes checklist of an incident, or goes on with it (section 3)."""

from __future__ import annotations

from datetime import datetime

from omniops.engine.graph import Graph
from omniops.incident.score import CHECKLIST, Score, score
from omniops.incident.view import Incident
from omniops.journal.events import Journal
from omniops.runner.known import incident_of, open_runs
from omniops.runner.meant import pick_paged
from omniops.runner.session import Request, Result, Session, mitigate, resume


def walk(session: Session, graph: Graph, wanted: str, *, until: str = "") -> Result:
    """Walk the checklist of the incident named, else of the one that is open: from its beginning, or from where it
    was left. Raises BadInput where no incident is open, NeedsPerson where nobody can choose among several."""
    incident = pick_paged(session.journal, session.person, wanted)
    run = open_checklist(session.journal, incident)
    if run:
        session.person.say(f"Going on with {run}; its clocks have kept running.", "dim")
        return resume(session, run, take_over=False)
    if not incident.page:
        session.person.say("No page is linked to this incident: the clocks count from its onset.", "dim")
    return mitigate(session, Request(CHECKLIST, incident=incident.id, until=until, checklist=True), graph)


def open_checklist(journal: Journal, incident: Incident) -> str:
    """The incident's checklist that has begun and not ended; "" where there is none."""
    runs = open_runs(journal).items()
    return next((r for r, data in runs if data["incident"] == incident.id and data["runbook"] == CHECKLIST), "")


def score_of(journal: Journal, run: str, now: datetime) -> Score | None:
    """The score of a run, if it is one of the checklist."""
    events = journal.read(f"run/{run}")
    if not events or events[0].data["runbook"] != CHECKLIST:
        return None
    return score(incident_of(journal, events[0].data["incident"]), events, now)

"""Begins the first-15-minutes checklist of an incident, or goes on with it (section 3)."""

from __future__ import annotations

from datetime import datetime

from omniops.engine.graph import Graph
from omniops.errors import BadInput, NeedsPerson
from omniops.incident.score import CHECKLIST, Score, score
from omniops.incident.view import Incident
from omniops.journal.events import Journal
from omniops.runner.known import incident_of, incidents, open_runs
from omniops.runner.person import Option, Person
from omniops.runner.session import Request, Result, Session, mitigate, resume


def walk(session: Session, graph: Graph, wanted: str, *, until: str = "") -> Result:
    """Walk the checklist of the incident named, else of the one that is open: from its beginning, or from where it
    was left. Raises BadInput where no incident is open, NeedsPerson where nobody can choose among several."""
    incident = pick(session.journal, session.person, wanted)
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


def pick(journal: Journal, person: Person, wanted: str) -> Incident:
    """The incident whose checklist is meant: the one named, else the only open one that somebody was paged for."""
    if wanted:
        return incident_of(journal, wanted)
    open_ones = [one for one in incidents(journal) if one.status == "open"]
    paged = [one for one in open_ones if one.page] or open_ones
    if not paged:
        raise BadInput(
            "no incident is open",
            why="the checklist belongs to a page, or to an incident opened by hand",
            state="nothing was attempted",
            next="omniops page ack, or: omniops page open",
        )
    if len(paged) == 1:
        return paged[0]
    options = [Option(one.id, one.title) for one in reversed(paged)]
    try:
        chosen = person.choose("incident", "Which incident's checklist?", options, None)
    except NeedsPerson:
        chosen = None
    if not chosen:
        raise NeedsPerson(
            "several incidents are open",
            why=", ".join(one.id for one in paged),
            state="nothing was attempted",
            next=f"omniops checklist {paged[-1].id}",
        )
    return incident_of(journal, chosen)


def score_of(journal: Journal, run: str, now: datetime) -> Score | None:
    """The score of a run, if it is one of the checklist."""
    events = journal.read(f"run/{run}")
    if not events or events[0].data["runbook"] != CHECKLIST:
        return None
    return score(incident_of(journal, events[0].data["incident"]), events, now)

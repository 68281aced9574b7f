"""A drill as the command line sees it: a folder of its own, made-up settings, and a session to walk in."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.drill.launcher import Simulator
from omniops.errors import BadInput
from omniops.runner.session import Request, Result, Session

if TYPE_CHECKING:
    from datetime import datetime

    from omniops.engine.graph import Graph
    from omniops.incident.score import Score
    from omniops.incident.view import Incident
    from omniops.journal.store import SqliteJournal

T = TypeVar("T")
KEEP = 5
ACK = "omniops page ack"
PACE_S = 5.0
"""How long `--auto` seems to think before each answer, in the drill's own seconds."""


def new_folder(base: Path, scenario: str) -> Path:
    """Where a new drill is to lie under ``base``, made when it starts; only the newest few are kept."""
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(base.iterdir())[: -KEEP + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return base / f"{SystemClock().now():%Y%m%dT%H%M%S}-{scenario}-{os.getpid()}"


def newest_folder(base: Path) -> Path:
    """The folder of the last drill. Raises BadInput where there is none."""
    found = sorted(path for path in base.glob("*") if (path / "world.json").exists())
    if not found:
        raise BadInput(
            "there is no drill to go on with", state="nothing was started", next="omniops drill provider-outage"
        )
    return found[-1]


def session(simulator: Simulator, auto: bool) -> Session:
    """The session of a drill: its own journal and clock, and the person at the terminal or an automatic one."""
    from omniops.cli.context import open_journal, person, streams
    from omniops.runner.person import Person

    settings = Settings(simulator.env, drill=True)
    clock = simulator.clock()
    who: Person
    if auto:
        from omniops.terminal.auto import Auto

        who = Auto(simulator.answers, PACE_S, streams(), clock=clock)
    else:
        who = person(ticking=clock)
    journal = open_journal(settings, clock, create=True)
    journal.verify()
    return Session(settings, clock, who, journal)


def walk(simulator: Simulator, auto: bool, until: str = "") -> Result:
    """Walk the scenario's runbook against the simulator. Raises OmniopsError while nothing has begun."""
    from omniops.catalog import get
    from omniops.clock import iso
    from omniops.runner.session import mitigate

    here = session(simulator, auto)
    graph = get(simulator.scenario.runbook, here.settings)
    here.person.say(f"DRILL · {simulator.scenario.title}. {simulator.told}".rstrip(), "warn")
    if simulator.scenario.paged:
        return flushed(here, from_the_page(here, graph, until))
    request = Request(graph["id"], simulator.target, onset=iso(simulator.onset), until=until)
    return flushed(here, mitigate(here, request, graph))


def flushed(here: Session, result: T) -> T:
    """Give messages a moment to leave, as every command does at its end: a drill's services go with it. Returns
    ``result``."""
    from omniops.runner.tick import afterwards, moved

    for line, tone in moved(afterwards(here.settings, here.clock, here.journal)):
        here.person.say(line, tone)
    return result


def _no_ack(typed: str) -> str:
    """What is wrong with the first command of a drill; "" for nothing."""
    good = " ".join(typed.split()) in (ACK, ACK.partition(" ")[2], "ack", "done")
    return "" if good else f"type {ACK}, or Enter alone"


def from_the_page(here: Session, graph: Graph, until: str = "") -> Result:
    """A drill that begins with a page: acknowledge it, then walk the checklist. Safe to begin again after a kill."""
    from omniops.cli.context import streams
    from omniops.runner import checklist
    from omniops.runner.acknowledging import acknowledge
    from omniops.runner.desk import Desk
    from omniops.runner.desk import Request as PageRequest
    from omniops.runner.wiring import clients_of
    from omniops.terminal.views.pages import acked_lines

    desk = Desk(here.settings, here.clock, here.person, clients_of(here.settings, here.clock), lambda: here.journal)
    ringing = [one for one in desk.clients.pager.mine() if one.status == "triggered"]
    if ringing:
        question = f"You are paged: {ringing[0].name}. Type what you would type in earnest: {ACK}"
        while here.person.text("page", question, None, _no_ack, ACK) is None:
            here.person.say("It goes on ringing.", "warn")
    incident = ""
    for one in acknowledge(desk, PageRequest()).pages:
        for line, tone in acked_lines(one, here.clock.now(), streams().width()):
            here.person.say(line, tone)
        incident = one.incident
    flushed(here, None)
    return checklist.walk(here, graph, incident, until=until)


def record(folder: Path) -> tuple[SqliteJournal, Incident, datetime]:
    """The journal of a drill, its incident, and the drill's time at this moment. Raises BadInput where none began."""
    from omniops.cli.context import open_journal
    from omniops.drill.world import virtual_now
    from omniops.runner.known import incidents

    now = virtual_now(json.loads((folder / "world.json").read_text(encoding="utf-8")))
    journal = open_journal(Settings({"OMNIOPS_HOME": str(folder / "home")}, drill=True), SystemClock())
    found = incidents(journal)
    if not found:
        raise BadInput("nothing has happened in the last drill", state="nothing was changed", next="omniops drill")
    return journal, found[-1], now


def score(simulator: Simulator, result: Result) -> Score | None:
    """How the first 15 minutes went, where the drill began with a page."""
    from omniops.runner.checklist import score_of

    if not simulator.scenario.paged:
        return None
    from omniops.cli.context import open_journal

    clock = simulator.clock()
    return score_of(open_journal(Settings(simulator.env, drill=True), clock), result.state.run, clock.now())


def go_on(simulator: Simulator, auto: bool) -> Result | None:
    """Resume the drill's open run; None where it has ended."""
    from omniops.runner.opening import pick_run
    from omniops.runner.session import resume

    here = session(simulator, auto)
    run = pick_run(here.journal, here.person, "")
    if not run and simulator.scenario.paged and not here.journal.length("runs"):
        from omniops.catalog import get

        return flushed(here, from_the_page(here, get(simulator.scenario.runbook, here.settings)))
    return flushed(here, resume(here, run, take_over=False)) if run else None

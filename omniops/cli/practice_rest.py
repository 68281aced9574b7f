"""The rest of a drill that began with a page: from the mitigation to the postmortem, and how that went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.cli.practice import flushed, record, session
from omniops.drill.launcher import Simulator
from omniops.runner.session import Result, Session

if TYPE_CHECKING:
    from omniops.engine.state import RunState


def play_on(simulator: Simulator, auto: bool, until: str = "") -> Result | None:
    """Tell everyone, put it back, resolve, draft and file the postmortem, from where the last run of the drill stands;
    the run as it stands then. None where there is nothing of that left to do. Raises Interrupted."""
    if not simulator.scenario.paged or until:
        return None
    here = session(simulator, auto)
    state = _mitigated(here)
    if state is None:
        return None
    from omniops.engine.state import RunState

    _aftermath(simulator, here, str(state.started["incident"]))
    return Result(RunState(here.journal.read(f"run/{state.run}")), state.outcome)


def _mitigated(here: Session) -> RunState | None:
    """The last run, if it has ended as mitigated and its incident's postmortem is not filed yet."""
    from omniops.engine.state import RunState

    ended = [event for event in here.journal.read("runs") if event.kind == "run.closed"]
    if not ended:
        return None
    state = RunState(here.journal.read(f"run/{ended[-1].data['run']}"))
    events = here.journal.read(f"incident/{state.started['incident']}")
    filed = any(event.kind == "postmortem.filed" for event in events)
    return state if state.outcome == "mitigated" and not filed else None


def _aftermath(simulator: Simulator, here: Session, incident: str) -> None:
    from omniops.cli.editing import edit
    from omniops.drill.postmortem import filled_in
    from omniops.runner.aftermath import Stage, play
    from omniops.runner.leaving import Here
    from omniops.runner.wiring import clients_of

    def heal() -> None:
        simulator.control("heal", {})
        here.person.say("The provider says that it is well again.", "warn")

    clients = clients_of(here.settings, here.clock)
    told = Here(here.settings, here.clock, here.person, here.journal, clients, edit=edit)
    play(here, told, incident, Stage(heal, lambda text: filled_in(text, here.clock.now().date())))
    flushed(here, None)


def closing_of(simulator: Simulator) -> list[str]:
    """How the rest of the incident went, in lines."""
    from omniops.incident.score import closing
    from omniops.runner.comms import obligations_of

    journal, incident, now = record(simulator.state)
    return closing(incident, obligations_of(journal, now, incident.id), now)

"""One run of a runbook in a toy world, and what a command would say about it at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omniops.config import Settings
from omniops.engine.graph import Graph
from omniops.engine.state import RunState
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal
from omniops.runner import opening, report
from omniops.runner.walk import Walk
from tests.support.model import CONNECTIONS
from tests.support.toy import READINGS, START, Toy, ToyPerson


def graph(id: str, folder: Path) -> Graph:
    """A shipped runbook, compiled."""
    from omniops.catalog import get

    return get(id, Settings({"OMNIOPS_HOME": str(folder)}))


class Scene:
    """One run (of provider-outage, unless ``book`` is another graph) in a toy world."""

    def __init__(
        self,
        folder: Path,
        connections: int = 1,
        faults: dict[int, str] | None = None,
        *,
        until: str = "",
        book: Graph | None = None,
        inputs: dict[str, Any] | None = None,
        drill: bool = False,
    ) -> None:
        self.toy = Toy(READINGS, faults)
        self.person = ToyPerson(self.toy)
        self.journal = MemoryJournal(self.toy.clock, "eve", "h", drill)
        items = [{**CONNECTIONS[0], "id": f"c{n}", "target": f"openai/c{n}"} for n in range(connections)]
        given = {"connections": items} if inputs is None else inputs
        plan = opening.Plan(book or graph("provider-outage", folder), given, [], None, START, "x", until)
        self.run = opening.begin(self.journal, self.toy.clock, plan, {}).run

    def state(self) -> RunState:
        return RunState(self.journal.read(f"run/{self.run}"))

    def walk(self) -> Walk:
        """A walk by a process that has just taken the run."""
        taken = New(f"run/{self.run}", None, "lease.taken", {"how": "resumed"})
        self.journal.append([taken])
        return Walk(self.toy.context(), self.person, self.journal, self.state(), find=self.toy.find)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.journal.read(f"run/{self.run}")]

    def ended(self) -> tuple[str, int, str]:
        """The run's outcome, its exit code, and the first of the last lines on the screen."""
        state = self.state()
        return state.outcome, int(report.EXITS[state.outcome]), report.lines(state, state.outcome)[0][0]

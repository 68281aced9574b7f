"""The crash matrix: a scenario walked without interruption, and the same one killed somewhere, compared."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from omniops.drill import launcher
from tests.support.crash import Bench, Ended, Facts, places

SPEED = 60.0
VARYING = ("journal.", "in_verify")
"""Places that a killed run may not reach as often: how many looks a verdict takes depends on the machine's load."""
PUT_BACK = ("version", "running", "connections", "combos", "keys")


class Baseline(NamedTuple):
    """How it goes uninterrupted."""

    code: int
    facts: Facts
    asked: Counter[str]
    places: list[str]


class Matrix:
    """All crashes of one scenario, against one simulator."""

    def __init__(self, scenario: str, flavour: str, folder: Path) -> None:
        self.scenario, self.folder = scenario, folder
        self.name = f"{scenario} {flavour}"
        self.bench = Bench(launcher.start(scenario, state=folder / "drill", flavour=flavour, speed=SPEED))
        self._baselines: dict[str, Baseline] = {}

    def close(self) -> None:
        self.bench.simulator.stop()

    def baseline(self, phase: str) -> Baseline:
        """The uninterrupted run, made once. ``phase``: "walk", or "undo" of all that a walk has changed."""
        if phase not in self._baselines:
            self._prepare(phase)
            log = self.folder / f"{phase}.log"
            ended = self.bench.run(phase, log=log)
            found = [place for place in places(log) if not place.startswith("after_send@GET")]
            self._baselines[phase] = Baseline(ended.code, self.bench.facts(), self.bench.asked(ended.text), found)
            assert ended.code in (0, 10), ended.text
        return self._baselines[phase]

    def check(self, phase: str, *kills: str) -> None:
        """Kill the command at the first place, what goes on with it at the next, ...; then let it end, and compare."""
        base = self.baseline(phase)
        self._prepare(phase)
        shown: list[Ended] = []
        for number, kill in enumerate(kills):
            shown.append(self.bench.run(self._again(phase) if number else phase, kill=kill))
            assert shown[-1].killed or kill.startswith(VARYING), f"{kill} was not reached:\n{shown[-1].text}"
        if shown[-1].killed:
            shown.append(self.bench.run(self._again(phase)))
        self._compare(base, shown)

    def check_undone(self, kill: str) -> None:
        """Kill the walk, and undo instead of resuming: nothing is in force, and the world is as it was."""
        self.bench.fresh()
        self.bench.simulator.control("heal", {})
        was = self.bench.world()
        killed = self.bench.run("walk", kill=kill)
        assert killed.killed, f"{kill} was not reached:\n{killed.text}"
        undone = self.bench.run("undo")
        assert undone.code == 0, undone.text
        assert not self.bench.in_force(), undone.text
        now = self.bench.world()
        assert {key: now[key] for key in PUT_BACK} == {key: was[key] for key in PUT_BACK}, undone.text

    def resumed_places(self, phase: str, *kills: str) -> list[str]:
        """The places that are reached when the command was killed at ``kills``, and is then gone on with."""
        self._prepare(phase)
        for number, kill in enumerate(kills):
            assert self.bench.run(self._again(phase) if number else phase, kill=kill).killed
        log = self.folder / "resumed.log"
        log.unlink(missing_ok=True)
        self.bench.run(self._again(phase), log=log)
        return [place for place in places(log) if not place.startswith("after_send@GET")]

    def _prepare(self, phase: str) -> None:
        self.bench.fresh()
        if phase != "undo":
            return
        until = ["disable"] if self.scenario == "provider-outage" else []
        walked = self.bench.run("walk", *until)
        assert walked.code == 0, walked.text
        self.bench.simulator.control("heal", {})
        if self.scenario == "data-incident":  # its undo restores files, for which the server has to be down
            self.bench.simulator.control("power", {"action": "stop"})

    def _again(self, phase: str) -> str:
        """What the operator types after a crash: there may be no run yet to resume."""
        if phase == "undo":
            return "undo"
        begun = (self.bench.home / "state" / "drill.db").exists() and self.bench.states()
        return "resume" if begun else "walk"

    def _compare(self, base: Baseline, shown: list[Ended]) -> None:
        text = "\n--- then ---\n".join(ended.text for ended in shown)
        facts = self.bench.facts()
        for name in Facts._fields:
            if name != "clocks":
                got, wanted = getattr(facts, name), getattr(base.facts, name)
                assert got == wanted, f"{name}: {got} is not {wanted}\n{text}"
        assert all(count <= 2 for count in facts.clocks.values()), f"a clock fired twice: {facts.clocks}\n{text}"
        assert shown[-1].code == base.code or "Nothing to " in shown[-1].text, f"exit {shown[-1].code}\n{text}"
        asked = Counter[str]()
        for ended in shown:
            asked += self.bench.asked(ended.text)
        more, less = asked - base.asked, base.asked - asked
        # The answer to the prompt that was open, or was just being written down, is lost with the process.
        assert not less, f"never asked: {less}\n{text}"
        assert sum(more.values()) < len(shown), f"asked again: {more}\n{text}"

"""A bench for crashes: one simulator, real commands that are killed, and what is compared afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from omniops.clock import SystemClock
from omniops.drill import launcher
from omniops.engine.state import RunState
from omniops.incident.view import MITIGATION_KINDS, mitigations
from omniops.journal.events import Event
from omniops.journal.store import SqliteJournal

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
READS = ("ps", "inspect", "ls", "jlist", "view", "logs", "list")
"""Words by which a stand-in's call is known to change nothing."""
# Without "posted/n", which only a clock asks.
_PROMPT = re.compile(r"(?:^|  )((?:y/N|type it|done/n|paged/n|choose|answer|reason)> .*)$")
_VOLATILE = (
    (re.compile(r"r[0-9a-f]{4}-([\w.]+-\d+)(?:-\d+)?-[0-9a-f]{12}"), r"RUN-\1"),
    (re.compile(r"\d{8}T\d{6}Z"), "TIME"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.-]+Z"), "TIME"),
)


class Ended(NamedTuple):
    """How a command ended: its exit code (-9 when it was killed) and all that it showed."""

    code: int
    text: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Facts(NamedTuple):
    """What must be the same with and without a crash."""

    world: dict[str, Any]
    writes: dict[str, int]  # counted by the server
    scripts: Counter[str]  # calls that change something, counted by the simulator
    copies: Counter[str]  # what lies in db_backups
    runs: list[tuple[str, str]]  # runbook, outcome
    in_force: list[tuple[str, str, str]]  # action, target, state
    answers: Counter[str]  # what a person decided, as the journal has it
    clocks: Counter[str]  # timers that ran out, and what was answered then: a crash takes time, so these may differ


class Bench:
    """One simulator for many cases. Every case begins with ``fresh``."""

    def __init__(self, simulator: launcher.Simulator) -> None:
        self.simulator = simulator
        self.cases = 0
        self.home = Path()

    def fresh(self, faults: str = "") -> None:
        """The scenario from its beginning, and a journal of its own."""
        if self.cases:
            shutil.rmtree(self.home, ignore_errors=True)
            self.simulator.reset()
        self.simulator.control("faults", {"spec": faults})  # a reset keeps the last case's
        self.cases += 1
        self.home = self.simulator.state / f"home{self.cases}"

    def spawn(
        self, *words: str, kill: str = "", log: Path | None = None, operator: str = "alice"
    ) -> subprocess.Popen[str]:
        """Start a command. ``kill`` is a failpoint; ``log`` gets every place that is reached."""
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "240"}
        env |= {"LC_ALL": "C.UTF-8", "OMNIOPS_HOME": str(self.home), "OMNIOPS_OPERATOR": operator}
        if kill:
            env["OMNIOPS_FAILPOINT"] = kill
        if log is not None:
            env["OMNIOPS_FAILPOINT_LOG"] = str(log)
        name, *options = words
        argv = [sys.executable, "-m", "tests.crash.command", str(self.simulator.state), name, *options]
        return subprocess.Popen(
            argv, cwd=ROOT, env=env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str, kill: str = "", log: Path | None = None, operator: str = "alice") -> Ended:
        return finish(self.spawn(*words, kill=kill, log=log, operator=operator))

    def journal(self) -> SqliteJournal:
        """The case's journal, its whole chain checked."""
        path = self.home / "state" / "drill.db"
        journal = SqliteJournal(path, SystemClock(), "test", "test", drill=True, create=False)
        journal.verify()
        return journal

    def events(self) -> list[Event]:
        """Every event of every run."""
        journal = self.journal()
        try:
            return [event for stream in journal.streams("run/") for event in journal.read(stream)]
        finally:
            journal.close()

    def facts(self) -> Facts:
        """What is true now: of the simulated world, and of the journal."""
        state = self.simulator.control("state")
        events, runs = self.events(), self.states()
        clocks = {timer["do"] for run in runs for timer in run.graph["timers"]}
        return Facts(
            world=self.world(),
            writes=dict(state["writes"]),
            scripts=Counter(
                self.masked(f"{call['name']} {' '.join(call['argv'])} = {call['exit']}") for call in writing(state)
            ),
            copies=Counter(self.masked(path.name) for path in (self.simulator.state / "data" / "db_backups").iterdir()),
            runs=[(run.started["runbook"], run.outcome) for run in runs],
            in_force=self.in_force(),
            answers=Counter(
                self.masked(words) for event in events if (words := decided(event)) and not late(event, clocks)
            ),
            clocks=Counter(
                event.data["do" if event.kind == "timer.fired" else "step"] for event in events if late(event, clocks)
            ),
        )

    def world(self) -> dict[str, Any]:
        """The simulated world, without what a run or the time of day changes by itself."""
        state = self.simulator.control("state")
        kept = ("version", "next_version", "running", "boots", "auth_ok", "data_ok", "replicas", "images")
        connections = sorted((row["id"], row["provider"], row["name"], row["isActive"]) for row in state["connections"])
        combos = sorted((row["name"], [step["model"] for step in row["models"]]) for row in state["combos"])
        return {key: state[key] for key in kept} | {
            "connections": connections, "combos": combos, "keys": self._keys(),
        }  # fmt: skip

    def states(self) -> list[RunState]:
        """Every run, folded."""
        journal = self.journal()
        states = [RunState(journal.read(stream)) for stream in journal.streams("run/")]
        journal.close()
        return states

    def in_force(self) -> list[tuple[str, str, str]]:
        """Action, target and state of every mitigation still in force."""
        journal = self.journal()
        found = [
            (one.action, self.masked(one.target), one.state) for one in mitigations(journal.kinds(MITIGATION_KINDS))
        ]
        journal.close()
        return found

    def _keys(self) -> int:
        """API keys in the data file; -1 where it is damaged."""
        database = sqlite3.connect(self.simulator.state / "data" / "storage.sqlite")
        try:
            return int(database.execute("SELECT count(*) FROM api_keys").fetchone()[0])
        except sqlite3.Error:
            return -1
        finally:
            database.close()

    def masked(self, text: str) -> str:
        """A text without what differs between two runs of one scenario: run ids, moments, ports."""
        text = text.replace(str(self.simulator.state), "STATE").replace(self.simulator.url, "URL")
        for pattern, word in _VOLATILE:
            text = pattern.sub(word, text)
        return text

    def asked(self, shown: str) -> Counter[str]:
        """The questions that a command showed, with what was typed."""
        found = (_PROMPT.search(line) for line in shown.splitlines())
        return Counter(self.masked(one[1]) for one in found if one)


def decided(event: Event) -> str:
    """What a person decided in an event, in words; "" for other events."""
    data = event.data
    if event.kind not in ("approved", "declined", "answered", "guided"):
        return ""
    what = data.get("value", data.get("choice", ""))
    return f"{event.kind} {data['step']} {data.get('item', '')} {what}{' undo' if data.get('undo_of') else ''}"


def late(event: Event, clocks: set[str]) -> bool:
    """A clock that ran out, or what a person answered then. ``clocks``: the steps that clocks lead to."""
    return event.kind == "timer.fired" or (event.kind == "answered" and event.data["step"] in clocks)


def writing(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The stand-ins' calls that change something."""
    return [call for call in state["scripts"] if call["name"].endswith(".sh") or not set(READS) & set(call["argv"])]


def finish(process: subprocess.Popen[str]) -> Ended:
    """Wait for a command's end; one that never ends is killed, and fails the test."""
    try:
        text, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        text, _ = process.communicate()
        raise AssertionError(f"it did not end:\n{text}") from None
    return Ended(process.returncode, text)


def stopped(process: subprocess.Popen[str]) -> None:
    """Wait until a process has suspended itself."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        if stat.rpartition(")")[2].split()[0] == "T":
            return
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise AssertionError(
        f"it did not stop: {process.poll()} {process.communicate()[0] if process.poll() is not None else ''}"
    )


def places(log: Path) -> list[str]:
    """The failpoints of a recorded run, one for each time that each was reached: ``in_verify@recovered#2``."""
    found: list[str] = []
    times: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        place = line.rstrip("@")
        times[place] += 1
        found.append(f"{place}#{times[place]}")
    return found

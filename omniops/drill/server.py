"""The simulator's process: ``python -m omniops.drill.server``. It ends when its parent does.

OmniRoute's ports and the control port are separate, so that a stopped OmniRoute refuses while the drill goes on.
Everything is kept in ``--state``; started on a state that exists, it goes on with that one, ports included.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import IO

from omniops.clock import SystemClock, parse_iso
from omniops.drill import (  # noqa: F401 - api_*: importing registers routes
    api_reads,
    api_traffic,
    api_writes,
    outside,
    stand_ins,
)
from omniops.drill.balancer import Balancer
from omniops.drill.control import Control
from omniops.drill.ports import Held
from omniops.drill.scenarios import FLAVOURS
from omniops.drill.traffic import Traffic
from omniops.drill.wire import Port, omniroute
from omniops.drill.world import World
from omniops.errors import OmniopsError

START_TAKES_S = 0.3  # a started service is not ready at once
LOOK_EVERY_S = 0.1
LOCK_PATIENCE_S = 10.0


class Simulator:
    """The ports of one world, and what opens and closes them."""

    def __init__(self, world: World, main_port: int) -> None:
        self.world = world
        self.traffic = Traffic(world)
        self.quit = threading.Event()
        self.reset_wanted = threading.Event()
        self._guard = threading.RLock()
        kept = world.data["ports"]
        balancer = Balancer(world)
        replicas = world.data["replicas"]
        several = len(replicas) > 1
        serve = omniroute(world, self.traffic, balancer.pick if several else lambda: 0)
        self.main = Port(kept.get("main", main_port), serve, world.now)
        self.replicas = [
            Port(
                kept["replicas"][index] if kept else 0,
                omniroute(world, self.traffic, lambda index=index: index),  # type: ignore[misc]
                world.now,
            )
            for index in range(len(replicas) if several else 0)
        ]
        self.control = Control(world, self.power, self.reset_wanted.set, self.quit.set)
        self.control_port = Port(kept.get("control", 0), self.control.answer(), world.now)
        self.outside = outside.ports(world)
        world.ask_stop = self._stop_soon
        world.data["ports"] = {
            "main": self.main.number,
            "control": self.control_port.number,
            "replicas": [port.number for port in self.replicas],
            "outside": {name: port.number for name, port in self.outside.items()},
        }
        world.save()

    def begin(self) -> None:
        """Open what is to be open. A running server has its database open from the beginning."""
        if self.world.data["running"]:
            with contextlib.suppress(sqlite3.Error):
                self.world.database().execute("SELECT count(*) FROM sqlite_master")
        for port in (self.control_port, *self.outside.values()):
            port.open()
        self.power("sync")
        if self.world.data["starting"]:  # killed in the middle of a start
            self._start_soon()

    def power(self, action: str) -> None:
        """stop, start or restart OmniRoute, or "sync" the ports with the state. Raises ValueError otherwise."""
        if action not in ("stop", "start", "restart", "sync"):
            raise ValueError(action)
        if action in ("stop", "restart"):
            self.world.stop()
        self._sync()
        if action in ("start", "restart") and not self.world.data["running"] and not self.world.data["starting"]:
            self.world.data["starting"] = True
            self.world.save()
            self._start_soon()

    def _start_soon(self) -> None:
        timer = threading.Timer(START_TAKES_S, self._started)
        timer.daemon = True
        timer.start()

    def _started(self) -> None:
        if self.world.data["starting"] and not self.quit.is_set():
            self.world.start()
            self._sync()

    def _stop_soon(self) -> None:
        """Let the answer leave, then stop, as POST /api/shutdown does."""
        timer = threading.Timer(0.1, self.power, ("stop",))
        timer.daemon = True
        timer.start()

    def _sync(self) -> None:
        with self._guard:
            up = self.world.data["running"] and not self.world.has("down")
            self._turn(self.main, up)
            for port, replica in zip(self.replicas, self.world.data["replicas"], strict=False):
                self._turn(port, up and replica["running"])

    @staticmethod
    def _turn(port: Held, on: bool) -> None:
        if on:
            port.open()
        else:
            port.close()

    def drain(self) -> None:
        """Carry out what scripts left in the spool while no simulator ran."""
        folder = self.world.folder
        spool, taken = folder / "spool.jsonl", folder / "spool.taken"
        if not taken.exists():
            if not spool.exists():
                return
            spool.rename(taken)
        for line in taken.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            self.control.do(entry["name"], entry["body"])
        taken.unlink()

    def watch(self, parent: int) -> None:
        """Wait for the end: asked to quit, or the parent gone."""
        while not self.quit.wait(LOOK_EVERY_S):
            self.drain()
            if self.reset_wanted.is_set() or (parent and os.getppid() != parent):
                break

    def end(self) -> None:
        """Close every port."""
        for port in (self.main, *self.replicas, *self.outside.values(), self.control_port):
            port.close()
        self.world.close()


def main(argv: list[str]) -> int:
    """Run until the end; return the exit code."""
    options = _options(argv)
    state: Path = options.state.absolute()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _lock(state)
    if lock is None:
        print("another simulator is using this state folder", file=sys.stderr)
        return 5
    while True:
        try:
            world = _world(options, state)
        except OmniopsError as error:
            print("\n".join(error.lines()), file=sys.stderr)
            return int(error.exit)
        simulator = Simulator(world, options.port)
        stand_ins.write(state, world.scenario)
        simulator.drain()
        simulator.begin()
        _ready(options, simulator)
        simulator.watch(options.parent)
        again = simulator.reset_wanted.is_set()
        if again:
            time.sleep(0.05)  # let the answer to the reset leave
        simulator.end()
        if not again:
            return 0
        _forget(state)
        for name in ("scenario", "flavour", "seed", "speed", "faults"):
            setattr(options, name, world.data[name])
        options.anchor, options.kept = None, world.data["ports"]


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="omniops.drill.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--flavour", choices=FLAVOURS, default="3.7.9")
    parser.add_argument("--scenario", default="provider-outage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--anchor", type=parse_iso, default=None, help="virtual time of the start, ISO-8601")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--faults", default="")
    parser.add_argument("--ready-file", type=Path, default=None)
    parser.add_argument("--parent", type=int, default=os.getppid(), help="pid to die with; 0 for none")
    parser.set_defaults(kept=None)
    return parser.parse_args(argv)


def _world(options: argparse.Namespace, state: Path) -> World:
    if (state / "world.json").exists():
        return World.load(state)
    world = World.create(
        state,
        options.scenario,
        flavour=options.flavour,
        seed=options.seed,
        speed=options.speed,
        anchor=options.anchor or SystemClock().now(),
        spec=options.faults,
    )
    if options.kept:
        world.data["ports"] = options.kept
    return world


def _forget(state: Path) -> None:
    (state / "ready.json").unlink(missing_ok=True)
    (state / "world.json").unlink()
    shutil.rmtree(state / "data")


def _lock(state: Path) -> IO[str] | None:
    """Take the state folder for this process; the lock goes with the process, however it ends."""
    file = (state / "lock").open("w")
    end = time.monotonic() + LOCK_PATIENCE_S
    while time.monotonic() < end:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.05)
        else:
            return file
    return None


def _ready(options: argparse.Namespace, simulator: Simulator) -> None:
    """Say that the ports are open, on stdout and in ready.json (and in --ready-file)."""
    text = json.dumps(
        {
            "url": simulator.main.url,
            "control": simulator.control_port.url + "/__drill",
            "replicas": [port.url for port in simulator.replicas],
            "outside": {name: port.url for name, port in simulator.outside.items()},
            "port": simulator.main.number,
            "pid": os.getpid(),
        }
    )
    for path in (simulator.world.folder / "ready.json", options.ready_file):
        if path is not None:
            fresh = path.with_name(path.name + ".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
    with contextlib.suppress(OSError):  # nobody need listen
        print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

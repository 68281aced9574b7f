"""Starts the simulator as a process of its own, and goes on with one whose drill was killed."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omniops.clock import FastClock, SystemClock, iso, parse_iso
from omniops.drill import folders, scenarios
from omniops.drill.world import virtual_now
from omniops.errors import NeedsPerson, Unreachable

START_TIMEOUT_S = 15.0
QUIT_TIMEOUT_S = 5.0
CONTROL_TIMEOUT_S = 5.0


class Simulator:
    """A running simulator. ``env`` is the whole environment of the drill's Settings and scripts."""

    def __init__(self, process: subprocess.Popen[bytes], state: Path) -> None:
        self.process = process
        self.state = state
        ready = json.loads((state / "ready.json").read_text(encoding="utf-8"))
        self.url: str = ready["url"]
        self.control_url: str = ready["control"]
        self.replica_urls: list[str] = ready["replicas"]
        world = _stored(state)
        self.scenario = scenarios.find(world["scenario"])
        self.flavour: str = world["flavour"]
        self.speed = float(world["speed"])
        self.anchor = parse_iso(world["anchor"])
        self.onset = parse_iso(world["onset"])
        self.backup: str = world["backup"]
        self.outside: dict[str, str] = ready["outside"]  # name -> URL, only where the scenario begins with a page
        self.env = scenarios.environment(self.scenario, state, self.url, self.replica_urls, self.outside)

    @property
    def target(self) -> str:
        """What `mitigate` gets after the runbook's name, "" for nothing."""
        return scenarios.target(self.scenario, self.flavour)

    @property
    def told(self) -> str:
        """What somebody on call would know, and no screen tells; "" for nothing."""
        return scenarios.told(self.scenario, self.flavour)

    @property
    def answers(self) -> dict[str, str]:
        """Step id -> answer of an automatic drill."""
        return scenarios.answers(self.scenario, self.flavour, self.backup)

    def now(self) -> datetime:
        """The drill's time at this moment."""
        return virtual_now(_stored(self.state))

    def clock(self) -> FastClock:
        """A clock that shows the drill's time, for the runner."""
        return FastClock(self.speed, self.now())

    def control(self, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the control port: GET without a body, POST with one. Raises Unreachable."""
        return _control(self.control_url, name, body)

    def writes(self) -> dict[str, int]:
        """Number of writes carried out, per target, counted by the simulator."""
        counts: dict[str, int] = self.control("writes")["counts"]
        return counts

    def reset(self) -> None:
        """Put the scenario back to its beginning (same ports, time starts anew). Raises Unreachable."""
        (self.state / "ready.json").unlink()
        self.control("reset", {})
        _wait_for(self.process, (self.state / "ready.json").exists)
        world = _stored(self.state)
        self.anchor, self.onset = parse_iso(world["anchor"]), parse_iso(world["onset"])
        self.backup = world["backup"]

    def stop(self) -> None:
        """End the simulator; its state stays. Does nothing when it has ended."""
        if self.process.poll() is None:
            try:
                self.control("quit", {})
                self.process.wait(QUIT_TIMEOUT_S)
            except (Unreachable, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    scenario: str,
    *,
    state: Path,
    flavour: str = "3.7.9",
    faults: str = "",
    seed: int = 1,
    speed: float = 1.0,
    anchor: datetime | None = None,
) -> Simulator:
    """Start a new drill in ``state`` (a folder without one). Raises BadInput or Unreachable."""
    from omniops.drill.faults import parse
    from omniops.errors import BadInput

    play = scenarios.find(scenario)
    parse(faults)
    if flavour not in scenarios.FLAVOURS:
        raise BadInput(f"there is no flavour {flavour!r}", why="flavours: " + ", ".join(scenarios.FLAVOURS))
    options = ["--scenario", scenario, "--flavour", flavour, "--seed", str(seed), "--speed", str(speed)]
    options += ["--anchor", iso(anchor or SystemClock().now()), "--faults", faults]
    if play.paged:
        folders.write(state.absolute(), play)
    return _spawn(state.absolute(), options)


def attach(state: Path) -> Simulator:
    """Go on with the drill in ``state``: same world, same ports, same time.

    Raises Unreachable when there is no drill to go on with, and NeedsPerson while somebody plays it: their simulator
    is not taken from under them.
    """
    state = state.absolute()
    if not _stored(state):
        raise Unreachable(f"there is no drill in {state}", state="nothing was started", next="omniops drill")
    if _played(state):
        raise NeedsPerson(
            "this drill is being played in another terminal",
            state="nothing was changed",
            next="go on there; or Ctrl-C there, then omniops drill resume",
        )
    return _spawn(state, [])


def _played(state: Path) -> bool:
    """Does its simulator still run, though it ends soon after whoever plays the drill?"""
    end = time.monotonic() + QUIT_TIMEOUT_S
    while True:
        try:
            ready = json.loads((state / "ready.json").read_text(encoding="utf-8"))
            _control(ready["control"], "state", None)
        except (OSError, ValueError, Unreachable):
            return False
        if time.monotonic() > end:
            return True
        time.sleep(0.1)


def _spawn(state: Path, options: list[str]) -> Simulator:
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    (state / "ready.json").unlink(missing_ok=True)
    log = (state / "simulator.log").open("ab")
    root = str(Path(__file__).resolve().parents[2])
    # Real settings and secrets of the shell stay out of the simulator.
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": root}
    argv = [sys.executable, "-P", "-m", "omniops.drill.server", "--state", str(state), "--parent", str(os.getpid())]
    process = subprocess.Popen(
        [*argv, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        env=env,
        cwd="/",
        start_new_session=True,  # Ctrl-C in the drill's terminal is meant for omniops, not for the simulator
    )
    log.close()
    try:
        _wait_for(process, (state / "ready.json").exists)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Simulator(process, state)


def _wait_for(process: subprocess.Popen[bytes], done: Callable[[], bool]) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not done():
        if process.poll() is not None or time.monotonic() > end:
            raise Unreachable(
                "the drill's simulator did not start",
                why=f"exit {process.returncode}; see simulator.log in the drill's folder",
                state="nothing was changed",
                next="omniops drill, in another folder",
            )
        time.sleep(0.01)


def _stored(state: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads((state / "world.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data


def _control(url: str, name: str, body: dict[str, Any] | None) -> dict[str, Any]:
    parts = urlsplit(url)
    link = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=CONTROL_TIMEOUT_S)
    try:
        raw = None if body is None else json.dumps(body)
        link.request("GET" if body is None else "POST", f"{parts.path}/{name}", raw)
        reply = link.getresponse()
        answer: dict[str, Any] = json.loads(reply.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable("the drill's simulator does not answer", why=f"{type(error).__name__}: {error}") from None
    finally:
        link.close()
    if reply.status != 200:
        raise Unreachable(f"the drill's simulator refuses {name}", why=str(answer.get("error", "")))
    return answer

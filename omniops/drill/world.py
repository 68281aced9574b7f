"""The state of a simulated OmniRoute: kept in one JSON file, written after every change, read back after a kill.

Virtual time is ``anchor + (now - started) * speed`` on the machine's clock, so every process that reads the file
has the same time, and it goes on while nothing runs.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from omniops.clock import FastClock, SystemClock, iso, parse_iso
from omniops.drill import cast, data_folder, faults
from omniops.drill.scenarios import VERSIONS, Scenario, find

ONSET_BEFORE_ANCHOR = timedelta(minutes=4)
TRAFFIC_BEFORE_ANCHOR = timedelta(minutes=30)
UPTIME_BEFORE_ANCHOR = timedelta(hours=3)
# Above the kernel's highest pid: a simulated pid must never be mistaken for a real process of this host.
FIRST_PID = 5_000_000


class World:
    """Everything that is true in the drill. Hold ``lock`` around reads that belong together, and around changes."""

    def __init__(self, folder: Path, data: dict[str, Any]) -> None:
        self.folder = folder
        self.data = data
        self.lock = threading.RLock()
        self.scenario: Scenario = find(data["scenario"])
        self.clock = FastClock(float(data["speed"]), virtual_now(data))
        self.faults = faults.parse(data["faults"])
        self.ask_stop: Callable[[], None] = lambda: None  # the process hands it in
        self._database: sqlite3.Connection | None = None

    @classmethod
    def create(
        cls, folder: Path, scenario: str, *, flavour: str, seed: int, speed: float, anchor: datetime, spec: str
    ) -> World:
        """Make a new world and its data folder. Raises BadInput for an unknown scenario or fault."""
        play = find(scenario)
        keeps = faults.find(faults.parse(spec), "balancer-keeps") is not None
        rng = Random(seed)
        onset = anchor - ONSET_BEFORE_ANCHOR
        table = cast.providers(rng)
        rows = cast.connections(rng, table, anchor)
        running, green = VERSIONS[flavour]
        bad = play.replicas - 1 if play.replicas > 1 else -1
        data: dict[str, Any] = {
            "format": 1,
            "scenario": scenario,
            "flavour": flavour,
            "seed": seed,
            "speed": speed,
            "anchor": iso(anchor),
            "started": iso(SystemClock().now()),
            "onset": iso(onset),
            "faults": spec,
            "fault_counts": {},
            "version": running,
            "next_version": running,
            "versions": [running, green],
            "images": {f"omniroute:{version}": version for version in (running, green)} | {"omniroute:prod": running},
            "running": True,
            "starting": False,
            "boots": 0,
            "booted": iso(anchor - UPTIME_BEFORE_ANCHOR),
            "auth_ok": not play.auth_broken,
            "data_ok": not play.damaged,
            "slow": {running: play.slow},
            "modes": {row["id"]: "500" for row in rows if row["name"] in play.failing},
            "providers": table,
            "connections": rows,
            "combos": cast.combos(rng, anchor),
            "replicas": [{"bad": n == bad, "running": True, "in": n != bad or keeps} for n in range(play.replicas)],
            "audit": [],
            "writes": [],
            "scripts": [],
            "tests": [],
            "stale": {},
            "login_failures": [],
            "ports": {},
            "history": [],
        }
        keys = cast.keys(rng, anchor)
        folder.mkdir(parents=True, exist_ok=True)
        data["backup"] = str(data_folder.create(folder / "data", keys, onset, rng))
        world = cls(folder, data)
        world._break_data()
        world._first_history(onset, anchor)
        world.save()
        return world

    @classmethod
    def load(cls, folder: Path) -> World:
        """Read a world back."""
        return cls(folder, json.loads((folder / "world.json").read_text(encoding="utf-8")))

    def _break_data(self) -> None:
        live = self.folder / "data" / "storage.sqlite"
        if self.scenario.damaged:
            data_folder.damage(live)
        database = data_folder.open_database(live)
        if self.scenario.auth_broken:
            database.execute("DELETE FROM api_keys")
        if faults.find(self.faults, "column-mismatch"):
            database.execute(f"ALTER TABLE api_keys ADD COLUMN {data_folder.EXTRA_COLUMN}")
        database.close()

    def _first_history(self, onset: datetime, anchor: datetime) -> None:
        sick = self._snapshot()
        well = sick | {"modes": {}, "slow": 1.0, "auth": True, "data": True, "bad": 0.0, "instant": False}
        if self.data["replicas"][-1]["bad"]:
            sick["bad"] = 1 / len(self.data["replicas"])
        self.data["history"] = [
            well | {"at": (anchor - TRAFFIC_BEFORE_ANCHOR).timestamp()},
            sick | {"at": onset.timestamp()},
        ]
        if len(self.data["replicas"]) > 1:  # the balancer dropped the bad one half a minute ago
            self.data["history"].append(self._snapshot() | {"at": (anchor - timedelta(seconds=30)).timestamp()})

    @property
    def fork(self) -> bool:
        return bool(self.data["flavour"] == "fork")

    def now(self) -> datetime:
        """The virtual time."""
        return self.clock.now()

    def now_iso(self) -> str:
        return iso(self.now())

    def has(self, kind: str) -> bool:
        """Say whether a fault of the world is set."""
        return faults.find(self.faults, kind) is not None

    def set_faults(self, spec: str) -> None:
        """Replace the faults. Raises BadInput, and then changes nothing."""
        parsed = faults.parse(spec)
        with self.lock:
            self.faults = parsed
            self.data["faults"], self.data["fault_counts"] = spec, {}
            self.changed()

    def changed(self) -> None:
        """Note what traffic has to know from now on, and write the state."""
        with self.lock:
            latest = self._snapshot()
            last = self.data["history"][-1]
            if {k: v for k, v in last.items() if k != "at"} != {k: v for k, v in latest.items() if k != "at"}:
                self.data["history"].append(latest)
            self.save()

    def audit(self, action: str, target: str, resource: str, details: dict[str, Any], actor: str = "admin") -> None:
        """Add a row to the audit log, spelt both ways as the server does; the caller writes the state."""
        row: dict[str, Any] = {
            "id": len(self.data["audit"]) + 1,
            "timestamp": self.now_iso(),
            "action": action,
            "actor": actor,
            "target": target,
            "details": details,
            "ip_address": "127.0.0.1",
            "resource_type": resource,
            "status": "success",
            "request_id": str(uuid.uuid4()),
        }
        twins = {"metadata": "details", "createdAt": "timestamp", "ip": "ip_address"}
        twins |= {"resourceType": "resource_type", "requestId": "request_id"}
        self.data["audit"].append(row | {twin: row[name] for twin, name in twins.items()})

    def save(self) -> None:
        """Write the state atomically. It need not survive a power cut, only a kill."""
        with self.lock:
            path = self.folder / "world.json"
            fresh = path.with_name(f"world.json.{os.getpid()}")
            fresh.write_text(json.dumps(self.data), encoding="utf-8")
            fresh.replace(path)

    def _snapshot(self) -> dict[str, Any]:
        """The part of the state that decides what traffic looks like. ``active`` keeps the order of priority."""
        data = self.data
        rotation = [replica for replica in data["replicas"] if replica["in"] and replica["running"]]
        bad = sum(1 for replica in rotation if replica["bad"])
        return {
            "at": self.now().timestamp(),
            "running": data["running"],
            "slow": data["slow"].get(data["version"], 1.0),
            "auth": data["auth_ok"],
            "data": data["data_ok"],
            "active": [row["id"] for row in data["connections"] if row["isActive"]],
            "modes": dict(data["modes"]),
            "combos": {row["name"]: [step["model"] for step in row["models"]] for row in data["combos"]},
            "bad": bad / len(rotation) if rotation else 1.0,
            "quiet": self.has("no-traffic"),
            "instant": self.has("instant-errors"),
        }

    def database(self) -> sqlite3.Connection:
        """The server's own open handle: like the real one it goes on reading a file that was replaced under it.

        Raises sqlite3.Error when the file is no database.
        """
        with self.lock:
            if self._database is None:
                self._database = data_folder.open_database(self.folder / "data" / "storage.sqlite")
            return self._database

    def stop(self) -> None:
        """The OmniRoute process ends; its handle on the database is closed."""
        with self.lock:
            self.data["running"] = self.data["starting"] = False
            self.close()
            self.changed()

    def start(self) -> None:
        """An OmniRoute process begins: the prepared version, whatever the data folder now holds."""
        with self.lock:
            data = self.data
            data["running"], data["starting"] = True, False
            data["version"] = data["next_version"]
            data["boots"] += 1
            data["booted"] = self.now_iso()
            for replica in data["replicas"]:
                replica["running"] = True
            try:
                keys = len(data_folder.key_rows(self.database()))
                data["data_ok"] = not data_folder.problems(self.database())
                data["auth_ok"] = keys > 0
            except sqlite3.Error:
                data["data_ok"] = data["auth_ok"] = False
            self.changed()

    def close(self) -> None:
        """Let go of the database."""
        with self.lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def pid(self, replica: int) -> int:
        """The pid that a replica claims; it changes with every start."""
        return FIRST_PID + 10 * int(self.data["boots"]) + replica


def virtual_now(data: dict[str, Any]) -> datetime:
    """Return the virtual time of a state file at this moment."""
    passed = SystemClock().now() - parse_iso(data["started"])
    return parse_iso(data["anchor"]) + passed * float(data["speed"])

"""A host for the script actions: data, snapshots, a server told by a file, and stubs of bin/*.sh with their defects."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from omniops.actions.base import Context
from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import Unreachable
from omniops.jobs.local import LocalJobs
from omniops.services.omniroute import Health

ONSET = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)

STUBS = {
    "snapshot-data.sh": """
label, data = sys.argv[2], sys.argv[4]
open(f"{ROOT}/ran", "a").write("snapshot\\n")
if not os.path.isfile(f"{data}/storage.sqlite"): die(f"no storage.sqlite at {data} (set DATA_DIR?)")
stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + f"_{label}"
place = f"{backups}/snapshot_{stamp}"
os.makedirs(place, exist_ok=True)
try:
    sqlite3.connect(f"{data}/storage.sqlite").execute("VACUUM INTO ?", (f"{place}/storage.sqlite",))
except sqlite3.Error as error:
    print(f"Error: stepping, {error}", file=sys.stderr); sys.exit(1)
say(f"snapshot created: {place}"); print(stamp)
""",
    "restore-policies.sh": """
source, data = sys.argv[1], sys.argv[3]
open(f"{ROOT}/ran", "a").write("policies\\n")
live = sqlite3.connect(f"{data}/storage.sqlite", isolation_level=None)
say("policy tables to restore: api_keys")
saved = f"{backups}/pre-policy-restore_" + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
os.makedirs(saved)
live.execute("VACUUM INTO ?", (f"{saved}/storage.sqlite",))
say(f"live DB saved to {saved}")
if os.path.exists(f"{ROOT}/skew"): live.execute("ALTER TABLE api_keys ADD COLUMN skew")
live.execute("ATTACH ? AS snap", (f"{source}/storage.sqlite",))
live.execute("DELETE FROM api_keys")
try:
    live.execute("INSERT INTO api_keys SELECT * FROM snap.api_keys")
except sqlite3.Error as error:
    print(f"Parse error near line 5: {error}", file=sys.stderr); sys.exit(1)
say(f"policies restored from {source} - restart OmniRoute to apply")
""",
    "restore-data.sh": """
source, data = sys.argv[1], sys.argv[3]
open(f"{ROOT}/ran", "a").write("data\\n")
say(f"restore source: {source} -> {data}")
saved = f"{backups}/pre-restore_" + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
os.makedirs(saved)
shutil.copy(f"{data}/storage.sqlite", saved)
say(f"current data saved to {saved}")
if os.path.exists(f"{ROOT}/full"): die("no space left on device")
shutil.copy(f"{source}/storage.sqlite", f"{data}/storage.sqlite")
if os.path.exists(f"{ROOT}/tear"): open(f"{data}/storage.sqlite", "r+b").truncate(3000)
say("restore complete - restart OmniRoute to pick up the restored data")
""",
    "rollback.sh": """
version, method = sys.argv[1].lstrip("v"), sys.argv[3]
open(f"{ROOT}/ran", "a").write(" ".join(sys.argv[1:]) + "\\n")
say(f"target: omniroute@{version} via {method}")
state = json.load(open(f"{ROOT}/server.json"))
if method == "docker":
    if version not in state["images"]: die(f"local image omniroute:{version} not found - build it")
    state["images"]["prod"] = state["images"][version]
    if os.path.exists(f"{ROOT}/compose-fails"):
        json.dump(state, open(f"{ROOT}/server.json", "w")); sys.exit(14)
    state.update(version=version, started=time.time())
elif state.get("npm_fails"):
    sys.exit(7)
elif state.get("pm2"):
    state.update(version=version, started=time.time())
else:
    say(f"installed omniroute@{version} - restart the service to apply (no PM2 'omniroute' process found)")
json.dump(state, open(f"{ROOT}/server.json", "w"))
say(f"rollback to {version} complete")
""",
    "docker": """
state = json.load(open(f"{ROOT}/server.json"))
words = sys.argv[1:]
open(f"{ROOT}/docker.log", "a").write(" ".join(words) + "\\n")
if words[:2] == ["image", "inspect"]:
    found = state["images"].get(words[-1].partition(":")[2])
    if not found: print("Error: No such image", file=sys.stderr); sys.exit(1)
    print(found); sys.exit(0)
verb = words[3] if words[:1] == ["compose"] else die("unknown command")
if verb == "ps":
    if state.get("compose", True):
        ports = [{"URL": "0.0.0.0", "TargetPort": 20128, "PublishedPort": state["port"]}] if state["up"] else None
        word = "running" if state["up"] else "exited"
        print(json.dumps({"Service": "omniroute-prod", "State": word, "Publishers": ports}))
    sys.exit(0)
open(f"{ROOT}/ran", "a").write(verb + "\\n")
if state.get("stuck"): print("Error response from daemon: stuck", file=sys.stderr); sys.exit(1)
if not state.get("lazy"):
    state["up"] = verb != "stop"
    if verb != "stop": state["started"] = time.time()
json.dump(state, open(f"{ROOT}/server.json", "w"))
""",
    "npm": """
version = sys.argv[2].partition("@")[2]
print(version if version in json.load(open(f"{ROOT}/server.json"))["images"] else "")
""",
    "pm2": """
state = json.load(open(f"{ROOT}/server.json"))
if sys.argv[1] == "jlist": print('[{"name":"omniroute","pid":1}]' if state.get("pm2") else "[]")
else: sys.exit(0 if state.get("pm2") else 1)
""",
}
HEAD = """#!{python} -I
import json, os, shutil, sqlite3, sys, time
ROOT = {root!r}
name = os.path.basename(sys.argv[0]).removesuffix(".sh")
backups = os.environ.get("DB_BACKUPS_DIR", "")
def say(text): print(f"[{{name}}] {{text}}", file=sys.stderr)
def die(text): say("ERROR: " + text); sys.exit(1)
"""


class QuickClock:
    """Starts half an hour after the onset and runs on; a sleep takes (almost) no time."""

    def __init__(self) -> None:
        self._system, self._skipped = SystemClock(), 0.0
        self._from = self._system.boot()

    def boot(self) -> float:
        return self._system.boot() + self._skipped

    def now(self) -> datetime:
        return ONSET + timedelta(minutes=30, seconds=self.boot() - self._from)

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds
        self._system.sleep(0.005)


class FileServer:
    """What the actions ask of ``services.omniroute.OmniRoute``, answered from server.json, which the stubs change."""

    def __init__(self, root: Path, clock: QuickClock, url: str = "http://127.0.0.1:20128") -> None:
        self.root, self.clock, self.url = root, clock, url

    def set(self, **changes: Any) -> None:
        file = self.root / "server.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.root / "server.json").read_text())
        if not state["up"]:
            raise Unreachable("connection refused")
        return state

    def health(self) -> Health:
        import time

        state = self.state()
        return Health(True, state["version"], time.time() - state["started"], state["pid"], "ok", "")

    def version(self) -> tuple[str, str]:
        return self.state()["version"], "health"

    def data_folder(self) -> str:
        self.state()
        return str(self.root / "data")

    def server_now(self) -> datetime:
        return self.clock.now()


class Host:
    """Everything in one folder, which is also the drill's: nothing outside it can be run."""

    def __init__(self, root: Path, *, drill: bool = True, url: str = "http://127.0.0.1:20128", **env: str) -> None:
        self.root, self.data, self.backups = root, root / "data", root / "data" / "db_backups"
        self.backups.mkdir(parents=True)
        for name, body in STUBS.items():
            self.stub(name, body)
        (root / "docker-compose.prod.yml").write_text("services: {}\n")
        server = {"up": True, "version": "3.7.9", "pid": 77, "port": 20128, "started": 0.0}
        images = {"3.7.8": "sha256:old", "3.7.9": "sha256:new", "prod": "sha256:new"}
        (root / "server.json").write_text(json.dumps({**server, "images": images}))
        self.settings = Settings(
            {
                "PATH": f"{root / 'bin'}:/usr/bin:/bin",
                "OMNIOPS_DRILL_FOLDER": str(root),
                "OMNIROUTE_BIN": str(root / "bin"),
                "OMNIROUTE_DATA_DIR": str(self.data),
                "OMNIROUTE_COMPOSE_FILE": str(root / "docker-compose.prod.yml"),
                "OMNIROUTE_PASSWORD": "never-in-a-child",
                **env,
            },
            drill=drill,
        )
        self.clock = QuickClock()
        self.server = FileServer(root, self.clock, url)
        self.jobs = LocalJobs(root / "jobs", self.settings, self.clock)
        parts = {"settings": self.settings, "clock": self.clock, "omniroute": self.server, "jobs": self.jobs}
        self.ctx = Context(**cast(Any, parts), pagerduty=cast(Any, None), incident="2026-11-23-test", onset=ONSET)

    def stub(self, name: str, body: str) -> None:
        path = self.root / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD.format(python=sys.executable, root=str(self.root)) + body)
        path.chmod(0o755)

    def ran(self) -> list[str]:
        file = self.root / "ran"
        return file.read_text().splitlines() if file.exists() else []

    def snapshot(self, name: str, keys: Sequence[str] = ("k1", "k2", "k3"), columns: int = 3) -> Path:
        return database(self.backups / f"snapshot_{name}", keys, columns)


def database(folder: Path, keys: Sequence[str] = ("k1", "k2", "k3"), columns: int = 3) -> Path:
    """Make a storage.sqlite with API keys in a folder, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    link = sqlite3.connect(folder / "storage.sqlite")
    names = ["id", *(f"c{n}" for n in range(1, columns))]
    with link:
        link.execute(f"CREATE TABLE api_keys ({', '.join(names)})")
        link.execute("CREATE TABLE provider_connections (id)")
        link.executemany("INSERT INTO api_keys (id) VALUES (?)", [(key,) for key in keys])
    link.close()
    return folder


def keys(folder: Path) -> list[str]:
    """Return the ids of a database's keys."""
    link = sqlite3.connect(folder / "storage.sqlite")
    try:
        return sorted(row[0] for row in link.execute("SELECT id FROM api_keys"))
    finally:
        link.close()

"""Is this the host that runs the server behind OMNIROUTE_URL? Proof, or no proof with words; never a guess.

A script run on the wrong host snapshots, restores or rolls back somebody else's server, and says "complete".
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError
from omniops.jobs.local import check_program, child_env
from omniops.text import clean, one_line

if TYPE_CHECKING:
    from omniops.services.omniroute import Health, OmniRoute

PROGRAM_ENV = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "NPM_CONFIG_PREFIX", "PM2_HOME")
"""What docker, npm and pm2 need to find the same server as the operator's shell does. None of it is secret."""
START_TOLERANCE_S = 5.0
PROBE_TIMEOUT_S = 20.0


class HostProof(NamedTuple):
    """``here``: it is proved that the server runs on this host; ``why``: by what, or what is missing."""

    here: bool
    why: str


class Probe(NamedTuple):
    """How a short command that changes nothing ended; ``code`` None: it could not be run, ``error`` says why."""

    code: int | None
    out: str
    error: str


class Service(NamedTuple):
    """A container of the compose file. ``ports`` are the published ones; a stopped container has none."""

    name: str
    running: bool
    ports: frozenset[int]


def program_env(settings: Settings) -> dict[str, str]:
    """Return what docker, npm and pm2 are given besides the allow-list."""
    return {name: settings.env[name] for name in PROGRAM_ENV if settings.env.get(name)}


def find_program(settings: Settings, name: str) -> str:
    """Return a program's full path by the settings' PATH (a drill puts its stand-ins first), "" if it is not there."""
    found = shutil.which(name, path=child_env(settings)["PATH"])
    return str(Path(found).absolute()) if found else ""


def probe(settings: Settings, argv: list[str], timeout_s: float = PROBE_TIMEOUT_S) -> Probe:
    """Run a short command that changes nothing; ``argv[0]`` is a program's name.

    Raises BadInput in a drill, for a program outside its folder.
    """
    program = find_program(settings, argv[0])
    if not program:
        return Probe(None, "", f"{argv[0]} is not installed here")
    check_program(settings, program)
    try:
        done = subprocess.run(
            [program, *argv[1:]],
            capture_output=True,
            check=False,
            env=child_env(settings, program_env(settings)),
            cwd="/",
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return Probe(None, "", f"{argv[0]} did not answer within {timeout_s:g} s")
    except OSError as error:
        return Probe(None, "", f"{argv[0]} could not be started: {error}")
    return Probe(
        done.returncode, clean(done.stdout.decode(errors="replace")), one_line(done.stderr.decode(errors="replace"))
    )


def compose_file(settings: Settings) -> Path | None:
    """OMNIROUTE_COMPOSE_FILE, if it is set and there."""
    path = settings.get("OMNIROUTE_COMPOSE_FILE")
    file = Path(path).expanduser().absolute() if path else None
    return file if file is not None and file.is_file() else None


def compose_services(settings: Settings) -> tuple[list[Service], str]:
    """Return the compose file's containers on this host, stopped ones too; or none and why they cannot be told."""
    file = compose_file(settings)
    if file is None:
        return [], "OMNIROUTE_COMPOSE_FILE is not set, or not there"
    remote = _remote_docker(settings)
    if remote:
        return [], remote
    answer = probe(settings, ["docker", "compose", "-f", str(file), "ps", "-a", "--format", "json"])
    if answer.code != 0:
        return [], f"docker compose ps failed: {answer.error or 'no reason given'}"
    return parse_ps(answer.out), ""


def parse_ps(out: str) -> list[Service]:
    """Read ``docker compose ps --format json``: an array (before 2.21), or an object per line; all else is nothing."""
    rows: list[Any] = []
    for chunk in [out] if out.lstrip().startswith("[") else out.splitlines():
        with contextlib.suppress(ValueError):
            value = json.loads(chunk)
            rows += value if isinstance(value, list) else [value]
    found = []
    for row in (row for row in rows if isinstance(row, dict)):
        published = {int(p.get("PublishedPort") or 0) for p in row.get("Publishers") or [] if isinstance(p, dict)}
        published |= {int(port) for port in re.findall(r":(\d+)->", str(row.get("Ports") or ""))}
        name = one_line(row.get("Service") or row.get("Name") or "?", 60)
        found.append(Service(name, str(row.get("State", "")).lower() == "running", frozenset(published - {0})))
    return found


def _remote_docker(settings: Settings) -> str:
    """Say why docker talks to another machine's containers; "" where it talks to this one's."""
    host = settings.get("DOCKER_HOST")
    if host:
        return "" if host.startswith("unix://") else "DOCKER_HOST names another machine"
    context = settings.get("DOCKER_CONTEXT")
    if not context:
        folder = Path(settings.get("DOCKER_CONFIG") or Path(settings.get("HOME", "/")) / ".docker")
        with contextlib.suppress(OSError, ValueError, AttributeError):
            context = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext", "")
    if not context or context == "default":
        return ""
    answer = probe(settings, ["docker", "context", "inspect", context, "--format", "{{.Endpoints.docker.Host}}"])
    return (
        ""
        if answer.out.strip().startswith("unix://")
        else f"docker's context {one_line(context, 40)} is not this machine"
    )


def is_local(host: str) -> bool:
    """Say whether every address of a host name is one of this machine's own."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(_bindable(family, address) for family, _, _, _, address in found)


def _bindable(family: int, address: Any) -> bool:
    with socket.socket(family, socket.SOCK_DGRAM) as test:
        try:
            test.bind(address)
        except OSError:
            return False
    return True


def prove(settings: Settings, omniroute: OmniRoute) -> HostProof:
    """Prove that the server behind OMNIROUTE_URL runs here. Any one of these is proof:

    - the pid that its health page names is a process here which listens on the URL's port, or holds the data folder's
      storage.sqlite open, or is a node process that started when the uptime says;
    - the URL's host is this machine, and a running container of OMNIROUTE_COMPOSE_FILE publishes its port here;
    - the same, the containers being here but all stopped, and nothing answering on the port.

    In a drill the folder is the proof (loopback only). Raises BadInput for a drill without one.
    """
    parts = urlsplit(omniroute.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if settings.drill:
        return _drill(settings, host)
    local = is_local(host)
    health: Health | None = None
    reasons = []
    try:
        health = omniroute.health()
    except OmniopsError as error:
        reasons.append(f"the server does not answer ({error.what})")
    if health is not None:
        found = _by_pid(health, omniroute, port if local else 0)
        if found:
            return HostProof(True, found)
        reasons.append(f"pid {health.pid} of its health page is not shown to be a process here")
    if not local:
        reasons.append(f"{host} is not an address of this machine")
        return HostProof(False, "; ".join(reasons))
    services, why = compose_services(settings)
    publishing = [service.name for service in services if service.running and port in service.ports]
    if publishing:
        return HostProof(True, f"container {publishing[0]} runs here and publishes port {port}")
    if health is None and services and not any(service.running for service in services):
        file = compose_file(settings)
        named = file is not None and re.search(rf"\b{port}\b", file.read_text(encoding="utf-8", errors="replace"))
        if named and not _answers(host, port):
            return HostProof(True, f"its containers are here, stopped, and nothing answers on port {port}")
    reasons.append(why or f"no container of the compose file publishes port {port} here")
    return HostProof(False, "; ".join(reasons))


def _drill(settings: Settings, host: str) -> HostProof:
    folder = settings.get("OMNIOPS_DRILL_FOLDER")
    if not folder or not Path(folder).is_dir():
        raise BadInput("The drill has no folder", state="nothing was started", next="start it with `omniops drill`")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        return HostProof(False, f"a drill's server is on this machine, and {host} is not")
    return HostProof(True, "this is a drill, and its folder is here")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True  # something other than "nobody listens" is no proof that nobody does
    return True


def _by_pid(health: Health, omniroute: OmniRoute, port: int) -> str:
    """Say by what the health page's pid is a process of this machine, "" if nothing shows it."""
    if not health.pid or not Path(f"/proc/{health.pid}").is_dir():
        return ""
    process = Path(f"/proc/{health.pid}")
    if port and _listens(process, port):
        return f"its process {health.pid} listens on port {port} here"
    if _started_then(process, health.uptime_s):
        return f"its process {health.pid} runs here, for as long as its health page says"
    try:
        database = Path(omniroute.data_folder()) / "storage.sqlite"
    except OmniopsError:
        return ""
    if _holds(process, database):
        return f"its process {health.pid} has {database} open here"
    return ""


def _handles(process: Path) -> list[Path]:
    try:
        return list((process / "fd").iterdir())
    except OSError:
        return []


def _listens(process: Path, port: int) -> bool:
    inodes = set()
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (process / "net" / name).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for handle in _handles(process):
        with contextlib.suppress(OSError):
            if os.readlink(handle) in inodes:
                return True
    return False


def _started_then(process: Path, uptime_s: float) -> bool:
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").lower()
        fields = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return False
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    same = abs(SystemClock().boot() - uptime_s - started) <= START_TOLERANCE_S
    return same and ("node" in words or "omniroute" in words)


def _holds(process: Path, file: Path) -> bool:
    try:
        wanted = file.stat()
    except OSError:
        return False
    for handle in _handles(process):
        with contextlib.suppress(OSError):
            held = handle.stat()
            if (held.st_dev, held.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
    return False


def holders(files: list[Path]) -> list[str]:
    """Say which processes of this machine hold one of these files: by their open files, and by the kernel's lock table,
    which also shows the locks of processes that this user may not look into."""
    wanted = set()
    for file in files:
        with contextlib.suppress(OSError):
            found = file.stat()
            wanted.add((found.st_dev, found.st_ino))
    if not wanted:
        return []
    names = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and any(_is_one_of(handle, wanted) for handle in _handles(process)):
            names.append(f"pid {process.name}")
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            place = re.search(r" (-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ", line)
            if place and (os.makedev(int(place[2], 16), int(place[3], 16)), int(place[4])) in wanted:
                names.append(f"pid {place[1]}" if int(place[1]) > 0 else "a process of another container")
    return sorted(set(names))


def _is_one_of(handle: Path, wanted: set[tuple[int, int]]) -> bool:
    try:
        held = handle.stat()
    except OSError:
        return False
    return (held.st_dev, held.st_ino) in wanted

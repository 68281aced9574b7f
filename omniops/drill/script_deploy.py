"""Stand-ins for rollback.sh and for the docker, npm, pm2 and systemctl commands that it and omniops call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from omniops.drill.script import Failed, Script

SERVICE = "omniroute-prod"
REDIS = "redis"


def rollback(script: Script) -> int:
    """rollback.sh: verifies nothing, and says "complete" even when nothing was restarted."""
    version, method, yes = "", "", False
    rest = list(script.argv)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            print("usage: bin/rollback.sh [<version>|v<version>] [--method npm|docker] [--yes]")
            return 0
        if word == "--method":
            if not rest:
                print("bin/rollback.sh: line 40: 2: --method needs a value", file=sys.stderr)
                return 1
            method = rest.pop(0)
        elif word in ("--yes", "-y"):
            yes = True
        elif word.startswith("-"):
            script.fail(f"unknown argument: {word} (see --help)")
        else:
            version = word.removeprefix("v")
    method = method or ("docker" if not script.fault("npm-deploy") and script.world["running"] else "npm")
    version = version or str(script.world["versions"][-1])
    script.say(f"target: omniroute@{version} via {method}")
    script.confirm(f"Roll back to {version}?", yes)
    if method not in ("npm", "docker"):
        script.fail(f"unknown method: {method}")
    code = _by_docker(script, version) if method == "docker" else _by_npm(script, version)
    if code == 0:
        script.say(f"rollback to {version} complete")
    return code


def _by_docker(script: Script, version: str) -> int:
    if f"omniroute:{version}" not in script.world["images"]:
        script.fail(f"local image omniroute:{version} not found — build or pull it first")
    script.tell("tag", {"from": f"omniroute:{version}", "to": "omniroute:prod"})
    return _up(script)


def _by_npm(script: Script, version: str) -> int:
    code = _npm_install(script, version)
    if code:
        return code
    if not _under_pm2(script) or script.fault("not-restarted"):
        script.say(f"installed omniroute@{version} — restart the service to apply (no PM2 'omniroute' process found)")
        return 0
    print("[PM2] Applying action restartProcessId on app [omniroute]")
    script.tell("power", {"action": "restart"})
    return 0


def _npm_install(script: Script, version: str) -> int:
    if script.fault("npm-fails"):
        print("npm error code E404", file=sys.stderr)
        return 7
    if script.fault("npm-deploy"):  # else it is installed beside the container, which does not care
        script.tell("version", {"version": version})
    print("added 1 package in 2s")
    return 0


def _under_pm2(script: Script) -> bool:
    return script.fault("npm-deploy") is not None and script.fault("no-pm2") is None


def _up(script: Script) -> int:
    """docker compose up -d: makes the container anew from the tag, and starts it."""
    if script.fault("compose-fails"):
        print("Error response from daemon: driver failed programming external connectivity", file=sys.stderr)
        return 1
    script.tell("recreate", {})
    if not script.fault("not-restarted"):
        script.tell("power", {"action": "restart"})
    print(f" Container {SERVICE}  Started", file=sys.stderr)
    return 0


def npm(script: Script) -> int:
    """npm install -g omniroute@V, npm view omniroute versions."""
    words = [word for word in script.argv if not word.startswith("-")]
    if words[:1] == ["install"] and words[-1].startswith("omniroute@"):
        return _npm_install(script, words[-1].partition("@")[2])
    if words[:1] == ["view"]:
        known = sorted(script.world["versions"])
        wanted = words[1].partition("@")[2]
        if wanted and wanted not in known:
            print("npm error code E404", file=sys.stderr)
            return 1
        print(wanted or json.dumps(known))
        return 0
    return _unknown(script)


def pm2(script: Script) -> int:
    """pm2 jlist, pm2 describe omniroute, pm2 restart omniroute."""
    missing = not _under_pm2(script)
    if script.argv[:1] == ["jlist"]:
        print(json.dumps([] if missing else [{"name": "omniroute", "pm2_env": {"status": "online"}}]))
        return 0
    if script.argv[:2] in (["describe", "omniroute"], ["restart", "omniroute"]):
        if missing:
            print("[PM2][ERROR] Process or Namespace omniroute not found", file=sys.stderr)
            return 1
        if script.argv[0] == "restart":
            script.tell("power", {"action": "restart"})
        return 0
    return _unknown(script)


def systemctl(script: Script) -> int:
    """systemctl stop, start, restart, is-active of a unit called omniroute."""
    words = [word for word in script.argv if not word.startswith("-")]
    if words[-1:] not in (["omniroute"], ["omniroute.service"]):
        return _unknown(script)
    if words[0] == "is-active":
        print("active" if script.world["running"] else "inactive")
        return 0 if script.world["running"] else 3
    if words[0] in ("stop", "start", "restart"):
        script.tell("power", {"action": words[0]})
        return 0
    return _unknown(script)


def docker(script: Script) -> int:
    """The few docker commands that a rollback, a stop and a look at the container need."""
    words = script.argv
    if words[:1] == ["compose"]:
        return _compose(script, words[1:])
    if words[:2] == ["image", "inspect"]:
        return _image(script, words[2:])
    if words[:1] == ["tag"] and len(words) == 3:
        if words[1] not in script.world["images"]:
            print(f"Error response from daemon: No such image: {words[1]}", file=sys.stderr)
            return 1
        script.tell("tag", {"from": words[1], "to": words[2]})
        return 0
    if words[:1] == ["inspect"]:
        print(json.dumps([_container(script)]))
        return 0
    if words[:2] == ["volume", "inspect"]:
        print(json.dumps([{"Name": f"{SERVICE}-data", "Mountpoint": str(script.state / "data")}]))
        return 0
    if words[:1] in (["version"], ["info"]):
        print("Docker (stand-in of a drill)")
        return 0
    return _unknown(script)


def _image(script: Script, words: list[str]) -> int:
    rest = list(words)
    only_id = rest[:1] in (["--format"], ["-f"])
    names = rest[2:] if only_id else rest
    images = script.world["images"]
    missing = [name for name in names if name not in images]
    found: list[dict[str, Any]] = [
        {"Id": f"sha256:{images[name]}", "RepoTags": [name]} for name in names if name in images
    ]
    print("\n".join(str(one["Id"]) for one in found) if only_id else json.dumps(found))
    for name in missing:
        print(f"Error response from daemon: No such image: {name}", file=sys.stderr)
    return 1 if missing else 0


def _container(script: Script) -> dict[str, Any]:
    world = script.world
    state = "running" if world["running"] or world["starting"] else "exited"
    return {
        "Id": "d1" * 32,
        "Name": f"/{SERVICE}",
        "State": {"Status": state, "Running": state == "running", "Pid": 0, "StartedAt": world["booted"]},
        "Config": {"Image": "omniroute:prod", "Labels": {"com.docker.compose.service": SERVICE}},
        "Mounts": [
            {
                "Type": "volume",
                "Name": f"{SERVICE}-data",
                "Source": str(script.state / "data"),
                "Destination": "/app/data",
            }
        ],
        "NetworkSettings": {"Ports": {"20128/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(world["ports"]["main"])}]}},
    }


def _compose(script: Script, words: list[str]) -> int:
    """docker compose [-f FILE] ps|stop|start|restart|up|version."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in ("-f", "--file", "-p", "--project-name", "--project-directory"):
            file = rest.pop(0) if rest else ""
            if option in ("-f", "--file") and not file.startswith(str(script.state)):
                print(f"open {file}: no such file or directory", file=sys.stderr)
                return 14
    verb = rest[0] if rest else ""
    if verb == "ps":
        return _ps(script, rest[1:])
    if verb == "version":
        print("Docker Compose version v2.29.0 (stand-in of a drill)")
        return 0
    if verb == "up":
        return _up(script)
    if verb in ("stop", "start", "restart"):
        if script.fault("compose-fails"):
            print("Error response from daemon: context deadline exceeded", file=sys.stderr)
            return 1
        script.tell("power", {"action": verb})
        done = {"stop": "Stopped", "start": "Started", "restart": "Started"}[verb]
        print(f" Container {SERVICE}  {done}", file=sys.stderr)
        return 0
    return _unknown(script)


def _ps(script: Script, options: list[str]) -> int:
    """Lines of JSON, one per container; without ``-a`` only running ones."""
    running = _container(script)["State"]["Running"]
    if script.fault("npm-deploy") or (not running and not {"-a", "--all"} & set(options)):
        return 0
    port = script.world["ports"]["main"]
    publisher = {"URL": "127.0.0.1", "TargetPort": 20128, "PublishedPort": port, "Protocol": "tcp"}
    for number, name in enumerate((SERVICE, REDIS)):
        row = {
            "ID": f"d{number + 1}" * 6,
            "Name": name,
            "Service": name,
            "Project": "omniroute",
            "Image": "omniroute:prod" if name == SERVICE else "redis:7",
            "State": "running" if running else "exited",
            "Status": "Up 3 hours" if running else "Exited (0) 5 seconds ago",
            "Health": "healthy" if running else "",
            "ExitCode": 0,
            "Publishers": [publisher] if name == SERVICE and running else [],
        }
        if {"-q", "--quiet"} & set(options):
            print(row["ID"])
        elif "json" in " ".join(options):
            print(json.dumps(row))
        else:
            print(f"{name}   {row['Image']}   {row['State']}   {row['Status']}")
    return 0


def _unknown(script: Script) -> int:
    print(f"{script.name}: a drill has no such command: {' '.join(script.argv)}", file=sys.stderr)
    raise Failed(125)


RUN: dict[str, Callable[[Script], int]] = {
    "rollback.sh": rollback,
    "docker": docker,
    "npm": npm,
    "pm2": pm2,
    "systemctl": systemctl,
}

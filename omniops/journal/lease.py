"""Who holds a run: a process, known by its pid, its start time and the machine's boot."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any


@cache
def boot_id() -> str:
    """This boot of this machine; "" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def hostname() -> str:
    """This machine's name, without importing ``socket``."""
    return os.uname().nodename


@cache
def pid_space() -> str:
    """Where pids mean what they mean here: two containers may share host name and boot. "" where there is one only."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def started(pid: int) -> str:
    """When a process started, in the system's own terms; "" where there is no such process, or only its remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # a process may have any name, spaces and brackets included
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""


def me() -> dict[str, Any]:
    """This process, as ``lease.taken`` records it."""
    pid = os.getpid()
    return {"pid": pid, "started": started(pid), "boot": boot_id(), "host": hostname(), "pids": pid_space()}


def holder_state(holder: dict[str, Any]) -> str:
    """Say whether a lease's holder is "me", "alive", "dead" or "unknown".

    Dead is proved: the same host, and another boot since, or no such process with that start time. What cannot be
    proved is unknown: another host, another container, a system that does not say.
    """
    here = me()
    if holder["host"] != here["host"] or not holder["boot"] or not here["boot"]:
        return "unknown"
    if holder["boot"] != here["boot"]:
        return "dead"
    if holder.get("pids", here["pids"]) != here["pids"] or not holder["started"]:
        return "unknown"
    if (holder["pid"], holder["started"]) == (here["pid"], here["started"]):
        return "me"
    return "alive" if started(holder["pid"]) == holder["started"] else "dead"

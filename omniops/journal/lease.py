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


def started(pid: int) -> str:
    """When a process started, in the system's own terms; "" where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def me() -> dict[str, Any]:
    """This process, as ``lease.taken`` records it."""
    pid = os.getpid()
    return {"pid": pid, "started": started(pid), "boot": boot_id(), "host": hostname()}


def holder_state(holder: dict[str, Any]) -> str:
    """ "me", "alive", "dead" (proved: same host, and another boot or no such process), or "unknown"."""
    here = me()
    if holder["host"] != here["host"]:
        return "unknown"
    if holder["boot"] != here["boot"]:
        return "dead"
    if (holder["pid"], holder["started"]) == (here["pid"], here["started"]):
        return "me"
    return "alive" if started(holder["pid"]) == holder["started"] else "dead"

"""Runs the one script of a job folder and writes down how it ended: a program of its own, standard library only.

Started as ``python -I -S supervisor.py FOLDER`` in a session of its own, so that it outlives omniops. In the folder:

    request.json   what to run; there before this program starts
    claim          who runs it, or that it is void; made by link(2), so exactly one claimant ever wins
    child          the script's process
    stdout stderr  its output: the first and the last KEEP bytes
    exit           how it ended; written, synced, then renamed into place
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

KEEP = 256 * 1024
"""Bytes kept of the head, and as many of the tail, of each output."""
TRIM_AT = 8 * KEEP
TICK_S = 0.2
TERM_GRACE_S = 5.0
CUT = b"\n... output left out here ...\n"


def identity(pid: int) -> dict[str, Any]:
    """Return what tells a process from a later one with the same pid. Raises OSError where there is none."""
    return {"pid": pid, "start": _stat(pid)[19], "boot": _boot()}


def alive(who: dict[str, Any]) -> bool:
    """Say whether this very process still runs (a zombie does not)."""
    try:
        fields = _stat(int(who["pid"]))
    except (OSError, KeyError, ValueError, IndexError):
        return False
    return who.get("boot") == _boot() and fields[19] == who.get("start") and fields[0] not in ("Z", "X")


def _stat(pid: int) -> list[str]:
    # The name, in brackets, may hold spaces and brackets; the state is the first field after the last one.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a file so that it is there complete, or not at all, whatever happens."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    _write_synced(temporary, content)
    temporary.rename(path)
    sync_folder(path.parent)


def claim(folder: Path, content: dict[str, Any]) -> bool:
    """Claim the job. False: somebody else has it. Atomic, and complete from the first instant, by link(2)."""
    # Threads of one process may claim too, so the pid alone does not tell the temporary files apart.
    temporary = folder / f"claim.{os.getpid()}.{time.monotonic_ns()}"
    _write_synced(temporary, content)
    try:
        os.link(temporary, folder / "claim")
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    sync_folder(folder)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_synced(path: Path, content: dict[str, Any]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())


def trim(handle: int, limit: int) -> None:
    """Cut an output longer than ``limit`` to its head and tail. Whoever appends to it goes on at the new end."""
    size = os.fstat(handle).st_size
    if size <= limit:
        return
    tail = os.pread(handle, KEEP, size - KEEP)
    os.ftruncate(handle, KEEP)
    os.write(handle, CUT + tail)


def _kill(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _run(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    import subprocess

    # Files, not pipes: a script whose supervisor is killed must not die of SIGPIPE in the middle of its work.
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    outputs = [os.open(folder / name, flags, 0o600) for name in ("stdout", "stderr")]
    try:
        child = subprocess.Popen(
            request["argv"],
            env=request["env"],
            cwd=request["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=outputs[0],
            stderr=outputs[1],
            process_group=0,
        )
    except (OSError, ValueError) as error:
        return {"started": False, "note": f"the script could not be started: {error}"}
    with contextlib.suppress(OSError):  # it may have ended already
        write(folder / "child", identity(child.pid))
    ended = _wait(child, float(request["timeout_s"]), outputs)
    for handle in outputs:
        trim(handle, 2 * KEEP + len(CUT))
        os.fsync(handle)
    code = child.returncode
    return {"started": True, "exit": 128 - code if code < 0 else code, "timed_out": not ended}


def _wait(child: subprocess.Popen[bytes], timeout_s: float, outputs: list[int]) -> bool:
    """Wait for the script's end. False: it had to be killed at its time limit."""
    from subprocess import TimeoutExpired

    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutExpired):
            child.wait(min(TICK_S, max(0.0, deadline - time.monotonic())))
            return True
        for handle in outputs:
            trim(handle, TRIM_AT)
    _kill(child.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutExpired):
        child.wait(TERM_GRACE_S)
    _kill(child.pid, signal.SIGKILL)  # also what the script has started and left behind
    child.wait()
    return False


def main(folder: Path) -> int:
    """Claim the job, run it, write its end down. Returns 0, or 1 where somebody else has claimed it."""
    # Handlers, not SIG_IGN: what is ignored stays ignored in the script. A logout or shutdown must not stop the record.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    request = json.loads((folder / "request.json").read_text(encoding="ascii"))
    if not claim(folder, identity(os.getpid())):
        return 1
    write(folder / "exit", _run(folder, request))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

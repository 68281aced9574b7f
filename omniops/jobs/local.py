"""Scripts on this machine, each under a supervisor that outlives omniops (see `supervisor.py` for the folder's files).

A job is started at most once, by two atomic facts: its folder is renamed into place complete, which only one process
can do, and its claim is linked, which only one of {the supervisor, whoever voids the job} can do.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omniops import text
from omniops.clock import Clock, iso
from omniops.config import SECRETS, Settings
from omniops.digest import sha256
from omniops.errors import BadInput
from omniops.failpoints import reached
from omniops.jobs import supervisor
from omniops.jobs.contract import LOST, NOT_STARTED, TIMED_OUT, JobResult

if TYPE_CHECKING:
    import subprocess

ALLOWED_ENV = ("PATH", "HOME", "LANG", "LC_ALL", "DATA_DIR", "DB_BACKUPS_DIR")
"""What a script may inherit; everything else of omniops' environment stays with omniops."""
SCOPE_ENV = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MARGIN_S = supervisor.TERM_GRACE_S + 10.0
POLL_S = 0.05
VOID = {"void": True}


def child_env(settings: Settings, named: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: the allow-list, and what the action names."""
    env = {name: settings.env[name] for name in ALLOWED_ENV if settings.env.get(name)}
    env.setdefault("PATH", DEFAULT_PATH)
    return {**env, **(named or {})}


def check_program(settings: Settings, program: str) -> None:
    """Refuse a program that is missing (FileNotFoundError), not executable (PermissionError) or, in a drill, outside
    the drill's folder (BadInput)."""
    path = Path(program)
    if settings.drill:
        folder = settings.get("OMNIOPS_DRILL_FOLDER")
        if not folder or not path.resolve().is_relative_to(Path(folder).resolve()):
            raise BadInput(
                f"A drill does not run {text.one_line(program)}",
                why="it is outside the drill's folder",
                state="nothing was started",
            )
    if not path.is_absolute() or not path.is_file():
        raise FileNotFoundError(f"{program} is not there")
    if not os.access(path, os.X_OK):
        raise PermissionError(f"{program} is not executable")


def safe_name(key: str) -> str:
    """Return a file name for an intent's key: readable, and never the same for two keys."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", key).strip(".-")[:60]
    return f"{readable}-{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def scope_command(settings: Settings) -> list[str]:
    """Return the command in front of the supervisor where logind kills what a closed session leaves; else nothing."""
    if settings.drill or not Path("/run/systemd/system").is_dir():
        return []
    path = child_env(settings)["PATH"]
    import shutil

    loginctl, run = shutil.which("loginctl", path=path), shutil.which("systemd-run", path=path)
    if not loginctl or not run:
        return []
    import subprocess

    try:
        asked = [loginctl, "show-session", "--property=KillUserProcesses"]  # without an id: logind's own settings
        answer = subprocess.run(
            asked, capture_output=True, text=True, timeout=5, check=False, stdin=subprocess.DEVNULL
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [run, "--user", "--scope", "--quiet", "--collect", "--"] if "KillUserProcesses=yes" in answer else []


class LocalJobs:
    """``Jobs`` in ``folder`` (made 0700). Durations are real seconds, whatever ``clock`` a drill uses."""

    def __init__(self, folder: Path, settings: Settings, clock: Clock) -> None:
        self.folder = folder
        self.settings = settings
        self.clock = clock
        self._spawned: dict[Path, subprocess.Popen[bytes]] = {}
        for name in SECRETS:
            text.is_secret(settings.env.get(name, "").strip())

    def run(
        self,
        key: str,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str],
        checkpoint: Callable[[], None] | None = None,
        cwd: str = "/",
    ) -> JobResult:
        """See ``Jobs.run``. A job of which it is certain that nothing has started is begun anew, in a new folder.

        ``checkpoint`` is called last before the spawn; what it raises passes through, and then nothing was started.
        """
        check_program(self.settings, argv[0])
        attempts = self._attempts(key)
        if attempts and not self._retired(attempts[-1]):
            return self._await(attempts[-1], timeout_s + MARGIN_S)
        request = {
            "key": key,
            "argv": list(argv),
            "env": child_env(self.settings, env),
            "cwd": cwd,
            "timeout_s": timeout_s,
            "started": iso(self.clock.now()),
            "starter": supervisor.identity(os.getpid()),
        }
        place = self._place(key, len(attempts))
        if not self._make(place, request):
            return self._await(place, timeout_s + MARGIN_S)
        reached("job.folder")
        try:
            if checkpoint is not None:
                checkpoint()
            self._spawn(place, request)
        except BaseException:
            supervisor.claim(place, VOID)
            raise
        reached("job.spawned")
        return self._await(place, timeout_s + MARGIN_S)

    def result(self, key: str) -> JobResult | None:
        """See ``Jobs.result``. None is certain: what has not started by then cannot start any more."""
        return self.wait(key, 0)

    def wait(self, key: str, timeout_s: float) -> JobResult | None:
        """See ``Jobs.wait``. None: never started; ``exit`` None: still running after ``timeout_s``."""
        attempts = self._attempts(key)
        if not attempts or self._retired(attempts[-1]):
            return None
        result = self._await(attempts[-1], timeout_s)
        return None if result.exit == NOT_STARTED and self._claim(attempts[-1]) == VOID else result

    def void(self, key: str) -> bool:
        """See ``Jobs.void``. Race-free: the void is the same link(2) as a supervisor's claim, and one of them wins.

        Where there is no folder yet, a void one is made: an omniops that was about to make it finds it taken.
        """
        attempts = self._attempts(key)
        if not attempts:
            self._make(self._place(key, 0), {"key": key})
            attempts = self._attempts(key)
        return supervisor.claim(attempts[-1], VOID) or self._claim(attempts[-1]) == VOID

    def _place(self, key: str, number: int) -> Path:
        return self.folder / (safe_name(key) + (f".{number + 1}" if number else ""))

    def _attempts(self, key: str) -> list[Path]:
        found: list[Path] = []
        while (place := self._place(key, len(found))).is_dir():
            found.append(place)
        return found

    def _make(self, place: Path, request: dict[str, Any]) -> bool:
        """Put the folder in place, complete, or return False where somebody else has. A non-empty target refuses."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unique = sha256(os.urandom(16)).hexdigest()[:8]
        draft = self.folder / f".new-{unique}"
        draft.mkdir(mode=0o700)
        supervisor.write(draft / "request.json", request)
        try:
            draft.rename(place)
        except OSError:
            from shutil import rmtree

            rmtree(draft)
            if place.is_dir():
                return False
            raise
        supervisor.sync_folder(self.folder)
        return True

    def _claim(self, place: Path) -> dict[str, Any] | None:
        return _read(place / "claim")

    def _retired(self, place: Path) -> bool:
        """Say whether the attempt is void; make it so where nobody has claimed it and its starter is dead."""
        claim = self._claim(place)
        if claim is None and not supervisor.alive((_read(place / "request.json") or {}).get("starter", {})):
            return supervisor.claim(place, VOID) or self._claim(place) == VOID
        return claim == VOID

    def _spawn(self, place: Path, request: dict[str, Any]) -> None:
        program = [sys.executable, "-I", "-S", str(Path(supervisor.__file__).resolve()), str(place)]
        scope = scope_command(self.settings)
        if scope:
            named = {name: self.settings.env[name] for name in SCOPE_ENV if self.settings.env.get(name)}
            self._start(place, [*scope, *program], {**request["env"], **named})
            while self._claim(place) is None and self._spawned[place].poll() is None:
                select.select([], [], [], POLL_S)
            if self._claim(place) is not None:
                return
        # Where systemd-run has refused, nothing has claimed the job, and a plain supervisor may.
        self._start(place, program, request["env"])

    def _start(self, place: Path, command: list[str], env: Mapping[str, str]) -> None:
        import subprocess

        self._spawned[place] = subprocess.Popen(
            command,
            env=dict(env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _await(self, place: Path, timeout_s: float) -> JobResult:
        deadline = self.clock.boot() + timeout_s
        while True:
            claim = self._claim(place)
            if claim is None and self._stillborn(place):
                supervisor.claim(place, VOID)
                continue
            result = self._look(place, claim)
            left = deadline - self.clock.boot()
            if result.exit is not None or left <= 0:
                return result
            _pause(claim, min(left, 1.0))

    def _stillborn(self, place: Path) -> bool:
        mine = self._spawned.get(place)
        return mine.poll() is not None if mine else self._retired(place)

    def _look(self, place: Path, claim: dict[str, Any] | None) -> JobResult:
        """Say what the folder shows now."""
        running = claim is None or (claim != VOID and supervisor.alive(claim))
        # Read after the supervisor was seen dead, so that an end written in between is not taken for a lost one.
        end = _read(place / "exit")
        if mine := self._spawned.get(place):
            mine.poll()  # reap it
        if end is not None:
            if not end["started"]:
                return self._result(place, NOT_STARTED, str(end["note"]))
            if end["timed_out"]:
                return self._result(place, TIMED_OUT, "the script was killed at its time limit")
            return self._result(place, int(end["exit"]))
        if claim == VOID:
            return self._result(place, NOT_STARTED, "the script was never started")
        if running or supervisor.alive(_read(place / "child") or {}):
            return self._result(place, None)
        return self._result(place, LOST, "the supervisor died; the script's end is unknown")

    def _result(self, place: Path, code: int | None, note: str = "") -> JobResult:
        out, err = (_output(place / name) for name in ("stdout", "stderr"))
        err = "\n".join(part for part in (err.rstrip("\n"), f"omniops: {note}" if note else "") if part)
        started = str((_read(place / "request.json") or {}).get("started", ""))
        return JobResult(code, out, err, str(place), started)


def _read(path: Path) -> dict[str, Any] | None:
    """Read one of the folder's small files; None where it is not there. They are never there half."""
    try:
        content = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    return content if isinstance(content, dict) else None


def _output(path: Path) -> str:
    keep = supervisor.KEEP
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            raw = file.read(2 * keep + 1024)
            if size > len(raw):
                raw = raw[:keep] + supervisor.CUT + os.pread(file.fileno(), keep, size - keep)
    except FileNotFoundError:
        return ""
    return str(text.redact(text.clean(raw.decode("utf-8", "replace"))))


def _pause(claim: dict[str, Any] | None, seconds: float) -> None:
    """Sleep, but wake up at once when the supervisor ends."""
    try:
        handle = os.pidfd_open(int((claim or {})["pid"]))
    except (OSError, KeyError):
        select.select([], [], [], POLL_S)
        return
    try:
        select.select([handle], [], [], seconds)
    finally:
        os.close(handle)

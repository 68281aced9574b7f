"""Scripts run once, outlive omniops, give back their true exit code, and see nothing of omniops' secrets."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omniops import text
from omniops.clock import FastClock, SystemClock
from omniops.config import Settings
from omniops.errors import BadInput
from omniops.jobs import supervisor
from omniops.jobs.contract import LOST, NOT_STARTED, TIMED_OUT, JobResult
from omniops.jobs.local import LocalJobs, child_env, safe_name, scope_command

KEY = "r7f3a/restore/0"
CALLER = """
import sys
from pathlib import Path
from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.jobs.local import LocalJobs
jobs = LocalJobs(Path(sys.argv[1]), Settings({"PATH": "/usr/bin:/bin"}), SystemClock())
result = jobs.run(sys.argv[2], sys.argv[3:], timeout_s=20, env={})
print(result.exit)
"""


@pytest.fixture
def jobs(tmp_path: Path) -> LocalJobs:
    return LocalJobs(tmp_path / "jobs", Settings({"PATH": "/usr/bin:/bin"}), SystemClock())


def script(folder: Path, body: str, name: str = "script.sh") -> str:
    path = folder / name
    path.write_text("#!/bin/bash\n" + body)
    path.chmod(0o755)
    return str(path)


def run(jobs: LocalJobs, *argv: str, key: str = KEY, timeout_s: float = 20, **named: Any) -> JobResult:
    return jobs.run(key, argv, timeout_s=timeout_s, env=named.pop("env", {}), **named)


def caller(tmp_path: Path, *argv: str, failpoint: str = "") -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root), "OMNIOPS_FAILPOINT": failpoint}
    return subprocess.Popen(
        [sys.executable, "-c", CALLER, str(tmp_path / "jobs"), KEY, *argv],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def until(what: Callable[[], Any], seconds: float = 15) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def test_gives_back_exit_code_and_output(jobs: LocalJobs, tmp_path: Path) -> None:
    """The exit code, stdout and stderr of the script come back, and stay there to be read again."""
    result = run(jobs, script(tmp_path, "echo out; echo err >&2; exit 7"))
    assert (result.exit, result.stdout, result.stderr) == (7, "out\n", "err")
    assert jobs.result(KEY) == result
    assert jobs.wait(KEY, 0) == result


def test_same_key_never_runs_again(jobs: LocalJobs, tmp_path: Path) -> None:
    """A second run() with the same key answers with the first one's end."""
    line = script(tmp_path, f"echo x >> {tmp_path}/ran; exit 3")
    assert run(jobs, line).exit == run(jobs, line).exit == 3
    assert (tmp_path / "ran").read_text() == "x\n"


def test_two_at_once_run_it_once(jobs: LocalJobs, tmp_path: Path) -> None:
    """Eight concurrent calls with one key: one script, eight times its exit code."""
    line = script(tmp_path, f"echo x >> {tmp_path}/ran; sleep 0.3; exit 4")
    codes: list[int | None] = []
    threads = [threading.Thread(target=lambda: codes.append(run(jobs, line).exit)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [4] * 8
    assert (tmp_path / "ran").read_text() == "x\n"


def test_survives_kill_of_the_caller(jobs: LocalJobs, tmp_path: Path) -> None:
    """SIGKILL of omniops' whole process group in the middle: the script ends, and its exit code comes back."""
    line = script(tmp_path, f"echo x >> {tmp_path}/ran; sleep 0.7; echo y >> {tmp_path}/ran; exit 9")
    process = caller(tmp_path, line)
    until(lambda: (tmp_path / "ran").exists())
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    running = jobs.result(KEY)
    assert running is not None
    assert running.exit is None
    ended = jobs.wait(KEY, 10)
    assert ended is not None
    assert ended.exit == 9
    assert run(jobs, line).exit == 9
    assert (tmp_path / "ran").read_text() == "x\ny\n"


@pytest.mark.parametrize("place", ["job.folder", "job.spawned"])
def test_killed_at_a_failpoint_runs_once(jobs: LocalJobs, tmp_path: Path, place: str) -> None:
    """Killed before or right after the spawn, then run again: the script has run exactly once."""
    line = script(tmp_path, f"echo x >> {tmp_path}/ran; sleep 0.2; exit 5")
    assert caller(tmp_path, line, failpoint=place).wait() == -signal.SIGKILL
    assert run(jobs, line).exit == 5
    time.sleep(0.3)
    assert (tmp_path / "ran").read_text() == "x\n"


def test_void_before_the_spawn_is_final(jobs: LocalJobs, tmp_path: Path) -> None:
    """A job voided while its starter was suspended before the spawn never starts, though the starter goes on."""
    line = script(tmp_path, f"echo x >> {tmp_path}/ran")
    process = caller(tmp_path, line, failpoint="job.folder=stop")
    until(lambda: (tmp_path / "jobs" / safe_name(KEY)).is_dir())
    until(lambda: "\tT" in Path(f"/proc/{process.pid}/status").read_text().partition("State:")[2][:3])
    assert jobs.void(KEY)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=20)
    assert out.strip() == str(NOT_STARTED)
    assert not (tmp_path / "ran").exists()
    assert jobs.result(KEY) is None


def test_void_race_has_one_winner(jobs: LocalJobs, tmp_path: Path) -> None:
    """void() and the supervisor race for the claim: True means that the script never runs, False that it does."""
    for turn in range(6):
        key, ran = f"k/{turn}", tmp_path / f"ran{turn}"
        line = script(tmp_path, f"echo x >> {ran}", f"s{turn}.sh")
        results: list[JobResult] = []

        def one(key: str = key, line: str = line, results: list[JobResult] = results) -> None:
            results.append(run(jobs, line, key=key))

        thread = threading.Thread(target=one)
        thread.start()
        place = tmp_path / "jobs" / safe_name(key)
        until(place.is_dir)
        time.sleep(turn * 0.012)
        void = jobs.void(key)
        thread.join()
        assert results[0].exit == (NOT_STARTED if void else 0)
        assert ran.exists() is not void


def test_void_without_a_job(jobs: LocalJobs, tmp_path: Path) -> None:
    """Voiding a key that nobody has used holds, and a later run() of that key is a new attempt that runs once."""
    assert jobs.result(KEY) is None
    assert jobs.void(KEY)
    line = script(tmp_path, f"echo x >> {tmp_path}/ran")
    assert run(jobs, line).exit == 0
    assert not jobs.void(KEY)
    assert (tmp_path / "ran").read_text() == "x\n"


def test_checkpoint_that_raises_starts_nothing(jobs: LocalJobs, tmp_path: Path) -> None:
    """A lost lease at the last moment passes through, nothing has run, and the key can be used again."""
    line = script(tmp_path, f"echo x >> {tmp_path}/ran")

    def lost() -> None:
        raise BadInput("the lease is lost")

    with pytest.raises(BadInput):
        run(jobs, line, checkpoint=lost)
    assert jobs.result(KEY) is None
    assert not (tmp_path / "ran").exists()
    assert run(jobs, line).exit == 0


def test_timeout_kills_the_whole_group(jobs: LocalJobs, tmp_path: Path) -> None:
    """At its time limit the script and what it started are killed, and the answer is TIMED_OUT."""
    result = run(jobs, script(tmp_path, f"sleep 30 & echo $! > {tmp_path}/pid; wait"), timeout_s=0.5)
    assert result.exit == TIMED_OUT
    assert "time limit" in result.stderr
    left = int((tmp_path / "pid").read_text())
    until(lambda: not supervisor.alive(_identity(left)))


def _identity(pid: int) -> dict[str, Any]:
    try:
        return supervisor.identity(pid)
    except OSError:
        return {}


def test_daemon_left_behind_does_not_block(jobs: LocalJobs, tmp_path: Path) -> None:
    """A script that leaves a daemon with its stdout open (pm2 does) has ended, and the daemon lives on."""
    result = run(jobs, script(tmp_path, f"setsid sleep 5 & echo $! > {tmp_path}/pid; exit 0"))
    assert result.exit == 0
    pid = int((tmp_path / "pid").read_text())
    assert supervisor.alive(supervisor.identity(pid))
    os.kill(pid, signal.SIGKILL)


def test_huge_output_is_bounded(jobs: LocalJobs, tmp_path: Path) -> None:
    """20 MB of output: head and tail are kept, and no file is larger than both."""
    body = "echo first; head -c 20000000 /dev/zero | tr '\\0' 'x'; echo; echo last; exit 2"
    result = run(jobs, script(tmp_path, body))
    assert result.exit == 2
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("\nlast\n")
    assert "left out" in result.stdout
    assert (Path(result.folder) / "stdout").stat().st_size <= 2 * supervisor.KEEP + 100


def test_hostile_output_is_cleaned_and_redacted(jobs: LocalJobs, tmp_path: Path) -> None:
    """Escape sequences, overrides and bytes that are no UTF-8 do not reach a screen; nor does a known secret."""
    text.is_secret("hunter2-secret")
    body = r"printf '\033]0;pwned\007\033[2Jok \342\200\256evil \377 \033[31mhunter2-\033[0msecret\033[0m\r\n' >&2"
    result = run(jobs, script(tmp_path, body))
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr
    assert "\r" not in result.stderr
    assert "pwned" not in result.stderr
    assert "hunter2-secret" not in result.stderr
    assert "ok" in result.stderr


def test_supervisor_killed_is_lost(jobs: LocalJobs, tmp_path: Path) -> None:
    """A supervisor killed with its script: the end is unknown, said so, and nothing is started again."""
    line = script(tmp_path, f"echo x >> {tmp_path}/ran; sleep 30")
    results: list[JobResult] = []
    thread = threading.Thread(target=lambda: results.append(run(jobs, line)))
    thread.start()
    place = tmp_path / "jobs" / safe_name(KEY)
    child = json.loads(until(lambda: (place / "child").exists() and (place / "child").read_text()))
    os.kill(json.loads((place / "claim").read_text())["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert not results, "the script still runs, so its job is not lost yet"
    os.kill(child["pid"], signal.SIGKILL)
    thread.join()
    assert results[0].exit == LOST
    assert "the script's end is unknown" in results[0].stderr
    assert run(jobs, line).exit == LOST
    assert (tmp_path / "ran").read_text() == "x\n"


def test_environment_is_an_allow_list(tmp_path: Path) -> None:
    """The script, and the supervisor, see the allow-list and what the action names, and none of omniops' secrets."""
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/h",
        "LANG": "C",
        "OMNIROUTE_PASSWORD": "s3cret-pw",
        "SLACK_BOT_TOKEN": "xoxb-1",
    }
    jobs = LocalJobs(tmp_path / "jobs", Settings(env), SystemClock())
    body = "env; tr '\\0' '\\n' < /proc/$PPID/environ >&2"
    result = run(jobs, script(tmp_path, body), env={"DATA_DIR": "/data"})
    names = {line.partition("=")[0] for line in result.stdout.splitlines()}
    assert names - {"_", "PWD", "SHLVL", "OLDPWD"} == {"PATH", "HOME", "LANG", "DATA_DIR"}
    assert "s3cret-pw" not in result.stdout + result.stderr
    assert "xoxb-1" not in result.stderr
    assert "s3cret-pw" not in (Path(result.folder) / "request.json").read_text()
    assert child_env(Settings({}))["PATH"]


def test_arguments_are_not_interpreted(jobs: LocalJobs, tmp_path: Path) -> None:
    """Spaces, quotes, newlines, $() and globs arrive as they were given: there is no shell in between."""
    hostile = ["a b", "c'd\"e", "f\ng", "$(touch pwned)", "; touch pwned", "*", "", "é", "--yes"]
    line = script(tmp_path, "printf '%s\\0' \"$@\" | base64 -w0")
    import base64

    result = run(jobs, line, *hostile)
    assert base64.b64decode(result.stdout).decode().split("\0")[:-1] == hostile


def test_nothing_starts_when_the_script_is_missing(jobs: LocalJobs, tmp_path: Path) -> None:
    """Missing, not executable, a folder, or a relative path: refused before any folder is made."""
    plain = tmp_path / "plain.sh"
    plain.write_text("#!/bin/bash\n")
    for program, error in [
        (str(tmp_path / "no.sh"), FileNotFoundError),
        (str(plain), PermissionError),
        (str(tmp_path), FileNotFoundError),
        ("true", FileNotFoundError),
    ]:
        with pytest.raises(error):
            run(jobs, program)
    assert not (tmp_path / "jobs").exists()
    assert jobs.result(KEY) is None


def test_script_the_system_refuses(jobs: LocalJobs, tmp_path: Path) -> None:
    """A script with a missing interpreter is NOT_STARTED, with the system's words."""
    path = tmp_path / "bad.sh"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    result = run(jobs, str(path))
    assert result.exit == NOT_STARTED
    assert "could not be started" in result.stderr


def test_a_drill_runs_nothing_outside_its_folder(tmp_path: Path) -> None:
    """In a drill a script outside the folder is refused, also through a symlink; one inside runs, in real seconds."""
    inside = tmp_path / "drill"
    inside.mkdir()
    settings = Settings({"PATH": "/usr/bin:/bin", "OMNIOPS_DRILL_FOLDER": str(inside)}, drill=True)
    jobs = LocalJobs(tmp_path / "jobs", settings, FastClock(60))
    outside = script(tmp_path, f"touch {tmp_path}/ran")
    link = inside / "link.sh"
    link.symlink_to(outside)
    for program in (outside, str(link), f"{inside}/../script.sh"):
        with pytest.raises(BadInput):
            run(jobs, program)
    assert not (tmp_path / "ran").exists()
    assert run(jobs, script(inside, "sleep 0.3; exit 6"), timeout_s=5).exit == 6


def test_folders_are_private(jobs: LocalJobs, tmp_path: Path) -> None:
    """Job folders are 0700 and their files 0600, whatever the umask."""
    result = run(jobs, script(tmp_path, "echo x"))
    place = Path(result.folder)
    assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in place.iterdir()} == {0o600}
    assert not list(place.parent.glob(".new-*"))


def test_names_of_keys_never_meet() -> None:
    """Keys that look alike as file names have folders of their own, inside the jobs folder."""
    keys = ["a/b", "a-b", "a b", "../a-b", "", "x" * 300, "x" * 301]
    names = {safe_name(key) for key in keys}
    assert len(names) == len(keys)
    assert all("/" not in name and len(name) < 80 and not name.startswith("..") for name in names)


def test_logout_scope_is_not_used_in_a_drill() -> None:
    """A drill never asks systemd for anything."""
    assert scope_command(Settings({"PATH": "/usr/bin:/bin"}, drill=True)) == []

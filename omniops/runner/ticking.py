"""Does anything run `omniops tick` between commands: a systemd timer, or cron?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

_TICK = re.compile(r"\bomniops\b.*\btick\b")  # options may stand between the two
MAX_BYTES = 64 * 1024
SYSTEM_UNITS = (Path("/etc/systemd/system"), Path("/etc/systemd/user"), Path("/usr/lib/systemd/user"))
SYSTEM_CRON = (Path("/etc/crontab"), Path("/etc/cron.d"))
CRONTAB_TIMEOUT_S = 5.0


def installed(
    env: Mapping[str, str],
    *,
    units: tuple[Path, ...] = SYSTEM_UNITS,
    cron: tuple[Path, ...] = SYSTEM_CRON,
    crontab: Callable[[Mapping[str, str]], str] | None = None,
) -> str:
    """Where `omniops tick` is set up to run by itself: the path of a timer or a cron file, or ``crontab``; "" where it
    is not. Whether the timer is enabled is not asked. ``env``: HOME and XDG_CONFIG_HOME. Never raises."""
    home = Path(env.get("HOME") or "~").expanduser()
    mine = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "systemd" / "user"
    for folder in (mine, *units):
        for timer in _files(folder, "*.timer"):
            if _ticks(_read(timer)) or _ticks(_read(_service_of(timer))):
                return str(timer)
    if _ticks((crontab or _crontab)(env)):
        return "crontab"
    for place in cron:
        for path in [place] if place.is_file() else _files(place, "*"):
            if _ticks(_read(path)):
                return str(path)
    return ""


def _service_of(timer: Path) -> Path:
    """The service that a timer starts: its ``Unit=``, else the one of the same name."""
    for line in _lines(_read(timer)):
        name, _, value = line.partition("=")
        if name.strip() == "Unit" and value.strip():
            return timer.with_name(Path(value.strip()).name)
    return timer.with_suffix(".service")


def _ticks(text: str) -> bool:
    return any(_TICK.search(line) for line in _lines(text))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.lstrip().startswith(("#", ";"))]


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in folder.glob(pattern) if path.is_file())
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _crontab(env: Mapping[str, str]) -> str:
    """This user's crontab, as `crontab -l` prints it; "" where there is none, or no cron."""
    import subprocess

    try:
        done = subprocess.run(
            ["crontab", "-l"], capture_output=True, text=True, check=False, timeout=CRONTAB_TIMEOUT_S,
            env={"PATH": env.get("PATH", "/usr/bin:/bin"), "HOME": env.get("HOME", ""), "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

"""Builds the wheel and installs it into an environment of its own, for tests and for the benchmark."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINUTE_S = 60.0
_NO_INDEX = ("Could not find a version", "No matching distribution", "Connection", "Name or service", "timed out")


class NoIndex(Exception):
    """The packages that the wheel needs cannot be had here; the text is pip's."""


def build(folder: Path) -> Path:
    """Build the wheel into ``folder`` with the build backend that is installed here; return its path."""
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    return next(folder.glob("omniops-*.whl"))


def install(wheel: Path, folder: Path, *, newest_pip: bool = False) -> Path:
    """Install a wheel and what it needs, and nothing else; return the folder of its programs. Raises NoIndex."""
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    try:
        if newest_pip:
            pip(programs, "install", "--upgrade", "pip")
        pip(programs, "install", str(wheel))
    except subprocess.CalledProcessError as error:
        last = (error.stderr or "").strip().splitlines()[-1:]
        if any(word in error.stderr for word in _NO_INDEX):
            raise NoIndex(" ".join(last)) from None
        raise
    return programs


def pip(programs: Path, *words: str) -> str:
    """Run that environment's pip; return its output. Raises CalledProcessError with pip's words in ``stderr``."""
    return _run(str(programs / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", *words)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10 * MINUTE_S, check=True)
    return done.stdout

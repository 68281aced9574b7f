"""Programs from Debian's packages, unpacked into a cached folder and started from there: nothing is installed.

    OMNIOPS_TEST_CACHE=/var/tmp/omniops python -m pytest ...   # unpacks there instead of .cache, into its folder debian

`apt-get` is used as the machine has it configured. Where a package cannot be had the tests are skipped with the
reason; with CI=true they fail.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
DOWNLOAD_S = 120


class Unavailable(Exception):
    """The package cannot be had on this machine; the text says why."""


def unpack(package: str, *more: str, whole: bool = False) -> Path:
    """Return the folder that a package is unpacked into, after fetching it if need be. Raises Unavailable.

    ``whole``: with ``more`` packages, and with everything that they depend on and that this machine does not have.
    """
    root = Path(os.environ.get("OMNIOPS_TEST_CACHE") or REPO / ".cache") / "debian"
    root.mkdir(parents=True, exist_ok=True)
    with open(root / f"{package}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test runs fetch it once
        target = root / package
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=root) as work:
                wanted = _missing(package, *more) if whole else [package]
                _fetch(wanted, Path(work))
                # Moved into place at the very end: what was interrupted is not taken for a package.
                (Path(work) / "unpacked").rename(target)
    return target


@functools.cache
def _tried(package: str, *more: str, whole: bool = False) -> Path | str:
    try:
        return unpack(package, *more, whole=whole)
    except Unavailable as error:
        return str(error)


def require(package: str, *more: str, whole: bool = False) -> Path:
    """Return the unpacked package; where it cannot be had the test is skipped, but with CI=true it fails."""
    found = _tried(package, *more, whole=whole)
    if isinstance(found, str):
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"Debian's {package} is missing: {found}")
        pytest.skip(f"no {package} from Debian: {found}")
    return found


def _fetch(packages: list[str], work: Path) -> None:
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Unavailable(f"there is no {tool} on this machine")
    try:
        _run(["apt-get", "-q", "download", *packages], work)
    except Unavailable:  # its lists are missing or old
        _run(["apt-get", "-q", "update"], work)
        _run(["apt-get", "-q", "download", *packages], work)
    archives = sorted(work.glob("*.deb"))
    if len(archives) < len(packages):
        raise Unavailable(f"apt-get download left {len(archives)} of {len(packages)} packages")
    for archive in archives:
        _run(["dpkg", "-x", archive.name, "unpacked"], work)


def _missing(*packages: str) -> list[str]:
    """The packages, and what apt would install along with them here."""
    if shutil.which("apt-get") is None:
        raise Unavailable("there is no apt-get on this machine")
    simulate = ["apt-get", "-q", "-s", "-o", "Debug::NoLocking=1", "--no-install-recommends", "--reinstall", "install"]
    try:
        said = _run([*simulate, *packages], Path("/"))
    except Unavailable:  # its lists are missing
        _run(["apt-get", "-q", "update"], Path("/"))
        said = _run([*simulate, *packages], Path("/"))
    return [line.split()[1] for line in said.splitlines() if line.startswith("Inst ")]


def _run(argv: list[str], cwd: Path) -> str:
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{argv[0]} failed: {error}") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Unavailable(f"{' '.join(argv)[:200]} failed: {' '.join(last)[:300]}")
    return done.stdout

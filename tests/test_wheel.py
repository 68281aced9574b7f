"""The wheel as a user gets it: built, installed without the test dependencies, started from another folder."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from omniops import __version__
from tests.support import wheel

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def programs(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return wheel.install(built, tmp_path_factory.mktemp("installed") / "venv")
    except wheel.NoIndex as error:
        pytest.skip(f"no package index here: {error}")


@pytest.fixture
def omniops(programs: Path, tmp_path: Path) -> Any:
    """Runs the installed program in a folder and an environment that know nothing of the sources."""
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "OMNIOPS_HOME": str(tmp_path / "home")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(programs / "omniops"), *words],
            cwd=tmp_path, env={**env, "LANG": "C.UTF-8"}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def test_holds_what_it_needs(built: Path) -> None:
    """Runbooks, templates and the text of the help are inside; tests are not."""
    names = set(zipfile.ZipFile(built).namelist())
    shipped = {f"omniops/_runbooks/{path.name}" for path in (wheel.ROOT / "runbooks").iterdir() if path.is_file()}
    assert shipped
    assert shipped | {"omniops/help.txt"} <= names
    assert not [name for name in names if name.startswith(("tests/", "runbooks/", "docs/"))]


def test_brings_no_test_dependency(programs: Path) -> None:
    """Nothing that only tests need is installed with it."""
    installed = {line.split("==")[0].lower() for line in wheel.pip(programs, "freeze").splitlines()}
    assert {"typer", "httpx", "pydantic"} <= installed
    assert not installed & {"pytest", "hypothesis", "pexpect", "hatchling", "build", "ruff", "mypy"}


def test_says_its_version(omniops: Any) -> None:
    """``omniops --version`` says the version of the wheel."""
    done = omniops("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"omniops {__version__}\n", "")


def test_help_is_the_shipped_text(omniops: Any) -> None:
    """``omniops --help`` prints the shipped help, character for character."""
    done = omniops("--help")
    assert done.returncode == 0
    assert done.stdout == (wheel.ROOT / "omniops/help.txt").read_text(encoding="utf-8")


def test_finds_its_runbooks(omniops: Any) -> None:
    """The runbooks inside the wheel are found, and every one is fit to be walked."""
    done = omniops("runbook", "list", "--json")
    assert done.returncode == 0, done.stderr
    ids = {one["id"] for one in json.loads(done.stdout)["runbooks"]}
    assert {"provider-outage", "latency-regression", "auth-broken", "data-incident", "security"} <= ids


def test_walks_a_drill(omniops: Any) -> None:
    """A whole drill runs from the wheel: the security path stops with exit code 10."""
    done = omniops("drill", "security", "--auto")
    assert done.returncode == 10, done.stderr

"""The import budget: which heavy modules each command may load. Start-up is guarded by this, not by a timed test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from omniops.cli.lean import UNUSED
from omniops.drill import launcher

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {
    "anyio", "asyncio", "click", "csv", "ctypes", "dataclasses", "decimal", "difflib", "email", "hashlib",
    "http.client", "httpcore", "httpx", "importlib.metadata", "json", "logging", "multiprocessing",
    "omniops.runner.engines.base", "omniops.services.omniroute", "omniops.services.omniroute_parse", "pathlib",
    "prompt_toolkit", "pydantic", "pygments", "questionary", "re", "rich", "secrets", "shlex", "socket", "sqlite3",
    "ssl", "subprocess", "tempfile", "tomllib", "typer", "typing", "unittest", "urllib.request", "yaml", "zoneinfo",
}  # fmt: skip
BARE = {"difflib", "pathlib", "re", "typer", "typing"}
"""What typer itself brings along."""
READ = BARE | {"json", "sqlite3"}
"""A read of the journal."""
FORBIDDEN = {"rich", "questionary", "prompt_toolkit", "pydantic", "yaml", "click", "importlib.metadata", "secrets"}
"""Nothing that is run at three in the morning may load these before it asks the first question."""
NOWHERE = {"OMNIROUTE_URL": "http://127.0.0.1:9"}
PAGED = {**NOWHERE, "PAGERDUTY_ROUTING_KEY_SECURITY": "0" * 32}

_SPY = """
import json, os, sys
heavy = set(json.loads(os.environ["HEAVY"]))
before = set(sys.modules)
from omniops.entry import run
code = run(sys.argv[1:])
sys.stdout.flush()
print(json.dumps([code, sorted(heavy & (set(sys.modules) - before))]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose runbooks are compiled and whose journal holds a run."""
    folder = tmp_path_factory.mktemp("home")
    loaded(folder, "mitigate", "security", "--onset", "now", expected=3, settings=PAGED)  # nobody approves the page
    loaded(folder, "resume", "--abort", "practice", expected=3, settings=PAGED)
    return folder


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[launcher.Simulator]:
    with launcher.start("provider-outage", state=tmp_path_factory.mktemp("drill")) as running:
        yield running


def loaded(home: Path, *words: str, expected: int = 0, settings: Mapping[str, str] | None = None) -> set[str]:
    """Run a command in a process of its own; return the heavy modules that it has loaded."""
    env = {
        "PATH": os.environ["PATH"], "HOME": str(home), "OMNIOPS_HOME": str(home), "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8", "HEAVY": json.dumps(sorted(HEAVY)), **(settings or {}),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _SPY, *words],
        env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    code, names = json.loads(done.stderr.splitlines()[-1])
    assert code == expected, done.stderr
    return set(names)


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_fast_answers_load_nothing(home: Path, word: str) -> None:
    """``--version`` and the root ``--help`` are answered without a single heavy module."""
    assert loaded(home, word) == set()


@pytest.mark.parametrize(
    "words", [["mitigations", "--json"], ["incident", "list", "--json"], ["incident", "list", "--all", "--json"]]
)
def test_reading_the_journal(home: Path, words: list[str]) -> None:
    """A read of the journal loads typer, SQLite, JSON and hashing: no network, no YAML, no subprocess."""
    assert loaded(home, *words) <= READ


@pytest.mark.parametrize("words", [["outbox", "--json"], ["tick", "--json"], ["comms", "due", "--json"]])
def test_a_tick_with_nothing_to_send(home: Path, words: list[str]) -> None:
    """What a timer runs every minute is, with nothing owed, little more than a read of the journal."""
    assert not loaded(home, *words, expected=0) & (FORBIDDEN | {"httpx", "subprocess", "ssl", "asyncio"})


def test_showing_an_incident(home: Path) -> None:
    """The whole story of the open incident is a read like any other."""
    assert loaded(home, "incident", "show", "--json") <= READ


@pytest.mark.parametrize(
    "words",
    [["show", "--json"], ["watch", "--times", "1"], ["export", "--format", "html"], ["resolve", "--yes", "--json"]],
)
def test_what_is_owed(tmp_path: Path, words: list[str]) -> None:
    """What an incident owes is derived from the journal and a file: no network, nothing that draws menus."""
    loaded(tmp_path, "incident", "open", "x", "--onset", "now", "--severity", "2")
    found = loaded(tmp_path, "incident", *words)
    assert not found & (FORBIDDEN - {"yaml"} | {"httpx", "subprocess", "ssl", "asyncio"})


def test_classify(home: Path) -> None:
    """`classify` from flags reads nothing at all: neither YAML nor the journal."""
    assert loaded(home, "classify", "--error-ratio", "0.62", "--json") <= BARE | {"json"}


def test_classify_from_flags_where_it_could_measure(home: Path) -> None:
    """With a flag nothing is measured, and nothing of measuring is loaded, whatever is configured."""
    sources = {"PROMETHEUS_URL": "http://127.0.0.1:9", "OMNIROUTE_PASSWORD": "nobody-needs-it", **NOWHERE}
    found = loaded(home, "classify", "--error-ratio", "0.62", "--json", settings=sources)
    assert found <= BARE | {"json"}


@pytest.mark.parametrize("words", [["classify", "--json"], ["slo", "--json"]])
def test_measuring(home: Path, words: list[str]) -> None:
    """What is measured is asked for with httpx, and without what draws menus or reads YAML."""
    expected = 3 if words[0] == "classify" else 5
    found = loaded(home, *words, expected=expected, settings={"PROMETHEUS_URL": "http://127.0.0.1:9"})
    assert "httpx" in found
    assert not found & (FORBIDDEN | {"asyncio", "sqlite3", "subprocess"})


def test_a_config_file(tmp_path: Path) -> None:
    """TOML is parsed when the config file has changed; every later command reads JSON, and without a file nothing."""
    words = ["classify", "--error-ratio", "0.62", "--json"]
    assert loaded(tmp_path, *words) <= BARE | {"json"}
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text('OMNIOPS_ENV = "production"\n', encoding="utf-8")
    assert "tomllib" in loaded(tmp_path, *words)
    assert loaded(tmp_path, *words) <= BARE | {"json"}


def test_listing_runbooks(home: Path) -> None:
    """Compiled runbooks are read as JSON: pydantic and YAML are for the day they change."""
    assert loaded(home, "runbook", "list", "--json") <= BARE | {"json"}


def test_doctor(home: Path) -> None:
    """Doctor checks the runbooks from nothing, with pydantic and YAML; what draws menus it does without."""
    found = loaded(home, "doctor", "--json", expected=1, settings=NOWHERE)
    assert not found & {"rich", "questionary", "prompt_toolkit", "click", "asyncio", "tomllib"}


def test_help_of_a_command(home: Path) -> None:
    """Help is plain: rich is not loaded for it."""
    assert not loaded(home, "mitigate", "--help") & (FORBIDDEN | {"httpx", "sqlite3", "subprocess"})


def test_a_walk_before_its_first_request(home: Path) -> None:
    """A walk that asks no service loads no HTTP client and no OpenSSL; nor what draws menus or checks runbooks; and of
    our own neither the server's client nor what sends messages."""
    found = loaded(home, "mitigate", "security", "--onset", "now", expected=3, settings=PAGED)
    assert found <= READ


def test_a_walk_with_requests(home: Path, simulator: launcher.Simulator) -> None:
    """A walk loads httpx, and neither its command line (rich, click) nor pydantic, YAML or questionary."""
    env = {name: simulator.env[name] for name in ("OMNIROUTE_URL", "OMNIROUTE_PASSWORD")}
    words = ["mitigate", "provider-outage", "openai-main", "--yes", "--until", "disable", "--onset", "now", "--json"]
    found = loaded(home, *words, settings=env)
    assert "httpx" in found
    assert not found & (FORBIDDEN | {"asyncio", "subprocess"})


def test_stand_ins_are_gone(home: Path) -> None:
    """What typer was kept from importing is real for everybody else afterwards, and for typer where it asks."""
    script = (
        "from omniops.cli.lean import import_typer; import_typer(); import sys;"
        "assert not {type(sys.modules.get(n)).__name__ for n in sys.argv[1:]} & {'StandIn'};"
        "import typer.main, subprocess;"
        "assert typer.main.subprocess is not subprocess;"
        "assert typer.main.subprocess.run is subprocess.run;"
        "import zlib, tokenize, lzma; zlib.crc32, tokenize.tokenize, lzma.compress;"
        "import inspect, pathlib, ast; assert isinstance(ast.parse('x'), ast.Module);"
        "assert inspect.getsource(pathlib.PurePath).startswith('class PurePath');"
        "assert pathlib.PurePath('a.py').match('*.py')"
    )
    subprocess.run([sys.executable, "-c", script, *UNUSED], env={"PYTHONPATH": str(ROOT)}, check=True, timeout=60)

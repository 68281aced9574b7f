"""The arrows between the packages point one way, and what is pure stays pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniops.failpoints import OF_COMMANDS, PLACES

ROOT = Path(__file__).resolve().parents[1] / "omniops"
LEAVES = {"errors", "text", "clock", "digest", "failpoints", "config", "value"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "text": set(),
    "clock": set(),
    "digest": set(),
    "value": set(),
    "failpoints": set(),
    "config": {"digest", "errors", "text"},
    "journal": LEAVES,
    "engine": {"errors", "text", "clock", "value", "journal.events", "actions.specs"},
    "incident": {"errors", "text", "clock", "value", "journal.events", "engine"},
    "catalog": {*LEAVES, "engine", "incident", "actions.specs"},
    "services": LEAVES,
    "jobs": {*LEAVES, "services", "actions.base"},
    "actions": {*LEAVES, "services", "jobs", "engine"},
    "runner": {*LEAVES, "services", "jobs", "actions", "engine", "incident", "journal", "catalog"},
    "terminal": {*LEAVES, "runner.person", "incident", "engine.graph"},
    "drill": LEAVES,
    "cli": {*LEAVES, "runner", "catalog", "terminal", "incident", "journal", "drill", "engine", "services"},
    "entry": {"cli", "errors", "text", "terminal"},
    "__main__": {"entry"},
}
READS_FILES = {
    "communication",
    "detection",
    "load",
    "strict_yaml",
    "ladder",
    "cache",
    "catalogue",
    "node",
    "oncall",
    "signals_file",
    "slos_file",
}
IMPURE = {
    "os", "pathlib", "io", "sqlite3", "socket", "subprocess", "time", "httpx", "yaml", "threading", "random", "secrets",
    "shutil", "tempfile", "signal", "sys", "asyncio", "logging", "typer", "rich", "questionary",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py" or path.parent != ROOT)


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it, type-checking blocks left out: they are not run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def house(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows(path: Path) -> None:
    """A package imports only what lies below it."""
    own = house(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "omniops" or len(parts) == 1 or parts[1] in (own, "__version__"):
            continue
        assert parts[1] in ALLOWED[own] or ".".join(parts[1:3]) in ALLOWED[own], f"{own} may not import {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_is_pure(path: Path) -> None:
    """engine, incident and catalog (but its readers of files) do no I/O and know no clock."""
    if house(path) not in ("engine", "incident", "catalog") or path.stem in READS_FILES:
        return
    for name in imports(path):
        assert name.split(".")[0] not in IMPURE, f"{path.name} imports {name}"


CLOCKS = ("SystemClock", ".now(", "utcnow", "time.time", "monotonic(")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_knows_no_clock(path: Path) -> None:
    """engine and incident are given the time; nothing there asks for it."""
    if house(path) in ("engine", "incident"):
        text = path.read_text(encoding="utf-8")
        assert [word for word in CLOCKS if word in text] == []


def test_engines_look_at_nobody_above_them() -> None:
    """An engine is handed what it needs: it imports no other part of the runner."""
    engines = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "runner" / "engines").glob("*.py"))
    imported = re.findall(r"from omniops\.runner\.(\S+) import", engines)
    assert [name for name in imported if not name.startswith("engines.")] == []


def test_every_failpoint_is_listed_and_tried() -> None:
    """What the code calls a failpoint is in the table, the table names no other, and a test dies at each of a
    command's."""
    calls = (node for path in modules() for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    named = {
        str(node.args[0].value)
        for node in calls
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reached" and len(node.args)
        if isinstance(node.args[0], ast.Constant)
    }
    assert named == set(PLACES)
    tests = [path.read_text(encoding="utf-8") for path in (ROOT.parent / "tests").rglob("test_*.py")]
    assert [place for place in OF_COMMANDS if not any(place in text for text in tests)] == []


def test_files_are_short() -> None:
    """No file is much over 400 lines, and the median is near 100."""
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in modules())
    assert lengths[-1] <= 440
    assert lengths[len(lengths) // 2] <= 140

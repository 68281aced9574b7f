"""Every command that a message, a help text or a page tells somebody to type is one that there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from omniops.cli.app import build

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "omniops").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "runbooks").glob("*.yaml"))]
TYPED = re.compile(r"\bomniops((?: (?:--?)?[a-z][a-z0-9-]*(?:[= ](?:\"[^\"]*\"|[A-Z0-9.…]+\b))?)+)")


@cache
def tree() -> Any:
    return typer.main.get_command(build())


@cache
def texts(path: Path) -> list[str]:
    return list(read(path))


def read(path: Path) -> Iterator[str]:
    """The string constants of a module; the values in an f-string stand as X."""
    if path.suffix != ".py":
        yield from re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def wrong_in(text: str) -> list[str]:
    found = []
    for typed in TYPED.findall(text):
        words = typed.split()
        here, options = tree(), {option for one in tree().params for option in one.opts}
        for word in words:
            if word.startswith("-"):
                if here is not tree() and word.partition("=")[0] not in options | {"--help", "-h"}:
                    found.append(f"omniops{typed}: {word}")
            elif hasattr(here, "commands"):
                if word not in here.commands:
                    # "omniops does not ..." is a sentence, and NAME or X stands for something.
                    if here is not tree() and word.islower():
                        found.append(f"omniops{typed}: {word}")
                    break
                here = here.commands[word]
                options = {option for one in here.params for option in (*one.opts, *one.secondary_opts)}
    return found


def test_commands_that_are_told() -> None:
    """Sub-commands and options exist; what is no command at all is a sentence about omniops."""
    found = {(path.name, wrong) for path in (*SOURCES, *PAGES) for text in texts(path) for wrong in wrong_in(text)}
    assert found == set()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("omniops incident lst", ["lst"]),
        ('omniops resume r1 --abrt "why"', ["--abrt"]),
        ("omniops page ack Q1 --jsn, or `omniops mitigations keep`", ["--jsn"]),
        ("omniops sends nothing; omniops comms status INCIDENT --json", []),
    ],
)
def test_a_wrong_one_is_found(text: str, wrong: list[str]) -> None:
    """A sub-command or an option that does not exist is named; a sentence about omniops is none."""
    assert [found.rpartition(": ")[2] for found in wrong_in(text)] == wrong


def test_there_are_many() -> None:
    """The messages are really looked through."""
    assert sum(len(TYPED.findall(text)) for path in SOURCES for text in texts(path)) > 100

"""What speaks for disabling: a connection that stands out, or a provider that fails as a whole (0:12)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from omniops.actions.latency import Share
from omniops.clock import SystemClock
from omniops.errors import Unreachable
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal
from omniops.runner.own.choices import worst_provider
from omniops.runner.own.deploys import green
from omniops.services.omniroute_parse import Connection


def connection(id: str, provider: str, active: bool = True) -> Connection:
    return Connection(id, provider, id, provider, provider, active, 1, "m", "", {})


KNOWN = [
    connection("a1", "openai"), connection("a2", "openai"), connection("a3", "openai", active=False),
    connection("b1", "mistral"), connection("b2", "mistral"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "found"),
    [
        ({"a1": 30, "a2": 40, "b1": 5}, ("openai", 70, ["a1", "a2"])),  # all that are active; a3 is not
        ({"a1": 30, "a2": 0}, ("", 0, [])),  # one of two works: the connection is meant, not the provider
        ({"b1": 3, "b2": 4, "a1": 5, "a2": 1}, ("mistral", 7, ["b1", "b2"])),
        ({"gone": 9}, ("", 0, [])),  # attempts of a connection that is not there any more
        ({}, ("", 0, [])),
    ],
)
def test_a_provider_that_fails_as_a_whole(errors: dict[str, int], found: tuple[str, int, list[str]]) -> None:
    """Only where every active connection of it fails; it is typed by its name then."""
    assert worst_provider([Share(id, 50, count, 1.0) for id, count in errors.items()], KNOWN) == found


@pytest.mark.parametrize(("runs", "known"), [("3.7.9", "3.7.8"), ("3.7.8", "3.7.9"), ("", "3.7.9")])
def test_a_version_to_go_back_to(runs: str, known: str) -> None:
    """The one that was proved well last and does not run; the last of all, where what runs is not known."""
    journal = MemoryJournal(SystemClock(), "eve", "here", False)
    for proved in ("3.7.8", "3.7.9"):
        journal.append([New("incident/i", None, "verified", {"version": proved, "verdict": "recovered"})])

    def version() -> tuple[str, str]:
        if not runs:
            raise Unreachable("no answer")
        return runs, "health"

    walk: Any = SimpleNamespace(journal=journal, ctx=SimpleNamespace(omniroute=SimpleNamespace(version=version)))
    found = green(walk, {})
    assert found["green"] == known
    assert found["green_text"].startswith(f"{known}, proved well at 20")

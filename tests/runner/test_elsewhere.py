"""Whoever else is to know: told once that a SEV-1 or SEV-2 has begun, and once that it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.config import Settings
from omniops.journal.memory import MemoryJournal
from omniops.runner.engines import registry
from omniops.runner.tick import tick
from tests.support import toy_engine
from tests.support.comms import INCIDENT, Comms, opened

URLS = "json://127.0.0.1:9/hook"
NAMES = ("openai", "eve", "gw-3", "ops-laptop", "8ae76e54", INCIDENT)


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every engine takes what it is given."""
    toy_engine.taken.clear()
    monkeypatch.setitem(toy_engine.ENGINES, "apprise", toy_engine.Taking())
    for name in toy_engine.ENGINES:
        monkeypatch.setitem(registry._HOMES, name, "tests.support.toy_engine")


@pytest.fixture
def comms(tmp_path: Path) -> Comms:
    return Comms(tmp_path, "SEV-2", TOY="1", APPRISE_URLS=URLS)


def texts(comms: Comms, times: int = 2) -> list[str]:
    """Look so many times; all that was told so far."""
    for _ in range(times):
        tick(comms.settings, comms.clock, comms.journal)
    return [f"{body['title']}. {body['text']}" for engine, _, body in toy_engine.taken if engine == "apprise"]


def test_begun_and_over(comms: Comms) -> None:
    """Each once, however often it is looked at, and whatever else becomes of it; no name of ours is read there."""
    began = "SEV-2: OmniRoute: service disruption. We have been investigating a problem with OmniRoute since"
    assert texts(comms) == [f"{began} 2026-11-23 02:50 UTC. Some requests may be slow or failing."]
    comms.add("severity", severity="SEV-1", why="all keys fail")
    assert len(texts(comms)) == 1
    comms.add("severity", severity="SEV-3", why="openai-main is off")
    comms.add("incident.resolved")
    told = texts(comms)
    assert len(told) == 2
    assert "This incident is resolved as of 2026-11-23 03:00 UTC." in told[1]
    assert [name for name in NAMES if name in str(told).lower()] == []


@pytest.mark.parametrize("events", [[("frozen", {"by": "run r1"})], [("incident.resolved", {})]])
def test_nothing_of_what_is_frozen_or_long_over(comms: Comms, events: list[tuple[str, dict[str, str]]]) -> None:
    """Of an incident on the security path nothing is told; nor of one that was over before anybody was told of it."""
    for kind, data in events:
        comms.add(kind, **data)
    assert texts(comms) == []


def test_frozen_after_it_was_told(comms: Comms) -> None:
    """From the security path on nothing is told, its end neither."""
    assert len(texts(comms)) == 1
    comms.add("frozen", by="run r1")
    comms.add("incident.resolved")
    assert len(texts(comms)) == 1


def test_what_never_left(comms: Comms) -> None:
    """Nobody could be told before it was over: nobody is told of something old, nor of its end alone."""
    del comms.settings.env["TOY"]  # type: ignore[attr-defined]
    assert texts(comms) == []
    comms.add("incident.resolved")
    comms.settings.env["TOY"] = "1"  # type: ignore[index]
    assert texts(comms) == []
    assert [one.state for one in comms.messages("news")] == ["dropped"]


@pytest.mark.parametrize("severity", ["SEV-3", ""])
def test_not_for_lesser_ones(tmp_path: Path, severity: str) -> None:
    """A SEV-3, and one that nobody has graded, concern nobody else."""
    assert texts(Comms(tmp_path, severity, TOY="1", APPRISE_URLS=URLS)) == []


def test_not_without_addresses_and_not_in_a_drill(tmp_path: Path) -> None:
    """Nothing is queued that no engine here could send."""
    comms = Comms(tmp_path, TOY="1")
    texts(comms)
    drill = Comms(tmp_path)
    drill.settings = Settings({"OMNIOPS_HOME": str(tmp_path), "TOY": "1", "APPRISE_URLS": URLS}, drill=True)
    assert comms.messages("news") == []
    practised = MemoryJournal(drill.clock, "eve", "ops-laptop", drill=True)
    practised.append(opened())
    drill.journal = practised
    texts(drill)
    assert drill.messages("news") == []

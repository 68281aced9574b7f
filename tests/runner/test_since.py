"""What a look at traffic is about, and since when it counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import parse_iso
from omniops.engine.state import RunState
from omniops.journal.events import New
from omniops.runner import undo, verifying
from tests.runner.test_crashes import PassingMeasure
from tests.support.scene import Scene
from tests.support.toy import START


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "Measure", PassingMeasure)


def looked_at(*states: RunState) -> tuple[Any, dict[str, bool]]:
    since, items = verifying._what_to_look_at(list(states), START)
    return since, {one["id"]: one["back"] for one in items}


def scene_of(tmp_path: Path) -> Scene:
    """A run whose connections say which provider they are of."""
    scene = Scene(tmp_path)
    for one in scene.journal.read(f"run/{scene.run}")[0].data["inputs"]["connections"]:
        one["provider"] = "openai"
    return scene


def test_before_any_change(tmp_path: Path) -> None:
    """Nothing has been changed: the look is about the connections of the run all the same, since the onset."""
    assert looked_at(scene_of(tmp_path).state()) == (START, {"c0": True})


def test_in_force_and_undone(tmp_path: Path) -> None:
    """While it is out of rotation its own traffic proves nothing; after the undo it may, since the undo."""
    scene = scene_of(tmp_path)
    scene.walk().go()
    since, items = looked_at(scene.state())
    assert since > START
    assert items == {"c0": False}
    scene.toy.clock.sleep(60)
    undo.everything(scene.walk())
    later, items = looked_at(scene.state())
    assert later > since
    assert items == {"c0": True}


def test_looks_from_before_a_clock_prove_nothing(tmp_path: Path) -> None:
    """A clock's handler has come back to a verify step: the looks from before it no longer count."""
    scene = scene_of(tmp_path)
    stream = f"run/{scene.run}"
    done = {"step": "disable", "outcome": "success", "go": "recovered", "outputs": {}}
    scene.journal.append([New(stream, None, "step.entered", {"step": "disable"}), New(stream, None, "step.done", done)])
    scene.journal.append([New(stream, None, "step.entered", {"step": "recovered"})])
    fired = {"timer": "status_banner", "do": "banner", "due": "", "late_s": 0.0}
    scene.journal.append(
        [New(stream, None, "timer.fired", fired), New(stream, None, "step.entered", {"step": "banner"})]
    )
    scene.toy.clock.sleep(1200)
    back = {"step": "banner", "outcome": "success", "go": "return", "outputs": {}}
    (event,) = scene.journal.append([New(stream, None, "step.done", back)])
    state = scene.state()
    assert state.current == "recovered"
    assert state.steps["recovered"].looked_from == parse_iso(event.time) >= START + timedelta(seconds=1200)


def test_what_is_not_known_is_not_everything(tmp_path: Path) -> None:
    """The list of a step comes from one that was skipped: it has failed, and is not "nothing to do"."""
    from omniops.engine import commands as c
    from omniops.engine.next import next_command

    scene = scene_of(tmp_path)
    graph = scene.journal.read(f"run/{scene.run}")[0].data["graph"]
    graph["steps"]["disable"]["each"] = "${steps.carriers.outputs.connections}"
    scene.journal.append([New(f"run/{scene.run}", None, "step.entered", {"step": "disable"})])
    command = next_command(scene.state(), scene.toy.clock.now())
    assert isinstance(command, c.Finish)
    assert (command.outcome, "has no value" in command.detail) == ("failure", True)

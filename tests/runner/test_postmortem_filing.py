"""Filing a postmortem where its issue has to be pasted by hand: asked for once, and filed with its action items."""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.errors import BadInput
from omniops.runner import postmortem_filing
from omniops.runner.comms import obligations_of
from omniops.runner.known import incident_of
from omniops.runner.postmortem_filing import Filed
from tests.support.comms import INCIDENT, STREAM, Comms
from tests.support.postmortems import GOOD


@pytest.fixture
def comms(tmp_path: Path) -> Comms:
    """A resolved incident, on a machine that has no `gh`."""
    found = Comms(tmp_path / "home", OMNIROUTE_REPO=str(tmp_path), PATH=str(tmp_path))
    found.add("incident.resolved")
    (tmp_path / "postmortem.md").write_text(GOOD, encoding="utf-8")
    return found


def file(comms: Comms, tmp_path: Path) -> Filed:
    return postmortem_filing.file(
        comms.here, incident_of(comms.journal, INCIDENT), tmp_path / "postmortem.md", anyway=True
    )


def owed(comms: Comms) -> bool:
    return any(one.id == "postmortem" and one.open for one in obligations_of(comms.journal, comms.clock.now()))


def test_pasted_and_its_action_items(comms: Comms, tmp_path: Path) -> None:
    """The pasted issue alone closes nothing: it is filed when its action items are written down, and asked for once."""
    debt = tmp_path / "docs" / "TECH_DEBT.md"
    debt.mkdir(parents=True)
    with pytest.raises(BadInput, match="cannot be read"):
        file(comms, tmp_path)
    assert (owed(comms), comms.done()) == (True, [])
    debt.rmdir()
    done = file(comms, tmp_path)
    shown = len(comms.person.seen)
    assert (len(done.debt), owed(comms), shown) == (2, False, 1)  # the text to be pasted, shown once
    again = file(comms, tmp_path)
    assert (again.said.state, again.debt, again.known, len(comms.person.seen)) == ("already", (), 2, shown)
    (how,) = [one.how for one in obligations_of(comms.journal, comms.clock.now()) if one.id == "postmortem"]
    assert how == "pasted by hand"


def test_what_is_pasted_is_found_again(comms: Comms, tmp_path: Path) -> None:
    """The mark that a later `gh` looks for is pasted along, so no second issue is made."""
    file(comms, tmp_path)
    assert comms.person.seen[0].endswith(f"\n\n<!-- omniops:postmortem:{INCIDENT} -->")


def test_a_last_look_keeps_its_question_in_sight(tmp_path: Path) -> None:
    """Title, place, how long it is, its file and its first lines are shown; the whole of it is what is sent."""
    comms = Comms(tmp_path / "home", OMNIROUTE_REPO=str(tmp_path), GH_TOKEN="x", GH_REPO="o/r", PATH=str(tmp_path))
    comms.add("incident.resolved")
    (tmp_path / "postmortem.md").write_text(GOOD, encoding="utf-8")
    comms.person.yes = [False]
    done = file(comms, tmp_path)
    (shown,) = comms.person.seen
    assert shown.startswith("Postmortem: ")
    assert (len(shown.splitlines()) < 9, "format: 1" in shown) == (True, False)
    assert f"The whole text, {len(GOOD.splitlines())} lines, is in:" in comms.person.said
    assert comms.person.said[-1].endswith("postmortem.md")
    assert len(done.said.draft.text) > len(GOOD)


def test_not_pasted(comms: Comms, tmp_path: Path) -> None:
    """Nobody says that it is out: nothing is filed, and no action item is written down."""
    comms.person.pasted = False
    assert file(comms, tmp_path).said.state == "declined"
    assert owed(comms)
    assert not (tmp_path / "docs").exists()
    assert not [event for event in comms.journal.read(STREAM) if event.kind.startswith("postmortem.")]

"""Which incident is meant where none is named, and what is said of those that are open."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from omniops.clock import iso
from omniops.errors import BadInput, NeedsPerson
from omniops.incident.due import of_obligations
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal
from omniops.runner import telling
from omniops.runner.comms import obligations_of
from omniops.runner.leaving import Said
from omniops.runner.meant import pick, pick_owing
from omniops.terminal.views.plain import error_lines
from tests.support.comms import CONNECTION, INCIDENT, STREAM, Comms, opened, walked
from tests.support.toy import START


def test_which_incident(comms: Comms) -> None:
    """The one that owes it; of several, one has to be named; and while a frozen one is open, always."""
    other = "2026-11-23-other"
    now = comms.clock.now()
    comms.journal.append(opened("SEV-3", other))
    assert pick_owing(comms.journal, now, "", ("mail.start",), None).id == INCIDENT
    assert pick_owing(comms.journal, now, "", ("ops.standup",), None).id == other
    with pytest.raises(NeedsPerson, match="several incidents"):
        pick_owing(comms.journal, now, "", (), None)
    comms.journal.append([New(f"incident/{other}", None, "frozen", {})])
    with pytest.raises(NeedsPerson) as refused:
        pick_owing(comms.journal, now, "", ("mail.start",), None)
    assert f"{other} (frozen)" in refused.value.why
    assert pick_owing(comms.journal, now, INCIDENT, (), None).id == INCIDENT
    comms.add("incident.resolved")
    assert pick_owing(comms.journal, now, INCIDENT, ("mail.resolution",), None).id == INCIDENT


def test_what_to_type_names_the_incident_that_is_meant(comms: Comms) -> None:
    """Where a bare command could take another incident, what to type names the one that owes it; where none else is
    open or owes anything, it stays short."""
    now = comms.clock.now()
    assert {one.next for one in obligations_of(comms.journal, now) if "--incident" in one.next} == set()
    comms.add("incident.resolved")
    comms.journal.append(opened("SEV-1", "2026-11-23-second"))
    for found in (obligations_of(comms.journal, now), obligations_of(comms.journal, now, INCIDENT)):
        typed = {one.id: one.next for one in found if one.incident == INCIDENT and one.open}
        assert typed["mail.resolution"] == f"omniops comms email --incident {INCIDENT}"
        assert typed["postmortem"] == f"omniops postmortem new {INCIDENT}"
    (limit,) = [one for one in obligations_of(comms.journal, now, "2026-11-23-second") if one.id == "resolve_by"]
    assert limit.next == "omniops incident resolve 2026-11-23-second"


def test_the_last_one_resolved_is_what_a_bare_postmortem_takes(comms: Comms) -> None:
    """With nothing open a bare `postmortem new` takes the one resolved last, so the other one is named."""
    comms.add("incident.resolved")
    comms.clock.sleep(60)
    comms.journal.append(
        [*opened("", "2026-11-23-second"), New("incident/2026-11-23-second", None, "incident.resolved", {})]
    )
    typed = {one.id: one.next for one in obligations_of(comms.journal, comms.clock.now()) if one.open}
    assert typed["postmortem"] == f"omniops postmortem new {INCIDENT}"
    assert typed["mail.resolution"] == "omniops comms email"


@pytest.mark.parametrize("ids", [("status", "status.resolved", "banner"), ("upstream",), ("mail.start",), ()])
def test_one_that_is_over_is_not_taken_for_the_one_just_opened(comms: Comms, ids: tuple[str, ...]) -> None:
    """A resolved incident owes its last word while another has been opened, of which nobody has said how bad it is: one
    has to be named, and once the new one owes something itself, it is the one that is meant."""
    telling.status(comms.here, "", "")
    comms.add("incident.resolved")
    other, now = "2026-11-23-other", comms.clock.now()
    comms.journal.append(opened("", other))
    if ids:
        with pytest.raises(NeedsPerson, match="several incidents"):
            pick_owing(comms.journal, now, "", ids, None)
    assert pick_owing(comms.journal, now, "", ("mail.resolution",), None).id == INCIDENT  # only what is over owes that
    comms.journal.append([New(f"incident/{other}", None, "severity", {"severity": "SEV-1", "why": "x"})])
    assert pick_owing(comms.journal, now, "", ids, None).id == other


def test_what_is_said_where_it_is_not_clear_which(tmp_path: Path) -> None:
    """What to type works as it stands: an option where the incident is one, and a new incident where none is open."""
    journal = MemoryJournal(Comms(tmp_path).clock, "eve", "h")
    with pytest.raises(BadInput) as none:
        pick(journal, "")
    assert none.value.next == 'omniops incident open "..."'
    journal.append([*opened(), New(STREAM, None, "incident.resolved", {})])
    with pytest.raises(BadInput) as over:
        pick(journal, "", option=True)
    assert (over.value.next.partition(";")[0], over.value.why) == (
        f"--incident {INCIDENT}", f"{INCIDENT} was the last, and is resolved"
    )  # fmt: skip
    journal.append([*opened("", "2026-11-23-b"), *opened("", "2026-11-23-c")])
    with pytest.raises(NeedsPerson) as several:
        pick(journal, "", option=True)
    assert several.value.next == "--incident 2026-11-23-c"
    assert error_lines(several.value)[-1][0] == "next:  the same command with --incident 2026-11-23-c"


def test_nothing_is_open(tmp_path: Path) -> None:
    """Without an incident nothing can be said about one."""
    comms = Comms(tmp_path, "SEV-4", walk=False)
    comms.add("incident.resolved")
    with pytest.raises(BadInput, match="no incident is open"):
        telling.status(comms.here, "", "")


def test_due() -> None:
    """Late needs a person now, five minutes before soon will, and what is done or far off is not reported."""
    from omniops.incident.obligations import Obligation

    def due(minutes: float, done_at: str = "") -> list[tuple[str, str]]:
        one = Obligation("status", INCIDENT, "a", "status page", iso(START + timedelta(minutes=minutes)), "o", done_at)
        return [(found.words, found.urgency) for found in of_obligations([one], START)]

    assert due(-12) == [("status page: 12m 00s late", "now")]
    assert due(4) == [("status page: due in 4m 00s", "soon")]
    assert (due(6), due(-12, "x")) == ([], [])


def test_said_in_json(comms: Comms) -> None:
    """What became of a message, for scripts."""
    said: Said = telling.status(comms.here, "", "")
    assert said.as_json()["state"] == "sent"
    assert said.as_json()["message"]["about"] == "banner"


def test_walked_events_are_what_a_walk_writes() -> None:
    """The test's own walk names a connection as runbooks carry it."""
    assert walked()[1].data["inputs"]["connections"] == [CONNECTION]

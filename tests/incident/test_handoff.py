"""What a handoff covers, in words; and when it is due that somebody takes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from omniops.clock import iso
from omniops.incident import handoff
from omniops.incident.handoff import Contents
from omniops.incident.obligations import Obligation
from omniops.incident.rota import Window
from omniops.incident.view import Incident, Mitigation
from omniops.journal.events import Event
from tests.support.oncall import ENGINEERING

LA = ZoneInfo("America/Los_Angeles")
TURN = datetime(2026, 11, 30, 17, tzinfo=UTC)
DAY = timedelta(days=1)


def incident(id: str, severity: str = "") -> Incident:
    made = Incident(id)
    made.title, made.opened, made.severity = f"title of {id}", iso(TURN - DAY), severity
    return made


def event(n: int, kind: str, **data: object) -> Event:
    return Event(n, "oncall", n, iso(TURN + n * timedelta(minutes=1)), "ann", "host", "0", kind, dict(data))


def test_what_it_covers() -> None:
    """Open SEV-3/4 items, the coming week's maintenance, what is in force, what is owed; other incidents apart."""
    windows = [
        Window("over", TURN - 3 * DAY, TURN - 2 * DAY),
        Window("db upgrade", TURN + DAY, TURN + DAY + timedelta(hours=1)),
        Window("next month", TURN + 30 * DAY, TURN + 31 * DAY),
    ]
    force = [
        Mitigation("m12", "i1", "r1", "openai/main", "connection.disable", iso(TURN - DAY), "eve", "in force", "undo"),
        Mitigation("m13", "i1", "r1", "azure", "failover", iso(TURN - DAY), "eve", "kept", "undo", "until the fix"),
    ]
    owed = [
        Obligation("postmortem", "i1", "postmortem", "the postmortem", iso(TURN + DAY), "Incident commander", "", "x")
    ]
    incidents = [incident("i1", "SEV-1"), incident("i3", "SEV-3"), incident("i4", "SEV-4"), incident("i0")]
    text = handoff.draft(ENGINEERING, TURN, "ann", "bo", Contents(incidents, windows, force, owed), LA, TURN - DAY)
    parts = dict(part.split(":\n", 1) for part in text.split("\n\n")[1:])
    assert text.startswith("Handoff, Engineering on-call: ann to bo, Mon 2026-11-30 09:00 PST\n")
    assert [line[:7] for line in parts["Open SEV-3/4 items"].splitlines()] == ["- SEV-3", "- SEV-4"]
    assert parts["Scheduled maintenance windows"] == (
        "- Tue 2026-12-01 09:00 PST to Tue 2026-12-01 10:00 PST: db upgrade"
    )
    assert parts["In-flight mitigations"].splitlines() == [
        "- m12 connection.disable openai/main: in force since Sun 2026-11-29 09:00 PST",
        "- m13 failover azure: kept since Sun 2026-11-29 09:00 PST, kept: until the fix",
    ]
    assert parts["Obligations due"] == "- Tue 2026-12-01 09:00 PST: the postmortem (i1; Incident commander)"
    assert [line.split(":")[0] for line in parts["Other open incidents"].splitlines()] == ["- SEV-1", "- not graded"]


def test_nothing_and_too_much() -> None:
    """An empty part says none; a long one is counted; nothing in it breaks a line."""
    text = handoff.draft(ENGINEERING, TURN, "", "", Contents([], [], [], []), LA, TURN)
    assert text.count("- none") == 4
    assert "nobody is named to nobody is named" in text
    many = [incident(f"i{n}\n- forged\x1b[2J", "SEV-3") for n in range(40)]
    text = handoff.draft(ENGINEERING, TURN, "ann", "bo", Contents(many, [], [], []), LA, TURN)
    assert "- and 15 more" in text
    assert "\x1b" not in text
    assert "\n- forged" not in text


def test_due() -> None:
    """Due from the turn on until it is taken; only a role's newest one; a change of PagerDuty that nobody saw end."""
    told = {"role": "engineering", "outgoing": "ann", "incoming": "bo", "message": "o1", "text": "x"}
    old = event(1, "oncall.handoff", turn="2026-11-23", at=iso(TURN - 7 * DAY), **told)
    new = event(2, "oncall.handoff", turn="2026-11-30", at=iso(TURN), **told)
    assert handoff.due([old, new], TURN - timedelta(seconds=1)) == []
    late = handoff.due([old, new], TURN + timedelta(minutes=30))
    assert [one.words for one in late] == [
        "the engineering handoff of 2026-11-30, ann to bo is not acknowledged, 30m 00s after the turn"
    ]
    taken = event(3, "oncall.handoff.acknowledged", role="engineering", turn="2026-11-30", who="bo")
    other = event(3, "oncall.handoff.acknowledged", role="data", turn="2026-11-30", who="bo")
    assert handoff.due([old, new, taken], TURN + DAY) == []
    assert len(handoff.due([old, new, other], TURN + DAY)) == 1
    begun = event(4, "oncall.sync.begun", role="engineering", schedule="PSCHED1")
    ended = event(5, "oncall.synced", role="engineering", schedule="PSCHED1", how="applied")
    assert [one.what for one in handoff.due([begun], TURN)] == ["sync"]
    assert handoff.due([begun, ended], TURN) == []


@pytest.mark.parametrize("most", [60, 200, 2000, 4000])
def test_in_parts(most: int) -> None:
    """Nothing is lost or cut: each part fits, says which it is, and begins and ends where a part of the text does."""
    blocks = [f"Part {n}:\n" + "\n".join(f"- row {n}.{row} of some words" for row in range(n)) for n in range(1, 9)]
    text = "\n\n".join(["Handoff, to bo", *blocks])
    found = handoff.parts(text, most)
    assert all(len(one) <= most for one in found) or len(found) > 9
    if len(text) <= most:
        assert found == [text]
        return
    assert [one.partition("\n")[0] for one in found] == [f"({n} of {len(found)})" for n in range(1, len(found) + 1)]
    words = [one.partition("\n")[2] for one in found]
    assert " ".join(" ".join(words).split()) == " ".join(text.split())
    assert all(one.startswith(("Handoff", "Part", "- row")) for one in words)


def test_a_word_that_is_too_long() -> None:
    """It is the one thing that is parted in itself."""
    found = handoff.parts("x" * 100, 60)
    assert [len(one) for one in found] == [60, 58]

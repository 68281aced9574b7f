"""oncall.yaml: section 6 word for word, a user's own, and what is refused where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omniops.catalog.load import shipped_folder
from omniops.catalog.oncall import load, path_for, rota_for
from omniops.cli.options import all_given
from omniops.errors import BadInput
from omniops.incident.rota import Member, Window
from omniops.runner.oncall import Desk
from tests.support.oncall import folder

SHIPPED = shipped_folder() / "oncall.yaml"


def test_section_6() -> None:
    """The four rows as the source has them; nobody is invented; its misspelt channel is noted."""
    found = load(SHIPPED)
    assert [(one.role, one.primary, one.secondary, one.rotation) for one in found.roles] == [
        ("Engineering on-call", "security-circle lead", "@open-sse", "Weekly, Mon 09:00 PDT"),
        ("Security on-call", "@security-team", "", "Weekly"),
        ("Data on-call", "@db-team", "", "Weekly"),
        ("Comms lead", "@comms", "", "As needed"),
    ]
    assert not any(one.members or one.schedule for one in found.roles)
    assert (found.zone, found.day, found.at.isoformat()) == ("America/Los_Angeles", 0, "09:00:00")
    assert found.channel == "#omniroute-ops-handoff"
    assert "#omnirouse-ops-handoff" in SHIPPED.read_text(encoding="utf-8")
    assert [one.lack for one in found.roles] == [
        "engineering names no members, and a rotation needs two",
        "security names no members, and a rotation needs two",
        "data names no members, and a rotation needs two",
        "comms names no members",
    ]


def test_a_user_s_own(tmp_path: Path) -> None:
    """An oncall.yaml in one's own folder replaces the shipped one; a member is a name, or a name with an id."""
    assert rota_for(tmp_path) == load(SHIPPED)
    found = rota_for(folder(tmp_path, "ann: PUSER01, bo"))
    assert found.roles[0].members == (Member("ann", "PUSER01"), Member("bo"))
    path = tmp_path / "oncall.yaml"
    row = 'maintenance:\n  - {what: db upgrade, from: "2026-12-01T22:00", to: "2026-12-02T07:00Z"}'
    path.write_text(path.read_text(encoding="utf-8").replace("maintenance: []", row), encoding="utf-8")
    window = Window("db upgrade", datetime(2026, 12, 2, 6, tzinfo=UTC), datetime(2026, 12, 2, 7, tzinfo=UTC))
    assert rota_for(tmp_path).maintenance == (window,)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("zone: America/Los_Angeles", "zone: Mars/Olympus", "zone: this machine knows no such time zone"),
        ('first_turn: "2026-07-20"', 'first_turn: "2026-07-21"', "first_turn: 2026-07-21 is no monday"),
        ('first_turn: "2026-07-20"', 'first_turn: "soon"', "first_turn: a day is wanted here"),
        ('at: "09:00"', 'at: "9 am"', "at: a time of day is wanted here"),
        ("day: monday", "day: mon", "day: 'mon' is not known here"),
        ('"#omniroute-ops-handoff"}', '"omniroute"}', "channel: a channel begins with #"),
        ("P1: P1", "P2: P1", "P2: unknown key"),
        ("id: comms", "id: data", "roles: the role 'data' is there twice"),
        ("turns: never", "turns: daily", "turns: 'daily' is not known here"),
        ("members: []", "members: [ann, ann]", "members: the member 'ann' is there twice"),
        ("members: []", "members: [{name: ann, pagerduty: a b}]", "pagerduty: an id of PagerDuty is wanted here"),
        ("members: []", 'members: ["a\\u202eb"]', "text with a hidden character (U+202E)"),
        ("members: []", 'members: ["a\\nb"]', "a name of one line, of at most 60 characters"),
        ("members: []", "members: {a: b}", "members: a list is wanted here"),
        ("maintenance: []", 'maintenance: [{what: x, from: "2026-12-02", to: "2026-12-01"}]', "to: it ends before"),
        (
            "maintenance: []",
            'maintenance: [{what: x, from: "2026-11-01T01:30", to: "2026-12-01"}]',
            "from: the clocks change then: that time is there twice",
        ),
        ("maintenance: []", 'maintenance: [{what: x, from: "now", to: "2026-12-01"}]', "from: a day and a time"),
    ],
)
def test_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """File, line and column, what is wrong, and how to mend it."""
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "oncall.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=r"oncall\.yaml:\d+:\d+: ") as caught:
        load(path)
    assert said in caught.value.what
    assert caught.value.next


def test_a_short_file_of_ones_own(tmp_path: Path) -> None:
    """One that holds the members alone is told all that is missing, and what to begin with instead."""
    path = tmp_path / "oncall.yaml"
    path.write_text("members: [ann, bo]\n", encoding="utf-8")
    with pytest.raises(BadInput, match="unknown key"):
        load(path)
    path.write_text("format: 1\nroles: []\n", encoding="utf-8")
    with pytest.raises(
        BadInput, match="zone, turn, first_turn, handoff, priorities, maintenance are missing"
    ) as refused:
        load(path)
    assert "begin with a copy of " in refused.value.next


def test_how_long_an_override_lasts() -> None:
    """`--to 2h` counts from the start; a day and a time are read as ever; and the shipped file is not to be changed."""
    here = Desk(load(path_for(None)), [], path_for(None))
    now = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    assert here.until("2h", now + timedelta(days=1), now, "--to") == now + timedelta(days=1, hours=2)
    assert here.until("2026-11-24T09:00Z", now, now, "--to") == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    with pytest.raises(BadInput, match="cannot be read"):
        here.until("soon", now, now, "--to")
    assert here.file.startswith("your own copy of ")


def test_everything_that_is_missing_is_named_at_once() -> None:
    """And not one option after the other."""
    with pytest.raises(BadInput, match="missing: WHO, --to, --reason"):
        all_given("omniops oncall override ...", ROLE="data", WHO="", to="", reason=" ")

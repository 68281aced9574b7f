"""`omniops oncall sync` against a stateful PagerDuty that draws its schedules by itself, clock changes included."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import iso
from omniops.journal.events import New
from omniops.journal.lease import me
from tests.cli.test_oncall import ahead, journal
from tests.support.command import Command
from tests.support.oncall import folder
from tests.support.pager_schedules import TOKEN, FakeSchedules
from tests.support.screen import output, start

BEFORE = {  # a day within 8 weeks before each clock change
    "2026-03-08": "2026-02-20T20:00:00Z",
    "2026-11-01": "2026-10-02T20:00:00Z",
    "2027-03-14": "2027-02-19T20:00:00Z",
    "2027-11-07": "2027-10-01T20:00:00Z",
}
NOW = "2026-11-27T20:00:00Z"


@pytest.fixture
def pager() -> Iterator[FakeSchedules]:
    with FakeSchedules() as fake:
        yield fake


class Sync:
    """``sync("--yes")`` at a moment, against the fake."""

    def __init__(self, command: Command, pager: FakeSchedules) -> None:
        self.command, self.pager, self.at = command, pager, NOW

    def __call__(self, *words: str, **env: str) -> Any:
        return self.type("oncall", "sync", *words, **env)

    def type(self, *words: str, **env: str) -> Any:
        return self.command.later(ahead(self.at), *words, **{**self.pager.env, **env})

    def json(self, *words: str) -> Any:
        return json.loads(self("--json", *words).stdout)["schedules"][0]

    def how(self) -> list[str]:
        """What is written down about it."""
        return [one.data.get("how", "begun") for one in journal(self.command).read("oncall") if "sync" in one.kind]


@pytest.fixture
def sync(tmp_path: Path, pager: FakeSchedules) -> Sync:
    return Sync(Command(tmp_path / "home", OMNIOPS_RUNBOOKS=str(folder(tmp_path / "books"))), pager)


def test_wired_once(sync: Sync, pager: FakeSchedules) -> None:
    """The difference is shown and asked about; --yes writes it; it is read back; the second time nothing is written."""
    asked = sync()
    assert (asked.returncode, pager.writes) == (3, [])
    assert "layers       none → one: ann, bo, cy" in asked.stderr
    done = sync("--yes")
    assert done.returncode == 0, done.stderr
    assert "Changed, and read back." in done.stdout
    assert "1344 hours" in " ".join(done.stdout.split())
    layer = pager.writes[0][2]["schedule"]["schedule_layers"][0]
    assert layer["rotation_virtual_start"] == layer["start"] == "2026-11-23T09:00:00-08:00"
    assert [one["user"]["id"] for one in layer["users"]] == ["PUSER01", "PUSER02", "PUSER03"]
    assert sync.how() == ["begun", "applied"]
    home = Path(sync.command.env["OMNIOPS_HOME"])
    assert TOKEN not in asked.stderr + done.stdout + done.stderr
    assert not [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    sync.at = "2027-01-20T20:00:00Z"  # another turn, and the anchor lies in the past
    again = sync()
    assert (again.returncode, len(pager.writes)) == (0, 1)
    assert "Nothing to change." in again.stdout


@pytest.mark.parametrize(("change", "at"), BEFORE.items())
def test_clock_changes(sync: Sync, pager: FakeSchedules, change: str, at: str) -> None:
    """Drawn by the wall, PagerDuty names whom the rota names in each of 1344 hours, the change among them; drawn by
    seconds it is an hour off in every turn after the change, and that is found, told hour by hour, and exits 1."""
    sync.at = at
    done = sync("--yes", "--json")
    told = json.loads(done.stdout)["schedules"][0]
    assert (done.returncode, told["state"], told["hours"], told["gaps"]) == (0, "changed", 1344, [])
    pager.by_wall = False
    off = sync("--json")
    gaps = json.loads(off.stdout)["schedules"][0]["gaps"]
    assert off.returncode == 1
    assert len(gaps) >= 3
    assert all(one["hours"] == 1 and one["from"][:10] > change for one in gaps)
    assert len(pager.writes) == 1


def test_what_is_otherwise(sync: Sync, pager: FakeSchedules) -> None:
    """Zone, length, hour, restrictions and order are each shown, live and declared; the layer keeps its id, and one
    that is over is sent back as it was."""
    over = pager.layer("2025-01-06T09:00:00-08:00", "PUSER09", end="2026-01-05T09:00:00-08:00")
    live = pager.layer("2026-11-23T08:00:00-08:00", "PUSER09", "PUSER01", days=1, restrictions=[{"type": "daily"}])
    pager.add("PSCHED1", over, live, zone="UTC")
    done = sync("--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    for what in (
        "time zone UTC → America/Los_Angeles",
        "1 d → 7 d",
        "Mon 08:00 → Mon 09:00",
        "restricted (1) → all",
    ):
        assert what in " ".join(done.stderr.split())
    assert "Old hand" in done.stderr
    layers = {one["id"]: one for one in pager.writes[0][2]["schedule"]["schedule_layers"]}
    assert set(layers) == {"PLAY01", "PLAY02"}
    assert layers["PLAY02"]["start"] == "2026-11-23T08:00:00-08:00"
    assert layers["PLAY01"]["users"] == [{"user": {"id": "PUSER09", "type": "user_reference"}}]
    assert layers["PLAY01"]["end"] == over["end"]
    assert len(pager.schedules["PSCHED1"]["schedule_layers"]) == 2
    before = next(one.data["before"] for one in journal(sync.command).read("oncall") if "before" in one.data)
    assert before["time_zone"] == "UTC"
    assert before["schedule_layers"][1]["rotation_turn_length_seconds"] == 86400


def test_an_order_that_only_begins_elsewhere(sync: Sync, pager: FakeSchedules) -> None:
    """A layer that is anchored at another turn, with the order turned to match, means the same: nothing is written."""
    pager.add("PSCHED1", pager.layer("2026-08-03T09:00:00-07:00", "PUSER03", "PUSER01", "PUSER02"))
    assert (sync().returncode, pager.writes) == (0, [])
    pager.add("PSCHED1", pager.layer("2026-08-03T09:00:00-07:00", "PUSER01", "PUSER02", "PUSER03"))
    assert "order" in sync().stderr


def test_covers(sync: Sync, pager: FakeSchedules) -> None:
    """An override here becomes one there, for these hours; the layer is not touched; repeated, nothing is written."""
    assert sync("--yes").returncode == 0
    span = ("--from", "2026-12-02 09:00", "--to", "2026-12-03 09:00", "--reason", "x")
    told = sync.type("oncall", "override", "engineering", "cy", *span)
    assert "PagerDuty is not told by this: omniops oncall sync --role engineering" in told.stderr
    done = sync("--yes")
    assert done.returncode == 0, done.stdout
    assert "bo → cy" in done.stderr
    method, _, body = pager.writes[1]
    assert (method, body["overrides"][0]["start"], body["overrides"][0]["user"]["id"]) == (
        "POST", "2026-12-02T17:00:00.000Z", "PUSER03",
    )  # fmt: skip
    assert (sync().returncode, len(pager.writes)) == (0, 2)
    outside = ("--from", "2026-12-04 09:00", "--to", "2026-12-04 11:00", "--reason", "x")
    sync.type("oncall", "override", "engineering", "dee", *outside)
    stranger = sync()
    assert (stranger.returncode, len(pager.writes)) == (1, 2)
    assert "PagerDuty names somebody else in 2 of 1344 hours" in " ".join(stranger.stdout.split())
    assert "2 h: bo there, dee here" in " ".join(stranger.stdout.split())
    pager.refuse_overrides = True
    sync.type("oncall", "override", "engineering", "ann", *outside)
    refused = sync("--yes")
    assert refused.returncode == 4
    assert "does not accept the override" in refused.stderr
    assert "Override must end in the future" in refused.stderr
    assert sync.how()[-1].startswith("refused: ")


@pytest.mark.parametrize(
    ("fault", "code", "said", "how"),
    [
        ("403", 4, "may not do this", ["begun", "refused"]),
        ("400", 4, "does not accept the schedule", ["begun", "refused"]),
        ("500", 7, "read back, it is not as declared", ["begun"]),
        ("applied-500", 7, "read back, it is as declared", ["begun", "found as declared"]),
        ("reset-after-apply", 7, "read back, it is as declared", ["begun", "found as declared"]),
    ],
)
def test_a_write_that_goes_wrong(
    sync: Sync, pager: FakeSchedules, fault: str, code: int, said: str, how: list[str]
) -> None:
    """Refused: nothing was done, 4. 5xx and reset: in doubt, 7, read back and said, sent once; the next one settles."""
    pager.fault = fault
    done = sync("--yes")
    assert done.returncode == code, done.stdout + done.stderr
    assert said in " ".join((done.stdout + done.stderr).split())
    assert "\x1b" not in done.stdout + done.stderr
    assert len(pager.writes) == (0 if fault.startswith("4") else 1)
    assert [one.partition(":")[0] for one in sync.how()] == how
    if how[-1] == "found as declared":
        return
    assert ("nobody saw how the change" in sync.type("tick", "--quiet").stdout) == (how == ["begun"])
    assert sync("--yes").returncode == 0
    assert sync.how()[-1] == "applied"
    assert len(pager.schedules["PSCHED1"]["schedule_layers"]) == 1


COVER = ("override", "engineering", "cy", "--from", "2026-12-02 09:00", "--to", "2026-12-03 09:00", "--reason", "x")


@pytest.mark.parametrize("fault", ["403", "inside", "500"])
def test_an_override_that_goes_wrong_after_the_layers(sync: Sync, pager: FakeSchedules, fault: str) -> None:
    """The layers were changed before it, and that is said: 6 where it was refused, 7 where nobody can tell."""
    sync.type("oncall", *COVER)
    pager.faults = {"POST": fault} if fault != "inside" else {}
    pager.refuse_overrides = fault == "inside"
    done = sync("--yes")
    told = " ".join(done.stdout.split())
    assert "the layers were changed" in told
    assert "did nothing" not in told + done.stderr
    if fault == "500":
        assert (done.returncode, sync.how()) == (7, ["begun"])
    else:
        assert (done.returncode, sync.how()[-1].partition(":")[0]) == (6, "in part")
        assert "Changed in part" in told
        assert "24 of 1344 hours" in told
    pager.refuse_overrides = False
    assert sync("--yes").returncode == 0
    assert len(pager.schedules["PSCHED1"]["overrides"]) == 1


def test_two_roles(sync: Sync, pager: FakeSchedules, tmp_path: Path) -> None:
    """Each is looked at before one is changed; what goes wrong with the second then leaves the first one's result
    to be seen: 6."""
    path = tmp_path / "books" / "oncall.yaml"
    text = path.read_text(encoding="utf-8")
    members = "members:\n      - {name: ann, pagerduty: PUSER01}\n      - {name: bo, pagerduty: PUSER02}"
    path.write_text(text.replace("members: []", f"{members}\n    schedule: PSCHED2", 1), encoding="utf-8")
    missing = sync("--yes")
    assert (missing.returncode, pager.writes) == (4, [])
    assert "knows no schedule PSCHED2" in missing.stderr
    pager.add("PSCHED2")
    pager.faults = {"PSCHED2": "403"}
    done = sync("--yes", "--json")
    first, second = json.loads(done.stdout)["schedules"]
    assert (done.returncode, first["state"], second["state"]) == (6, "changed", "not changed")
    assert "may not do this" in second["why"]
    assert len(pager.writes) == 1


def test_not_read_back(sync: Sync, pager: FakeSchedules) -> None:
    """It was accepted, and then PagerDuty is down: nobody has seen what it does, 7; later it is found as declared."""
    pager.down_after_write = True
    done = sync("--yes")
    assert done.returncode == 7
    assert "it was accepted; not read back" in " ".join(done.stdout.split())
    assert "Whom PagerDuty names now is not known" in done.stdout
    assert "1344" not in done.stdout
    pager.down_after_write = False
    assert sync().returncode == 0
    assert sync.how() == ["begun", "found as declared"]


@pytest.mark.parametrize(("place", "writes"), [("sync.begun", 0), ("sync.sent", 1)])
def test_killed(sync: Sync, pager: FakeSchedules, place: str, writes: int) -> None:
    """Killed before the PUT or after it: tick says that nobody saw the end; the next sync looks, and writes only what
    is not there yet."""
    assert sync("--yes", OMNIOPS_FAILPOINT=place).returncode == -9
    assert (len(pager.writes), sync.how()) == (writes, ["begun"])
    assert "nobody saw how" in sync.type("tick", "--quiet").stdout
    assert sync("--yes").returncode == 0
    assert len(pager.writes) == 1
    assert len(pager.schedules["PSCHED1"]["schedule_layers"]) == 1
    assert "nobody saw how" not in sync.type("tick", "--quiet").stdout


def test_changed_while_it_was_looked_at(sync: Sync, pager: FakeSchedules) -> None:
    """What was approved is not what is there any more: 3, nothing is written, and the next look shows what is."""
    pager.after_a_look = lambda: pager.add("PSCHED1", pager.layer("2026-11-23T09:00:00-08:00", "PUSER09"))
    done = sync("--yes")
    assert (done.returncode, pager.writes, sync.how()) == (3, [], [])
    assert "was changed while it was looked at" in done.stderr
    assert "Old hand → ann, bo, cy" in sync("--yes").stderr
    assert len(pager.writes) == 1


def test_somebody_else_is_at_it(sync: Sync, pager: FakeSchedules) -> None:
    """Two at once, overtaken between the last look and the first request: one of them stops, 3, and writes nothing."""
    begun = {"role": "engineering", "schedule": "PSCHED1", "differences": [], "covers": [], "before": {}, **me()}

    def overtakes() -> None:
        journal(sync.command).append([New("oncall", None, "oncall.sync.begun", begun)])

    def looks_again() -> None:
        pager.after_a_look = overtakes

    pager.after_a_look = looks_again
    sync.at = iso(datetime.now(UTC))
    done = sync("--yes")
    assert (done.returncode, pager.writes, sync.how()) == (3, [], ["begun"])
    assert "the schedule PSCHED1 is being changed" in done.stderr


def test_many_covers(sync: Sync, pager: FakeSchedules) -> None:
    """Forty overrides are shown and made at a time, and that others are left is said before and after."""
    assert sync("--yes").returncode == 0
    first = datetime(2026, 12, 7, 18, tzinfo=UTC)  # in the week of cy
    hours = [first + timedelta(hours=3 * n) for n in range(42)]
    cover = {"role": "engineering", "who": "ann", "reason": "x"}
    rows = [{**cover, "from": iso(hour), "to": iso(hour + timedelta(hours=1))} for hour in hours]
    journal(sync.command).append([New("oncall", None, "oncall.override", row) for row in rows])
    done = sync("--yes")
    told = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode, len(pager.schedules["PSCHED1"]["overrides"])) == (1, 40), told
    assert "2 more overrides are left for another omniops oncall sync" in told
    assert "2 overrides are left for another: omniops oncall sync" in told
    assert sync("--yes").returncode == 0


def test_accepted_and_not_done(sync: Sync, pager: FakeSchedules) -> None:
    """A change that was accepted and is not there is not called changed: 1, and written down so."""
    pager.fault = "ignored"
    done = sync("--yes")
    assert (done.returncode, sync.how()) == (1, ["begun", "accepted, and not as declared"])
    assert "accepted the change, and is not as declared" in " ".join(done.stdout.split())


def test_another_schedule_is_answered(sync: Sync, pager: FakeSchedules) -> None:
    """It is not the one that was asked for: 5, and nothing is written."""
    pager.lies = {"id": "PSCHED9"}
    done = sync("--yes")
    assert (done.returncode, pager.writes) == (5, [])
    assert "PSCHED9 was answered" in done.stderr


def test_two_layers(sync: Sync, pager: FakeSchedules) -> None:
    """Somebody else's second layer is not ended: 3, and nothing is written."""
    rows = [pager.layer("2026-11-23T09:00:00-08:00", one) for one in ("PUSER09", "PUSER01")]
    pager.add("PSCHED1", *rows)
    done = sync("--yes")
    assert (done.returncode, pager.writes) == (3, [])
    assert "the schedule PSCHED1 has 2 layers" in done.stderr


def test_declined_at_a_terminal(sync: Sync, pager: FakeSchedules) -> None:
    """Enter writes nothing: 3. y writes."""
    env: dict[str, Any] = {**sync.command.env, **pager.env, "PATH": os.environ["PATH"]}
    for key, code in (("", 3), ("y", 0)):
        child = start(sys.executable, "-m", "omniops", "oncall", "sync", **env)
        child.expect("one: ann, bo, cy|one: bo, cy, ann|one: cy, ann, bo")
        child.expect_exact("y/N> ")
        child.send(key + "\r")
        child.expect("Not changed" if code else "Changed, and read back")
        child.wait()
        assert child.exitstatus == code, output(child)
    assert len(pager.writes) == 1


@pytest.mark.parametrize(
    ("members", "schedule", "said"),
    [
        ("ann: PUSER01, bo: PUSER02", "", "no role has a `schedule`"),
        ("ann: PUSER01, bo", "PSCHED1", "bo: no `pagerduty` id"),
        ("ann: PUSER01", "PSCHED1", "engineering names one member, and a rotation needs two"),
    ],
)
def test_what_the_file_lacks(
    sync: Sync, pager: FakeSchedules, tmp_path: Path, members: str, schedule: str, said: str
) -> None:
    """Said before PagerDuty is asked: 2."""
    folder(tmp_path / "books", members, schedule=schedule)
    done = sync("--yes")
    assert (done.returncode, said in done.stderr, pager.asked) == (2, True, [])


def test_no_such_schedule(sync: Sync, pager: FakeSchedules, tmp_path: Path) -> None:
    """An unknown schedule is refused in its own words, 4; without a key, 2."""
    assert sync("--yes", PAGERDUTY_TOKEN="").returncode == 2
    folder(tmp_path / "books", schedule="PNONE99")
    unknown = sync("--yes")
    assert (unknown.returncode, "PagerDuty knows no schedule PNONE99" in unknown.stderr) == (4, True)
    assert pager.writes == []


def test_names_are_shown_clean(sync: Sync, pager: FakeSchedules, tmp_path: Path) -> None:
    """What PagerDuty calls people and schedules reaches the terminal without anything that moves a cursor."""
    pager.add("PSCHED1", pager.layer("2026-11-23T09:00:00-08:00", "PUSER03", "PUSER09"))
    pager.schedules["PSCHED1"]["name"] = "sched\x1b[2J\u202eule\nnext"
    folder(tmp_path / "books", "ann: PUSER01, bo: PUSER02")
    done = sync()
    assert done.returncode == 3
    assert "Cyevil, Old hand → ann, bo" in done.stderr
    assert not any(char in done.stdout + done.stderr for char in ("\x1b", "\u202e"))

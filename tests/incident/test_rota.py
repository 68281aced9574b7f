"""Who is on call: both clock changes of 2026 and 2027 by hand, and what holds at every instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.incident import rota as rotas
from omniops.incident.ical import calendar
from omniops.incident.rota import Ambiguous, Cover, Member, duties, duty
from tests.support.oncall import ANN, BO, ENGINEERING, rota

ROTA = rota()
HOUR = timedelta(hours=1)
LA = ZoneInfo("America/Los_Angeles")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


# Worked out by hand. Los Angeles is UTC-8 in winter and UTC-7 in summer; 2026-07-20 is ann's week, then bo, cy, ann ...
# 2026-03-02 lies 20 weeks before that (-20 = -21 + 1: bo), 2026-10-26 14 weeks after (14 = 12 + 2: cy),
# 2027-03-08 33 weeks (ann), 2027-11-01 67 weeks (67 = 66 + 1: bo).
TABLE = [
    # the week that holds the clock change, and the one after it: from, to (UTC), primary, secondary, hours
    ("2026-03-02T17:00Z", "2026-03-09T16:00Z", "bo", "cy", 167),
    ("2026-03-09T16:00Z", "2026-03-16T16:00Z", "cy", "ann", 168),
    ("2026-10-26T16:00Z", "2026-11-02T17:00Z", "cy", "ann", 169),
    ("2026-11-02T17:00Z", "2026-11-09T17:00Z", "ann", "bo", 168),
    ("2027-03-08T17:00Z", "2027-03-15T16:00Z", "ann", "bo", 167),
    ("2027-03-15T16:00Z", "2027-03-22T16:00Z", "bo", "cy", 168),
    ("2027-11-01T16:00Z", "2027-11-08T17:00Z", "bo", "cy", 169),
    ("2027-11-08T17:00Z", "2027-11-15T17:00Z", "cy", "ann", 168),
]


@pytest.mark.parametrize(("start", "end", "primary", "secondary", "hours"), TABLE)
def test_clock_changes(start: str, end: str, primary: str, secondary: str, hours: int) -> None:
    """A turn begins at 09:00 on the wall: the week in which the clocks change has 167 hours, or 169."""
    for moment in (at(start), at(start) + HOUR, at(end) - timedelta(seconds=1)):
        found = duty(ROTA, ENGINEERING, moment)
        assert (found.start, found.end, found.primary, found.secondary) == (at(start), at(end), primary, secondary)
    assert at(end) - at(start) == hours * HOUR
    assert duty(ROTA, ENGINEERING, at(start) - timedelta(seconds=1)).primary != primary
    assert duty(ROTA, ENGINEERING, at(end)).primary == secondary


@pytest.mark.parametrize(
    ("moment", "primary"),
    [
        ("2026-11-01T01:30-07:00", "cy"),  # the hour that is there twice
        ("2026-11-01T01:30-08:00", "cy"),
        ("2026-11-02T08:59-08:00", "cy"),
        ("2026-11-02T09:00-08:00", "ann"),
        ("2026-11-02T08:00-08:00", "cy"),  # 168 hours after the last turn: not yet
        ("2026-03-09T08:59-07:00", "bo"),
        ("2026-03-09T09:00-07:00", "cy"),  # 167 hours after the last turn: already
    ],
)
def test_around_the_change(moment: str, primary: str) -> None:
    """It is the wall that counts, not 168 hours."""
    assert duty(ROTA, ENGINEERING, at(moment)).primary == primary


moments = st.datetimes(datetime(2025, 1, 1), datetime(2029, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))
names = st.sampled_from(["ann", "bo", "cy", "dee"])
spans = st.builds(
    lambda who, start, hours: Cover("engineering", who, start, start + hours * HOUR, "why", "eve"),
    names,
    st.datetimes(datetime(2026, 10, 1), datetime(2026, 12, 1)).map(lambda one: one.replace(tzinfo=UTC)),
    st.integers(1, 400),
)


@given(moments, st.integers(1, 5), st.lists(spans, max_size=5))
def test_exactly_one_primary(moment: datetime, people: int, laid: list[Cover]) -> None:
    """At every instant one has the pager, inside the stretch that is told; the secondary is somebody else."""
    role = ENGINEERING._replace(members=tuple(Member(f"m{n}") for n in range(people)))
    found = duty(rota(role), role, moment, laid)
    assert found.primary
    assert found.start <= moment < found.end
    assert found.secondary != found.primary
    assert bool(found.secondary) or people == 1
    last = [one for one in laid if one.start <= moment < one.end][-1:]
    assert found.primary == (last[0].who if last else found.scheduled)


@given(st.integers(0, 2000), st.integers(1, 1500), st.lists(spans, max_size=6))
def test_stretches_tile(after: int, hours: int, laid: list[Cover]) -> None:
    """The stretches of any span follow each other without gap or overlap, and say what each instant says."""
    start = datetime(2026, 9, 1, tzinfo=UTC) + after * HOUR
    end = start + hours * HOUR
    found = duties(ROTA, ENGINEERING, start, end, laid)
    assert (found[0].start, found[-1].end) == (start, end)
    for one, other in pairwise(found):
        assert one.end == other.start
    for one in found:
        for moment in (one.start, one.start + (one.end - one.start) / 2, one.end - timedelta(microseconds=1)):
            assert duty(ROTA, ENGINEERING, moment, laid)[2:5] == one[2:5]


def test_a_cover_is_laid_over() -> None:
    """From its beginning until before its end; whoever is covered is the last to be secondary; the later word holds."""
    start = at("2026-11-26T17:00Z")
    first = Cover("engineering", "bo", start, start + 24 * HOUR, "thanksgiving", "eve")
    second = Cover("engineering", "dee", start + HOUR, start + 2 * HOUR, "dentist", "eve")
    assert duty(ROTA, ENGINEERING, start, [first])[2:] == ("bo", "cy", "ann", "thanksgiving")
    assert duty(ROTA, ENGINEERING, start + HOUR, [first, second])[2:4] == ("dee", "bo")
    assert duty(ROTA, ENGINEERING, start + HOUR, [second, first]).primary == "bo"
    assert duty(ROTA, ENGINEERING, start + 24 * HOUR, [first]).primary == "ann"
    two = ENGINEERING._replace(members=(ANN, BO))
    assert duty(rota(two), two, start, [first._replace(who="ann")])[2:4] == ("ann", "bo")
    assert duty(ROTA, ENGINEERING._replace(id="data"), start, [first]).primary == "ann"


def test_the_turn_that_a_handoff_is_about() -> None:
    """The nearest one: until Thursday the one that began, afterwards the one to come."""
    assert rotas.nearest_turn(ROTA, at("2026-11-30T17:05Z")) == date(2026, 11, 30)
    assert rotas.nearest_turn(ROTA, at("2026-11-30T16:40Z")) == date(2026, 11, 30)
    assert rotas.nearest_turn(ROTA, at("2026-12-02T12:00Z")) == date(2026, 11, 30)
    assert rotas.nearest_turn(ROTA, at("2026-12-05T12:00Z")) == date(2026, 12, 7)


def test_times_on_the_wall() -> None:
    """Without an offset a time is on the wall of Los Angeles; one that is there twice, or never, is not guessed."""
    now = at("2026-11-01T00:00Z")
    assert rotas.moment("2026-11-26T09:00", LA, now) == at("2026-11-26T17:00Z")
    assert rotas.moment("2026-11-26", LA, now) == at("2026-11-26T08:00Z")
    assert rotas.moment("2026-11-01T01:30-08:00", LA, now) == at("2026-11-01T09:30Z")
    with pytest.raises(Ambiguous, match="twice"):
        rotas.moment("2026-11-01T01:30", LA, now)
    with pytest.raises(Ambiguous, match="never"):
        rotas.moment("2027-03-14T02:30", LA, now)
    for wrong in ("soon", "0001-01-01", "9999-12-31T23:59"):
        with pytest.raises(ValueError, match=r"."):
            rotas.moment(wrong, LA, now)


def test_a_calendar() -> None:
    """RFC 5545: CRLF, no line above 75 octets, nothing cut in two, text escaped; the same event keeps its UID."""
    role = ENGINEERING._replace(members=(Member("Zoë, the; one\\" + "ü" * 30), BO))
    found = duties(ROTA, role, at("2026-10-26T16:00Z"), at("2026-11-09T17:00Z"))
    text = calendar([(role, found)], at("2026-10-26T16:00Z"))
    lines = text.encode().split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-2:] == [b"END:VCALENDAR", b""]
    assert all(len(line) <= 75 and b"\n" not in line for line in lines)
    for line in lines:
        line.decode()
    whole = text.replace("\r\n ", "")
    assert "DTSTART:20261026T160000Z\r\nDTEND:20261102T170000Z\r\n" in whole
    assert "SUMMARY:Engineering on-call: Zoë\\, the\\; one\\\\ü" in whole
    uids = [line for line in whole.split("\r\n") if line.startswith("UID:")]
    assert uids == [
        "UID:engineering-20261026T160000Z@oncall.omniops",
        "UID:engineering-20261102T170000Z@oncall.omniops",
    ]
    later = calendar([(role, found)], at("2026-10-27T16:00Z")).replace("\r\n ", "")
    assert [line for line in later.split("\r\n") if line.startswith("UID:")] == uids

"""Whole incidents over simulated days: whoever answers what is late, whenever they look, has told everybody once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omniops.clock import iso, parse_iso
from omniops.incident.obligations import Obligation
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from omniops.runner import telling
from omniops.runner.comms import obligations_of
from omniops.runner.engines import registry
from omniops.runner.fulfilling import fulfil
from omniops.runner.tick import tick
from tests.support import toy_engine
from tests.support.comms import INCIDENT, STREAM, Comms

STARTS = [
    datetime(2026, 11, 23, 3, 0, tzinfo=UTC),
    datetime(2026, 10, 31, 22, 0, tzinfo=UTC),  # the night in which the clocks go back in Los Angeles
    datetime(2027, 3, 13, 22, 0, tzinfo=UTC),  # ... and forward
]


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    for name in toy_engine.ENGINES:
        monkeypatch.setitem(registry._HOMES, name, "tests.support.toy_engine")
    return toy_engine.taken


class Days(Comms):
    """An incident in a journal on disk, opened anew for every look: nothing is remembered but what it holds."""

    def __init__(self, folder: Path, start: datetime, severity: str) -> None:
        super().__init__(folder, severity, TOY="1")
        toy_engine.taken.clear()
        made = [event for stream in self.journal.streams("") for event in self.journal.read(stream)]
        self.folder, self.clock.moment = folder, start
        onset = {"onset": iso(start - timedelta(minutes=10))}
        self.restart()
        self.journal.append([
            New(event.stream, None, event.kind, {**event.data, **(onset if "onset" in event.data else {})})
            for event in made
        ])  # fmt: skip

    def restart(self) -> None:
        if isinstance(self.journal, SqliteJournal):
            self.journal.close()
        self.journal = SqliteJournal(self.folder / "journal.db", self.clock, "eve", "ops-laptop")

    def look(self, minutes: float) -> None:
        """Sleep, wake up, and answer all that is late, each with its command."""
        self.clock.moment += timedelta(minutes=minutes)
        self.restart()
        tick(self.settings, self.clock, self.journal)
        for one in self.late():
            self.answer(one)
        assert self.late() == []

    def late(self) -> list[Obligation]:
        now = self.clock.now()
        return [one for one in obligations_of(self.journal, now) if one.overdue(now) and one.blocks_resolving]

    def answer(self, one: Obligation) -> None:
        if one.overdue(self.clock.now()) and one.id not in {late.id for late in self.late()}:
            return  # another message has fulfilled it as well
        if one.id in ("status", "status.resolved", "banner"):
            telling.status(self.here, INCIDENT, "")
        elif one.id.startswith("mail."):
            telling.email(self.here, INCIDENT, "")
        elif one.id == "upstream":
            telling.upstream(self.here, INCIDENT, "", [])
        elif one.id in telling.LISTED:
            telling.post(self.here, INCIDENT, "", one.id)
        else:
            fulfil(self.journal, self.clock.now(), one.id, "filed by hand", INCIDENT)

    def add(self, kind: str, **data: Any) -> None:
        self.journal.append([New(STREAM, None, kind, data)])


NAPS = st.lists(st.one_of(st.integers(1, 45), st.integers(46, 3000)), min_size=4, max_size=9)
SEVERITIES = st.lists(st.sampled_from(["SEV-1", "SEV-2", "SEV-3", "SEV-4"]), max_size=3)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(STARTS), st.sampled_from(["SEV-1", "SEV-2", "SEV-3"]), SEVERITIES, NAPS)
def test_days(
    tmp_path_factory: pytest.TempPathFactory, start: datetime, first: str, later: list[str], naps: list[int]
) -> None:
    """Through changes of severity, clock changes, restarts and naps of up to two days: customers are written to once at
    each end, each provider once, the page at least 30 minutes apart unless it has to be told of something else, and in
    the end, a fortnight later, nothing is open."""
    days = Days(tmp_path_factory.mktemp("days"), start, first)
    for number, nap in enumerate(naps):
        days.look(nap)
        if number < len(later):
            days.add("severity", severity=later[number], why="by hand")
    days.look(1)
    days.add("incident.resolved")
    for nap in (0, 5, 60 * 24 * 3, 60 * 24 * 14):
        days.look(nap)
    told = [first, *later[: len(naps)]]
    kinds = [body["kind"] for engine, _, body in toy_engine.taken if engine == "mail"]
    assert kinds == (["start", "resolution"] if "SEV-1" in told else [])
    by_hand = [id for id, _ in days.done()]
    assert by_hand.count("upstream") == ("SEV-1" in told)
    assert by_hand.count("postmortem") == bool({"SEV-1", "SEV-2"} & set(told))
    listed = [body["text"][:5] for engine, _, body in toy_engine.taken if engine == "slack"]
    assert len(listed) == len(set(listed))
    posts = [parse_iso(one.queued_at) for one in days.messages("status")]
    assert all(after - before >= timedelta(minutes=30) for before, after in pairwise(posts[1:-1]))
    if posts:
        assert days.messages("status")[-1].body["status"] == "resolved"
    assert all(one.state in ("sent", "dropped") for one in days.messages())
    headlines = [body["headline"] for engine, _, body in toy_engine.taken if engine == "slack.headline"]
    assert all(old != new for old, new in pairwise(headlines))
    now = days.clock.now()
    assert [one.id for one in obligations_of(days.journal, now) if one.open] == []

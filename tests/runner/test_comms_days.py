"""Whole incidents over simulated days: whoever answers what is late, whenever they look, has told everybody once."""

from __future__ import annotations

import json
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
from tests.support.comms import INCIDENT, STREAM, Comms, walked

PAGE = ("status", "status.resolved", "banner")
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
        toy_engine.failures.clear()
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

    def look(self, minutes: float, *, pasting: bool = False) -> None:
        """Sleep, wake up, and answer all that is late, each with its command. ``pasting``: nothing is set up here, so
        that every text is pasted by hand. What is late then is on its way."""
        self.clock.moment += timedelta(minutes=minutes)
        self.settings.env["TOY"] = "" if pasting else "1"  # type: ignore[index]
        self.restart()
        tick(self.settings, self.clock, self.journal)
        for one in self.late():
            if not one.waits:
                self.answer(one)
        assert [one.id for one in self.late() if not one.waits] == []

    def out_again(self, run: str) -> None:
        """The provider is back, and then another one is out."""
        self.add("verified", verdict="recovered", last={"why": ""})
        for event in walked(run=run):
            data = json.loads(json.dumps(event.data).replace("openai", "groq").replace("8ae76e54", "99aa00bb"))
            if "onset" in data:
                data["onset"] = iso(self.clock.moment)
            self.journal.append([event._replace(expected=None, data={**data, "incident": INCIDENT})])

    def late(self) -> list[Obligation]:
        now = self.clock.now()
        return [one for one in obligations_of(self.journal, now) if one.overdue(now) and one.blocks_resolving]

    def answer(self, one: Obligation) -> None:
        if one.overdue(self.clock.now()) and one.id not in {late.id for late in self.late()}:
            return  # another message has fulfilled it as well
        if one.id in PAGE:
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
@given(
    st.sampled_from(STARTS), st.sampled_from(["SEV-1", "SEV-2", "SEV-3"]), SEVERITIES, NAPS,
    st.lists(st.booleans(), max_size=12), st.lists(st.booleans(), min_size=9, max_size=9), st.integers(0, 9),
)  # fmt: skip
def test_days(
    tmp_path_factory: pytest.TempPathFactory, start: datetime, first: str, later: list[str], naps: list[int],
    failures: list[bool], pasting: list[bool], again: int,
) -> None:  # fmt: skip
    """Through changes of severity, clock changes, restarts, naps of up to two days, services that fail, texts pasted by
    hand and a second outage of another provider: customers are told once at each end, each provider once, the page at
    least 30 minutes apart unless it has to be told of something else, and in the end, a fortnight later, nothing is
    open."""
    days = Days(tmp_path_factory.mktemp("days"), start, first)
    toy_engine.failures[:] = failures
    for number, nap in enumerate(naps):
        days.look(nap, pasting=pasting[number])
        if number == again:
            days.out_again("r2b3c")
        if number < len(later):
            days.add("severity", severity=later[number], why="by hand")
    days.look(1, pasting=pasting[0])
    days.add("incident.resolved")
    days.look(0, pasting=pasting[1])
    toy_engine.failures.clear()
    for nap in (5, 60 * 24 * 3, 60 * 24 * 14):
        days.look(nap)
    told = [first, *later[: len(naps)]]
    kinds = [f"mail.{body['kind']}" for engine, _, body in toy_engine.taken if engine == "mail"]
    kinds += [id for id, _ in days.done() if id.startswith("mail.")]
    assert sorted(kinds) == (["mail.resolution", "mail.start"] if "SEV-1" in told else [])
    events = days.journal.read(STREAM)
    reached = [name for event in events for name in event.data.get("providers", ())]
    affected = ["groq", "openai"] if again < len(naps) else ["openai"]
    assert sorted(reached) == (affected if "SEV-1" in told else [])
    assert [id for id, _ in days.done()].count("postmortem") == bool({"SEV-1", "SEV-2"} & set(told))
    listed = [body["text"][:5] for engine, _, body in toy_engine.taken if engine == "slack"]
    assert len(listed) == len(set(listed))
    page = [one for one in days.messages() if one.engine == "status"]
    for before, one in pairwise(page):
        if one.about == "status":
            assert parse_iso(one.queued_at) - parse_iso(before.queued_at) >= timedelta(minutes=30)
    shown = [(one.at, one.body["status"] == "resolved") for one in page if one.state == "sent"]
    shown += [(event.time, event.data["obligation"] == "status.resolved") for event in events
              if event.kind == "comms.done" and event.data["obligation"] in PAGE]  # fmt: skip
    assert not shown or max(shown)[1]
    assert all(one.state in ("sent", "dropped") for one in days.messages())
    headlines = [body["headline"] for engine, _, body in toy_engine.taken if engine == "slack.headline"]
    assert any(failures) or all(old != new for old, new in pairwise(headlines))
    now = days.clock.now()
    assert [one.id for one in obligations_of(days.journal, now) if one.open] == []

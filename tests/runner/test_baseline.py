"""The usual p95: recorded hour by hour, or remembered by Prometheus; and what 4.2 makes of it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from omniops.actions.latency import ACTIONS
from omniops.config import Settings
from omniops.drill.api import Reply
from omniops.journal.memory import MemoryJournal
from omniops.runner import baseline, live
from omniops.runner.own.latency import compare
from omniops.runner.walk import Walk
from omniops.services.clients import Clients
from tests.support.fake_omniroute import DOWN, START, FakeOmniRoute, MovedClock, context
from tests.support.metrics import FakePrometheus

HOUR = timedelta(hours=1)
BOUNDS = {"1": "95", "2.5": "100", "+Inf": "100"}


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def journal(clock: MovedClock) -> MemoryJournal:
    return MemoryJournal(clock, "koosha", "host")


def hours(journal: MemoryJournal, clock: MovedClock, *figures: float, source: str = "omniroute") -> None:
    """Record one figure an hour; the last one is an hour old when it ends."""
    for p95_s in figures:
        assert baseline.record(journal, clock.now(), p95_s, 500, source)
        clock.sleep(3600)


def test_at_most_one_an_hour(journal: MemoryJournal, clock: MovedClock) -> None:
    """A second figure within the hour is not written, nor one of too few requests, nor none."""
    assert baseline.due(journal, clock.now())
    assert not baseline.record(journal, clock.now(), None, 500)
    assert not baseline.record(journal, clock.now(), 0.4, 19)
    assert baseline.record(journal, clock.now(), 0.4, 20)
    clock.sleep(3599)
    assert not baseline.record(journal, clock.now(), 0.4, 500)
    clock.sleep(1)
    assert baseline.record(journal, clock.now(), 0.5, 500)
    assert [event.data["p95_s"] for event in journal.read("figures")] == [0.4, 0.5]


def test_the_median_of_a_week(journal: MemoryJournal, clock: MovedClock) -> None:
    """The median of the 7 days before the onset: neither older hours nor those of the incident itself count."""
    hours(journal, clock, *[9.0] * 30, *[0.4] * 83, 0.5, 0.5, *[0.6] * 83, *[7.0] * 5)
    found = baseline.baseline(journal, clock.now(), until=clock.now() - 5 * HOUR)
    assert (found.p95_s, found.hours) == (0.5, 168)
    assert found.why == "`omniops tick` has recorded 168 hours of the last 7 days"
    assert baseline.baseline(journal, clock.now() + timedelta(days=8)).p95_s is None


def test_a_day_is_needed(journal: MemoryJournal, clock: MovedClock) -> None:
    """Fewer than 24 hours are no baseline, and figures of another source are not mixed in."""
    hours(journal, clock, *[0.4] * 23)
    found = baseline.baseline(journal, clock.now())
    assert (found.p95_s, found.why) == (
        None, "`omniops tick` has recorded 23 hours of the last 7 days, and 24 are needed"
    )  # fmt: skip
    hours(journal, clock, 0.4, source="prometheus")
    assert baseline.baseline(journal, clock.now()).hours == 23
    hours(journal, clock, 0.4)
    assert baseline.baseline(journal, clock.now()).p95_s == 0.4


def walk(journal: MemoryJournal, server: FakeOmniRoute, url: str = "") -> Any:
    """As much of a walk as the comparison needs; the onset was half an hour ago."""
    ctx = context(server, env={"PROMETHEUS_URL": url} if url else {})
    ctx = ctx._replace(clients=Clients(ctx.settings, ctx.clock))
    return SimpleNamespace(
        ctx=ctx,
        journal=journal,
        now=server.clock.now,
        find=ACTIONS.__getitem__,
        context=lambda step: ctx,
        state=SimpleNamespace(onset=server.clock.now() - HOUR / 2, current="compare"),
    )


def told(*words: Any) -> dict[str, Any]:
    return compare(cast(Walk, walk(*words)), {})


@pytest.fixture
def server(clock: MovedClock) -> FakeOmniRoute:
    """p95 of now is 1.2 s, by its own telemetry."""
    fake = FakeOmniRoute(clock=clock)
    fake.requests = [(START + timedelta(days=60), 1.2)] * 40
    return fake


def test_as_recorded(journal: MemoryJournal, clock: MovedClock, server: FakeOmniRoute) -> None:
    """Without Prometheus the recorded hours are compared with, and the words say how many there were."""
    hours(journal, clock, *[0.4] * 30)
    found = told(journal, server)
    assert (found["available"], found["ratio"], found["p95_text"]) == (True, 3.0, "1.20s")
    assert found["summary"] == (
        "p95 is 1.20s, 3x the usual 0.40s (median: `omniops tick` has recorded 30 hours of the last 7 days)"
    )


def test_nothing_to_compare_with(journal: MemoryJournal, clock: MovedClock, server: FakeOmniRoute) -> None:
    """Without either, it says so: the on-call decides."""
    found = told(journal, server)
    assert (found["available"], found["ratio"]) == (False, None)
    assert "0 hours of the last 7 days" in found["why"]
    assert "this server keeps no p95 of past days" in found["why"]


def prometheus(clock: MovedClock, now: str | None, line: list[str | None]) -> FakePrometheus:
    def value(query: str) -> Any:
        return BOUNDS if query.startswith("sum by") else now

    return FakePrometheus(value, clock=clock, lines=lambda query: line if "[1h]" in query else None)


def test_as_prometheus_remembers(journal: MemoryJournal, clock: MovedClock, server: FakeOmniRoute) -> None:
    """Prometheus' p95 of now is compared with the median of its hours before the onset; gaps are passed over."""
    hours(journal, clock, *[0.1] * 30)  # another source's: not mixed in
    line = [None] * 100 + ["0.4"] * 33 + ["0.5"] + ["0.6"] * 33 + ["NaN"]
    with prometheus(clock, "1", line) as fake:
        found = told(journal, server, fake.url)
        asked = next(form for form in fake.asked if "start" in form)
    assert (found["ratio"], found["p95_s"]) == (2.0, 1.0)
    assert "Prometheus remembers 67 hours" in found["why"]
    assert float(asked["end"]) == pytest.approx((clock.now() - HOUR / 2).timestamp())
    assert float(asked["end"]) - float(asked["start"]) == 167 * 3600


@pytest.mark.parametrize(
    ("now", "line", "why"),
    [
        ("1", [None] * 160 + ["0.4"] * 8, "Prometheus remembers 8 hours"),
        ("NaN", ["0.4"] * 168, "Prometheus knows no p95 of now (no traffic)"),
        (None, ["0.4"] * 168, "Prometheus knows no p95 of now (no data)"),
    ],
)
def test_prometheus_cannot_tell(
    journal: MemoryJournal, clock: MovedClock, server: FakeOmniRoute, now: str | None, line: list[str | None], why: str
) -> None:
    """Too few hours, or no p95 of now: OmniRoute's own figures are tried, and the reason is kept."""
    with prometheus(clock, now, line) as fake:
        found = told(journal, server, fake.url)
        assert (found["available"], why in found["why"]) == (False, True)
        hours(journal, clock, *[0.4] * 30)
        assert told(journal, server, fake.url)["ratio"] == 3.0


def test_prometheus_is_down(journal: MemoryJournal, clock: MovedClock, server: FakeOmniRoute) -> None:
    """A Prometheus that cannot be asked is a reason among the others."""
    with prometheus(clock, "1", []) as fake:
        fake.broken = Reply(502, "bad gateway", "text/plain")
        assert "no usable answer from Prometheus" in told(journal, server, fake.url)["why"]


def test_what_tick_records(journal: MemoryJournal, clock: MovedClock, server: FakeOmniRoute, monkeypatch: Any) -> None:
    """`omniops tick` writes down p95 of now once an hour, and asks nobody in between; a server may be down."""
    monkeypatch.setattr(live, "gateway", lambda *args: server)
    nobody = Settings({"OMNIROUTE_URL": "http://127.0.0.1:9"})
    assert baseline.record_now(nobody, clock, journal) == ""
    settings = Settings({"OMNIROUTE_URL": "http://127.0.0.1:9", "OMNIROUTE_API_KEY": "secret-key"})
    told = baseline.record_now(settings, clock, journal)
    assert told == "recorded: p95 1.20s of 40 requests, for the baseline of 4.2"
    assert journal.read("figures")[0].data == {"p95_s": 1.2, "requests": 40, "source": "omniroute"}
    asked = len(server.calls)
    assert baseline.record_now(settings, clock, journal) == ""
    assert len(server.calls) == asked
    clock.sleep(3600)
    server.broken["telemetry"] = DOWN
    assert baseline.record_now(settings, clock, journal) == ""
    with prometheus(clock, "1", []) as fake:
        settings = Settings({"PROMETHEUS_URL": fake.url})
        assert baseline.record_now(settings, clock, journal).startswith("recorded: p95 1.00s of 100 requests")

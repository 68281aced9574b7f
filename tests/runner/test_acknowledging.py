"""The time that an acknowledgement takes when PagerDuty does not answer, and what is then known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.incident.page import Acked
from omniops.journal.memory import MemoryJournal
from omniops.runner import acknowledging
from omniops.runner.desk import Desk, Request
from omniops.runner.wiring import clients_of
from omniops.terminal.streams import Streams
from omniops.terminal.unattended import Unattended
from tests.support.pager import FakePager


@pytest.fixture
def pager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePager]:
    monkeypatch.setattr(acknowledging, "BUDGET_S", 3.0)  # what would be ten seconds
    monkeypatch.setattr(acknowledging, "READ_BACK_S", 1.0)
    with FakePager(tmp_path) as fake:
        yield fake


def ack(pager: FakePager, journal: MemoryJournal | None = None) -> tuple[Acked, list[str]]:
    settings, clock = Settings(pager.env), SystemClock()
    journal = journal or MemoryJournal(clock, "alice", "here")
    desk = Desk(settings, clock, Unattended(Streams()), clients_of(settings, clock), lambda: journal)
    result = acknowledging.acknowledge(desk, Request(("Q3OMNI01",)))
    return result.pages[0], result.warnings


def test_no_answer_to_the_request(pager: FakePager) -> None:
    """The time is up while the request waits for its answer: an event goes out, sent and unconfirmed."""
    pager.faults("hang@PUT:pagerduty")
    page, warnings = ack(pager)
    assert (page.status, page.how, page.confirmed) == ("sent", "events", False)
    assert "nobody can tell" in warnings[0]
    assert pager.counts("acknowledge") == {"Q3OMNI01": 1}


def test_done_and_not_answered(pager: FakePager) -> None:
    """The request was carried out and never answered: the event changes nothing, and it is acknowledged once."""
    pager.faults("applied-hang@PUT:pagerduty")
    page, _ = ack(pager)
    assert page.status == "sent"
    assert pager.counts("acknowledge") == {"Q3OMNI01": 1}


def test_not_read_back(pager: FakePager) -> None:
    """It was accepted, and the look afterwards gets no answer: PagerDuty's own answer to the request counts."""
    pager.faults("hang@GET:pagerduty/incidents#2")
    page, warnings = ack(pager)
    assert (page.status, page.how, page.confirmed) == ("acknowledged", "rest", True)
    assert "not read back" in warnings[0]

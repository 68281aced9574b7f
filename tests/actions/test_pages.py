"""``page.escalate``: the secondary is called in, by the best way there is, and not twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.actions.base import Context
from omniops.actions.pages import ACTIONS
from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.services.clients import Clients
from tests.support.pager import FakePager

ESCALATE = ACTIONS["page.escalate"]
PAGE = {"id": "Q3OMNI01", "source": "pagerduty", "title": "ErrorBudgetBurnFast"}


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[FakePager]:
    with FakePager(tmp_path) as fake:
        yield fake


def context(pager: FakePager, page: dict[str, Any] | None = None, **settings: str) -> Context:
    here, clock = Settings({**pager.env, **settings}), SystemClock()
    none: Any = None
    clients = Clients(here, clock)
    page = PAGE if page is None else page
    return Context(here, clock, none, clients.events, none, "i", clock.now(), clients=clients, page=page)


def called(pager: FakePager, **more: Any) -> tuple[str, dict[str, Any]]:
    """Observe and apply; how it went, and what came of it."""
    action: Any = ESCALATE
    ctx = context(pager, **more)
    seen = action.observe(ctx, {})
    applied = action.apply(ctx, {}, seen.state, "r1/escalate/0")
    return seen.target, {"status": applied.status, **applied.outputs}


def test_they_are_asked_to_join(pager: FakePager) -> None:
    """The second level's on-call is asked, by name; the page stays ours."""
    who, came = called(pager)
    assert who == "Bob Secondary (level 2)"
    assert came["status"] == "applied"
    assert pager.counts("responder") == {"Q3OMNI01": 1}
    assert pager.counts("escalate") == {}


def test_an_account_that_cannot_ask(pager: FakePager) -> None:
    """Without the ability the page is handed to the next level, and that is said."""
    pager.faults("code=2014@POST:pagerduty/incidents")
    _, came = called(pager)
    assert (came["status"], came["how"]) == ("applied", "PagerDuty hands it to the next level")


def test_without_the_rest_api(pager: FakePager) -> None:
    """Their own routing key pages them; delivery is not confirmed, and is not said to be."""
    who, came = called(pager, PAGERDUTY_TOKEN="")
    assert "PagerDuty integration" in who
    assert (came["status"], "not confirmed" in came["how"]) == ("applied", True)


def test_by_hand(pager: FakePager) -> None:
    """With neither, the operator is told whom to call and what to say."""
    action: Any = ESCALATE
    seen = action.observe(context(pager, PAGERDUTY_TOKEN="", PAGERDUTY_ROUTING_KEY_SECONDARY=""), {})
    hand = seen.outputs["by_hand"]
    assert (hand["who"], "Still firing: ErrorBudgetBurnFast" in hand["words"]) == ("the secondary on-call", True)


def test_not_twice(pager: FakePager) -> None:
    """Called in already, by a step or by the command: nothing is to be done."""
    action: Any = ESCALATE
    page = {**PAGE, "escalated": {"to": "Bob Secondary", "how": "responder"}}
    seen = action.observe(context(pager, page), {})
    assert (seen.already, seen.target) == (True, "Bob Secondary")
    assert pager.counts("responder") == {}


def test_a_crash_hides_a_request(pager: FakePager) -> None:
    """Killed between the request and its answer: PagerDuty cannot be asked, so it is in doubt; an event is simply sent
    again, because PagerDuty makes one page of two."""
    action: Any = ESCALATE
    assert action.reconcile(context(pager), {}, {}, "k", False).status == "in_doubt"
    assert action.reconcile(context(pager, PAGERDUTY_TOKEN=""), {}, {}, "k", False).status == "not_applied"

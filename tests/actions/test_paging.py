"""page.send: through PagerDuty once, or by hand; and what is never said about a security incident."""

from __future__ import annotations

from typing import Any

import pytest

from omniops.actions.paging import ACTIONS, SECURITY, dedup_key
from omniops.errors import BadInput
from omniops.services.pagerduty import EventReply
from tests.support.fake_omniroute import FakeEvents, FakeOmniRoute, context

PAGE: Any = ACTIONS["page.send"]
DATA = {"role": "data", "summary": "storage.sqlite is malformed"}
SECRET = {"role": "security", "summary": "token sk-123 of tenant X leaked"}


def test_by_hand_without_a_key() -> None:
    """Without a routing key the operator pages; they are told whom, and which words."""
    seen = PAGE.observe(context(FakeOmniRoute()), DATA)
    assert seen.outputs["by_hand"] == {"who": "@db-team (data on-call)", "words": "storage.sqlite is malformed"}
    assert (seen.state, seen.desired, seen.already) == ({}, {"paged": "data"}, False)


def test_through_pagerduty() -> None:
    """With a key it is sent once; accepted is not delivered, and the words say so."""
    events = FakeEvents("data")
    ctx = context(FakeOmniRoute(), events)
    seen = PAGE.observe(ctx, DATA)
    assert "by_hand" not in seen.outputs
    applied = PAGE.apply(ctx, DATA, {}, "r1/page_data/0")
    assert applied.status == "applied"
    assert "only they can say" in applied.outputs["how"]
    assert [sent["summary"] for sent in events.sent] == ["storage.sqlite is malformed"]
    assert events.sent[0]["source"] == "omniops, environment production"


@pytest.mark.parametrize("roles", [(), ("security",)])
def test_security_says_nothing(roles: tuple[str, ...]) -> None:
    """Whatever a runbook passes, nothing of a security incident is shown, sent or named."""
    events = FakeEvents(*roles)
    ctx = context(FakeOmniRoute(), events)
    seen = PAGE.observe(ctx, SECRET)
    PAGE.apply(ctx, SECRET, {}, "r1/page_security/0")
    assert seen.target == "@security-team"
    for words in (str(seen), str(events.sent)):
        assert "sk-123" not in words
        assert "tenant" not in words
        assert "openai-outage" not in words
    assert events.sent[0]["summary"] == SECURITY
    assert events.sent[0]["source"] == "omniops"


@pytest.mark.parametrize(
    ("answer", "status"), [("sent", "applied"), ("refused", "not_applied"), ("in_doubt", "in_doubt"), ("?", "in_doubt")]
)
def test_answers(answer: str, status: str) -> None:
    """Accepted, refused, and everything else, which is in doubt."""
    events = FakeEvents("data")
    events.reply = EventReply(answer, "HTTP\x1b[1m 500")
    applied = PAGE.apply(context(FakeOmniRoute(), events), DATA, {}, "k")
    assert (applied.status, applied.detail) == (status, "HTTP 500")


def test_a_key_that_cannot_be_had() -> None:
    """A routing key whose command fails: nothing was sent, and the runbook goes on to paging by hand."""
    events = FakeEvents("data")
    events.broken = BadInput("PAGERDUTY_ROUTING_KEY_DATA_COMMAND failed: it exited with 1")
    applied = PAGE.apply(context(FakeOmniRoute(), events), DATA, {}, "k")
    assert (applied.status, applied.detail) == ("not_applied", events.broken.what)


def test_a_repeat_pages_once() -> None:
    """Every attempt of one page has the same dedup key; another step, run or incident has another."""
    first = dedup_key("i", "r1/page/0")
    assert first == dedup_key("i", "r1/page/0#2") == dedup_key("i", "r1/page/0#3")
    assert len({first, dedup_key("i", "r1/page/1"), dedup_key("i", "r2/page/0"), dedup_key("j", "r1/page/0")}) == 4
    assert len(first) < 255
    assert PAGE.reconcile(context(FakeOmniRoute()), DATA, {}, "k", False).status == "in_doubt"


def test_unknown_role() -> None:
    """A role that nobody has pages nobody."""
    with pytest.raises(BadInput, match="nobody is paged as 'ceo'"):
        PAGE.observe(context(FakeOmniRoute()), {"role": "ceo", "summary": "x"})


def test_a_page_cannot_be_taken_back() -> None:
    """Undo does nothing, and says so."""
    assert PAGE.undo(context(FakeOmniRoute()), DATA, {}, "k").status == "not_applied"

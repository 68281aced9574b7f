"""Roles instead of names, whatever a person is called."""

from __future__ import annotations

import pytest

from omniops.incident.blameless import Roles, blaming
from omniops.incident.view import Incident
from omniops.journal.events import Event


def event(kind: str, actor: str, **data: object) -> Event:
    return Event(1, "incident/i", 1, "2026-11-23T03:00:00.000Z", actor, "laptop", "1", kind, dict(data))


EVENTS = [
    event("incident.opened", "alice", title="t", onset="2026-11-23T03:00:00.000Z"),
    event("page.acknowledged", "olaf", page="P1", how="acknowledged"),
    event("role", "alice", role="commander", who="bob"),
    event("role", "alice", role="comms", who="Zoë.Ünal"),
    event("intent", "carol.s", key="k", target="x", action="connection.disable", desired={}, before={}),
    event("note", "omniops", text="x"),
]


def test_who_is_who() -> None:
    """Who acknowledged was on call; roles come from the record; who made a change touched the mitigation."""
    roles = Roles(Incident("i", EVENTS), EVENTS)
    assert (roles.on_call, roles.touched) == ("olaf", ["carol.s"])
    found = [roles.of(who) for who in ("olaf", "bob", "carol.s", "omniops", "stranger")]
    assert found == ["the on-call", "the incident commander", "a responder", "omniops", "somebody"]


def test_names_that_only_the_pager_knows() -> None:
    """Who is called in, and what the pager calls the on-call, are roles in the story too."""
    events = [
        *EVENTS,
        event("page.acknowledged", "olaf", page="P1", how="rest", by="Olaf On Call"),
        event("page.escalated", "olaf", page="P1", to="Bob Secondary"),
    ]
    told = Roles(Incident("i", events), events).without_names("acknowledged, by Olaf On Call; Bob Secondary was called")
    assert told == "acknowledged, by the on-call; the secondary on-call was called"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Bob told @olaf", "the incident commander told the on-call"),
        ("zoë.ünal wrote", "the comms lead wrote"),
        ("carol.s, carol.s's", "a responder, a responder's"),
        ("bobsled and blob", "bobsled and blob"),
        ("ask alice@example.net.", "ask a responder."),
    ],
)
def test_names_become_roles(text: str, plain: str) -> None:
    """As whole words, whatever their case, with an @ before them too; parts of words are left alone."""
    assert Roles(Incident("i", EVENTS), EVENTS).without_names(text) == plain


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("he should have seen it", "should have"),
        ("it was her fault", "her fault"),
        ("due to carelessness", "carelessness"),
        ("we forgot to look", "forgot to"),
        ("the default should hold", ""),
        ("a fault in the disk", ""),
    ],
)
def test_blaming_words(line: str, words: str) -> None:
    """What points at a person is found, with its column and something better to say; machines may fail."""
    hits = blaming(line)
    assert [text for _, text, _ in hits] == ([words] if words else [])
    assert all(line[column - 1 :].startswith(text) and mend for column, text, mend in hits)

"""Names that nobody outside is told: where they are found in an incident's record, and in what disguise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.incident.leaks import CHANNEL, CONNECTION, HOST, PERSON, PROVIDER, Name, leaks, names, words
from omniops.journal.events import Event

CONNECTION_ROW = {
    "id": "8ae76e54-1111-4222-8333-444455556666", "provider": "openai", "name": "main-eu", "label": "OpenAI EU",
    "prefix": "oa", "active": True, "target": "OpenAI EU/main-eu (8ae76e54)",
}  # fmt: skip


def event(kind: str, data: dict[str, Any], actor: str = "eve", host: str = "ops-laptop") -> Event:
    return Event(1, "incident/i", 1, "2026-11-23T03:00:00.000Z", actor, host, "1", kind, data)


RECORD = [
    event("incident.opened", {"title": "something is out", "onset": "2026-11-23T03:00:00Z"}),
    event("message.queued", {"to": "#omniroute-ops", "body": {"text": "@incident-commander SEV-1 declared"}}),
    event(
        "run.started",
        {
            "graph": {"post": "#other, @comms"},
            "inputs": {"connections": [CONNECTION_ROW]},
            "url": "https://gw-3.omni.internal:8443/x",
        },
    ),
    event("intent", {"action": "connection.disable", "target": "groq/backup one (99aa)", "before": {"isActive": True}}),
    event("message.queued", {"id": "o1", "to": "#omniroute-ops", "body": {"text": "see http://10.1.2.3:9090/graph"}}),
    event("channel.created", {"id": "C0AB12", "name": "inc-2026-11-23-openai"}),
    event("page.acknowledged", {"page": "Q1", "by": "Will Smith"}, actor="bob@omni.example"),
    event("role", {"role": "commander", "who": "@zoë"}, actor="root"),
    event("note", {"text": "asked db-7.omni.internal, and @carol in #db-team; rollback.sh of v3.7.9 did e.g. nothing"}),
]
RECORD.append(event("note", {"text": "x"}, actor="dora.adams"))
KNOWN = names(RECORD, ("OmniRoute", "status.phenotype.dev", "announce@phenotype.dev"))


def found(text: str) -> list[tuple[str, str]]:
    return [(one.text, one.kind) for one in leaks(text, KNOWN)]


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("the connection main-eu is out", "main-eu", CONNECTION),
        ("MAIN-EU", "main-eu", CONNECTION),
        ("Main EU is out", "main-eu", CONNECTION),
        ("main_eu's errors", "main-eu", CONNECTION),
        ("ｍａｉｎ-ｅｕ", "main-eu", CONNECTION),  # full width
        ("ma\u200bin-e\u00adu", "main-eu", CONNECTION),  # invisible characters
        ("máin-eü", "main-eu", CONNECTION),
        ("id 8AE76E54", "8ae76e54", CONNECTION),
        ("(backup one)", "backup one", CONNECTION),
        ("openai has trouble", "openai", PROVIDER),
        ("OpenAI EU", "OpenAI EU", PROVIDER),
        ("groq is slow", "groq", PROVIDER),
        ("gw-3 is down", "gw-3", HOST),
        ("gw-3.omni.internal", "gw-3.omni.internal", HOST),
        ("http://10.1.2.3/", "10.1.2.3", HOST),
        ("db-7", "db-7", HOST),
        ("my ops-laptop", "ops-laptop", HOST),
        ("Eve looks at it", "eve", PERSON),
        ("ask Will", "Will", PERSON),
        ("will smith has it", "Will Smith", PERSON),
        ("bob has it", "bob", PERSON),
        ("Dora Adams is on it", "dora.adams", PERSON),
        ("Dora is on it", "Dora", PERSON),
        ("ask Ms Adams", "Adams", PERSON),
        ("write to bob@omni.example", "bob@omni.example", PERSON),
        ("Zoe commands", "zoë", PERSON),
        ("zoe\u0308", "zoë", PERSON),
        ("@Carol knows", "carol", PERSON),
        ("in #omniroute-ops", "omniroute-ops", CHANNEL),
        ("see inc-2026-11-23-openai", "inc-2026-11-23-openai", CHANNEL),
        ("c0ab12", "C0AB12", CHANNEL),
        ("the db team", "db-team", CHANNEL),
    ],
)
def test_found(text: str, name: str, kind: str) -> None:
    """Every kind of name, wherever in the record it stands, and in whatever disguise it is written."""
    assert (name, kind) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "We have found the root cause and are working on it.",  # a login that is nobody's name
        "The incident commander asks for patience; comms are on it.",
        "This will take some time.",  # Will is a person, will is not
        "Every request is being served again. Eventually all of them were.",  # eve
        "The domain of the maintenance; a mainframe",  # main
        "OmniRoute: see status.phenotype.dev, or write to announce@phenotype.dev.",  # public
        "3.7.9, 10.1.2.30 and 110.1.2.3",
        "",
    ],
)
def test_not_found(text: str) -> None:
    """Whole words only; what customers know anyway is no secret, nor is a word that merely holds a name."""
    assert found(text) == []


@pytest.mark.parametrize(
    "name",
    ["🔥", "主线", "a.b", "$(rm -rf)", "[x]*", "tab\there", "ba\u202eck", "ΜΑΙΝ", "名前-1", "x" * 300, "İstanbul"],
)
def test_hostile_names(name: str) -> None:
    """A connection may be called anything: signs, another script, a pattern, a text that rewrites a screen."""
    known = names([event("run.started", {"inputs": {"c": [{**CONNECTION_ROW, "name": name}]}})])
    assert name in [one.text for one in leaks(f"We have turned {name} off.", known)]
    assert name not in [one.text for one in leaks("We have turned it off.", known)]


def test_a_name_of_one_letter_is_not_looked_for() -> None:
    """It would be found in every sentence; with its provider it still is."""
    row = {**CONNECTION_ROW, "name": "a", "target": "openai/a (99aa)"}
    known = names([event("run.started", {"inputs": {"c": [row]}})])
    assert [one.text for one in leaks("a request", known)] == []
    assert "openai/a" in [one.text for one in leaks("openai/a", known)]


def test_in_words() -> None:
    """What was found is told with its kind."""
    assert words([Name("main-eu", CONNECTION), Name("eve", PERSON)]) == "the connection “main-eu”, the person “eve”"


@given(st.text(min_size=2, max_size=30).filter(lambda text: text.strip() and not text.isspace()), st.text(max_size=40))
def test_any_name_is_found_as_it_is(name: str, around: str) -> None:
    """Whatever a name consists of, the text that holds it between blanks is refused."""
    known = [Name(name, CONNECTION)]
    if names([event("run.started", {"inputs": {"c": [{**CONNECTION_ROW, "name": name}]}})]) and _visible(name):
        assert leaks(f"{around} {name} {around}", known)


def _visible(name: str) -> bool:
    """Is there anything of it that a reader sees?"""
    import unicodedata

    return any(unicodedata.category(char)[0] in "LNSP" for char in unicodedata.normalize("NFKD", name))

"""Section 5, the providers upstream: who is meant, and that each is told its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omniops.errors import BadInput
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal
from omniops.runner import telling
from omniops.runner.comms import obligations_of
from omniops.runner.fulfilling import fulfil
from tests.support import toy_engine
from tests.support.comms import CONNECTION, INCIDENT, Comms, opened, walked


def test_by_hand_to_the_providers_of_that_moment(comms: Comms) -> None:
    """Who says that the providers were called means those that were affected then; one that is affected later is owed
    a word, and so is each where none was known."""
    fulfil(comms.journal, comms.clock.now(), "upstream", "by telephone", INCIDENT)
    row = {"provider": "anthropic", "name": "a", "id": "9", "label": "a", "target": "anthropic/a (9)"}
    comms.journal.append([New("run/r1a2b", None, "step.entered", {"step": "x", "items": [row]})])
    (owed,) = [one for one in obligations_of(comms.journal, comms.clock.now()) if one.id == "upstream"]
    assert (owed.open, owed.words) == (True, "upstream providers, through vendor management: anthropic")


def test_upstream(comms: Comms, sent: list[Any], tmp_path: Path) -> None:
    """Each affected provider is written to, by mail where its address is known, else by hand; once."""
    contacts(comms, tmp_path, "groq: noc@groq.example")
    groq = {"provider": "groq", "name": "groq-eu", "id": "99", "label": "groq", "target": "groq/groq-eu (99)"}
    comms.journal.append([New("run/r1a2b", None, "step.entered", {"step": "x", "items": [groq]})])
    found = telling.upstream(comms.here, "", "openai answers 503.", ["openai"])
    assert [(one.state, one.draft.where) for one in found] == [("by hand", "OpenAI, through Vendor mgmt")]
    assert comms.done() == [("upstream", "pasted by hand, to OpenAI, through Vendor mgmt")]
    assert "openai answers 503." in comms.person.seen[0]
    with pytest.raises(BadInput, match="the provider “openai”"):  # one provider is not told of another
        telling.upstream(comms.here, "", "openai answers 503.", [])
    telling.upstream(comms.here, "", "", [])
    assert [(engine, to, body["kind"]) for engine, to, body in sent] == [("mail", "noc@groq.example", "upstream")]
    with pytest.raises(BadInput, match="told already: openai, groq"):
        telling.upstream(comms.here, "", "", [])


LONG = "openai-compatible-responses-0b6e0e3c-3a1f-4d55-9a52-1f2f6f2f9c11"


@pytest.mark.parametrize("provider", [LONG, "acme#2", "50%23"])
@pytest.mark.parametrize("by", ["hand", "mail"])
def test_a_provider_with_an_id_of_ours(comms: Comms, tmp_path: Path, provider: str, by: str) -> None:
    """However long its id, whatever stands in it: it is told once, reads what it is called, and nothing stays open."""
    if by == "mail":
        contacts(comms, tmp_path, "Acme: noc@acme.example")
    row = {**CONNECTION, "provider": provider, "label": "Acme"}
    comms.journal = MemoryJournal(comms.clock, "eve", "ops-laptop")
    run, started = walked()
    comms.journal.append([*opened(), run, started._replace(data={**started.data, "inputs": {"connections": [row]}})])
    (said,) = telling.upstream(comms.here, "", "Acme answers 503.", ["Acme"])
    assert said.state == ("sent" if by == "mail" else "by hand")
    assert said.draft.where.startswith("Acme, ")
    assert said.draft.body["subject"].startswith("Acme: errors seen by")
    assert provider not in str(said.draft.body)
    assert [one.open for one in obligations_of(comms.journal, comms.clock.now()) if one.id == "upstream"] == [False]
    with pytest.raises(BadInput, match="told already"):
        telling.upstream(comms.here, "", "", [])


def test_one_provider_s_mail_is_not_another_s(comms: Comms, tmp_path: Path, sent: list[Any]) -> None:
    """A template that names no provider: the second one's mail says the same words, and is queued all the same."""
    contacts(comms, tmp_path, "openai: noc@vendor.example, groq: noc@groq.example", "${provider}", "you")
    groq = {"provider": "groq", "name": "groq-eu", "id": "99", "label": "groq", "target": "groq/groq-eu (99)"}
    comms.journal.append([New("run/r1a2b", None, "step.entered", {"step": "x", "items": [groq]})])
    toy_engine.failures[:] = [True, True]
    assert [one.state for one in telling.upstream(comms.here, "", "", [])] == ["waits", "waits"]
    assert [one.to for one in comms.messages("upstream")] == ["noc@vendor.example", "noc@groq.example"]
    assert [one.state for one in telling.upstream(comms.here, "", "", [])] == ["waits", "waits"]  # these, and no more
    assert len(comms.messages("upstream")) == 2


def contacts(comms: Comms, folder: Path, rows: str, *words: str) -> None:
    """A communication.yaml of one's own, with these addresses; ``words``: what is replaced in it, and by what."""
    shipped = (Path(__file__).parents[2] / "runbooks" / "communication.yaml").read_text(encoding="utf-8")
    text = shipped.replace("contacts: {}", f"contacts: {{{rows}}}")
    (folder / "runbooks").mkdir()
    for before, after in zip(words[::2], words[1::2], strict=True):
        text = text.replace(before, after)
    (folder / "runbooks" / "communication.yaml").write_text(text, encoding="utf-8")
    comms.settings.env["OMNIOPS_RUNBOOKS"] = str(folder / "runbooks")  # type: ignore[index]


@pytest.mark.parametrize(
    ("named", "said", "why"),
    [
        ("openia", "'openia' is not a provider", "known: openai"),
        ("alice of gw-3.prod.example.net", "is not a provider", "known: openai"),
        ("openai on gw-3", "is not a provider", "known: openai"),
        ("", "names nobody", "known: openai"),
        (" ", "names nobody", "known: openai"),
    ],
)
def test_a_provider_that_is_none(comms: Comms, sent: list[Any], named: str, said: str, why: str) -> None:
    """A typo, nobody, or a sentence is refused with those that are known; none of those named is written to."""
    with pytest.raises(BadInput, match=said) as refused:
        telling.upstream(comms.here, "", "hello", ["openai", named])
    assert why in refused.value.why
    assert (sent, comms.person.seen, comms.done()) == ([], [], [])


def test_a_provider_while_none_is_known(tmp_path: Path) -> None:
    """Any is written to then; but not nobody, and not a text with names in it."""
    comms = Comms(tmp_path, walk=False)
    for named in ("", "alice of gw-3.prod.example.net", "eve", "@here"):
        with pytest.raises(BadInput):
            telling.upstream(comms.here, "", "", [named])
    assert comms.person.seen == []
    assert telling.upstream(comms.here, "", "", ["groq"])[0].state == "by hand"


def test_a_provider_excuses_itself_alone(comms: Comms) -> None:
    """In whichever way it is written, it is one provider, and may be named; everything else that is known may not."""
    for words in ("openai-main is out", "eve at openai", "gw3 to openai", "openai at 10.9.8.7", "8ae76e54"):
        with pytest.raises(BadInput, match="it names what nobody outside is told"):
            telling.upstream(comms.here, "", words, ["OpenAI"])
    found = telling.upstream(comms.here, "", "OpenAI answers 503.", ["OpenAI", "openai"])
    assert [(one.state, one.draft.key) for one in found] == [("by hand", "upstream/openai")]


@pytest.mark.parametrize("name", ["OMNIROUTE_URL", "OMNIROUTE_URLS"])
def test_our_own_server_is_not_named(tmp_path: Path, sent: list[Any], name: str) -> None:
    """The host of the server is known before any record holds it."""
    comms = Comms(tmp_path, walk=False, TOY="1", **{name: "https://edge7.omni.internal:8443, http://gate-2"})
    for words in ("edge7 is back", "edge-7.omni.internal", "gate2"):
        with pytest.raises(BadInput, match="the host"):
            telling.status(comms.here, "", f"We look at {words}.")
    telling.status(comms.here, "", "See https://status.phenotype.dev, or write to announce@phenotype.dev.")
    telling.email(comms.here, "", "We announce what we find; the status page has more.")
    assert len(sent) == 2


def test_upstream_without_a_person(comms: Comms) -> None:
    """Nobody there to paste it: exit 3, and it stays owed."""
    comms.person.interactive = False
    (said,) = telling.upstream(comms.here, "", "", [])
    assert (said.state, int(said.exit), comms.done()) == ("to be pasted", 3, [])


def test_which_provider_is_asked_where_none_is_known(tmp_path: Path, sent: list[Any]) -> None:
    """No walk has named one: a person is asked, and asked back, for nothing here knows the name; and without one the
    command to type is named whole."""
    comms = Comms(tmp_path, walk=False, TOY="1")
    comms.person.typed = ["y", "a slip"]
    comms.person.answers["choose comms.provider_meant"] = "no"
    with pytest.raises(BadInput, match="no provider is known"):
        telling.upstream(comms.here, "", "", [])
    assert (comms.person.problems, sent) == (["That is no provider's name; n tells nobody."], [])
    comms.person.typed = ["Groq"]
    comms.person.answers["choose comms.provider_meant"] = "yes"
    assert [one.draft.where for one in telling.upstream(comms.here, "", "", [])] == ["Groq, through Vendor mgmt"]
    comms.person.interactive = False
    with pytest.raises(BadInput) as refused:
        telling.upstream(comms.here, "", "", [])
    assert refused.value.next.startswith("omniops comms upstream --provider NAME; ")

"""Section 5 at work: what is written to whom, what is refused, and what becomes of a message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import omniops.text
from omniops.catalog.load import shipped_folder
from omniops.clock import iso
from omniops.errors import BadInput, Frozen, NeedsPerson
from omniops.incident import drafts
from omniops.incident.due import of_obligations
from omniops.incident.outbox import text_of
from omniops.incident.story import story
from omniops.incident.verdicts import Verdict, unproven
from omniops.incident.view import Incident
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal
from omniops.runner import headline, outbox, records, telling
from omniops.runner.comms import obligations_of, rules_of
from omniops.runner.engines import registry
from omniops.runner.fulfilling import fulfil
from omniops.runner.headline import keep, keep_all
from omniops.runner.known import incident_of
from omniops.runner.leaving import Said
from omniops.runner.meant import pick, pick_owing
from omniops.runner.tick import tick
from omniops.terminal.views.change import change_lines
from omniops.terminal.views.plain import error_lines
from tests.support import toy_engine
from tests.support.comms import CONNECTION, INCIDENT, STREAM, Comms, opened, walked
from tests.support.toy import START

NAMES = ("openai", "eve", "gw-3", "ops-laptop", "8ae76e54", INCIDENT)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """Every engine takes what it is given; what they were given."""
    toy_engine.taken.clear()
    for name in toy_engine.ENGINES:
        monkeypatch.setitem(registry._HOMES, name, "tests.support.toy_engine")
    return toy_engine.taken


@pytest.fixture
def comms(tmp_path: Path, sent: list[Any]) -> Comms:
    return Comms(tmp_path, TOY="1")


def public(text: str) -> None:
    """Nothing of the incident's names is in it."""
    assert [name for name in NAMES if name in text.lower()] == []


def test_status(comms: Comms, sent: list[Any]) -> None:
    """The page gets a title, a state, an impact and a text, of public fields alone; the next one is counted from it."""
    said = telling.status(comms.here, "", "Retries help.")
    assert (said.state, int(said.exit)) == ("sent", 0)
    ((engine, to, body),) = sent
    assert (engine, to) == ("status", "")
    assert {key: body[key] for key in ("title", "status", "impact")} == {
        "title": "OmniRoute: service disruption", "status": "identified", "impact": "critical",
    }  # fmt: skip
    assert "Retries help. Next update by 03:30 UTC." in body["body"]
    public(str(body))
    assert comms.person.seen == [f"{body['title']}\n\n{body['body']}"]
    (owed,) = [one for one in obligations_of(comms.journal, comms.clock.now()) if one.id == "status" and one.open]
    assert owed.at == body["next"]
    assert owed.at[:16] == "2026-11-23T03:30"


@pytest.mark.parametrize(
    ("choice", "published", "state"),
    [("instead", ["second"], "dropped"), ("first", ["first", "second"], "sent"), (None, [], "waiting")],
)
def test_an_older_text_that_is_not_sent_yet(
    comms: Comms, sent: list[Any], choice: str | None, published: list[str], state: str
) -> None:
    """Typed again with other words after a kill: it is said what waits, and asked; the older text is withdrawn or
    leaves first, and is never read after the newer one."""
    toy_engine.failures[:] = [True]  # as good as killed: the first one is owed and not sent
    first = telling.status(comms.here, "", "The first words.")
    comms.person.answers["choose comms.older"] = choice
    second = telling.status(comms.here, "", "The second words.")
    assert comms.person.asked.count("choose comms.older") == 1
    assert any("is not sent yet: " in line and "The first words." in line for line in comms.person.said)
    assert [["second", "first"]["first words" in body["body"]] for _, _, body in sent] == published
    assert second.state == ("sent" if choice else "declined")
    assert [one.state for one in comms.messages()] == [state, *(["sent"] if choice else [])]
    assert (first.state, "is withdrawn for this one" in str(comms.person.changes[-1])) == ("waits", choice == "instead")


def test_an_older_text_without_a_person(comms: Comms, sent: list[Any]) -> None:
    """With --yes and nobody there, the newest text counts: what was not sent before is withdrawn together with it."""
    toy_engine.failures[:] = [True]
    telling.status(comms.here, "", "The first words.")
    comms.person.interactive = False
    assert telling.status(comms.here, "", "The second words.").state == "sent"
    assert [(one.state, one.why) for one in comms.messages()] == [("dropped", outbox.WITHDRAWN), ("sent", "")]
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "investigating"),
        ([("verified", {"verdict": "recovered", "last": {"why": ""}})], "monitoring"),
        ([("verified", {"verdict": "not_recovered", "last": {"why": ""}})], "investigating"),
        ([("incident.resolved", {})], "resolved"),
    ],
)
def test_the_next_text_is_suggested(tmp_path: Path, sent: list[Any], events: list[Any], expected: str) -> None:
    """How far the incident is decides which text is suggested; a person may choose another."""
    comms = Comms(tmp_path, walk=False, TOY="1")
    for kind, data in events:
        comms.add(kind, **data)
    telling.status(comms.here, INCIDENT, "")
    telling.status(comms.here, INCIDENT, "", "identified", "minor")
    assert [(body["status"], body["impact"]) for _, _, body in sent] == [
        (expected, "critical"),
        ("identified", "minor"),
    ]


def test_a_mitigation_in_force_means_identified(tmp_path: Path) -> None:
    """Something was found that could be mitigated: the cause is known."""
    comms = Comms(tmp_path, walk=False)
    assert drafts.progress(telling.about(comms.here, "", ()).incident, [], in_force=True) == "identified"
    ended = _ended(comms)
    assert drafts.progress(telling.about(comms.here, "", ()).incident, [ended], in_force=True) == "monitoring"


def _ended(comms: Comms) -> list[Any]:
    return comms.journal.append([New("run/r9", 0, "run.ended", {"outcome": "mitigated"})])


def test_the_banner_is_the_first_text_of_a_provider_outage(comms: Comms, sent: list[Any]) -> None:
    """While a banner is owed (4.1.4), the words are the banner's, and it fulfils both."""
    telling.status(comms.here, "", "")
    assert sent[0][2]["body"].startswith("We are seeing elevated errors with one upstream provider, and")
    owed = {one.id: one for one in obligations_of(comms.journal, comms.clock.now())}
    assert owed["banner"].done_at
    telling.status(comms.here, "", "")
    assert sent[1][2]["status"] == "investigating"


def test_mail(comms: Comms, sent: list[Any]) -> None:
    """Customers are written to once when it begins and once when it is over, with nothing but public fields."""
    assert telling.email(comms.here, "", "We are on it.").state == "sent"
    again = telling.email(comms.here, INCIDENT, "", "start")
    assert (again.state, int(again.exit)) == ("already", 0)
    with pytest.raises(BadInput, match="no e-mail to customers is due"):
        telling.email(comms.here, "", "")
    with pytest.raises(BadInput, match="is not resolved"):
        telling.email(comms.here, "", "", "resolution")
    comms.add("incident.resolved")
    assert telling.email(comms.here, "", "").state == "sent"
    assert [(engine, to, body["kind"]) for engine, to, body in sent] == [
        ("mail", "announce@phenotype.dev", "start"), ("mail", "announce@phenotype.dev", "resolution"),
    ]  # fmt: skip
    assert "We are on it." in sent[0][2]["text"]
    for _, _, body in sent:
        public(body["subject"] + body["text"])


def test_a_mail_that_was_dropped_is_owed_again(comms: Comms, sent: list[Any]) -> None:
    """Who gives a mail up owes it still, and can write it anew."""
    comms.settings.env["TOY"] = ""  # type: ignore[index]
    comms.person.interactive = False
    assert telling.email(comms.here, "", "").state == "waits"
    outbox.drop(comms.journal, comms.messages("mail.start")[0].id, "wrong words")
    comms.settings.env["TOY"] = "1"  # type: ignore[index]
    assert telling.email(comms.here, "", "").state == "sent"
    assert [one.key for one in comms.messages("mail.start")] == ["mail.start", "mail.start#2"]


def test_a_mail_that_was_only_shown_is_owed_still(comms: Comms, sent: list[Any]) -> None:
    """It scrolled past on somebody's screen: that is to be pasted, not waiting; it stays owed, and is written anew."""
    comms.settings.env["TOY"] = ""  # type: ignore[index]
    comms.person.interactive = False
    scrolled: list[Any] = []
    said = telling.email(comms.here._replace(show=scrolled.append), "", "")
    assert (said.state, int(said.exit), len(scrolled)) == ("to be pasted", 3, 1)
    assert "omniops comms done mail.start" in said.why
    assert text_of(scrolled[0]).startswith("OmniRoute: service disruption\n\nHello,")
    comms.settings.env["TOY"] = "1"  # type: ignore[index]
    assert telling.email(comms.here, "", "").state == "sent"
    assert [(one.key, one.state) for one in comms.messages("mail.start")] == [
        ("mail.start", "shown"), ("mail.start#2", "sent"),
    ]  # fmt: skip
    assert [
        one.id for one in obligations_of(comms.journal, comms.clock.now()) if one.id == "mail.start" and one.open
    ] == []


def test_nobody_is_told_that_it_is_over_before_it_is(comms: Comms, sent: list[Any]) -> None:
    """ "Resolved" is refused for an incident that is open, on the page as in a mail."""
    with pytest.raises(BadInput, match="is not resolved"):
        telling.status(comms.here, "", "", "resolved")
    assert sent == []


def test_a_long_last_look(comms: Comms, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve minutes for other words: what is sent is what was looked at last, and omniops counts to the moment that it
    promises, not to another."""

    def slowly(*given: Any) -> bool:
        comms.clock.sleep(12 * 60)
        return len(comms.person.seen) > 1

    monkeypatch.setattr(comms.person, "approve", slowly)
    comms.person.typed = ["It is better now."]
    telling.status(comms.here, "", "")
    text = f"{sent[0][2]['title']}\n\n{sent[0][2]['body']}"
    assert text == comms.person.seen[-1]
    assert "It is better now. Next update by 03:42 UTC." in text
    (owed,) = [one for one in obligations_of(comms.journal, comms.clock.now()) if one.id == "status" and one.open]
    assert owed.at[11:16] == "03:42"


def test_a_secret_that_a_template_holds(comms: Comms, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes out with *** in the place of a secret: it is refused, wherever the secret came from."""
    monkeypatch.setattr(omniops.text, "_secrets", ("service disruption",))
    with pytest.raises(BadInput, match="it holds a secret"):
        telling.email(comms.here, "", "")
    assert (sent, comms.messages()) == ([], [])


def test_somebody_else_was_faster(comms: Comms, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same update from another terminal during the last look: what became of that one is told, and while it waits
    nobody is told that all is well."""

    def faster(*_: Any) -> bool:
        body = {"title": "T", "status": "identified", "impact": "minor", "body": "another"}
        outbox.queue(comms.journal, INCIDENT, engine="status", to="", about="status", body=body, key="status/1")
        return True

    comms.person.interactive = False
    comms.settings.env["TOY"] = ""  # type: ignore[index]
    monkeypatch.setattr(comms.person, "approve", faster)
    said = telling.status(comms.here, "", "")
    assert (said.state, int(said.exit)) == ("waits", 8)
    assert said.why.startswith("somebody else has just queued another one: ")


def test_what_waits_is_shown_before_more_is_said(comms: Comms, sent: list[Any]) -> None:
    """Killed after it was queued, and typed again: the last look names the incident, and the text that waits."""
    body = {"title": "T", "status": "identified", "impact": "minor", "body": "the first text"}
    id = outbox.queue(comms.journal, INCIDENT, engine="status", to="", about="status", body=body, key="status/1")
    telling.status(comms.here, "", "Again.")
    (change,) = comms.person.changes
    assert change.shown == {"about": f"{INCIDENT}: openai-main is out"}
    assert [(warning.partition(" ")[0], "the first text" in warning) for warning in change.warnings] == [(id, True)]
    seen = [line for line, _ in change_lines(change, 300)]
    assert any(INCIDENT in line for line in seen)
    assert any("the first text" in line for line in seen)


def test_the_latest_look_decides(comms: Comms) -> None:
    """What was seen last counts, whichever way it was seen: an old recovery does not outlive a run that failed after
    it, nor an old failure a run that mitigated."""
    bad, good = "not_recovered", "recovered"

    def suggested(*told: tuple[str, str]) -> str:
        journal = MemoryJournal(comms.clock, "eve", "h")
        journal.append(opened())
        for kind, what in told:
            stream = STREAM if kind == "verified" else "run/r9"
            journal.append([New(stream, None, kind, {"verdict": what, "outcome": what})])
        return drafts.progress(Incident(INCIDENT, journal.read(STREAM)), [journal.read("run/r9")], in_force=False)

    assert suggested(("verified", good), ("run.ended", bad)) == "investigating"
    assert suggested(("verified", bad), ("run.ended", "mitigated")) == "monitoring"
    assert suggested(("run.ended", bad), ("verified", good)) == "monitoring"
    assert suggested(("run.ended", "mitigated"), ("verified", bad)) == "investigating"
    assert suggested(("run.ended", "mitigated"), ("verified", "inconclusive")) == "monitoring"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([], "nobody has looked at live traffic"),
        ([Verdict(iso(START), "recovered", shown=False)], "nobody has looked at live traffic"),
        ([Verdict(iso(START), "recovered")], ""),
        ([Verdict(iso(START), "recovered"), Verdict(iso(START), "not_recovered")], "says: not recovered"),
        ([Verdict(iso(START), "inconclusive")], "says: cannot tell"),
    ],
)
def test_what_is_not_shown_is_said_before_the_end(told: list[Verdict], words: str) -> None:
    """Only the last look at the traffic shows a recovery; how a run ended does not."""
    assert unproven(told).endswith(words)
    assert bool(unproven(told)) == bool(words)


def test_by_hand_to_the_providers_of_that_moment(comms: Comms) -> None:
    """Who says that the providers were called means those that were affected then; one that is affected later is owed
    a word, and so is each where none was known."""
    fulfil(comms.journal, comms.clock.now(), "upstream", "by telephone", INCIDENT)
    row = {"provider": "anthropic", "name": "a", "id": "9", "label": "a", "target": "anthropic/a (9)"}
    comms.journal.append([New("run/r1a2b", None, "step.entered", {"step": "x", "items": [row]})])
    (owed,) = [one for one in obligations_of(comms.journal, comms.clock.now()) if one.id == "upstream"]
    assert (owed.open, owed.words) == (True, "upstream providers, through vendor management: anthropic")


def test_what_was_done_by_hand_is_not_sent_as_well(comms: Comms, sent: list[Any]) -> None:
    """A mail that waits is given up once somebody has written it elsewhere, and no older text comes onto the page after
    what was posted there by hand."""
    comms.settings.env["TOY"] = ""  # type: ignore[index]
    comms.person.interactive = False
    assert [telling.email(comms.here, "", "").state, telling.status(comms.here, "", "").state] == ["waits", "waits"]
    fulfil(comms.journal, comms.clock.now(), "mail.start", "from the webmail")
    comms.add("incident.resolved")
    fulfil(comms.journal, comms.clock.now(), "status.resolved", "by its own form")
    comms.settings.env["TOY"] = "1"  # type: ignore[index]
    tick(comms.settings, comms.clock, comms.journal)
    assert [engine for engine, _, _ in sent if engine in ("mail", "status")] == []
    assert {one.state for one in comms.messages() if one.engine in ("mail", "status")} == {"dropped"}
    owed = obligations_of(comms.journal, comms.clock.now())
    assert [one.open for one in owed if one.id in ("mail.start", "status.resolved")] == [False, False]


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


@pytest.mark.parametrize("words", ["10.9.8.7", "db.prod.example.net", "@here", "<!channel>", "#war-room", "gw3"])
def test_shapes_are_refused_outside_alone(comms: Comms, sent: list[Any], words: str) -> None:
    """What looks like a host, a mention or a channel goes to the incident's channel, and to nobody outside."""
    for tell in (telling.status, telling.email):
        with pytest.raises(BadInput, match="it names what nobody outside is told"):
            tell(comms.here, "", f"We look at {words} now.")
    assert telling.post(comms.here, "", f"We look at {words} now.").state == "sent"


def test_upstream_without_a_person(comms: Comms) -> None:
    """Nobody there to paste it: exit 3, and it stays owed."""
    comms.person.interactive = False
    (said,) = telling.upstream(comms.here, "", "", [])
    assert (said.state, int(said.exit), comms.done()) == ("to be pasted", 3, [])


def test_post(comms: Comms, sent: list[Any]) -> None:
    """Any words to the incident's own channel; twice is twice, because somebody typed it twice."""
    telling.post(comms.here, "", "openai-main is off")
    telling.post(comms.here, "", "openai-main is off")
    assert [(to, body["text"]) for _, to, body in sent] == [(f"#inc-{INCIDENT}", "openai-main is off")] * 2
    with pytest.raises(BadInput, match="nothing to post"):
        telling.post(comms.here, "", " ")


@pytest.mark.parametrize(("severity", "id"), [("SEV-3", "ops.standup"), ("SEV-4", "review.weekly")])
def test_for_a_meeting(tmp_path: Path, sent: list[Any], severity: str, id: str) -> None:
    """A SEV-3 goes to the ops channel for the next standup, a SEV-4 into the weekly review."""
    comms = Comms(tmp_path, severity, walk=False, TOY="1")
    telling.post(comms.here, "", "", id)
    ((_, to, body),) = sent
    assert to == "#omniroute-ops"
    assert body["text"].startswith(f"{severity} {INCIDENT}: openai-main is out")
    assert [one.id for one in obligations_of(comms.journal, comms.clock.now()) if one.open] == (
        ["resolve_by"] if severity == "SEV-3" else []
    )
    with pytest.raises(BadInput, match="not posted to a channel"):
        telling.post(comms.here, "", "", "status")


def test_a_last_look(comms: Comms, sent: list[Any]) -> None:
    """n, then other words: they are checked, shown again, and sent; what was refused is told with what was found."""
    comms.person.yes = [False, True]
    comms.person.typed = ["openai-main is back", "It is better now."]
    said = telling.status(comms.here, "", "First words.")
    assert said.state == "sent"
    assert comms.person.problems == [
        "it names what nobody outside is told: the provider “openai”, the connection “openai-main”"
    ]
    assert ["First words." in comms.person.seen[0], "It is better now." in comms.person.seen[1]] == [True, True]
    assert "It is better now." in sent[0][2]["body"]


def test_declined(comms: Comms, sent: list[Any]) -> None:
    """n, and no other words: nothing is queued, and the exit code says that a person declined."""
    comms.person.yes, comms.person.typed = [False], [None]
    said = telling.status(comms.here, "", "")
    assert (said.state, int(said.exit), sent, comms.messages()) == ("declined", 3, [], [])


def test_an_editor(comms: Comms, sent: list[Any]) -> None:
    """The words come back from the editor; those that name something are refused, and the question is put again."""
    edited = iter(["eve is on it", "We are on it."])
    comms.person.yes, comms.person.typed = [False, True], ["edit", "edit"]
    telling.status(comms.here._replace(edit=lambda text: next(edited)), "", "First.")
    assert any("the person “eve”" in line for line in comms.person.said)
    assert "We are on it." in sent[0][2]["body"]


@pytest.mark.parametrize("words", ["openai-main", "OPENAI MAIN", "ask Eve", "gw-3", "ops-laptop", "8ae76e54"])
@pytest.mark.parametrize("tell", ["status", "email"])
def test_names_are_refused(comms: Comms, sent: list[Any], tell: str, words: str) -> None:
    """Free words that name a connection, a host or a person go neither to the page nor to customers."""
    with pytest.raises(BadInput, match="it names what nobody outside is told"):
        getattr(telling, tell)(comms.here, "", f"We look at {words}.")
    assert (sent, comms.messages(), comms.person.seen) == ([], [], [])


def test_an_engine_that_is_not_set_up(comms: Comms, sent: list[Any]) -> None:
    """With a person there, the text is shown, and their word that it is posted fulfils what is owed; without one the
    message waits, and says why."""
    comms.settings.env["TOY"] = ""  # type: ignore[index]
    assert telling.status(comms.here, "", "").state == "by hand"
    assert comms.person.said[0].startswith("Nothing is set up here to send it")
    assert (len(comms.person.seen), comms.person.changes) == (1, [])  # shown once, and not as if it could be sent
    assert comms.done() == [("banner", "pasted by hand, to the status page (status.phenotype.dev)")]
    comms.add("incident.resolved")
    assert telling.status(comms.here, "", "").state == "by hand"
    assert comms.done()[1][0] == "status.resolved"
    owed = obligations_of(comms.journal, comms.clock.now())
    assert [one.id for one in owed if one.open and one.id.startswith("status")] == []
    comms.person.pasted = False
    assert telling.email(comms.here, "", "").state == "declined"
    comms.person.interactive = False
    said = telling.email(comms.here, "", "", "start")
    assert (said.state, int(said.exit)) == ("waits", 8)
    assert "nothing is set up to send it from here" in said.why


def test_what_is_no_text_after_n(comms: Comms, sent: list[Any]) -> None:
    """After a declined last look a tired "y" does not become a line of the customers' mail: it is asked again, and n
    sends nothing."""
    comms.person.yes, comms.person.typed = [False, True], ["y", "OK", "We are on it."]
    assert telling.email(comms.here, "", "").state == "sent"
    assert [problem.partition(" ")[0] for problem in comms.person.problems] == ["“y”", "“OK”"]
    assert "\nWe are on it.\n" in sent[0][2]["text"]


def test_a_template_without_a_place_for_words(comms: Comms, sent: list[Any], tmp_path: Path) -> None:
    """Where the template has no free part nothing is asked after n, and words that would be left out are refused."""
    shipped = (shipped_folder() / "communication.yaml").read_text(encoding="utf-8")
    (tmp_path / "communication.yaml").write_text(shipped.replace("      ${details}\n", ""), encoding="utf-8")
    comms.settings.env["OMNIOPS_RUNBOOKS"] = str(tmp_path)  # type: ignore[index]
    with pytest.raises(BadInput, match="has no place for words"):
        telling.email(comms.here, "", "We are on it.")
    comms.person.yes, comms.person.typed = [False], ["We are on it."]
    assert telling.email(comms.here, "", "").state == "declined"
    assert (comms.person.typed, sent) == (["We are on it."], [])


COMMANDS: dict[str, Callable[[Comms], Any]] = {
    "post": lambda comms: telling.post(comms.here, INCIDENT, "hello"),
    "post --for": lambda comms: telling.post(comms.here, INCIDENT, "", "ops.standup"),
    "status": lambda comms: telling.status(comms.here, INCIDENT, "hello", "investigating"),
    "email": lambda comms: telling.email(comms.here, INCIDENT, "hello", "start"),
    "upstream": lambda comms: telling.upstream(comms.here, INCIDENT, "hello", ["openai"]),
    "done": lambda comms: fulfil(comms.journal, comms.clock.now(), "mail.start", "by telephone", INCIDENT),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_frozen(comms: Comms, sent: list[Any], name: str) -> None:
    """On the security path (4.5) no command shows, asks, stores or sends anything: exit 10."""
    comms.add("frozen", by="run r1")
    length = comms.journal.length(STREAM)
    with pytest.raises(Frozen) as refused:
        COMMANDS[name](comms)
    assert int(refused.value.exit) == 10
    assert (sent, comms.person.seen, comms.person.asked) == ([], [], [])
    assert comms.journal.length(STREAM) == length


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("done", "post --for")])
def test_frozen_while_it_is_looked_at(
    comms: Comms, sent: list[Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody enters 4.5 while the last look is open: whatever is answered, nothing is queued or sent."""

    def freeze(*_: object) -> bool:
        comms.add("frozen", by="bob")
        return True

    monkeypatch.setattr(comms.person, "approve", freeze)
    monkeypatch.setattr(comms.person, "posted", freeze)
    with pytest.raises(Frozen):
        COMMANDS[name](comms)
    assert (sent, comms.messages(), comms.done()) == ([], [], [])


@pytest.mark.parametrize("kind", ["note", "severity", "role"])
def test_frozen_while_it_is_written(comms: Comms, kind: str) -> None:
    """What somebody writes about an incident that they looked at before 4.5 was entered is not stored."""
    incident = incident_of(comms.journal, INCIDENT)
    comms.add("frozen", by="bob")
    length = comms.journal.length(STREAM)
    write: dict[str, Callable[[], Any]] = {
        "note": lambda: records.note(comms.journal, incident, "a key was found"),
        "severity": lambda: records.declare(comms.journal, incident, "SEV-2"),
        "role": lambda: records.assign(comms.journal, incident, "scribe", "bob"),
    }
    with pytest.raises(Frozen):
        write[kind]()
    assert comms.journal.length(STREAM) == length


def test_what_waited_is_frozen(comms: Comms, sent: list[Any]) -> None:
    """A mail that waited for its server is never sent once 4.5 is entered, and no headline is written any more."""
    comms.settings.env["TOY"] = ""  # type: ignore[index]
    comms.person.interactive = False
    telling.email(comms.here, "", "")
    comms.add("frozen", by="bob")
    comms.settings.env["TOY"] = "1"  # type: ignore[index]
    tick(comms.settings, comms.clock, comms.journal)
    assert sent == []
    assert {one.state for one in comms.messages()} == {"dropped"}
    assert keep_all(comms.journal, comms.clock.now(), comms.settings) == []


def test_which_incident(comms: Comms) -> None:
    """The one that owes it; of several, one has to be named; and while a frozen one is open, always."""
    other = "2026-11-23-other"
    now = comms.clock.now()
    comms.journal.append(opened("SEV-3", other))
    assert pick_owing(comms.journal, now, "", ("mail.start",), None).id == INCIDENT
    assert pick_owing(comms.journal, now, "", ("ops.standup",), None).id == other
    with pytest.raises(NeedsPerson, match="several incidents"):
        pick_owing(comms.journal, now, "", (), None)
    comms.journal.append([New(f"incident/{other}", None, "frozen", {})])
    with pytest.raises(NeedsPerson) as refused:
        pick_owing(comms.journal, now, "", ("mail.start",), None)
    assert f"{other} (frozen)" in refused.value.why
    assert pick_owing(comms.journal, now, INCIDENT, (), None).id == INCIDENT
    comms.add("incident.resolved")
    assert pick_owing(comms.journal, now, INCIDENT, ("mail.resolution",), None).id == INCIDENT


def test_what_to_type_names_the_incident_that_is_meant(comms: Comms) -> None:
    """Where a bare command could take another incident, what to type names the one that owes it; where none else is
    open or owes anything, it stays short."""
    now = comms.clock.now()
    assert {one.next for one in obligations_of(comms.journal, now) if "--incident" in one.next} == set()
    comms.add("incident.resolved")
    comms.journal.append(opened("SEV-1", "2026-11-23-second"))
    for found in (obligations_of(comms.journal, now), obligations_of(comms.journal, now, INCIDENT)):
        typed = {one.id: one.next for one in found if one.incident == INCIDENT and one.open}
        assert typed["mail.resolution"] == f"omniops comms email --incident {INCIDENT}"
        assert typed["postmortem"] == f"omniops postmortem new {INCIDENT}"
    (limit,) = [one for one in obligations_of(comms.journal, now, "2026-11-23-second") if one.id == "resolve_by"]
    assert limit.next == "omniops incident resolve 2026-11-23-second"


def test_the_last_one_resolved_is_what_a_bare_postmortem_takes(comms: Comms) -> None:
    """With nothing open a bare `postmortem new` takes the one resolved last, so the other one is named."""
    comms.add("incident.resolved")
    comms.clock.sleep(60)
    comms.journal.append(
        [*opened("", "2026-11-23-second"), New("incident/2026-11-23-second", None, "incident.resolved", {})]
    )
    typed = {one.id: one.next for one in obligations_of(comms.journal, comms.clock.now()) if one.open}
    assert typed["postmortem"] == f"omniops postmortem new {INCIDENT}"
    assert typed["mail.resolution"] == "omniops comms email"


@pytest.mark.parametrize("ids", [("status", "status.resolved", "banner"), ("upstream",), ("mail.start",), ()])
def test_one_that_is_over_is_not_taken_for_the_one_just_opened(comms: Comms, ids: tuple[str, ...]) -> None:
    """A resolved incident owes its last word while another has been opened, of which nobody has said how bad it is: one
    has to be named, and once the new one owes something itself, it is the one that is meant."""
    telling.status(comms.here, "", "")
    comms.add("incident.resolved")
    other, now = "2026-11-23-other", comms.clock.now()
    comms.journal.append(opened("", other))
    if ids:
        with pytest.raises(NeedsPerson, match="several incidents"):
            pick_owing(comms.journal, now, "", ids, None)
    assert pick_owing(comms.journal, now, "", ("mail.resolution",), None).id == INCIDENT  # only what is over owes that
    comms.journal.append([New(f"incident/{other}", None, "severity", {"severity": "SEV-1", "why": "x"})])
    assert pick_owing(comms.journal, now, "", ids, None).id == other


def test_what_is_said_where_it_is_not_clear_which(tmp_path: Path) -> None:
    """What to type works as it stands: an option where the incident is one, and a new incident where none is open."""
    journal = MemoryJournal(Comms(tmp_path).clock, "eve", "h")
    with pytest.raises(BadInput) as none:
        pick(journal, "")
    assert none.value.next == 'omniops incident open "..."'
    journal.append([*opened(), New(STREAM, None, "incident.resolved", {})])
    with pytest.raises(BadInput) as over:
        pick(journal, "", option=True)
    assert (over.value.next.partition(";")[0], over.value.why) == (
        f"--incident {INCIDENT}", f"{INCIDENT} was the last, and is resolved"
    )  # fmt: skip
    journal.append([*opened("", "2026-11-23-b"), *opened("", "2026-11-23-c")])
    with pytest.raises(NeedsPerson) as several:
        pick(journal, "", option=True)
    assert several.value.next == "--incident 2026-11-23-c"
    assert error_lines(several.value)[-1][0] == "next:  the same command with --incident 2026-11-23-c"


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


def test_nothing_is_open(tmp_path: Path) -> None:
    """Without an incident nothing can be said about one."""
    comms = Comms(tmp_path, "SEV-4", walk=False)
    comms.add("incident.resolved")
    with pytest.raises(BadInput, match="no incident is open"):
        telling.status(comms.here, "", "")


def test_by_hand(comms: Comms) -> None:
    """What was done by hand is written down with how, once; what is not owed, or has no word on how, is refused."""
    now = comms.clock.now()
    assert fulfil(comms.journal, now, "mail.start", "by telephone").id == "mail.start"
    assert comms.done() == [("mail.start", "by telephone")]
    for id, how in (("mail.start", "again"), ("nonsense", "x"), ("upstream", " "), ("resolve_by", "x")):
        with pytest.raises(BadInput):
            fulfil(comms.journal, now, id, how, INCIDENT)
    told = [line.words for line in story(comms.journal.read(STREAM))]
    assert "mail.start: done by hand (by telephone)" in told


# The headline ------------------------------------------------------------------------------------------------------


def headlines(comms: Comms) -> list[tuple[str, str, str]]:
    return [(one.key, one.state, one.body["headline"]) for one in comms.messages("headline")]


def test_the_headline(comms: Comms) -> None:
    """A SEV-1 or SEV-2 gets a topic and a headline: severity, onset, commander, next status update; once."""
    now = comms.clock.now()
    assert keep(comms.journal, INCIDENT, now, comms.settings)
    assert keep(comms.journal, INCIDENT, comms.clock.now() + timedelta(hours=9), comms.settings) == ""
    (one,) = comms.messages("headline")
    assert (one.engine, one.to, one.key) == ("slack.headline", "incident", "headline/1")
    assert one.body["headline"].splitlines() == [
        "SEV-1 investigating: openai-main is out",
        "Since 2026-11-23 02:50 UTC; incident commander: not named yet",
        "Next status update by 2026-11-23 03:30 UTC",
    ]
    assert one.body["topic"] == "SEV-1 | investigating | openai-main is out | commander: not named yet"


def test_every_change_of_state_is_a_new_headline(comms: Comms) -> None:
    """Severity, commander, mitigated, resolved: each is one more, with the next key; one that still waits gives way."""
    changes: list[tuple[str, dict[str, Any]]] = [
        ("note", {"text": "x"}),
        ("role", {"role": "commander", "who": "bob"}),
        ("severity", {"severity": "SEV-2", "why": "x"}),
        ("verified", {"verdict": "recovered", "last": {}}),
        ("incident.resolved", {}),
    ]
    keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings)
    for kind, data in changes:
        comms.add(kind, **data)
        keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings)
        assert keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings) == ""
    found = headlines(comms)
    assert [(key, state) for key, state, _ in found] == [
        *((f"headline/{n}", "dropped") for n in range(1, 5)), ("headline/5", "waiting"),
    ]  # fmt: skip
    first = [text.splitlines()[0] for _, _, text in found]
    assert first == [
        "SEV-1 investigating: openai-main is out", "SEV-1 investigating: openai-main is out",
        "SEV-2 investigating: openai-main is out", "SEV-2 monitoring: openai-main is out",
        "SEV-2 resolved: openai-main is out",
    ]  # fmt: skip
    assert "bob" in found[1][2]


def test_a_webhook_is_the_lesser_way(comms: Comms, sent: list[Any]) -> None:
    """Without a token, but with a webhook, words and headlines go through that, each headline anew."""
    comms.settings.env["DISCORD_WEBHOOK_URL"] = "https://discord.test/api/webhooks/1/x"  # type: ignore[index]
    assert telling.post(comms.here, "", "hello").draft.where == f"the webhook's channel, for #inc-{INCIDENT}"
    keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings)
    assert [(engine, to, list(body)) for engine, to, body in sent] == [("webhook", "", ["text"])]
    assert [(one.engine, list(one.body)) for one in comms.messages("headline")] == [("webhook", ["text"])]


DISCORD = {"DISCORD_WEBHOOK_URL": "https://discord.test/api/webhooks/1/x"}
PAGE = {"STATUSPAGE_TOKEN": "0f3a5c7e-key", "STATUSPAGE_PAGE": "p"}


@pytest.mark.parametrize(
    ("env", "tell", "most", "where"),
    [
        (DISCORD, telling.post, 2000 - len(f"[{INCIDENT}] "), "Discord's webhook"),
        ({"SLACK_BOT_TOKEN": "xoxb-1234567"}, telling.post, 4000, "Slack"),
        (PAGE, telling.status, 25_000, "the status page"),
        ({"STATUS_REPO": "/nowhere"}, telling.status, 25_000, "the status page"),
    ],
)
def test_longer_than_its_service_takes(tmp_path: Path, env: dict[str, str], tell: Any, most: int, where: str) -> None:
    """Refused before anybody approves it, with how long it may be; other words are held against the same."""
    comms = Comms(tmp_path)
    comms.settings.env.update(env)  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match="it is too long") as caught:
        tell(comms.here, "", "x" * (most + 1))
    assert caught.value.why.startswith(f"{where} takes {most} characters, and this has ")
    comms.person.yes, comms.person.typed = [False, False], ["x" * (most + 1), "Short words.", None]
    assert tell(comms.here, "", "First words.").state == "declined"
    assert ([one[: len(where)] for one in comms.person.problems], len(comms.person.seen)) == ([where], 2)
    assert comms.messages() == []


def test_no_headline(tmp_path: Path) -> None:
    """Not for a SEV-3, not where nothing was declared, and not for an incident that was over before there was one."""
    for severity in ("", "SEV-3"):
        comms = Comms(tmp_path, severity, walk=False)
        assert keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings) == ""
    comms = Comms(tmp_path, "SEV-1", walk=False)
    comms.add("incident.resolved")
    assert keep_all(comms.journal, comms.clock.now(), comms.settings) == []


def test_a_headline_in_doubt_gives_way(comms: Comms) -> None:
    """One that may have been sent, and would be tried again by itself, is dropped for the newer one, too."""
    id = keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings)
    comms.add("message.unsure", id=id, why="timeout", retry_at=iso(START + timedelta(minutes=9)))
    comms.add("severity", severity="SEV-2", why="x")
    keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings)
    assert [state for _, state, _ in headlines(comms)] == ["dropped", "waiting"]


def test_what_is_over_is_not_looked_at_again(comms: Comms, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the headline that says so, a resolved incident costs nothing more; and the rules are read once for all."""
    asked: list[str] = []

    def counted(journal: Any, now: Any, incident: str = "", **more: Any) -> Any:
        asked.append(incident)
        return obligations_of(journal, now, incident, **more)

    def read(folder: Any) -> Any:
        asked.append("rules")
        return rules_of(folder)

    monkeypatch.setattr(headline, "obligations_of", counted)
    monkeypatch.setattr(headline, "rules_of", read)
    comms.journal.append(opened("SEV-2", "2026-11-23-other"))
    assert len(keep_all(comms.journal, comms.clock.now(), comms.settings)) == 2
    assert asked.count("rules") == 1
    comms.add("incident.resolved")
    assert len(keep_all(comms.journal, comms.clock.now(), comms.settings)) == 1
    asked.clear()
    assert keep_all(comms.journal, comms.clock.now(), comms.settings) == []
    assert asked == ["rules", "2026-11-23-other"]


def test_a_headline_that_a_person_dropped_stays_dropped(comms: Comms) -> None:
    """It is not owed again before something changes."""
    id = keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings)
    outbox.drop(comms.journal, id, "no Slack here")
    assert keep(comms.journal, INCIDENT, comms.clock.now(), comms.settings) == ""


# The tick ----------------------------------------------------------------------------------------------------------


def test_the_tick(comms: Comms, sent: list[Any]) -> None:
    """A tick brings the headline up to date, and reports what is late, and what will be within five minutes."""
    comms.clock.moment = START + timedelta(minutes=26)
    first = tick(comms.settings, comms.clock, comms.journal)
    assert [body["topic"][:5] for engine, _, body in sent if engine == "slack.headline"] == ["SEV-1"]
    found = [(one.words.partition(":")[0], one.urgency, one.next) for one in first.due if one.what == "obligation"]
    assert found == [
        ("e-mail to customers", "now", "omniops comms email"),
        ("upstream providers, through vendor management", "now", "omniops comms upstream"),
        ("status page", "now", "omniops comms status"),  # the banner
        ("status page", "soon", "omniops comms status"),
    ]
    assert int(first.exit) == 1
    tick(comms.settings, comms.clock, comms.journal)
    assert len(sent) == 1


def test_due() -> None:
    """Late needs a person now, five minutes before soon will, and what is done or far off is not reported."""
    from omniops.incident.obligations import Obligation

    def due(minutes: float, done_at: str = "") -> list[tuple[str, str]]:
        one = Obligation("status", INCIDENT, "a", "status page", iso(START + timedelta(minutes=minutes)), "o", done_at)
        return [(found.words, found.urgency) for found in of_obligations([one], START)]

    assert due(-12) == [("status page: 12m 00s late", "now")]
    assert due(4) == [("status page: due in 4m 00s", "soon")]
    assert (due(6), due(-12, "x")) == ([], [])


def test_said_in_json(comms: Comms) -> None:
    """What became of a message, for scripts."""
    said: Said = telling.status(comms.here, "", "")
    assert said.as_json()["state"] == "sent"
    assert said.as_json()["message"]["about"] == "banner"


def test_walked_events_are_what_a_walk_writes() -> None:
    """The test's own walk names a connection as runbooks carry it."""
    assert walked()[1].data["inputs"]["connections"] == [CONNECTION]

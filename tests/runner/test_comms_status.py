"""Section 5, the status page: its texts in order, and what is said first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omniops.clock import iso
from omniops.errors import BadInput, NeedsPerson
from omniops.incident import drafts
from omniops.incident.story import story
from omniops.incident.verdicts import Verdict, unproven
from omniops.incident.view import Incident, Mitigation
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal
from omniops.runner import outbox, telling
from omniops.runner.comms import obligations_of
from omniops.runner.fulfilling import fulfil
from omniops.terminal.views.change import change_lines
from tests.support import toy_engine
from tests.support.comms import INCIDENT, STREAM, Comms, opened, public
from tests.support.toy import START


def _ended(comms: Comms) -> list[Any]:
    return comms.journal.append([New("run/r9", 0, "run.ended", {"outcome": "mitigated"})])


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
    """Something was found that could be mitigated: the cause is known. Where a model is left to nobody, customers are
    not told that it is mitigated, whatever else is well."""
    comms = Comms(tmp_path, walk=False)
    disabled = Mitigation("m1", INCIDENT, "r1", "openai", "connection.disable", "", "eve", "in force", "")
    withdrawn = disabled._replace(id="m2", action="combo.withdraw")
    incident = telling.about(comms.here, "", ()).incident
    assert drafts.progress(incident, [], [disabled]) == "identified"
    ended = _ended(comms)
    assert drafts.progress(incident, [ended], [disabled]) == "monitoring"
    assert drafts.progress(incident, [ended], [disabled, withdrawn]) == "identified"
    assert drafts.progress(incident, [ended], [disabled, withdrawn._replace(state="kept")]) == "monitoring"


def test_the_banner_is_the_first_text_of_a_provider_outage(comms: Comms, sent: list[Any]) -> None:
    """While a banner is owed (4.1.4), the words are the banner's, and it fulfils both."""
    telling.status(comms.here, "", "")
    assert sent[0][2]["body"].startswith("We are seeing elevated errors with one upstream provider, and")
    owed = {one.id: one for one in obligations_of(comms.journal, comms.clock.now())}
    assert owed["banner"].done_at
    telling.status(comms.here, "", "")
    assert sent[1][2]["status"] == "investigating"


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


def test_a_promise_that_is_past_is_not_published(
    comms: Comms, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last look that was left open past the update which it promises shows the text anew."""

    def at_last(*_: Any) -> bool:
        comms.clock.sleep(0 if len(comms.person.seen) > 1 else 31 * 60)
        return True

    monkeypatch.setattr(comms.person, "approve", at_last)
    assert telling.status(comms.here, "", "").state == "sent"
    assert ["03:30" in text for text in comms.person.seen] == [True, False]
    assert "Next update by 04:01 UTC." in sent[0][2]["body"]


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        ("incident.resolved", {}, "has been resolved"),
        ("severity", {"severity": "SEV-4", "why": "measured"}, "has been made SEV-4"),
        ("comms.done", {"obligation": "mail.start", "how": "by telephone"}, "is done by hand"),
    ],
)
def test_what_has_changed_meanwhile(
    comms: Comms, sent: list[Any], monkeypatch: pytest.MonkeyPatch, kind: str, data: dict[str, Any], says: str
) -> None:
    """Nobody outside reads that it has begun when it is over, or told, by the time that somebody says yes."""

    def meanwhile(*_: Any) -> bool:
        comms.add(kind, **data)
        return True

    monkeypatch.setattr(comms.person, "approve", meanwhile)
    with pytest.raises(NeedsPerson, match=says):
        telling.email(comms.here, "", "")
    assert sent == []


def test_the_same_words_at_once(comms: Comms, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people who type the same in the same moment post it once."""

    def both(*_: Any) -> bool:
        monkeypatch.setattr(comms.person, "approve", lambda *_: True)
        telling.post(comms.here, "", "it is out")
        return True

    monkeypatch.setattr(comms.person, "approve", both)
    assert telling.post(comms.here, "", "it is out").state == "sent"
    assert len(sent) == 1


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
        return drafts.progress(Incident(INCIDENT, journal.read(STREAM)), [journal.read("run/r9")], [])

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

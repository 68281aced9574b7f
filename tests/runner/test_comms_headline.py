"""The pinned headline: one message that follows the incident, and the tick that keeps it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import iso
from omniops.runner import headline, outbox, telling
from omniops.runner.comms import obligations_of, rules_of
from omniops.runner.headline import keep, keep_all
from omniops.runner.tick import tick
from tests.support.comms import INCIDENT, Comms, opened
from tests.support.toy import START


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

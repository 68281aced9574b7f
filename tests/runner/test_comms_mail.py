"""Section 5, customers by mail: at the start of a SEV-1 and at its end, once."""

from __future__ import annotations

from typing import Any

import pytest

from omniops.errors import BadInput
from omniops.incident.outbox import text_of
from omniops.runner import outbox, telling
from omniops.runner.comms import obligations_of
from omniops.runner.fulfilling import fulfil
from omniops.runner.tick import tick
from tests.support.comms import INCIDENT, Comms, public


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

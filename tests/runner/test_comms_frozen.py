"""4.5: of a frozen incident nothing is told or written, whenever it was frozen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omniops.errors import Frozen
from omniops.runner import records, telling
from omniops.runner.fulfilling import fulfil
from omniops.runner.headline import keep_all
from omniops.runner.known import incident_of
from omniops.runner.tick import tick
from tests.support.comms import INCIDENT, STREAM, Comms

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

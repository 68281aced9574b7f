"""What a text may say: the last look at it, the words of somebody's own, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import omniops.text
from omniops.catalog.load import shipped_folder
from omniops.errors import BadInput
from omniops.runner import telling
from omniops.runner.comms import obligations_of
from tests.support.comms import INCIDENT, Comms


def test_a_secret_that_a_template_holds(comms: Comms, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes out with *** in the place of a secret: it is refused, wherever the secret came from."""
    monkeypatch.setattr(omniops.text, "_secrets", ("service disruption",))
    with pytest.raises(BadInput, match="it holds a secret"):
        telling.email(comms.here, "", "")
    assert (sent, comms.messages()) == ([], [])


@pytest.mark.parametrize("words", ["10.9.8.7", "db.prod.example.net", "@here", "<!channel>", "#war-room", "gw3"])
def test_shapes_are_refused_outside_alone(comms: Comms, sent: list[Any], words: str) -> None:
    """What looks like a host, a mention or a channel goes to the incident's channel, and to nobody outside."""
    for tell in (telling.status, telling.email):
        with pytest.raises(BadInput, match="it names what nobody outside is told"):
            tell(comms.here, "", f"We look at {words} now.")
    assert telling.post(comms.here, "", f"We look at {words} now.").state == "sent"


def test_post(comms: Comms, sent: list[Any]) -> None:
    """Any words to the incident's own channel; the same within ten minutes once: a kill after it was sent looks, to who
    types it again, like one before."""
    telling.post(comms.here, "", "openai-main is off")
    again = telling.post(comms.here, "", "openai-main is off")
    assert (again.state, "other words send another" in again.why) == ("already", True)
    comms.clock.sleep(11 * 60)
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

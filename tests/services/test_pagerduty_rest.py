"""The client of PagerDuty's REST API, over real sockets against the simulated one; every request is as described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.drill import alarm, pager_store
from omniops.drill.pager import CODES
from omniops.errors import BadInput
from omniops.services import pagerduty_parse as parse
from omniops.services.pagerduty import Events
from omniops.services.pagerduty_errors import WORDS, PagerRefused, PagerSlow, PagerUnsure
from omniops.services.pagerduty_rest import PagerDuty
from tests.support.fake_omniroute import MovedClock
from tests.support.pager import FakePager
from tests.support.scripted_http import Scripted, answer, raw

ID = "Q3OMNI01"


class Patient(SystemClock):
    """The machine's clock, on which a sleep is over at once; ``slept`` keeps how long it was to last."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def boot(self) -> float:
        return super().boot() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[FakePager]:
    with FakePager(tmp_path, clock=MovedClock()) as fake:
        yield fake


def client(pager: FakePager, clock: Any = None, **more: str) -> PagerDuty:
    return PagerDuty(Settings({**pager.env, **more}), clock or Patient())


def test_who_i_am(pager: FakePager) -> None:
    """A key of one's own says who one is; with an account's key it is PAGERDUTY_FROM that does."""
    assert client(pager).me() == parse.PagerUser("PUSER01", "Alice Primary", pager_store.FROM)
    account = {"PAGERDUTY_TOKEN": pager_store.ACCOUNT_TOKEN}
    assert client(pager, **account).me().id == "PUSER01"
    assert client(pager, **account, PAGERDUTY_FROM="bob@example.test").me().id == "PUSER02"
    with pytest.raises(BadInput, match="who you are"):
        client(pager, **account, PAGERDUTY_FROM="").me()
    with pytest.raises(PagerRefused) as no:
        client(pager, **account, PAGERDUTY_FROM="who@example.test").me()
    assert no.value.code == 1008


def test_acknowledging_one(pager: FakePager) -> None:
    """The acknowledgement is sent in the operator's name and comes back with when it runs out."""
    one = client(pager, PAGERDUTY_FROM="").acknowledge([ID])[0]
    assert one.acknowledged_by("PUSER01")
    assert (one.number, one.holder, one.urgency, one.service) == (481, "Alice Primary", "high", "OmniRoute")
    assert one.created_at is not None
    assert one.unack_at is not None
    assert (one.unack_at - one.created_at).total_seconds() == 1800
    assert pager.requests("PUT")[0].headers["from"] == pager_store.FROM


def test_acknowledging_many(pager: FakePager) -> None:
    """More than 250 are sent in several requests."""
    ids = [ID, *(pager.another(f"Alert{number}")["id"] for number in range(250))]
    found = client(pager).acknowledge(ids)
    assert [one.id for one in found] == ids
    assert len(pager.requests("PUT")) == 2
    assert set(pager.counts("acknowledge").values()) == {1}


def test_reading(pager: FakePager) -> None:
    """Mine, all open ones, one by id, by number and by key; lists are read to their end."""
    others = [pager.another(f"Alert{number}") for number in range(120)]
    asked = client(pager)
    assert len(asked.mine()) == len(asked.open()) == 121
    assert asked.get("481").id == ID
    found = asked.by_key(others[0]["incident_key"])
    assert found is not None
    assert found.id == others[0]["id"]
    assert asked.by_key("nobody's") is None


def test_a_key_with_a_past(pager: FakePager) -> None:
    """Of several incidents with one key it is the open one."""
    key = pager.page["incident_key"]
    pager.store.resolve(pager.page, "PUSER01")
    found = client(pager).by_key(key)
    assert found is not None
    assert (found.id, found.status) == (ID, "resolved")
    again = pager.store.trigger(key, "ErrorBudgetBurnFast", {})
    found = client(pager).by_key(key)
    assert found is not None
    assert (found.id, found.status) == (again["id"], "triggered")


def test_the_alert(pager: FakePager) -> None:
    """Labels and the runbook are taken out of what Alertmanager sent as text, or out of plain details."""
    (alert,) = client(pager).alerts(ID)
    assert alert.labels == {"alertname": "ErrorBudgetBurnFast", "severity": "critical", "service": "omniroute"}
    assert (alert.runbook_url, alert.firing) == (alarm.RUNBOOK, "1")
    assert "six times too fast" in alert.summary
    other = pager.another()
    (alert,) = client(pager).alerts(other["id"])
    assert alert.labels == {"region": "eu-west"}


def test_the_first_of_several_alerts() -> None:
    """Only the first alert of a group's text is read, and its annotations are no labels."""
    text = "Labels:\n - a = 1\n - b = x = y\nAnnotations:\n - summary = s\nSource: u\nLabels:\n - a = 2\n"
    found = parse.alert({"body": {"details": {"firing": text, "num_firing": "2"}}})
    assert (found.labels, found.summary, found.firing) == ({"a": "1", "b": "x = y"}, "s", "2")


@pytest.mark.parametrize("value", [None, [], "x", {}, {"id": 7}, {"id": "P1", "assignments": [None], "service": "x"}])
def test_lenient(value: Any) -> None:
    """What is missing or of another shape is empty; only a thing without an id is no incident."""
    assert parse.alert(value).labels == {}
    assert parse.oncall(value).level == 0
    if isinstance(value, dict) and value.get("id"):
        assert parse.incident(value).assigned == ()
    else:
        with pytest.raises(ValueError, match="no incident"):
            parse.incident(value)


def test_nothing_that_moves_the_cursor() -> None:
    """What is shown of a page and of its alert is without control characters, names of states included."""
    evil = "x\x1b[2J\r"
    page = parse.incident(
        {
            **dict.fromkeys(("id", "title", "status", "urgency"), evil),
            "service": {"summary": evil},
            "assignments": [{"assignee": {"id": "P1", "summary": evil, "email": evil}}],
        }
    )
    alert = parse.alert({**dict.fromkeys(("severity", "status", "summary"), evil), "body": {"details": {"a": evil}}})
    whom = page.assigned[0]
    of_page = [page.id, page.title, page.status, page.urgency, page.service, whom.name, whom.email]
    shown = [*of_page, alert.severity, alert.status, alert.summary, alert.labels["a"]]
    assert [one for one in shown if not one.isprintable() or not one.startswith("x")] == []


def test_the_secondary(pager: FakePager) -> None:
    """Who is on call at which level, asked to join, and where the account cannot do that, handed over."""
    asked = client(pager)
    rows = [(row.level, row.user.name) for row in asked.oncalls("PESC001")]
    assert rows == [(1, "Alice Primary"), (2, "Bob Secondary")]
    asked.request_responder(ID, "PUSER02", "please join")
    assert pager.data["responder_requests"][0]["user"] == "PUSER02"
    pager.data["coordinated_responding"] = False
    with pytest.raises(PagerRefused) as no:
        asked.request_responder(ID, "PUSER02", "please join")
    assert no.value.code == 2014
    assert [each.name for each in asked.escalate(ID, 2).assigned] == ["Bob Secondary"]


def test_notes(pager: FakePager) -> None:
    """Notes are added and read back."""
    asked = client(pager)
    assert asked.add_note(ID, "mitigated").content == "mitigated"
    assert [(note.content, note.by) for note in asked.notes(ID)] == [("mitigated", "Alice Primary")]


@pytest.mark.parametrize("code", sorted(set(CODES) - {2020}))
def test_refusals_in_words(pager: FakePager, code: int) -> None:
    """Every code becomes words with something to do next; it is asked once, and nothing is done."""
    pager.faults(f"code={code}@PUT:pagerduty/incidents")
    clock = Patient()
    with pytest.raises(PagerRefused) as no:
        client(pager, clock).acknowledge([ID])
    assert (no.value.code, no.value.what) == (code, WORDS[code][0])
    assert no.value.next
    assert len(no.value.lines()) == 4
    assert len(pager.requests("PUT")) == 1
    assert clock.slept == []
    assert pager.counts("acknowledge") == {}


def test_the_wrong_region(pager: FakePager) -> None:
    """A key that is not accepted may be one of the other region, and the words say so."""
    with pytest.raises(PagerRefused) as no:
        client(pager, PAGERDUTY_TOKEN="u+of-another-region").mine()
    assert no.value.status == 401
    assert "other region" in no.value.why
    assert "https://api.eu.pagerduty.com" in no.value.why


def test_patience(pager: FakePager) -> None:
    """A 429 is waited out as long as it asks for, and the write is then made once."""
    pager.faults("rate-limited=7s@PUT:pagerduty#1")
    clock = Patient()
    asked = client(pager, clock)
    asked.budget(10)
    assert asked.acknowledge([ID])[0].status == "acknowledged"
    assert clock.slept == [7.0]
    assert pager.counts("acknowledge") == {ID: 1}


def test_patience_has_an_end(pager: FakePager) -> None:
    """What asks for more than is left of the ten seconds is not waited for; nothing was done."""
    pager.faults("rate-limited=11s@PUT:pagerduty")
    clock = Patient()
    asked = client(pager, clock)
    asked.budget(10)
    with pytest.raises(PagerSlow, match="patience"):
        asked.acknowledge([ID])
    assert clock.slept == []


def test_patience_without_a_word(pager: FakePager) -> None:
    """A 429 that does not say how long is tried again a few times, and no oftener."""
    pager.faults("rate-limited-bare@GET:pagerduty")
    clock = Patient()
    with pytest.raises(PagerSlow):
        client(pager, clock).get(ID)
    assert 2 <= len(pager.requests("GET")) <= 4
    assert 0 < sum(clock.slept) <= 10


@pytest.mark.parametrize("fault", ["error-500", "refuse", "garbage"])
def test_a_read_is_tried_again(pager: FakePager, fault: str) -> None:
    """A read that fails once is made again, but for an answer that is no answer of PagerDuty."""
    pager.faults(f"{fault}@GET:pagerduty#1")
    if fault == "garbage":
        with pytest.raises(PagerSlow, match="no incident"):
            client(pager).get(ID)
    else:
        assert client(pager).get(ID).id == ID


@pytest.mark.parametrize("fault", ["applied-500", "reset-after-apply", "garbage", "error-500"])
def test_a_write_is_not(pager: FakePager, fault: str) -> None:
    """A write that may have been carried out is not sent again: nobody can tell, and that is said."""
    pager.faults(f"{fault}@PUT:pagerduty")
    with pytest.raises(PagerUnsure):
        client(pager).acknowledge([ID])
    assert len(pager.requests("PUT")) == 1


def test_no_connection(pager: FakePager) -> None:
    """Where nobody listens nothing was sent, and that is certain."""
    pager.ports["pagerduty"].close()
    with pytest.raises(PagerSlow, match="no connection"):
        client(pager).acknowledge([ID])


def test_an_answer_without_rows(server: Scripted) -> None:
    """A list without its rows is not "nothing is open"."""
    server.on("GET", "/incidents", answer({"more": False}))
    with pytest.raises(PagerSlow, match="holds no incidents"):
        PagerDuty(Settings({"PAGERDUTY_URL": server.url, "PAGERDUTY_TOKEN": "u+key"}), Patient()).open()


def test_errors_as_an_object(server: Scripted) -> None:
    """The reasons of a refusal may be a mapping of fields; what came is cleaned before it is shown."""
    body = {"error": {"message": "Invalid\x1b[2J", "code": 2001, "errors": {"status": ["is wrong", "really"]}}}
    server.on("GET", "/incidents/P1X", answer(body, 400))
    with pytest.raises(PagerRefused) as no:
        PagerDuty(Settings({"PAGERDUTY_URL": server.url, "PAGERDUTY_TOKEN": "u+key"}), Patient()).get("P1X")
    assert "Invalid; status: is wrong, really" in no.value.why


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"error": "x"}', b""])
def test_a_refusal_of_another_shape(server: Scripted, body: bytes) -> None:
    """A 404 of whatever shape is a 404."""
    server.on("GET", "/incidents/P1X", raw(body, 404))
    with pytest.raises(PagerRefused) as no:
        PagerDuty(Settings({"PAGERDUTY_URL": server.url, "PAGERDUTY_TOKEN": "u+key"}), Patient()).get("P1X")
    assert no.value.code == 2100


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PAGERDUTY_TOKEN": ""}, "PAGERDUTY_TOKEN is not set"),
        ({"PAGERDUTY_TOKEN": "two words"}, "PAGERDUTY_TOKEN is no key"),
        ({"PAGERDUTY_URL": "http://pager.example.test"}, "PAGERDUTY_URL is not https"),
        ({"PAGERDUTY_FROM": "alice"}, "PAGERDUTY_FROM is no e-mail"),
    ],
)
def test_settings(pager: FakePager, env: dict[str, str], words: str) -> None:
    """Settings that cannot work are named before anything is sent."""
    with pytest.raises(BadInput, match=words):
        client(pager, **env).acknowledge([ID])
    assert pager.asked == []


@pytest.mark.parametrize("id", ["../users", "a b", "", "P1?x=1", "x" * 41])
def test_ids_are_no_paths(pager: FakePager, id: str) -> None:
    """An id that could be more than an id is refused."""
    with pytest.raises(BadInput, match="no id"):
        client(pager).get(id)
    assert pager.asked == []


def test_the_secret_is_nowhere(pager: FakePager) -> None:
    """An error of the client, and the client itself, show no key."""
    pager.faults("unauthorized@:pagerduty")
    asked = client(pager)
    with pytest.raises(PagerRefused) as no:
        asked.mine()
    assert pager_store.TOKEN not in f"{no.value.lines()} {asked!r} {vars(no.value)}"


def test_events(pager: FakePager) -> None:
    """By the primary's key an event acknowledges and resolves; a key that is missing is named."""
    key = pager.page["incident_key"]
    events = Events(Settings(pager.env))
    assert events.acknowledge("primary", key).status == "sent"
    assert pager.page["status"] == "acknowledged"
    assert events.acknowledge("secondary", key).status == "sent"
    assert events.resolve("primary", key).status == "sent"
    assert pager.page["status"] == "resolved"
    with pytest.raises(BadInput, match="no routing key"):
        Events(Settings({})).acknowledge("primary", key)

"""`omniops page` as it is typed, against a PagerDuty on real sockets; every request is held against its description."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.clock import SystemClock
from omniops.drill import alarm, pager_store
from omniops.drill.scenarios import SCENARIOS
from omniops.incident.outbox import OUTBOX_KINDS, fold
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.journal.store import SqliteJournal
from tests.support.command import Command
from tests.support.pager import FakePager
from tests.support.screen import ROOT, output, start
from tests.support.scripted_http import Scripted, answer

ID = "Q3OMNI01"
KINDS = ("incident.opened", "page.linked", "page.acknowledging", "page.acknowledged", "message.queued")


ALERT = {
    "status": "firing",
    "labels": {"alertname": "ErrorBudgetBurnFast", "region": "eu"},
    "annotations": {"runbook_url": "https://runbooks.example.test/r"},
    "startsAt": "2026-11-23T07:10:49Z",
}
PAYLOAD = {"version": "4", "groupKey": pager_store.group_key(SCENARIOS["sev-1"]), "status": "firing", "alerts": [ALERT]}


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[FakePager]:
    with FakePager(tmp_path) as fake:
        yield fake


@pytest.fixture
def omniops(pager: FakePager, tmp_path: Path) -> Command:
    return Command(tmp_path / "home", **pager.env)


def journal(command: Command) -> SqliteJournal:
    path = Path(command.env["OMNIOPS_HOME"]) / "state" / "journal.db"
    found = SqliteJournal(path, SystemClock(), "test", "test", create=False)
    found.verify()
    return found


def events(command: Command, *kinds: str) -> list[Event]:
    """The journal's events of these kinds, in order."""
    return list(journal(command).kinds(kinds or KINDS))


def only(command: Command, *words: str, code: int = 0, **env: str) -> dict[str, Any]:
    """The one page of an answer."""
    done = command("page", "ack", *words, "--json", **env)
    assert done.returncode == code, done.stderr
    (page,) = json.loads(done.stdout)["pages"]
    assert isinstance(page, dict)
    return page


def test_ack(pager: FakePager, omniops: Command) -> None:
    """`page ack`: the one page that is mine, acknowledged in my name, and everything that I need next."""
    done = omniops("page", "ack")
    assert done.returncode == 0, done.stderr
    for words in (
        "Acknowledged: #481 ErrorBudgetBurnFast",
        "Alice Primary",
        "OmniRoute, urgency high",
        "unless it is resolved before",
        "alertname=ErrorBudgetBurnFast",
        alarm.RUNBOOK,
        "0:02 open the SLO dashboard",
    ):
        assert words in done.stdout, done.stdout
    assert "next: omniops checklist 2" in done.stderr
    (put,) = pager.requests("PUT")
    assert put.headers["from"] == pager_store.FROM
    assert [write["what"] for write in pager.data["writes"]] == ["trigger", "acknowledge", "trigger"]
    assert "sent: secondary to the secondary on-call" in done.stderr  # after the ack, and never before it


def test_what_is_written_down(pager: FakePager, omniops: Command) -> None:
    """An incident that begins with the page, the intent before and the outcome after, and the word to the secondary."""
    page = only(omniops, ID)
    kinds = [event.kind for event in events(omniops)]
    assert kinds == [*KINDS, "page.linked"]  # the second time with what its alert says
    incident = Incident(page["incident"], journal(omniops).read(f"incident/{page['incident']}"))
    assert incident.page is not None
    assert incident.acknowledged is not None
    assert (incident.page["id"], incident.page["number"], incident.page_at) == (ID, 481, page["at"])
    assert incident.page["alert"]["alertname"] == "ErrorBudgetBurnFast"
    kept = {key: incident.acknowledged[key] for key in ("page", "how", "confirmed", "by")}
    assert kept == {"page": ID, "how": "rest", "confirmed": True, "by": "Alice Primary"}
    (message,) = fold(journal(omniops).kinds(OUTBOX_KINDS))
    assert (message.engine, message.to, message.about) == ("pager.event", "secondary", "secondary")
    assert pager_store.ROUTING_KEY_SECONDARY not in json.dumps(message.body)


def test_again(pager: FakePager, omniops: Command) -> None:
    """Given again it is a success that says so: one request to acknowledge, one incident, one word to the secondary."""
    first = only(omniops)
    again = only(omniops)
    assert (again["result"], again["how"], again["acknowledged_by"]) == ("already", "already", "Alice Primary")
    assert again["incident"] == first["incident"]
    assert len(pager.requests("PUT")) == 1
    assert len(events(omniops, "page.acknowledged", "message.queued")) == 2


def test_somebody_else_has_it(pager: FakePager, omniops: Command) -> None:
    """Acknowledged by another: a success that says by whom, and nothing is sent; --take takes it over."""
    pager.store.acknowledge(pager.page, pager_store.SECONDARY)
    page = only(omniops, ID)
    assert (page["result"], page["acknowledged_by"], page["incident"]) == ("theirs", "Bob Secondary", None)
    assert pager.requests("PUT") == []
    assert "by Bob Secondary" in omniops("page", "ack", ID).stdout
    taken = only(omniops, ID, "--take")
    assert (taken["result"], taken["acknowledged_by"]) == ("acknowledged", "Alice Primary")
    assert pager.counts("acknowledge") == {ID: 2}


def test_never_reopened(pager: FakePager, omniops: Command) -> None:
    """A resolved page is left alone, and who resolved it is said: exit 1, and no request to change it."""
    pager.store.resolve(pager.page, pager_store.SECONDARY)
    page = only(omniops, ID, "--take", code=1)
    assert page["result"] == "resolved"
    done = omniops("page", "ack", "481")
    assert (done.returncode, "Resolved already by Bob Secondary" in done.stdout) == (1, True)
    assert pager.requests("PUT") == []
    assert pager.counts("reopen") == {}


def test_nothing_is_open(pager: FakePager, omniops: Command) -> None:
    """Nothing to acknowledge is no failure."""
    pager.store.resolve(pager.page, pager_store.PRIMARY)
    done = omniops("page", "ack")
    assert (done.returncode, done.stdout) == (0, "No page of yours is open.\n")


def test_several_are_mine(pager: FakePager, omniops: Command) -> None:
    """Several: with nobody to ask, they are listed (exit 3) and none is acknowledged; --all takes them all at once."""
    other = pager.another()["id"]
    done = omniops("page", "ack")
    assert (done.returncode, ID in done.stderr, other in done.stderr) == (3, True, True)
    assert pager.requests("PUT") == []
    assert omniops("page", "ack", "--all").returncode == 0
    assert [one.path for one in pager.requests("PUT")] == ["/incidents"]
    assert pager.counts("acknowledge") == {ID: 1, other: 1}
    assert len(events(omniops, "incident.opened")) == 1
    assert len(events(omniops, "page.acknowledged")) == 2


def test_choosing(pager: FakePager, omniops: Command) -> None:
    """Several, at a terminal: the arrow keys choose one of them, and only that is acknowledged."""
    other = pager.another("CanaryDown")["id"]
    env: dict[str, Any] = {**omniops.env, "PATH": os.environ["PATH"]}
    child = start(sys.executable, "-m", "omniops", "page", "ack", **env)
    child.expect("Which page")
    child.expect("CanaryDown")
    time.sleep(0.3)
    child.send("\x1b[B")
    time.sleep(0.2)
    child.send("\r")
    child.expect("Acknowledged: #482 CanaryDown")
    child.expect("next: omniops checklist")
    child.wait()
    assert child.exitstatus == 0, output(child)
    assert pager.counts("acknowledge") == {other: 1}


@pytest.mark.parametrize(
    ("keys", "then"), [("\r", "First-15-minutes checklist"), ("\x1b[B\r", "next: omniops checklist")]
)
def test_going_on(pager: FakePager, omniops: Command, keys: str, then: str) -> None:
    """After the ack one key goes on into the checklist, and another says how to do it later."""
    env: dict[str, Any] = {**omniops.env, "PATH": os.environ["PATH"], "OMNIROUTE_URL": "http://127.0.0.1:9"}
    child = start(sys.executable, "-m", "omniops", "page", "ack", ID, **env)
    child.expect("Acknowledged: #481")
    child.expect("Not now")
    time.sleep(0.3)
    for key in (keys[:-1], keys[-1]):
        child.send(key)
        time.sleep(0.2)
    child.expect(then)
    child.close(force=True)
    assert pager.counts("acknowledge") == {ID: 1}


def test_ids_from_stdin(pager: FakePager, omniops: Command) -> None:
    """Ids come from stdin; one of them in the form of its address, one that nobody knows, one that is too late."""
    late = pager.another("Late")
    pager.store.resolve(late, pager_store.PRIMARY)
    text = f"https://acme.pagerduty.com/incidents/{ID}\nPNOSUCH {late['id']}\n{ID}\n"
    done = omniops("page", "ack", "-", "--json", stdin=text)
    found = {page["id"]: page["result"] for page in json.loads(done.stdout)["pages"]}
    assert found == {ID: "acknowledged", late["id"]: "resolved", "PNOSUCH": "failed"}
    assert done.returncode == 4
    assert "knows no such incident" in done.stderr


def test_many_ids(pager: FakePager, omniops: Command) -> None:
    """Hundreds of ids are listed, not read one by one, and sent at most 250 in a request."""
    ids = [ID, *(pager.another(f"Alert{number}")["id"] for number in range(259))]
    done = omniops("page", "ack", "-", "--json", stdin="\n".join(ids))
    assert done.returncode == 0, done.stderr
    assert [len(json.loads(one.body)["incidents"]) for one in pager.requests("PUT")] == [250, 10]
    assert len(pager.counts("acknowledge")) == 260
    assert len(pager.requests()) < 30


@pytest.mark.parametrize("word", ["../users", "a;b", "https://x/incidents/"])
def test_no_id(pager: FakePager, omniops: Command, word: str) -> None:
    """What cannot be an id is refused before anything is asked."""
    assert omniops("page", "ack", word).returncode == 2
    assert pager.asked == []


def test_the_list(pager: FakePager, omniops: Command) -> None:
    """`page list`: mine, with who has each and the time at which it un-acknowledges itself."""
    other = pager.another()
    pager.store.acknowledge(other, pager_store.PRIMARY)
    carols = pager.another("Theirs")
    carols["assignments"] = [{"at": "", "assignee": {"id": pager_store.OTHER}}]
    shown = omniops("page", "list").stdout
    assert "nobody has it; it escalates at" in shown
    assert "acknowledged by you; un-acknowledges itself at" in shown
    assert "in 29m" in shown or "in 30m 00s" in shown
    assert "Theirs" not in shown
    pages = omniops.json("page", "list")["pages"]
    assert [(page["id"], page["acknowledged_by_me"]) for page in pages] == [(ID, False), (other["id"], True)]
    assert pages[1]["unack_at"] == other["pending_actions"][0]["at"].replace("Z", ".000Z")
    assert len(omniops.json("page", "list", "--all")["pages"]) == 3


@pytest.mark.parametrize(
    "fault",
    [
        "error-500@PUT:pagerduty",
        "reset-after-apply@PUT:pagerduty",
        "applied-500@PUT:pagerduty",
        "garbage@PUT:pagerduty",
        "code=1005@PUT:pagerduty#1",
        "code=1002@PUT:pagerduty",
        "rate-limited=1s@PUT:pagerduty#1",
    ],
)
def test_rough_weather(pager: FakePager, omniops: Command, fault: str) -> None:
    """Whatever becomes of the request, the state decides: acknowledged once, and by nobody twice."""
    pager.faults(fault)
    if "1002" in fault:
        pager.store.acknowledge(pager.page, pager_store.PRIMARY)
    page = only(omniops, ID)
    assert page["result"] in ("acknowledged", "already", "sent")
    assert pager.page["status"] == "acknowledged"
    assert pager.counts("acknowledge") == {ID: 1}


def test_resolved_meanwhile(pager: FakePager, omniops: Command) -> None:
    """Resolved between the look and the request: too late, said so, and not opened again."""
    pager.faults("code=1001@PUT:pagerduty")
    page = only(omniops, ID, code=7)  # PagerDuty says "resolved" and shows it as triggered: nobody can tell
    assert page["confirmed"] is False
    assert pager.counts("reopen") == {}


@pytest.mark.parametrize("code", [2010, 2016, 1008, 1018, 2006])
def test_refused_by_rest(pager: FakePager, omniops: Command, code: int) -> None:
    """A refused request goes out as an event with the page's key; what may not write may read, so it is confirmed."""
    pager.faults(f"code={code}@PUT:pagerduty")
    done = omniops("page", "ack", ID, "--json")
    assert done.returncode == 0, done.stderr
    (page,) = json.loads(done.stdout)["pages"]
    assert (page["result"], page["how"], page["confirmed"]) == ("acknowledged", "events", True)
    assert "REST API did not do it" in done.stderr
    assert pager.page["status"] == "acknowledged"
    assert [event["action"] for event in pager.data["events"]] == ["acknowledge", "trigger"]  # the secondary's


def test_rest_is_down(pager: FakePager, omniops: Command) -> None:
    """The request cannot be made: "sent, unconfirmed", exit 0, in plain words, and the journal knows."""
    pager.faults("rate-limited=60s@PUT:pagerduty")
    done = omniops("page", "ack", ID)
    assert done.returncode == 0, done.stderr
    assert "Sent, unconfirmed: #481" in done.stdout
    (event,) = events(omniops, "page.acknowledged")
    assert (event.data["how"], event.data["confirmed"]) == ("events", False)
    assert len(events(omniops, "message.queued")) == 1


def test_blind(pager: FakePager, omniops: Command) -> None:
    """PagerDuty cannot even be looked at: a page that the journal knows is acknowledged by its key; another is not."""
    only(omniops, ID)
    pager.page["status"] = "triggered"
    pager.faults("unauthorized@:pagerduty")
    assert only(omniops, "481")["result"] == "sent"
    done = omniops("page", "ack", "QUNKNOWN")
    assert done.returncode == 4
    assert "the page's key is not known here" in done.stderr
    assert "NOT acknowledged" in done.stdout


def test_no_other_way(pager: FakePager, omniops: Command) -> None:
    """Refused, and no routing key: a clear error, and PagerDuty is said to go on paging."""
    pager.faults("code=2010@PUT:pagerduty")
    done = omniops("page", "ack", ID, PAGERDUTY_ROUTING_KEY="")
    assert done.returncode == 4
    assert "PAGERDUTY_ROUTING_KEY is not set" in done.stderr
    assert "PagerDuty goes on paging" in done.stderr


def test_no_token(pager: FakePager, omniops: Command) -> None:
    """Without a token the first error names it."""
    done = omniops("page", "ack", PAGERDUTY_TOKEN="")
    assert (done.returncode, "PAGERDUTY_TOKEN is not set" in done.stderr) == (2, True)
    assert pager.asked == []


@pytest.mark.parametrize("damage", ["folder", "foreign", "locked"])
def test_the_journal_cannot_be_used(pager: FakePager, omniops: Command, tmp_path: Path, damage: str) -> None:
    """A journal that cannot be opened or written is a warning; the page is acknowledged all the same."""
    path = tmp_path / "broken.db"
    if damage == "folder":
        path.mkdir()
    elif damage == "foreign":
        path.write_text("not a journal " * 100, encoding="utf-8")
    else:
        path = Path("/proc/omniops/journal.db")
    done = omniops("page", "ack", ID, OMNIOPS_JOURNAL=str(path))
    assert done.returncode == 0, done.stderr
    assert "warning: nothing is written down" in done.stderr
    assert pager.page["status"] == "acknowledged"


def test_an_alertmanager_group(pager: FakePager, omniops: Command, tmp_path: Path) -> None:
    """A webhook's payload names the page by its group's key, and brings the labels along."""
    payload = PAYLOAD
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(payload), encoding="utf-8")
    page = only(omniops, "--alertmanager", str(file))
    assert (page["id"], page["result"], page["alert"]["region"]) == (ID, "acknowledged", "eu")
    done = omniops("page", "ack", "--alertmanager", "-", "--json", stdin=json.dumps(payload))
    assert json.loads(done.stdout)["pages"][0]["result"] == "already"


def test_an_alertmanager_group_blind(pager: FakePager, omniops: Command) -> None:
    """With the payload the event can be sent though PagerDuty cannot be looked at; later the page is the same one."""
    payload = json.dumps(PAYLOAD)
    pager.faults("unauthorized@:pagerduty")
    done = omniops("page", "ack", "--alertmanager", "-", "--json", stdin=payload)
    assert json.loads(done.stdout)["pages"][0]["result"] == "sent", done.stderr
    assert pager.page["status"] == "acknowledged"
    pager.faults("")
    again = only(omniops, ID)
    assert again["result"] == "already"
    assert len(events(omniops, "incident.opened")) == 1


def test_an_alertmanager_that_is_asked(pager: FakePager, omniops: Command) -> None:
    """Alertmanager's API tells the group; with the path of its route that is the page. Several groups are listed."""
    labels = {"alertname": "ErrorBudgetBurnFast", "service": "omniroute"}
    alert = {"labels": {**labels, "severity": "critical"}, "annotations": {}, "status": {"state": "active"}}
    group = {"labels": labels, "receiver": {"name": "pagerduty"}, "alerts": [alert]}
    words = ("--alertmanager", "api", "--route", '{}/{severity="critical"}')
    with Scripted() as server:
        server.on("GET", "/api/v2/alerts/groups", answer([group]))
        page = only(omniops, *words, ALERTMANAGER_URL=server.url)
        assert (page["id"], page["result"], page["alert"]["severity"]) == (ID, "acknowledged", "critical")
        wrong = omniops("page", "ack", "--alertmanager", "api", ALERTMANAGER_URL=server.url)
        assert (wrong.returncode, "no incident has the key" in wrong.stderr) == (4, True)  # and no event is sent
        assert [event["action"] for event in pager.data["events"]] == ["trigger"]
        server.on("GET", "/api/v2/alerts/groups", answer([group, {**group, "labels": {"alertname": "Other"}}]))
        done = omniops("page", "ack", *words, ALERTMANAGER_URL=server.url)
        assert (done.returncode, "alertname=Other" in done.stderr) == (3, True)
        server.on("GET", "/api/v2/alerts/groups", answer([]))
        assert omniops("page", "ack", *words, ALERTMANAGER_URL=server.url).returncode == 2


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"groupKey": 7}', "\x00"])
def test_no_payload(pager: FakePager, omniops: Command, payload: str) -> None:
    """What is no payload is refused, and nobody is asked."""
    assert omniops("page", "ack", "--alertmanager", "-", stdin=payload).returncode == 2
    assert pager.asked == []


def test_into_an_incident(pager: FakePager, omniops: Command) -> None:
    """--incident puts a second page into the first one's incident, whose page and clocks stay as they are."""
    first = only(omniops, ID)
    other = pager.another()["id"]
    assert only(omniops, other, "--incident", first["incident"])["incident"] == first["incident"]
    incident = Incident(first["incident"], journal(omniops).read(f"incident/{first['incident']}"))
    assert (incident.page or {})["id"] == ID
    assert len(events(omniops, "incident.opened")) == 1


def test_the_secondary_without_a_routing_key(pager: FakePager, omniops: Command) -> None:
    """Without a routing key of the secondary it is a request to join, made by way of the outbox."""
    only(omniops, ID, PAGERDUTY_ROUTING_KEY_SECONDARY="")
    (message,) = fold(journal(omniops).kinds(OUTBOX_KINDS))
    assert (message.engine, message.to) == ("pager.responder", ID)


PLACES = (
    "before_intent@page.ack",
    "after_intent@page.ack",
    "after_send@PUT",
    "after_response@page.ack",
    "after_outcome@page.ack",
    "journal.commit#1",
    "journal.commit#2",
    "journal.head#1",
    "journal.head#2",
)


@pytest.mark.parametrize("place", PLACES)
def test_killed(pager: FakePager, omniops: Command, place: str) -> None:
    """Killed anywhere and given again: acknowledged once, one incident, the outcome written once, one message owed."""
    killed = omniops("page", "ack", ID, OMNIOPS_FAILPOINT=place)
    assert killed.returncode == -9, killed.stderr
    again = omniops("page", "ack", ID)
    assert again.returncode == 0, again.stderr
    assert pager.counts("acknowledge") == {ID: 1}
    counted = [event.kind for event in events(omniops)]
    assert [counted.count(kind) for kind in KINDS if kind != "page.linked"] == [1, 1, 1, 1], counted
    third = only(omniops, ID)
    assert third["result"] == "already"
    assert [event.kind for event in events(omniops)].count("page.acknowledged") == 1


def test_the_secret_is_nowhere(pager: FakePager, omniops: Command) -> None:
    """Neither the screen nor the journal holds a key."""
    pager.faults("code=2010@PUT:pagerduty")
    done = omniops("page", "ack", ID)
    held = b"".join(path.read_bytes() for path in Path(omniops.env["OMNIOPS_HOME"]).rglob("*") if path.is_file())
    for secret in (pager_store.TOKEN, pager_store.ROUTING_KEY, pager_store.ROUTING_KEY_SECONDARY):
        assert secret not in done.stdout + done.stderr
        assert secret.encode() not in held


def test_lean(pager: FakePager, omniops: Command) -> None:
    """Before its requests leave, `page ack` loads no YAML, no pydantic, no menu and no rich."""
    spy = (
        "import sys, json\nfrom omniops.entry import run\ncode = run(sys.argv[1:])\nsys.stdout.flush()\n"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)\n"
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", spy, "page", "ack", ID],
        cwd=ROOT, env=omniops.env, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    code, names = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    heavy = {"yaml", "pydantic", "questionary", "prompt_toolkit", "rich", "asyncio", "subprocess", "zoneinfo"}
    assert not set(names) & heavy


def test_escalate(pager: FakePager, omniops: Command) -> None:
    """The secondary is asked to join, once for each page, and the page stays mine."""
    only(omniops, ID)
    found = omniops.json("page", "escalate", "-m", "still firing")
    assert (found["to"], found["how"], found["confirmed"]) == ("Bob Secondary", "responder", True)
    (asked,) = pager.data["responder_requests"]
    assert (asked["user"], asked["message"]) == (pager_store.SECONDARY, "still firing")
    assert pager.page["assignments"][0]["assignee"]["id"] == pager_store.PRIMARY
    assert omniops.json("page", "escalate")["how"] == "before"
    assert "--again" in omniops("page", "escalate").stdout
    assert omniops("page", "escalate", "--again").returncode == 0
    assert len(pager.data["responder_requests"]) == 2
    assert [event.data["to"] for event in events(omniops, "page.escalated")] == ["Bob Secondary"] * 2


def test_an_escalation_that_nobody_saw_the_end_of(pager: FakePager, omniops: Command) -> None:
    """Killed after they were called, and typed again, the secondary is not called twice; nor by two at once, of whom
    the second sees that the first has begun."""
    only(omniops, ID)
    assert omniops("page", "escalate", OMNIOPS_FAILPOINT="after_response@page.escalate").returncode == -9
    done = omniops("page", "escalate")
    assert (done.returncode, "--again" in done.stderr) == (7, True), done.stderr
    assert len(pager.data["responder_requests"]) == 1
    assert omniops("page", "escalate", "--again").returncode == 0
    assert omniops.json("page", "escalate")["how"] == "before"


def test_no_escalation_on_the_security_path(pager: FakePager, omniops: Command) -> None:
    """Once 4.5 is entered nobody but the security on-call is told, with words of one's own or without (4.5)."""
    only(omniops, ID)
    assert omniops("mitigate", "security", "--yes").returncode in (3, 10)
    for words in ([], [ID], ["--again", "-m", "details"]):
        done = omniops("page", "escalate", *words)
        assert (done.returncode, "security path" in done.stderr) == (10, True)
    assert "responder_requests" not in pager.data or pager.data["responder_requests"] == []


def test_escalate_without_the_ability(pager: FakePager, omniops: Command) -> None:
    """Where the account cannot ask somebody to join, the page is handed over, and that is said."""
    pager.data["coordinated_responding"] = False
    done = omniops("page", "escalate", ID)
    assert (done.returncode, "Handed to Bob Secondary" in done.stdout) == (0, True), done.stderr
    assert "not yours any more" in done.stderr
    assert pager.page["assignments"][0]["assignee"]["id"] == pager_store.SECONDARY


def test_escalate_and_nobody_is_there(pager: FakePager, omniops: Command) -> None:
    """Nobody on call at the second level is loud; the secondary's own integration is tried before that."""
    pager.data["levels"]["2"] = []
    done = omniops("page", "escalate", ID, PAGERDUTY_ROUTING_KEY_SECONDARY="")
    assert (done.returncode, "NOBODY IS ON CALL" in done.stderr) == (4, True)
    pager.data["levels"] = {"1": [pager_store.PRIMARY]}
    done = omniops("page", "escalate", ID)
    assert (done.returncode, "Sent, unconfirmed" in done.stdout) == (0, True), done.stderr
    assert "NOBODY IS ON CALL" in done.stderr


def test_escalate_blind(pager: FakePager, omniops: Command) -> None:
    """PagerDuty cannot be asked: the page of the open incident, and an event to the secondary's integration."""
    only(omniops, ID)
    pager.faults("unauthorized@:pagerduty")
    found = omniops.json("page", "escalate")
    assert (found["page"]["id"], found["how"], found["confirmed"]) == (ID, "event", False)
    assert pager.data["events"][-1]["service"] == pager_store.SECONDARY_SERVICE


def test_escalate_what_is_over(pager: FakePager, omniops: Command) -> None:
    """A resolved page needs nobody."""
    pager.store.resolve(pager.page, pager_store.PRIMARY)
    done = omniops("page", "escalate", ID)
    assert (done.returncode, "is resolved" in done.stderr) == (2, True)
    assert pager.data["responder_requests"] == []

"""The simulated PagerDuty behaves as the protocol facts say, and what it keeps survives a kill."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from omniops.drill import launcher, pager_store
from omniops.drill.pager import CODES
from omniops.drill.pager_store import ACCOUNT_TOKEN, READONLY_TOKEN, TOKEN
from tests.drill.conftest import ANCHOR
from tests.support.fake_omniroute import MovedClock
from tests.support.pager import FakePager

ACK = {"incident": {"type": "incident_reference", "status": "acknowledged"}}
PAGE = "/incidents/Q3OMNI01"


@pytest.fixture
def pager(tmp_path: Path) -> Iterator[FakePager]:
    with FakePager(tmp_path, clock=MovedClock(ANCHOR)) as fake:
        yield fake
        fake.wrong.clear()  # these requests are wrong on purpose


def ask(
    url: str, method: str, path: str, body: Any = None, token: str = TOKEN, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """One request; the status, the headers and the JSON of the answer."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    given = {"Authorization": f"Token token={token}", "From": pager_store.FROM, **headers}
    link.request(method, path, None if body is None else json.dumps(body), {k: v for k, v in given.items() if v})
    reply = link.getresponse()
    raw = reply.read()
    link.close()
    found = json.loads(raw) if raw.startswith(b"{") else raw
    return reply.status, {name.lower(): value for name, value in reply.getheaders()}, found


def rest(pager: FakePager, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    """The status and the JSON of one request to the REST API."""
    status, _, found = ask(pager.env["PAGERDUTY_URL"], method, path, body, **more)
    return status, found


def code(answer: tuple[int, Any]) -> tuple[int, int]:
    """Status and PagerDuty's own code."""
    return answer[0], answer[1]["error"]["code"]


def test_acknowledging(pager: FakePager) -> None:
    """An acknowledgement names who and when, and says when it will run out; another of the same user is 1002."""
    one = rest(pager, "PUT", PAGE, ACK)[1]["incident"]
    assert one["status"] == "acknowledged"
    assert [each["acknowledger"]["summary"] for each in one["acknowledgements"]] == ["Alice Primary"]
    assert [each["type"] for each in one["pending_actions"]] == ["unacknowledge"]
    assert code(rest(pager, "PUT", PAGE, ACK)) == (400, 1002)
    assert pager.counts("acknowledge") == {"Q3OMNI01": 1}


def test_an_acknowledgement_runs_out(pager: FakePager) -> None:
    """After half an hour the page is triggered again, and half an hour later the second level is assigned."""
    rest(pager, "PUT", PAGE, ACK)
    moved: Any = pager.world.clock
    moved.moment += timedelta(minutes=29, seconds=59)
    assert rest(pager, "GET", PAGE)[1]["incident"]["status"] == "acknowledged"
    moved.moment += timedelta(seconds=1)
    one = rest(pager, "GET", PAGE)[1]["incident"]
    assert (one["status"], one["acknowledgements"]) == ("triggered", [])
    moved.moment += timedelta(minutes=30)
    one = rest(pager, "GET", PAGE)[1]["incident"]
    assert [each["assignee"]["id"] for each in one["assignments"]] == ["PUSER02"]


def test_a_resolved_one_is_opened_again(pager: FakePager) -> None:
    """Acknowledging a resolved incident opens it again, which the client has to avoid; resolving twice is 1001."""
    body = {"incident": {"type": "incident", "status": "resolved"}}
    assert rest(pager, "PUT", PAGE, body)[1]["incident"]["status"] == "resolved"
    assert code(rest(pager, "PUT", PAGE, body)) == (400, 1001)
    assert rest(pager, "PUT", PAGE, ACK)[1]["incident"]["status"] == "acknowledged"
    assert pager.counts("reopen") == {"Q3OMNI01": 1}


def test_who_may(pager: FakePager) -> None:
    """Keys of other kinds, and an address that nobody has, are refused with the codes of the real one."""
    assert code(rest(pager, "GET", PAGE, token="of-another-region")) == (401, 2006)
    assert rest(pager, "GET", "/users/me")[1]["user"]["email"] == pager_store.FROM
    assert rest(pager, "GET", "/users/me", token=ACCOUNT_TOKEN)[0] == 400
    assert code(rest(pager, "PUT", PAGE, ACK, token=READONLY_TOKEN)) == (403, 2010)
    assert code(rest(pager, "PUT", PAGE, ACK, token=ACCOUNT_TOKEN, From="")) == (400, 2016)
    assert code(rest(pager, "PUT", PAGE, ACK, token=ACCOUNT_TOKEN, From="who@example.test")) == (400, 1008)
    assert code(rest(pager, "GET", "/incidents/NOPE")) == (404, 2100)
    assert pager.counts("acknowledge") == {}


def test_listing(pager: FakePager) -> None:
    """Lists are filtered by state, user and key, and come in pages."""
    others = [pager.another(f"Alert{number}") for number in range(4)]
    rest(pager, "PUT", PAGE, ACK)
    found = rest(pager, "GET", "/incidents?statuses[]=acknowledged&user_ids[]=PUSER01")[1]
    assert [one["id"] for one in found["incidents"]] == ["Q3OMNI01"]
    found = rest(pager, "GET", "/incidents?limit=2&offset=2&sort_by=created_at:desc")[1]
    assert ([one["incident_number"] for one in found["incidents"]], found["more"]) == ([483, 482], True)
    found = rest(pager, "GET", f"/incidents?incident_key={others[0]['incident_key']}")[1]
    assert [one["id"] for one in found["incidents"]] == [others[0]["id"]]
    assert rest(pager, "GET", "/incidents?limit=500")[0] == 400


def test_several_at_once(pager: FakePager) -> None:
    """Several are acknowledged with one request, at most 250."""
    ids = ["Q3OMNI01", pager.another()["id"]]
    body = {"incidents": [{"id": id, "type": "incident_reference", "status": "acknowledged"} for id in ids]}
    assert [one["status"] for one in rest(pager, "PUT", "/incidents", body)[1]["incidents"]] == ["acknowledged"] * 2
    assert rest(pager, "PUT", "/incidents", {"incidents": body["incidents"] * 126})[0] == 413


def test_escalating(pager: FakePager) -> None:
    """A level hands it over and ends the acknowledgement; a level without people, and one that is not there, refuse."""
    rest(pager, "PUT", PAGE, ACK)
    body = {"incident": {"type": "incident", "escalation_level": 2}}
    one = rest(pager, "PUT", PAGE, body)[1]["incident"]
    assert (one["status"], one["assignments"][0]["assignee"]["summary"]) == ("triggered", "Bob Secondary")
    pager.data["levels"]["2"] = []
    assert code(rest(pager, "PUT", PAGE, body)) == (400, 1015)
    body["incident"]["escalation_level"] = 3
    assert code(rest(pager, "PUT", PAGE, body)) == (400, 1006)


def test_notes_and_responders(pager: FakePager) -> None:
    """Notes are kept; a responder is asked, or the account lacks the ability."""
    assert rest(pager, "POST", f"{PAGE}/notes", {"note": {"content": "hello"}})[1]["note"]["content"] == "hello"
    assert [note["content"] for note in rest(pager, "GET", f"{PAGE}/notes")[1]["notes"]] == ["hello"]
    target = {"responder_request_target": {"id": "PUSER02", "type": "user_reference"}}
    body = {"requester_id": "PUSER01", "message": "come", "responder_request_targets": [target]}
    assert rest(pager, "POST", f"{PAGE}/responder_requests", body)[0] == 200
    pager.data["coordinated_responding"] = False
    assert code(rest(pager, "POST", f"{PAGE}/responder_requests", body)) == (402, 2014)
    levels = [(row["escalation_level"], row["user"]["id"]) for row in rest(pager, "GET", "/oncalls")[1]["oncalls"]]
    assert levels == [(1, "PUSER01"), (2, "PUSER02")]


def test_the_alert_is_text(pager: FakePager) -> None:
    """An alert that came through Alertmanager holds its labels as text."""
    (alert,) = rest(pager, "GET", f"{PAGE}/alerts")[1]["alerts"]
    assert alert["alert_key"] == pager.page["incident_key"]
    assert " - alertname = ErrorBudgetBurnFast\n" in alert["body"]["details"]["firing"]


def test_events(pager: FakePager) -> None:
    """An event acts on the incident with its key and routing key; everything else is taken in and dropped."""
    url, key = pager.env["PAGERDUTY_EVENTS_URL"], pager.page["incident_key"]

    def send(**event: Any) -> int:
        return ask(url, "POST", "/v2/enqueue", {"routing_key": pager_store.ROUTING_KEY, **event})[0]

    assert send(event_action="acknowledge", dedup_key="nobody's") == 202
    other = pager_store.ROUTING_KEY_SECONDARY
    assert send(event_action="acknowledge", dedup_key=key, routing_key=other) == 202
    assert pager.page["status"] == "triggered"
    assert send(event_action="acknowledge", dedup_key=key) == 202
    assert pager.page["status"] == "acknowledged"
    assert send(event_action="resolve", dedup_key=key) == 202
    assert pager.page["status"] == "resolved"
    payload = {"summary": "again", "source": "x", "severity": "critical"}
    assert [send(event_action="trigger", dedup_key=key, payload=payload) for _ in range(2)] == [202, 202]
    assert len(pager.data["incidents"]) == 2
    assert send(event_action="acknowledge") == 400


@pytest.mark.parametrize("number", sorted(CODES))
def test_every_code_can_be_met(pager: FakePager, number: int) -> None:
    """A fault answers with any code of the real one, once, and nothing is done."""
    pager.faults(f"code={number}@PUT:pagerduty/incidents#1")
    assert code(rest(pager, "PUT", PAGE, ACK)) == (CODES[number][0], number)
    assert pager.counts("acknowledge") == {}
    assert rest(pager, "PUT", PAGE, ACK)[0] == 200


def test_too_many_requests(pager: FakePager) -> None:
    """A 429 says how long, or does not; both are the faults of one service alone."""
    pager.faults("rate-limited=7s@GET:pagerduty#1,rate-limited-bare@GET:pagerduty#2")
    status, headers, _ = ask(pager.env["PAGERDUTY_URL"], "GET", PAGE)
    assert (status, headers["ratelimit-reset"], headers["ratelimit-remaining"]) == (429, "7", "0")
    status, headers, _ = ask(pager.env["PAGERDUTY_URL"], "GET", PAGE)
    assert (status, "ratelimit-reset" in headers) == (429, False)
    assert rest(pager, "GET", PAGE)[0] == 200


def test_a_fault_without_a_service(pager: FakePager) -> None:
    """A fault that names no service is about OmniRoute, and PagerDuty does not meet it."""
    pager.faults("error-500@PUT")
    assert rest(pager, "PUT", PAGE, ACK)[0] == 200


def test_done_and_not_said(pager: FakePager) -> None:
    """A connection can break after the work is done, as with OmniRoute."""
    pager.faults("reset-after-apply@PUT:pagerduty#1")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        rest(pager, "PUT", PAGE, ACK)
    assert pager.page["status"] == "acknowledged"


def test_survives_a_kill(tmp_path: Path) -> None:
    """Only what begins with a page has a PagerDuty; killed and attached, it has the same ports and state."""
    with launcher.start("page", state=tmp_path / "drill", anchor=ANCHOR) as first:
        assert first.env["PAGERDUTY_FROM"] == pager_store.FROM
        url = first.env["PAGERDUTY_URL"]
        assert ask(url, "PUT", PAGE, ACK)[0] == 200
        first.process.kill()
        first.process.wait()
        with launcher.attach(tmp_path / "drill") as second:
            assert second.env["PAGERDUTY_URL"] == url
            assert ask(url, "GET", PAGE)[2]["incident"]["status"] == "acknowledged"
            kept = second.control("pager")["pager"]
            assert [write["what"] for write in kept["writes"]] == ["trigger", "acknowledge"]
    with launcher.start("provider-outage", state=tmp_path / "other", anchor=ANCHOR) as third:
        assert not [name for name in third.env if name.startswith("PAGERDUTY")]

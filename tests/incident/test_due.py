"""What is due, as the journal shows it: pages, deadlines of the checklist, clocks, messages, and what is in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omniops.clock import iso
from omniops.engine.state import RunState
from omniops.incident.due import of_messages, of_mitigations, of_page, of_run
from omniops.incident.outbox import Message
from omniops.incident.view import Incident, Mitigation
from omniops.journal.events import Event

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PAGE = {"id": "Q3OMNI01", "source": "pagerduty", "number": 481, "title": "ErrorBudgetBurnFast", "status": "triggered"}


def at(seconds: float) -> str:
    return iso(NOW + timedelta(seconds=seconds))


def events(stream: str, *told: tuple[str, dict[str, Any]]) -> list[Event]:
    return [Event(n, stream, n, at(-600), "eve", "h", "1", kind, data) for n, (kind, data) in enumerate(told, 1)]


def incident(*told: tuple[str, dict[str, Any]]) -> Incident:
    opened = ("incident.opened", {"title": "t", "onset": at(-600)})
    return Incident("i", events("incident/i", opened, *told))


def acked(seconds: float) -> tuple[str, dict[str, Any]]:
    return "page.acknowledged", {"page": "Q3OMNI01", "how": "rest", "confirmed": True, "unack_at": at(seconds)}


LINKED = ("page.linked", {"page": PAGE})


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([], []),
        ([LINKED], ["page #481 (ErrorBudgetBurnFast) is not acknowledged"]),
        ([LINKED, acked(1800)], []),
        ([LINKED, acked(301)], []),
        ([LINKED, acked(240)], ["page #481 (ErrorBudgetBurnFast) un-acknowledges itself in 4m 00s"]),
        ([LINKED, acked(-60)], ["page #481 (ErrorBudgetBurnFast) un-acknowledged itself 1m 00s ago"]),
        ([LINKED, ("page.acknowledged", {"page": "Q3OMNI01", "how": "events", "unack_at": ""})], []),
        ([("page.linked", {"page": {**PAGE, "source": "opened"}})], []),
        ([LINKED, acked(-60), ("incident.resolved", {})], []),
    ],
)
def test_pages(told: list[Any], words: list[str]) -> None:
    """A page that nobody has, and one that is about to be nobody's, need a person; a page without a pager does not."""
    found = of_page(incident(*told), NOW)
    assert [one.words for one in found] == words
    assert {one.urgency for one in found} <= {"now"}
    assert {one.next for one in found} <= {"omniops page ack Q3OMNI01"}


def run(current: dict[str, Any], timers: list[dict[str, Any]], *told: tuple[str, dict[str, Any]]) -> RunState:
    step = {"id": "decide", "kind": "ask", "title": "0:12 Decide", "edges": {}, **current}
    graph = {"id": "first-15-minutes", "start": "decide", "steps": {"decide": step}, "timers": timers}
    started = {"run": "r1", "incident": "i", "onset": at(-900), "page_at": at(-600), "graph": graph, "inputs": {}}
    return RunState(events("run/r1", ("run.started", started), ("step.entered", {"step": "decide"}), *told))


@pytest.mark.parametrize(
    ("due_s", "words", "urgency"),
    [
        (720.0, "first-15-minutes: 0:12 Decide: due in 2m 00s", "soon"),
        (300.0, "first-15-minutes: 0:12 Decide: 5m 00s late", "now"),
    ],
)
def test_the_checklist(due_s: float, words: str, urgency: str) -> None:
    """The step at which an open checklist stands, with its deadline counted from the page."""
    assert [(one.words, one.urgency, one.next) for one in of_run(run({"due_s": due_s}, []), NOW)] == [
        (words, urgency, "omniops resume r1")
    ]


def test_the_escalation() -> None:
    """A checklist that was left while it waits for the page to stop says when it will call the secondary."""
    waiting = {"kind": "wait", "title": "0:20 Has the page stopped?", "wait_s": 1200.0, "wait_from": "page"}
    words = "first-15-minutes: 0:20 Has the page stopped?: "
    found = [of_run(run(waiting, []), NOW + timedelta(seconds=later)) for later in (0, 700)]
    assert [(one.words, one.urgency) for (one,) in found] == [
        (f"{words}due in 10m 00s", "soon"),
        (f"{words}1m 40s late", "now"),
    ]


def test_clocks_of_open_runs() -> None:
    """Clocks that ran out, or will within five minutes; not one that is further off, and none of an ended run."""
    timers = [
        {"id": "status_banner", "from": "onset", "after_s": after, "unless": "", "do": "decide"}
        for after in (840.0, 960.0, 1300.0)
    ]
    timers = [{**timer, "id": f"x.{n}_banner"} for n, timer in enumerate(timers)]
    state = run({}, timers)
    state.steps["x"] = state.steps["decide"]
    found = of_run(state, NOW)
    assert [(one.words, one.urgency) for one in found] == [
        ("first-15-minutes: 0 banner: 1m 00s late", "now"),
        ("first-15-minutes: 1 banner: due in 1m 00s", "soon"),
    ]
    assert of_run(run({"due_s": 1.0}, timers, ("run.ended", {"outcome": "aborted"})), NOW) == []


def message(**changed: Any) -> Message:
    fresh = Message("o1", "i", "slack", "#c", "ack", {"text": "hi"}, "k", at(-60), "waiting", due=at(-60))
    return fresh._replace(**changed)


@pytest.mark.parametrize(
    ("changed", "unable", "urgency", "words"),
    [
        ({}, (), "clock", "o1 (ack) to #c waits"),
        ({"attempts": 1, "why": "down", "due": at(20)}, (), "clock", "o1 (ack) to #c waits: down; tried again in 20s"),
        ({"attempts": 2, "why": "down", "due": at(60)}, (), "now", "o1 (ack) to #c waits, after 2 attempts: down"),
        ({}, ("o1",), "now", "o1 (ack) to #c waits: nothing is set up to send it from here"),
        ({"state": "unsure", "due": "", "why": "reset"}, (), "now", "o1 (ack) to #c may have been sent: reset"),
        ({"state": "sending", "due": ""}, (), "clock", "o1 (ack) to #c is being sent"),
        ({"state": "sent", "due": ""}, (), "", ""),
        ({"state": "dropped", "due": ""}, (), "", ""),
    ],
)
def test_messages(changed: dict[str, Any], unable: tuple[str, ...], urgency: str, words: str) -> None:
    """A message that tries again by itself needs nobody at first; one that cannot, or keeps failing, does."""
    found = of_messages([message(**changed)], unable, NOW)
    assert [(one.urgency, one.words) for one in found] == ([(urgency, words)] if words else [])


def test_what_is_in_force() -> None:
    """What is in force is said, with the command that undoes it; what is kept on purpose is not."""
    one = Mitigation(
        "m12", "i", "r1", "openai/main", "connection.disable", at(-120), "eve", "in force", "omniops undo m12"
    )
    found = of_mitigations([one, one._replace(id="m13", state="kept")], NOW)
    assert [(due.words, due.urgency, due.next) for due in found] == [
        ("m12 connection.disable openai/main: in force for 2m 00s", "note", "omniops undo m12")
    ]

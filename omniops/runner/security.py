"""The page of 4.5 where the journal fails: it cannot be opened, or takes no more. A page does not need it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from omniops.actions.paging import ROLES, SECURITY, SECURITY_BY_HAND, dedup_key
from omniops.engine.changes import Item
from omniops.engine.graph import Graph
from omniops.engine.state import RunState
from omniops.errors import BadInput, NeedsPerson, OmniopsError
from omniops.incident.typed import Commands
from omniops.runner.known import incident_of, open_runs
from omniops.runner.person import Change, Person
from omniops.runner.session import Request, Result, Session
from omniops.runner.wiring import loopback_only
from omniops.services.pagerduty import Events

ROLE, FREEZE, SEND = "security", "incident.freeze", "page.send"
STEP = "page_security"
"""How the page is asked about where there is no run, and so no step of it."""


class Steps(NamedTuple):
    """The steps of 4.5 in a graph, whatever they are called there: inside the checklist they have a prefix."""

    freeze: str
    page: str
    by_hand: str


def steps_of(graph: Graph) -> Steps | None:
    """The steps of 4.5 in a graph; None where it has none: no freeze that a page follows."""
    steps = graph["steps"]
    freeze = next((id for id, step in steps.items() if step.get("action") == FREEZE), "")
    page = steps[freeze]["edges"]["success"] if freeze else ""
    if page not in steps or steps[page].get("action") != SEND:
        return None
    return Steps(freeze, page, steps[page]["edges"]["failure"])


def entered(result: Result) -> bool:
    """Is a walk on the security path, or on its way to it by what the journal did not take any more? One that was to
    end with the freeze pages nobody."""
    state, graph = result.state, result.state.graph
    mine = steps_of(graph)
    if mine is None or state.started.get("until") == mine.freeze:
        return False
    if graph["start"] == mine.freeze:
        return True
    leads = [str(data.get("go", "")) for kind, data in result.unwritten if kind == "step.done"]
    ways = {id for id, step in graph["steps"].items() if mine.freeze in step.get("edges", {}).values()}
    return bool({state.current, *leads} & {*mine, *ways})


Unwritten = Sequence[tuple[str, dict[str, Any]]]
"""The events of the append that failed."""


def page_alone(session: Session, request: Request, why: OmniopsError, result: Result | None = None) -> None:
    """Page the security on-call once, or have it done by hand, where ``why`` is what the journal failed with; ``why``
    then says what is not written down, and what to do later.

    ``result``: of the walk that this ended. What has left by then, PagerDuty's answer unwritten or not, is not sent
    again; and what leaves now has the key that the run's own page has, so that a resumed run pages nobody twice.
    Raises NeedsPerson where nobody approves it.
    """
    person = session.person
    state = result.state if result else _begun(session, request)
    unwritten = result.unwritten if result else ()
    if _done(state, unwritten):
        person.say(f"{why.brief}. {ROLES[ROLE]} has been paged by then, and is not paged again.", "bad")
    else:
        person.say(f"{why.brief}. The page does not wait for that.", "bad")
        if _left_to_a_person(state, unwritten) or not _paged(session, state, _approved(state, unwritten)):
            _by_hand(person)
    person.say("Stop. Follow SECURITY.md.", "head")
    why.state, why.next = _stands(session, state), _later(session, request, state)


def _begun(session: Session, request: Request) -> RunState | None:
    """The run that this process has begun all the same: an append that fails at its very end has been written."""
    from omniops.journal.lease import holder_state

    with suppress(OmniopsError):
        for run, opened in open_runs(session.journal).items():
            state = RunState(session.journal.read(f"run/{run}"))
            if opened["runbook"] == request.runbook and state.holder and holder_state(state.holder) == "me":
                return state
    return None


# What is known of the run's own page, by what is written down and by what could not be --------------------------------


def _steps(state: RunState) -> Steps:
    return steps_of(state.graph) or Steps("", STEP, "")


def _key(state: RunState) -> str:
    return f"{state.run}/{_steps(state).page}/0"


def _item(state: RunState | None) -> Item:
    page = _steps(state).page if state else ""
    return state.steps[page].items[0] if state and page in state.steps else Item()


def _status(state: RunState | None, unwritten: Unwritten) -> str:
    """What became of the run's own page: "applied", "not_applied", "in_doubt"; "" where nothing is known of it."""
    item = _item(state)
    judged = item.settled or item.outcome or {}
    for kind, data in unwritten:
        if state and kind in ("outcome", "reconciled") and data["key"].partition("#")[0] == _key(state):
            judged = data
    return str(judged.get("status", ""))


def _done(state: RunState | None, unwritten: Unwritten) -> bool:
    name = _steps(state).by_hand if state else ""
    said = [data["value"] for kind, data in unwritten if kind == "answered" and data["step"] == name]
    by_hand = state.steps.get(name) if state else None
    told = bool(by_hand and by_hand.done and by_hand.done["outcome"] == "success")
    return _status(state, unwritten) == "applied" or told or True in said


def _left_to_a_person(state: RunState | None, unwritten: Unwritten) -> bool:
    """It was declined, refused, or nobody knows: the runbook goes on by telephone."""
    declined = any(kind == "declined" and _is_the_page(state, data) for kind, data in unwritten)
    return declined or bool(_status(state, unwritten)) or _item(state).done is not None


def _approved(state: RunState | None, unwritten: Unwritten) -> bool:
    """Has the operator said yes to this page a moment ago?"""
    given = any(kind in ("approved", "intent") and _is_the_page(state, data) for kind, data in unwritten)
    return bool(_item(state).approved) or given


def _is_the_page(state: RunState | None, data: dict[str, Any]) -> bool:
    return state is not None and data.get("step") == _steps(state).page


# The page itself ------------------------------------------------------------------------------------------------------


def _paged(session: Session, state: RunState | None, approved: bool) -> bool:
    """False: it has to be done by hand."""
    settings, person = session.settings, session.person
    events = Events(settings, loopback_only if settings.drill else None)
    if not events.has_key(ROLE):
        return False
    change = Change(
        settings.environment, "PagerDuty", ROLES[ROLE], "page.send", {}, {"paged": ROLE}, {"says": SECURITY}, (),
        "a page cannot be taken back", "",
    )  # fmt: skip
    if not approved:
        person.change(change)
        if not person.approve(STEP, change, None):
            return False
    # Without a run, the same within an hour: the command typed again pages nobody twice.
    hour = f"{settings.operator} {session.clock.now():%Y-%m-%dT%H}"
    key = dedup_key(state.started["incident"], _key(state)) if state else dedup_key(hour, STEP)
    try:
        reply = events.trigger(ROLE, SECURITY, key, "omniops")
    except BadInput as error:
        person.say(f"Not paged: {error.brief}.", "bad")
        return False
    person.say(f"{ROLES[ROLE]}: {reply.detail}", "good" if reply.status == "sent" else "bad")
    return reply.status == "sent"


def _by_hand(person: Person) -> None:
    try:
        person.paged(STEP, ROLES[ROLE], SECURITY_BY_HAND, None)
    except NeedsPerson:
        person.say(f"Call {ROLES[ROLE]} now, by telephone. Say only: {SECURITY_BY_HAND!r}", "bad")


# What is said of it ---------------------------------------------------------------------------------------------------


def _stands(session: Session, state: RunState | None) -> str:
    silence = "stop the timer of `omniops tick`, run none, and send nothing"
    if state is None:
        return f"nothing is frozen or written down: {silence}"
    incident, frozen = state.started["incident"], False
    with suppress(OmniopsError):
        frozen = bool(incident_of(session.journal, incident).frozen)
    if frozen:
        return f"{incident} is frozen, run {state.run} is open; what became of the page is not written down in full"
    return f"run {state.run} is open, and nothing is frozen: {silence}"


def _later(session: Session, request: Request, state: RunState | None) -> str:
    """Once there is room again: what is missing is written down, and nobody is paged by it."""
    typed = f"omniops mitigate {request.runbook} --until freeze"
    if request.incident:
        typed += f" --incident {request.incident}"
    if state is not None:
        typed = Commands(session.settings.drill).resume(state.run) + " (by which nobody is paged twice)"
    return f"SECURITY.md; and once the journal can be written: {typed}"

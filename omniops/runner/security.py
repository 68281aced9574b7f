"""The page of 4.5 where the journal fails: it cannot be opened, or takes no more. A page does not need it."""

from __future__ import annotations

from contextlib import suppress

from omniops.actions.paging import ROLES, SECURITY, SECURITY_BY_HAND, dedup_key
from omniops.engine.state import RunState
from omniops.errors import BadInput, NeedsPerson, OmniopsError
from omniops.incident.typed import Commands
from omniops.runner.held import hold
from omniops.runner.known import incident_of, open_runs
from omniops.runner.person import Change, Person
from omniops.runner.reached import STEP, approved, is_done, left_to_a_person, own_key, steps_of
from omniops.runner.session import Request, Result, Session
from omniops.runner.wiring import loopback_only
from omniops.services.pagerduty import Events

ROLE = "security"


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
    return bool({state.current, *leads} & {mine.freeze, mine.page, mine.by_hand, *ways})


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
    stands = _held_back(session, state)  # first of all: whoever pages by hand takes their time
    if is_done(state, unwritten):
        person.say(f"{why.brief}. {ROLES[ROLE]} has been paged by then, and is not paged again.", "bad")
    else:
        person.say(f"{why.brief}. The page does not wait for that.", "bad")
        if left_to_a_person(state, unwritten) or not _paged(session, state, approved(state, unwritten)):
            _by_hand(person)
    person.say("Stop. Follow SECURITY.md.", "head")
    why.state, why.next = stands, _later(session, request, state)


def _begun(session: Session, request: Request) -> RunState | None:
    """The run that this process has begun all the same: an append that fails at its very end has been written."""
    from omniops.journal.lease import holder_state

    with suppress(OmniopsError):
        for run, opened in open_runs(session.journal).items():
            state = RunState(session.journal.read(f"run/{run}"))
            if opened["runbook"] == request.runbook and state.holder and holder_state(state.holder) == "me":
                return state
    return None


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
    key = dedup_key(state.started["incident"], own_key(state)) if state else dedup_key(hour, STEP)
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


def _held_back(session: Session, state: RunState | None) -> str:
    """Hold back what the journal could not freeze, and say how things stand."""
    incident, frozen = state.started["incident"] if state else "", False
    if state:
        with suppress(OmniopsError):
            frozen = bool(incident_of(session.journal, incident).frozen)
    if state and frozen:
        return f"{incident} is frozen, run {state.run} is open; what became of the page is not written down in full"
    silence = "stop the timer of `omniops tick`, run none, and send nothing"
    if hold(session.settings):
        silence = "until a freeze is written down, omniops sends nothing at all from here"
    begun = f"run {state.run} is open, and nothing is frozen" if state else "nothing is frozen or written down"
    return f"{begun}: {silence}"


def _later(session: Session, request: Request, state: RunState | None) -> str:
    """Once there is room again: what is missing is written down, and nobody is paged by it."""
    typed = f"omniops mitigate {request.runbook} --until freeze"
    if request.incident:
        typed += f" --incident {request.incident}"
    if state is not None:
        typed = Commands(session.settings.drill).resume(state.run) + " (by which nobody is paged twice)"
    return f"SECURITY.md; and once the journal can be written: {typed}"

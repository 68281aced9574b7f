"""One command's worth of walking: begin or resume a run, walk it, give the lease back, say what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omniops.clock import Clock
from omniops.config import Settings
from omniops.engine.graph import Graph
from omniops.engine.state import RunState
from omniops.errors import (
    BadInput,
    Broken,
    Exit,
    InDoubt,
    Interrupted,
    NeedsPerson,
    OmniopsError,
    Refused,
    Unreachable,
    Waiting,
)
from omniops.incident.view import Incident
from omniops.journal.events import Journal
from omniops.runner import opening
from omniops.runner.known import incident_of
from omniops.runner.person import PauseAsked, Person
from omniops.runner.reached import unreached
from omniops.runner.report import stands
from omniops.value import Value

if TYPE_CHECKING:
    from omniops.runner.walk import Walk


class Session(Value):
    """What every walking command is given."""

    settings: Settings
    clock: Clock
    person: Person
    journal: Journal
    dry: bool = False


class Request(Value):
    """What `omniops mitigate` was asked for."""

    runbook: str
    target: str = ""
    incident: str = ""
    onset: str = ""
    until: str = ""
    checklist: bool = False  # of ``incident``: it may lead to any runbook, and needs none of their scripts to begin


class Result(Value):
    """How it went. ``error`` is what stopped the walk, if anything did; a run that is only paused has no outcome.
    ``unwritten``: the run's events, kind and data, of an append that failed."""

    state: RunState
    outcome: str
    error: OmniopsError | None = None
    dry: bool = False
    unwritten: tuple[tuple[str, dict[str, Any]], ...] = ()

    @property
    def exit(self) -> int:
        from omniops.runner.report import EXITS

        return int(self.error.exit if self.error is not None else EXITS[self.outcome])


def mitigate(session: Session, request: Request, graph: Graph) -> Result:
    """Begin a run of ``graph`` and walk it. Raises OmniopsError while nothing has begun."""
    settings, person, clock, journal = session.settings, session.person, session.clock, session.journal
    ends = [id for id, step in graph["steps"].items() if step["kind"] not in ("choose", "call", "stop")]
    if request.until and request.until not in ends:
        raise BadInput(
            f"{graph['id']} has no step {request.until!r} that a walk can end after",
            why=f"these are: {', '.join(ends)}",
            state="nothing was attempted",
            next=f"omniops runbook show {graph['id']}",
        )
    from omniops.runner.wiring import asks_server, context, server_of

    url = server_of(graph, settings)
    ctx = context(settings, clock, "", clock.now(), url if asks_server(graph) else "")
    inputs: dict[str, Any] = {}
    targets = [request.incident]  # of the checklist: one walk for each incident
    if request.checklist:
        _scripts_missed(session, graph, ctx)
    else:
        _scripts_present(session, graph, ctx)
        inputs, targets = _inputs(session, request, graph, ctx)
    plan = opening.Plan(graph, inputs, targets, None, clock.now(), _title(graph, request.target), request.until)
    opening.refuse_double(journal, plan)
    if request.incident != "new":
        plan.incident = _attached(session, request, graph)
    if plan.incident is None:
        plan.onset = opening.ask_onset(person, clock.now(), request.onset)
    else:
        from omniops.clock import parse_iso

        plan.onset = parse_iso(plan.incident.onset)
        if request.onset:
            person.say(f"--onset is not used: {plan.incident.id} began at {plan.incident.onset}.", "warn")
    where = {"environment": settings.environment, "url": url}
    state = opening.begin(journal, clock, plan, where)
    new = "" if plan.incident else " (new)"
    person.say(f"Incident {state.started['incident']}{new}, run {state.run}. Ctrl-C pauses at a safe point.", "dim")
    return _walk(session, state, ctx)


def _attached(session: Session, request: Request, graph: Graph) -> Incident | None:
    """The incident that the run belongs to. On the security path (4.5) nothing waits for a person who is not there to
    say which: a new one is opened, and the page goes out."""
    try:
        return opening.attach(session.journal, session.person, request.incident, session.clock.now())
    except NeedsPerson as error:
        if session.person.interactive or not stops_everything(graph):
            raise
        words = f"{error.brief}: none of them is frozen by this. --incident names one, in a second command"
        session.person.say(f"{words}.", "bad")
        return None


def stops_everything(graph: Graph) -> bool:
    """Does a runbook begin with the freeze of 4.5?"""
    return graph["steps"][graph["start"]].get("action") == "incident.freeze"


def _scripts_present(session: Session, graph: Graph, ctx: Any) -> None:
    """Raises BadInput where a script that this runbook may run is not there."""
    from omniops.actions.specs import SPECS

    needed = {SPECS[step["action"]].script for step in graph["steps"].values() if step["kind"] == "action"} - {""}
    if needed:
        from omniops.actions.scripts import check_present

        check_present(session.settings, ctx, sorted(needed))


def _scripts_missed(session: Session, graph: Graph, ctx: Any) -> None:
    """The checklist may do without scripts; which choice they are missing for is said at once."""
    try:
        _scripts_present(session, graph, ctx)
    except OmniopsError as error:
        session.person.say(f"{error.what}: rolling back will have to be done by hand.", "warn")


def _title(graph: Graph, target: str) -> str:
    return f"{graph['id']} {target}".strip()


def _inputs(session: Session, request: Request, graph: Graph, ctx: Any) -> tuple[dict[str, Any], list[str]]:
    """Turn TARGET into the runbook's one input, resolved; and the names that guard against a second walk."""
    if not graph["inputs"]:
        if request.target:
            raise BadInput(
                f"{graph['id']} takes no target",
                why=f"{request.target!r} was given",
                state="nothing was attempted",
                next=f"omniops mitigate {graph['id']}",
            )
        return {}, []
    name, spec = next(iter(graph["inputs"].items()))
    from omniops.actions import resolve

    readers: dict[str, Callable[[str], Any]] = {
        "connections": lambda text: resolve.connections(ctx.omniroute, text),
        "version": lambda text: resolve.version(text, session.settings),
    }
    read = readers.get(spec["type"], str)
    text = request.target or _ask_target(session, graph, name, spec, read)
    value = read(text)
    if spec["type"] == "connections":
        for item in value:
            session.person.say(f"  {item['target']}{'' if item['active'] else '  (already disabled)'}")
        return {name: value}, [item["id"] for item in value]
    return {name: value}, [str(value)]


def _ask_target(session: Session, graph: Graph, name: str, spec: dict[str, Any], read: Callable[[str], Any]) -> str:
    def check(text: str) -> str:
        try:
            read(text)
        except OmniopsError as error:
            return error.what
        return ""

    missing = BadInput(
        f"{graph['id']} needs a target",
        why=spec.get("help", name),
        state="nothing was attempted",
        next=f"omniops mitigate {graph['id']} {name.upper().removesuffix('S')}",
    )
    try:
        answer = session.person.text(name, f"{spec.get('help', name)}:", None, check)
    except NeedsPerson:
        raise missing from None
    if not answer:
        raise missing
    return answer


def resume(session: Session, run: str, *, take_over: bool, abort: str = "") -> Result:
    """Go on with a run. Raises OmniopsError where it cannot be taken over; where the journal does not take that, the
    result says so, and what run it was."""
    from omniops.runner.wiring import asks_server, context, server_of

    state = opening.left_by(session.journal, run)
    if not state.n:
        raise BadInput(f"there is no run {run!r}", state="nothing was attempted", next="omniops incident list")

    def confirm(question: str) -> bool:
        from omniops.runner.person import Option

        if take_over or not session.person.interactive:
            return take_over
        options = [
            Option("leave", "Leave it"),
            Option("take", "Take it over", "the other one will stop at its next write"),
        ]
        return session.person.choose("take-over", question, options, None) == "take"

    same_place(session, state)
    try:
        opening.take_over(session.journal, state, confirm=confirm)
    except (Broken, Waiting) as error:
        return _seen(session, Result(state, "", error))
    state.frozen = bool(incident_of(session.journal, state.started["incident"]).frozen)
    if state.outcome:
        opening.release(session.journal, state, "ended")
        return _seen(session, Result(state, state.outcome))
    try:
        url = server_of(state.graph, session.settings) if asks_server(state.graph) else ""
        ctx = context(session.settings, session.clock, state.started["incident"], state.onset, url)
    except OmniopsError:
        opening.release(session.journal, state, "paused")
        raise
    if abort:
        return _seen(session, _abort(session, state, ctx, abort))
    return _seen(session, _walk(session, state, ctx, resumed=True))


def _seen(session: Session, result: Result) -> Result:
    """The same, with the looks at the traffic from before the run was taken over: they are told at its end."""
    try:
        whole = RunState(session.journal.read(f"run/{result.state.run}"))
    except OmniopsError:
        return result
    for id, step in result.state.steps.items():
        if id in whole.steps:
            step.looks, step.last_look = whole.steps[id].looks, whole.steps[id].last_look
    return result


def same_place(session: Session, state: RunState) -> None:
    """A run goes on against the server it began with. Raises BadInput."""
    from omniops.runner.wiring import asks_server

    settings = session.settings
    begun = (state.started.get("url") if asks_server(state.graph) else "", state.started.get("environment"))
    now = (settings.omniroute_url if begun[0] else "", settings.environment)
    if begun != now and begun[0]:
        raise BadInput(
            f"run {state.run} was begun against {begun[0]} ({begun[1]})",
            why=f"the settings say {now[0]} ({now[1]}) now",
            state="nothing was attempted",
            next=f"export OMNIROUTE_URL={begun[0]} OMNIOPS_ENV={begun[1]}",
        )


def _abort(session: Session, state: RunState, ctx: Any, reason: str) -> Result:
    from omniops.runner.walk import Walk

    walk = Walk(ctx, session.person, session.journal, state, dry=session.dry)
    if walk.is_frozen():
        session.person.say("The reason is not stored: the incident is on the security path (4.5).", "warn")
    walk.record(("note", {"text": "aborted" if walk.is_frozen() else f"aborted: {reason}"}))
    walk.end(state.abandoned())
    opening.release(session.journal, state, "ended")
    return Result(state, state.outcome)


def _walk(session: Session, state: RunState, ctx: Any, *, resumed: bool = False) -> Result:
    from omniops.journal.writer import LostLease
    from omniops.runner.walk import Walk

    incident = incident_of(session.journal, state.started["incident"])
    ctx = ctx._replace(incident=incident.id, onset=state.onset, page=_page(incident))
    if session.dry:
        from omniops.runner.assumed import Assumed

        ctx = ctx._replace(omniroute=Assumed(ctx.omniroute))
    walk = Walk(ctx, session.person, session.journal, state, dry=session.dry)
    walk.interrupts.noticed = lambda: session.person.say("Pausing at the next safe point (again: at once) ...", "warn")
    if resumed and state.current in state.steps:
        walk.show(state.current)
    error: OmniopsError | None = None
    try:
        walk.go()
        error = walk.would_stop
    except (PauseAsked, KeyboardInterrupt):
        error = _paused(walk, walk.interrupts.wanted)
    except OmniopsError as stopped:
        error = stopped
        unanswered = isinstance(stopped, NeedsPerson) and not isinstance(stopped, LostLease)
        if unanswered:
            stopped.state = stands(state)
        if _ends_the_run(session, state, stopped):
            walk.end(state.abandoned())
            if walk.typed.resume(state.run) in stopped.next:
                stopped.state, stopped.next = (
                    f"{stands(state)}; the run has ended",
                    "mend it, then the same command again",
                )
        elif unanswered and not session.person.interactive and (_half_done(state) or unreached(state)):
            stopped.state += f"; run {state.run} is open"
            flag = stopped.next.removeprefix("run it in a terminal, or give ")
            stopped.next = f"{walk.typed.resume(state.run)}, in a terminal or with {flag}"
    finally:
        ctx.omniroute.close()
        opening.release(session.journal, state, "ended" if state.outcome else "paused")
    if error is None:
        return Result(state, state.outcome, dry=session.dry)
    outcome = "in_doubt" if isinstance(error, InDoubt) else state.outcome
    return Result(state, outcome, error, session.dry, walk.unwritten)


def _page(incident: Incident) -> dict[str, Any]:
    """What woke somebody, and whether the secondary has been called in already."""
    page = dict(incident.page or {})
    return {**page, "escalated": incident.escalated} if incident.escalated else page


def _ends_the_run(session: Session, state: RunState, error: OmniopsError) -> bool:
    """Without a person, a question that nobody answers ends the run, and so does a refusal, while nothing of it is in
    force. What is in doubt, half done or to be put back stays open for `omniops resume`."""
    from omniops.journal.writer import LostLease

    if (
        session.person.interactive
        or isinstance(error, LostLease)
        or state.busy
        or state.changes.undoing
        or state.outcome
    ):
        return False
    if unreached(state):  # 4.5: it stays to be done, and `omniops tick` says so
        return False
    if isinstance(error, NeedsPerson):
        return not _half_done(state)
    untouched = not any(record.in_force for record in state.changes.records.values())
    return untouched and isinstance(error, (Refused, Unreachable, BadInput))


def _half_done(state: RunState) -> bool:
    """Something is to be put back or gone on with: ended, the run would leave that to nobody."""
    at = state.steps.get(state.current)
    begun = at is not None and any(item.done is not None for item in at.items)
    return begun or any(record.to_put_back for record in state.changes.records.values())


def _paused(walk: Walk, number: int) -> Interrupted:
    import signal

    error = Interrupted(
        f"at step {walk.state.current}",
        state=stands(walk.state),
        next=walk.typed.resume(walk.state.run),
    )
    if number in (signal.SIGTERM, signal.SIGHUP):
        error.exit = Exit.TERMINATED
    return error

"""Verify and wait: looks at live traffic until there is a verdict, and keeps every look as evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from omniops.clock import Clock, iso, parse_iso
from omniops.engine.next import next_clock
from omniops.engine.refs import Undefined, resolve
from omniops.engine.verify import VERDICTS, Budgets, decide
from omniops.errors import OmniopsError
from omniops.failpoints import reached
from omniops.incident.typed import by_hand
from omniops.incident.view import Incident
from omniops.journal.events import New
from omniops.runner.known import runs_of
from omniops.runner.measure import ERRORS_ONLY, Measure
from omniops.runner.own.table import find as find_own
from omniops.runner.person import PromptDue, Sample
from omniops.runner.witness import witness_of
from omniops.text import duration, one_line

if TYPE_CHECKING:
    from omniops.actions.base import Context
    from omniops.config import Settings
    from omniops.runner.session import Session
    from omniops.runner.walk import Walk

EDGES = {"recovered": "success", "not_recovered": "failure", "inconclusive": "inconclusive"}


LOOK_EVERY_S, LOOK_WITHIN_S, LOOK_PASSES, LOOK_REQUESTS = 5.0, 60.0, 3, 20
"""How `omniops incident verify` looks: a person waits for it, so it is quicker than a runbook's step."""


def watch(
    clock: Clock,
    measure: Measure,
    samples: list[Sample],
    *,
    every_s: float,
    passes: int,
    deadline: datetime,
    tell: Callable[[Sequence[Sample], float], None],
    pause: Callable[[], None],
) -> str:
    """Look every ``every_s`` seconds until there is a verdict. ``tell`` journals and shows each look; ``pause`` may
    raise between looks."""
    while True:
        if samples:
            rest = (parse_iso(samples[-1].at) + timedelta(seconds=every_s) - clock.now()).total_seconds()
            left = (deadline - clock.now()).total_seconds()
            _sleep(clock, min(rest, left) if left > 0 else rest, pause)
        sample = measure.to_sample(measure.look())
        samples.append(sample)
        tell(samples, max((deadline - clock.now()).total_seconds(), 0.0))
        # However late it is, there are as many looks as a verdict needs: a slow server is no reason to give up.
        verdict = decide(samples, passes, clock.now() >= deadline and len(samples) >= passes)
        if verdict is not None:
            return verdict
        pause()


def _sleep(clock: Clock, seconds: float, pause: Callable[[], None]) -> None:
    """Sleep in pieces, so that Ctrl-C and clocks are heard."""
    until = clock.now() + timedelta(seconds=seconds)
    while (left := (until - clock.now()).total_seconds()) > 0:
        clock.sleep(min(left, 0.25 * getattr(clock, "speed", 1.0)))
        pause()


def verify(walk: Walk, step: str, deadline: datetime) -> None:
    """Perform a verify step: every look is journalled, the verdict finishes the step."""
    spec = walk.state.step(step)["verify"]
    if walk.dry:
        walk.person.say(f"would look at live traffic for up to {spec['within_s']:.0f}s; assumed to pass.", "dim")
        walk.finish(step, "success", detail="assumed: this is a dry run")
        return
    try:
        items = resolve(spec["scope"], walk.state.scope()) if spec.get("scope") else []
    except Undefined as unknown:  # without it the whole gateway would be judged
        walk.finish(step, "inconclusive", detail=str(unknown), cause="undefined")
        return
    items = [{**item, "back": True} if item["id"] in _left_in(walk, spec["since"]) else item for item in items]
    since = walk.state.changed_at(spec["since"])
    budgets = budgets_of(walk.ctx.settings)
    ctx = walk.context(step)
    witness = witness_of(ctx, latency=spec["slo"] not in ERRORS_ONLY)
    measure = Measure(ctx, spec["slo"], items, since, spec["min_requests"], budgets, witness)
    at = walk.state.steps[step]
    samples = [Sample(**{key: event.data[key] for key in Sample._fields if key in event.data}) for event in at.samples]
    nearest = next_clock(walk.state)

    def tell(series: Sequence[Sample], left_s: float) -> None:
        if len(series) == 1:
            walk.person.say(_since(since, walk.ctx.omniroute.skew_s()), "dim")
        walk.record(("sample", {"step": step, **series[-1]._asdict()}))
        reached("in_verify", step)
        walk.person.sample(step, series, left_s)

    def pause() -> None:
        walk.safe_point()
        if nearest is not None and walk.now() >= nearest:
            raise PromptDue

    verdict = watch(
        walk.ctx.clock, measure, samples,
        every_s=spec["every_s"], passes=spec["passes"], deadline=deadline, tell=tell, pause=pause,
    )  # fmt: skip
    last = samples[-1]
    walk.person.say(f"{VERDICTS[verdict]}: {last.why}", "good" if verdict == "recovered" else "bad")
    outputs = {"verdict": verdict, "since": iso(since), "looks": len(samples)}
    if verdict == "recovered":
        outputs["version"] = _running(walk.ctx)
    walk.finish(step, EDGES[verdict], outputs=outputs, detail=last.why)


def _left_in(walk: Walk, since: str) -> set[str]:
    """The connections that a step with ``each`` left in rotation: declined, or skipped. They still serve."""
    at = walk.state.steps.get(since)
    if at is None:
        return set()
    pairs = zip(at.values, at.items, strict=False)
    return {value["id"] for value, item in pairs if item.done is not None and item.done["outcome"] != "success"}


def _running(ctx: Context) -> str:
    """The version that was just proved well, for "last green"; "" where the server does not say."""
    try:
        return one_line(ctx.omniroute.version()[0], 60)
    except OmniopsError:
        return ""


def budgets_of(settings: Settings) -> Budgets:
    """The budgets in force: p95 of ``latency-p95-aggregate``, and the error ratio that burns at SEV-1's rate."""
    from omniops.catalog.ladder import slos_for
    from omniops.engine.verify import BUDGETS

    slos = slos_for(settings.user_runbooks)
    try:
        p95_s = slos.get("latency-p95-aggregate").budget_s
        objective, burn = slos.get("availability-cluster").objective, slos.get("error-budget-burn-5m").below
    except KeyError:
        return BUDGETS
    if p95_s is None or objective is None or burn is None:
        return BUDGETS
    return Budgets(p95_s, round(burn * (1 - objective), 6))


def _since(since: datetime, skew_s: float | None) -> str:
    words = f"Counting traffic since {since:%H:%M:%S}Z, by the server's clock"
    if skew_s is None or abs(skew_s) < 1:
        return words + "."
    return f"{words}, which is {duration(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} this one."


def wait(walk: Walk, step: str, until: datetime) -> None:
    """Wait for a moment, in pieces; the engine finishes the step when it has come. With ``until``, a read may end it
    early: it is looked at when the step begins and every so often."""
    early = walk.state.step(step).get("until")
    if early:
        if _as_wanted(walk, step, early):
            walk.finish(step, "success", outputs={"early": True})
            return
        rest = min((until - walk.now()).total_seconds(), early["every_s"])
        nearest = next_clock(walk.state)

        def pause() -> None:
            walk.safe_point()
            if nearest is not None and walk.now() >= nearest:
                raise PromptDue

        _sleep(walk.ctx.clock, rest, pause)
        return
    _sleep(walk.ctx.clock, min((until - walk.now()).total_seconds(), 1.0), walk.safe_point)


def _as_wanted(walk: Walk, step: str, early: dict[str, Any]) -> bool:
    """One look of a wait. What cannot be read is not as wanted."""
    from omniops.runner.reading import summary

    try:
        own = find_own(early["action"])
        outputs = own(walk, {}) if own else walk.find(early["action"]).read(walk.context(step), {})
    except OmniopsError as error:
        walk.person.say(f"{error.what}; looking again in {duration(early['every_s'])}.", "dim")
        return False
    walk.person.say(summary(outputs), "dim")
    return bool(outputs.get(early["output"]) is early["is"])


def verify_incident(session: Session, incident: Incident) -> tuple[str, dict[str, Any]]:
    """`omniops incident verify`: look at traffic since the incident's last change; the verdict is journalled. Raises
    BadInput, with how the proof is written down by hand, where no server is named."""
    from omniops.config import no_server
    from omniops.engine.state import RunState
    from omniops.runner.session import same_place
    from omniops.runner.wiring import context

    if not session.settings.has_server:
        raise no_server(by_hand(incident.id))
    journal = session.journal
    states = [RunState(journal.read(f"run/{run}")) for run in runs_of(journal, incident.id)]
    since, items = _what_to_look_at(states, parse_iso(incident.onset))
    for state in states:
        same_place(session, state)
    ctx = context(
        session.settings, session.clock, incident.id, parse_iso(incident.onset), session.settings.omniroute_url
    )
    budgets, witness = budgets_of(session.settings), witness_of(ctx, latency=True)
    measure = Measure(ctx, "latency-p95-aggregate", items, since, LOOK_REQUESTS, budgets, witness)
    samples: list[Sample] = []
    try:
        verdict = watch(
            session.clock, measure, samples,
            every_s=LOOK_EVERY_S, passes=LOOK_PASSES, deadline=session.clock.now() + timedelta(seconds=LOOK_WITHIN_S),
            tell=lambda series, left: session.person.sample("verify", series, left), pause=lambda: None,
        )  # fmt: skip
    finally:
        ctx.omniroute.close()
    last = samples[-1]._asdict()
    data = {"verdict": verdict, "since": iso(since), "last": last}
    if verdict == "recovered":
        data["version"] = _running(ctx)
    journal.append([New(f"incident/{incident.id}", None, "verified", data)])
    return verdict, last


def _what_to_look_at(states: list[Any], onset: datetime) -> tuple[datetime, list[dict[str, Any]]]:
    """Since the last change that is in force or was undone; the connections that the runs were about, wherever they
    came from. One that is in rotation (``back``) may carry the traffic that proves its provider well."""
    since = onset
    found: dict[str, dict[str, Any]] = {}
    disabled = set()
    for state in states:
        inputs = [value for value in state.started["inputs"].values() if isinstance(value, list)]
        for items in (*inputs, *(at.values for at in state.steps.values())):
            found.update({item["id"]: item for item in items if isinstance(item, dict) and "provider" in item})
        for record in state.changes.records.values():
            since = max(since, parse_iso(record.undone or record.at))
            if record.in_force:
                disabled.add(record.intent["args"].get("connection"))
    return since, [{**item, "back": id not in disabled} for id, item in found.items()]

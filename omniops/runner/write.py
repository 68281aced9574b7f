"""A change, made exactly once: observe, approve what was shown, intent, send, outcome, read back.

Each function performs one stage and journals it; the engine derives the next stage from the journal, so a crash
between any two of them resumes at the right one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omniops.actions.base import Applied, Observation, Write
from omniops.actions.specs import SPECS
from omniops.clock import parse_iso
from omniops.engine.changes import Item
from omniops.engine.next import MOST_TRIES
from omniops.engine.refs import Undefined
from omniops.errors import Broken, NeedsPerson, OmniopsError
from omniops.failpoints import reached
from omniops.journal.events import New
from omniops.runner.person import Change
from omniops.runner.walk import bind, cause_of

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

SEND_WITHIN_S = 5.0
"""An intent is sent within this time of a clock that counts suspend, or observed again first."""
LATE = {"late": True}
LOOKS = 4
LOOK_EVERY_S = 1.0
APPROVED_FOR_S = 600.0
FRESH_S = 2.0
"""An observation older than this is made again before the approved change is sent."""


class TooLate(Exception):
    """The intent's moment to send has passed; nothing has been sent."""


class Target:
    """One item of a write step: its action, arguments and place."""

    def __init__(self, walk: Walk, step: str, index: int) -> None:
        self.walk, self.id, self.index = walk, step, index
        self.step = walk.state.step(step)
        self.name = self.step["action"]
        self.spec = SPECS[self.name]
        self.action: Write = walk.find(self.name)
        self.item = walk.state.steps[step].items[index]
        self.ctx = walk.context(step)
        self.args = walk.args(step, index)

    def observe(self) -> Observation:
        return self.action.observe(self.ctx, self.args)

    def prepare(self, before: dict[str, Any], *, undoing: bool) -> None:
        """What the action has to check at leisure, before an intent gives it seconds. Raises OmniopsError."""
        prepare = getattr(self.action, "prepare", None)
        if prepare is not None and not self.walk.dry:
            self.ctx = self.ctx._replace(prepared=prepare(self.ctx, self.args, before, undoing))

    def done(self, outcome: str, **more: Any) -> tuple[str, dict[str, Any]]:
        """The ``item.done`` event; empty values are left out."""
        data: dict[str, Any] = {"step": self.id, "item": self.index, "outcome": outcome}
        if self.item.intent is not None:
            data["key"] = self.item.intent["key"]
        return "item.done", {**data, **{key: value for key, value in more.items() if value}}

    def failed(self, error: OmniopsError, **more: Any) -> None:
        self.walk.person.say(error.brief, "bad")
        self.walk.record(self.done("failure", detail=error.brief, cause=cause_of(error), **more))


def target_of(walk: Walk, step: str, index: int) -> Target | None:
    """The target, or None where its arguments cannot be known: the item has then failed."""
    try:
        return Target(walk, step, index)
    except Undefined as unknown:
        data = {"step": step, "item": index, "outcome": "failure", "detail": str(unknown), "cause": "undefined"}
        walk.record(("item.done", data))
        return None


def change_of(walk: Walk, name: str, seen: Observation, undo: str, verb: str = "") -> Change:
    """A write as it is shown before it is approved."""
    settings = walk.ctx.settings
    destructive = seen.destructive or SPECS[name].effect == "destructive"
    typed = f"{settings.environment}/{seen.typed or seen.target}" if destructive else ""
    return Change(
        environment=settings.environment,
        host=settings.get("OMNIROUTE_URL") or "this host",
        target=seen.target,
        action=verb + name,
        before=seen.state,
        after=seen.desired,
        shown=seen.shown,
        warnings=seen.warnings,
        undo=undo,
        typed=typed,
    )


def attempt(walk: Walk, step: str, index: int) -> None:
    """Observe; if it is already so, succeed; else have it approved, write the intent, and send."""
    target = target_of(walk, step, index)
    if target is None:
        return
    try:
        if target.item.unanswered >= MOST_TRIES:
            raise Broken(f"{target.name} was begun {MOST_TRIES} times and never finished")
        seen = target.observe()
    except OmniopsError as error:
        target.failed(error)
        return
    if seen.already:
        walk.person.say(f"{seen.target}: already so, nothing to change.", "good")
        walk.record(target.done("success", at=seen.at, outputs={"changed_at": seen.at}, after=seen.desired))
        return
    change = change_of(walk, target.name, seen, _how_undone(target))
    bound = bind(change.environment, change.host, target.name, seen.target, seen.state, seen.desired, change.typed)
    events: list[tuple[str, dict[str, Any]]] = []
    if target.item.approved != bound or aged(walk, target.item.approved_at):
        if target.item.approved and target.item.approved != bound:
            walk.person.say(f"{seen.target} has changed since it was approved; here it is again.", "warn")
        walk.person.change(change)
        if _needs_approval(target, seen):
            asked_at = walk.ctx.clock.boot()
            if not _approved(walk, step, change):
                walk.person.say(f"Declined: {seen.target} is as it was.", "warn")
                declined = {"step": step, "item": index, "bound": bound}
                walk.record(("declined", declined), target.done("declined", detail="declined by the operator"))
                return
            approved = {"step": step, "item": index, "bound": bound, "typed": change.typed}
            if walk.ctx.clock.boot() - asked_at > FRESH_S:
                walk.record(("approved", approved))
                return  # the engine comes back here: observed again, and sent only if nothing bound has changed
            events.append(("approved", approved))
    _begin(target, seen, events)


def _approved(walk: Walk, step: str, change: Change) -> bool:
    """Ask. A dry run asks nobody, but says where flags that are missing would end the walk."""
    if not walk.dry:
        return walk.ask(lambda until: walk.person.approve(step, change, until))
    if walk.person.interactive:
        return True
    try:
        return walk.person.approve(step, change, None)
    except NeedsPerson as error:
        walk.would_stop = walk.would_stop or error
        walk.person.say(f"The walk would stop here: {error.why}.", "warn")
        return True


def aged(walk: Walk, approved_at: str) -> bool:
    """An approval is a person's word about now; after a pause it is asked for again."""
    return (walk.now() - parse_iso(approved_at)).total_seconds() > APPROVED_FOR_S


def _how_undone(target: Target) -> str:
    return target.spec.undo or f"cannot be undone: {target.spec.why_no_undo}"


def _needs_approval(target: Target, seen: Observation) -> bool:
    if seen.outputs.get("by_hand"):
        return False  # the operator acts, and says so
    return bool(target.step.get("approve")) or seen.destructive or target.spec.effect == "destructive"


def _begin(target: Target, seen: Observation, events: list[tuple[str, dict[str, Any]]]) -> None:
    walk = target.walk
    by_hand = seen.outputs.get("by_hand") or ({"command": seen.command} if seen.command else None)
    if by_hand is None:
        try:
            target.prepare(seen.state, undoing=False)
        except OmniopsError as error:
            walk.record(*events)
            target.failed(error)
            return
    reached("before_intent", target.id)
    intent = {
        **intent_of(walk, target.id, target.index, target.item.tries),
        "action": target.name,
        "args": target.args,
        "target": seen.target,
        "before": seen.state,
        "desired": seen.desired,
        "effect": target.spec.effect,
        "undo": target.spec.undo,
        **({"repair": True} if target.spec.repair else {}),
    }
    if by_hand is not None:
        intent["by_hand"] = by_hand
    walk.record(*events, ("intent", intent))
    reached("after_intent", target.id)
    if by_hand is not None:
        return  # the engine asks for it to be settled: the operator does it, and says so
    applied = send(walk, target, intent, undoing=False)
    record_outcome(target, applied)


def intent_of(walk: Walk, step: str, index: int, tries: int) -> dict[str, Any]:
    """The part of an intent that says who may send it, and until when."""
    from omniops.journal.lease import me

    key = f"{walk.state.run}/{step}/{index}" + (f"#{tries + 1}" if tries else "")
    send_by = round(walk.ctx.clock.boot() + SEND_WITHIN_S, 3)
    return {"key": key, "step": step, "item": index, "send_by": send_by, "boot": me()["boot"]}


def send(walk: Walk, target: Target, intent: dict[str, Any], *, undoing: bool) -> Applied:
    """Send it once, if the lease is still ours and the deadline has not passed."""
    if walk.dry:
        assume = getattr(target.ctx.omniroute, "assume", None)
        if assume is not None:
            assume(intent["desired"])
        return Applied("applied", "assumed: this is a dry run")

    def permit() -> None:
        """Asked at the last instant before each request that writes."""
        walk.writer.still_ours()
        if walk.ctx.clock.boot() > intent["send_by"]:
            raise TooLate

    verb = target.action.undo if undoing else target.action.apply
    try:
        permit()
        with target.ctx.permitted(permit) as ctx:
            applied = verb(ctx, intent["args"], intent["before"], intent["key"])
    except TooLate:
        return Applied("not_applied", "it was not sent: its moment had passed (was this computer asleep?)", LATE)
    reached("after_response", target.id)
    return applied


def record_outcome(target: Target, applied: Applied) -> None:
    """Journal what came of it. What certainly failed fails the item; what may have happened is settled next."""
    walk = target.walk
    intent = target.item.intent or {}
    outcome = {"key": intent["key"], "status": applied.status}
    extras = {"detail": applied.detail, "evidence": applied.evidence, "outputs": applied.outputs, "at": applied.at}
    outcome.update({key: value for key, value in extras.items() if value})
    after: list[tuple[str, dict[str, Any]]] = []
    if applied.status == "failed" or (applied.status == "not_applied" and not applied.evidence.get("late")):
        walk.person.say(applied.detail or "it did not happen", "bad")
        refused = applied.evidence.get("code") in (401, 403)
        cause = "failed" if applied.status == "failed" else "refused" if refused else "not_applied"
        after.append(target.done("failure", detail=applied.detail, cause=cause))
    elif applied.evidence.get("late"):
        walk.person.say(f"{intent['target']}: {applied.detail}; it is looked at again.", "warn")
    walk.record(("outcome", outcome), *after)
    reached("after_outcome", target.id)


def confirm(walk: Walk, step: str, index: int) -> None:
    """It was answered as applied: read it back, a few times if the answer is stale."""
    target = target_of(walk, step, index)
    if target is None:
        return
    judged = target.item.settled or target.item.outcome or {}
    outputs = {**judged.get("outputs", {}), "changed_at": judged.get("at", "")}
    intent = target.item.intent or {}
    if not target.spec.readback or walk.dry:
        _succeed(target, judged, outputs, intent["desired"])
        return
    by_hand = bool(intent.get("by_hand"))
    seen, problem = read_back(target, lambda seen: seen.already or (by_hand and seen.fits))
    if seen is not None:
        _succeed(target, judged, outputs, seen.desired)
        return
    doubt = f"{intent['target']}: the server took the change, but {problem}; whether the change holds cannot be told"
    walk.person.say(doubt, "bad")
    walk.record(target.done("failure", detail=doubt, cause="in_doubt"))


def read_back(target: Target, holds: Callable[[Observation], bool]) -> tuple[Observation | None, str]:
    """Look until a write shows, a few times where the answer is stale; return what was seen, or None and why not."""
    problem = ""
    for look in range(LOOKS):
        if look:
            target.walk.ctx.clock.sleep(LOOK_EVERY_S)
        try:
            seen = target.observe()
        except OmniopsError as error:
            problem = error.what
            continue
        if holds(seen):
            return seen, ""
        problem = "reading it back does not show it"
    return None, problem


def _succeed(target: Target, judged: dict[str, Any], outputs: dict[str, Any], after: dict[str, Any]) -> None:
    intent = target.item.intent or {}
    how = "would be done" if target.walk.dry else "done" + (" and read back" if target.spec.readback else "")
    target.walk.person.say(f"{intent['target']}: {how}.", "good")
    done = target.done("success", changed=True, at=judged.get("at"), outputs=outputs, after=after)
    target.walk.record(done, *_put_back_by(target), also=_told(target, outputs))


def _told(target: Target, outputs: dict[str, Any]) -> list[New]:
    """What the incident's stream learns with a success: that the secondary was called, whichever way they are called
    next time (a step, or `page escalate`)."""
    if not target.spec.tells or target.walk.dry:
        return []
    page = str(target.ctx.page.get("id", ""))
    intent = target.item.intent or {}
    data = {"page": page, "to": intent["target"], "how": str(outputs.get("how", "")), "confirmed": True}
    target.walk.ctx = target.walk.ctx._replace(page={**target.ctx.page, "escalated": data})
    return [New(f"incident/{target.walk.state.started['incident']}", None, target.spec.tells, data)]


def _put_back_by(target: Target) -> list[tuple[str, dict[str, Any]]]:
    """Starting the cluster again is the undo of having stopped it: that change is no longer in force."""
    if not target.spec.reverses:
        return []
    records = target.walk.state.changes.records.values()
    reversed_ = [record for record in records if record.in_force and record.intent["action"] == target.spec.reverses]
    return [("undone", {"key": record.key, "by_step": target.id}) for record in reversed_]


def answered(item: Item) -> bool:
    """The server has answered, so it is done with the request. After a timeout or a reset it may still be at it, and
    a gateway's 502 to 504 says nothing about the server behind it."""
    code = ((item.outcome or {}).get("evidence") or {}).get("code")
    return bool(code) and code not in (502, 503, 504)


def settle(walk: Walk, step: str, index: int) -> None:
    """An intent whose outcome is unknown. Ask better evidence than the state, then the state, then a person."""
    from omniops.runner.doubt import by_hand, judge

    target = target_of(walk, step, index)
    if target is None:
        return
    reached("in_resume", step)
    intent = target.item.intent or {}
    if intent.get("by_hand"):
        by_hand(target, intent)
        return
    walk.person.say(f"{intent['target']}: finding out whether the change was made ...", "dim")
    applied = judge(target, intent, answered=answered(target.item), undoing=False)
    if applied.status == "in_doubt" and target.spec.resend and target.item.outcome is None:
        applied = applied._replace(status="not_applied")  # never answered: it is sent again, and taken once
    settled = {"key": intent["key"], "status": applied.status, "detail": applied.detail}
    settled.update({key: value for key, value in (("at", applied.at), ("outputs", applied.outputs)) if value})
    events: list[tuple[str, dict[str, Any]]] = [("reconciled", settled)]
    if applied.status == "in_doubt":
        walk.person.say(f"in doubt: {applied.detail}", "bad")
        events.append(target.done("failure", detail=f"in doubt: {applied.detail}", cause="in_doubt"))
    elif applied.status == "failed" or (applied.status == "not_applied" and target.item.outcome is not None):
        # An answered attempt that did not take is not repeated by itself; one that was never answered is.
        walk.person.say(applied.detail, "bad")
        events.append(target.done("failure", detail=applied.detail, cause="not_applied"))
    walk.record(*events)

"""Puts changes back: only what is still ours, newest first, each with an intent of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omniops.actions.base import Applied, Observation
from omniops.actions.specs import SPECS
from omniops.engine.changes import Record
from omniops.engine.next import MOST_TRIES
from omniops.errors import Broken, Exit, InDoubt, NeedsPerson, NotOurs, OmniopsError, Refused, Unreachable
from omniops.failpoints import reached
from omniops.incident.typed import Commands
from omniops.runner.doubt import done_elsewhere, judge, on_the_host
from omniops.runner.walk import bind
from omniops.runner.write import FRESH_S, Target, aged, answered, change_of, intent_of, read_back, send

if TYPE_CHECKING:
    from omniops.runner.walk import Walk


class TestFailed(OmniopsError):
    """The target's own test fails, so putting it back was not done without a person's word."""

    exit = Exit.NO


class Undoing(Target):
    """The target of an undo: an earlier change, with the arguments its intent holds."""

    def __init__(self, walk: Walk, record: Record) -> None:
        self.walk, self.record = walk, record
        self.id: str = record.intent["step"]
        self.name: str = record.intent["action"]
        self.spec = SPECS[self.name]
        self.action = walk.find(self.name)
        self.ctx = walk.context(self.id)
        self.args = record.intent["args"]
        self.after = {**record.after, "_at": record.at}

    def observe_back(self) -> Observation:
        return self.action.observe_undo(self.ctx, self.args, self.record.intent["before"], self.after)


def everything(walk: Walk) -> None:
    """Undo all that this run changed and that can be undone, newest first; repairs stay, and that is said.

    Raises NotOurs, TestFailed, InDoubt, ...
    """
    records = [record for record in walk.state.changes.records.values() if record.to_put_back]
    repairs = [record for record in records if record.repair]
    if repairs:
        walk.person.say(repairs_stay([(record.id, record.intent["target"]) for record in repairs], walk.typed))
    for record in reversed(records):
        if not record.repair:
            one(walk, record)


def repairs_stay(repairs: Sequence[tuple[str, str]], typed: Commands) -> str:
    """What is said of the repairs (id, target) that an undo of everything passes over."""
    named = ", ".join(f"{id} {target}" for id, target in repairs)
    told = f"Repairs stay as they are: {named}."
    return told if typed.drill else f"{told} Named, one is taken back: {typed.undo(repairs[0][0])}"


def one(walk: Walk, record: Record, *, force: bool = False) -> None:
    """Put one change back. Returns when it is back and has been read back, or when it already was; and when it turns
    out to have been done and cannot be taken back."""
    target = Undoing(walk, record)
    what = record.intent["target"]
    if record.status == "open" and not record.undone:
        _find_out(target)
    if not record.reversible and not record.undone:
        _cannot_be(walk, record)
        return
    for _ in range(MOST_TRIES):
        if record.undone:
            return
        if walk.state.changes.undoing:
            settle(walk, walk.state.changes.undoing)
            continue
        seen = target.observe_back()
        if seen.already:
            walk.person.say(f"{what}: already back as it was.", "good")
            walk.record(("undone", {"key": record.key, "detail": "already back"}))
            return
        _still_ours(walk, record, seen)
        approved = _approve(target, seen, force)
        if approved is not None:
            _send(target, seen, approved)
    if not record.undone:
        raise Broken(
            f"{what} could not be put back",
            why=f"it was tried {MOST_TRIES} times, and each time something came in between",
            state="it is still in force",
            next=walk.typed.undo(record.id),
        )


def _find_out(target: Undoing) -> None:
    """Of a change that nobody saw the end of, find out first: what was sent may still arrive after it was undone."""
    walk, record = target.walk, target.record
    item = walk.state.steps[target.id].items[record.intent["item"]]
    if record.intent.get("by_hand") or item.intent is None or item.intent["key"] != record.key:
        return
    reached("in_resume", target.id)
    walk.person.say(f"{record.intent['target']}: finding out whether the change was made ...", "dim")
    applied = judge(target, record.intent, answered=answered(item), undoing=False)
    if applied.status == "in_doubt":
        return  # it is put back all the same, if what is there can be told to be ours
    found: dict[str, Any] = {"key": record.key, "status": applied.status, "detail": applied.detail}
    found.update({key: value for key, value in (("at", applied.at), ("outputs", applied.outputs)) if value})
    events: list[tuple[str, dict[str, Any]]] = [("reconciled", found)]
    if applied.status == "not_applied":
        walk.person.say(f"{record.intent['target']}: the change was never made.", "good")
        events.append(("undone", {"key": record.key, "detail": "it was never made"}))
    walk.record(*events)
    target.after = {**record.after, "_at": record.at}


def _cannot_be(walk: Walk, record: Record) -> None:
    """Say what became of a change that cannot be taken back. Raises InDoubt where nobody can tell."""
    why = SPECS[record.intent["action"]].why_no_undo
    if record.in_doubt:
        keep = walk.typed.keep(record.id)
        raise InDoubt(
            f"{record.intent['target']}: nobody can tell whether it was done",
            why=why,
            state="nothing was attempted; it is still on the list",
            next=f"look at it{f', then: {keep}' if keep else ''}",
        )
    what = "it was done, and stays" if record.status == "applied" else "it failed on the way, and what it did stays"
    walk.person.say(f"{record.intent['target']}: {what}: {why}.", "warn")


def _still_ours(walk: Walk, record: Record, seen: Observation) -> None:
    why = seen.shown.get("not_ours", "")
    if not why and record.status == "applied" and seen.state != record.after:
        why = f"it is {seen.state} now, and was left as {record.after}"
    if why:
        keep = walk.typed.keep(record.id)
        raise NotOurs(
            f"{record.intent['target']} is not put back: somebody else has changed it since",
            why=str(why),
            state="nothing was changed",
            next=f"look at it{f'; `{keep}` takes it off the list' if keep else ''}",
        )


def _approve(target: Undoing, seen: Observation, force: bool) -> list[tuple[str, dict[str, Any]]] | None:
    """The events of the approval; None if it took so long that the target has to be looked at again."""
    walk, record = target.walk, target.record
    failing, unknown = seen.shown.get("test_failed"), seen.shown.get("writes_unknown")
    change = change_of(walk, target.name, seen, "the runbook's own step does it again", "undo of ")
    if (failing or unknown) and not force:  # y is typed too easily for what will likely hurt
        typed = change.typed or f"{change.environment}/{seen.typed or seen.target}"
        change = change._replace(person_only=True, typed=typed)
    bound = bind(
        *(change.environment, change.host, "undo", target.name, seen.target, seen.state, seen.desired, change.typed),
        bool(failing),
        bool(unknown),
    )
    walk.person.change(change)
    if failing and not force and not walk.person.interactive:
        raise TestFailed(
            f"{seen.target} is not put back: its test fails",
            why=str(failing),
            state="nothing was changed",
            next=f"{walk.typed.undo(record.id, '--force')} puts it back all the same",
        )
    if unknown and not force and not walk.person.interactive:
        raise NeedsPerson(
            f"{seen.target} is not put back: whether it is still ours is unknown",
            why=str(unknown),
            state="nothing was changed; it is still in force",
            next=f"{walk.typed.undo(record.id)} in a terminal asks; {walk.typed.undo(record.id, '--force')} does it",
        )
    if record.approved == bound and not aged(walk, record.approved_at):
        return []
    asked_at = walk.ctx.clock.boot()
    if not walk.ask(lambda until: walk.person.approve(f"{target.id}.undo", change, until)):
        raise NeedsPerson(
            f"{seen.target}: undo declined",
            state="nothing was changed; it is still in force",
            next=walk.typed.undo(record.id),
        )
    if walk.ctx.clock.boot() - asked_at > FRESH_S:
        again = target.observe_back()
        if (again.state, again.desired) != (seen.state, seen.desired):
            walk.person.say(f"{seen.target} has changed while you were asked; here it is again.", "warn")
            return None
    data = {
        "step": target.id,
        "item": record.intent["item"],
        "bound": bound,
        "typed": change.typed,
        "undo_of": record.key,
    }
    return [("approved", data)]


def _send(target: Undoing, seen: Observation, approved: list[tuple[str, dict[str, Any]]]) -> None:
    walk, record = target.walk, target.record
    if not seen.command:
        target.prepare(record.intent["before"], undoing=True)
    place = intent_of(walk, target.id, record.intent["item"], 0)
    intent = {
        **place,
        "key": f"{record.key}/undo@{walk.state.n}",
        "undo_of": record.key,
        "action": target.name,
        "args": target.args,
        "target": seen.target,
        "before": record.intent["before"],
        "desired": seen.state,
        "effect": target.spec.effect,
    }
    if seen.command:
        intent["by_hand"] = {"command": seen.command}
    walk.record(*approved, ("intent", intent))
    reached("in_undo", target.id)
    if seen.command:
        _by_hand(target, intent)
        return
    _judged(target, intent, send(walk, target, intent, undoing=True), "outcome")


def _by_hand(target: Undoing, intent: dict[str, Any]) -> None:
    words = on_the_host(intent["by_hand"]["command"])
    did = target.walk.ask(lambda until: target.walk.person.done(f"{target.id}.undo", words, until))
    seen = done_elsewhere(target, intent, undoing=True) if did and not target.walk.dry else None
    _judged(target, intent, seen or Applied("applied" if did else "not_applied", "by hand"), "outcome")


def settle(walk: Walk, key: str) -> None:
    """Finish an undo that was interrupted: find out whether it took effect."""
    record = walk.state.changes.records[key]
    target = Undoing(walk, record)
    assert record.undo is not None
    assert record.undo.intent is not None
    intent = record.undo.intent
    reached("in_resume", target.id)
    if record.undo.status == "applied":
        _read_back(target)
        return
    if intent.get("by_hand"):
        _by_hand(target, intent)
        return
    _judged(target, intent, judge(target, intent, answered=answered(record.undo), undoing=True), "reconciled")


def _judged(target: Undoing, intent: dict[str, Any], applied: Applied, kind: str) -> None:
    walk = target.walk
    data = {"key": intent["key"], "undo_of": target.record.key, "status": applied.status, "detail": applied.detail}
    data.update({key: value for key, value in (("evidence", applied.evidence), ("at", applied.at)) if value})
    walk.record((kind, data))
    if applied.status == "applied":
        _read_back(target)
    elif applied.status == "in_doubt":
        if kind == "outcome":
            settle(walk, target.record.key)
            return
        raise InDoubt(
            f"{target.record.intent['target']}: nobody can tell whether it was put back",
            why=applied.detail,
            state="the journal holds the intent; nothing was sent twice",
            next=f"look at it, then: {walk.typed.undo(target.record.id)}",
        )
    elif applied.evidence.get("late"):
        walk.person.say(f"{target.record.intent['target']}: {applied.detail}; it is looked at again.", "warn")
    elif applied.status == "failed" or kind == "outcome":
        raise _error_of(intent, applied)(
            f"{target.record.intent['target']} could not be put back",
            why=applied.detail,
            state="it is still in force" if applied.status == "not_applied" else "something may have changed",
            next=walk.typed.undo(target.record.id),
        )


def _error_of(intent: dict[str, Any], applied: Applied) -> type[OmniopsError]:
    """Declined by the operator (3), refused by the server (4), not done (5), or half done (6)."""
    if applied.status == "failed":
        return Broken
    if intent.get("by_hand"):
        return NeedsPerson
    return Refused if applied.evidence.get("code") in (401, 403) else Unreachable


def _read_back(target: Undoing) -> None:
    """See that it is back. A stale answer gets a few looks more."""
    walk, record = target.walk, target.record
    if target.spec.readback and not walk.dry:
        seen, problem = read_back(target, lambda seen: seen.state == record.intent["before"])
        if seen is None:
            raise InDoubt(
                f"{record.intent['target']}: the server took the undo, but {problem}",
                state="the journal holds the intent and its answer",
                next=f"{walk.typed.undo(record.id)} looks again",
            )
    walk.person.say(f"{record.intent['target']}: back as it was.", "good")
    walk.record(("undone", {"key": record.key}))

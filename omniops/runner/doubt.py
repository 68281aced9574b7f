"""What became of a change that nobody saw the end of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omniops.actions.base import Applied
from omniops.clock import iso
from omniops.errors import OmniopsError
from omniops.services.omniroute import REQUEST_TIMEOUT_S

if TYPE_CHECKING:
    from omniops.runner.write import Target

LOOK_EVERY_S = 1.0


def judge(target: Target, intent: dict[str, Any], *, answered: bool, undoing: bool) -> Applied:
    """Decide between applied, not_applied, failed and in_doubt.

    "Not applied" is believed only when nothing can arrive any more: after the intent's deadline and one request's
    timeout, or at once where the server has answered (with an error) and so is done with the request.
    """
    evidence = target.action.reconcile(target.ctx, intent["args"], intent["before"], intent["key"], undoing)
    if evidence is not None:
        return evidence
    clock = target.ctx.clock
    speed = getattr(clock, "speed", 1.0)  # a drill's server answers in the drill's time
    # Waited out on the clock that nobody sets: a wall clock that steps forward would cut it short.
    until = clock.boot() + (2 * LOOK_EVERY_S if answered else quiet_in(target, intent)) / speed
    while True:
        verdict = _look(target, intent, undoing)
        left = (until - clock.boot()) * speed
        if verdict.status == "applied" or left <= 0:
            return verdict
        clock.sleep(min(LOOK_EVERY_S, max(left, 0.01)))


def quiet_in(target: Target, intent: dict[str, Any]) -> float:
    """Seconds until nothing of this intent can reach the server any more."""
    from omniops.journal.lease import me
    from omniops.runner.write import SEND_WITHIN_S

    clock = target.ctx.clock
    limit = REQUEST_TIMEOUT_S
    if intent["boot"] == me()["boot"]:
        return max(float(intent["send_by"]) + limit - clock.boot(), 0.0)
    # Another boot, so its clock says nothing here, and the wall clock may have been set since: all of it is waited out.
    return SEND_WITHIN_S + limit


def _look(target: Target, intent: dict[str, Any], undoing: bool) -> Applied:
    """Compare the state with what it was and what was wanted. Observing is enough: undo's own look would test the
    target each time, which is traffic."""
    try:
        seen = target.observe()
    except OmniopsError as error:
        return Applied("in_doubt", f"{intent['target']} cannot be read: {error.what}")
    wanted, otherwise = (intent["before"], intent["desired"]) if undoing else (intent["desired"], intent["before"])
    if seen.state == wanted or (seen.already and not undoing):
        return Applied("applied", "the state is what was wanted", at=seen.at or iso(target.walk.now()))
    if seen.state == otherwise:
        return Applied("not_applied", f"{intent['target']}: the change was not made")
    return Applied("in_doubt", f"{intent['target']} is neither as it was nor as wanted")


def on_the_host(command: str) -> str:
    """What an operator is asked to do where omniops is not on the server's host."""
    return f'Run this on the host of the server, then answer "done":\n  {command}'


def by_hand(target: Target, intent: dict[str, Any]) -> None:
    """The operator does it, and says so; what can be seen of it from here is read back as if omniops had done it."""
    from omniops.runner.write import record_outcome

    walk, hand = target.walk, intent["by_hand"]
    if walk.dry:
        did, how = True, "assumed: this is a dry run"
    elif "words" in hand:
        did = walk.ask(lambda until: walk.person.paged(target.id, hand["who"], hand["words"], until))
        how = "by hand"
    else:
        words = on_the_host(hand["command"])
        did = walk.ask(lambda until: walk.person.done(target.id, words, until))
        how = "by hand"
    outputs, at = {"how": "by hand"}, iso(walk.now())
    if not did:
        outcome = {"key": intent["key"], "status": "not_applied", "detail": how, "outputs": outputs, "at": at}
        walk.record(("outcome", outcome), target.done("declined", detail="declined by the operator"))
        return
    seen = None if walk.dry or "words" in hand else done_elsewhere(target, intent, undoing=False)
    applied = seen or Applied("applied", how)
    record_outcome(target, applied._replace(outputs={**outputs, **applied.outputs}, at=applied.at or at))


def done_elsewhere(target: Target, intent: dict[str, Any], *, undoing: bool) -> Applied | None:
    """What came of what a person has just done on the server's host; None where it cannot be seen from here."""
    look = getattr(target.action, "done_elsewhere", None)
    if look is None:
        return None
    walk = target.walk
    walk.person.say(f"{intent['target']}: reading it back ...", "dim")
    began = walk.state.changes.records[intent.get("undo_of") or intent["key"]].time
    seen: Applied | None = look(target.ctx, intent["args"], intent["before"], began, undoing)
    return seen

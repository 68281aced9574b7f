"""A run's result: as JSON, as an exit code, and as the last lines on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omniops.engine.changes import Record
from omniops.engine.state import RunState
from omniops.errors import Exit
from omniops.incident.typed import Commands

EXITS = {
    "mitigated": Exit.DONE,
    "not_recovered": Exit.NO,
    "inconclusive": Exit.NO,
    "aborted": Exit.PERSON,
    "in_doubt": Exit.IN_DOUBT,
    "stopped": Exit.STOP,
}

WORDS = {
    "mitigated": "Mitigated, and shown to be so.",
    "not_recovered": "Not recovered.",
    "inconclusive": "Whether it has recovered cannot be told.",
    "aborted": "Ended before it was done.",
    "in_doubt": "In doubt: nobody can tell whether a change took effect.",
    "stopped": "Stopped. Follow SECURITY.md from here.",
}


def changes(state: RunState) -> list[dict[str, Any]]:
    """What the run changed, or may have changed: target, before, after, and how it is undone."""
    found = []
    for record in state.changes.records.values():
        if record.status == "not_applied" or record.again:
            continue
        intent = record.intent
        undo = typed(state).undo(record.id) if record.reversible else ""
        change: dict[str, Any] = {
            "target": intent["target"],
            "action": intent["action"],
            "before": intent["before"],
            "after": record.after,
            "undo": undo or None,
            "id": record.id,
            "status": "undone" if record.undone else "in_doubt" if record.status == "open" else record.status,
        }
        found.append(change)
    return found


def as_json(state: RunState, outcome: str, error: str = "", dry: bool = False) -> dict[str, Any]:
    """The answer ``omniops.run/1``. A dry run has no outcome, no run and no incident: nothing has happened."""
    answer: dict[str, Any] = {
        "schema": "omniops.run/1",
        "incident": state.started["incident"],
        "run": state.run,
        "runbook": state.graph["id"],
        "outcome": outcome or None,
        "drill": bool(state.started.get("drill")),
        "changes": changes(state),
        "evidence": _evidence(state),
    }
    if dry:
        would = [{**change, "status": "would_change", "undo": None, "id": None} for change in answer["changes"]]
        answer.update(dry_run=True, incident=None, run=None, outcome=None, changes=would)
    if error:
        answer["error"] = error
    return answer


def _evidence(state: RunState) -> dict[str, Any] | None:
    """The last verify step's verdict and last look."""
    for id in reversed(state.steps):
        step = state.steps[id]
        if step.last_look is not None:
            done = step.done
            return {
                "step": id,
                "outcome": done["outcome"] if done else None,
                "looks": step.looks,
                "last": step.last_look.data,
            }
    return None


def typed(state: RunState) -> Commands:
    """The commands that go on from this run."""
    return Commands(bool(state.started.get("drill")))


def lines(state: RunState, outcome: str) -> list[tuple[str, str]]:
    """The last words on the screen, with their tones: what came of it, what is in force, and last what to type next."""
    proof = _evidence(state)
    well = outcome == "mitigated" and (proof is None or proof["outcome"] == "success")
    said = [(_verdict(state, outcome), "good" if well else "warn")]
    if outcome == "stopped" and not _somebody_paged(state):
        said.append(("NOBODY HAS BEEN PAGED. Call the security on-call (@security-team) now.", "bad"))
    in_force = [record for record in state.changes.records.values() if record.on_list]
    for record in in_force:
        said.append(_standing(record))
    if not in_force and outcome == "aborted":
        said.append(("Nothing was changed.", ""))
    said += [(f"next: {command}   ({why})", "key") for command, why in _next(state, outcome, in_force) if command]
    return said


def _standing(record: Record) -> tuple[str, str]:
    if record.status == "open":
        return f"in doubt: {record.intent['action']} {record.intent['target']}", "warn"
    return f"{record.stands}, by {record.id}.", "" if record.repair else "warn"


def _next(state: RunState, outcome: str, in_force: Sequence[Record]) -> list[tuple[str, str]]:
    """What to type next, and why; the first is the likeliest."""
    commands, incident = typed(state), str(state.started["incident"])
    passing = [record for record in in_force if record.reversible and not record.repair]
    undo = commands.undo(passing[0].id if len(passing) == 1 else "") if passing else ""
    kept = [record for record in in_force if record not in passing]
    keep = commands.keep(kept[-1].id) if kept else ""
    if outcome == "stopped":
        return []
    if outcome == "mitigated":
        if passing:
            return [(undo, "when the cause is gone")]
        why = "a repair stays; then resolve the incident" if kept and kept[-1].repair else "when you have looked at it"
        if commands.drill:
            return [("omniops drill show", "what happened, in order")]
        return [(keep, why)] if keep else [(commands.resolve(incident), "when nothing is left to do")]
    stopped = any(record.intent["action"] == "cluster.stop" for record in passing)
    puts_back = "it starts the cluster again, on the data AS IT IS" if stopped else "it puts back what is in force"
    found = [(commands.again(state.graph["id"], incident), "to begin again")]
    if outcome in ("not_recovered", "inconclusive") and not stopped:
        found = [("omniops incident verify", "looks again; `omniops runbook list` shows the other ways")]
        if commands.drill:
            found = [] if undo else [("omniops drill list", "the other scenarios")]
    if outcome == "in_doubt":
        found = [(keep, "when you have looked at it")]
    return found + ([(undo, puts_back)] if undo else [])


def stands(state: RunState) -> str:
    """What state things are in, in one clause. What was begun and has no end yet is in doubt, undo or not."""
    doubtful = [r for r in state.changes.records.values() if r.in_doubt or r.key == state.changes.undoing]
    doubt = [record.intent["target"] for record in doubtful]
    in_force = [r.stands for r in state.changes.records.values() if r.to_put_back and r not in doubtful]
    words = [f"in doubt: {', '.join(doubt)}"] if doubt else []
    words += in_force
    return "; ".join(words) or "nothing is in force"


def _somebody_paged(state: RunState) -> bool:
    """A page was sent, or somebody says that they have called."""
    paged = any(
        record.intent["action"] == "page.send" and record.status == "applied"
        for record in state.changes.records.values()
    )
    return paged or any(id.rpartition(".")[2] == "by_hand" and state.succeeded(id) for id in state.steps)


def _verdict(state: RunState, outcome: str) -> str:
    """The outcome in words. "Shown to be so" is said only where the last look at the traffic has shown it."""
    if outcome != "mitigated":
        return WORDS.get(outcome, outcome)
    proof = _evidence(state)
    if proof is not None and proof["outcome"] == "success":
        return WORDS[outcome]
    until = state.started.get("until")
    ended = f"Ended after step {until}, as asked." if until else "Walked to its end."
    if proof is None:
        return f"{ended} Whether it has recovered was not looked at."
    found = WORDS["not_recovered" if proof["outcome"] == "failure" else "inconclusive"]
    return f"{ended} {found} ({proof['step']}: {proof['last']['why']})"

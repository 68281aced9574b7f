"""`omniops undo` over runs: which mitigations, in which order, each under its run's lease."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any, NamedTuple

from omniops.errors import BadInput, Exit, Interrupted, NeedsPerson, OmniopsError
from omniops.incident.typed import Commands
from omniops.incident.view import MITIGATION_KINDS, UNDO, Mitigation, mitigations
from omniops.runner import opening, undo
from omniops.runner.known import incident_of
from omniops.runner.person import Option, PauseAsked
from omniops.runner.session import Session, same_place
from omniops.runner.signals import Interrupts


class PutBack(NamedTuple):
    """How the undo of one mitigation went; ``error``: it was not put back, and why. Neither: it was found to have been
    done, and there is nothing of it to put back."""

    mitigation: Mitigation
    error: OmniopsError | None = None
    undone: bool = False

    def as_json(self) -> dict[str, Any]:
        one = self.mitigation
        answer: dict[str, Any] = {
            "id": one.id,
            "target": one.target,
            "incident": one.incident,
            "undone": self.undone,
        }
        return answer | ({"error": self.error.what, "why": self.error.why} if self.error else {})


def put_back(
    session: Session, ids: Sequence[str], *, incident: str = "", force: bool = False, take_over: bool = False
) -> list[PutBack]:
    """Undo the mitigations named, or all in force (of one incident) but repairs, newest first; say how each went. Where
    one is named that is in doubt and cannot be taken back, what became of it is found out.

    Raises BadInput for an unknown id or incident, NeedsPerson, Interrupted; what was put back before stays so.
    """
    if incident:
        incident_of(session.journal, incident)
    wanted = _wanted(session, ids, incident)
    done: list[PutBack] = []
    if len(wanted) > 1:
        session.person.say(_order(wanted))
    with Interrupts() as interrupts:
        for mitigation in sorted(wanted, key=lambda one: int(one.id[1:]), reverse=True):
            try:
                if interrupts.wanted:
                    raise PauseAsked
                undone = _one(session, mitigation, interrupts, force=force, take_over=take_over)
            except (PauseAsked, KeyboardInterrupt):
                raise _paused(session, mitigation, interrupts.wanted) from None
            except OmniopsError as error:
                # The others are not held up by this one: each stands for itself.
                done.append(PutBack(mitigation, error))
            else:
                done.append(PutBack(mitigation, undone=undone))
    return done


def _order(wanted: Sequence[Mitigation]) -> str:
    """In which order several are put back, in words.

    A combo gets a model back before the connections that serve it. That is harmless: a disabled connection is sent
    nothing, and a combo passes over a model that nothing serves (tests/real), just as on the way in.
    """
    words = f"{len(wanted)} changes are put back, the last one first."
    if not {"combo.withdraw", "connection.disable"} <= {one.action for one in wanted}:
        return words
    return f"{words} Until its connections are back, a combo passes over the models that it gets back."


def _paused(session: Session, mitigation: Mitigation, number: int) -> Interrupted:
    now = next((one for one in in_force(session) if one.id == mitigation.id), None)
    untouched = now is not None and now.state == mitigation.state != "undo begun"
    error = Interrupted(
        f"while putting back {mitigation.target}",
        state=f"nothing of it was changed; it is {mitigation.state}"
        if untouched
        else "the journal says how far it got",
        next=Commands(session.journal.drill).undo(mitigation.id),
    )
    if number in (signal.SIGTERM, signal.SIGHUP):
        error.exit = Exit.TERMINATED
    return error


def in_force(session: Session) -> list[Mitigation]:
    return mitigations(session.journal.kinds(MITIGATION_KINDS), Commands(session.journal.drill))


def _wanted(session: Session, ids: Sequence[str], incident: str) -> list[Mitigation]:
    known = in_force(session)
    for id in ids:
        if id not in {one.id for one in known}:
            raise BadInput(
                f"no mitigation {id!r} is in force",
                why="in force: " + (", ".join(one.id for one in known) or "none"),
                state="nothing was attempted",
                next=Commands(session.journal.drill).mitigations(),
            )
    if ids:
        return [one for one in known if one.id in ids]
    known = [one for one in known if one.undo]
    found = [one for one in known if one.state != "kept" and not one.repair and incident in ("", one.incident)]
    repairs = [one for one in known if one.state != "kept" and one.repair and incident in ("", one.incident)]
    if repairs:
        named = [(one.id, one.target) for one in repairs]
        session.person.say(undo.repairs_stay(named, Commands(session.journal.drill)))
    if len({one.incident for one in found}) > 1:
        return _choose(session, found)
    return found


def _choose(session: Session, found: list[Mitigation]) -> list[Mitigation]:
    """Several incidents have something in force: which one's?"""
    names = sorted({one.incident for one in found})
    options = [Option(name, name, ", ".join(m.target for m in found if m.incident == name)) for name in names]
    try:
        chosen = session.person.choose("incident", "Undo the mitigations of which incident?", options, None)
    except NeedsPerson:
        chosen = None
    if not chosen:
        typed = Commands(session.journal.drill)
        raise NeedsPerson(
            "several incidents have mitigations in force",
            why=", ".join(names),
            state="nothing was attempted",
            next=f"{typed.undo(option=f'--incident {names[0]}')}, or name them: {found[0].undo}",
        )
    return [one for one in found if one.incident == chosen]


def _one(session: Session, mitigation: Mitigation, interrupts: Interrupts, *, force: bool, take_over: bool) -> bool:
    from omniops.runner.walk import Walk
    from omniops.runner.wiring import context, server_of

    def confirm(question: str) -> bool:
        return take_over

    journal = session.journal
    state = opening.left_by(journal, mitigation.run)
    same_place(session, state)
    opening.take_over(journal, state, confirm=confirm, how=UNDO)
    state.frozen = True  # no clock of the run interrupts an undo
    try:
        url = server_of(state.graph, session.settings)
        ctx = context(session.settings, session.clock, state.started["incident"], state.onset, url)
    except OmniopsError:
        opening.release(journal, state, "paused")
        raise
    walk = Walk(ctx, session.person, journal, state)
    walk.interrupts = interrupts
    record = next(r for r in state.changes.records.values() if r.id == mitigation.id)
    try:
        undo.one(walk, record, force=force)
        if state.ending and not state.outcome:
            walk.end(state.ending)
        return bool(record.undone)
    finally:
        ctx.omniroute.close()
        opening.release(journal, state, "ended" if state.outcome else "paused")

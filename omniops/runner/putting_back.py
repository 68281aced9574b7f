"""`omniops undo` over runs: which mitigations, in which order, each under its run's lease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omniops.errors import BadInput, Interrupted, NeedsPerson
from omniops.incident.view import MITIGATION_KINDS, Mitigation, mitigations
from omniops.runner import opening, undo
from omniops.runner.person import Option, PauseAsked
from omniops.runner.session import Session


def put_back(
    session: Session, ids: Sequence[str], *, incident: str = "", force: bool = False, take_over: bool = False
) -> list[dict[str, Any]]:
    """Undo the mitigations named, or all in force (of one incident), newest first; return what was put back.

    Raises BadInput for an unknown id, NotOurs, InDoubt, Interrupted, ...; what was put back before stays so.
    """
    wanted = _wanted(session, ids, incident)
    done: list[dict[str, Any]] = []
    for mitigation in sorted(wanted, key=lambda one: int(one.id[1:]), reverse=True):
        _one(session, mitigation, force=force, take_over=take_over)
        done.append({"id": mitigation.id, "target": mitigation.target, "incident": mitigation.incident})
    return done


def in_force(session: Session) -> list[Mitigation]:
    return mitigations(session.journal.kinds(MITIGATION_KINDS))


def _wanted(session: Session, ids: Sequence[str], incident: str) -> list[Mitigation]:
    known = in_force(session)
    for id in ids:
        if id not in {one.id for one in known}:
            raise BadInput(
                f"no mitigation {id!r} is in force",
                why="in force: " + (", ".join(one.id for one in known) or "none"),
                state="nothing was attempted",
                next="omniops mitigations",
            )
    if ids:
        return [one for one in known if one.id in ids]
    found = [one for one in known if one.state != "kept" and incident in ("", one.incident)]
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
        raise NeedsPerson(
            "several incidents have mitigations in force",
            why=", ".join(names),
            state="nothing was attempted",
            next=f"omniops undo --incident {names[0]}, or name them: omniops undo {found[0].id}",
        )
    return [one for one in found if one.incident == chosen]


def _one(session: Session, mitigation: Mitigation, *, force: bool, take_over: bool) -> None:
    from omniops.runner.walk import Walk
    from omniops.runner.wiring import context

    def confirm(question: str) -> bool:
        return take_over

    journal = session.journal
    state = opening.take_over(journal, journal.read(f"run/{mitigation.run}"), confirm=confirm)
    ctx = context(session.settings, session.clock, state.started["incident"], state.onset)
    walk = Walk(ctx, session.person, journal, state)
    record = next(r for r in state.changes.records.values() if r.id == mitigation.id)
    try:
        with walk.interrupts:
            undo.one(walk, record, force=force)
    except PauseAsked:
        raise Interrupted(
            f"paused while putting back {mitigation.target}",
            state="the journal says how far it got",
            next=f"omniops undo {mitigation.id}",
        ) from None
    finally:
        ctx.omniroute.close()
        opening.release(journal, state, "ended" if state.outcome else "paused")

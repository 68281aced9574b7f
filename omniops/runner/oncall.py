"""Who is on call, as oncall.yaml and the journal tell it; overrides and swaps are written down here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from omniops.clock import iso
from omniops.errors import BadInput
from omniops.incident import rota as rotas
from omniops.incident.handoff import Handoff, acknowledged, handoffs, unacknowledged
from omniops.incident.rota import STREAM, Cover, Duty, Role, Rota
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Event, Journal, New
from omniops.text import clean, one_line, seconds

LONGEST = timedelta(days=92)
"""Of an override: who covers for longer than that belongs into the rotation."""


class Desk(NamedTuple):
    """The rota, and what was written down about it."""

    rota: Rota
    events: list[Event]
    path: Path

    @property
    def covers(self) -> list[Cover]:
        return rotas.covers(self.events)

    def duty(self, role: Role, moment: datetime) -> Duty:
        return rotas.duty(self.rota, role, moment, self.covers)

    def role(self, id: str) -> Role:
        """A role by its id. Raises BadInput."""
        found = self.rota.role(id)
        if found is None:
            raise BadInput(
                f"there is no role {one_line(id, 40)!r}",
                why="section 6 has " + ", ".join(one.id for one in self.rota.roles),
                state="nothing was written",
                next=f"--role {self.rota.roles[0].id}",
            )
        return found

    def moment(self, text: str, now: datetime, option: str) -> datetime:
        """A moment that was typed: ``now``, with an offset, or on the wall of the rota's zone. Raises BadInput."""
        try:
            return rotas.moment(text, self.rota.tz, now)
        except ValueError as error:
            told = str(error) if isinstance(error, rotas.Ambiguous) else "it is no day and time"
            raise BadInput(
                f"{option} {one_line(text, 40)!r} cannot be read: {told}",
                state="nothing was written",
                next=f'{option} "2026-11-30 09:00" ({self.rota.zone}), or with an offset: 2026-11-30T09:00-08:00',
            ) from None

    def until(self, text: str, start: datetime, now: datetime, option: str) -> datetime:
        """The end of a while: a moment as it is typed, or how long from ``start`` on (``2h``). Raises BadInput."""
        try:
            return start + timedelta(seconds=seconds(text))
        except (ValueError, OverflowError):
            return self.moment(text, now, option)

    @property
    def file(self) -> str:
        """Which file names the members, in words: the shipped one is not to be changed."""
        from omniops.catalog.load import shipped_folder

        shipped = self.path.parent == shipped_folder()
        return f"your own copy of {self.path}, in the folder OMNIOPS_RUNBOOKS" if shipped else str(self.path)


class Answer(NamedTuple):
    """Who has a role at a moment, and what has to be said about it."""

    role: Role
    duty: Duty
    notes: list[str]


def desk(journal: Journal, folder: Path | None) -> Desk:
    """Read both. Raises BadInput where oncall.yaml is wrong."""
    from omniops.catalog.oncall import load, path_for

    path = path_for(folder)
    return Desk(load(path), journal.read(STREAM), path)


def who(here: Desk, moment: datetime, role: str = "") -> list[Answer]:
    """Who is on call at ``moment``, for every role or one. Raises BadInput for a role that there is not."""
    roles = [here.role(role)] if role else list(here.rota.roles)
    return [Answer(one, here.duty(one, moment), [one.lack] if one.lack else []) for one in roles]


def open_handoffs(here: Desk, now: datetime) -> list[Handoff]:
    """Handoffs whose turn has begun, and which nobody has acknowledged."""
    return unacknowledged(handoffs(here.events), now)


def unwritten(here: Desk, now: datetime, operator: str) -> list[str]:
    """Ids of the roles that ``operator`` has just handed over, and of whose handoff this journal knows nothing."""
    found = []
    for role in here.rota.roles:
        day = rotas.nearest_turn(here.rota, now)
        at = rotas.turn_on(here.rota, day)
        outgoing = here.duty(role, at - timedelta(seconds=1)).primary
        mine = outgoing.casefold() == operator.casefold() != here.duty(role, at).primary.casefold()
        known = any((one.role, one.turn) == (role.id, str(day)) for one in handoffs(here.events))
        if role.weekly and at <= now and mine and not known and not acknowledged(here.events, role.id, str(day)):
            found.append(role.id)
    return found


def schedule(here: Desk, now: datetime, weeks: int, role: str = "") -> list[tuple[Role, list[Duty]]]:
    """Every stretch of the next ``weeks``, from the turn that runs now on, for every role or one."""
    start = rotas.turn_on(here.rota, rotas.turn_day(here.rota, now))
    end = rotas.turn_on(here.rota, rotas.turn_day(here.rota, now) + weeks * rotas.WEEK)
    roles = [here.role(role)] if role else list(here.rota.roles)
    return [(one, rotas.duties(here.rota, one, start, end, here.covers)) for one in roles]


def override(
    journal: Journal, here: Desk, role: str, name: str, start: datetime, end: datetime, reason: str, now: datetime
) -> tuple[Cover, str]:
    """Write down that somebody has a role for a while; the last word wins. Returns it, and what is odd about the name.

    Raises BadInput: no such role, no time, a time that is over, no name, no reason.
    """
    found = here.role(role)
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    name, reason = one_line(clean(name), 60).strip(), one_line(clean(reason), 200).strip()
    if not timedelta(0) < end - start <= LONGEST:
        raise BadInput(
            "it ends before it begins" if end <= start else f"an override of more than {LONGEST.days} days",
            why=f"from {iso(start)} to {iso(end)}",
            state="nothing was written",
            next="--from and --to, or change the members in oncall.yaml",
        )
    if end <= now:
        raise _over("it", end, "--from and --to: a time that is still to come")
    for what, text, mend in (
        ("who has it instead", name, f'omniops oncall override {found.id} NAME --to TIME --reason "..."'),
        ("reason", reason, '--reason "..."'),
    ):
        if not text:
            raise BadInput(f"{what} is missing", state="nothing was written", next=mend)
    data = {"role": found.id, "who": name, "from": iso(start), "to": iso(end), "reason": reason}
    event = journal.append([New(STREAM, None, "oncall.override", data)])[0]
    return rotas.covers([event])[0], _odd(found, name)


def _odd(role: Role, name: str) -> str:
    """What is odd about a name, "" for nothing: a cover may come from outside, and a typing error looks like one."""
    names = [one.name for one in role.members]
    if name in names:
        return ""
    near = _near(name, names)
    return f"{name} is not among the members of {role.id}" + (f"; is {near[0]} meant?" if near else "")


def _near(name: str, names: list[str]) -> list[str]:
    folded = {one.casefold(): one for one in names}
    return [folded[one] for one in get_close_matches(name.casefold(), list(folded), 1)]


def _over(what: str, end: datetime, mend: str) -> BadInput:
    return BadInput(
        f"{what} was over at {iso(end)}",
        why="who had the pager is no longer to be changed",
        state="nothing was written",
        next=mend,
    )


class Swapped(NamedTuple):
    """Two turns that are exchanged. ``new`` False: they were before, and nothing was written."""

    covers: list[Cover]
    new: bool


def swap(
    journal: Journal,
    here: Desk,
    role: str,
    one: str,
    other: str,
    after: datetime,
    reason: str,
    now: datetime,
    back: bool = False,
) -> Swapped:
    """Exchange the next turns of two members that begin after ``after``; ``back``: give them back.

    Typed twice, or by both of them, it is done once: only ``back`` takes it back. Raises BadInput.
    """

    def attempt() -> Swapped:
        desk = here._replace(events=journal.read(STREAM))
        found = desk.role(role)
        spans = [_next_turn(desk, found, name, after) for name in (one, other)]
        if one == other:
            raise BadInput(
                "two members are needed", state="nothing was written", next=f"omniops oncall swap {found.id} A B"
            )
        if (end := max(end for _, end in spans)) <= now:
            raise _over("both turns are over: the later one", end, "--after: a time that is still to come")
        held = {(name, iso(start), iso(end)) for name, (start, end) in zip((one, other), spans, strict=True)}
        before = _swap_of(desk.events, found.id, held)
        if before is not None and bool(before.data.get("back")) == back:
            return Swapped(rotas.covers([before]), new=False)
        if before is None and back:
            raise BadInput(
                f"the next turns of {one} and {other} are not swapped",
                state="nothing was written",
                next=f"omniops oncall schedule --role {found.id}",
            )
        turns = [
            {"who": name, "from": iso(start), "to": iso(end)}
            for name, (start, end) in zip((other, one), spans, strict=True)
        ]
        why = one_line(clean(reason), 200).strip() or f"{one} and {other} swapped" + (" back" if back else "")
        data = {"role": found.id, "turns": turns, "reason": why, **({"back": True} if back else {})}
        return Swapped(rotas.covers(journal.append([New(STREAM, len(desk.events), "oncall.swap", data)])), new=True)

    return retry_on_conflict(attempt, "nothing was written")


def _swap_of(events: Sequence[Event], role: str, held: set[tuple[str, str, str]]) -> Event | None:
    """The newest swap after which these people have these turns: (who, from, to)."""
    swaps = (one for one in reversed(events) if one.kind == "oncall.swap" and one.data["role"] == role)
    return next((one for one in swaps if {(t["who"], t["from"], t["to"]) for t in one.data["turns"]} == held), None)


def _next_turn(here: Desk, role: Role, name: str, after: datetime) -> tuple[datetime, datetime]:
    names = [member.name for member in role.members]
    if not role.weekly or name not in names:
        near = _near(name, names)
        raise BadInput(
            f"{one_line(name, 60)!r} takes no turns as {role.id}",
            why=f"is {near[0]} meant?" if near else "its members are: " + (", ".join(names) or "none"),
            state="nothing was written",
            next=f"look at members in {here.file}",
        )
    found = rotas.next_turn_of(here.rota, role, name, after, here.covers)
    if found is None:
        raise BadInput(
            f"{name} has no turn to come as {role.id}",
            why="others cover for them",
            state="nothing was written",
            next="omniops oncall schedule",
        )
    return found


def lint_notes(folder: Path | None) -> list[str]:
    """What `omniops runbook lint` says of oncall.yaml beside errors. Raises BadInput where it is wrong."""
    from omniops.catalog.oncall import rota_for

    return [one.lack for one in rota_for(folder).roles if one.lack]

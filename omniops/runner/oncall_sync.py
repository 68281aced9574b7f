"""A role's rotation, wired into its PagerDuty schedule: the difference first, then approval, then what it really does.

Nothing to do is no write. A change is written down before it is sent (``oncall.sync.begun``, with the settings as they
were) and after it was read back (``oncall.synced``); whoever is killed in between leaves the first without the second,
and the next look settles it by what it finds there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from omniops.clock import parse_iso
from omniops.errors import BadInput, Exit, Interrupted, NeedsPerson, NotOurs, OmniopsError
from omniops.failpoints import reached
from omniops.incident.handoff import unfinished
from omniops.incident.rota import STREAM, Role
from omniops.incident.schedules import hours
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Event, New
from omniops.journal.lease import holder_state, me
from omniops.runner.leaving import Here
from omniops.runner.oncall import Desk
from omniops.runner.person import Change
from omniops.runner.schedule_look import Look, body_of, kept, look, names_of
from omniops.services.pagerduty_errors import PagerUnsure
from omniops.services.pagerduty_schedules import Schedules

SAME, CHANGED, DECLINED, IN_DOUBT = "same", "changed", "declined", "in doubt"
IN_PART, FAILED, NOT_KEPT = "changed in part", "not changed", "not as declared"
LONGEST_S = 300.0


class Synced(NamedTuple):
    """What became of one role's schedule."""

    role: Role
    state: str
    before: Look
    after: Look | None
    why: str = ""

    @property
    def last(self) -> Look:
        return self.after or self.before

    @property
    def known(self) -> bool:
        """Was the schedule seen as it is now?"""
        return self.after is not None or self.state in (SAME, DECLINED, FAILED)

    @property
    def exit(self) -> Exit:
        known = {DECLINED: Exit.PERSON, IN_DOUBT: Exit.IN_DOUBT, IN_PART: Exit.BROKEN, FAILED: Exit.BROKEN}
        return known.get(self.state, Exit.NO if self.last.gaps or self.last.differences else Exit.DONE)

    def as_json(self) -> dict[str, Any]:
        last = self.last
        return {
            "role": self.role.id, "schedule": self.role.schedule, "state": self.state, "why": self.why or None,
            "differences": [one._asdict() for one in self.before.differences],
            "hours": hours(last.start, last.end), "gaps": [one.as_json() for one in last.gaps] if self.known else None,
        }  # fmt: skip


def sync(here: Here, desk: Desk, role: str = "") -> list[Synced]:
    """Every role that has a schedule, or one; the difference is shown before anything is asked, and all of them are
    looked at before one is changed. What goes wrong once something was changed is told of that role alone.

    Raises BadInput for what oncall.yaml lacks, NeedsPerson without a person or --yes, and as the client does.
    """
    here.settings.remember_secrets()
    roles, found = _roles(desk, role), list[Synced]()
    if len(roles) > 1:
        for one in roles:
            _looked(here, desk, one)
    for one in roles:
        before = _looked(here, desk, one)
        try:
            found.append(_sync(here, desk, one, before))
        except Interrupted:
            raise
        except OmniopsError as error:
            if all(each.state in (SAME, DECLINED) for each in found):
                raise
            found.append(Synced(one, FAILED, before, None, error.brief))
    return found


def _roles(desk: Desk, role: str) -> list[Role]:
    found = [desk.role(role)] if role else [one for one in desk.rota.roles if one.schedule]
    wrong = "" if found else "no role has a `schedule`"
    for one in found:
        without = [member.name for member in one.members if not member.pagerduty]
        if not one.schedule:
            wrong = f"{one.id} has no `schedule`"
        elif not one.weekly:
            wrong = f"{one.id} takes no turns"
        elif one.lack:
            wrong = one.lack
        elif without:
            wrong = f"{', '.join(without)}: no `pagerduty` id"
        if wrong:
            break
    if wrong:
        raise BadInput(
            "there is nothing to wire into PagerDuty", why=wrong, state="PagerDuty was not asked",
            next=f"fill in {desk.path}",
        )  # fmt: skip
    return found


def _looked(here: Here, desk: Desk, role: Role) -> Look:
    """A look at what there is. Raises NeedsPerson for more than omniops may change."""
    here.clients.schedules.budget(60.0)
    seen = look(here.clients.schedules, desk, role, here.clock.now())
    active = [one for one in seen.live.layers if not one.over(here.clock.now())]
    if seen.differences and len(active) > 1:
        raise NeedsPerson(
            f"the schedule {role.schedule} has {len(active)} layers",
            why="omniops keeps one with one layer, and ends nobody else's",
            state="nothing was changed there",
            next="end the other layers in PagerDuty, then: omniops oncall sync",
        )
    return seen


def _sync(here: Here, desk: Desk, role: Role, before: Look) -> Synced:
    client = here.clients.schedules
    if not before.differences and not before.to_cover:
        if role.id in unfinished(desk.events):
            _written(here, role, "found as declared", before)
        return Synced(role, SAME, before, None)
    change = _shown(here, desk, role, before)
    here.person.change(change)
    if not here.person.approve("sync", change, None):
        return Synced(role, DECLINED, before, None)
    _begin(here, desk, role, before)
    return _apply(here, desk, role, before, client)


def _begin(here: Here, desk: Desk, role: Role, before: Look) -> None:
    """Write the change down, if it is the one that was approved, and nobody is at one: two at once would lay each
    override twice. Raises NotOurs."""
    told = {
        "role": role.id, "schedule": role.schedule, "differences": [list(one) for one in before.differences],
        "covers": [one.as_json() for one in before.batch],
        "before": {"time_zone": before.live.zone, "schedule_layers": [kept(one) for one in before.live.layers]}, **me(),
    }  # fmt: skip

    def attempt() -> None:
        events = here.journal.read(STREAM)
        other = unfinished(events).get(role.id)
        if other is not None and _under_way(other, here.clock.now()):
            raise _not_now(role, f"{other.actor} is changing it at this moment", "is being changed")
        if not _looked(here, desk, role).same(before):
            raise _not_now(role, "what was approved is not what would be changed", "was changed while it was looked at")
        here.journal.append([New(STREAM, len(events), "oncall.sync.begun", told)])

    retry_on_conflict(attempt, "nothing was changed there")
    reached("sync.begun", role.id)


def _under_way(begun: Event, now: datetime) -> bool:
    """Is whoever began a change still at it? None takes longer than ``LONGEST_S``."""
    recent = (now - parse_iso(begun.time)).total_seconds() < LONGEST_S
    return recent and "host" in begun.data and holder_state(dict(begun.data)) in ("alive", "unknown")


def _not_now(role: Role, why: str, how: str) -> NotOurs:
    return NotOurs(
        f"the schedule {role.schedule} {how}",
        why=why,
        state="nothing was changed there",
        next="omniops oncall sync shows it again",
    )


def _apply(here: Here, desk: Desk, role: Role, before: Look, client: Schedules) -> Synced:
    """Sent, read back, compared, written down."""
    now = here.clock.now()
    sent = _sent(here, desk, role, before, client, now)
    reached("sync.sent", role.id)
    wrong = sent.doubt or sent.refusal
    try:
        client.budget(60.0)
        # What was before the change is history there, and stays: from the next full minute on it has to be right.
        after = look(client, desk, role, here.clock.now() + timedelta(minutes=1))
    except OmniopsError as error:
        state = IN_PART if sent.refusal else IN_DOUBT
        return Synced(role, state, before, None, f"{wrong or 'it was accepted'}; not read back: {error.brief}")
    settled = after.has(before.batch)
    if sent.doubt:
        if settled:
            _written(here, role, "found as declared", after)
        found = "read back, it is as declared" if settled else "read back, it is not as declared"
        return Synced(role, IN_DOUBT, before, after, f"{wrong}; {found}")
    if sent.refusal:
        _written(here, role, f"in part: {wrong}", after)
        return Synced(role, IN_PART, before, after, wrong)
    _written(here, role, "applied" if settled else "accepted, and not as declared", after)
    left = f"{before.left} overrides are left for another: omniops oncall sync" if settled and before.left else ""
    return Synced(role, CHANGED if settled else NOT_KEPT, before, after, left)


class _Sent(NamedTuple):
    """What became of the requests. ``doubt``: why nobody can tell of the last one; ``refusal``: why it was not done,
    and what had been done before."""

    doubt: str = ""
    refusal: str = ""


def _sent(here: Here, desk: Desk, role: Role, before: Look, client: Schedules, now: datetime) -> _Sent:
    """Send what was approved, one request after the other. Raises what the client does, while nothing was changed."""
    done: list[str] = []
    client.budget(60.0)
    try:
        if before.differences:
            client.change(role.schedule, body_of(desk, role, before.live, now))
            done.append("the layers were changed")
        for n, one in enumerate((one for one in before.batch if one.end > now), 1):
            client.cover(role.schedule, max(one.start, now), one.end, one.here, desk.rota.zone)
            done = [word for word in done if "override" not in word] + [f"{n} override{'s' if n > 1 else ''} made"]
    except PagerUnsure as error:
        return _Sent(doubt=", ".join([*done, error.why]))
    except OmniopsError as error:
        if not done:
            _written(here, role, f"refused: {error.brief}", None)
            raise
        return _Sent(refusal=f"{', '.join(done)}, but not the next override: {error.brief}")
    return _Sent()


def _written(here: Here, role: Role, how: str, seen: Look | None) -> None:
    differ = round(sum(one.hours for one in seen.gaps), 3) if seen else None
    data = {"role": role.id, "schedule": role.schedule, "how": how, "differing_hours": differ}
    here.journal.append([New(STREAM, None, "oncall.synced", data)])


def _shown(here: Here, desk: Desk, role: Role, seen: Look) -> Change:
    """The change as it is shown before it is approved."""
    names = names_of(desk, seen.live)
    before = {one.what: one.live for one in seen.differences}
    after = {one.what: one.declared for one in seen.differences}
    for one in seen.batch:
        key = f"{one.start.astimezone(desk.rota.tz):%a %Y-%m-%d %H:%M}, {one.hours:g} h"
        before[key], after[key] = names.get(one.there, one.there or "nobody"), names.get(one.here, one.here)
    left = (f"{seen.left} more overrides are left for another omniops oncall sync",) if seen.left else ()
    target = f"schedule {role.schedule} ({seen.live.name[:60]})"
    return Change(
        here.settings.environment, "PagerDuty", target, "schedule.update", before, after, {}, left,
        "the former settings are kept in the journal; put them back in PagerDuty", "",
    )  # fmt: skip

"""PagerDuty's schedules (v2, with layers): what one is made of, what it will really do, and changing it.

PagerDuty draws its own picture of a schedule; `Schedule.shifts` is that picture, and the only proof of what it does
when the clocks change. Raises as `pagerduty_rest` does. A 404 is of a schedule here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from omniops.clock import iso, parse_iso
from omniops.errors import BadInput
from omniops.services.http import said
from omniops.services.pagerduty_errors import NOT_FOUND, PagerRefused, PagerSlow
from omniops.services.pagerduty_rest import PagerDuty

MOST_SHIFTS = 5000


class Layer(NamedTuple):
    """One layer. ``raw``: as PagerDuty told it, to be sent back as it is."""

    id: str
    name: str
    start: datetime | None
    end: datetime | None  # None: for good
    anchor: datetime | None  # when the first of `users` begins
    turn_s: int
    users: tuple[str, ...]
    restrictions: int
    raw: dict[str, Any]

    def over(self, now: datetime) -> bool:
        return self.end is not None and self.end <= now


class Shift(NamedTuple):
    """Who is on call, as PagerDuty has it drawn. ``user``: their id."""

    start: datetime
    end: datetime
    user: str
    name: str


class Schedule(NamedTuple):
    """A schedule as it is, and the shifts that come of it in the span that was asked for."""

    id: str
    name: str
    zone: str
    description: str
    layers: tuple[Layer, ...]
    shifts: tuple[Shift, ...]
    names: dict[str, str]  # user -> what PagerDuty calls them


class Schedules(PagerDuty):
    """The schedules of the account behind PAGERDUTY_TOKEN."""

    def schedule(self, id: str, since: datetime, until: datetime, zone: str) -> Schedule:
        """A schedule, drawn from ``since`` until ``until``. Raises PagerRefused for one that there is not."""
        query = urlencode([("since", iso(since)), ("until", iso(until)), ("time_zone", zone)])
        try:
            answer = self._read(f"/schedules/{_id(id)}?{query}")
        except PagerRefused as no:
            raise _of_a_schedule(no, id) from None
        found = _schedule(answer, self._url())
        if found.id != id:
            raise _no_schedule(f"the schedule {id} was asked for, and {said(found.id, 40)} was answered")
        return found

    def change(self, id: str, body: dict[str, Any]) -> None:
        """Replace a schedule's settings. ``body``: all of it, with the id of every layer that stays: one without an id
        is added. Raises PagerUnsure where nobody can tell whether it was done."""
        try:
            self._write("PUT", f"/schedules/{_id(id)}", {"schedule": body})
        except PagerRefused as no:
            raise _of_a_schedule(no, id) from None

    def cover(self, id: str, start: datetime, end: datetime, user: str, zone: str) -> None:
        """Lay an override over a schedule. Raises PagerRefused, also for a success that holds a refusal."""
        row = {"start": iso(start), "end": iso(end), "user": {"id": user, "type": "user_reference"}, "time_zone": zone}
        try:
            answer = self._write("POST", f"/schedules/{_id(id)}/overrides", {"overrides": [row]})
        except PagerRefused as no:
            raise _of_a_schedule(no, id) from None
        rows = answer.get("overrides") if isinstance(answer, dict) else answer
        for one in rows if isinstance(rows, list) else []:
            status = one.get("status") if isinstance(one, dict) else None
            if isinstance(status, int) and status >= 400:
                errors = one.get("errors")
                why = "; ".join(said(each) for each in errors) if isinstance(errors, list) else f"status {status}"
                raise PagerRefused(4004, status, why, self._url())


def _of_a_schedule(no: PagerRefused, id: str) -> PagerRefused:
    """The same refusal, in a schedule's words."""
    if no.code in NOT_FOUND:
        no.what, no.next = f"PagerDuty knows no schedule {id}", "mend `schedule` in oncall.yaml"
        no.args = (no.what,)
    return no


def _id(id: str) -> str:
    """An id fit for a path. Raises BadInput."""
    if not id.isascii() or not id.isalnum() or len(id) > 40:
        raise BadInput(
            f"{said(id, 60)!r} is no id of a PagerDuty schedule",
            state="nothing was attempted",
            next="capital letters and digits, such as PSCHED1",
        )
    return id


def _schedule(answer: Any, url: str) -> Schedule:
    """Parse strictly what a decision hangs on: an entry that makes no sense must not look like a free hour."""
    try:
        given = answer["schedule"]
        rows = given["final_schedule"]["rendered_schedule_entries"]
        if not isinstance(rows, list) or len(rows) > MOST_SHIFTS:
            raise ValueError("no list of entries")
        shifts = tuple(sorted(_shift(one) for one in rows))
        return Schedule(
            id=_text(given["id"]),
            name=_text(given.get("name") or given.get("summary") or ""),
            zone=_text(given["time_zone"]),
            description=_text(given.get("description") or ""),
            layers=tuple(_layer(one) for one in given["schedule_layers"]),
            shifts=shifts,
            names={**_names(given["schedule_layers"]), **{one.user: one.name for one in shifts}},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _no_schedule(f"{url} was asked; it may be a proxy, or a schedule of the newer kind (v3)") from None


def _no_schedule(why: str) -> PagerSlow:
    return PagerSlow(
        "PagerDuty answered with something that is not this schedule",
        why=why,
        state="nothing was done there",
        next="look at the schedule in PagerDuty",
    )


def _layer(given: dict[str, Any]) -> Layer:
    return Layer(
        id=_text(given["id"]),
        name=said(given.get("name") or "", 80),
        start=_moment(given.get("start")),
        end=_moment(given.get("end")),
        anchor=_moment(given.get("rotation_virtual_start")),
        turn_s=int(given["rotation_turn_length_seconds"]),
        users=tuple(_text(one["user"]["id"]) for one in given["users"]),
        restrictions=len(given.get("restrictions") or []),
        raw=given,
    )


def _names(layers: list[Any]) -> dict[str, str]:
    users = [one["user"] for layer in layers for one in layer["users"]]
    return {_text(one["id"]): said(one.get("summary") or one["id"], 60) for one in users}


def _shift(given: dict[str, Any]) -> Shift:
    user = given.get("user") or {}
    return Shift(
        parse_iso(given["start"]), parse_iso(given["end"]), _text(user.get("id") or ""),
        said(user.get("summary") or user.get("name") or user.get("id") or "nobody", 60),
    )  # fmt: skip


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 2000:
        raise ValueError("no text")
    return value


def _moment(value: Any) -> datetime | None:
    return parse_iso(value) if isinstance(value, str) and value else None

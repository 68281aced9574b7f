"""`page escalate`: the secondary is called in, by the best way there is: asked to join, which keeps the page ours; else
the next level of the policy, which does not; else their own routing key, unconfirmed.
"""

from __future__ import annotations

from typing import NamedTuple

from omniops.errors import BadInput, Frozen, InDoubt, OmniopsError
from omniops.failpoints import reached
from omniops.incident.page import Known, Page
from omniops.runner.acknowledging import as_page
from omniops.runner.desk import Desk
from omniops.runner.page_notes import PageNotes
from omniops.services.pagerduty_errors import ABILITY, NOBODY, PagerRefused, PagerSlow, PagerUnsure
from omniops.services.pagerduty_parse import OnCall, PagerIncident
from omniops.text import one_line

SECOND = 2


class Escalated(NamedTuple):
    """Who was called in, and how: responder, level, event, or before (it had been done already)."""

    page: Page
    to: str
    how: str
    confirmed: bool
    at: str = ""  # ISO, of what was done before
    incident: str = ""
    warnings: tuple[str, ...] = ()


def escalate(desk: Desk, id: str, *, message: str = "", again: bool = False) -> Escalated:
    """Call the secondary in. Once for each page, unless ``again``. Raises BadInput (which page?), PagerRefused
    (1015: nobody is on call), PagerUnsure, and what keeps every way closed."""
    notes = PageNotes(desk.journal, desk.clock)
    pages = {id: one for id, one in notes.pages().items() if not one.over}
    trouble: OmniopsError | None = None
    desk.clients.pager.budget()
    try:
        seen = _seen(desk, id, pages)
    except (PagerSlow, PagerRefused, BadInput) as error:
        seen, trouble = None, error
    page = as_page(seen) if seen is not None else _from_journal(id, pages, trouble)
    known = pages.get(page.id)
    if seen is not None and seen.status == "resolved":
        raise BadInput(
            f"{page.name} is resolved",
            why=f"by {seen.changed_by}" if seen.changed_by else "",
            state="nobody was called",
            next="omniops page list",
        )
    if known is not None and known.frozen:
        raise _frozen(known.incident)
    incident = known.incident if known else notes.begin([page], []).get(page.id, ("", False))[0]
    there = notes.calling(incident, page.id, again) if incident else None
    if there is not None:
        if there.frozen:  # since it was looked at
            raise _frozen(incident)
        return _before(page, there)
    words = message or f"Please join: {one_line(page.title, 120)} (incident {incident or page.id})."
    try:
        done = _call(desk, page, seen, trouble, words)
    except (PagerSlow, PagerRefused, BadInput) as error:  # nobody was called, for certain
        if incident:
            notes.note(incident, "page.not_escalated", {"page": page.id, "why": error.what})
        raise
    reached("after_response", "page.escalate")
    if incident:
        data = {"page": page.id, "to": done.to, "how": done.how, "confirmed": done.confirmed}
        notes.note(incident, "page.escalated", data)
    return done._replace(incident=incident, warnings=(*done.warnings, *notes.warnings))


def _before(page: Page, there: Known) -> Escalated:
    """What was done before. Raises InDoubt where nobody knows whether it was."""
    if there.calling is not None:
        who, at = there.calling
        raise InDoubt(
            "the secondary may have been called in already",
            why=f"{who} began to at {at[11:19]} UTC, and how it ended is not written down",
            state="nobody was called just now",
            next=f"look at the page, or call them once more: omniops page escalate {page.id} --again",
        )
    before = there.escalated or {}
    return Escalated(page, before["to"], "before", bool(before["confirmed"]), before["time"], there.incident)


def _frozen(incident: str) -> Frozen:
    """On the security path (4.5) whoever is called in would be told of it."""
    return Frozen(
        "the secondary is not called in",
        why=f"{incident} is on the security path (4.5): only the security on-call is told, and by page",
        state="nobody was called",
        next="follow SECURITY.md",
    )


def _seen(desk: Desk, id: str, pages: dict[str, Known]) -> PagerIncident:
    """The page that is meant: the one named, else the one that the open incident began with, else the one of mine."""
    pager = desk.clients.pager
    if id:
        return pager.get(id)
    ours = [one.page for one in pages.values() if one.page.source == "pagerduty"]
    if len(ours) == 1:
        return pager.get(ours[0].id)
    mine = pager.mine()
    if len(mine) != 1:
        raise _which([f"{one.id} {one.name}" for one in mine])
    return mine[0]


def _from_journal(id: str, pages: dict[str, Known], trouble: OmniopsError | None) -> Page:
    found = [one.page for one in pages.values() if not id or id in (one.page.id, str(one.page.number))]
    if len(found) == 1:
        return found[0]
    raise trouble or _which([page.name for page in found])


def _which(names: list[str]) -> BadInput:
    return BadInput(
        "which page is to be escalated?" if names else "no page of yours is open",
        why="; ".join(names),
        state="nobody was called",
        next="omniops page escalate ID" if names else "omniops page list",
    )


def _call(desk: Desk, page: Page, seen: PagerIncident | None, trouble: OmniopsError | None, words: str) -> Escalated:
    """By PagerDuty's REST API where that is possible, else by an event."""
    if seen is not None:
        try:
            return _by_rest(desk, page, seen, words)
        except PagerUnsure:
            raise
        except (PagerSlow, PagerRefused, BadInput) as error:
            trouble = error
    events = desk.clients.events
    if not events.has_key("secondary"):
        assert trouble is not None
        raise trouble
    reply = events.trigger("secondary", words, f"omniops/escalate/{page.id}", "omniops")
    if reply.status == "refused":
        raise PagerSlow(
            "the secondary was not called",
            why=f"REST: {trouble.what if trouble else 'not asked'}; Events API: {reply.detail}",
            state="nobody was called",
            next="call them by phone",
        )
    warning = f"PagerDuty's REST API did not do it: {trouble.what} ({trouble.why})" if trouble else ""
    return Escalated(page, "the secondary", "event", False, warnings=(warning,) if warning else ())


def _by_rest(desk: Desk, page: Page, seen: PagerIncident, words: str) -> Escalated:
    pager = desk.clients.pager
    me = pager.me().id
    person = _second(pager.oncalls(seen.policy), {me})
    if person is None:
        raise PagerRefused(NOBODY, 400, "no level above the first has anybody but you", "")
    try:
        pager.request_responder(page.id, person.user.id, words)
    except PagerRefused as no:
        if no.code != ABILITY:
            raise
        pager.escalate(page.id, person.level)
        lost = f"the account cannot ask somebody to join: the page is {person.user.name}'s now, and not yours any more"
        return Escalated(page, person.user.name, "level", True, warnings=(lost,))
    return Escalated(page, person.user.name, "responder", True)


def _second(rows: list[OnCall], without: set[str]) -> OnCall | None:
    return next((row for row in rows if row.level >= SECOND and row.user.id and row.user.id not in without), None)

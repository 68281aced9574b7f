"""Acknowledging without PagerDuty's REST API: with an event, by the page's key. It proves nothing, and says so."""

from __future__ import annotations

from omniops.clock import iso
from omniops.errors import BadInput, OmniopsError
from omniops.failpoints import reached
from omniops.incident.page import Acked, Page
from omniops.runner.desk import Desk, Request, Result
from omniops.runner.page_notes import PageNotes
from omniops.runner.page_words import news
from omniops.services.pagerduty_errors import NOT_FOUND, PagerRefused, PagerSlow, PagerUnsure

EVENT_TRIES = 3


def without_rest(desk: Desk, request: Request, notes: PageNotes, trouble: OmniopsError) -> Result:
    """PagerDuty cannot be looked at. A page that is known by its key, from the journal or from Alertmanager, is
    acknowledged with an event all the same. Raises ``trouble`` where none is."""
    if isinstance(trouble, PagerRefused) and trouble.code in NOT_FOUND:
        raise trouble  # it was looked at: an event for a key that PagerDuty does not know would be dropped
    there = {id: one for id, one in notes.pages().items() if not one.over}
    pages: list[Page] = []
    failed: list[Acked] = []
    if request.group is not None:
        pages = [request.group]
    elif request.ids:
        for id in dict.fromkeys(request.ids):
            found = next((one for one in there.values() if id in (one.page.id, str(one.page.number))), None)
            if found is None:
                failed.append(Acked(Page(id, "pagerduty"), "failed", error=no_key(trouble)))
            else:
                pages.append(found.page)
    else:
        waiting = [one.page for one in there.values() if one.acknowledged is None and one.page.key]
        if len(waiting) != 1:
            raise no_key(trouble)
        pages = waiting
    linked = notes.begin(pages, [page.id for page in pages], request.incident)
    reached("after_intent", "page.ack")
    done = [by_event(desk, page, trouble, notes) for page in pages]
    placed = [
        one._replace(incident=linked.get(one.page.id, ("", False))[0], new=linked.get(one.page.id, ("", False))[1])
        for one in done
    ]
    notes.end([one for one in placed if one.ours], lambda journal, one: news(desk, journal, one))
    return Result([*placed, *failed], notes.warnings)


def by_event(desk: Desk, page: Page, trouble: OmniopsError, notes: PageNotes) -> Acked:
    """Acknowledge with an event, which may be sent again without harm. It proves nothing: "sent, unconfirmed"."""
    events = desk.clients.events
    if not page.key or not events.has_key("primary"):
        return Acked(page, "failed", error=no_key(trouble, routing=bool(page.key)))
    why = trouble.why or "no reason was given"
    for attempt in range(EVENT_TRIES):
        try:
            reply = events.acknowledge("primary", page.key)
        except OmniopsError as unfit:
            return Acked(page, "failed", error=unfit)
        if reply.status != "in_doubt":
            break
        if attempt < EVENT_TRIES - 1:
            desk.clock.sleep(1.0 + attempt)
    if reply.status == "refused":
        error = PagerSlow(
            f"{page.name} was not acknowledged",
            why=f"REST: {trouble.what}; Events API: {reply.detail}",
            state="PagerDuty goes on paging",
            next="acknowledge it in PagerDuty's app, or by answering its call",
        )
        return Acked(page, "failed", error=error)
    notes.warnings.append(f"PagerDuty's REST API did not do it: {trouble.what} ({why})")
    return Acked(
        page, "sent", "events", confirmed=False, by=desk.settings.get("PAGERDUTY_FROM") or desk.settings.operator,
        at=iso(desk.clock.now()),
    )  # fmt: skip


def no_key(trouble: OmniopsError, *, routing: bool = False) -> OmniopsError:
    """The trouble itself, with why the other way in is closed too."""
    if isinstance(trouble, PagerUnsure):
        return trouble
    closed = "PAGERDUTY_ROUTING_KEY is not set" if routing else "the page's key is not known here"
    kind = type(trouble) if type(trouble) in (PagerSlow, BadInput) else PagerSlow
    error = kind(
        trouble.what,
        why=f"{trouble.why}; and the Events API cannot be used: {closed}".removeprefix("; and "),
        state="nothing was acknowledged: PagerDuty goes on paging",
        next="acknowledge it in PagerDuty's app now"
        + ("; `omniops config init` sets PagerDuty up" if isinstance(trouble, BadInput) else "")
        + ", or give its alert: omniops page ack --alertmanager FILE",
    )
    error.exit = trouble.exit
    return error

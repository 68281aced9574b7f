"""`page ack`: look first, acknowledge once, read back, and tell the secondary; nothing that follows holds it up.

The order is what makes it safe to be killed anywhere and given again: what PagerDuty shows decides, the journal only
says what was begun. A resolved page is left alone, because acknowledging it would open it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omniops.clock import iso
from omniops.errors import BadInput, NeedsPerson, OmniopsError
from omniops.failpoints import reached
from omniops.incident.page import Acked, Page
from omniops.runner.ack_by_event import by_event, without_rest
from omniops.runner.desk import Desk, Request, Result
from omniops.runner.page_notes import PageNotes
from omniops.runner.page_words import news
from omniops.runner.person import Option
from omniops.services.pagerduty_errors import (
    ACKNOWLEDGED,
    CHANGED,
    NOT_FOUND,
    RESOLVED,
    PagerRefused,
    PagerSlow,
    PagerUnsure,
)
from omniops.services.pagerduty_parse import PagerIncident

if TYPE_CHECKING:
    from omniops.services.pagerduty_rest import PagerDuty

BUDGET_S = 10.0
"""All that may pass before the ack has reached PagerDuty, or another way is tried."""
READ_BACK_S = 5.0
ALERTS_S = 3.0
FEW = 5
"""So many pages are read one by one; of more, all open ones are listed."""


def acknowledge(desk: Desk, request: Request) -> Result:
    """Acknowledge. Raises NeedsPerson (several are mine), and OmniopsError where neither way leads to PagerDuty and no
    page is known by name."""
    pager, notes = desk.clients.pager, PageNotes(desk.journal, desk.clock)
    pager.budget(BUDGET_S)
    try:
        found, failed = _find(desk, request, pager)
    except NeedsPerson:
        raise
    except OmniopsError as trouble:
        return without_rest(desk, request, notes, trouble)
    work = _Work(desk, request, pager, notes)
    pages = work.carry_out(found)
    return Result([*pages, *failed], notes.warnings)


def as_page(one: PagerIncident, group: Page | None = None) -> Page:
    """A page as omniops keeps it; ``group``: what an Alertmanager said of it."""
    return Page(
        id=one.id,
        source="pagerduty",
        number=one.number,
        title=one.title,
        service=one.service,
        urgency=one.urgency,
        status=one.status,
        at=iso(one.created_at) if one.created_at else "",
        url=one.url,
        key=one.key or (group.key if group else ""),
        alert=group.alert if group else {},
        runbook_url=group.runbook_url if group else "",
    )


def _find(desk: Desk, request: Request, pager: PagerDuty) -> tuple[list[PagerIncident], list[Acked]]:
    """The pages that are meant, and those of them that PagerDuty does not know."""
    if request.group is not None:
        one = pager.by_key(request.group.key)
        if one is None:
            raise PagerRefused(NOT_FOUND[0], 404, f"no incident has the key {request.group.key[:16]}…", "")
        return [one], []
    if not request.ids:
        return _mine(desk, request, pager), []
    listed = {one.id: one for one in pager.open()} if len(request.ids) > FEW else {}
    found: dict[str, PagerIncident] = {}
    failed = []
    for id in dict.fromkeys(request.ids):
        try:
            one = listed.get(id) or pager.get(id)
        except PagerRefused as no:
            if no.code not in NOT_FOUND:
                raise
            failed.append(Acked(Page(id, "pagerduty"), "failed", error=no))
        else:
            found[one.id] = one
    return list(found.values()), failed


def _mine(desk: Desk, request: Request, pager: PagerDuty) -> list[PagerIncident]:
    mine = pager.mine()
    ringing = [one for one in mine if one.status == "triggered"]
    if len(ringing) <= 1 or request.all:
        return ringing or mine
    options = [Option(one.id, one.name, f"{one.service}, {one.urgency}") for one in ringing]
    options.append(Option("all", f"All {len(ringing)} of them"))
    try:
        chosen = desk.person.choose("page", "Which page?", options, None)
    except NeedsPerson:
        chosen = None
    if not chosen:
        raise NeedsPerson(
            f"{len(ringing)} pages are yours",
            why="; ".join(f"{one.id} {one.name}" for one in ringing),
            state="none was acknowledged",
            next=f"omniops page ack {ringing[0].id}, or: omniops page ack --all",
        )
    pager.budget(BUDGET_S)  # a person's thinking does not count
    if chosen == "all":
        return ringing
    return [pager.get(chosen)]  # looked at again: choosing takes time


class _Work:
    """Acknowledges the pages of one command."""

    def __init__(self, desk: Desk, request: Request, pager: PagerDuty, notes: PageNotes) -> None:
        self.desk, self.request, self.pager, self.notes = desk, request, pager, notes
        self._me: str | None = None

    def me(self) -> str:
        """The operator's id; "" where PagerDuty does not tell, and then nothing counts as ours."""
        if self._me is None:
            try:
                self._me = self.pager.me().id
            except OmniopsError:
                self._me = ""
        return self._me

    def mine(self, one: PagerIncident) -> bool:
        return one.status == "acknowledged" and bool(self.me()) and one.acknowledged_by(self.me())

    def carry_out(self, found: Sequence[PagerIncident]) -> list[Acked]:
        """Everything from what was found to what is written down."""
        send = [one for one in found if self._wanted(one)]
        ours = [one for one in found if self.mine(one)]
        reached("before_intent", "page.ack")
        linked = self.notes.begin(
            [self._page(one) for one in (*send, *ours)], [one.id for one in send], self.request.incident
        )
        reached("after_intent", "page.ack")
        done = {one.page.id: one for one in self._send(send)} if send else {}
        done |= {one.id: self._settled(one) for one in found if one.id not in done}
        ended = [
            done[one.id]._replace(incident=linked.get(one.id, ("", False))[0], new=linked.get(one.id, ("", False))[1])
            for one in found
        ]
        reached("after_response", "page.ack")
        self.notes.end([one for one in ended if one.ours], lambda journal, one: news(self.desk, journal, one))
        reached("after_outcome", "page.ack")
        return self._with_alerts(ended)

    def _wanted(self, one: PagerIncident) -> bool:
        """Is this one to be acknowledged? Never a resolved one; one that somebody else has only with --take."""
        if one.status == "resolved" or self.mine(one):
            return False
        return one.status != "acknowledged" or self.request.take

    def _page(self, one: PagerIncident) -> Page:
        return as_page(one, self.request.group)

    def _settled(self, one: PagerIncident) -> Acked:
        """A page that needs nothing: ours already, somebody else's, or resolved."""
        page = self._page(one)
        if one.status == "resolved":
            return Acked(page, "resolved", by=one.changed_by, at=iso(one.changed_at) if one.changed_at else "")
        status = "already" if self.mine(one) else "theirs"
        return self._held(page, one, status)._replace(how="already")

    def _held(self, page: Page, one: PagerIncident, status: str) -> Acked:
        """How an acknowledged page stands."""
        last = next((ack for ack in one.acknowledged if ack.by.id == self._me), None) if status != "theirs" else None
        last = last or (one.acknowledged[-1] if one.acknowledged else None)
        return Acked(
            page._replace(status=one.status),
            status,
            by=last.by.name if last else "",
            at=iso(last.at) if last and last.at else "",
            unack_at=iso(one.unack_at) if one.unack_at else "",
        )

    def _send(self, send: Sequence[PagerIncident]) -> list[Acked]:
        """Acknowledge these, whatever way leads there."""
        try:
            answer = {one.id: one for one in self._put([one.id for one in send])}
        except (PagerRefused, PagerSlow, PagerUnsure, BadInput) as trouble:
            return [self._otherwise(one, trouble) for one in send]
        self.pager.budget(READ_BACK_S)
        try:
            now = self._look([one.id for one in send])
        except OmniopsError as error:
            self.notes.warnings.append(f"what was acknowledged was not read back: {error.what}")
            now = {}
        return [self._confirmed(one, answer.get(one.id), now.get(one.id)) for one in send]

    def _put(self, ids: list[str]) -> list[PagerIncident]:
        """The request, and once more where that is certain to do it once. The time is what is left of the ten seconds:
        an ack that nobody answers goes out as an event instead, which can be sent again without harm."""
        try:
            return self.pager.acknowledge(ids)
        except PagerUnsure as unsure:
            try:
                left = self._not_ours(ids)
            except PagerSlow:
                raise unsure from None
        except PagerRefused as no:
            if no.code not in (CHANGED, ACKNOWLEDGED, RESOLVED):
                raise
            left = self._not_ours(ids) if no.code == CHANGED or len(ids) > 1 else []
        return self.pager.acknowledge(left) if left else []

    def _not_ours(self, ids: list[str]) -> list[str]:
        """Those that are still to be acknowledged, looked at again."""
        now = self._look(ids)
        return [id for id in ids if self._wanted(now[id])]

    def _look(self, ids: list[str]) -> dict[str, PagerIncident]:
        """How these stand now; many are listed."""
        listed = {one.id: one for one in self.pager.open()} if len(ids) > FEW else {}
        return {id: listed.get(id) or self.pager.get(id) for id in ids}

    def _confirmed(self, asked: PagerIncident, answer: PagerIncident | None, seen: PagerIncident | None) -> Acked:
        """Judge what was read back (``seen``): acknowledged, by us? ``answer``: what PagerDuty said to the request."""
        page, now = self._page(asked), seen or answer or asked
        if now.status == "resolved":
            return self._settled(now)
        if self.mine(now):
            return self._held(page, now, "acknowledged")._replace(how="rest")
        if now.status == "acknowledged" and not self.me():
            return self._held(page, now, "acknowledged")._replace(how="rest", confirmed=bool(answer))
        if now.status == "acknowledged" and answer is None:  # somebody else was faster
            return self._held(page, now, "theirs")._replace(how="already")
        self.notes.warnings.append(f"{page.name} was accepted by PagerDuty, which shows it as {now.status}")
        return Acked(page._replace(status=now.status), "acknowledged", "rest", confirmed=False)

    def _otherwise(self, one: PagerIncident, trouble: OmniopsError) -> Acked:
        """The other way in: the Events API, with the page's key."""
        done = by_event(self.desk, self._page(one), trouble, self.notes)
        if done.error is None and isinstance(trouble, PagerRefused):
            return self._looked_at(one, done)  # what may not write may read
        return done

    def _looked_at(self, one: PagerIncident, done: Acked) -> Acked:
        """Events are carried out when PagerDuty comes to it: look a few times."""
        self.pager.budget(READ_BACK_S)
        for wait in (0.2, 1.0, 2.0):
            self.desk.clock.sleep(wait)
            try:
                now = self.pager.get(one.id)
            except OmniopsError:
                return done
            if now.status == "acknowledged":
                held = self._held(done.page, now, "acknowledged")
                return held._replace(how="events")
        return done

    def _with_alerts(self, done: list[Acked]) -> list[Acked]:
        """Add what the first few pages' alerts say; it is worth a moment and no more."""
        self.pager.budget(ALERTS_S)
        known = [one for one in done if one.ours and not one.page.alert and one.how != "events"][:FEW]
        learned: dict[str, Page] = {}
        for one in known:
            try:
                alerts = self.pager.alerts(one.page.id)
            except OmniopsError:
                break
            if alerts and (alerts[0].labels or alerts[0].runbook_url):
                learned[one.page.id] = one.page._replace(
                    alert=alerts[0].labels, runbook_url=alerts[0].runbook_url, key=one.page.key or alerts[0].key
                )
        before = self.notes.pages() if learned else {}
        fresh = [
            (one.incident, learned[one.page.id])
            for one in done
            if one.page.id in learned and one.page.id in before and not before[one.page.id].page.alert
        ]
        self.notes.learned(fresh)
        return [one._replace(page=learned.get(one.page.id, one.page)) for one in done]

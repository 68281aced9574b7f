"""What is written down about pages. A journal that cannot be read or written is a warning here, never a reason to stop:
an acknowledgement that waits for a disk is no acknowledgement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from omniops.clock import Clock, iso, parse_iso
from omniops.errors import BadInput, OmniopsError
from omniops.incident.page import PAGE_KINDS, Acked, Known, Page, known
from omniops.incident.view import new_id
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Journal, New

T = TypeVar("T")


class PageNotes:
    """The journal's side of one command. ``warnings``: what went wrong with it, once."""

    def __init__(self, open_it: Callable[[], Journal], clock: Clock) -> None:
        self._open, self._clock = open_it, clock
        self._journal: Journal | None = None
        self._broken = False
        self.warnings: list[str] = []

    def pages(self) -> dict[str, Known]:
        """The pages that the journal knows, by id; none where it cannot be read."""
        return self._try(lambda journal: known(journal.kinds(PAGE_KINDS)), {})

    def begin(self, pages: Sequence[Page], sending: Sequence[str], wanted: str = "") -> dict[str, tuple[str, bool]]:
        """Link these pages to an incident, and say of those in ``sending`` that they are about to be acknowledged.

        A page that belongs to an open incident stays there; the others go to the incident ``wanted``, else to a new one
        for all of them. Returns page id -> (incident, was it opened now?); empty where nothing could be written.
        """
        return self._try(lambda journal: self._begin(journal, pages, sending, wanted), {})

    def _begin(
        self, journal: Journal, pages: Sequence[Page], sending: Sequence[str], wanted: str
    ) -> dict[str, tuple[str, bool]]:
        def attempt() -> dict[str, tuple[str, bool]]:
            there = {id: one for id, one in known(journal.kinds(PAGE_KINDS)).items() if not one.over}
            placed = {page.id: (there[page.id].incident, False) for page in pages if page.id in there}
            keys = {one.page.key: one.incident for one in there.values() if one.page.key}
            fresh = [page for page in pages if page.id not in placed]
            placed |= {page.id: (keys[page.key], False) for page in fresh if page.key in keys}
            rest = [page for page in fresh if page.id not in placed]
            events: list[New] = []
            if rest:
                into, is_new = self._incident_for(journal, rest[0], wanted, events)
                placed |= {page.id: (into, is_new) for page in rest}
            events += [_linked(placed[page.id][0], page) for page in fresh]
            begun = [id for id in sending if id in placed and not (id in there and there[id].pending)]
            events += [New(f"incident/{placed[id][0]}", None, "page.acknowledging", {"page": id}) for id in begun]
            journal.append(events)
            return placed

        return retry_on_conflict(attempt, "nothing was written")

    def _incident_for(self, journal: Journal, page: Page, wanted: str, events: list[New]) -> tuple[str, bool]:
        from omniops.runner.known import incident_of

        if wanted and wanted != "new":
            try:
                found = incident_of(journal, wanted)
            except BadInput as error:
                self.warnings.append(f"{error.what}; a new one was opened")
            else:
                if found.status == "open":
                    return found.id, False
                self.warnings.append(f"incident {wanted} is {found.status}; a new one was opened")
        taken = [stream.removeprefix("incident/") for stream in journal.streams("incident/")]
        now = self._clock.now()
        id = new_id(parse_iso(page.at) if page.at else now, page.title or "page", taken)
        opened = {"title": page.title or page.name, "onset": page.at or iso(now), "page": page.id}
        events.append(New(f"incident/{id}", 0, "incident.opened", opened))
        return id, True

    def end(self, done: Sequence[Acked], messages: Callable[[Journal, Acked], list[New]]) -> None:
        """Write down what became of pages, together with the messages that are owed because of it."""

        def write(journal: Journal) -> None:
            there = known(journal.kinds(PAGE_KINDS))
            events: list[New] = []
            for one in done:
                before = there.get(one.page.id)
                if not one.incident or before is None:
                    continue
                if one.status == "already" and before.acknowledged is not None and not before.pending:
                    continue  # it is written down
                data = {
                    "page": one.page.id, "how": one.how, "confirmed": one.confirmed, "by": one.by, "at": one.at,
                    "unack_at": one.unack_at,
                }  # fmt: skip
                events.append(New(f"incident/{one.incident}", None, "page.acknowledged", data))
                events += [] if before.frozen else messages(journal, one)
            if events:
                journal.append(events)

        self._try(write, None)

    def learned(self, pages: Sequence[tuple[str, Page]]) -> None:
        """Write down what was found out about pages afterwards: (incident, page)."""
        events = [
            New(f"incident/{into}", None, "page.linked", {"page": page._asdict()}) for into, page in pages if into
        ]
        if events:
            self._append(events)

    def calling(self, incident: str, page: str, again: bool) -> Known | None:
        """Say that the secondary is about to be called in. Returns the page instead, as it stands, where its incident
        is frozen by now, or where somebody has called them in or is about to, unless it is to be done ``again``."""

        def attempt(journal: Journal) -> Known | None:
            events = journal.read(f"incident/{incident}")
            there = known(event for event in events if event.kind in PAGE_KINDS).get(page)
            if there is not None and (there.frozen or (not again and (there.calling or there.escalated))):
                return there
            journal.append([New(f"incident/{incident}", len(events), "page.escalating", {"page": page})])
            return None

        return self._try(lambda journal: retry_on_conflict(lambda: attempt(journal), "nobody was called"), None)

    def note(self, incident: str, kind: str, data: dict[str, object]) -> None:
        """Append one event to an incident."""
        self._append([New(f"incident/{incident}", None, kind, dict(data))])

    def _append(self, events: list[New]) -> None:
        def write(journal: Journal) -> None:
            journal.append(events)

        self._try(write, None)

    def _try(self, work: Callable[[Journal], T], otherwise: T) -> T:
        if self._broken:
            return otherwise
        try:
            if self._journal is None:
                self._journal = self._open()
            return work(self._journal)
        except OmniopsError as error:
            self._broken = True
            self.warnings.append(
                f"nothing is written down, and nobody is told: {error.what}" + (f" ({error.why})" if error.why else "")
            )
            return otherwise


def _linked(incident: str, page: Page) -> New:
    return New(f"incident/{incident}", None, "page.linked", {"page": page._asdict()})

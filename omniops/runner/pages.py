"""`page list`, and what the journal knows of each page."""

from __future__ import annotations

from omniops.clock import iso
from omniops.incident.page import Row
from omniops.runner.acknowledging import as_page
from omniops.runner.desk import Desk
from omniops.runner.page_notes import PageNotes


def rows(desk: Desk, *, everybodys: bool = False) -> list[Row]:
    """The operator's open pages, or everybody's, oldest first. Raises OmniopsError."""
    pager, notes = desk.clients.pager, PageNotes(desk.journal, desk.clock)
    me = pager.me().id
    found = pager.open() if everybodys else pager.mine()
    known = notes.pages() if found else {}
    return [
        Row(
            as_page(one),
            one.holder,
            one.acknowledged_by(me),
            iso(one.unack_at) if one.unack_at else "",
            iso(one.escalates_at) if one.escalates_at else "",
            known[one.id].incident if one.id in known and not known[one.id].over else "",
        )
        for one in found
    ]

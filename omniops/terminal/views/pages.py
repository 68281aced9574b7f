"""Pages as lines: the list, and what became of an acknowledgement. Pure; every text passes ``safe``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from omniops.clock import parse_iso
from omniops.incident.page import Acked, Page, Row, next_due
from omniops.terminal.layout import safe, wrap
from omniops.terminal.views.incidents import ago
from omniops.terminal.views.plain import fields
from omniops.text import duration, lateness

Lines = list[tuple[str, str]]


def list_lines(rows: Sequence[Row], now: datetime, width: int) -> Lines:
    """One block for each page: what it is, who has it, and which clock runs."""
    if not rows:
        return [("No page of yours is open.", "")]
    lines: Lines = []
    for row in rows:
        page = row.page
        tone = "bad" if page.status == "triggered" else ""
        lines += [(line, tone) for line in wrap(f"{page.id}  {safe(page.name)}", width, "", "    ")]
        about = [page.status, safe(page.service), f"urgency {safe(page.urgency)}" if page.urgency else ""]
        about += [f"paged {ago(page.at, now)}"] if page.at else []
        lines += [(line, "") for line in wrap(", ".join(part for part in about if part), width, "    ")]
        clock = _clock(row, now)
        lines += [(line, "warn") for line in wrap(clock, width, "    ")] if clock else []
        lines += [(f"    incident {row.incident}", "dim")] if row.incident else []
    return lines


def _clock(row: Row, now: datetime) -> str:
    if row.holder:
        who = "you" if row.mine else safe(row.holder, 80)
        if not row.unack_at:
            return f"acknowledged by {who}; it stays so until it is resolved"
        return f"acknowledged by {who}; un-acknowledges itself {until(row.unack_at, now)}"
    return f"nobody has it; it escalates {until(row.escalates_at, now)}" if row.escalates_at else ""


def until(moment: str, now: datetime) -> str:
    """``at 17:35Z, in 29m 58s``, or how long ago it was."""
    left = (parse_iso(moment) - now).total_seconds()
    when = f"in {duration(left)}" if left >= 0 else f"{duration(-left)} ago"
    return f"at {parse_iso(moment):%H:%M}Z, {when}"


def acked_lines(one: Acked, now: datetime, width: int) -> Lines:
    """What became of one page, and everything that the on-call needs next to it."""
    page = one.page
    head, tone = _head(one, now)
    lines: Lines = [(line, tone) for line in wrap(head, width)]
    if one.error is not None:
        return lines
    due = next_due(page.at, now) if one.ours else None
    late = "" if due is None else lateness(-due.late_s)
    labels = " ".join(f"{safe(key, 60)}={safe(value, 120)}" for key, value in page.alert.items())
    pairs = [
        ("by", _who(one, now)),
        ("service", page.service + (f", urgency {page.urgency}" if page.urgency else "")),
        ("un-ack", f"{until(one.unack_at, now)}, unless it is resolved before" if one.unack_at else ""),
        ("alert", labels if one.ours else ""),
        ("runbook", page.runbook_url if one.ours else ""),
        ("page", page.url),
        ("incident", one.incident + (" (new)" if one.new else "")),
        ("due", f"{due.name} {due.words}: {late}" if due else ""),
    ]
    lines += [(line, "") for line in fields(pairs, width).splitlines()]
    return lines


def escalated_line(page: Page, to: str, how: str, at: str, now: datetime) -> tuple[str, str]:
    """Who was called in for a page, and how sure that is."""
    name, who = safe(page.name), safe(to, 80)
    match how:
        case "before":
            return f"{who} was called {ago(at, now)} for {name}; --again calls them once more.", ""
        case "responder":
            return f"PagerDuty asks {who} to join {name}; it stays yours.", "good"
        case "level":
            return f"Handed to {who}: {name}.", "good"
    return f"Sent, unconfirmed: a page to {who} about {name}.", "warn"


def opened_lines(opened: Mapping[str, Any], width: int) -> Lines:
    """What was opened by hand, where section 2 routes it, and what is owed because of it."""
    source = opened["source"]
    if not opened["new"]:
        waits = f"not known to have been told: omniops outbox ({', '.join(opened['waits'])})"
        words = f"Open already, and {waits if opened['waits'] else 'told before'}: {safe(opened['title'])}"
        return [(line, "warn") for line in wrap(words, width)]
    lines: Lines = [(line, "good") for line in wrap(f"Opened: {safe(opened['title'])}", width)]
    names = {
        "pager.event": "page",
        "slack": "Slack",
        "github.issue": "GitHub issue",
        "alertmanager.alert": "Alertmanager",
    }
    told = [f"{names.get(one['engine'], one['engine'])} {one['to'] or ''}".strip() for one in opened["told"]]
    pairs = [
        ("incident", opened["incident"] or "none: this source opens none"),
        ("source", source["source"]),
        ("signal", source["signal"]),
        ("routing", source["routing"]),
        ("owed", ", ".join(told)),
    ]
    return lines + [(line, "") for line in fields(pairs, width).splitlines()]


def _head(one: Acked, now: datetime) -> tuple[str, str]:
    name = safe(one.page.name)
    match one.status:
        case "acknowledged" if one.confirmed:
            return f"Acknowledged: {name}", "good"
        case "acknowledged":
            return f"Accepted by PagerDuty, but not seen to be acknowledged: {name}", "bad"
        case "already":
            return f"Acknowledged already, by you: {name}", "good"
        case "theirs":
            return f"Acknowledged already, by {safe(one.by, 80)}: {name}", "good"
        case "sent":
            return f"Sent, unconfirmed: {name}. PagerDuty has taken it in; whether it took effect is not known.", "warn"
        case "resolved":
            when = f" {ago(one.at, now)}" if one.at else ""
            who = f" by {safe(one.by, 80)}" if one.by else ""
            return f"Resolved already{who}{when}, and left alone: {name}", "warn"
    return f"NOT acknowledged: {name}", "bad"


def _who(one: Acked, now: datetime) -> str:
    if not one.by or one.status == "resolved":
        return ""
    if not (one.at and one.page.at):
        return one.by
    after = (parse_iso(one.at) - parse_iso(one.page.at)).total_seconds()
    return f"{one.by}, {ago(one.at, now)}, {duration(max(after, 0))} after the page"

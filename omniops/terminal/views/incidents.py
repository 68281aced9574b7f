"""Incidents, mitigations and timelines as lines. Pure; every text passes ``safe``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from omniops.clock import parse_iso
from omniops.incident.story import Line
from omniops.incident.typed import Commands
from omniops.incident.view import Incident, Mitigation
from omniops.terminal.layout import safe, wrap
from omniops.terminal.views.plain import fields, table
from omniops.text import duration


def ago(moment: str, now: datetime) -> str:
    """Write a moment as a time of day and how long ago it was."""
    then = parse_iso(moment)
    return f"{then:%H:%M}Z ({duration(max(now - then, timedelta(0)))} ago)"


def mitigation_lines(found: Sequence[Mitigation], now: datetime, width: int) -> list[str]:
    """What is in force, with the command that undoes it."""
    if not found:
        return ["Nothing is in force."]
    lines: list[str] = []
    for one in found:
        state = f"kept: {one.reason}" if one.reason else one.state
        lines += wrap(f"{one.id}  {one.action} {safe(one.target)}", width)
        lines += wrap(f"{safe(state)}, since {ago(one.since, now)}, by {safe(one.by)}", width, "     ")
        lines += wrap(f"{one.incident}, run {one.run}", width, "     ")
        lines += wrap(f"undo: {one.undo}" if one.undo else f"next: {one.next}", width, "     ")
    return lines


def incident_lines(found: Sequence[Incident], runs: dict[str, dict[str, Any]], now: datetime, width: int) -> list[str]:
    """The incidents, and what to type next for those with an open run."""
    if not found:
        return ["No incident is open."]
    rows = [[one.id, one.status, one.severity or "-", ago(one.onset, now)] for one in found]
    lines = table(["incident", "status", "severity", "onset"], rows, width).splitlines()
    known = {one.id for one in found}
    for run, data in runs.items():
        if data["incident"] in known:
            lines += wrap(f"open run {run} ({safe(data['runbook'])}): {Commands().resume(run)}", width, "", "  ")
    return lines


def story_lines(incident: Incident, story: Sequence[Line], now: datetime, width: int) -> list[str]:
    """An incident and its timeline."""
    head = [
        ("incident", incident.id), ("title", incident.title), ("status", incident.status),
        ("severity", incident.severity), ("onset", ago(incident.onset, now)), ("opened by", incident.by),
    ]  # fmt: skip
    lines = [*fields(head, width).splitlines(), ""]
    day = ""
    for one in story:
        moment = parse_iso(one.time)
        if f"{moment:%Y-%m-%d}" != day:
            day = f"{moment:%Y-%m-%d}"
            lines.append(day)
        lines += wrap(f"{safe(one.words, 600)}  [{safe(one.actor, 40)}]", width, f"{moment:%H:%M:%S}  ", " " * 10)
    return lines

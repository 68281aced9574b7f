"""A postmortem's first draft from the journal (section 7): what is known is filled in, and nothing invented. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from omniops.clock import parse_iso
from omniops.incident.blameless import Roles
from omniops.incident.communication import fill
from omniops.incident.report import Change, Report, moment
from omniops.incident.score import UNTOLD, Score
from omniops.incident.verdicts import RECOVERED, verdicts
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import duration

UNKNOWN = "unknown"
_MOST_LINES = 400
_HOUSEKEEPING = ("to be sent: ", "not sent any more: headline")
"""How lines of the story begin that only say what omniops was about to do."""


def draft(template: str, incident: Incident, report: Report, events: Sequence[Event], score: Score | None,
          due: datetime | None) -> str:  # fmt: skip
    """The Markdown of a draft. ``events``: the incident's and its runs'; ``score``: of its checklist; ``due``: when the
    postmortem is. Raises KeyError for a template that names an unknown field."""
    roles = Roles(incident, events)
    quoted = {
        "incident": incident.id,
        "title": report.title,
        "severity": incident.severity or UNKNOWN,
        "onset": incident.onset,
        "resolved": incident.resolved or "TODO: it is not resolved yet",
        "commander": incident.roles.get("commander") or "TODO: who was incident commander",
        "on_call": roles.on_call or "TODO: who was on call",
    }
    fields = {name: json.dumps(value, ensure_ascii=False) for name, value in quoted.items()}
    fields |= {
        "mitigation": json.dumps(roles.touched, ensure_ascii=False),
        "due": f"{due:%Y-%m-%d}" if due else "5 business days after the resolution",
        # A title comes from wherever the alert does: no picture is loaded, and no HTML is meant by it.
        "heading": roles.without_names(report.title).replace("<", "&lt;").replace("[", "\\["),
        "impact": _impact(incident, report),
        "detection": _detection(incident),
        "times": _times(incident, report, events),
        "changes": "\n".join(_change(one, roles) for one in _to_the_service(report))
        or "Nothing was changed through omniops.",
        "timeline": _timeline(report, roles),
        "well": _bullets(_well(incident, report, score)),
        "factors": _bullets(_factors(events, report, score, roles)),
        "actions": "\n".join(_actions(report, score, roles)),
    }
    return fill(template, fields) + "\n"


def _impact(incident: Incident, report: Report) -> str:
    """From the SLO figures; what nobody measured is said to be unknown."""
    lines = [f"- Severity: {incident.severity or UNKNOWN}" + "".join(
        f" ({one.why})" for one in incident.severities[-1:] if one.why)]  # fmt: skip
    points = report.series.points if report.series else []
    errors = [(one.error_ratio, one.at) for one in points if one.error_ratio is not None]
    slow = [(one.p95_s, one.at) for one in points if one.p95_s is not None]
    if errors and report.series:
        worst, at = max(errors)
        budget = f"the budget is {report.series.budget_ratio:.2%}"
        lines.append(f"- Errors: {worst:.2%} of requests at worst, at {at:%Y-%m-%d %H:%M:%S} ({budget})")
    else:
        lines.append(f"- Errors: {UNKNOWN}; no figure was journalled")
    if slow and report.series:
        worst, at = max(slow)
        budget = f"the budget is {report.series.budget_s:g} s"
        lines.append(f"- p95 latency: {worst:.2f} s at worst, at {at:%Y-%m-%d %H:%M:%S} ({budget})")
    else:
        lines.append(f"- p95 latency: {UNKNOWN}; no figure was journalled")
    lasted = _between(incident.onset, incident.resolved)
    return "\n".join([*lines, f"- Lasted: {lasted or UNKNOWN}", "- TODO: which users saw what, and how many."])


def _detection(incident: Incident) -> str:
    page = incident.page or {}
    source = incident.source or page.get("detected_by") or page.get("source")
    lines = [f"- By: {source or UNKNOWN}" + (f" ({page['title']})" if page.get("title") else "")]
    if page.get("at"):
        lines.append(f"- Page: {moment(page['at'])}, {_between(incident.onset, str(page['at']))} after the onset")
    else:
        lines.append("- Page: none is journalled")
    return "\n".join(lines)


def _times(incident: Incident, report: Report, events: Sequence[Event]) -> str:
    """Each counted from the onset, and from the page where there was one."""
    known = [
        ("Acknowledged", incident.acknowledged["time"] if incident.acknowledged else ""),
        ("Classified", incident.severities[0].time if incident.severities else ""),
        ("First change", next((one.at for one in _to_the_service(report)), "")),
        ("Mitigated, shown by traffic", _mitigated(events)),
        ("Resolved", incident.resolved),
    ]
    rows = ["| what | when | after the onset | after the page |", "|---|---|---|---|"]
    page = str((incident.page or {}).get("at") or "")
    for name, at in known:
        cells = [moment(at), _between(incident.onset, at), _between(page, at) or "-"] if at else [UNKNOWN, "-", "-"]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _to_the_service(report: Report) -> list[Change]:
    """The changes to the service: who is paged is none."""
    return [one for one in report.changes if not one.action.startswith("page.")]


def _mitigated(events: Sequence[Event]) -> str:
    """When the traffic was first shown to have recovered; "" where it never was."""
    shown = (one.time for one in verdicts([events], events) if one.shown and one.verdict == RECOVERED)
    return next(shown, "")


def _between(start: str, end: str) -> str:
    return duration((parse_iso(end) - parse_iso(start)).total_seconds()) if start and end else ""


def _change(one: Change, roles: Roles) -> str:
    state = f"{one.state} {moment(one.undone)}" if one.undone else one.state
    return _plain(f"- {moment(one.at)}: {one.action} {one.target} ({state}), by {roles.of(one.by)}", roles)


def _timeline(report: Report, roles: Roles) -> str:
    rows = ["| time | what | by |", "|---|---|---|"]
    told = [line for line in report.story if not line.words.startswith(_HOUSEKEEPING)]
    for line in told[-_MOST_LINES:]:
        rows.append(f"| {moment(line.time)[:-4]} | {_cell(_plain(line.words, roles))} | {roles.of(line.actor)} |")
    return "\n".join(rows)


def _plain(text: str, roles: Roles) -> str:
    return roles.without_names(text)


def _cell(text: str) -> str:
    """Text that ends no cell of a table, and begins no HTML."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _well(incident: Incident, report: Report, score: Score | None) -> list[str]:
    found = []
    if score and score.timed and not score.late:
        found.append(f"Every step of the first 15 minutes was done in time ({score.timed} of them).")
    if score and score.acknowledge_s is not None:
        found.append(f"The page was acknowledged {duration(score.acknowledge_s)} after it was triggered.")
    owed = [one for one in report.obligations if one.tone and one.id not in UNTOLD]  # done, or late
    kept = [one for one in owed if one.tone == "good"]
    if kept:
        found.append(f"{len(kept)} of {len(owed)} things that others were to be told were told in time.")
    back = [one for one in _to_the_service(report) if one.undone]
    if back:
        found.append(f"{len(back)} of {len(_to_the_service(report))} changes were put back.")
    return found


def _factors(events: Sequence[Event], report: Report, score: Score | None, roles: Roles) -> list[str]:
    """What the record shows of where time went."""
    found = [f"{one.title} was {duration(one.late_s)} late." for one in (score.late if score else ())]
    found += [f"{one.words}: {one.state}." for one in report.obligations if one.done_at and one.tone == "bad"]
    for event in events:
        if event.kind == "guided" and event.data.get("choice") == "skip":
            reason = f": {event.data['reason']}" if event.data.get("reason") else ""
            found.append(roles.without_names(f"The step {event.data['step']} was skipped{reason}"))
        elif event.kind == "step.done" and event.data.get("outcome") == "failure":
            found.append(roles.without_names(f"The step {event.data['step']} failed: {event.data.get('detail', '')}"))
    return found


def _actions(report: Report, score: Score | None, roles: Roles) -> list[str]:
    """Rows to begin with: what is still in force has to end some day, and what was late to be made faster."""
    rows = []
    for one in report.changes:
        if one.state in ("in force", "kept", "in doubt", "may have changed something"):
            reason = f" (kept: {one.reason})" if one.reason else ""
            rows.append(f"Take {one.target} out of its mitigation{reason}, or make it last")
    if score and score.late:
        rows.append(f"Make {len(score.late)} late steps of the first 15 minutes faster")
    rows = [_cell(_plain(row, roles)) for row in rows] or ["TODO: what would have prevented or shortened it"]
    return [f"| {row} | TODO | TODO | TODO |" for row in rows]

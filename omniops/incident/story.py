"""An incident told in order: one line for each thing that happened. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from omniops.incident.due import page_name, target
from omniops.incident.outbox import FROZEN, Message, fold
from omniops.incident.view import ROLES, UNDO, Incident
from omniops.journal.events import Event


class Line(NamedTuple):
    """One thing that happened. ``tone`` as on the screen: "", good, bad, warn."""

    time: str
    actor: str
    run: str
    words: str
    tone: str = ""


_QUIET = {"step.entered", "sample", "lease.released", "approved", "item.done", "run.joined"}


def story(events: Iterable[Event]) -> list[Line]:
    """The timeline: changes, answers, verdicts, notes. What only serves the machinery is left out."""
    lines = []
    events = list(events)
    names: dict[str, str] = {one.id: f"{one.about} to {_reader(one)}" for one in fold(events)}
    for event in events:
        if event.kind == "intent":
            names[event.data["key"]] = event.data["target"]
        if event.kind in _QUIET:
            continue
        words, tone = _tell(event, names)
        if words:
            lines.append(Line(event.time, event.actor, event.stream.partition("/")[2], words, tone))
    return lines


def _reader(message: Message) -> str:
    """Who reads a message: of a mail not the address, which is nobody's name."""
    if message.engine != "mail":
        return target(message)
    return "customers" if message.about.startswith("mail.") else "the provider"


def _tell(event: Event, names: dict[str, str]) -> tuple[str, str]:
    data = event.data
    if event.kind.startswith("message."):
        return _message(event, names.get(data["id"], data["id"]))
    if event.kind.startswith("page."):
        return _page(event)
    target = names.get(data.get("key", ""), "")
    match event.kind:
        case "incident.opened":
            return f"incident opened: {data['title']} (onset {data['onset']})", ""
        case "run.started":
            return f"run {data['run']} of {data['runbook']} begun" + (" (DRILL)" if data.get("drill") else ""), ""
        case "lease.taken":
            # An undo takes the run for each change that it puts back; nobody has asked for the run to go on.
            return ("" if data["how"] in ("started", UNDO) else f"run taken up again: {data['how']}"), ""
        case "intent":
            verb = "undo" if data.get("undo_of") else data["action"]
            asked = "asked of the operator: " if data.get("by_hand") else ""
            ends = [_short(data["before"]), _short(data["desired"])]
            if data.get("undo_of"):  # `before` is what it goes back to, `desired` what it is now
                ends.reverse()
            return f"{asked}{verb} {data['target']}: {' -> '.join(ends)}", "warn"
        case "outcome" | "reconciled":
            how = " (found out afterwards)" if event.kind == "reconciled" else ""
            words = {"applied": "done", "not_applied": "not done", "in_doubt": "in doubt", "failed": "failed"}
            detail = f": {data['detail']}" if data.get("detail") else ""
            return f"{target}: {words[data['status']]}{how}{detail}", "" if data["status"] == "applied" else "bad"
        case "answered":
            return f"{data['step']}: answered {_short(data.get('value'))}" + (
                f" ({data['how']})" if data.get("how") else ""
            ), ""
        case "declined":
            return f"{data['step']}: declined", ""
        case "step.done":
            return _step(data)
        case "guided":
            reason = f": {data['reason']}" if data.get("reason") else ""
            return f"{data['step']}: {data['choice']}{reason}", "warn"
        case "timer.fired":
            return f"clock {data['timer']} ran out" + (
                f", {data['late_s']:.0f}s ago" if data["late_s"] >= 1 else ""
            ), "warn"
        case "undone":
            return f"{target}: back as it was", "good"
        case "severity":
            return f"severity {data['severity']} ({data['why']})", "warn"
        case "role":
            return f"{data['who']} is {data['role']}", ""
        case "note":
            return f"note: {data['text']}", ""
        case "channel.created":
            return f"channel #{data['name']} made", ""
        case "headline.posted":
            return "headline posted in the channel", ""
        case "status.opened":
            return f"entry on the status page: {data['url'] or data['id']}", ""
        case "postmortem.written":
            return f"postmortem drafted: {data['path']}", ""
        case "postmortem.pasted":
            return "postmortem's issue pasted by hand", ""
        case "postmortem.filed":
            return f"postmortem filed: {data['url'] or 'pasted by hand'}", "good"
        case "frozen":
            return "frozen: the security path was entered", "warn"
        case "mitigation.kept":
            reason = f": {data['reason']}" if data["reason"] else ""
            return f"{data['id']} {data['target']} kept on purpose{reason}", ""
        case "comms.done":
            return f"{data['obligation']}: done by hand ({data['how']})", "good"
        case "verified":
            return f"looked at live traffic: {data['verdict'].replace('_', ' ')} ({data['last']['why']})", ""
        case "incident.resolved":
            return "incident resolved", "good"
        case "run.ended":
            return f"run ended: {data['outcome'].replace('_', ' ')}", "good" if data[
                "outcome"
            ] == "mitigated" else "bad"
    return event.kind, ""


def _message(event: Event, name: str) -> tuple[str, str]:
    """The life of a message: that it is owed, and every turn that it took."""
    data = event.data
    why = f": {data['why']}" if data.get("why") else ""
    match event.kind:
        case "message.queued":
            return f"to be sent: {name}", ""
        case "message.sending":
            return "", ""
        case "message.sent":
            return f"sent: {name}" + (f" ({data['how']})" if data.get("how") else ""), "good"
        case "message.failed":
            return f"not sent yet: {name}{why}", "warn"
        case "message.unsure":
            return f"may have been sent: {name}{why}", "bad"
        case "message.shown":
            return f"shown, ready to paste: {name}{why}", ""
        case "message.retried":
            return f"to be sent again, by a person's word: {name}", "warn"
        case "message.dropped":
            why = ": the incident is frozen" if data["why"] == FROZEN else why
            return f"not sent any more: {name}{why}", "warn"
    return event.kind, ""


def _page(event: Event) -> tuple[str, str]:
    """What woke somebody, and what was done about it."""
    data = event.data
    sure = "" if data.get("confirmed", True) else "; sent, unconfirmed"
    match event.kind:
        case "page.linked":
            page = data["page"]
            about = ", ".join(str(page[key]) for key in ("service", "urgency", "status") if page.get(key))
            return f"page {page_name(page)} from {page['source']}" + (f" ({about})" if about else ""), "warn"
        case "page.acknowledging":
            return f"acknowledging page {data['page']}", ""
        case "page.acknowledged":
            how = {"already": "acknowledged already", "events": "acknowledged through the Events API"}
            who = f", by {data['by']}" if data.get("by") else ""
            until = f"; it un-acknowledges itself at {data['unack_at']}" if data.get("unack_at") else ""
            return f"page {data['page']} {how.get(data['how'], 'acknowledged')}{who}{sure}{until}", "good"
        case "page.escalating":
            return f"calling the secondary in for page {data['page']}", ""
        case "page.not_escalated":
            return f"page {data['page']} was not escalated: {data['why']}", "warn"
        case "page.escalated":
            return f"page {data['page']} escalated to {data.get('to') or 'the next level'}{sure}", "warn"
    return event.kind, ""


def _step(data: dict[str, Any]) -> tuple[str, str]:
    """Verdicts and failures are worth a line; the rest speaks through its changes and answers."""
    verdict = (data.get("outputs") or {}).get("verdict")
    if verdict in ("recovered", "not_recovered", "inconclusive"):
        return (
            f"{data['step']}: {verdict.replace('_', ' ')} ({data.get('detail', '')})",
            "good" if verdict == "recovered" else "bad",
        )
    if data["outcome"] == "failure":
        return f"{data['step']} failed: {data.get('detail', '')}", "bad"
    return "", ""


def _short(value: Any) -> str:
    if isinstance(value, dict):
        hidden = ("id", "provider", "name")
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items() if key not in hidden) or "-"
    if isinstance(value, list):
        return ", ".join(_short(item.get("target", item) if isinstance(item, dict) else item) for item in value)
    return (
        {True: "yes", False: "no", None: "nothing"}.get(value, str(value))
        if isinstance(value, (bool, type(None)))
        else str(value)
    )


def incident_json(incident: Incident, runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An incident as JSON; ``runs``: the open ones of all incidents."""
    return {
        "id": incident.id,
        "title": incident.title,
        "status": incident.status,
        "severity": incident.severity or None,
        "onset": incident.onset,
        "opened": incident.opened,
        "by": incident.by,
        "resolved": incident.resolved or None,
        "roles": {role: incident.roles.get(role) for role in ROLES},
        "open_runs": [run for run, data in runs.items() if data["incident"] == incident.id],
    }


def story_json(
    incident: Incident, events: list[Event], runs: dict[str, dict[str, Any]], stands: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The whole record of an incident: ``omniops.incident/1``. ``stands``: how it stands now, as the board has it."""
    told = [
        {
            "seq": event.seq, "time": event.time, "actor": event.actor, "host": event.host,
            "stream": event.stream, "kind": event.kind, "data": _without_graph(event.data),
        }
        for event in events
    ]  # fmt: skip
    severities = [one._asdict() for one in incident.severities]
    answer = {"schema": "omniops.incident/1", **incident_json(incident, runs), "severities": severities}
    return {**answer, **(stands or {}), "events": told}


def _without_graph(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "graph"}

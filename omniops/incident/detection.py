"""The detection sources of section 2 as typed values, and what each owes when it is opened by hand. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple


class Step(NamedTuple):
    """One thing that is done for a source that was opened by hand. ``kind``: page (``to`` is a role), slack (a
    channel), github_issue (``labels``), alertmanager (``to`` is the alert's name)."""

    kind: str
    to: str = ""
    labels: tuple[str, ...] = ()


class Source(NamedTuple):
    """One line of section 2. ``incident``: does it open one? ``then``: the runbook that goes on from there."""

    id: str
    source: str
    signal: str
    routing: str
    by_hand: tuple[Step, ...]
    incident: bool = True
    then: str = ""


class Owed(NamedTuple):
    """A message that is owed because a source was opened; the outbox sends it."""

    engine: str
    to: str
    body: dict[str, Any]


def owed(source: Source, title: str, words: str, dedup_key: str, service: str = "omniroute") -> list[Owed]:
    """What has to be told, in the order of the file. ``dedup_key``: stable; ``words``: more about it."""
    found = []
    line = f"{title} (source: {source.source}; {source.signal})"
    for step in source.by_hand:
        match step.kind:
            case "page":
                body: dict[str, Any] = {"summary": line, "source": service, "dedup_key": dedup_key}
                found.append(Owed("pager.event", step.to, body))
            case "slack":
                text = f"{line}\n{words}" if words else line
                found.append(Owed("slack", step.to, {"text": text}))
            case "github_issue":
                text = (
                    f"{words or title}\n\nSource: {source.source}. Signal: {source.signal}. Routing: {source.routing}."
                )
                found.append(Owed("github.issue", "", {"title": title, "body": text, "labels": list(step.labels)}))
            case "alertmanager":
                labels = {"alertname": step.to, "severity": "critical", "service": service, "incident": dedup_key}
                alert = {"labels": labels, "annotations": {"summary": line}}
                found.append(Owed("alertmanager.alert", "", {"alerts": [alert]}))
    return found

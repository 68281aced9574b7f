"""Section 5 at work: what the open incidents owe. Who asks for it says from which folder the rules are layered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.incident.obligations import Facts, Obligation, obligations
from omniops.incident.outages import outages, providers
from omniops.incident.typed import about
from omniops.incident.unposted import declined
from omniops.incident.view import Incident
from omniops.journal.events import Event, Journal
from omniops.runner.engines.ways import by_webhook
from omniops.runner.known import incident_of, runs_of

if TYPE_CHECKING:
    from omniops.config import Settings
    from omniops.incident.communication import Communication
    from omniops.incident.drafts import Draft


def obligations_of(
    journal: Journal,
    now: datetime,
    incident: str = "",
    *,
    folder: Path | None = None,
    rules: Communication | None = None,
) -> list[Obligation]:
    """What an incident owes or has fulfilled, or all incidents: what is open first, soonest first.

    ``folder``: the user's runbooks (``settings.user_runbooks``), whose communication.yaml and severity.yaml go before
    the shipped ones; ``rules``: the former, where it was read before. What to type names the incident wherever without
    that another one could be taken. Raises BadInput for an incident that there is not, and for a file that is wrong.
    """
    if incident:
        incident_of(journal, incident)
    found: list[Obligation] = []
    known = []
    for stream in journal.streams("incident/"):
        events = journal.read(stream)
        id = stream.removeprefix("incident/")
        known.append(Incident(id, events))
        if not _may_owe(journal, id, events):
            continue
        if rules is None:
            rules = rules_of(folder)
        found += _of(journal, id, events, rules, now, folder)
    told = [_named(one, found, known) for one in found if incident in ("", one.incident)]
    return sorted(told, key=lambda one: (bool(one.done_at), one.at))


def _named(one: Obligation, found: list[Obligation], known: list[Incident]) -> Obligation:
    """With the incident in what to type, unless it is the only one that the bare command can take: no other is open or
    owes anything, and for a postmortem none was resolved later."""
    meant = {other.id for other in known if not other.resolved} | {other.incident for other in found if other.open}
    last = max(known, key=lambda other: other.resolved).id
    alone = meant <= {one.incident} and (one.id != "postmortem" or last == one.incident)
    return one if alone or not one.open else one._replace(next=about(one.next, one.incident))


def _may_owe(journal: Journal, id: str, events: list[Event]) -> bool:
    """Without a severity and a run nothing is owed, and nothing once it is frozen: no file is read for that."""
    kinds = {event.kind for event in events}
    return "frozen" not in kinds and ("severity" in kinds or bool(runs_of(journal, id)))


def rules_of(folder: Path | None) -> Communication:
    """communication.yaml, layered. Raises BadInput."""
    from omniops.catalog.communication import communication_for

    return communication_for(folder)


def _of(
    journal: Journal, id: str, events: list[Event], rules: Communication, now: datetime, folder: Path | None
) -> list[Obligation]:
    from zoneinfo import ZoneInfo

    from omniops.catalog.ladder import ladder_for

    return obligations(facts_of(journal, id, events, rules), rules, ladder_for(folder), ZoneInfo(rules.zone), now)


def facts_of(journal: Journal, id: str, events: list[Event], rules: Communication) -> Facts:
    """What the journal knows of an incident, as far as it bears on what is owed."""
    rule = rules.rule("banner")
    runs = [journal.read(f"run/{run}") for run in runs_of(journal, id)]
    return Facts(id, events, outages(runs, rule.runbook, events) if rule else (), providers(runs), declined(runs))


def to_channel(settings: Settings, draft: Draft) -> Draft:
    """A text for a channel (its ``where``), as it gets there from here: through Slack, or through a webhook."""
    if not by_webhook(settings):
        return draft._replace(engine="slack")
    return draft._replace(engine="webhook", to="", where=f"the webhook's channel, for {draft.where}")

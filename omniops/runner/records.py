"""Notes about an incident that change nothing outside omniops: note, keep, resolve."""

from __future__ import annotations

from omniops.errors import BadInput, Frozen, NeedsPerson
from omniops.incident.typed import Commands
from omniops.incident.view import MITIGATION_KINDS, Incident, Mitigation, mitigations
from omniops.journal.events import Conflict, Journal, New
from omniops.runner.known import incident_of, incidents, open_runs


def pick(journal: Journal, wanted: str) -> Incident:
    """The incident named, else the only open one. Raises BadInput, or NeedsPerson where there are several."""
    if wanted:
        return incident_of(journal, wanted)
    open_ones = [one for one in incidents(journal) if not one.resolved]
    if len(open_ones) == 1:
        return open_ones[0]
    if not open_ones:
        raise BadInput("no incident is open", state="nothing was attempted", next="omniops incident list --all")
    raise NeedsPerson(
        "several incidents are open",
        why=", ".join(one.id for one in open_ones),
        state="nothing was attempted",
        next=f"name one, such as {open_ones[-1].id}",
    )


def note(journal: Journal, incident: Incident, text: str) -> None:
    """Write a note. Raises BadInput for an empty one, Frozen once the incident is on the security path."""
    if incident.frozen:
        raise Frozen(
            "the note was not written down",
            why=f"{incident.id} is on the security path (4.5), so nothing more is stored about it here",
            state="the journal holds nothing of it",
            next="follow SECURITY.md; its own record is the place for details",
        )
    if not text.strip():
        raise BadInput("the note is empty", state="nothing was written", next='omniops incident note "what happened"')
    journal.append([New(f"incident/{incident.id}", None, "note", {"text": text.strip()})])


def declare(journal: Journal, incident: Incident, severity: str) -> None:
    """Write down how bad the incident is (section 1)."""
    journal.append(
        [New(f"incident/{incident.id}", None, "severity", {"severity": severity, "why": "declared by hand"})]
    )


def keep(journal: Journal, id: str, reason: str) -> Mitigation:
    """Keep a mitigation on purpose. Raises BadInput for an unknown one or an empty reason.

    Of a frozen incident it is kept without the reason: whatever it says could be a detail.
    """
    found = {one.id: one for one in mitigations(journal.kinds(MITIGATION_KINDS))}
    if id not in found or not reason.strip():
        raise BadInput(
            f"no mitigation {id!r} is in force" if id not in found else "a reason is needed",
            why="in force: " + (", ".join(found) or "none"),
            state="nothing was written",
            next=Commands().keep("m12"),
        )
    one = found[id]
    told = "" if incident_of(journal, one.incident).frozen else reason.strip()
    data = {"id": id, "reason": told, "target": one.target}
    journal.append([New(f"incident/{one.incident}", None, "mitigation.kept", data)])
    return one._replace(state="kept", reason=told)


def resolve(journal: Journal, incident: Incident) -> None:
    """Resolve an incident. Raises NeedsPerson while something of it is in force and not kept, or a run is open."""
    if incident.resolved:
        return
    left = [one for one in mitigations(journal.kinds(MITIGATION_KINDS)) if one.incident == incident.id]
    left = [one for one in left if one.state != "kept"]
    if left:
        first = left[0]
        raise NeedsPerson(
            f"{incident.id} is not resolved: {len(left)} mitigation(s) neither undone nor kept",
            why="; ".join(f"{one.id} {one.target} ({one.state})" for one in left),
            state="the incident stays open",
            next=first.next,
        )
    runs = [run for run, data in open_runs(journal).items() if data["incident"] == incident.id]
    if runs:
        raise NeedsPerson(
            f"{incident.id} is not resolved: run {runs[0]} is open",
            state="the incident stays open",
            next=Commands().resume(runs[0]),
        )
    try:
        journal.append([New(f"incident/{incident.id}", incident.n, "incident.resolved", {})])
    except Conflict:
        raise NeedsPerson(
            f"{incident.id} has changed just now", state="the incident stays open", next="omniops incident show"
        ) from None

"""Notes about an incident that change nothing outside omniops: open, note, severity, role, keep."""

from __future__ import annotations

from datetime import datetime

from omniops.clock import iso
from omniops.errors import BadInput, Frozen
from omniops.incident.typed import Commands
from omniops.incident.view import MITIGATION_KINDS, ROLES, Incident, Mitigation, mitigations, new_id
from omniops.journal.conflict import retry_on_conflict
from omniops.journal.events import Journal, New
from omniops.runner.known import incident_of, incidents
from omniops.text import one_line


def open_incident(
    journal: Journal, now: datetime, title: str, onset: datetime, severity: str = "", source: str = ""
) -> tuple[Incident, bool]:
    """Open an incident. An open one with the same title is given back instead, and False. Raises BadInput without a
    title."""
    title = one_line(title, 200)
    if not any(char.isalnum() for char in title):
        raise BadInput(
            "it needs a title",
            why="one line that says what is wrong",
            state="nothing was opened",
            next='omniops incident open "..."',
        )

    def attempt() -> tuple[Incident, bool]:
        there = open_with(journal, title)
        if there is not None:
            return there, False
        _not_what_is_frozen(journal, title)
        taken = [stream.removeprefix("incident/") for stream in journal.streams("incident/")]
        id = new_id(now, title, taken)
        opened = {"title": title, "onset": iso(onset), **({"source": source} if source else {})}
        events = [New(f"incident/{id}", 0, "incident.opened", opened)]
        if severity:
            events.append(_severity(id, severity, "as it was opened"))
        return Incident(id, journal.append(events)), True

    return retry_on_conflict(attempt, "nothing was opened")


def open_with(journal: Journal, title: str) -> Incident | None:
    """The open incident with this title, however it is spaced and capitalised."""
    wanted = one_line(title, 200).casefold()
    return next((one for one in incidents(journal) if one.status == "open" and one.title.casefold() == wanted), None)


def _not_what_is_frozen(journal: Journal, title: str) -> None:
    """Raises Frozen for the title of an incident on the security path: it would be told in a channel of its own."""
    found = next((one for one in incidents(journal) if one.frozen and one.title.casefold() == title.casefold()), None)
    if found is not None:
        raise Frozen(
            "that is what an incident on the security path (4.5) is called",
            why="an incident opened now would be told under this title",
            state="nothing was opened",
            next="follow SECURITY.md; where it is another one, with another title",
        )


def note(journal: Journal, incident: Incident, text: str) -> None:
    """Write a note. Raises BadInput for an empty one, Frozen once the incident is on the security path."""
    _not_frozen(incident, "the note was not written down")
    if not text.strip():
        raise BadInput("the note is empty", state="nothing was written", next='omniops incident note "what happened"')
    _write(journal, incident.id, "the note was not written down", "note", {"text": text.strip()})


def _write(journal: Journal, id: str, what: str, kind: str, data: dict[str, str]) -> None:
    """Append to an incident, unless it is frozen by then: a person may have taken their time since it was read."""

    def attempt() -> None:
        found = incident_of(journal, id)
        _not_frozen(found, what)
        journal.append([New(f"incident/{id}", found.n, kind, data)])

    retry_on_conflict(attempt, "nothing was written")


def _not_frozen(incident: Incident, what: str) -> None:
    if incident.frozen:
        raise Frozen(
            what,
            why=f"{incident.id} is on the security path (4.5), so nothing more is stored about it here",
            state="the journal holds nothing of it",
            next="follow SECURITY.md; its own record is the place for details",
        )


def declare(journal: Journal, incident: Incident, severity: str, why: str = "declared by hand") -> bool:
    """Write down how bad the incident is, and why (section 1). False: it was so already, and nothing was written.

    Raises BadInput without a reason or for a resolved incident, Frozen on the security path.
    """
    _not_frozen(incident, "the severity was not written down")
    if not why.strip() or incident.resolved:
        raise BadInput(
            f"{incident.id} is resolved" if incident.resolved else "a severity needs its reason",
            why="its obligations follow from the severity that it had" if incident.resolved else "",
            state="nothing was written",
            next="omniops incident list" if incident.resolved else f'omniops incident severity {severity} --why "..."',
        )
    if incident.severity == severity:
        return False
    data = {"severity": severity, "why": why.strip()}
    _write(journal, incident.id, "the severity was not written down", "severity", data)
    return True


def _severity(id: str, severity: str, why: str) -> New:
    return New(f"incident/{id}", None, "severity", {"severity": severity, "why": why})


def assign(journal: Journal, incident: Incident, role: str, who: str) -> str:
    """Give somebody a role of the incident; returns who had it before. Raises BadInput for an unknown role or nobody,
    Frozen on the security path."""
    _not_frozen(incident, "the role was not written down")
    who = one_line(who, 80)
    if role not in ROLES or not who:
        raise BadInput(
            f"there is no role {one_line(role, 40)!r}" if role not in ROLES else f"who is {role}?",
            why=f"the roles are {', '.join(ROLES)}",
            state="nothing was written",
            next=f"omniops incident role {role if role in ROLES else ROLES[0]} --me",
        )
    before = incident.roles.get(role, "")
    if before != who:
        _write(journal, incident.id, "the role was not written down", "role", {"role": role, "who": who})
    return before


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

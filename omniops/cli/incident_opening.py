"""`omniops incident open`: what was not given is asked where there is somebody to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.cli.context import clock, open_journal, person, settings, streams

if TYPE_CHECKING:
    from omniops.incident.view import Incident


def open_(title: str, onset: str, severity: str, source: str) -> tuple[Incident, bool]:
    """Open it, or find it open; says which. Raises BadInput, or NeedsPerson where a question was declined."""
    from omniops.incident.signals import parse_severity
    from omniops.runner.opening import ask_onset, read_onset
    from omniops.runner.records import open_incident, open_with

    settled = parse_severity(severity) if severity else ""
    seen = _source(source)
    if onset:
        read_onset(onset, clock().now())  # what is wrong with a flag is said before anything is asked
    here = person()
    if not title and streams().interactive:
        title = here.text("title", "What is wrong, in one line?", None, lambda text: "") or ""
    journal = open_journal(create=True)
    there = open_with(journal, title)
    if there is not None:
        return there, False
    began = clock().now()
    if any(char.isalnum() for char in title):  # without one it is refused below, in words
        began = ask_onset(here, began, onset)
        settled = settled or (_ask_severity() if streams().interactive else "")
    return open_incident(journal, clock().now(), title, began, settled, seen)


def next_step(found: Incident) -> str:
    """What is typed next, with what is set up here: without a server nothing is measured, and no checklist walked."""
    server = bool(settings().get("OMNIROUTE_URL"))
    measured = server or bool(settings().get("PROMETHEUS_URL"))
    grade = "omniops classify" if measured else f'omniops incident severity SEV-2 --why "..." --incident {found.id}'
    walk = f"omniops checklist {found.id}" + ("" if server else " (it needs OMNIROUTE_URL: omniops config init)")
    return walk if found.severity else f"{grade}, then {walk}"


def _source(source: str) -> str:
    if not source:
        return ""
    from omniops.catalog.detection import sources_for
    from omniops.errors import BadInput
    from omniops.runner.page_opening import find

    found = find(sources_for(settings().user_runbooks), source)
    if not found.incident:
        raise BadInput(
            f"{found.source} opens no incident",
            why=f"it goes to {found.routing}",
            state="nothing was opened",
            next=f"omniops page open --source {found.id}",
        )
    return found.id


def _ask_severity() -> str:
    """One of the ladder; "" where it is not known yet."""
    from omniops.catalog.ladder import ladder_for
    from omniops.incident.ladder import SEVERITIES
    from omniops.runner.person import Option

    ladder = ladder_for(settings().user_runbooks)
    options = [Option(one, one, ladder.severity(one).definition) for one in SEVERITIES]
    # Enter alone declares nothing: a SEV-1 has customers written to.
    later = Option("later", "Not known yet", "omniops classify measures it", suggested=True)
    chosen = person().choose("severity", "How bad is it?", [*options, later], None)
    return "" if chosen in (None, "later") else str(chosen)

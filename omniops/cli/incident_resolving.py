"""What `omniops incident resolve` shows and asks before it closes an incident, and what is owed afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.cli.context import clock, person, settings, streams
from omniops.errors import NeedsPerson

if TYPE_CHECKING:
    from omniops.incident.obligations import Obligation
    from omniops.incident.view import Incident
    from omniops.journal.events import Journal
    from omniops.runner.resolving import Left


def confirmed(incident: Incident, left: Left, unproven: str, yes: bool) -> None:
    """Show what is still open, and why it is not shown to have recovered; and ask; ``yes`` answers. Raises NeedsPerson
    without an answer, or where it is no."""
    from omniops.runner.person import Option
    from omniops.terminal.views.board import left_lines

    for line, tone in left_lines(left.obligations, left.messages, left.kept, clock().now(), streams().width()):
        streams().say(line, tone)
    if unproven:
        from omniops.terminal.layout import wrap

        for line in wrap(f"It is not shown to have recovered: {unproven}.", streams().width() - 1):
            streams().say(line, "bad")
        for line in wrap(_proof(incident), streams().width() - 1):
            streams().say(line)
    if yes:
        return
    if not streams().interactive:
        raise NeedsPerson(
            f"nobody says that {incident.id} is to be resolved",
            why="there is no terminal to ask at, and --yes was not given",
            state="the incident stays open",
            next=f"omniops incident resolve {incident.id} --yes",
        )
    options = [Option("no", "Leave it open"), Option("yes", "Resolve it")]
    if person().choose("resolve", f"Resolve {incident.id}?", options, None) != "yes":
        raise NeedsPerson("not resolved: declined", state="the incident stays open", next=_later(incident, unproven))


def _proof(incident: Incident) -> str:
    """How it is shown that the traffic has recovered, here and now."""
    from omniops.incident.typed import by_hand

    if settings().get("OMNIROUTE_URL"):
        return f"Look at the traffic: omniops incident verify {incident.id}"
    return f"No server is named here (OMNIROUTE_URL) whose traffic could be looked at. By hand: {by_hand(incident.id)}"


def _later(incident: Incident, unproven: str) -> str:
    """What to type next where an incident was left open on purpose."""
    from omniops.incident.typed import by_hand

    resolve = f"omniops incident resolve {incident.id}"
    if not unproven:
        return f"{resolve}, once it is over"
    return (
        f"omniops incident verify {incident.id}; then {resolve}"
        if settings().get("OMNIROUTE_URL")
        else by_hand(incident.id)
    )


def owed_now(journal: Journal, incident: str) -> list[Obligation]:
    """What an incident owes at this moment."""
    from omniops.runner.board import owed_of

    found = owed_of(journal, incident, clock().now(), settings().user_runbooks)
    if found.trouble:
        streams().say(f"What is owed now cannot be told: {found.trouble}", "warn")
    return [one for one in found.obligations if one.open]

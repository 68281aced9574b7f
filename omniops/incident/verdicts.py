"""What the traffic was last seen to do: every verdict about an incident, in the order of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omniops.clock import parse_iso, to_minute
from omniops.incident.view import Incident
from omniops.journal.events import Event

RECOVERED, NOT_RECOVERED = "recovered", "not_recovered"
_OF_OUTCOMES = {"mitigated": RECOVERED, "recovered": RECOVERED, "not_recovered": NOT_RECOVERED}


class Verdict(NamedTuple):
    """One look's result: "recovered", "not_recovered" or "inconclusive"; ``shown``: by a look at the traffic, not by
    how a run ended."""

    time: str
    verdict: str
    shown: bool = True


def verdicts(runs: Iterable[Iterable[Event]], looks: Incident | Iterable[Event] = ()) -> list[Verdict]:
    """Those of an incident's verify steps, of how its runs ended, and of `incident verify`, oldest first.

    ``looks``: the incident, of which the last look is known, or its events, of which all are.
    """
    found = [one for events in runs for event in events if (one := _of_run(event)) is not None]
    if isinstance(looks, Incident):
        if looks.verified:
            found.append(Verdict(str(looks.verified["time"]), str(looks.verified["verdict"])))
    else:
        found += [Verdict(one.time, str(one.data.get("verdict", ""))) for one in looks if one.kind == "verified"]
    return sorted(found, key=lambda one: one.time)


def unproven(found: Sequence[Verdict]) -> str:
    """Why nobody may say that the traffic has recovered, in words; "" where the last look at it has shown that."""
    looks = [one for one in found if one.shown]
    if not looks:
        return "nobody has looked at live traffic"
    if looks[-1].verdict == RECOVERED:
        return ""
    words = {NOT_RECOVERED: "not recovered"}.get(looks[-1].verdict, "cannot tell")
    return f"the last look at live traffic, at {to_minute(parse_iso(looks[-1].time))}, says: {words}"


def _of_run(event: Event) -> Verdict | None:
    if event.kind == "step.done":
        verdict = (event.data.get("outputs") or {}).get("verdict")
        return Verdict(event.time, str(verdict)) if verdict else None
    if event.kind == "run.ended" and event.data["outcome"] in _OF_OUTCOMES:
        return Verdict(event.time, _OF_OUTCOMES[event.data["outcome"]], shown=False)
    return None

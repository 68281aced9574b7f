"""A classification in at most twelve lines: severity and why, who is paged, by when, what to type, unknowns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from omniops.clock import to_minute
from omniops.errors import Exit
from omniops.incident.ladder import Ladder
from omniops.incident.severity import Classification
from omniops.terminal.layout import wrap
from omniops.text import lateness

Line = tuple[str, str]
"""A line and its tone."""

MAX_LINES = 12
MAX_WIDTH = 100
_INDENT = " " * 9
_TARGETS = {"provider-outage": " ID", "rollback": " VERSION"}
TONES = {"SEV-1": "bad", "SEV-2": "bad", "SEV-3": "warn", "SEV-4": "dim"}


def lines(answer: Classification, ladder: Ladder, now: datetime, since: datetime, width: int) -> list[Line]:
    """Return the answer for people. ``since``: the onset that resolve-by counts from."""
    width = min(width, MAX_WIDTH)
    if answer.exit is Exit.STOP:
        return _security(answer, width)
    if answer.severity is None:
        return _nothing(answer, width)
    rung = ladder.severity(answer.severity)
    own = [reason.removeprefix(f"{answer.severity}: ") for reason in answer.reasons]
    paged = f"{answer.page.priority}: {answer.tell}" if answer.page.priority else answer.tell
    shown = [(f"{rung.id:<{len(_INDENT)}}{rung.definition.partition(';')[0]}", TONES.get(rung.id, ""))]
    shown += _part("why", own, width, 4 if len(answer.cannot_judge) < 2 else 3)
    shown += _part("page", [paged], width, 1, "head")
    shown += _part("resolve", [_by(answer, now, since)], width, 1)
    if answer.runbook or answer.page.priority:
        shown += _part("type", [_command(answer)], width, 1, "key")
    return shown + _rest(answer, width, MAX_LINES - len(shown))


def _security(answer: Classification, width: int) -> list[Line]:
    shown = [(line, "bad") for line in wrap(answer.reasons[0], width, f"{'STOP':<{len(_INDENT)}}", _INDENT)]
    shown += _part("page", [f"now: {answer.tell}"], width, 1, "head")
    return shown + _part("type", [_command(answer)], width, 1, "key")


def _nothing(answer: Classification, width: int) -> list[Line]:
    judged = answer.exit is Exit.DONE
    head = "No severity: no rule fired on what was given." if judged else "No severity: nothing could be judged."
    shown: list[Line] = [(head, "" if judged else "warn")]
    if not judged and not answer.cannot_judge:
        shown += _part("type", ["omniops classify --error-ratio 0.62 --requests 5000"], width, 1, "key")
    return shown + _rest(answer, width, MAX_LINES - len(shown))


def _rest(answer: Classification, width: int, room: int) -> list[Line]:
    """What cannot be judged, then what was not given."""
    names = [f"not given: {', '.join(answer.unknown)}"] if answer.unknown else []
    unknown = _part("unknown", names, width, 2, "dim")
    return _part("unclear", answer.cannot_judge, width, room - len(unknown), "warn") + unknown


def _part(name: str, texts: Sequence[str], width: int, room: int, tone: str = "") -> list[Line]:
    """A part of the answer in at most ``room`` lines; what does not fit is counted, never cut in the middle."""
    shown: list[str] = []
    for index, text in enumerate(texts):
        more = wrap(text, width, _INDENT)
        left = room - len(shown) - (1 if index < len(texts) - 1 else 0)
        if shown and len(more) > left:
            shown.append(f"{_INDENT}and {len(texts) - index} more (--json shows all)")
            break
        shown += more
    if shown:
        shown[0] = f"{name:<{len(_INDENT)}}{shown[0][len(_INDENT) :]}"
    return [(line, tone) for line in shown]


def _by(answer: Classification, now: datetime, since: datetime) -> str:
    if answer.resolve_at is None or answer.resolve_s is None:
        return f"by the {answer.resolve_words}"
    state = lateness((answer.resolve_at - now).total_seconds())
    assumed = " (from now; --onset says otherwise)" if since == now else ""
    return f"by {to_minute(answer.resolve_at)}, {state}{assumed}"


def _command(answer: Classification) -> str:
    """The exact command to type; without a runbook that follows, the three choices of 0:12 (section 3)."""
    if answer.runbook is None:
        return "omniops mitigate rollback VERSION, or failover, or provider-outage ID"
    other = ", or: omniops mitigate rollback VERSION" if answer.runbook == "failover" else ""
    return f"omniops mitigate {answer.runbook}{_TARGETS.get(answer.runbook, '')}{other}"

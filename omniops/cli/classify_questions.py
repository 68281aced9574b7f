"""The questions of `omniops classify` when nothing was given and a person is there."""

from __future__ import annotations

from typing import Any

from omniops.errors import BadInput, Interrupted
from omniops.incident.ladder import Ladder
from omniops.incident.signals import Signals, from_flags, parse
from omniops.runner.person import Option, PauseAsked, Person

UNKNOWN = "unknown"
NONE = "none"
_FIGURES = (
    ("error_ratio", "", "Error ratio of the last 5 minutes, from 0 to 1?"),
    ("requests", "5m=", "How many requests were there in those 5 minutes?"),
    ("burn_rate", "1h=", "Burn rate over the last hour (2.4 for 2.4x)?"),
    ("slo_breach", "", "How far over its SLO, and for how long (1.8:15m)?"),
    ("p95_seconds", "", "p95 latency now, in seconds?"),
)


def ask(person: Person, ladder: Ladder) -> Signals:
    """Ask for the worst fact first; figures only where they could make it worse. Raises Interrupted on Ctrl-C."""
    try:
        return _ask(person, ladder)
    except PauseAsked:
        raise Interrupted("classify was interrupted", state="nothing was judged", next="omniops classify") from None


def _ask(person: Person, ladder: Ladder) -> Signals:
    facts = [fact.id for fact in ladder.facts]
    options = [Option(fact.id, f"{_rung(fact.id, ladder)}: {fact.words}") for fact in ladder.facts]
    options.append(Option(NONE, "Not known yet", suggested=True))  # nothing grave by Enter alone
    seen = person.choose("fact", "What have you seen? The worst of it; figures come next.", options, None)
    flags: dict[str, list[str]] = {"facts": [seen] if seen and seen != NONE else []}
    worst = {ladder.security.fact, *(fact.id for fact in ladder.severities[0].facts)}
    if seen in worst:
        return parse(from_flags(flags), facts)
    for key, prefix, question in _FIGURES:
        if key == "requests" and "error_ratio" not in flags:
            continue

        def check(text: str, key: str = key, prefix: str = prefix) -> str:
            return "" if text.lower() == UNKNOWN else _wrong({key: [prefix + text]}, facts)

        answer = person.text(key, question, None, check, default=UNKNOWN)
        if answer is not None and answer.lower() != UNKNOWN:
            flags[key] = [prefix + answer]
    return parse(from_flags(flags), facts)


def _rung(fact: str, ladder: Ladder) -> str:
    return next((rung.id for rung in ladder.severities if fact in {one.id for one in rung.facts}), "4.5")


def _wrong(flags: dict[str, Any], facts: list[str]) -> str:
    try:
        parse(from_flags(flags), facts)
    except BadInput as error:
        return f"{error.what}; {error.next}"
    return ""

"""How bad is it: signals and the ladder in, severity and its reasons out. Pure.

Each rule is true, false, or cannot be judged; a rule that cannot be judged never fires and never reassures.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from omniops.clock import iso
from omniops.errors import Exit
from omniops.incident.figures import breach_words, burn_words, count, meets, p95_words, plain, ratio_words, settled
from omniops.incident.ladder import Ladder, Page, Rule
from omniops.incident.signals import RATIO_WINDOW_S, Signals, window

SCHEMA = "omniops.classification/1"


class Classification(NamedTuple):
    """The answer. ``severity`` None: security, nothing could be judged, or no rule fired (``exit`` tells which)."""

    severity: str | None
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]  # signals that were not given, by name
    cannot_judge: tuple[str, ...]  # rules whose signal was given but is not enough, in words
    page: Page
    tell: str
    resolve_s: int | None
    resolve_at: datetime | None
    resolve_words: str
    runbook: str | None
    exit: Exit

    def as_json(self) -> dict[str, Any]:
        """Return the ``omniops.classification/1`` answer; what cannot be judged is part of ``unknown``."""
        return {
            "schema": SCHEMA,
            "severity": self.severity,
            "reasons": list(self.reasons),
            "unknown": [*self.cannot_judge, *self.unknown],
            "page": self.page._asdict(),
            "resolve_by": {"after_s": self.resolve_s, "at": iso(self.resolve_at) if self.resolve_at else None},
            "runbook": self.runbook,
        }


class Verdict(NamedTuple):
    """``fires`` None: the rule cannot be judged; ``why`` is "" where its signal was simply not given."""

    fires: bool | None
    why: str


_NOT_GIVEN = Verdict(None, "")


def classify(
    signals: Signals, ladder: Ladder, onset: datetime, doubts: Mapping[str, str] | None = None
) -> Classification:
    """Apply section 1 and its burn-rate rules. ``onset``: the moment that resolve-by counts from.

    ``doubts``: rule -> why it cannot be judged though its signal is known (``live.doubts_of``).
    """
    if ladder.security.fact in signals.facts:
        return _security(ladder)
    fired: dict[str, list[str]] = {severity.id: [] for severity in ladder.severities}
    names: set[str] = set(signals.facts)
    cannot: list[str] = []
    judged = bool(signals.facts)
    for severity in ladder.severities:
        fired[severity.id] += [fact.words for fact in severity.facts if fact.id in signals.facts]
    for rule in sorted(ladder.rules, key=lambda rule: bool(rule.unless)):
        verdict = judge(rule, signals, ladder, doubts)
        judged = judged or verdict.fires is not None
        if verdict.fires is None and verdict.why:
            cannot.append(verdict.why)
        elif verdict.fires and not any(fired[worse] for worse in rule.unless):
            fired[rule.severity].append(verdict.why)
            names.add(rule.id)
    cannot = list(dict.fromkeys(cannot)) + _contradiction(signals, ladder)
    reasons = tuple(f"{id}: {why}" for id, whys in fired.items() for why in whys)
    worst = next((id for id, whys in fired.items() if whys), None)
    runbook = next((suggestion.runbook for suggestion in ladder.runbooks if suggestion.when in names), None)
    unknown = missing(signals, ladder)
    if worst is None:
        reason = "no rule fired" if judged else f"nothing could be judged: {(cannot or ['no signal was given'])[0]}"
        code = Exit.DONE if judged else Exit.PERSON
        return Classification(None, (reason,), unknown, tuple(cannot), Page(), "", None, None, "", None, code)
    judgement = given(worst, ladder, onset)
    return judgement._replace(reasons=reasons, unknown=unknown, cannot_judge=tuple(cannot), runbook=runbook)


def given(severity: str, ladder: Ladder, onset: datetime) -> Classification:
    """What the ladder says about a severity that somebody has settled on: who is paged, how fast, by when."""
    rung = ladder.severity(severity)
    at = onset + timedelta(seconds=rung.resolve_s) if rung.resolve_s is not None else None
    return Classification(
        severity=severity,
        reasons=(f"{severity}: given",),
        unknown=(),
        cannot_judge=(),
        page=rung.page,
        tell=rung.tell,
        resolve_s=rung.resolve_s,
        resolve_at=at,
        resolve_words=rung.resolve_words,
        runbook=None,
        exit=Exit.DONE,
    )


def missing(signals: Signals, ladder: Ladder) -> tuple[str, ...]:
    """Name the signals that the ladder reads and that are unknown."""
    names = ["error_ratio"] if signals.error_ratio is None else []
    names += [] if signals.requests else ["requests"]
    for rule in ladder.rules:
        if rule.signal == "burn_rate" and _value(rule, signals, ladder) is None:
            names.append(f"burn_rate.{window(rule.window_s)}")
    names += ["slo_breach"] if signals.slo_factor is None and signals.slo_for_s is None else []
    names += ["p95_seconds"] if signals.p95_s is None else []
    return (*names, *([] if signals.facts else ["facts"]))


def _security(ladder: Ladder) -> Classification:
    security = ladder.security
    reason = f"{security.words}: stop, this is the SECURITY.md path and no severity is given"
    return Classification(
        None, (reason,), (), (), security.page, security.tell, None, None, "", security.runbook, Exit.STOP
    )


def judge(rule: Rule, signals: Signals, ladder: Ladder, doubts: Mapping[str, str] | None = None) -> Verdict:
    """Judge one rule by itself; whether a worse one holds it back (``unless``) is not looked at."""
    if doubts and rule.id in doubts:
        return Verdict(None, doubts[rule.id])
    value = _value(rule, signals, ladder)
    if rule.signal == "slo_breach":
        return _judge_breach(rule, signals, ladder)
    if value is None:
        return _NOT_GIVEN
    fires = meets(rule, value)
    if not rule.min_errors:
        return Verdict(fires, _words(rule, value, signals, ladder))
    enough, counted = _enough_errors(rule, signals, ladder)
    if not enough:
        return Verdict(None, counted)
    return Verdict(fires, f"{_words(rule, value, signals, ladder)} ({counted})")


def _judge_breach(rule: Rule, signals: Signals, ladder: Ladder) -> Verdict:
    factor, lasting = signals.slo_factor, signals.slo_for_s
    if factor is None and lasting is None:
        return _NOT_GIVEN
    if factor is None:
        return Verdict(None, "slo_breach: cannot judge: its factor is not given")
    if lasting is None:
        # Quiet only where no rule on breaches would fire, however long it has lasted.
        quiet = not any(meets(other, factor) for other in ladder.rules if other.signal == rule.signal)
        why = "slo_breach: cannot judge: for how long is not given (slo_breach.for)"
        return Verdict(False, "") if quiet else Verdict(None, why)
    return Verdict(meets(rule, factor) and lasting >= rule.lasting_s, breach_words(rule, factor, lasting))


def _value(rule: Rule, signals: Signals, ladder: Ladder) -> float | None:
    """The figure that the rule compares; the 5-minute burn rate follows from the error ratio where it is not given."""
    match rule.signal:
        case "error_ratio":
            return signals.error_ratio
        case "burn_rate":
            given = signals.burn_rate.get(rule.window_s)
            if given is None and rule.window_s == RATIO_WINDOW_S and signals.error_ratio is not None:
                return settled(signals.error_ratio / ladder.error_budget)
            return given
        case "p95":
            return None if signals.p95_s is None else settled(signals.p95_s / _p95_budget(signals, ladder))
    return signals.slo_factor


def _p95_budget(signals: Signals, ladder: Ladder) -> float:
    return ladder.p95_budget_s if signals.p95_budget_s is None else signals.p95_budget_s


def _enough_errors(rule: Rule, signals: Signals, ladder: Ladder) -> tuple[bool, str]:
    """Say whether the rule's window holds enough errors to judge, and the figures in words.

    A window with few errors can still be judged when it has traffic enough: had its lowest threshold been reached,
    there would be ``min_errors`` of them. Requests of a shorter window are a lower bound, of a longer one an upper one.
    """
    name = window(rule.window_s)
    ratio = _ratio(rule.window_s, signals, ladder)
    exact = signals.requests.get(rule.window_s)
    shorter = max((n for length, n in signals.requests.items() if length < rule.window_s), default=None)
    longer = min((n for length, n in signals.requests.items() if length > rule.window_s), default=None)
    requests = next((n for n in (exact, shorter, longer) if n is not None), None)
    skipped = f"the floor of {rule.min_errors} errors was skipped: requests over {name} not given"
    if requests is None:
        return True, skipped
    signal = (
        "error_ratio" if rule.window_s == RATIO_WINDOW_S and signals.error_ratio is not None else f"burn_rate.{name}"
    )
    errors = settled(ratio * requests)
    if settled(max(ratio, _lowest_threshold(rule, ladder)) * requests) >= rule.min_errors:
        if exact is None and shorter is None:
            return True, skipped
        bound = "" if exact is not None else "at least "
        return True, f"{bound}{_errors(errors)} of {bound}{count(requests)} requests"
    if exact is None and shorter is not None:
        why = f"only {count(requests)} requests are known of, {_errors(errors)}; give the requests over {name}"
    else:
        most = "" if exact is not None else "at most "
        why = f"{most}{_errors(errors)} of {most}{count(requests)} requests in {name}; look at a wider window"
    return False, f"{signal}: cannot judge with fewer than {rule.min_errors} errors: {why}"


def _errors(number: float) -> str:
    return f"{count(number)} error{'' if number == 1 else 's'}"


def _ratio(window_s: float, signals: Signals, ladder: Ladder) -> float:
    """The error ratio of a window: the larger, where a ratio and a burn rate are both given."""
    ratio = signals.error_ratio if window_s == RATIO_WINDOW_S else None
    burn = signals.burn_rate.get(window_s)
    implied = None if burn is None else min(1.0, settled(burn * ladder.error_budget))
    return max(ratio or 0.0, implied or 0.0)


def _lowest_threshold(rule: Rule, ladder: Ladder) -> float:
    """The lowest error ratio at which a rule of the same window would fire."""
    limits = []
    for other in ladder.rules:
        if other.min_errors and other.window_s == rule.window_s:
            limit = other.above if other.at_least is None else other.at_least
            limits.append((limit or 0.0) * (ladder.error_budget if other.signal == "burn_rate" else 1.0))
    return settled(min(limits))


def _contradiction(signals: Signals, ladder: Ladder) -> list[str]:
    """A burn rate that was given wins over the error ratio; where that changes the answer, it is said."""
    given = signals.burn_rate.get(RATIO_WINDOW_S)
    if given is None or signals.error_ratio is None:
        return []
    follows = settled(signals.error_ratio / ladder.error_budget)
    for rule in ladder.rules:
        same = rule.signal == "burn_rate" and rule.window_s == RATIO_WINDOW_S
        if same and meets(rule, follows) != meets(rule, given):
            name = window(RATIO_WINDOW_S)
            return [
                f"burn_rate.{name}: {plain(given)}x was given and used, but error_ratio "
                f"{plain(signals.error_ratio)} is {plain(follows)}x; one of them is wrong"
            ]
    return []


def _words(rule: Rule, value: float, signals: Signals, ladder: Ladder) -> str:
    if rule.signal == "error_ratio":
        return ratio_words(rule, value)
    if rule.signal == "p95":
        return p95_words(rule, value, signals.p95_s or 0.0, _p95_budget(signals, ladder))
    return burn_words(rule, value, None if rule.window_s in signals.burn_rate else ladder.objective)

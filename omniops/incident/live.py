"""Measured figures -> the signals of the severity ladder, and a row for each rule that says how it was judged. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from omniops.incident.figures import figure, limits, meets, scaled, settled
from omniops.incident.ladder import P95_AGGREGATE, Ladder, Rule
from omniops.incident.readings import Measured, Quantile, Reading, Share, hidden, highest_hour
from omniops.incident.severity import judge
from omniops.incident.signals import RATIO_WINDOW_S, Signals, window

BREACH_STEP_S = 60.0
DEMOTION_S = 604800.0
_NOT_READ = "not measured by this source"


class Row(NamedTuple):
    """One rule of the ladder, and how it was judged by what was measured.

    ``verdict``: "fires", "quiet", "held back" (a worse rule fires) or "cannot judge", and then ``why`` says it.
    """

    rule: str
    severity: str
    signal: str  # as `--signals` names it: error_ratio, burn_rate.5m, ...
    value: float | None
    shown: str  # the value for people: "62 %", "7.1x", "2.4s", "unknown"
    window: str  # "5m"; "" for a figure that has none
    events: str  # "31 errors of 5000 requests"; "" where nothing was counted
    threshold: str  # "above 50 %"
    verdict: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """The row as `omniops classify --json` tells it."""
        return self._asdict()


def signals_of(measured: Measured, ladder: Ladder) -> Signals:
    """The signals that the ladder reads. What could not be measured is left out, so it stays unknown."""
    burns: dict[float, float] = {}
    requests: dict[float, float] = {}
    ratio = None
    for rule in ladder.rules:
        if rule.signal == "burn_rate" and (found := _burn(rule, measured, ladder)).value is not None:
            burns[rule.window_s] = found.value
    for length, share in sorted(measured.shares.items()):
        counted = share.requests.value
        if counted is not None and (length in burns or length == RATIO_WINDOW_S):
            # Counts of different windows are extrapolated each by itself; a longer one never holds fewer.
            requests[length] = max([settled(counted), *requests.values()])
    five = measured.shares.get(RATIO_WINDOW_S, Share(RATIO_WINDOW_S))
    if five.ratio.value is not None and five.requests.value != 0:
        ratio = settled(min(max(five.ratio.value, 0.0), 1.0))
    breach = _breach(measured, ladder)
    return Signals(
        error_ratio=ratio,
        requests=requests,
        burn_rate=burns,
        slo_factor=breach[0],
        slo_for_s=breach[1],
        p95_s=_p95(measured, ladder),
        p95_budget_s=None,
        facts=(),
    )


def doubts_of(measured: Measured, signals: Signals, ladder: Ladder) -> dict[str, str]:
    """The rules that attempts make fire and clients' requests may not: rule -> why that cannot be judged.

    Failover hides failing attempts from clients. A rule fires where it does even by the least that clients must have
    seen, is quiet where it is even by the attempts, and cannot be judged in between.
    """
    doubts: dict[str, str] = {}
    for rule in ladder.rules:
        least, share = measured.least.get(rule.window_s), measured.shares.get(rule.window_s)
        if rule.signal not in ("error_ratio", "burn_rate") or least is None or share is None:
            continue
        if share.ratio.value is None or not judge(rule, signals, ladder).fires:
            continue
        low = signals._replace(
            error_ratio=least if rule.window_s == RATIO_WINDOW_S else signals.error_ratio,
            burn_rate=signals.burn_rate | {rule.window_s: settled(least / ladder.error_budget)},
        )
        if not judge(rule, low, ladder).fires:
            name = "error_ratio" if rule.signal == "error_ratio" else f"burn_rate.{window(rule.window_s)}"
            doubts[rule.id] = f"{name}: cannot judge by attempts: {hidden(share.ratio.value, least)}"
    return doubts


def rows_of(measured: Measured, signals: Signals, ladder: Ladder, doubts: Mapping[str, str] | None = None) -> list[Row]:
    """One row for each rule, in the ladder's order."""
    found = [(rule, judge(rule, signals, ladder, doubts)) for rule in ladder.rules]
    fired = {rule.severity for rule, verdict in found if verdict.fires}
    fired |= {severity.id for severity in ladder.severities if {fact.id for fact in severity.facts} & {*signals.facts}}
    rows = []
    for rule, verdict in found:
        word, why = "quiet", ""
        if verdict.fires is None:
            word, why = "cannot judge", verdict.why.partition("cannot judge ")[2] or _unknown(rule, measured)
        elif verdict.fires:
            worse = sorted(fired & {*rule.unless})
            word, why = ("held back", f"a {worse[0]} rule fires") if worse else ("fires", "")
        rows.append(_row(rule, measured, signals, ladder, word, why))
    return rows


def _row(rule: Rule, measured: Measured, signals: Signals, ladder: Ladder, verdict: str, why: str) -> Row:
    name, unit, scale, by = rule.signal, "", 1.0, 1.0
    length: float | None = rule.window_s or None
    value: float | None
    events = ""
    match rule.signal:
        case "error_ratio":
            value, unit, scale, by = signals.error_ratio, " %", 100.0, 100.0
        case "burn_rate":
            value, unit, name = signals.burn_rate.get(rule.window_s), "x", f"burn_rate.{window(rule.window_s)}"
        case "p95":
            value, unit, name, length = signals.p95_s, "s", "p95_seconds", RATIO_WINDOW_S
            by = ladder.p95_budget_s if signals.p95_budget_s is None else signals.p95_budget_s
            counted = measured.quantiles.get(P95_AGGREGATE, Quantile()).requests
            events = "" if counted is None else f"{round(counted)} requests"
        case _:
            value, unit, length = signals.slo_factor, "x", None
            if value is not None and signals.slo_for_s is not None:
                events = f"for {window(signals.slo_for_s)}"
    if rule.signal in ("error_ratio", "burn_rate") and rule.window_s != DEMOTION_S:
        events = measured.shares.get(rule.window_s, Share(rule.window_s)).events()
    return Row(
        rule=rule.id,
        severity=rule.severity,
        signal=name,
        value=value,
        shown="unknown" if value is None else f"{figure(settled(value * scale), scaled(rule, by))}{unit}",
        window=window(length) if length else "",
        events=events,
        threshold=_threshold(rule, by),
        verdict=verdict,
        why=why,
    )


def _threshold(rule: Rule, by: float) -> str:
    """The rule's limits in the unit that the value is shown in."""
    units = {"error_ratio": " %", "p95": "s"}
    words = limits(scaled(rule, by), units.get(rule.signal, "x"))
    return f"{words} for {window(rule.lasting_s)}" if rule.lasting_s else words


def _unknown(rule: Rule, measured: Measured) -> str:
    """Why the signal of a rule is not there."""
    match rule.signal:
        case "error_ratio":
            return measured.shares[RATIO_WINDOW_S].ratio.words if RATIO_WINDOW_S in measured.shares else _NOT_READ
        case "burn_rate" if rule.window_s == DEMOTION_S:
            return highest_hour(measured.hours).words if measured.hours else _NOT_READ
        case "burn_rate":
            share = measured.shares.get(rule.window_s)
            return share.burn(1.0).words if share else _NOT_READ
        case "p95":
            found = measured.quantiles.get(P95_AGGREGATE)
            return found.reading.words if found else _NOT_READ
    found = measured.quantiles.get(P95_AGGREGATE, Quantile())
    return (found.reading.words or "p95 of now is not known") if measured.breach else _NOT_READ


def _burn(rule: Rule, measured: Measured, ladder: Ladder) -> Reading:
    if rule.window_s == DEMOTION_S:
        return highest_hour(measured.hours)
    share = measured.shares.get(rule.window_s)
    return share.burn(ladder.error_budget) if share else Reading("empty")


def _p95(measured: Measured, ladder: Ladder) -> float | None:
    """p95 in seconds. One beyond the largest bucket is told where even that bound makes the rule fire, else unknown."""
    found = measured.quantiles.get(P95_AGGREGATE, Quantile()).reading
    if found.value is not None or found.at_least is None:
        return found.value
    times = settled(found.at_least / ladder.p95_budget_s)
    fires = any(meets(rule, times) for rule in ladder.rules if rule.signal == "p95")
    return found.at_least if fires else None


def _breach(measured: Measured, ladder: Ladder) -> tuple[float | None, float | None]:
    """How far p95 is over its budget, and for how long without a break up to now.

    The signal is one pair, the rules are several: the first rule is taken that p95 has met for long enough; else the
    factor of now, and how long it has been over the lowest limit. A minute without data ends the stretch.
    """
    factors = [None if p95 is None else settled(p95 / ladder.p95_budget_s) for p95 in measured.breach]
    if not factors or factors[-1] is None:
        return None, None
    capped = measured.quantiles.get(P95_AGGREGATE, Quantile()).reading.kind == "inf"
    rules = [rule for rule in ladder.rules if rule.signal == "slo_breach"]
    for rule in rules:
        stretch = _stretch(factors, rule._replace(at_most=None))
        lasting = BREACH_STEP_S * (len(stretch) - 1)
        if stretch and lasting >= rule.lasting_s and meets(rule, min(stretch)):
            return min(stretch), lasting
    if capped:  # the factors are those of the largest bucket: lower bounds, which clear nobody
        return None, None
    # Of the worst rule that the factor of now meets: the stretch of another would lend it minutes it has not lasted.
    met = next((stretch for rule in rules if (stretch := _stretch(factors, rule._replace(at_most=None)))), [])
    return factors[-1], BREACH_STEP_S * max(len(met) - 1, 0)


def _stretch(factors: Sequence[float | None], rule: Rule) -> list[float]:
    """The newest values that meet the rule without a break."""
    found: list[float] = []
    for factor in reversed(factors):
        if factor is None or not meets(rule, factor):
            break
        found.append(factor)
    return found

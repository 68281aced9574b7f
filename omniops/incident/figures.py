"""Rules and figures in plain words: what a person reads as the reason of a severity. Pure."""

from __future__ import annotations

from omniops.incident.ladder import Rule
from omniops.incident.signals import window


def ratio_words(rule: Rule, ratio: float) -> str:
    """Say where an error ratio is: ``error ratio 62 % over 5m is above 50 %``."""
    percent = scaled(rule, 100)
    value = settled(ratio * 100)
    return f"error ratio {figure(value, percent)} % over {window(rule.window_s)} is {limits(percent, ' %')}"


def burn_words(rule: Rule, burn: float, objective: float | None) -> str:
    """Say where a burn rate is. ``objective``: the rate was worked out from the error ratio with it; None: given."""
    shown = f"{figure(burn, rule)}x over {window(rule.window_s)}"
    if rule.unless:
        return f"burn rate at most {shown} is {limits(rule, 'x')}, and no {' or '.join(rule.unless)} rule fires"
    follows = f" (from the error ratio, at {plain(objective * 100)} %)" if objective else ""
    return f"burn rate {shown}{follows} is {limits(rule, 'x')}"


def breach_words(rule: Rule, factor: float, lasting_s: float) -> str:
    """Say how far an SLO is breached, and for how long."""
    words = f"SLO breach {figure(factor, rule)}x for {window(lasting_s)} is {limits(rule, 'x')}"
    return f"{words} for at least {window(rule.lasting_s)}"


def p95_words(rule: Rule, times: float, p95_s: float, budget_s: float) -> str:
    """Say how far p95 is above its budget."""
    return f"p95 {plain(p95_s)}s is {figure(times, rule)}x its budget of {plain(budget_s)}s, {limits(rule, 'x')}"


def meets(rule: Rule, value: float) -> bool:
    """Say whether a value is within the rule's limits."""
    return (
        (rule.above is None or value > rule.above)
        and (rule.at_least is None or value >= rule.at_least)
        and (rule.at_most is None or value <= rule.at_most)
        and (rule.below is None or value < rule.below)
    )


def limits(rule: Rule, unit: str) -> str:
    """Write the rule's limits: ``at least 1.5x and at most 2x``."""
    named = (("above", rule.above), ("at least", rule.at_least), ("at most", rule.at_most), ("below", rule.below))
    return " and ".join(f"{word} {plain(limit)}{unit}" for word, limit in named if limit is not None)


def settled(value: float) -> float:
    """Take the noise of binary fractions out of a product: 0.006 / 0.001 is 6, and 1.05 / 0.7 is 1.5."""
    return float(f"{value:.12g}")


def plain(value: float) -> str:
    """Write a figure without a needless fraction: ``6``, ``7.14``, ``620``."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.5g}"


def figure(value: float, rule: Rule) -> str:
    """Write a figure as short as it can be while it stays on its side of the rule's limits: 50.00001, not 50."""
    short = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    for text in (short, *(f"{value:.{digits}g}" for digits in (6, 9, 12))):
        if meets(rule, float(text)) == meets(rule, value):
            return text
    return repr(value)


def count(value: float) -> str:
    """Write a number of requests or errors: ``3100``, ``2.4``."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def scaled(rule: Rule, by: float) -> Rule:
    """The rule with its limits in another unit: per cent, or seconds instead of times the budget."""
    above, least, most, below = (
        None if limit is None else settled(limit * by)
        for limit in (rule.above, rule.at_least, rule.at_most, rule.below)
    )
    return rule._replace(above=above, at_least=least, at_most=most, below=below)

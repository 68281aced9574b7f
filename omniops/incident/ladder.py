"""The severity ladder and the SLOs as typed values; `shipped` is the copy that needs no YAML to be read."""

from __future__ import annotations

from typing import NamedTuple

P95_AGGREGATE = "latency-p95-aggregate"
SEVERITIES = ("SEV-1", "SEV-2", "SEV-3", "SEV-4")
"""The rungs of section 1, worst first."""
DECLARED = SEVERITIES[:2]
"""Those that are declared in the incident's channel (section 3, 0:05)."""


class Page(NamedTuple):
    """Who is paged: a role of the on-call rota, the ladder's own P0 or P1, and how fast. None: nobody."""

    role: str | None = None
    priority: str | None = None
    within_s: int | None = None


class Fact(NamedTuple):
    """Something a person or a probe has seen."""

    id: str
    words: str


class Severity(NamedTuple):
    """One rung (section 1). Exactly one of ``resolve_s`` and ``resolve_words`` says by when it is resolved."""

    id: str
    definition: str
    examples: tuple[str, ...]
    tell: str
    facts: tuple[Fact, ...]
    page: Page = Page()
    resolve_s: int | None = None
    resolve_words: str = ""


class Rule(NamedTuple):
    """One comparison. ``above`` and ``below`` are strict, ``at_least`` and ``at_most`` are not.

    signal: ``error_ratio``, ``burn_rate``, ``slo_breach`` or ``p95`` (as a multiple of its budget).
    ``min_errors``: with fewer errors in the window the rule cannot judge.
    ``unless``: it does not fire where a rule of these severities does.
    """

    id: str
    severity: str
    signal: str
    window_s: float = 0.0
    lasting_s: float = 0.0
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None
    min_errors: int = 0
    unless: tuple[str, ...] = ()


class Suggestion(NamedTuple):
    """The runbook to suggest when a fact was given or a rule fired."""

    when: str
    runbook: str


class Security(NamedTuple):
    """Section 4.5: the fact that overrides the ladder."""

    fact: str
    words: str
    tell: str
    page: Page
    runbook: str


class Ladder(NamedTuple):
    """The whole ladder, worst severity first. ``objective`` and ``p95_budget_s`` are taken from the SLOs."""

    severities: tuple[Severity, ...]
    rules: tuple[Rule, ...]
    security: Security
    runbooks: tuple[Suggestion, ...]
    objective: float
    p95_budget_s: float

    @property
    def error_budget(self) -> float:
        """The ratio of errors that burns the budget at 1x: 0.001 at 99.9 %, and not 0.0010000000000000009."""
        return round(1 - self.objective, 12)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact, security first, then worst first."""
        security = Fact(self.security.fact, self.security.words)
        return (security, *(fact for severity in self.severities for fact in severity.facts))

    def severity(self, id: str) -> Severity:
        """Return a rung by its id. Raises KeyError."""
        for severity in self.severities:
            if severity.id == id:
                return severity
        raise KeyError(id)


class Slo(NamedTuple):
    """One objective. ``measures``: availability, burn_rate, latency (``budget_s`` at ``quantile``) or count."""

    id: str
    title: str
    measures: str
    window_s: float
    objective: float | None = None
    quantile: float | None = None
    budget_s: float | None = None
    below: float | None = None
    page_at: float | None = None
    of: str = ""
    paged_as: str = ""
    good: str = ""  # PromQL selectors
    all: str = ""
    buckets: str = ""  # of a histogram
    gauge: str = ""


class Endpoint(NamedTuple):
    """Latency budgets of one endpoint, in seconds; ``part`` is "" (the whole answer) or "first_byte"."""

    path: str
    p50_s: float
    p95_s: float
    p99_s: float
    method: str = ""
    part: str = ""


class Slos(NamedTuple):
    """Every SLO and endpoint budget."""

    slos: tuple[Slo, ...]
    endpoints: tuple[Endpoint, ...]

    def get(self, id: str) -> Slo:
        """Return an SLO by its id. Raises KeyError."""
        for slo in self.slos:
            if slo.id == id:
                return slo
        raise KeyError(id)


def shipped() -> Ladder:
    """Return the ladder of runbooks/severity.yaml, as compiled into omniops."""
    from omniops.incident.shipped import LADDER

    return LADDER


def shipped_slos() -> Slos:
    """Return the SLOs of runbooks/slos.yaml, as compiled into omniops."""
    from omniops.incident.shipped import SLOS

    return SLOS


def availability(slos: Slos) -> Slo | None:
    """The SLO whose budget burns: the first of availability that names its metrics, else the first."""
    found = [slo for slo in slos.slos if slo.measures == "availability"]
    return next((slo for slo in found if slo.good and slo.all), found[0] if found else None)


def p95_slo(slos: Slos) -> Slo | None:
    """The SLO of p95 over everything (``latency-p95-aggregate``)."""
    return next((slo for slo in slos.slos if slo.id == P95_AGGREGATE), None)

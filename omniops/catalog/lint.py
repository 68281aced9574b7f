"""Proves a compiled runbook before it is walked; pure. Each rule is a function; this module runs them all.

What is proved: every target exists, every outcome is routed, every step is reachable, every path ends and none goes
back (`lint_shape`); every reference is defined on every path that reaches it, and fits (`lint_values`); every
change is approved and can be undone or says why not, no prompt expires into yes, no clock ends a run (`lint_safety`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from omniops.actions.specs import SPECS, ActionSpec
from omniops.catalog import lint_safety, lint_shape, lint_values
from omniops.catalog.compile import Compiled
from omniops.catalog.findings import Finding, unique
from omniops.catalog.flow import Dominators, Flow

CHANNELS = ("incident", "ops", "status-page", "customers", "upstream")
"""Where a `post` step may go: the audiences of section 5."""

SLOS = (
    "latency-p95-aggregate",
    "latency-p99-aggregate",
    "availability-cluster",
    "responses-ttfb",
    "embeddings-latency",
)
"""The shipped objectives that live traffic can be held against; a caller who knows the user's passes those."""

_SECTION = re.compile(r"\d+(\.\d+)+")


def check(
    compiled: Compiled,
    *,
    specs: Mapping[str, ActionSpec] = SPECS,
    slos: Collection[str] = SLOS,
    channels: Collection[str] = CHANNELS,
) -> list[Finding]:
    """Return everything that is wrong with one runbook, its called ones included; empty when it may be walked."""
    flow = Flow(compiled.graph)
    findings = [*compiled.findings, *lint_shape.check(compiled, flow)]
    order, circle = flow.order()
    if circle:
        findings.append(lint_shape.circle(compiled, flow, circle))
    # What holds on every path can be told only where the paths are sound.
    before = Dominators(flow, order) if not circle else None
    findings += lint_values.check(compiled, flow, before, specs)
    findings += lint_safety.check(compiled, flow, before, specs, slos, channels)
    return unique(findings)


def check_all(compiled: Iterable[Compiled]) -> list[Finding]:
    """What can be wrong between runbooks: a section number must lead to one of them."""
    findings: list[Finding] = []
    taken: dict[str, str] = {}
    for one in compiled:
        section, id = one.graph["section"], one.graph["id"]
        if not _SECTION.fullmatch(section):
            continue
        other = taken.setdefault(section, id)
        if other != id:
            what = f"section {section} is {other}'s already"
            findings.append(one.top(("section",), what, "give it a section of its own, or the same id to replace it"))
    return findings

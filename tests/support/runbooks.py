"""Runbooks for tests: the shipped ones, small ones, and the two ways to check them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from omniops.catalog import lint, load
from omniops.catalog.compile import Compiled, compile_runbook
from omniops.catalog.findings import Finding

FOLDER = load.shipped_folder()
SHIPPED = (
    "auth-broken",
    "data-incident",
    "failover",
    "first-15-minutes",
    "latency-regression",
    "provider-outage",
    "rollback",
    "security",
)

SMALL = """\
format: 1
id: small
section: "9.9"
title: Small
summary: A read, a change, a proof.
inputs:
  connections: {type: connections, help: which}
start: look
steps:
  look:
    title: Look
    action: omniroute.version
    on_success: disable
    on_failure: ask
  disable:
    title: Change
    why: Because ${steps.look.outputs.version} is running.
    each: ${inputs.connections}
    action: connection.disable
    with: {connection: "${item.id}"}
    approve: operator
    on_success: recovered
    on_failure: ask
    on_declined: aborted
  recovered:
    title: Proof
    verify: {slo: latency-p95-aggregate, since: disable, within: 5m, every: 10s, min_requests: 20, passes: 3}
    on_success: done
    on_failure: not_recovered
    on_inconclusive: inconclusive
"""


def shipped(id: str) -> str:
    """The YAML of a shipped runbook."""
    return (FOLDER / f"{id}.yaml").read_text(encoding="utf-8")


def sources(texts: Mapping[str, str]) -> dict[str, load.Source]:
    """The shipped runbooks, with these (file name without ending -> YAML) layered over them."""
    yours = (load.parse(load.Text("yours", Path(f"{name}.yaml"), text.encode())) for name, text in texts.items())
    return load.layered([*_shipped(), *yours])


@cache
def _shipped() -> tuple[load.Source, ...]:
    return tuple(load.parse(load.Text("shipped", FOLDER / f"{id}.yaml", shipped(id).encode())) for id in SHIPPED)


def checked(text: str, **others: str) -> tuple[Compiled | None, list[Finding]]:
    """Read, compile and lint one runbook; others, by name, can be called by it."""
    parsed = load.parse(load.Text("yours", Path("it.yaml"), text.encode()))
    if parsed.runbook is None:
        return None, parsed.findings
    known = {**sources(others), parsed.id: parsed}
    compiled = compile_runbook(parsed.id, known)
    return compiled, lint.check(compiled)


def findings(text: str, **others: str) -> list[Finding]:
    """What lint says about one runbook."""
    return checked(text, **others)[1]


def compiled(text: str, **others: str) -> Compiled:
    """A runbook that lint has nothing against, compiled."""
    result, found = checked(text, **others)
    assert not found, [str(one) for one in found]
    assert result is not None
    return result

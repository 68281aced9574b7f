"""The rules about harm: approvals, undo, prompts that expire, clocks, and proofs that prove something."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from omniops.actions.specs import ActionSpec
from omniops.catalog.compile import Compiled
from omniops.catalog.findings import ENOUGH, Finding, nearest
from omniops.catalog.flow import Dominators, Flow
from omniops.engine.graph import OUTCOMES, Step, Timer

MOST_SINCES = 50
WITHOUT_TEXT = ("customers", "upstream")
"""Where the words of communication.yaml go, and no runbook's: they are checked, and fulfil what is owed."""
TEXT_OPTIONAL = ("status-page",)
"""Where both go: the next text of communication.yaml, and a runbook's own banner (4.1.4)."""


def check(
    compiled: Compiled,
    flow: Flow,
    before: Dominators | None,
    specs: Mapping[str, ActionSpec],
    slos: Collection[str],
    channels: Collection[str],
) -> list[Finding]:
    """Writes, prompts, verify steps, posts and timers."""
    found: list[Finding] = []
    later = _Later(flow, specs)
    for id, step in flow.steps.items():
        if len(found) > ENOUGH:
            break
        kind = step["kind"]
        if kind == "action":
            found += _write(compiled, id, step, specs.get(step["action"]))
        elif kind in ("ask", "manual"):
            found += _prompt(compiled, flow, id, step, specs)
        elif kind == "verify":
            found += _verify(compiled, flow, before, id, step, specs, slos, later)
        elif kind == "post" and step["channel"] not in channels:
            what = f"there is no channel {step['channel']!r}"
            found.append(compiled.finding(id, ("post", "channel"), what, nearest(step["channel"], channels)))
        elif (
            kind == "post"
            and step["channel"] not in TEXT_OPTIONAL
            and bool(step["text"]) is (step["channel"] in WITHOUT_TEXT)
        ):
            what = "its words are those of communication.yaml" if step["text"] else "there is no text"
            mend = "leave `text` out" if step["text"] else "write `text`"
            found.append(compiled.finding(id, ("post",), what, mend))
    for timer in compiled.graph["timers"]:
        found += _timer(compiled, flow, timer)
    return [*found, *_disproved(compiled, flow)]


def _disproved(compiled: Compiled, flow: Flow) -> list[Finding]:
    """No path ends as mitigated whose last verify step did not succeed. One without any verify claims no recovery."""
    found: list[Finding] = []
    waiting = [(compiled.graph["start"], "")]  # a step, and the verify step before it that did not succeed
    marks: set[tuple[str, bool]] = set()
    while waiting and len(found) <= ENOUGH:
        id, bad = waiting.pop()
        step = flow.steps.get(id)
        if step is None:
            continue
        for exit in flow.exits[id]:
            after = bad if step["kind"] != "verify" else "" if exit.outcome == "success" else id
            if exit.target == "end:done" and after:
                where, keys = compiled.author(id, exit.keys)
                what = f"it ends as mitigated, though {after} has not shown it"
                mend = "lead to not_recovered or inconclusive, or verify again"
                found.append(compiled.finding(where, keys, what, mend))
            # Which one it was matters only for the words, so that each step is looked at twice at most.
            if (exit.target, bool(after)) not in marks:
                marks.add((exit.target, bool(after)))
                waiting.append((exit.target, after))
    return found


def _write(compiled: Compiled, id: str, step: Step, spec: ActionSpec | None) -> list[Finding]:
    """Every write is approved: which one turns out to be destructive (a last live connection) is known only then."""
    if spec is None:
        return []
    found = []
    if not spec.writes:
        if step["approve"]:
            what = f"{step['action']} changes nothing, so there is nothing to approve"
            found.append(compiled.finding(id, ("approve",), what, "take `approve` out", at_key=True))
        if step["each"]:
            what = f"{step['action']} reads, and a read is done once: `each` is for changes"
            found.append(compiled.finding(id, ("each",), what, "take `each` out and give it the list", at_key=True))
        return found
    if not step["approve"]:
        what = (
            f"{step['action']} is {spec.effect if spec.effect == 'destructive' else 'a write'} and nobody approves it"
        )
        found.append(compiled.finding(id, ("action",), what, "add `approve: operator`"))
    if not spec.undo and not spec.why_no_undo:
        what = f"{step['action']} cannot be undone and does not say why"
        found.append(compiled.finding(id, ("action",), what, "give its spec `undo` or `why_no_undo`"))
    return found


def _prompt(compiled: Compiled, flow: Flow, id: str, step: Step, specs: Mapping[str, ActionSpec]) -> list[Finding]:
    """No prompt expires into yes.

    What happens when a prompt runs out, or what is chosen when nobody can answer, may not be what success would be;
    may not reach a write before a person has answered another question; and may not end the run as mitigated
    without a verify step on the way.
    """
    found = []
    edges = step.get("edges", {})
    timeout = edges.get("timeout")
    if timeout is not None:
        yes = {exit.target for exit in flow.exits[id] if exit.outcome == "success"}
        harm = _harm(flow, timeout, specs)
        if timeout in yes and timeout != "ask":
            what = "when the time is up it goes where success goes: silence would mean yes"
            found.append(compiled.finding(id, ("on_timeout",), what, "lead on_timeout to an end, or to `ask`"))
        elif harm:
            what = f"when the time is up it {harm}: silence would mean yes"
            found.append(compiled.finding(id, ("on_timeout",), what, "lead on_timeout to an end, or to `ask`"))
    unattended = step.get("ask", {}).get("unattended")
    if unattended:
        harm = _harm(flow, step["ask"]["choices"][unattended]["go"], specs)
        if harm:
            what = f"with nobody there it {harm}"
            found.append(
                compiled.finding(id, ("ask", "unattended"), what, "let `unattended` name a choice that only ends")
            )
    return found


def _harm(flow: Flow, target: str, specs: Mapping[str, ActionSpec]) -> str:
    """What a path from here does before a person has answered anything, or ""."""
    waiting, seen = [(target, False)], {(target, False)}
    while waiting:
        id, proved = waiting.pop()
        if id == "end:done" and not proved:
            return "ends as mitigated, unproved"
        step = flow.steps.get(id)
        if step is None:
            continue
        spec = specs.get(step.get("action", ""))
        if spec is not None and spec.writes:
            return f"goes on to {id}, a change, before anybody is asked"
        if step["kind"] in ("manual", "ask") and not step.get("ask", {}).get("unattended"):
            continue
        for exit in flow.exits[id]:
            after = (exit.target, proved or (step["kind"] == "verify" and exit.outcome == "success"))
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return ""


def _verify(
    compiled: Compiled,
    flow: Flow,
    before: Dominators | None,
    id: str,
    step: Step,
    specs: Mapping[str, ActionSpec],
    slos: Collection[str],
    later: _Later,
) -> list[Finding]:
    spec = step["verify"]
    found = []
    if spec["slo"] not in slos:
        what = f"there is no objective {spec['slo']!r}"
        found.append(compiled.finding(id, ("verify", "slo"), what, nearest(spec["slo"], slos)))
    if spec["every_s"] * spec["passes"] > spec["within_s"]:
        what = "it can never pass: `passes` looks, `every` so often, take longer than `within`"
        found.append(compiled.finding(id, ("verify", "within"), what, "make `within` longer, or look more often"))
    problem = _since(flow, before, id, spec["since"], specs)
    mend = "name the step that makes the change, or `run`"
    if not problem and later.too_many:
        problem = f"proofs of more than {MOST_SINCES} changes cannot be checked"
        mend = "split the runbook"
    elif not problem and id in later.than(spec["since"]):
        problem = f"a way from {spec['since']} to here changes the gateway again: traffic from before that would count"
        mend = "name the last change; where the ways differ, give each a verify step of its own"
    if problem:
        found.append(compiled.finding(id, ("verify", "since"), problem, mend))
    return found


def _since(flow: Flow, before: Dominators | None, id: str, since: str, specs: Mapping[str, ActionSpec]) -> str:
    """Why traffic since a step would not be traffic since the change, or ""."""
    if since == "run":
        return ""
    source = flow.steps.get(since)
    if source is None:
        return f"there is no step {since!r}"
    if source["kind"] == "call":
        # Only "run" inside a called runbook is compiled to this: the moment of the call.
        return "" if id.startswith(f"{since}.") else f"{since} calls a runbook: its change comes later than the call"
    spec = specs.get(source.get("action", ""))
    if source["kind"] != "manual" and (spec is None or not spec.writes):
        return f"{since} changes nothing, so that old traffic would count"
    if before is not None and not before.succeeded_before(since, id):
        return f"{since} has not succeeded on every path to here"
    return ""


class _Later:
    """Which steps come after a change that is later than the one whose traffic a verify step counts."""

    def __init__(self, flow: Flow, specs: Mapping[str, ActionSpec]) -> None:
        self._flow, self._specs = flow, specs
        self._known: dict[str, set[str]] = {}

    @property
    def too_many(self) -> bool:
        """Each takes a walk over the whole graph, so their number is bounded."""
        return len(self._known) >= MOST_SINCES

    def than(self, since: str) -> set[str]:
        """The steps that a way from ``since`` reaches through another change of the gateway."""
        if since not in self._known:
            source = self._flow.steps.get(since)
            if since == "run" or (source is not None and source["kind"] == "call"):
                starts = [self._flow.graph["start"]] if source is None else list(source.get("edges", {}).values())
            else:
                starts = [exit.target for exit in self._flow.exits.get(since, ()) if exit.outcome == "success"]
            self._known[since] = self._reach(starts)
        return self._known[since]

    def _reach(self, starts: list[str]) -> set[str]:
        waiting = [(start, False) for start in starts]
        seen = set(waiting)
        while waiting:
            id, changed = waiting.pop()
            step = self._flow.steps.get(id)
            if step is None:
                continue
            for exit in self._flow.exits[id]:
                after = (exit.target, changed or (exit.outcome != "declined" and self._changes(step)))
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        return {id for id, changed in seen if changed}

    def _changes(self, step: Step) -> bool:
        """Whether a step changes the gateway. A page and a copy of the data do not."""
        spec = self._specs.get(step.get("action", ""))
        return spec is not None and spec.writes and bool(spec.undo or spec.reverses or spec.effect == "destructive")


def _timer(compiled: Compiled, flow: Flow, timer: Timer) -> list[Finding]:
    id, source, unless, do = timer["id"], timer["from"], timer["unless"], timer["do"]
    call = id.rpartition(".")[0]
    if call and call not in flow.main:
        return []  # that nothing leads to the call was told there
    found = []
    if source not in ("onset", "page", "run") and source not in flow.main:
        known = ["onset", "page", "run", *flow.main]
        found.append(compiled.timer_finding(id, ("from",), f"{source!r} is no moment", nearest(source, known)))
    if unless and unless not in flow.main:
        mend = nearest(unless, flow.main)
        found.append(compiled.timer_finding(id, ("unless",), f"there is no step {unless!r} in the main flow", mend))
    elif unless and not _can_succeed(flow.steps[unless]):
        what = f"{unless} never succeeds, so it never stops the clock"
        found.append(compiled.timer_finding(id, ("unless",), what, "name a step that can succeed"))
    if do not in flow.steps:
        found.append(compiled.timer_finding(id, ("do",), f"there is no step {do!r}", nearest(do, flow.steps)))
    elif do in flow.main:
        what = f"{do} is in the main flow; what a clock does is a path of its own that ends in `return`"
        found.append(compiled.timer_finding(id, ("do",), what, "make a step of its own for the clock"))
    return found


def _can_succeed(step: Step) -> bool:
    return step["kind"] == "ask" or "success" in OUTCOMES.get(step["kind"], ())

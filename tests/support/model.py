"""A model of the world for the pure engine: for each thing it asks for, every way that it can go.

A way is a list of events, and a number of faults that it costs. No I/O, no mocks: events go in, commands come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple, TypeVar

from omniops.actions.specs import SPECS
from omniops.clock import iso
from omniops.engine import commands as c
from omniops.engine.changes import Item
from omniops.engine.graph import Graph
from omniops.engine.next import next_command, skip_target
from omniops.engine.refs import REFERENCE
from omniops.engine.state import RunState
from omniops.journal.events import Event

T = TypeVar("T")
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CONNECTIONS = [{"id": "c1", "name": "one", "target": "openai/one"}, {"id": "c2", "name": "two", "target": "openai/two"}]
BACKUP = {"path": "/backups/snapshot_1", "name": "snapshot_1"}

READINGS: dict[str, dict[str, list[Any]]] = {
    "model.carriers": {
        "serving": [0, 1], "models": [["openai/m"]], "models_text": ["openai/m"], "other_models_text": ["none"],
        "combos": [[], [{"id": "k1"}]], "connections": [[], [{"id": "c3"}]], "other_models": [[]],
    },
    "omniroute.version": {"version": ["3.7.9", "3.7.8"], "source": ["health"], "uptime_s": [12.0]},
    "latency.compare": {
        "available": [True, False], "ratio": [1.0, 2.5], "p95_s": [2.0], "p95_text": ["2.0 s"], "why": ["x"],
    },
    "latency.by_provider": {"slowest": ["openai"], "summary": ["openai 3 s"], "providers": [[]]},
    "authz.inventory": {
        "verdict": ["policies_empty", "failing", "malformed", "absent", "healthy"], "keys": [0, 3], "summary": ["s"],
        "cryptography": ["ok"],
    },
    "keys.count": {"total": [0, 3]},
    "db.health": {"healthy": [True, False]},
    "backups.list": {"candidates": [[], [BACKUP]], "rejected": [[]]},
    "replicas.health": {
        "known": [True, False], "healthy": [0, 2], "bad": [[], ["http://b"]], "bad_text": ["b"], "balancer": ["lb"],
        "replicas": [[]],
    },
    "balancer.proof": {"dropped": [True, False], "seen": [[]]},
    "rollback.preflight": {"method": ["npm"], "host": ["h"], "running": ["3.7.9"]},
    "incident.declare": {"severity": ["SEV-1", "SEV-3"]},
    "page.state": {"alert": ["burn"], "at": ["03:00Z"], "by": ["eve"], "summary": ["s"]},
    "page.firing": {"firing": [True, False], "summary": ["s"]},
    "links.open": {"summary": ["s"], "dashboard": ["d"]},
    "severity.measure": {
        "key": ["sev-1"], "severity": ["SEV-1"], "question": ["s"], "reason": ["r"], "runbook": ["failover"],
    },
    "evidence.capture": {"text": ["t"], "version": ["3.7.9"], "sha": ["abc"]},
    "deploys.green": {"green": ["3.7.8"], "green_text": ["g"]},
    "choices.weigh": {
        "key": ["disable"], "question": ["s"], "green": ["3.7.8"], "green_text": ["g"],
        "worst_text": ["w"],
    },
    "incident.freeze": {},
}  # fmt: skip


class Way(NamedTuple):
    faults: int
    events: list[tuple[str, dict[str, Any]]]
    later_s: float = 1.0


class Run:
    """A run under exploration: its events and their fold. ``state``: that fold, where it is known already."""

    def __init__(self, events: list[Event], faults: int, now: datetime, state: RunState | None = None) -> None:
        self.events, self.faults, self.now = events, faults, now
        self.state = RunState(events) if state is None else state

    def then(self, way: Way) -> Run:
        now = self.now + timedelta(seconds=way.later_s)
        events, state = list(self.events), forked(self.state)
        for kind, data in way.events:
            event = Event(len(events) + 1, "run/r1", len(events) + 1, iso(now), "eve", "h", "0", kind, data)
            events.append(event)
            state.apply(event)
        return Run(events, self.faults + way.faults, now, state)

    def refolded(self) -> Run:
        """The same run, its events folded from the first one on."""
        return Run(self.events, self.faults, self.now)

    def key(self) -> tuple[Any, ...]:
        """What tells this state from another one: equal keys have equal futures."""
        state = self.state
        at = state.steps.get(state.current)
        items = tuple((item.status, item.approved, item.tries, _outcome(item.done)) for item in at.items) if at else ()
        guided = state.guided["step"] if state.guided else ""
        decisive = tuple(
            (step, name, repr(state.outputs.get(step, {}).get(name))) for step, name in sorted(guarded(state.graph))
        )
        return (
            state.current, items, guided, decisive, state.ending, state.outcome, self.faults,
            tuple(sorted(state.fired)), len(state.frames), bool(at and at.done),
            any(record.in_force and record.reversible for record in state.changes.records.values()),
        )  # fmt: skip


def guarded(graph: Graph) -> frozenset[tuple[str, str]]:
    """The outputs (step, name) that decide where a walk goes: those in guards, and the lists of ``each``."""
    found = _KNOWN.get(graph["hash"])
    if found is None:
        text = repr([(step.get("guards"), step.get("each")) for step in graph["steps"].values()])
        found = _KNOWN[graph["hash"]] = frozenset(
            (path.rpartition(".outputs.")[0], path.rpartition(".outputs.")[2])
            for root, path in REFERENCE.findall(text)
            if root == "steps"
        )
    return found


_KNOWN: dict[str, frozenset[tuple[str, str]]] = {}


def forked(state: RunState) -> RunState:
    """A copy of a fold that can go on by itself: folding a walk anew at each of its forks takes most of an exploration.

    What events hold is shared, because no fold changes it. A check compares it with a fold of all events.
    """
    items: dict[int, Item] = {}

    def twin(item: Item) -> Item:
        copied = items[id(item)] = _twin(item)
        return copied

    new = _bare(state)
    new.steps = dict(state.steps)
    open_ones = {state.current, state.guided["step"] if state.guided else ""}
    for step, at in state.steps.items():
        if at.done is not None and step not in open_ones:
            continue  # nothing changes it any more
        there = new.steps[step] = _twin(at)
        there.items, there.samples = [twin(item) for item in at.items], list(at.samples)
        there.bad = None if at.bad is None else items[id(at.bad)]
    new.outputs, new.frames, new.fired = dict(state.outputs), list(state.frames), set(state.fired)
    new.changes = _bare(state.changes)
    new.changes.records = {key: _twin(record) for key, record in state.changes.records.items()}
    for record in new.changes.records.values():
        record.undo = None if record.undo is None else _twin(record.undo)
    return new


def _bare(thing: T) -> T:
    new = object.__new__(type(thing))
    new.__dict__.update(thing.__dict__)
    return new


def _twin(thing: T) -> T:
    new = object.__new__(type(thing))
    for name in type(thing).__slots__:  # type: ignore[attr-defined]
        setattr(new, name, getattr(thing, name))
    return new


def _outcome(done: dict[str, Any] | None) -> str:
    return done["outcome"] if done else ""


def begin(graph: Graph, inputs: dict[str, Any], *, onset_ago: float = 0.0) -> Run:
    started = {
        "run": "r1", "runbook": graph["id"], "incident": "i", "onset": iso(START - timedelta(seconds=onset_ago)),
        "until": "", "inputs": inputs, "targets": [], "graph": graph,
    }  # fmt: skip
    return Run([Event(1, "run/r1", 1, iso(START), "eve", "h", "0", "run.started", started)], 0, START)


def explore(run: Run, most_faults: int) -> Iterator[Run]:
    """Yield every reachable state once, ended ones included."""
    seen: set[tuple[Any, ...]] = set()
    stack = [run]
    while stack:
        here = stack.pop()
        key = here.key()
        if key in seen:
            continue
        seen.add(key)
        yield here
        command = next_command(here.state, here.now)
        if isinstance(command, c.Ended):
            continue
        for way in ways(here.state, command):
            if here.faults + way.faults <= most_faults:
                stack.append(here.then(way))


def ways(state: RunState, command: c.Command) -> list[Way]:
    """Every way in which the runner may answer a command of the engine."""
    match command:
        case c.Enter(step, items):
            return [Way(0, [("step.entered", {"step": step, **({"items": items} if items else {})})])]
        case c.Attempt(step, index):
            return _attempt(state, step, index)
        case c.Settle(step, index):
            return _settle(state, step, index)
        case c.Confirm(step, index):
            key = {"key": _intent(state, step, index)["key"]}
            return [
                Way(0, [("item.done", {"step": step, "item": index, "outcome": "success", "changed": True, **key})]),
                Way(1, [_item_failed(state, step, index, "in_doubt")]),
            ]
        case c.Read(step):
            return _read(state, step)
        case c.Ask(step):
            return _ask(state, step)
        case c.Manual(step) | c.Post(step):
            return [Way(0, [_done(state, step, outcome)]) for outcome in ("success", "declined")]
        case c.Verify(step):
            return [Way(0, [_done(state, step, outcome)], 60) for outcome in ("success", "failure", "inconclusive")]
        case c.Wait(_, until):
            return [Way(0, [("note", {"text": "waited"})], (until - START).total_seconds())]
        case c.Finish(step, outcome, go):
            outputs: dict[str, Any] = {}
            for item in state.steps[step].items:
                outputs.update((item.done or {}).get("outputs") or {})
            return [Way(0, [("step.done", {"step": step, "outcome": outcome, "go": go, "outputs": outputs})])]
        case c.Guide(step, _, _, choices):
            return [_guided(state, step, choice) for choice in choices if choice not in ("pause", "undo")]
        case c.Fire(timer, do, _):
            return [Way(0, [("timer.fired", {"timer": timer, "do": do, "late_s": 0})])]
        case c.End(outcome):
            return [Way(0, [("run.ended", {"outcome": outcome})])]
    raise AssertionError(command)


def _intent(state: RunState, step: str, index: int) -> dict[str, Any]:
    intent = state.steps[step].items[index].intent
    assert intent is not None
    return intent


def _done(state: RunState, step: str, outcome: str) -> tuple[str, dict[str, Any]]:
    return "step.done", {"step": step, "outcome": outcome, "go": state.step(step)["edges"][outcome]}


def _item_failed(state: RunState, step: str, index: int, cause: str) -> tuple[str, dict[str, Any]]:
    data: dict[str, Any] = {"step": step, "item": index, "outcome": "failure", "cause": cause, "detail": cause}
    item = state.steps[step].items[index]
    if item.intent is not None:
        data["key"] = item.intent["key"]
    return "item.done", data


def _attempt(state: RunState, step: str, index: int) -> list[Way]:
    node, item = state.step(step), state.steps[step].items[index]
    spec = SPECS[node["action"]]
    at = iso(START)
    already = {"step": step, "item": index, "outcome": "success", "at": at, "outputs": {"changed_at": at}}
    key = f"r1/{step}/{index}" + (f"#{item.tries + 1}" if item.tries else "")
    intent = {
        "key": key, "step": step, "item": index, "send_by": 5.0, "boot": "b", "action": node["action"], "args": {},
        "target": f"{step}-{index}", "before": {"on": True}, "desired": {"on": False}, "effect": spec.effect,
        "undo": spec.undo,
    }  # fmt: skip
    approval: list[tuple[str, dict[str, Any]]] = []
    found = [Way(1, [_item_failed(state, step, index, "unreachable")])]
    if node.get("approve") and not item.approved:
        approval = [("approved", {"step": step, "item": index, "bound": "b", "typed": ""})]
        declined = {"step": step, "item": index, "outcome": "declined"}
        found.append(Way(0, [("declined", {"step": step, "item": index, "bound": "b"}), ("item.done", declined)]))
        found.append(Way(1, approval))  # a crash between the approval and the intent
    found.append(Way(0, [*approval, ("intent", intent)]))
    if item.tries == 0:
        found.append(Way(0, [("item.done", already)]))
    return found


def _settle(state: RunState, step: str, index: int) -> list[Way]:
    """The answer to what was just sent; or, after a crash or a bad answer, what was found out about it."""
    item = state.steps[step].items[index]
    key = _intent(state, step, index)["key"]
    failed = _item_failed(state, step, index, "failed")
    if item.outcome is not None or item.done is not None:  # in doubt already, or taken up again
        settled = [Way(0, [("reconciled", {"key": key, "status": "applied"})])]
        settled.append(Way(0, [("reconciled", {"key": key, "status": "not_applied"}), failed]))
        doubt = _item_failed(state, step, index, "in_doubt")
        settled.append(Way(1, [("reconciled", {"key": key, "status": "in_doubt"}), doubt]))
        return settled
    return [
        Way(0, [("outcome", {"key": key, "status": "applied"})]),
        Way(1, [("outcome", {"key": key, "status": "in_doubt"})]),
        Way(1, [("outcome", {"key": key, "status": "failed"}), failed]),
        Way(1, [("outcome", {"key": key, "status": "not_applied"}), failed]),
        Way(1, [("reconciled", {"key": key, "status": "applied"})]),  # a crash after the intent; it had arrived
        Way(1, [("reconciled", {"key": key, "status": "not_applied"})]),  # ... it had not
    ]


def _read(state: RunState, step: str) -> list[Way]:
    decides = guarded(state.graph)
    readings = READINGS[state.step(step)["action"]].items()
    values = {name: some if (step, name) in decides else some[:1] for name, some in readings}
    found = []
    for combination in product(*values.values()):
        kind, data = _done(state, step, "success")
        found.append(Way(0, [(kind, {**data, "outputs": dict(zip(values, combination, strict=True))})]))
    return [*found, Way(1, [_done(state, step, "failure")])]


def _ask(state: RunState, step: str) -> list[Way]:
    spec = state.step(step)["ask"]
    found = [Way(0, [_done(state, step, "declined")])]
    if spec["type"] == "choice":
        for key, choice in spec["choices"].items():
            data = {"step": step, "outcome": "success", "go": choice["go"], "outputs": {"value": key}}
            found.append(Way(0, [("step.done", data)]))
        return found
    value = {"connections": CONNECTIONS[:1], "version": "3.7.8", "backup": BACKUP["path"]}.get(spec["type"], "words")
    kind, data = _done(state, step, "success")
    return [*found, Way(0, [(kind, {**data, "outputs": {"value": value}})])]


def _guided(state: RunState, step: str, choice: str) -> Way:
    data = {"step": step, "choice": choice}
    if choice == "skip":
        data["go"] = skip_target(state.step(step))
    return Way(0, [("guided", data)])

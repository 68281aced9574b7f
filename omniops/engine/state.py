"""What a run has done so far: a fold of its events, one event at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from omniops.actions.specs import SPECS
from omniops.clock import parse_iso
from omniops.engine.changes import ChangeLog, Item
from omniops.engine.graph import ENDS, Graph, Step, Timer
from omniops.engine.refs import Scope
from omniops.journal.events import Event

LOOKS = ("sample",)
"""What a run that is taken over can do without: a look at the traffic from before then proves nothing any more."""


class StepState:
    """One step of the run."""

    __slots__ = (
        "bad", "done", "entered", "index", "items", "last_look", "looked_from", "looks", "number", "samples", "values",
    )  # fmt: skip

    def __init__(self, number: int, entered: datetime, values: list[dict[str, Any]]) -> None:
        self.number = number
        self.entered = entered
        self.values = values
        self.items = [Item() for _ in values] or [Item()]
        self.index = 0  # the first item that is not done
        self.bad: Item | None = None  # the item that failed or was declined
        self.samples: list[Event] = []  # looks at the traffic since `looked_from`
        self.looks = 0  # of all times, and the last of them: for people
        self.last_look: Event | None = None
        self.looked_from = entered  # a verify step's clock: moved on when the walk was interrupted
        self.done: dict[str, Any] | None = None

    def look_anew(self, time: str) -> None:
        """The walk was interrupted: looks at the traffic from before ``time`` say nothing about now."""
        self.looked_from = parse_iso(time)
        self.samples = []


class RunState:
    """A run, folded. ``apply`` takes the run's events in order; nothing else changes it."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.graph: Graph
        self.started: dict[str, Any] = {}
        self.started_at: datetime
        self.run = ""
        self.n = 0
        self.steps: dict[str, StepState] = {}
        self.shown = 0  # steps that a person sees; forks and calls have no number
        self.outputs: dict[str, dict[str, Any]] = {}
        self.current = ""
        # What timers' handlers interrupted: the step, and the choice that was open there.
        self.frames: list[tuple[str, dict[str, Any] | None]] = []
        self.guided: dict[str, Any] | None = None  # the failed step that waits for a person's choice
        self.fired: set[str] = set()
        self.ending = ""
        self.outcome = ""  # of the run, once it has ended
        self.holder: dict[str, Any] | None = None
        self.changes = ChangeLog()
        self.begun = False  # a first step is over
        self.unproved = False  # a verify step was skipped, and no later one has succeeded
        self.frozen = False  # the incident is on the security path: no clock of it runs any more
        self.at = ""  # time of the last event
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        self.n, self.at = event.n, event.time
        fold = _FOLDS.get(event.kind)
        if fold is not None:
            fold(self, event)

    def step(self, id: str) -> Step:
        return self.graph["steps"][id]

    def scope(self, item: dict[str, Any] | None = None) -> Scope:
        return Scope(self.started["inputs"], self.outputs, item)

    @property
    def onset(self) -> datetime:
        return parse_iso(self.started["onset"])

    @property
    def page_at(self) -> datetime:
        """When the page was triggered: what the first-15-minutes clocks count from (section 3). Without one, the
        onset."""
        return parse_iso(self.started.get("page_at") or self.started["onset"])

    def due_at(self, step: str) -> datetime | None:
        """When a step is due; None for one without a due time."""
        due_s = self.step(step).get("due_s")
        return None if due_s is None else self.page_at + timedelta(seconds=due_s)

    def waits_until(self, step: str) -> datetime:
        """The moment a `wait` step waits for."""
        node = self.step(step)
        begin = {"onset": self.onset, "page": self.page_at}.get(node.get("wait_from", ""), self.steps[step].entered)
        return begin + timedelta(seconds=node["wait_s"])

    @property
    def busy(self) -> bool:
        """Something was sent, or may have been, and has not been read back: no clock may interrupt."""
        state = self.steps.get(self.current)
        if state is None or state.index >= len(state.items):
            return False
        return state.items[state.index].status in ("open", "applied")

    def changed_at(self, step: str) -> datetime:
        """When a step's change took effect, by the server's time where it said so."""
        if step == "run":
            return self.started_at
        state = self.steps[step]
        moments = [item.done["at"] for item in state.items if item.done and item.done.get("at")]
        if moments:
            return max(parse_iso(moment) for moment in moments)
        return parse_iso(state.done["time"]) if state.done else state.entered

    def due(self, timer: Timer) -> datetime | None:
        """The absolute moment of a timer; None while it is not armed, or when it is fired or cancelled."""
        if self.frozen or timer["id"] in self.fired or self.succeeded(timer.get("unless", "")):
            return None
        call = timer["id"].rpartition(".")[0]
        if call and call not in self.steps:
            return None  # the clock of a called runbook runs only where that was entered
        source = timer["from"]
        if source == "onset":
            begin = self.onset
        elif source == "page":
            begin = self.page_at
        elif source == "run":
            begin = self.started_at
        else:
            state = self.steps.get(source)
            if state is None or state.done is None:
                return None
            begin = parse_iso(state.done["time"])
        return begin + timedelta(seconds=timer["after_s"])

    def succeeded(self, step: str) -> bool:
        state = self.steps.get(step)
        return state is not None and state.done is not None and state.done["outcome"] == "success"

    def _started(self, event: Event) -> None:
        self.started = event.data
        self.graph = event.data["graph"]
        self.run = event.data["run"]
        self.started_at = parse_iso(event.time)
        self.current = self.graph["start"]

    def _taken(self, event: Event) -> None:
        self.holder = {**event.data, "actor": event.actor}
        self._back(event.time)

    def _released(self, event: Event) -> None:
        self.holder = None

    def _entered(self, event: Event) -> None:
        id = event.data["step"]
        self.shown += self.step(id)["kind"] not in ("choose", "call")
        self.steps[id] = StepState(self.shown, parse_iso(event.time), event.data.get("items") or [])

    def _item(self, data: dict[str, Any]) -> Item:
        item: Item = self.steps[data["step"]].items[data["item"]]
        return item

    def _approved(self, event: Event) -> None:
        self.changes.apply(event)
        if not event.data.get("undo_of"):
            item = self._item(event.data)
            item.approved, item.approved_at = event.data["bound"], event.time

    def _intent(self, event: Event) -> None:
        self.changes.apply(event)
        if not event.data.get("undo_of"):
            self._item(event.data).begin(event.data)

    def _outcome(self, event: Event) -> None:
        self.changes.apply(event)
        if not event.data.get("undo_of"):
            item = self._item(self.changes.records[event.data["key"]].intent)
            item.outcome = event.data
            if (event.data.get("evidence") or {}).get("late"):
                item.unanswered += 1  # like one that a crash cost: it is begun again by itself, but not for ever

    def _reconciled(self, event: Event) -> None:
        self.changes.apply(event)
        if not event.data.get("undo_of"):
            item = self._item(self.changes.records[event.data["key"]].intent)
            item.settled = event.data
            if event.data["status"] == "not_applied" and item.outcome is None:
                item.unanswered += 1

    def _item_done(self, event: Event) -> None:
        state = self.steps[event.data["step"]]
        item = state.items[event.data["item"]]
        item.done = {**event.data, "time": event.time}
        if event.data["outcome"] != "success":
            state.bad = item
        while state.index < len(state.items) and state.items[state.index].done is not None:
            state.index += 1
        self.changes.apply(event)

    def _sample(self, event: Event) -> None:
        # Only the current step looks at traffic; its event is kept as it is, because to decode 100,000 of them takes
        # longer than all else that a fold does.
        state = self.steps[self.current]
        state.samples.append(event)
        state.looks, state.last_look = state.looks + 1, event

    def _step_done(self, event: Event) -> None:
        data = event.data
        self.steps[data["step"]].done = {**data, "time": event.time}
        self.begun = True
        if self.step(data["step"])["kind"] == "verify" and data["outcome"] == "success":
            self.unproved = False
        self.outputs[data["step"]] = data.get("outputs") or {}
        self._go(data["go"], event)
        if data["step"] == self.started.get("until") and not self.guided:
            self.ending = until_outcome(data["outcome"])

    def _go(self, target: str, event: Event) -> None:
        if target == "ask":
            self.guided = event.data
        elif target == "return":
            self.current, self.guided = self.frames.pop()
            self._back(event.time)
        elif target.startswith("end:"):
            self.ending = ENDS[target[4:]]
        else:
            self.current = target

    def _back(self, time: str) -> None:
        """Somebody walks the current step again, who was away: by a crash, a pause, or a clock's handler."""
        state = self.steps.get(self.current)
        if state is not None and state.done is None:
            state.look_anew(time)

    def _guided(self, event: Event) -> None:
        step, choice = event.data["step"], event.data["choice"]
        self.guided = None
        state = self.steps[step]
        if choice == "retry":
            state.done = state.bad = None
            state.entered = parse_iso(event.time)
            state.look_anew(event.time)
            self.outputs.pop(step, None)
            for position, item in enumerate(state.items):
                if item.done is not None and item.done["outcome"] != "success":
                    item.done = None
                    state.index = min(state.index, position)
                    if item.status != "open" or SPECS[self.step(step)["action"]].resend:
                        item.forget()
        elif choice == "skip" and len(state.items) > 1 and state.bad is not None and state.bad.done is not None:
            # One of several: the rest is still to be done.
            state.bad.done = {**state.bad.done, "outcome": "skipped"}
            state.done = state.bad = None
            self.outputs.pop(step, None)
        elif choice == "skip":
            proof = self.step(step)["kind"] == "verify"
            self.unproved = self.unproved or proof
            self._go(event.data["go"], event)
            if step == self.started.get("until"):
                self.ending = "inconclusive" if proof else self.abandoned()
        else:
            self.ending = self.abandoned()

    def leads(self, step: str, outcome: str) -> str:
        """Where an outcome of a step leads. A decline of a change does not end a run, nor any decline one that has
        changed something: one slip of a finger would leave the outage, or the cluster down, or a proof unlooked at, so
        a person says what now."""
        go: str = self.step(step)["edges"][outcome]
        matters = self.step(step)["kind"] == "action" or any(one.to_put_back for one in self.changes.records.values())
        return "ask" if outcome == "declined" and matters and go.startswith("end:") else go

    def abandoned(self) -> str:
        """How a run ends that nobody walks on: in doubt as long as something of it is."""
        return "in_doubt" if self.changes.in_doubt else "aborted"

    def end(self) -> str:
        """The outcome that ``ending`` comes to: a proof that was skipped has proved nothing, and no verdict about the
        traffic settles what became of a change. The security path stays what it is."""
        if self.changes.in_doubt and self.ending in ("mitigated", "not_recovered", "inconclusive"):
            return "in_doubt"
        return "inconclusive" if self.ending == "mitigated" and self.unproved else self.ending

    def _fired(self, event: Event) -> None:
        self.fired.add(event.data["timer"])
        self.frames.append((self.current, self.guided))
        self.current, self.guided = event.data["do"], None

    def _undone(self, event: Event) -> None:
        self.changes.apply(event)
        if not event.data.get("by_step") and not self.ending and not self.outcome:
            # Nothing that comes later in this run could be proved any more: what it was about is gone.
            self.ending = self.abandoned()

    def _ended(self, event: Event) -> None:
        self.outcome = event.data["outcome"]


def until_outcome(outcome: str) -> str:
    """The run's outcome where it was asked to end after a step: that step's."""
    return {"success": "mitigated", "failure": "not_recovered", "inconclusive": "inconclusive"}.get(outcome, "aborted")


_FOLDS: dict[str, Callable[[RunState, Event], None]] = {
    "run.started": RunState._started,
    "lease.taken": RunState._taken,
    "lease.released": RunState._released,
    "step.entered": RunState._entered,
    "approved": RunState._approved,
    "intent": RunState._intent,
    "outcome": RunState._outcome,
    "reconciled": RunState._reconciled,
    "item.done": RunState._item_done,
    "sample": RunState._sample,
    "step.done": RunState._step_done,
    "guided": RunState._guided,
    "timer.fired": RunState._fired,
    "undone": RunState._undone,
    "run.ended": RunState._ended,
}

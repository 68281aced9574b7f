"""Walks a run: asks the engine what happens next, performs it, journals it, until the run ends or is paused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from omniops.actions.base import Context
from omniops.actions.registry import find
from omniops.clock import iso
from omniops.engine import commands as c
from omniops.engine.next import next_clock, next_command
from omniops.engine.refs import resolve, text
from omniops.engine.state import RunState, StepState
from omniops.errors import BadInput, InDoubt, NeedsPerson, OmniopsError, Refused, Unreachable, Waiting
from omniops.incident.typed import Commands
from omniops.journal.events import Journal, New
from omniops.journal.writer import RunWriter
from omniops.runner.person import PauseAsked, Person, PromptDue, StepView
from omniops.runner.signals import Interrupts

T = TypeVar("T")

CAUSES: tuple[tuple[type[OmniopsError], str], ...] = (
    (InDoubt, "in_doubt"),
    (Refused, "refused"),
    (Unreachable, "unreachable"),
    (BadInput, "bad_input"),
    (NeedsPerson, "person"),
    (Waiting, "waiting"),
)


def cause_of(error: OmniopsError) -> str:
    """Of which kind an error is, as a failed step keeps it; a client's own errors are of the kind that they derive
    from."""
    return next((cause for kind, cause in CAUSES if isinstance(error, kind)), "failed")


class Walk:
    """One walk of one run, by the process that holds its lease."""

    def __init__(
        self,
        ctx: Context,
        person: Person,
        journal: Journal,
        state: RunState,
        *,
        dry: bool = False,
        find: Callable[[str], Any] = find,
    ) -> None:
        """``find`` turns an action's name into what performs it."""
        self.ctx, self.person, self.journal, self.state = ctx, person, journal, state
        self.dry, self.find = dry, find
        self.typed = Commands(journal.drill)
        self.writer = RunWriter(journal, f"run/{state.run}", state.n)
        self.interrupts = Interrupts()
        self.unwritten: tuple[tuple[str, dict[str, Any]], ...] = ()  # what the journal did not take
        self.would_stop: NeedsPerson | None = None  # of a dry run: where the flags given would end the walk
        person.clocks = self.clocks

    # What everybody needs -------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.ctx.clock.now()

    def record(self, *events: tuple[str, dict[str, Any]], also: Sequence[New] = ()) -> None:
        """Append events to the run, durably and all together, and fold them."""
        self.unwritten = events
        for event in self.writer.append_all(events, also):
            self.state.apply(event)
        self.unwritten = ()

    def context(self, step: str) -> Context:
        return self.ctx._replace(step=step, checkpoint=self.writer.still_ours)

    def args(self, step: str, item: int = 0) -> dict[str, Any]:
        """A step's arguments with every reference resolved. Raises Undefined."""
        at = self.state.steps[step]
        resolved: dict[str, Any] = resolve(
            self.state.step(step).get("args", {}), self.state.scope(at.values[item] if at.values else None)
        )
        return resolved

    def words(self, value: str, item: dict[str, Any] | None = None) -> str:
        return text(value, self.state.scope(item))

    def finish(
        self,
        step: str,
        outcome: str,
        *,
        go: str = "",
        outputs: dict[str, Any] | None = None,
        detail: str = "",
        cause: str = "",
        before: Sequence[tuple[str, dict[str, Any]]] = (),
        also: Sequence[New] = (),
    ) -> None:
        """A step is over. ``go``: where it leads, if its edges do not say."""
        data: dict[str, Any] = {"step": step, "outcome": outcome}
        data["go"] = go or self.state.leads(step, outcome)
        data.update(
            {key: value for key, value in (("outputs", outputs), ("detail", detail), ("cause", cause)) if value}
        )
        self.record(*before, ("step.done", data), also=also)

    def failed(self, step: str, error: OmniopsError) -> None:
        """A step failed because of an error: say so, and follow its failure edge."""
        self.person.say(error.brief, "bad")
        self.finish(step, "failure", detail=error.brief, cause=cause_of(error))

    def ask(self, question: Callable[[datetime | None], T], expires: datetime | None = None) -> T:
        """Put a question to the person. Raises PromptDue when a clock ran out first, PauseAsked on Ctrl-C."""
        from omniops.failpoints import reached

        self.safe_point()
        reached("in_prompt", self.state.current)
        with self.interrupts.prompting():
            return question(next_clock(self.state, expires))

    def safe_point(self) -> None:
        """Nothing is in flight here: pause if that was asked for."""
        if self.interrupts.wanted:
            raise PauseAsked

    def clocks(self) -> str:
        """The line of live clocks inside every prompt."""
        from omniops.runner.clocks import line

        return line(self.state, self.now())

    # The walk ------------------------------------------------------------------------------------------------------

    def go(self) -> str:
        """Walk until the run has ended; return its outcome. Raises PauseAsked (Ctrl-C) and OmniopsError; whatever is
        raised, the journal says what state things are in and `omniops resume` goes on."""
        with self.interrupts:
            while not self.state.outcome:
                command = next_command(self.state, self.now())
                if not self.state.busy:
                    self.safe_point()
                try:
                    self.perform(command)
                except PromptDue:
                    continue  # the engine sees which clock it was
        return self.state.outcome

    def perform(self, command: c.Command) -> None:
        from omniops.runner import asking, write

        match command:
            case c.Enter(step, items):
                self._enter(step, items)
            case c.Attempt(step, item):
                write.attempt(self, step, item)
            case c.Settle(step, item):
                write.settle(self, step, item)
            case c.Confirm(step, item):
                write.confirm(self, step, item)
            case c.Read(step):
                from omniops.runner.reading import read

                read(self, step)
            case c.Verify(step, deadline):
                from omniops.runner.verifying import verify

                verify(self, step, deadline)
            case c.Wait(step, until):
                from omniops.runner.verifying import wait

                wait(self, step, until)
            case c.Ask(step, expires):
                asking.ask(self, step, expires)
            case c.Manual(step, expires):
                asking.manual(self, step, expires)
            case c.Post(step):
                asking.post(self, step)
            case c.Guide(step, detail, cause, choices):
                asking.guide(self, step, detail, cause, choices)
            case c.Fire(timer, do, due):
                self._fire(timer, do, due)
            case c.Finish(step, outcome, go, detail):
                self._finish(step, outcome, go, detail)
            case c.SettleUndo(key):
                from omniops.runner.undo import settle

                settle(self, key)
            case c.End(outcome):
                self.end(outcome)

    def _enter(self, id: str, items: list[dict[str, Any]]) -> None:
        self.record(("step.entered", {"step": id, **({"items": items} if items else {})}))
        self.show(id)

    def show(self, id: str) -> None:
        """Show a step's heading. Forks are not steps that a person takes, so they have none."""
        step, at = self.state.step(id), self.state.steps[id]
        if step["kind"] in ("choose", "call"):
            return
        title, why = self.words(step["title"]), self.words(step.get("why", ""))
        self.person.step(StepView(id, at.number, title, why, step.get("runbook", ""), self._due(id)))

    def _due(self, id: str) -> str:
        """When a step of the checklist is due, counted from the page, and how late it is (section 3)."""
        from omniops.runner.clocks import due_words

        due = self.state.due_at(id)
        return "" if due is None else due_words(self.state.step(id)["due_s"], (due - self.now()).total_seconds())

    def _finish(self, id: str, outcome: str, go: str, detail: str) -> None:
        at = self.state.steps[id]
        outputs: dict[str, Any] = {}
        for item in at.items:
            outputs.update((item.done or {}).get("outputs") or {})
        cause = str((at.bad.done or {}).get("cause", "")) if at.bad else ""
        if outcome == "failure":
            self._list_items(at)
        self.finish(id, outcome, go=go, outputs=outputs, detail=detail, cause=cause)

    def _list_items(self, at: StepState) -> None:
        """A failure in the middle of ``each``: which are done, which are not."""
        if len(at.items) < 2:
            return
        names = [str(value.get("target") or value.get("name") or value.get("id")) for value in at.values]
        done = [
            name for name, item in zip(names, at.items, strict=True) if item.done and item.done["outcome"] == "success"
        ]
        rest = [name for name in names if name not in done]
        self.person.say(f"done: {', '.join(done) or 'none'}; not done: {', '.join(rest)}", "warn")

    def is_frozen(self) -> bool:
        """Has the incident entered the security path (4.5), in this run or in another one?"""
        if not self.state.frozen:
            events = self.journal.read(f"incident/{self.state.started['incident']}")
            self.state.frozen = any(event.kind == "frozen" for event in events)
        return self.state.frozen

    def _fire(self, timer: str, do: str, due: datetime) -> None:
        from omniops.text import duration

        if self.is_frozen():
            return  # the engine sees it too, from now on
        late = max((self.now() - due).total_seconds(), 0.0)
        self.record(("timer.fired", {"timer": timer, "do": do, "due": iso(due), "late_s": round(late, 1)}))
        since = f", since {duration(late)}" if late >= 1 else ""
        self.person.say(f"Due now{since}: {self.words(self.state.step(do)['title'])}", "warn")

    def end(self, outcome: str) -> None:
        """The last event of a run; the runs stream learns that its targets are free again."""
        closed = New("runs", None, "run.closed", {"run": self.state.run, "outcome": outcome})
        self.record(("run.ended", {"outcome": outcome}), also=[closed])
        self.keep_headline()

    def keep_headline(self) -> None:
        """The channel's headline says what is true now (section 3, 0:05). It never stops a walk: whatever is wrong with
        it is looked at again after the command, and said there."""
        if self.dry or not self.journal.counts().get("severity"):
            return
        from omniops.runner.headline import keep

        with suppress(OmniopsError):
            keep(self.journal, self.state.started["incident"], self.now(), self.ctx.settings)


def bind(*what: Any) -> str:
    """The hash an approval is bound to: exactly what was shown, and where."""
    from omniops.digest import sha256

    return sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]

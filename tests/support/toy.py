"""A toy world for the runner: targets that are on or off, a clock that the test moves, and a person who says yes.

Everything that can be interrupted counts a tick; at the tick asked for, the toy process dies (``Crash``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.actions.base import Applied, Context, Observation
from omniops.actions.specs import SPECS
from omniops.clock import iso
from omniops.config import Settings
from omniops.runner.person import Change, Option, PromptDue, Sample, StepView
from tests.support.model import BACKUP, CONNECTIONS

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Crash(BaseException):
    """The toy process dies here."""


class ToyClock:
    """Moves when somebody sleeps, and a little whenever it is asked. ``steps``: (uptime, seconds) at which somebody
    sets the wall clock forward or back; the clock that counts suspend never steps."""

    def __init__(self) -> None:
        self.moment, self.uptime = START, 100.0
        self.steps: list[tuple[float, float]] = []

    def now(self) -> datetime:
        self.sleep(0.001)
        while self.steps and self.uptime >= self.steps[0][0]:
            self.moment += timedelta(seconds=self.steps.pop(0)[1])
        return self.moment

    def boot(self) -> float:
        return self.uptime

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=max(seconds, 0.0))
        self.uptime += max(seconds, 0.0)


class Toy:
    """The world, and what performs actions on it. ``faults`` maps the n-th send (from 1) to how it goes."""

    def __init__(self, readings: dict[str, dict[str, Any]], faults: dict[int, str] | None = None) -> None:
        self.clock = ToyClock()
        self.readings, self.faults = readings, faults or {}
        self.off: set[str] = set()
        self.sends: list[str] = []  # every request that reached the world
        self.taken: set[str] = set()  # what a repeat of adds nothing to
        self.later: list[tuple[float, str, bool]] = []  # requests that the world is slow with
        self.muddled = False  # once something was sent, a target is neither as it was nor as wanted
        self.checks_s = 0.0  # how long it takes to find out whether a write may be made
        self.dawdles_s = 0.0  # how long a write takes before it is sent
        self.here = True  # False: it has to be done by hand, on another host
        self.elsewhere: Applied | None = None  # what is then seen of it from here
        self.test_fails = False  # the test of a target that is to be put back fails
        self.destructive = False  # from now on every write needs the typed confirmation
        self.ticks, self.crash_at = 0, 0

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == self.crash_at:
            raise Crash

    def find(self, name: str) -> Any:
        return ToyWrite(self, name) if SPECS[name].writes else ToyRead(self, name)

    def context(self) -> Context:
        server: Any = ToyServer()
        none: Any = None
        return Context(Settings({"OMNIROUTE_URL": "http://toy"}), self.clock, server, none, none, "i", START)


def measuring(*verdicts: tuple[str, str]) -> type:
    """A stand-in for ``runner.measure.Measure``: each look is judged as the next of these (verdict, why); the last one
    stays."""
    left = list(verdicts)

    class ToyMeasure:
        def __init__(self, ctx: Context, *_: Any) -> None:
            self.clock = ctx.clock

        def look(self) -> None:
            return None

        def to_sample(self, _: None) -> Sample:
            verdict, why = left.pop(0) if len(left) > 1 else left[0]
            bad = verdict != "pass"
            p95 = None if verdict == "cannot tell" else 4.2 if bad else 0.2
            return Sample(iso(self.clock.now()), p95, 1.5, 0.0, 0.006, 50, 0, 50, 0 if bad else 50, 20, verdict, why)

    return ToyMeasure


class ToyServer:
    """All that is asked of the server itself: how far its clock is off, and who may write to it."""

    def __init__(self) -> None:
        self.permit: Callable[[], None] = lambda: None

    def skew_s(self) -> float | None:
        return None

    def version(self) -> tuple[str, str]:
        return "3.7.9", "the toy"


class ToyRead:
    def __init__(self, toy: Toy, name: str) -> None:
        self.toy, self.name = toy, name

    def read(self, ctx: Context, args: dict[str, Any]) -> dict[str, Any]:
        self.toy.tick()
        return self.toy.readings[self.name]


class ToyWrite:
    """Turns a target off; undo turns it on. A target is the action and its arguments."""

    def __init__(self, toy: Toy, name: str) -> None:
        self.toy, self.name = toy, name

    def _target(self, args: dict[str, Any]) -> str:
        return f"{self.name} {sorted(args.items())}"

    def observe(self, ctx: Context, args: dict[str, Any]) -> Observation:
        self.toy.tick()
        target = self._target(args)
        for due, name, turned_off in self.toy.later:
            if due <= self.toy.clock.uptime:
                (self.toy.off.add if turned_off else self.toy.off.discard)(name)
        off = target in self.toy.off and not SPECS[self.name].resend  # that it was sent cannot be seen
        seen = Observation(target, {"on": not off}, {"on": False}, off, at=iso(self.toy.clock.moment))
        if self.toy.muddled and self.toy.sends:
            seen = seen._replace(state={"on": "?"}, already=False)
        command = "" if self.toy.here else "docker compose stop"
        return seen._replace(destructive=self.toy.destructive, command=command)

    def prepare(self, ctx: Context, args: dict[str, Any], before: dict[str, Any], undoing: bool) -> str:
        self.toy.tick()
        self.toy.clock.sleep(self.toy.checks_s)
        return "checked"

    def apply(self, ctx: Context, args: dict[str, Any], before: dict[str, Any], key: str) -> Applied:
        if SPECS[self.name].resend and key.partition("#")[0] in self.toy.taken:
            return Applied("applied", "taken already", at=iso(self.toy.clock.moment))
        return self._send(ctx, args, off=True, key=key)

    def observe_undo(
        self, ctx: Context, args: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
    ) -> Observation:
        seen = self.observe(ctx, args)
        shown = {"test_failed": "401"} if self.toy.test_fails else {}
        command = "" if self.toy.here else "docker compose start"
        return seen._replace(desired=before, already=seen.state == before, shown=shown, command=command)

    def undo(self, ctx: Context, args: dict[str, Any], before: dict[str, Any], key: str) -> Applied:
        return self._send(ctx, args, off=False)

    def done_elsewhere(
        self, ctx: Context, args: dict[str, Any], before: dict[str, Any], began: str, undoing: bool
    ) -> Applied | None:
        if self.toy.elsewhere is not None and self.toy.elsewhere.status == "applied":
            (self.toy.off.discard if undoing else self.toy.off.add)(self._target(args))
        return self.toy.elsewhere

    def reconcile(
        self, ctx: Context, args: dict[str, Any], before: dict[str, Any], key: str, undoing: bool
    ) -> Applied | None:
        return Applied("in_doubt", "nothing tells") if SPECS[self.name].resend else None

    def _send(self, ctx: Context, args: dict[str, Any], *, off: bool, key: str = "") -> Applied:
        assert ctx.prepared == "checked"
        target = self._target(args)
        self.toy.clock.sleep(self.toy.dawdles_s)
        ctx.checkpoint()
        how = self.toy.faults.get(len(self.toy.sends) + 1, "")
        self.toy.tick()
        self.toy.sends.append(target)
        if how == "refused":
            return Applied("not_applied", "400", {"code": 400})
        if how == "forbidden":
            return Applied("not_applied", "403", {"code": 403})
        if how == "late":  # it times out, and is carried out 12 s later
            self.toy.later.append((self.toy.clock.uptime + 12, target, off))
            self.toy.clock.sleep(10)
            return Applied("in_doubt", "no answer within 10 s")
        if how not in ("lost", "forgotten"):
            self.toy.taken.add(key.partition("#")[0])
            (self.toy.off.add if off else self.toy.off.discard)(target)
        self.toy.tick()
        if how in ("lost", "500"):
            return Applied("in_doubt", "500", {"code": 500})
        return Applied("applied", at=iso(self.toy.clock.moment))


class ToyPerson:
    """Says yes, chooses the first option unless told otherwise, and remembers every question."""

    interactive = True

    def __init__(self, toy: Toy, answers: dict[str, Any] | None = None) -> None:
        self.toy, self.answers = toy, answers or {}
        self.asked: list[str] = []
        self.said: list[str] = []
        self.shown: list[Change] = []  # every change, as it was put up for approval
        self.clocks: Callable[[], str] = lambda: ""
        self.left = 0  # prompts that a clock made it leave
        self.thinks_s = 0.0

    def _ask(self, question: str, default: Any, until: datetime | None = None) -> Any:
        self.toy.tick()
        if until is not None and self.toy.clock.now() >= until:
            self.left += 1
            assert self.left < 50, f"{question}: asked for ever by a clock that cannot fire"
            raise PromptDue
        self.clocks()
        self.asked.append(question)
        self.toy.tick()
        self.toy.clock.sleep(self.thinks_s)
        return self.answers.get(question, default)

    def say(self, text: str, tone: str = "") -> None:
        self.said.append(text)

    def step(self, view: StepView) -> None:
        self.said.append(view.title)

    def change(self, change: Change) -> None:
        self.said.append(change.target)
        self.shown.append(change)

    def approve(self, step: str, change: Change, until: datetime | None) -> bool:
        return bool(self._ask(f"approve {step} {change.target}", True, until))

    def done(self, step: str, text: str, until: datetime | None) -> bool:
        return bool(self._ask(f"done {step}", True, until))

    def posted(self, step: str, channel: str, text: str, until: datetime | None) -> bool:
        return bool(self._ask(f"posted {step}", True, until))

    def paged(self, step: str, who: str, words: str, until: datetime | None) -> bool:
        return bool(self._ask(f"paged {step}", True, until))

    def choose(
        self, step: str, question: str, options: Sequence[Option], until: datetime | None, unattended: str = ""
    ) -> str | None:
        answer: str | None = self._ask(f"choose {step}", options[0].key, until)
        return answer

    def text(
        self, step: str, question: str, until: datetime | None, check: Callable[[str], str], default: str = ""
    ) -> str | None:
        answer: str | None = self._ask(f"text {step}", default, until)
        return answer

    def reason(self, step: str, question: str) -> str:
        return str(self._ask(f"reason {step}", "because"))

    def sample(self, step: str, series: Sequence[Sample], left_s: float) -> None:
        self.toy.tick()


READINGS: dict[str, dict[str, Any]] = {
    "model.carriers": {
        "serving": 0, "models": ["openai/m"], "models_text": "openai/m", "other_models": [],
        "other_models_text": "none", "combos": [{"id": "k1"}], "connections": [],
    },
    "omniroute.version": {"version": "3.7.8", "source": "health", "uptime_s": 12.0},
    "latency.compare": {"available": True, "ratio": 2.5, "p95_s": 2.0, "p95_text": "2.0 s", "why": ""},
    "latency.by_provider": {"slowest": "openai", "summary": "openai 3 s", "providers": []},
    "authz.inventory": {"verdict": "policies_empty", "keys": 0, "summary": "empty", "cryptography": "ok"},
    "keys.count": {"total": 3},
    "db.health": {"healthy": True},
    "backups.list": {"candidates": [BACKUP], "rejected": []},
    "replicas.health": {
        "known": True, "healthy": 2, "bad": ["http://b"], "bad_text": "b", "balancer": "lb", "replicas": [],
    },
    "balancer.proof": {"dropped": True, "seen": []},
    "rollback.preflight": {"method": "npm", "host": "h", "running": "3.7.9"},
}  # fmt: skip

INPUTS: dict[str, dict[str, Any]] = {"provider-outage": {"connections": CONNECTIONS}, "rollback": {"version": "3.7.8"}}

"""The one protocol through which the runner speaks to a person. `terminal/` implements it; a drill and a script do too.

A person is shown things and gives answers; it decides nothing and journals nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from omniops.value import Value

YES = ("y", "yes")
NO = ("n", "no", "q", "quit")
"""The words that approve and that decline, at whatever question."""


class Change(Value):
    """A write as it is shown before it is approved: before -> after, and where."""

    environment: str
    host: str  # of the server, as in OMNIROUTE_URL, or of the script
    target: str
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    shown: dict[str, Any]
    warnings: tuple[str, ...]
    undo: str  # how it is undone, or why it cannot be
    typed: str  # "" = y/N; else exactly what must be typed: "production/openai"
    person_only: bool = False  # no flag may approve it: its own test fails, or whether it is ours is unknown


class Option(Value):
    key: str
    label: str
    detail: str = ""
    suggested: bool = False  # what omniops would take: Enter alone takes it too


class StepView(Value):
    """The heading of a step."""

    path: str  # step id
    number: int  # 1-based, in order of entering
    title: str
    why: str
    runbook: str
    due: str = ""  # when it is due and how late it is: "due 0:05, in 1m 10s"


class Sample(Value):
    """One look at live traffic, as verify shows it. Seconds and counts; None is "cannot tell"."""

    at: str
    p95_s: float | None
    budget_s: float
    error_ratio: float | None
    error_budget: float
    attempts: int
    errors: int
    requests: int
    ok_elsewhere: int
    min_requests: int
    verdict: str  # "pass", "fail" or "cannot tell"
    why: str
    hopeless: bool = False  # a fail that cannot become a pass by waiting


class PromptDue(Exception):
    """A clock ran out while a prompt was open; the runner handles the clock and asks again."""


class PauseAsked(Exception):
    """Ctrl-C at a prompt or a safe point."""


class Person(Protocol):
    """Who answers. ``until`` is the moment the nearest clock is due (PromptDue is raised then, nothing is assumed).

    ``clocks`` is set by the runner: a callable that returns the line of live clocks drawn inside every prompt.
    A person that cannot answer raises NeedsPerson naming the flag or answers-file key that would.
    """

    interactive: bool
    clocks: Callable[[], str]

    def say(self, text: str, tone: str = "") -> None:
        """One line. tone: "", "good", "bad", "warn", "dim"; "copy": a command or a path, which no line break of ours
        may cut, so that it can be copied."""
        ...

    def step(self, view: StepView) -> None: ...

    def change(self, change: Change) -> None: ...

    def approve(self, step: str, change: Change, until: datetime | None) -> bool: ...

    def done(self, step: str, text: str, until: datetime | None) -> bool:
        """A manual step: True = done, False = declined."""
        ...

    def posted(self, step: str, channel: str, text: str, until: datetime | None) -> bool: ...

    def paged(self, step: str, who: str, words: str, until: datetime | None) -> bool:
        """Paging by hand: the operator types ``paged``."""
        ...

    def choose(
        self, step: str, question: str, options: Sequence[Option], until: datetime | None, unattended: str = ""
    ) -> str | None:
        """Return an option's key, or None for declined. ``unattended`` is the key taken when nobody can answer."""
        ...

    def text(
        self, step: str, question: str, until: datetime | None, check: Callable[[str], str], default: str = ""
    ) -> str | None:
        """Free text; ``check`` returns "" or what is wrong with it. None: declined."""
        ...

    def reason(self, step: str, question: str) -> str:
        """A reason in words (skip, keep)."""
        ...

    def sample(self, step: str, series: Sequence[Sample], left_s: float) -> None:
        """Redraw the live sparkline with all samples so far; ``left_s`` until the deadline."""
        ...

"""What the engine asks of the runner: one small value per thing to perform."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from omniops.value import Value


class Enter(Value):
    """Begin a step: resolve its items, show its heading."""

    step: str
    items: list[dict[str, Any]]


class Attempt(Value):
    """A write of one item: observe, approve, intent, send, outcome."""

    step: str
    item: int


class Settle(Value):
    """An intent whose outcome is unknown: wait out its deadline, observe, decide."""

    step: str
    item: int


class Confirm(Value):
    """A write that was answered: read it back."""

    step: str
    item: int


class Read(Value):
    """An action that changes nothing."""

    step: str


class Ask(Value):
    step: str
    expires: datetime | None


class Manual(Value):
    step: str
    expires: datetime | None


class Post(Value):
    step: str


class Verify(Value):
    step: str
    deadline: datetime


class Wait(Value):
    step: str
    until: datetime


class Finish(Value):
    """A step is over without anything more to perform. ``go`` is the next target."""

    step: str
    outcome: str
    go: str
    detail: str = ""


class Guide(Value):
    """A step failed on an ``ask`` edge: a person chooses what now, among ``choices``."""

    step: str
    detail: str
    cause: str
    choices: tuple[str, ...]


class Fire(Value):
    """A clock ran out. ``do`` is the step that handles it."""

    timer: str
    do: str
    due: datetime


class SettleUndo(Value):
    """An undo was interrupted: finish it before anything else. ``key`` is the original intent's."""

    key: str


class End(Value):
    outcome: str


class Ended(Value):
    outcome: str


Command = (
    Enter
    | Attempt
    | Settle
    | Confirm
    | Read
    | Ask
    | Manual
    | Post
    | Verify
    | Wait
    | Finish
    | Guide
    | Fire
    | SettleUndo
    | End
    | Ended
)

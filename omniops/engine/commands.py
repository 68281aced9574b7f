"""What the engine asks of the runner: one small value per thing to perform."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class Enter(NamedTuple):
    """Begin a step: resolve its items, show its heading."""

    step: str
    items: list[dict[str, Any]]


class Attempt(NamedTuple):
    """A write of one item: observe, approve, intent, send, outcome."""

    step: str
    item: int


class Settle(NamedTuple):
    """An intent whose outcome is unknown: wait out its deadline, observe, decide."""

    step: str
    item: int


class Confirm(NamedTuple):
    """A write that was answered: read it back."""

    step: str
    item: int


class Read(NamedTuple):
    """An action that changes nothing."""

    step: str


class Ask(NamedTuple):
    step: str
    expires: datetime | None


class Manual(NamedTuple):
    step: str
    expires: datetime | None


class Post(NamedTuple):
    step: str


class Verify(NamedTuple):
    step: str
    deadline: datetime


class Wait(NamedTuple):
    step: str
    until: datetime


class Finish(NamedTuple):
    """A step is over without anything more to perform. ``go`` is the next target."""

    step: str
    outcome: str
    go: str
    detail: str = ""


class Guide(NamedTuple):
    """A step failed on an ``ask`` edge: a person chooses what now, among ``choices``."""

    step: str
    detail: str
    cause: str
    choices: tuple[str, ...]


class Fire(NamedTuple):
    """A clock ran out. ``do`` is the step that handles it."""

    timer: str
    do: str
    due: datetime


class SettleUndo(NamedTuple):
    """An undo was interrupted: finish it before anything else. ``key`` is the original intent's."""

    key: str


class End(NamedTuple):
    outcome: str


class Ended(NamedTuple):
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

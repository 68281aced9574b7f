"""Appending where others append too: look, decide, append on condition that nothing came in between; else again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from omniops.errors import JournalDamaged
from omniops.journal.events import Conflict

TRIES = 20
T = TypeVar("T")


def retry_on_conflict(attempt: Callable[[], T], state: str) -> T:
    """What ``attempt`` returns: it reads what it decides by, and appends with the length that it found as ``expected``.

    It is called anew whenever somebody else has appended first. ``state``: what is so where that happens twenty times
    in a row, which raises JournalDamaged. Whatever else it raises comes through.
    """
    for _ in range(TRIES):
        try:
            return attempt()
        except Conflict:
            continue
    raise JournalDamaged("the journal is written to by too many at once", state=state, next="try again")

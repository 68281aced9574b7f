"""The last green deploy: the newest version that the journal saw running with a passed verification. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from omniops.journal.events import Event

GREEN_KINDS = ("step.done", "verified")
"""The kinds of events that can say so."""


class Green(NamedTuple):
    """A version that was proved well, and when (ISO)."""

    version: str
    at: str


def last_green(events: Iterable[Event], *, but: str = "") -> Green | None:
    """The version proved well last, other than ``but`` (the one that runs now); None where the journal knows none."""
    found: Green | None = None
    for event in events:
        outputs = event.data if event.kind == "verified" else event.data.get("outputs") or {}
        version = str(outputs.get("version") or "")
        if outputs.get("verdict") == "recovered" and version and version != but:
            found = Green(version, event.time)
    return found

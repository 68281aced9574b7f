"""4.5 was entered, and its freeze could not be written down: until it is, nothing leaves from this machine.

An empty file beside the journal says so: on a full disk that is what can still be made. Every flush of the outbox looks
for it, and writing a freeze down takes it away.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from omniops.config import Settings


def place(settings: Settings) -> Path:
    """The file. It holds nothing."""
    journal = settings.journal_path
    return journal.with_name(f"{journal.name}.freeze-owed")


def hold(settings: Settings) -> bool:
    """From now on nothing leaves. False where not even that could be written."""
    try:
        place(settings).touch()
    except OSError:
        return False
    return True


def held(settings: Settings) -> bool:
    """Does anything wait until a freeze is written down?"""
    try:
        return place(settings).exists()
    except OSError:
        return False


def release(settings: Settings) -> None:
    """A freeze is written down: what it is about does not leave by that."""
    with suppress(OSError):
        place(settings).unlink(missing_ok=True)

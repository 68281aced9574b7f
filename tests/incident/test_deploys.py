"""The last green deploy, as the journal knows it."""

from __future__ import annotations

from typing import Any

from omniops.incident.deploys import last_green
from omniops.journal.events import Event


def verified(seq: int, version: str, verdict: str = "recovered", kind: str = "step.done") -> Event:
    outputs = {"verdict": verdict, "version": version}
    data: dict[str, Any] = outputs if kind == "verified" else {"step": "recovered", "outputs": outputs}
    return Event(seq, "run/r1", seq, f"2026-11-2{seq}T03:00:00.000Z", "eve", "h", "0", kind, data)


def test_the_newest_one_proved() -> None:
    """The version whose verification passed last wins, whatever its number."""
    found = last_green([verified(1, "3.7.9"), verified(2, "3.7.8")])
    assert found is not None
    assert found == ("3.7.8", "2026-11-22T03:00:00.000Z")


def test_not_the_one_that_runs() -> None:
    """Rolling back to what runs now is no rollback."""
    found = last_green([verified(1, "3.7.8"), verified(2, "3.7.9")], but="3.7.9")
    assert found is not None
    assert found.version == "3.7.8"


def test_a_failed_verification_is_no_proof() -> None:
    """Not recovered and cannot tell prove nothing; a verification of the incident itself counts."""
    events = [
        verified(1, "3.7.7", kind="verified"),
        verified(2, "3.7.8", "not_recovered"),
        verified(3, "", "recovered"),
    ]
    found = last_green(events)
    assert found is not None
    assert found.version == "3.7.7"


def test_unknown() -> None:
    """A journal that has proved nothing names nothing."""
    assert last_green([]) is None

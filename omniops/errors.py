"""What can go wrong, in the words an operator reads, and the exit code each ends in.

    OmniopsError
    ├── BadInput            2   usage or bad input; nothing attempted
    ├── NeedsPerson         3   a person is needed, or the operator declined
    ├── NotOurs             3   undo refused: the state is no longer ours
    ├── Refused             4   refused by the service (authentication, permission)
    ├── Unreachable         5   unreachable or talking nonsense; state unchanged
    ├── Broken              6   failed after something had been changed
    │   └── JournalDamaged  6   the journal cannot be trusted
    ├── InDoubt             7   nobody can tell whether a write took effect
    ├── Waiting             8   a clock has to run out first
    └── Interrupted         130/143

Every error is at most four lines: what failed, why, what state things are in, what to type next.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of omniops; the table in docs/exit-codes.md is generated from this class."""

    DONE = 0
    NO = 1
    USAGE = 2
    PERSON = 3
    REFUSED = 4
    UNREACHABLE = 5
    BROKEN = 6
    IN_DOUBT = 7
    WAITING = 8
    STOP = 10
    SEV_1 = 11
    SEV_2 = 12
    SEV_3 = 13
    SEV_4 = 14
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_MEANINGS: dict[Exit, str] = {
    Exit.DONE: "done, or nothing to do",
    Exit.NO: "the answer is no: not recovered, cannot tell, still burning, lint findings",
    Exit.USAGE: "usage or bad input; nothing was attempted",
    Exit.PERSON: "a person is needed, or the operator declined, or undo is refused because the state is not ours",
    Exit.REFUSED: "refused by the service (authentication, permission)",
    Exit.UNREACHABLE: "a service is unreachable or talks nonsense; state unchanged",
    Exit.BROKEN: "failed after something had been changed; the message says what and how to go on",
    Exit.IN_DOUBT: "in doubt: nobody can tell whether a write took effect",
    Exit.WAITING: "waiting for a clock",
    Exit.STOP: "stop: the security path",
    Exit.SEV_1: "SEV-1 (only with `classify --exit-code`)",
    Exit.SEV_2: "SEV-2 (only with `classify --exit-code`)",
    Exit.SEV_3: "SEV-3 (only with `classify --exit-code`)",
    Exit.SEV_4: "SEV-4 (only with `classify --exit-code`)",
    Exit.BUG: "a bug in omniops",
    Exit.INTERRUPTED: "interrupted (Ctrl-C); `omniops resume` goes on",
    Exit.TERMINATED: "terminated; `omniops resume` goes on",
}


class OmniopsError(Exception):
    """An error to show: ``what`` failed, ``why``, the ``state`` things are in, what to type ``next``."""

    exit: Exit = Exit.BUG

    def __init__(self, what: str, *, why: str = "", state: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.state = state
        self.next = next

    @property
    def brief(self) -> str:
        """What failed and why, in one clause: for a step's or an item's outcome."""
        return f"{self.what} ({self.why})" if self.why else self.what

    def lines(self) -> list[str]:
        """Return the one to four lines that an operator sees."""
        lines = [self.what]
        lines += [f"why:   {self.why}"] if self.why else []
        lines += [f"state: {self.state}"] if self.state else []
        lines += [f"next:  {self.next}"] if self.next else []
        return lines


class BadInput(OmniopsError):
    """Usage or bad input; nothing was attempted."""

    exit = Exit.USAGE


class NeedsPerson(OmniopsError):
    """A person has to answer, or has declined."""

    exit = Exit.PERSON


class NotOurs(OmniopsError):
    """Undo is refused: somebody else has changed the state since."""

    exit = Exit.PERSON


class Refused(OmniopsError):
    """The service refuses: authentication or permission."""

    exit = Exit.REFUSED


class Unreachable(OmniopsError):
    """The service cannot be reached, or its answer makes no sense; state unchanged."""

    exit = Exit.UNREACHABLE


class Broken(OmniopsError):
    """Failed after something had been changed."""

    exit = Exit.BROKEN


class JournalDamaged(Broken):
    """The journal is cut, edited or unreadable; nothing is written to it any more."""


class InDoubt(OmniopsError):
    """Nobody can tell whether a write took effect."""

    exit = Exit.IN_DOUBT


class Waiting(OmniopsError):
    """A clock has to run out first."""

    exit = Exit.WAITING


class Frozen(OmniopsError):
    """The incident is on the security path (4.5): no details of it are asked for, stored or sent."""

    exit = Exit.STOP


class Interrupted(OmniopsError):
    """Ctrl-C or SIGTERM at a safe point; the walk is paused, the journal intact."""

    exit = Exit.INTERRUPTED

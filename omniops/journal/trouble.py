"""What can be wrong with a journal, in words: each at most four lines, and each with a way out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.clock import parse_iso
from omniops.errors import BadInput, Broken, JournalDamaged, OmniopsError, Waiting
from omniops.text import duration, one_line

if TYPE_CHECKING:
    import sqlite3

# SQLite's primary result codes. A short read is no fault of the disk: the file has been cut.
_ERROR, _BUSY, _LOCKED, _READONLY, _IOERR, _FULL, _CANTOPEN, _NOTADB = 1, 5, 6, 8, 10, 13, 14, 26
_IOERR_SHORT_READ = 522
AHEAD_S = 120.0


def damaged(path: Path, why: str) -> JournalDamaged:
    return JournalDamaged(
        f"the journal {path} cannot be trusted",
        why=one_line(why),
        state="nothing was written; the file is left as it is",
        next=f"restore it and its .head file from a backup, or move both away: mv {path} {path}.damaged",
    )


def tail_lost(path: Path, why: str) -> JournalDamaged:
    return JournalDamaged(
        f"the journal {path} has lost its end",
        why=why,
        state="nothing was written; the file is left as it is",
        next='restore it from a backup, or go on without: omniops journal accept --reason "..."',
    )


def events_lost(path: Path, has: int, had: int) -> JournalDamaged:
    which = f"event {had} is" if had == has + 1 else f"events {has + 1} to {had} are"
    return tail_lost(path, f"{which} lost")


def replaced(path: Path) -> JournalDamaged:
    return JournalDamaged(
        f"the journal {path} was moved, removed or replaced while it was open",
        why="what is written now would be lost",
        state="nothing more was written",
        next="put it back, then: omniops resume",
    )


def not_a_journal(path: Path, what: str) -> BadInput:
    return BadInput(
        f"{path} is {what}, not a journal of omniops",
        state="nothing was attempted; it is left as it is",
        next="set OMNIOPS_JOURNAL to another path, or unset it",
    )


def other_format(path: Path, found: int, known: int) -> BadInput:
    return BadInput(
        f"{path} has format {found}, and this omniops knows {known}",
        why="a newer omniops has written it",
        state="nothing was attempted; the journal is left as it is",
        next="use the omniops that wrote it, or a newer one",
    )


def wrong_kind(path: Path, drill: bool) -> BadInput:
    is_, wanted = ("a drill's", "a real one") if drill else ("a real one", "a drill's")
    return BadInput(
        f"{path} is {is_} journal, and {wanted} was expected",
        why="what was rehearsed must never be taken for what was done",
        state="nothing was attempted; the journal is left as it is",
        next="set OMNIOPS_JOURNAL to another path, or unset it",
    )


def unusable(path: Path, why: str) -> Broken:
    return Broken(
        f"the journal {path} cannot be opened or written",
        why=one_line(why),
        state="what was journalled before is intact; what was sent last may have been done, and is looked at on resume",
        next="free some space or mend the permissions, then: omniops resume",
    )


def busy(path: Path, seconds: float) -> Waiting:
    return Waiting(
        f"the journal {path} is being written by another omniops",
        why=f"it did not finish within {seconds:g} s (is it suspended?)",
        state="nothing was written",
        next="end or continue the other one (ps), then try again",
    )


def of_sqlite(error: sqlite3.Error, path: Path, *, known: bool, waited: float) -> OmniopsError:
    """What SQLite raised. ``known``: a head file says that there was a journal here, so it is no foreign file."""
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code in (_BUSY, _LOCKED):
        return busy(path, waited)
    if code == _NOTADB and not known:
        return not_a_journal(path, "a file of another kind")
    if code == _ERROR and "no transaction is active" in str(error):
        return unusable(path, "the disk takes no more, and SQLite has taken the write back by itself")
    if code in (_READONLY, _FULL, _CANTOPEN) or (code == _IOERR and extended != _IOERR_SHORT_READ):
        return unusable(path, str(error))
    return damaged(path, str(error))


def ahead(newest: str, now: datetime) -> str:
    """Say that what was written last lies in the future, so that this clock is wrong, or the one that wrote it was; ""
    for up to two minutes, by which clocks that are set by the network do not differ."""
    try:
        ahead_s = (parse_iso(newest) - now).total_seconds()
    except ValueError:  # no moment: the journal is empty
        return ""
    if ahead_s <= AHEAD_S:
        return ""
    return f"its newest entry lies {duration(ahead_s)} in the future: this machine's clock is wrong, or was"

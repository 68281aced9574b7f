"""Checks that stored lines are the ones that were written: each with its own hash, and the one of the line before it.

Also a program of its own, standard library only, which checks the beginning of a long journal while omniops checks the
rest (see ``whole``): ``python -I -S chain.py FILE PREVIOUS LAST``. It is started for a tenth of a second's work, so it
imports what it must.
"""

from __future__ import annotations

import sqlite3
import sys

TYPE_CHECKING = False  # `typing` would be a fifth of the program's start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Protocol

    class Digest(Protocol):
        """What ``hashlib.sha256`` and ``omniops.digest.sha256`` make."""

        def hexdigest(self) -> str: ...

    Batch = Sequence[tuple[Any]]


HASH = slice(2, 66)
PREVIOUS = slice(69, 133)
HASHED = slice(68, None)
BOTH = slice(HASH.start, PREVIOUS.stop)
BATCH = 64
"""Lines read at a time: reading some and then hashing them is a quarter faster than one by one."""


def check(batches: Iterable[Batch], previous: str, sha256: Callable[[bytes], Digest]) -> tuple[int, bool, str]:
    """Check lines one after the other; ``previous`` is the hash before the first. Returns how many were looked at,
    whether all of them are whole, the last one included, and the hash of the last one that is."""
    count = 0
    for batch in batches:
        try:
            hashes = [sha256(line[HASHED].encode()).hexdigest() for (line,) in batch]
            said = [line[BOTH] for (line,) in batch]
        except (TypeError, AttributeError):  # no text
            hashes = said = []
        # A batch at a time: comparing line by line makes all of this a fifth slower.
        before = [previous, *hashes[:-1]]
        if not said or said != [f'{hash}","{last}' for hash, last in zip(hashes, before, strict=True)]:
            if len(batch) == 1:
                return count + 1, False, previous
            looked, whole, previous = check(([row] for row in batch), previous, sha256)
            return count + looked, whole, previous
        count, previous = count + len(batch), hashes[-1]
    return count, True, previous


def lines(db: sqlite3.Connection, after: int, last: int) -> Iterator[Batch]:
    """The stored lines from ``after`` (left out) to ``last``, in batches."""
    rows = db.execute("SELECT line FROM events WHERE seq > ? AND seq <= ? ORDER BY seq", (after, last))
    rows.arraysize = BATCH
    return iter(rows.fetchmany, [])


def main(path: str, previous: str, last: int) -> int:
    """Check the lines 1 to ``last``, and print their number and the last one's hash; nothing where one is wrong."""
    from hashlib import sha256

    db = sqlite3.connect(path, uri=True, isolation_level=None)
    count, whole, hash = check(lines(db, 0, last), previous, sha256)
    if whole:
        print(count, hash)
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

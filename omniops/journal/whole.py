"""Is all of a journal what was written: the chain of its lines, and the counts and indexes beside it?

The beginning of a long journal is checked by another process meanwhile (``chain.py``): the second part begins with the
hash that the first must end with. That process is believed only where it says exactly what it should. Whatever else it
says, or that it is gone, costs time and no certainty: its part is checked again here.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from omniops.digest import sha256
from omniops.errors import JournalDamaged
from omniops.journal import chain, trouble
from omniops.journal.schema import KIND, STREAM, N

OPENSSL = 2000
"""Events from which on loading OpenSSL is worth it (see ``digest``)."""
TWO = 20_000
"""Events from which on a second process is worth it: to start it costs what checking some 8,000 does."""
PATIENCE_S = 3.0
SLOWEST = 20_000
"""Events a second. One that takes longer is stopped, or its disk is bad."""


def check(db: sqlite3.Connection, path: Path, inode: tuple[int, int] | None, genesis: str, count: int) -> None:
    """Check ``count`` events, which are all there are. ``inode``: device and number of the file that ``db`` has open;
    None where it is in memory. Raises JournalDamaged, sqlite3.Error."""
    alone = count < TWO or inode is None or not sys.executable or (os.cpu_count() or 1) == 1
    # The other process gets the larger part: this one has the counts and the indexes to look at as well.
    first = 0 if alone else count * 5 // 9
    border = _hash(db, first) if first else genesis
    with _elsewhere(path, genesis, first, border) as agrees:
        try:
            _part(db, path, first, count, border)
        except JournalDamaged:
            _part(db, path, 0, first, genesis)  # what is damaged first is named
            raise
        if wrong := _disagreement(db, count):
            raise trouble.damaged(path, wrong)
        # It has opened what is called so, and that may be another file by now.
        if first and not (agrees() and inode == _inode(path)):
            _part(db, path, 0, first, genesis)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _hash(db: sqlite3.Connection, seq: int) -> str:
    row = db.execute("SELECT line FROM events WHERE seq = ?", (seq,)).fetchone()
    return row[0][chain.HASH] if row and isinstance(row[0], str) else ""


def _part(db: sqlite3.Connection, path: Path, after: int, last: int, previous: str) -> None:
    """Check the lines from ``after`` (left out) to ``last``."""
    digest = sha256
    if last - after >= OPENSSL:
        from hashlib import sha256 as digest
    count, whole, _ = chain.check(chain.lines(db, after, last), previous, digest)
    if not whole or count != last - after:
        raise trouble.damaged(path, f"event {after + count} is not the one that was written there")


@contextmanager
def _elsewhere(path: Path, genesis: str, last: int, hash: str) -> Iterator[Callable[[], bool]]:
    """Let another process check the lines 1 to ``last`` meanwhile. Gives a function that waits for it, and says whether
    it found as many, all whole, that end with ``hash``."""
    if not last:
        yield lambda: True
        return
    import subprocess

    uri = f"{path.absolute().as_uri()}?mode=ro"
    program = [sys.executable, "-I", "-S", str(Path(chain.__file__).resolve()), uri, genesis, str(last)]
    try:
        other = subprocess.Popen(
            program, env={}, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:  # not one process more, or no memory
        yield lambda: False
        return

    def agrees() -> bool:
        try:
            said, _ = other.communicate(timeout=PATIENCE_S + last / SLOWEST)
        except subprocess.TimeoutExpired:
            return False
        return said.decode("ascii", "replace").split() == [str(last), hash]

    with other:
        try:
            yield agrees
        finally:
            other.kill()


def _disagreement(db: sqlite3.Connection, count: int) -> str:
    """What of the counts and the indexes does not fit ``count`` events, or each other; "" where all does.

    They are no part of the chain: an index that has lost, moved or renamed an entry would hide an event, or let another
    one be written in its place.
    """
    looks = (  # what was counted, and what each index says; n counts from 1, without gaps
        (
            "SELECT name, n, first, n * (n + 1) / 2 FROM streams ORDER BY name",
            f"SELECT {STREAM}, count(*), min(seq), sum({N}), sum(seq) FROM events GROUP BY 1 ORDER BY 1",
        ),
        (
            "SELECT name, n FROM kinds ORDER BY name",
            f"SELECT {KIND}, count(*), sum(seq) FROM events GROUP BY 1 ORDER BY 1",
        ),
    )
    for counted, indexed in looks:
        names, found = db.execute(counted).fetchall(), db.execute(indexed).fetchall()
        if names != [row[:-1] for row in found]:
            return "its counts of events are not what was written"
        if (sum(row[1] for row in found), sum(row[-1] for row in found)) != (count, count * (count + 1) // 2):
            return "its indexes are not what was written"
    return ""

"""The head file: how far the journal has certainly come. A journal behind its head has lost its tail.

Two slots, each in a disk block of its own and with a checksum, are written in turn: a torn write leaves the other one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from omniops.digest import sha256

SLOT = 4096
LINE = 128


class Mark(NamedTuple):
    """The last committed event."""

    seq: int
    hash: str


class HeadUnreadable(Exception):
    """The head file is there, and none of its slots holds a mark: no interrupted write leaves it like that."""


class Head:
    """The head file beside a journal."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Mark | None:
        """The newest mark; None where there is none yet. Raises HeadUnreadable, OSError."""
        marks = self._marks()
        return max(marks.values()) if marks else None

    def _marks(self) -> dict[int, Mark]:
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        marks = {slot: mark for slot in (0, 1) if (mark := _parse(raw[slot * SLOT : slot * SLOT + LINE]))}
        # The very first write may have been torn: there was no other slot yet, and no event had been acknowledged.
        if not marks and len(raw) > LINE:
            raise HeadUnreadable(str(self.path))
        return marks

    def write(self, mark: Mark) -> None:
        """Write a mark durably, into the slot that does not hold the newest. Never goes back. Raises OSError."""
        marks = self._marks()  # read again: other processes write here too
        newest = max(marks, key=lambda slot: marks[slot].seq) if marks else 1
        if marks and marks[newest].seq >= mark.seq:
            return
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, _line(mark), (1 - newest) * SLOT)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            self._sync_folder()

    def replace(self, mark: Mark) -> None:
        """Begin a new head at ``mark``, which may be further back than the old one. Raises OSError."""
        fresh = Head(self.path.with_name(self.path.name + ".new"))
        fresh.path.unlink(missing_ok=True)
        fresh.write(mark)
        fresh.path.replace(self.path)
        self._sync_folder()

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _line(mark: Mark) -> bytes:
    body = f"{mark.seq} {mark.hash}"
    return (f"{body} {sha256(body.encode()).hexdigest()[:16]}".ljust(LINE - 1) + "\n").encode()


def _parse(raw: bytes) -> Mark | None:
    parts = raw.decode("ascii", "replace").split()
    if len(parts) != 3 or not parts[0].isdecimal() or raw != _line(Mark(int(parts[0]), parts[1])):
        return None
    return Mark(int(parts[0]), parts[1])

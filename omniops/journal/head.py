"""The head file: how far the journal has certainly come. A journal behind its head has lost its tail.

Two slots of fixed size are written in turn, each with a checksum, so that a torn write leaves the other one readable.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

SLOT = 128


class Mark(NamedTuple):
    """The last committed event."""

    seq: int
    hash: str


class Head:
    """The head file beside a journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next = 0  # the slot to write: never the one that holds the newest mark

    def read(self) -> Mark | None:
        """The newest mark; None where there is none that can be read."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        marks = {slot: mark for slot in (0, 1) if (mark := _parse(raw[slot * SLOT : (slot + 1) * SLOT]))}
        if not marks:
            return None
        newest = max(marks, key=lambda slot: marks[slot].seq)
        self._next = 1 - newest
        return marks[newest]

    def write(self, mark: Mark) -> None:
        """Write a mark durably. Raises OSError."""
        body = f"{mark.seq} {mark.hash}"
        line = f"{body} {sha256(body.encode()).hexdigest()[:16]}".ljust(SLOT - 1) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, line.encode(), self._next * SLOT)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._next = 1 - self._next


def _parse(raw: bytes) -> Mark | None:
    parts = raw.decode("ascii", "replace").split()
    if len(parts) != 3 or sha256(f"{parts[0]} {parts[1]}".encode()).hexdigest()[:16] != parts[2]:
        return None
    return Mark(int(parts[0]), parts[1]) if parts[0].isdecimal() else None

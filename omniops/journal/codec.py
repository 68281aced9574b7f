"""How an event is stored and chained: one SHA-256 per row, over the hash before it and every column.

Columns are joined with the unit separator, which none of them can hold: JSON escapes it, and names are cleaned. A row
edited so that it does has more separators than the original, and so another hash.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

SEPARATOR = "\x1f"
COLUMNS = ("seq", "stream", "n", "time", "actor", "host", "version", "kind", "data")
JOINED = " || char(31) || ".join(COLUMNS)
"""SQL for the text that is hashed: joined by SQLite, which is several times faster than in Python."""


def dump(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)


def genesis(id: str, drill: bool) -> str:
    """The hash before the first event: it holds the journal's identity and whether it is a drill's."""
    return sha256(f"omniops-journal/1 {id} drill={int(drill)}".encode()).hexdigest()


def chain(previous: str, joined: str) -> str:
    return sha256((previous + joined).encode("utf-8", "surrogatepass")).hexdigest()

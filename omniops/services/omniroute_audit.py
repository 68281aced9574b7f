"""The server's audit log: who wrote to a target since a moment, and whether the log can say so at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.errors import Refused, Unreachable
from omniops.services.omniroute_parse import audit_rows

PAGE = 500
"""The most rows that 3.7.9 gives at once."""
MOST_ROWS = 2000


class Writes(NamedTuple):
    """Rows for the target, newest first. ``gap``: why there may have been others, in words; "" where there were not."""

    rows: list[dict[str, Any]]
    gap: str = ""


def writes(page: Callable[[str], Any], target: str, since: datetime) -> Writes:
    """Read the log back to ``since``. ``page`` asks for a path and raises Refused or Unreachable.

    A server may give fewer rows than it is asked for, so only a row from before ``since``, or an empty page, is an end.
    """
    read: list[Any] = []
    known: set[str] = set()
    while len(read) < MOST_ROWS:
        path = f"/api/compliance/audit-log?limit={PAGE}" + (f"&offset={len(read)}" if read else "")
        try:
            rows = page(path)
        except (Refused, Unreachable) as error:
            return Writes(audit_rows(read, target, since), f"the audit log cannot be read ({error.why or error.what})")
        if not isinstance(rows, list):
            return Writes(audit_rows(read, target, since), "the audit log makes no sense")
        # Rows move to later pages while new ones come in, so a page may begin with rows of the one before.
        new = [row for row in rows if _id(row) not in known]
        read += new
        known |= {_id(row) for row in new} - {""}
        moments = [at for row in new if (at := _at(row))]
        if not rows or (moments and min(moments) < since):
            lost = sum(1 for row in read if _at(row) is None)
            return Writes(audit_rows(read, target, since), f"{lost} rows of the audit log have no time" if lost else "")
        if not new:
            break  # it gives the same page again, whatever is asked for
    oldest = min((at for row in read if (at := _at(row))), default=since)
    gap = f"the audit log was read back to {iso(oldest)} only, and the change is from {iso(since)}"
    return Writes(audit_rows(read, target, since), gap)


def _id(row: Any) -> str:
    return str(row.get("id") or "") if isinstance(row, dict) else ""


def _at(row: Any) -> datetime | None:
    try:
        return parse_iso(row["timestamp"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None

"""When the runbooks were reviewed, as plain text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from omniops.incident.reviews import Reviewed
from omniops.terminal.layout import safe, wrap


def review_lines(found: Sequence[Reviewed], width: int) -> list[tuple[str, str]]:
    """What is overdue first; then the log of each."""
    lines: list[tuple[str, str]] = []
    for one in sorted(found, key=lambda one: (not one.overdue, one.id)):
        state = f"OVERDUE: {one.overdue}" if one.overdue else f"good until {one.due}"
        lines += [(line, "bad" if one.overdue else "good") for line in wrap(f"{safe(one.id)}: {state}", width)]
        for row in one.log:
            planned = " (planned)" if row.planned else ""
            words = f"{row.date}{planned}  {safe(row.reviewer)}: {safe(row.change, 300)}"
            lines += [(line, "") for line in wrap(words, width, "  ", "              ")]
    return lines

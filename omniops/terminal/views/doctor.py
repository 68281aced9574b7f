"""The report of `omniops doctor` as plain text: one line for each finding, data in, lines out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omniops.terminal.layout import cells, pad, safe, wrap
from omniops.terminal.views.plain import Row

TONES = {"ok": "good", "warn": "warn", "fail": "bad", "not configured": "dim"}
STATUS = max(cells(status) for status in TONES)
MOST_NAME = 20


def lines(findings: Sequence[Row], counts: Mapping[str, int], width: int) -> list[tuple[str, str]]:
    """Lines with their tones. Keys of a finding: name, status, detail, mend, group."""
    name = min(max((cells(safe(row["name"])) for row in findings), default=0), MOST_NAME)
    found = []
    for row in findings:
        tone = TONES.get(row["status"], "")
        mend = f" → {safe(row['mend'], 400)}" if row["mend"] else ""
        head = f"{pad(row['status'], STATUS)}  {pad(safe(row['name']), name)}  "
        text = safe(row["detail"]) + mend
        found += [(line, tone) for line in wrap_below(head, text, width)]
    failed = [safe(row["name"]) for row in findings if row["status"] == "fail"]
    if failed:  # what scrolled away is said again where it is read
        found += [("", ""), *((line, "bad") for line in wrap(f"To be mended: {', '.join(failed)}.", max(width, 60)))]
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return [*found, ("", ""), (f"{told}.", "bad" if counts.get("fail") else "good")]


def wrap_below(head: str, text: str, width: int) -> list[str]:
    """The head, and the text beside it, its other lines below its first."""
    indent = " " * min(cells(head), STATUS + 2 + MOST_NAME + 2)
    first, *rest = wrap(text, max(width, 60), indent) or [""]
    return [head + first[len(indent) :], *rest]

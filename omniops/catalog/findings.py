"""What is wrong with a runbook, where exactly, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from omniops.text import one_line

ENOUGH = 200
"""Each group of rules stops here, and names are compared with so many: nobody mends more at once."""


class Finding(NamedTuple):
    """One thing to mend. ``level`` "error" means that the runbook is not walked; lines and columns count from 1."""

    level: str
    where: str  # the runbook and step, for people
    what: str
    mend: str
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.where}: {self.what}"


def unique(findings: Iterable[Finding]) -> list[Finding]:
    """Drop repeats (a called runbook is checked once for every call) and sort by file and line."""
    seen: dict[tuple[str, int, int, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.file, finding.line, finding.column, finding.what), finding)
    return sorted(seen.values(), key=lambda one: (one.file, one.line, one.column, one.what))


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` or, where nothing is near, the list of what is known."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(str(name)[:80], names[:ENOUGH], n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return one_line(f"known: {', '.join(names)}", 300) if names else "there is none"

"""The top slow and the top erroring endpoints of a window of attempts (section 3, 0:08). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from omniops.engine.verify import is_error, p95
from omniops.text import one_line

TOP = 5


class Row(Protocol):
    """An upstream attempt, as the call log has it (``services.omniroute_parse.Attempt`` is one)."""

    @property
    def path(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def provider(self) -> str: ...

    @property
    def status(self) -> int: ...

    @property
    def duration_s(self) -> float: ...


class Endpoint(NamedTuple):
    """One endpoint: path and model. ``errors`` answered neither 2xx nor 4xx; ``p95_s`` is over all its attempts."""

    path: str
    model: str
    attempts: int
    errors: int
    p95_s: float

    def words(self) -> str:
        name = f"{one_line(self.path, 40)} {one_line(self.model, 40)}".strip()
        return f"{name}: p95 {self.p95_s:.2f}s, {self.errors} of {self.attempts} failed"


class Tops(NamedTuple):
    """Both lists, the worst first; ``attempts`` of the whole window."""

    slow: list[Endpoint]
    erroring: list[Endpoint]
    attempts: int


def tops(rows: Iterable[Row], most: int = TOP) -> Tops:
    """Group attempts by path and model; the slowest by p95, and those with the most errors (none without errors)."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.path, row.model), []).append(row)
    found = [
        Endpoint(
            path,
            model,
            len(group),
            sum(is_error(row.status) for row in group),
            p95([row.duration_s for row in group]) or 0.0,
        )
        for (path, model), group in groups.items()
    ]
    slow = sorted(found, key=lambda one: (-one.p95_s, one.path, one.model))[:most]
    bad = sorted((one for one in found if one.errors), key=lambda one: (-one.errors, one.path, one.model))[:most]
    return Tops(slow, bad, sum(one.attempts for one in found))

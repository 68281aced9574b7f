"""`omniops slo`: how each SLO stands, by the best source there is."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.clock import Clock, iso
from omniops.config import Settings
from omniops.errors import BadInput, Exit
from omniops.incident.slo import Status, all_kept, evaluate
from omniops.runner import live
from omniops.runner.wiring import clients_of

if TYPE_CHECKING:
    from omniops.incident.ladder import Slos
    from omniops.runner.figures_omniroute import Gateway

SCHEMA = "omniops.slo/1"


class Definitions(NamedTuple):
    """The SLOs to evaluate, where they are from, and what was wrong with the file that was asked for."""

    slos: Slos
    file: str  # "" for omniops' own copy, or the operator's slos.yaml
    error: BadInput | None = None


class Report(NamedTuple):
    """One evaluation."""

    at: datetime
    source: str
    about: str
    fallback: str  # why the figures are not from Prometheus; "" where they are
    partial: str
    notes: tuple[str, ...]
    statuses: list[Status]
    definitions: Definitions

    @property
    def exit(self) -> Exit:
        """0 where every SLO is shown to be in budget, 1 where one is not, or it cannot be told."""
        return Exit.DONE if all_kept(self.statuses) and not self.partial else Exit.NO

    def as_json(self) -> dict[str, Any]:
        """Return the ``omniops.slo/1`` answer."""
        error = self.definitions.error
        return {
            "schema": SCHEMA,
            "at": iso(self.at),
            "source": self.source,
            "about": self.about,
            "fallback": self.fallback,
            "partial": self.partial,
            "notes": list(self.notes),
            "file": self.definitions.file or None,
            "file_error": error.lines() if error else None,
            "in_budget": self.exit is Exit.DONE,
            "slos": [status.as_json() for status in self.statuses],
        }


def definitions(settings: Settings, file: str = "") -> Definitions:
    """The SLOs in force, or those of a file. A file that makes no sense is reported, and omniops' own copy is used."""
    from omniops.catalog.ladder import slos_for

    if not file:
        return Definitions(slos_for(settings.user_runbooks), "")
    from omniops.catalog.slos_file import read_slos

    try:
        return Definitions(read_slos(Path(file).expanduser()), file)
    except BadInput as error:
        error.state = "omniops goes on with its own copy of the SLOs"
        return Definitions(slos_for(settings.user_runbooks), "", error)


class Evaluator:
    """Evaluates SLOs as often as it is asked to, with one login where the figures are OmniRoute's own."""

    def __init__(self, settings: Settings, clock: Clock, given: Definitions) -> None:
        self._settings, self._clock, self._given = settings, clock, given
        self._clients = clients_of(settings, clock)

    @cached_property
    def _gateway(self) -> Gateway:
        return live.gateway(self._settings, self._clock, self._clients.guard)

    def report(self) -> Report:
        """Evaluate once. Raises Unreachable, Refused or BadInput where there is no source to be had."""
        slos = self._given.slos
        found = live.look(
            self._settings, self._clock, self._clients, slos, full=True, ask=lambda: self._gateway
        )  # fmt: skip
        measured = found.measured
        return Report(
            self._clock.now(),
            measured.source,
            measured.about,
            found.fallback,
            measured.partial,
            measured.notes,
            evaluate(slos, measured),
            self._given,
        )

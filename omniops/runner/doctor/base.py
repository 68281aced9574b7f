"""What the examiners of `omniops doctor` share: a finding, and what they may look at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import Exit, OmniopsError
from omniops.services.http import said

if TYPE_CHECKING:
    from omniops.services.clients import Clients

OK, WARN, FAIL, UNSET = "ok", "warn", "fail", "not configured"
SCHEMA = "omniops.doctor/1"


class Finding(NamedTuple):
    """One line of the report. ``status``: ok, warn, fail or "not configured"; ``mend``: what to do about it."""

    name: str
    status: str
    detail: str
    mend: str = ""
    group: str = ""


class Screen(NamedTuple):
    """What the terminal is able to do."""

    interactive: bool
    columns: int
    lines: int
    colour: bool
    unicode: bool
    term: str


class Report(NamedTuple):
    """All findings, in the order they are shown."""

    findings: list[Finding]

    @property
    def exit(self) -> Exit:
        """0 where nothing fails, else 1: a warning and what is not configured may be as they are on purpose."""
        return Exit.NO if any(finding.status == FAIL for finding in self.findings) else Exit.DONE

    def counts(self) -> dict[str, int]:
        """How many findings there are of each status."""
        return {status: sum(f.status == status for f in self.findings) for status in (FAIL, WARN, UNSET, OK)}

    def as_json(self, environment: str) -> dict[str, Any]:
        """Return the ``omniops.doctor/1`` answer."""
        return {
            "schema": SCHEMA,
            "environment": environment,
            "ok": self.exit is Exit.DONE,
            "counts": self.counts(),
            "checks": [finding._asdict() for finding in self.findings],
        }


class Look:
    """What an examiner may use. Services are reached through ``clients``, one thread for each service."""

    def __init__(self, settings: Settings, clock: Clock, screen: Screen) -> None:
        self.settings, self.clock, self.screen = settings, clock, screen

    @cached_property
    def clients(self) -> Clients:
        """The clients of the outside systems. A drill's reach this machine only."""
        from omniops.runner.wiring import clients_of

        return clients_of(self.settings, self.clock)


def ok(name: str, detail: str) -> Finding:
    """It is as it has to be."""
    return Finding(name, OK, said(detail, 300))


def warn(name: str, detail: str, mend: str = "") -> Finding:
    """It can do harm, or is perhaps meant."""
    return Finding(name, WARN, said(detail, 300), said(mend, 300))


def fail(name: str, detail: str, mend: str) -> Finding:
    """It will not work at 03:00."""
    return Finding(name, FAIL, said(detail, 300), said(mend, 300))


def unset(name: str, detail: str, mend: str) -> Finding:
    """It is not set up; omniops does without, and says what is missing then."""
    return Finding(name, UNSET, said(detail, 300), said(mend, 300))


def failed(name: str, error: OmniopsError) -> Finding:
    """An error in words as a finding."""
    return fail(name, f"{error.what}{': ' * bool(error.why)}{error.why}", error.next)

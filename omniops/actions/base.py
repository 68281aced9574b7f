"""The contract between the runner and an action: observe, apply, undo, and how to tell afterwards what happened.

For a write the runner observes, asks for approval of exactly what was shown, journals the intent, applies, journals
the outcome, and observes again. An action never asks, never prints and never journals; it tells the runner what it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from omniops.value import Value

if TYPE_CHECKING:
    from omniops.clock import Clock
    from omniops.config import Settings
    from omniops.jobs.contract import Jobs
    from omniops.services.clients import Clients
    from omniops.services.omniroute import OmniRoute
    from omniops.services.pagerduty import Events

Args = dict[str, Any]


class Observation(Value):
    """The present state of a target, and what the action would make of it.

    ``state`` and ``desired`` hold identity and the fields that are written, nothing volatile: the approval is bound to
    them, and undo compares with them. ``shown`` is for the eye only (lastError, backoffLevel, ...).
    """

    target: str  # for people: "openai/main (8ae76e54)"
    state: dict[str, Any]
    desired: dict[str, Any]
    already: bool  # the state is what is wanted: success without a write
    shown: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()  # called out before the approval
    destructive: bool = False  # this target makes the write destructive, whatever the spec says
    typed: str = ""  # what a destructive approval types after "ENVIRONMENT/", when it is not the target
    command: str = ""  # where the step has to be done by hand (another host): the exact command
    at: str = ""  # the server's time of this observation, ISO
    outputs: dict[str, Any] = {}
    fits: bool = False  # it cannot be proved from here, but nothing contradicts it: a person's word settles it


class Applied(Value):
    """What came of an attempt to write.

    status: ``applied`` (the answer says so), ``not_applied`` (it certainly did not happen: refused before it was sent,
    or a 4xx), ``in_doubt`` (5xx, timeout, reset, nonsense: observe before anything else), ``failed`` (it ran, ended,
    and did not do it; something may have changed: ``detail`` says what).
    """

    status: str
    detail: str = ""
    evidence: dict[str, Any] = {}  # journalled: status code, request id, exit code, paths of output
    outputs: dict[str, Any] = {}
    at: str = ""  # the server's time of the change, ISO ("since" for verify); empty if it did not say


class Context(Value):
    """What an action may use. Built once per walk by ``runner/wiring.py``."""

    settings: Settings
    clock: Clock
    omniroute: OmniRoute
    pagerduty: Events
    jobs: Jobs
    incident: str
    onset: datetime
    step: str = ""
    page: dict[str, Any] = {}  # what woke somebody, as the incident's ``page.linked`` event has it; {} where nobody was
    clients: Clients = None  # type: ignore[assignment]  # of the other outside systems; tests may do without
    checkpoint: Any = None  # callable () -> None, called between observe and send; raises if it may not be sent
    prepared: Any = None  # what the action's ``prepare`` has found out just before the intent, where it has one

    @contextmanager
    def permitted(self, permit: Callable[[], None]) -> Iterator[Context]:
        """While entered, ``permit`` is asked at the last instant before anything is sent or started; it may raise."""
        asking = [client for client in (self.omniroute, self.pagerduty) if client is not None]
        before = [client.permit for client in asking]
        for client in asking:
            client.permit = permit
        try:
            yield self._replace(checkpoint=permit)
        finally:
            for client, was in zip(asking, before, strict=True):
                client.permit = was


class Read(Protocol):
    """An action that changes nothing outside omniops."""

    def read(self, ctx: Context, args: Args) -> dict[str, Any]:
        """Return the outputs. Raises OmniopsError (Refused, Unreachable, BadInput) when it cannot."""
        ...


class Write(Protocol):
    """An action that changes something. ``key`` is the intent's, stable across retries of one intent.

    An intent has seconds to be sent, so checks that may take longer belong into ``prepare`` (see ``Prepared``).
    """

    def observe(self, ctx: Context, args: Args) -> Observation:
        """Read the target. Raises OmniopsError when it cannot be read."""
        ...

    def apply(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        """Do it once. Never raises for what the service answers: that is an ``Applied``."""
        ...

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        """Read the target for undo: ``already`` if ``before`` is back; ``state`` must equal ``after`` to be ours.

        ``warnings`` tell what a test of the target found; a failing connection test puts ``{"test_failed": text}`` in
        ``shown``. A write to the target by somebody else since ours puts ``{"not_ours": text}`` there, and where
        nobody can say whether there was one, ``{"writes_unknown": text}``.
        """
        ...

    def undo(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        """Put ``before`` back."""
        ...

    def reconcile(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied | None:
        """Say what became of an intent without an outcome, where better evidence than the state exists (a script's
        exit code). None: there is none; compare states instead."""
        ...


class Elsewhere(Write, Protocol):
    """A write that may have to be done by hand on another host, and can be seen from here."""

    def done_elsewhere(
        self, ctx: Context, args: Args, before: dict[str, Any], began: str, undoing: bool
    ) -> Applied | None:
        """Say what came of it, once the operator says that it is done. None: it cannot be seen from here."""
        ...


class Prepared(Write, Protocol):
    """A write with checks that take their time."""

    def prepare(self, ctx: Context, args: Args, before: dict[str, Any], undoing: bool) -> Any:
        """Check once more, right before the intent, whether it may be done. Raises OmniopsError where it may not.

        ``apply`` and ``undo`` find what this returns in ``ctx.prepared``.
        """
        ...

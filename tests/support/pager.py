"""A PagerDuty on two sockets of this process: the drill's own, every request held against its description.

    with FakePager(tmp_path) as pager:
        command(..., **pager.env)
        assert pager.counts("acknowledge") == {"Q3OMNI01": 1}

``pager.clock`` is moved by the test; by default it is the machine's. What is not as described is kept in ``wrong`` and
raised when the block ends.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from omniops.clock import Clock, SystemClock
from omniops.drill import outside, pager_store
from omniops.drill.api import Reply
from omniops.drill.wire import Handler, Port
from omniops.drill.world import World
from tests.support.openapi import checker

DESCRIBED = {"pagerduty": "pagerduty", "events": "pagerduty_events"}


class Asked(NamedTuple):
    """A request as it came in; header names are lower-case."""

    service: str
    method: str
    path: str  # with its query
    headers: dict[str, str]
    body: bytes


class FakePager:
    """PagerDuty for one test."""

    def __init__(self, folder: Path, *, faults: str = "", clock: Clock | None = None) -> None:
        now = (clock or SystemClock()).now()
        self.world = World.create(
            folder / "pager", "sev-1", flavour="3.7.9", seed=1, speed=1.0, anchor=now, spec=faults
        )
        if clock is not None:
            moved: Any = clock
            self.world.clock = moved
        self.asked: list[Asked] = []
        self.wrong: list[str] = []
        self.ports = {name: Port(0, self._watching(name), self.world.now) for name in DESCRIBED}
        self.store = pager_store.Store(self.world)

    def __enter__(self) -> FakePager:
        for port in self.ports.values():
            port.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for port in self.ports.values():
            port.close()
        self.world.close()
        assert error is not None or not self.wrong, self.wrong

    @property
    def data(self) -> dict[str, Any]:
        """PagerDuty's state."""
        found: dict[str, Any] = self.world.data["pager"]
        return found

    @property
    def env(self) -> dict[str, str]:
        """The settings of an on-call who uses it."""
        return {
            "PAGERDUTY_URL": self.ports["pagerduty"].url,
            "PAGERDUTY_EVENTS_URL": self.ports["events"].url,
            "PAGERDUTY_TOKEN": pager_store.TOKEN,
            "PAGERDUTY_FROM": pager_store.FROM,
            "PAGERDUTY_ROUTING_KEY": pager_store.ROUTING_KEY,
            "PAGERDUTY_ROUTING_KEY_SECONDARY": pager_store.ROUTING_KEY_SECONDARY,
        }

    @property
    def page(self) -> dict[str, Any]:
        """The first page, as it is now."""
        return self.store.incident("481")

    def another(self, title: str = "CanaryDown") -> dict[str, Any]:
        """One more page of the same people."""
        return self.store.trigger(hashlib.sha256(title.encode()).hexdigest(), title, {"region": "eu-west"})

    def faults(self, spec: str) -> None:
        """Replace the faults."""
        self.world.set_faults(spec)

    def counts(self, what: str) -> dict[str, int]:
        """How often a write was carried out, for each incident."""
        return dict(Counter(write["target"] for write in self.data["writes"] if write["what"] == what))

    def requests(self, method: str = "", part: str = "") -> list[Asked]:
        """The requests to the REST API with this method whose path holds ``part``."""
        return [
            one for one in self.asked
            if one.service == "pagerduty" and one.method == (method or one.method) and part in one.path
        ]  # fmt: skip

    def _watching(self, name: str) -> Any:
        serve = outside.answering(self.world, name, outside.make(self.world, name))

        def watched(handler: Handler, body: bytes) -> Reply | None:
            headers = {key.lower(): value for key, value in handler.headers.items()}
            self.asked.append(Asked(name, handler.command, handler.path, headers, body))
            problems = checker(DESCRIBED[name]).problems(handler.command, handler.path, headers, body)
            self.wrong += [f"{handler.command} {handler.path}: {problem}" for problem in problems]
            return serve(handler, body)

        return watched

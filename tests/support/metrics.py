"""A Prometheus on a socket of this process, every request held against its description.

    with FakePrometheus(lambda query: "0.006" if query.startswith("1 - ") else None) as prometheus:
        command(..., PROMETHEUS_URL=prometheus.url)

The function gives the value of a query as Prometheus writes it ("NaN", "+Inf"), a mapping of `le` to values for a
histogram's bounds, or None for no series. In a range every point has that value, unless ``lines`` (query -> values,
None where there is no point) knows better. With a ``World`` it is the drill's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from omniops.clock import Clock, SystemClock
from omniops.drill.api import Reply
from omniops.drill.metrics import Metrics
from omniops.drill.wire import Handler, Port
from omniops.drill.world import World
from tests.support.openapi import checker

Value = str | Mapping[str, str] | None
Values = Callable[[str], Value]


class FakePrometheus:
    """Prometheus for one test. ``asked`` lists the forms; ``broken`` is answered instead of everything."""

    def __init__(
        self,
        values: Values | World,
        *,
        clock: Clock | None = None,
        lines: Callable[[str], list[str | None] | None] = lambda query: None,
    ) -> None:
        self._metrics = Metrics(values) if isinstance(values, World) else None
        self._values: Values = (lambda query: None) if isinstance(values, World) else values
        self._lines = lines
        self.clock = clock or SystemClock()
        self.asked: list[dict[str, str]] = []
        self.wrong: list[str] = []
        self.broken: Reply | None = None
        self.port = Port(0, self._serve, self.clock.now)
        self.url = self.port.url

    def __enter__(self) -> FakePrometheus:
        self.port.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.port.close()
        assert kind is not None or not self.wrong, self.wrong

    @property
    def queries(self) -> list[str]:
        """The queries that came in."""
        return [form["query"] for form in self.asked if "query" in form]

    def _serve(self, handler: Handler, body: bytes) -> Reply | None:
        headers = dict(handler.headers.items())
        self.wrong += checker("prometheus").problems(handler.command, handler.path, headers, body)
        form = dict(parse_qsl(body.decode()))
        self.asked.append(form)
        if self.broken is not None:
            return self.broken
        return self._metrics.answer(handler, body) if self._metrics else self._scripted(handler.path, form)

    def _scripted(self, path: str, form: dict[str, str]) -> Reply:
        now = self.clock.now().timestamp()
        if path.endswith("buildinfo"):
            return _ok({"version": "2.42.0"})
        query = form["query"]
        if query == "time()":
            return _ok({"resultType": "scalar", "result": [now, repr(now)]})
        value = self._values(query)
        if path.endswith("query"):
            at = float(form.get("time", now))
            rows = [{"metric": labels, "value": [at, text]} for labels, text in _series(value)]
            return _ok({"resultType": "vector", "result": rows})
        start, end, step = (float(form[name]) for name in ("start", "end", "step"))
        count = round((end - start) / step) + 1
        line = self._lines(query)
        points = [value if isinstance(value, str) else None] * count if line is None else line
        assert len(points) == count, f"{count} points are asked for by {query}"
        found = [[start + n * step, text] for n, text in enumerate(points) if text is not None]
        return _ok({"resultType": "matrix", "result": [{"metric": {}, "values": found}] if found else []})


def _series(value: Value) -> list[tuple[dict[str, str], str]]:
    if value is None:
        return []
    return [({}, value)] if isinstance(value, str) else [({"le": le}, text) for le, text in value.items()]


def _ok(data: dict[str, Any]) -> Reply:
    return Reply(200, {"status": "success", "data": data})

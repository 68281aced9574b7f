"""Prometheus' HTTP API: instant and range queries, sent as forms, and answers that keep four things apart.

No series at all (a typo, a target that is down), NaN (nothing happened: 0/0), an infinite value, and a value. Only the
last is a figure; none of the others is ever health.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError, Refused, Unreachable
from omniops.services.http import Http, NoAnswer, Reply, said

TIMEOUT_S = 10.0
"""Of one query; Prometheus is told to give up a little earlier, so that it can say so."""
SERVER_TIMEOUT = "8s"
MAX_POINTS = 11_000
"""More points per series than this Prometheus refuses."""

_WORDS = {
    "bad_data": "it does not understand the query",
    "execution": "the query cannot be carried out",
    "timeout": "the query took too long; Prometheus gave it up",
    "unavailable": "Prometheus is not ready to answer queries",
    "internal": "Prometheus failed on the inside",
    "not_found": "Prometheus does not have what was asked for",
    "canceled": "the query was cancelled",
}


class Sample(NamedTuple):
    """One value of one series. ``value`` may be NaN or infinite, as Prometheus has it."""

    labels: dict[str, str]
    at: float  # seconds since the epoch, by Prometheus' clock
    value: float


class Series(NamedTuple):
    """The points of one series, oldest first; a moment without data is simply missing."""

    labels: dict[str, str]
    points: list[tuple[float, float]]


class Vector(NamedTuple):
    """The answer to an instant query: every series with its value. ``warnings`` are Prometheus' own."""

    samples: list[Sample]
    warnings: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What came back: "empty" (no series), "many" (several, where one was wanted), "nan", "inf" or "value"."""
        if len(self.samples) != 1:
            return "many" if self.samples else "empty"
        value = self.samples[0].value
        return "nan" if math.isnan(value) else "inf" if math.isinf(value) else "value"

    @property
    def value(self) -> float | None:
        """The one finite value; None for every other kind."""
        return self.samples[0].value if self.kind == "value" else None


class Matrix(NamedTuple):
    """The answer to a range query."""

    series: list[Series]
    warnings: tuple[str, ...] = ()


class BuildInfo(NamedTuple):
    """What runs there (``GET /api/v1/status/buildinfo``)."""

    version: str
    revision: str


class QueryFailed(Unreachable):
    """Prometheus is there, and has answered this one query with an error. ``kind`` is its errorType."""

    def __init__(self, what: str, *, kind: str, why: str, state: str, next: str) -> None:
        super().__init__(what, why=why, state=state, next=next)
        self.kind = kind


class Prometheus:
    """The server at PROMETHEUS_URL. Methods raise QueryFailed, Unreachable, Refused or BadInput (configuration)."""

    def __init__(self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        url = settings.service_url("PROMETHEUS_URL")
        if not url:
            raise BadInput(
                "PROMETHEUS_URL is not set",
                why="omniops does not know which Prometheus to ask",
                state="nothing was attempted",
                next="export PROMETHEUS_URL=https://your-prometheus",
            )
        self.url = url
        self._http = Http(url, settings.env, clock, guard, TIMEOUT_S)

    def __repr__(self) -> str:
        return f"Prometheus({self.url!r})"

    def query(self, expr: str, at: float | datetime | None = None) -> Vector:
        """Ask for the value at a moment (default: now, by Prometheus' own clock). A scalar is one sample, no labels."""
        form = {"query": expr, "timeout": SERVER_TIMEOUT}
        if at is not None:
            form["time"] = _moment(at)
        data, warnings = self._ask("/api/v1/query", form)
        kind, result = data.get("resultType"), data.get("result")
        if kind == "scalar":
            return Vector([Sample({}, *self._pair(result))], warnings)
        if kind != "vector" or not isinstance(result, list):
            raise self._nonsense(f"a vector was asked for, and it answered with {said(kind, 30)}")
        return Vector([Sample(self._labels(row), *self._pair(row.get("value"))) for row in result], warnings)

    def query_range(self, expr: str, start: float | datetime, end: float | datetime, step_s: float) -> Matrix:
        """Ask for the values from ``start`` to ``end``, both included. Raises ValueError for too many points."""
        begin, finish = (moment.timestamp() if isinstance(moment, datetime) else moment for moment in (start, end))
        if step_s <= 0 or (finish - begin) / step_s > MAX_POINTS:
            raise ValueError(f"a range holds at most {MAX_POINTS} points")
        form = {"query": expr, "start": _moment(begin), "end": _moment(finish), "step": f"{step_s:g}"}
        data, warnings = self._ask("/api/v1/query_range", form | {"timeout": SERVER_TIMEOUT})
        result = data.get("result")
        if data.get("resultType") != "matrix" or not isinstance(result, list):
            raise self._nonsense(f"a matrix was asked for, and it answered with {said(data.get('resultType'), 30)}")
        found = []
        for row in result:
            labels, values = self._labels(row), row.get("values")
            if not isinstance(values, list):
                raise self._nonsense("a series without values")
            found.append(Series(labels, [self._pair(pair) for pair in values]))
        return Matrix(found, warnings)

    def now(self) -> float:
        """Prometheus' own time, in seconds since the epoch: what every query of one look is evaluated at."""
        found = self.query("time()")
        if found.value is None:
            raise self._nonsense("it cannot say what time it is")
        return found.value

    def buildinfo(self) -> BuildInfo:
        """Its version."""
        data, _ = self._ask("/api/v1/status/buildinfo", None)
        version = data.get("version")
        if not isinstance(version, str) or not version:
            raise self._nonsense("it names no version")
        return BuildInfo(said(version, 40), said(data.get("revision", ""), 60))

    def close(self) -> None:
        """Close the connection; the next query opens a new one."""
        self._http.close()

    def _ask(self, path: str, form: Mapping[str, str] | None) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The data of an answer, and its warnings."""
        try:
            # A form, because a long query does not fit into an address.
            reply = self._http.ask("GET" if form is None else "POST", path, form=form)
        except NoAnswer as error:
            raise self._unreachable(error.why) from None
        body = self._json(reply)
        if reply.code in (401, 403):
            raise Refused(
                f"Prometheus at {self.url} refuses ({reply.code})",
                why=said(body.get("error", "")) or "it gives no reason",
                state="nothing was measured",
                next="point PROMETHEUS_URL at an address that may be asked from here",
            )
        if body.get("status") == "error":
            raise self._failed(str(body.get("errorType")), body.get("error", ""), reply.code)
        if reply.code != 200:
            words = ": is there a Prometheus at this address?" if reply.code == 404 else ""
            raise self._unreachable(f"it answered {reply.code}{words}")
        if reply.broken:
            raise self._unreachable(reply.broken)
        data = body.get("data")
        if body.get("status") != "success" or not isinstance(data, dict):
            raise self._nonsense("no data in the answer")
        warnings = body.get("warnings")
        return data, tuple(said(one) for one in warnings[:5]) if isinstance(warnings, list) else ()

    @staticmethod
    def _json(reply: Reply) -> dict[str, Any]:
        """The envelope; {} for what is no JSON object (a page of a proxy, the plain text of a 404)."""
        import json

        try:
            value = json.loads(reply.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def _labels(self, row: Any) -> dict[str, str]:
        metric = row.get("metric") if isinstance(row, dict) else None
        if not isinstance(metric, dict):
            raise self._nonsense("a series without labels")
        return {str(name): str(value) for name, value in metric.items()}

    def _pair(self, pair: Any) -> tuple[float, float]:
        """A sample: [seconds, "value"]; the value is a string because JSON knows neither NaN nor infinity."""
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str) and not isinstance(pair[0], bool):
            try:
                return float(pair[0]), float(pair[1])
            except (TypeError, ValueError):
                pass
        raise self._nonsense(f"{said(pair, 40)} is no sample")

    def _failed(self, kind: str, error: Any, code: int) -> OmniopsError:
        what = f"Prometheus at {self.url}: {_WORDS.get(kind, f'an error of an unknown kind ({said(kind, 30)})')}"
        query = kind in ("bad_data", "execution")
        return QueryFailed(
            what,
            kind=kind,
            why=f"{code}: {said(error) or 'it gives no reason'}",
            state="nothing was measured by this query",
            next="mend the selectors in slos.yaml" if query else "try again; omniops slo says what is left",
        )

    def _nonsense(self, why: str) -> Unreachable:
        return self._unreachable(f"it talks nonsense: {why}")

    def _unreachable(self, why: str) -> Unreachable:
        return Unreachable(
            f"no usable answer from Prometheus at {self.url}",
            why=why,
            state="nothing was measured",
            next="check PROMETHEUS_URL; without it omniops measures by OmniRoute's own figures",
        )


def _moment(at: float | datetime) -> str:
    return f"{at.timestamp() if isinstance(at, datetime) else at:.3f}"

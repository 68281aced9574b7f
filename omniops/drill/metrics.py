"""A simulated Prometheus, and the proxy in front of OmniRoute whose metrics it would have scraped.

It knows no PromQL: it answers the queries that omniops makes, computed from the simulated traffic, and says of any
other one that it cannot read it. Before the drill's own traffic began, everything was well and nothing failed.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from omniops.drill.api import Reply
from omniops.drill.faults import Fault
from omniops.drill.traffic import PER_SECOND, Served, Traffic
from omniops.drill.wire import Handler
from omniops.drill.world import World

VERSION = "2.42.0"
LEAST_WINDOW_S = 2.0
"""A rate needs two scrapes, which are a second apart here."""
LONGEST_BACK_S = 60 * 86400
MAX_POINTS = 11_000
BOUNDS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, math.inf)
"""Of the histograms' buckets, in seconds."""
PAST = (0.0, 0.0, 0.0, 0.0, 0.05, 0.62, 0.93, 0.99, *(1.0,) * 9)
"""The share of requests up to each bound while all was well: p95 is 0.83 s."""
STEADY = {
    '"/api/v1/embeddings"': (0.0, 0.0, 0.0, 0.3, 0.9, *(1.0,) * 12),
    '"/api/health/ping"': (0.6, 0.995, *(1.0,) * 15),
}
"""What the simulated traffic does not hold: one request a second, always the same."""
SOCKETS = 42.0

_W = r"\[(\d+[smhd])\]"
_ALL, _GOOD = r"http_requests_total\{[^}]*\}", r'http_requests_total\{[^}]*code=~"2\.\.\|4\.\."[^}]*\}'
_BUCKETS = r"http_request_duration_seconds_bucket\{([^}]*)\}"
_FORMS: list[tuple[str, re.Pattern[str]]] = [
    ("ratio", re.compile(rf"1 - \(sum\(rate\({_GOOD}{_W}\)\) or vector\(0\)\) / sum\(rate\({_ALL}\[\w+\]\)\)")),
    ("errors", re.compile(rf"sum\(increase\({_ALL}{_W}\)\) - \(sum\(increase\({_GOOD}\[\w+\]\)\) or vector\(0\)\)")),
    ("covered", re.compile(rf"sum\(increase\({_ALL}\[1h\] offset (\w+)\)\)")),
    ("requests", re.compile(rf"sum\(increase\({_ALL}{_W}\)\)")),
    ("quantile", re.compile(rf"histogram_quantile\((0\.\d+), sum by \(le\) \(rate\({_BUCKETS}{_W}\)\)\)")),
    ("buckets", re.compile(rf"sum by \(le\) \(increase\({_BUCKETS}{_W}\)\)")),
    ("sockets", re.compile(r"sum\(ws_active_connections\{[^}]*\}\)")),
    ("time", re.compile(r"time\(\)")),
]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Counts(NamedTuple):
    """What there was in a window; ``below`` is the number of requests up to each of BOUNDS."""

    requests: float
    errors: float
    below: tuple[float, ...]


class Metrics:
    """The Prometheus of a drill. It keeps nothing: all of it follows from the world's history."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._traffic = Traffic(world)
        self._kept: dict[int, _Counts] = {}

    def answer(self, handler: Handler, body: bytes) -> Reply:
        """Answer one request of the HTTP API."""
        parts = urlsplit(handler.path)
        given = dict(parse_qsl(parts.query)) | dict(parse_qsl(body.decode("utf-8", "replace")))
        if parts.path == "/-/ready":
            return Reply(200, "Prometheus Server is Ready.\n", "text/plain")
        if parts.path == "/api/v1/status/buildinfo":
            return _success({"version": VERSION, "revision": "drill", "goVersion": "", "branch": "", "buildDate": ""})
        work: Callable[[dict[str, str]], Reply] | None
        work = {"/api/v1/query": self._query, "/api/v1/query_range": self._range}.get(parts.path)
        if work is None or handler.command not in ("GET", "POST"):
            return Reply(404, "404 page not found\n", "text/plain")
        with self.world.lock:
            return work(given)

    def refusal(self, fault: Fault) -> Reply:
        """What a fault answers, in the API's words."""
        return _error(503, "unavailable", "the drill's Prometheus is out of order")

    def _query(self, given: dict[str, str]) -> Reply:
        found = _form(given.get("query", ""))
        if found is None:
            return _unreadable(given)
        at = float(given["time"]) if "time" in given else self.world.now().timestamp()
        if found[0] == "time":
            return _success({"resultType": "scalar", "result": [at, _text(at)]})
        rows = [{"metric": labels, "value": [at, _text(value)]} for labels, value in self._values(*found, at)]
        return _success({"resultType": "vector", "result": rows})

    def _range(self, given: dict[str, str]) -> Reply:
        found = _form(given.get("query", ""))
        if found is None:
            return _unreadable(given)
        try:
            start, end, step = (float(given[name]) for name in ("start", "end", "step"))
        except (KeyError, ValueError):
            return _error(400, "bad_data", 'invalid parameter "start", "end" or "step"')
        if step <= 0 or (end - start) / step > MAX_POINTS:
            return _error(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries")
        lines: dict[str, tuple[dict[str, str], list[list[Any]]]] = {}
        for index in range(int((end - start) / step + 1e-9) + 1):
            at = start + index * step
            for labels, value in self._values(*found, at):
                lines.setdefault(json.dumps(labels), (labels, []))[1].append([at, _text(value)])
        rows = [{"metric": labels, "values": points} for labels, points in lines.values()]
        return _success({"resultType": "matrix", "result": rows})

    def _values(self, form: str, found: re.Match[str], at: float) -> list[tuple[dict[str, str], float]]:
        """The series of a query at a moment: no labels but for a histogram's bounds."""
        if form == "sockets":
            return [({}, SOCKETS)]
        if form == "covered":
            return [({}, 3600.0 * PER_SECOND)]
        seconds = _seconds(found.groups()[-1])
        if seconds < LEAST_WINDOW_S:
            return []
        selector = found.groups()[-2] if form in ("quantile", "buckets") else ""
        steady = next((shares for path, shares in STEADY.items() if path in selector), None)
        if steady is not None:
            counts = _Counts(seconds, 0.0, tuple(seconds * share for share in steady))
        elif selector and '"/api/v1/.*"' not in selector:
            return []
        else:
            counts = self._between(at - seconds, at)
        if form == "requests":
            return [({}, counts.requests)]
        if form == "errors":
            return [({}, counts.errors)]
        if form == "ratio":
            return [({}, counts.errors / counts.requests if counts.requests else math.nan)]
        if form == "buckets":
            return [({"le": _bound(bound)}, n) for bound, n in zip(BOUNDS, counts.below, strict=True)]
        return [({}, _quantile(float(found[1]), counts.below))]

    def _between(self, start: float, end: float) -> _Counts:
        """What ended in a window. Whole seconds are kept, because a week is asked for hour by hour."""
        end = min(end, self.world.now().timestamp())
        began = float(self.world.data["history"][0]["at"])
        past = max(0.0, min(end, began) - max(start, began - LONGEST_BACK_S))
        requests, errors = past * PER_SECOND, 0.0
        below = [past * PER_SECOND * share for share in PAST]
        for number in range(math.ceil(max(start, began)), math.floor(end)):
            counts = self._second(number)
            requests, errors = requests + counts.requests, errors + counts.errors
            below = [a + b for a, b in zip(below, counts.below, strict=True)]
        return _Counts(requests, errors, tuple(below))

    def _second(self, number: int) -> _Counts:
        kept = self._kept.get(number)
        if kept is None:
            kept = _counted(self._traffic.ended_in(number))
            self._kept[number] = kept
        return kept


def _counted(served: list[Served]) -> _Counts:
    below = [0.0] * len(BOUNDS)
    for entry in served:
        for place in range(bisect_left(BOUNDS, entry.ms / 1000), len(BOUNDS)):
            below[place] += 1
    return _Counts(float(len(served)), float(sum(1 for entry in served if not entry.ok)), tuple(below))


def _quantile(share: float, below: tuple[float, ...]) -> float:
    """As histogram_quantile does it: evenly within a bucket; above the largest bound, that bound."""
    total = below[-1]
    if not total:
        return math.nan
    rank = share * total
    place = next(index for index, number in enumerate(below) if number >= rank)
    if math.isinf(BOUNDS[place]):
        return BOUNDS[place - 1]
    low, under = (BOUNDS[place - 1], below[place - 1]) if place else (0.0, 0.0)
    return low + (BOUNDS[place] - low) * (rank - under) / (below[place] - under)


def _form(query: str) -> tuple[str, re.Match[str]] | None:
    for name, shape in _FORMS:
        found = shape.fullmatch(query)
        if found:
            return name, found
    return None


def _seconds(text: str) -> float:
    return int(text[:-1]) * _UNITS[text[-1]]


def _bound(value: float) -> str:
    return "+Inf" if math.isinf(value) else f"{value:g}"


def _text(value: float) -> str:
    """A value as Prometheus writes it."""
    if math.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if math.isinf(value) else repr(value)


def _success(data: dict[str, Any]) -> Reply:
    return Reply(200, {"status": "success", "data": data})


def _error(status: int, kind: str, words: str) -> Reply:
    return Reply(status, {"status": "error", "errorType": kind, "error": words})


def _unreadable(given: dict[str, str]) -> Reply:
    shown = given.get("query", "")[:80]
    return _error(400, "bad_data", f'invalid parameter "query": 1:1: parse error: the drill knows no {shown!r}')

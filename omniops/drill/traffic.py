"""Made-up client traffic, computed when somebody asks for it: a pure function of the seed and the world's history.

Each request is decided by the state at its end, so a connection gets no row after the moment it was disabled (a real
server would still log a few stragglers). Rejected requests leave no row, as on the real server.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from omniops.clock import iso
from omniops.drill import cast
from omniops.drill.world import World

PER_SECOND = 3
MEDIAN_MS, SPREAD = 450.0, 0.35  # healthy: p95 about 0.8 s, p99 about 1.0 s
FAILING_MS = (1800, 2600)  # how long a broken upstream takes to answer 500
COOLDOWN_WAIT_MS = 4000  # how long a client waits when every connection has failed
KEEP_SECONDS = 4000
TELEMETRY_LIMIT = 1000
_PATHS = ("/v1/chat/completions", "/v1/responses")


class Served(NamedTuple):
    """A client request that was served or has failed; ``ms`` is what the client waited."""

    at: float
    ms: int
    ok: bool


class Second(NamedTuple):
    """What ended within one second: the rows of call-logs and the client requests, oldest first."""

    rows: list[dict[str, Any]]
    served: list[Served]


class Traffic:
    """The traffic of a world. Not thread-safe: callers hold the world's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[int, Second] = {}
        names = [name for name, _ in cast.MIX]
        self._wanted, self._weights = names, [weight for _, weight in cast.MIX]
        self._owner = {
            f"{entry['prefix']}/{model}": (provider, model)
            for provider, entry in world.data["providers"].items()
            for model in entry["models"]
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of call-logs, newest first."""
        for second in self._seconds_back():
            yield from reversed(second.rows)

    def served(self, since: float) -> list[Served]:
        """Return the client requests after ``since`` (epoch seconds), newest first; the server keeps 1,000."""
        answer: list[Served] = []
        for second in self._seconds_back():
            for entry in reversed(second.served):
                if entry.at < since or len(answer) == TELEMETRY_LIMIT:
                    return answer
                answer.append(entry)
        return answer

    def ended_in(self, number: int) -> list[Served]:
        """Return the client requests that ended within one past second (epoch), oldest first."""
        return self._second(number, self._world.now().timestamp()).served

    def last_error(self, connection: str, limit_s: int = 600) -> dict[str, Any] | None:
        """Return the newest failed row of a connection within the last ``limit_s`` seconds of traffic."""
        for second in islice(self._seconds_back(), limit_s):
            for row in reversed(second.rows):
                if row["connectionId"] == connection and row["status"] >= 500:
                    return dict(row)
        return None

    def _seconds_back(self) -> Iterator[Second]:
        now = self._world.now().timestamp()
        first = int(self._world.data["history"][0]["at"])
        for number in range(int(now), first - 1, -1):
            yield self._second(number, now)

    def _second(self, number: int, now: float) -> Second:
        kept = self._kept.get(number)
        if kept is None:
            kept = self._make(number, now)
            if number + 1 <= now:  # the past does not change any more
                if len(self._kept) > KEEP_SECONDS:
                    self._kept.clear()
                self._kept[number] = kept
        return kept

    def _make(self, number: int, now: float) -> Second:
        second = Second([], [])
        history = self._world.data["history"]
        starts = [entry["at"] for entry in history]
        for index in range(PER_SECOND):
            at = number + (index + 0.5) / PER_SECOND
            place = bisect_right(starts, at) - 1
            if at > now or place < 0:
                continue
            state = history[place]
            if state["running"] and state["auth"] and not state["quiet"]:
                self._request(second, at, state, Random(f"{self._world.data['seed']}/{number}/{index}"))
        return second

    def _request(self, second: Second, at: float, state: dict[str, Any], rng: Random) -> None:
        wanted = rng.choices(self._wanted, self._weights)[0]
        path = _PATHS[rng.random() < 0.3]
        healthy = MEDIAN_MS * math.exp(rng.gauss(0, SPREAD)) * state["slow"]
        broken, unlucky, key = rng.randint(*FAILING_MS), rng.random(), rng.choice(cast.KEYS)
        models = state["combos"].get(wanted, [wanted])
        combo = wanted if wanted in state["combos"] else None
        attempts: list[tuple[dict[str, Any], str, int, str, int]] = []
        ok = False
        for model in models:
            for connection in self._live(model, state):
                status, ms, error = 200, round(healthy), ""
                if state["instant"]:
                    status, ms, error = 500, 3 + rng.randint(0, 6), "[500]: upstream rejected the request"
                elif unlucky < state["bad"] or (not state["data"] and unlucky < 0.7):
                    status, ms, error = 500, 40 + broken // 60, "[500]: database disk image is malformed"
                elif state["modes"].get(connection["id"]):
                    status, ms, error = 500, broken, "[500]: upstream is overloaded"
                attempts.append((connection, model, ms, error, status))
                ok = status == 200
                if ok:
                    break
            if ok:
                break
        if not attempts:
            return  # no live connection: rejected before any attempt, and no row
        group = cast.identity(rng)
        for number, (connection, model, ms, error, status) in enumerate(attempts):
            moment = at - (len(attempts) - 1 - number) / 1000
            stamp = iso(datetime.fromtimestamp(moment, UTC))
            bare = self._owner[model][1]
            row = self.row(stamp, path, connection, wanted, bare, status=status, error=error or None)
            row |= {"id": cast.identity(rng), "duration": ms, "comboName": combo, "apiKeyId": key, "apiKeyName": key}
            if self._world.fork:
                row["correlationId"] = group
            second.rows.append(row)
        waited = sum(attempt[2] for attempt in attempts)
        slow_failure = not ok and not state["instant"] and state["data"] and unlucky >= state["bad"]
        second.served.append(Served(at, waited + (COOLDOWN_WAIT_MS if slow_failure else 0), ok))

    def _live(self, model: str, state: dict[str, Any]) -> list[dict[str, Any]]:
        provider = self._owner.get(model, ("", ""))[0]
        rows = {row["id"]: row for row in self._world.data["connections"]}
        return [rows[id] for id in state["active"] if id in rows and rows[id]["provider"] == provider]

    @staticmethod
    def row(
        stamp: str,
        path: str,
        connection: dict[str, Any],
        wanted: str | None,
        model: str,
        *,
        status: int,
        error: str | None,
    ) -> dict[str, Any]:
        """A row of call-logs. ``duration``, the key and the combo are filled in by whoever knows them."""
        tokens = {"in": 5 if status == 200 else 0, "out": 3 if status == 200 else 0}
        return {
            "id": f"{stamp}-{connection['id'][:8]}",
            "timestamp": stamp,
            "method": "POST",
            "path": path,
            "status": status,
            "model": model,
            "requestedModel": wanted,
            "provider": connection["provider"],
            "account": connection["name"],
            "connectionId": connection["id"],
            "duration": 0,
            "tokens": tokens | {"cacheRead": None, "cacheWrite": None, "reasoning": None, "compressed": None},
            "cacheSource": "upstream",
            "requestType": None,
            "sourceFormat": "openai",
            "targetFormat": "openai",
            "apiKeyId": None,
            "apiKeyName": None,
            "comboName": None,
            "comboStepId": None,
            "comboExecutionKey": None,
            "error": error,
            "detailState": "ready",
            "artifactRelPath": None,
            "artifactSizeBytes": None,
            "artifactSha256": None,
            "requestSummary": None,
            "hasRequestBody": False,
            "hasResponseBody": False,
            "hasPipelineDetails": False,
        }


def percentile(ordered: list[int], share: float) -> int:
    """Return the nearest-rank percentile of ascending values, 0 of none, as the server does."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0

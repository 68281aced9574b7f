"""Faults that the simulator acts out, and the small language that names them.

A specification is a comma-separated list of ``KIND[=VALUE][@METHOD[:PATH]][#N]``:
``applied-500@PUT#1,slow=3s@GET:/api/usage,stale-read#2,no-traffic``. ``#N`` means "only the Nth request that matches",
but for ``stale-read`` it is how many reads are stale. Seconds are real ones, because client timeouts are.
A PATH that begins with a name is about that service outside OmniRoute: ``slow=12s@PUT:pagerduty/incidents``. A fault
without a path is about OmniRoute alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from omniops.errors import BadInput
from omniops.text import seconds

REQUEST_KINDS: dict[str, str] = {
    "applied-500": "does what was asked, then answers 500",
    "reset-after-apply": "does what was asked, then resets the connection",
    "applied-hang": "does what was asked, and never answers",
    "garbage": "does what was asked, and answers 200 with something that is not JSON",
    "error-500": "answers 500 and does nothing",
    "refuse": "resets the connection and does nothing",
    "hang": "never answers and does nothing",
    "unauthorized": "answers 401 and does nothing",
    "redirect": "answers 307 to another path and does nothing",
    "slow": "does what was asked, and answers VALUE late (default 3s)",
    "rate-limited": "answers 429 and does nothing; says that VALUE must pass first (default 3s)",
    "rate-limited-bare": "answers 429 and does nothing, and does not say how long",
    "code": "answers the error VALUE of an outside service, in its words, and does nothing",
}
"""Faults of one request."""

WORLD_KINDS: dict[str, str] = {
    "stale-read": "after a write, the next N reads (default 1) still show the old state",
    "no-traffic": "no client sends anything",
    "instant-errors": "every upstream attempt fails within milliseconds",
    "down": "the ports of OmniRoute refuse; the control port still answers",
    "not-restarted": "rollback.sh exits 0 and the old process goes on",
    "compose-fails": "docker compose up fails, after the tag was moved",
    "npm-fails": "npm install exits 7",
    "npm-deploy": "OmniRoute is deployed with npm and pm2, and docker has no container of it",
    "no-pm2": "with npm-deploy: pm2 knows of no process called omniroute",
    "column-mismatch": "the live api_keys table has another column count than every snapshot",
    "balancer-keeps": "the balancer keeps the bad replica until that is stopped",
    "policies-empty": "authz-inventory has policies_active: []",
    "inventory-malformed": "authz-inventory answers a list instead of an object",
    "inventory-failing": "authz-inventory answers 500",
    "slow-script": "scripts take VALUE longer (default 3s)",
}
"""Faults of the world; they hold as long as they are set."""

WRITES = ("PUT", "PATCH", "POST", "DELETE")
_ANY_METHOD = (
    "slow", "unauthorized", "error-500", "refuse", "hang", "redirect", "garbage",
    "rate-limited", "rate-limited-bare", "code",
)  # fmt: skip
_SHAPE = re.compile(r"([a-z0-9-]+)(?:=([^@#]+))?(?:@([A-Z]+)?(?::([^#]+))?)?(?:#(\d+))?")


class Fault(NamedTuple):
    """One parsed fault. ``method`` and ``path`` (a prefix) are "" for any; ``nth`` is 0 for every request."""

    text: str
    kind: str
    seconds: float
    method: str
    path: str
    nth: int
    value: str = ""  # as it was written

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request is one this fault is about (whatever its number)."""
        if self.kind not in REQUEST_KINDS or not path.startswith(self.path):
            return False
        if not path.startswith("/") and not self.path:
            return False
        if self.method:
            return method == self.method
        if path.startswith("/api/auth/") and not self.path:
            return False  # a fault that names no request is about the work, not about getting in
        return self.kind in _ANY_METHOD or method in WRITES


def parse(spec: str) -> list[Fault]:
    """Read a specification; "" is no faults. Raises BadInput naming the part that is wrong."""
    return [_one(part) for part in (piece.strip() for piece in spec.split(",")) if part]


def _one(part: str) -> Fault:
    found = _SHAPE.fullmatch(part)
    known = {**REQUEST_KINDS, **WORLD_KINDS}
    if not found or found[1] not in known:
        raise BadInput(
            f"no such fault: {part}",
            why="a fault is KIND[=SECONDS][@METHOD[:PATH]][#N]; kinds: " + ", ".join(sorted(known)),
            state="nothing was started",
            next="for example --faults applied-500@PUT#1,slow=2s@GET",
        )
    kind, value, method, path, number = found.groups()
    try:
        wait = seconds(value) if value and kind != "code" else 3.0
    except ValueError as error:
        raise BadInput(f"the fault {part} has a bad duration", why=str(error), next="write slow=3s") from None
    return Fault(part, kind, wait, method or "", path or "", int(number or 0), value or "")


def fire(faults: Iterable[Fault], counts: dict[str, int], method: str, path: str) -> list[Fault]:
    """Count a request and return the faults it meets.

    ``counts`` lives in the world's state, so that a restarted simulator goes on counting.
    """
    met = []
    for fault in faults:
        if fault.matches(method, path):
            counts[fault.text] = counts.get(fault.text, 0) + 1
            if fault.nth in (0, counts[fault.text]):
                met.append(fault)
    return met


def find(faults: Iterable[Fault], kind: str) -> Fault | None:
    """Return the first fault of a kind, or None."""
    return next((fault for fault in faults if fault.kind == kind), None)

"""A compiled runbook: plain JSON, pinned into the run when it starts. `catalog/compile.py` makes it.

Calls of other runbooks are expanded here: a called runbook's steps carry the calling step's id as a prefix
("rollback.snapshot"), so the engine sees one flat graph and a circle of calls cannot exist.
"""

from __future__ import annotations

from typing import Any, TypedDict

ENDS = {
    "done": "mitigated",
    "not_recovered": "not_recovered",
    "inconclusive": "inconclusive",
    "aborted": "aborted",
    "stopped": "stopped",
}
"""The words a transition may end on, and the run's outcome each stands for."""

OUTCOMES: dict[str, tuple[str, ...]] = {
    "manual": ("success", "declined"),
    "ask": ("success", "declined"),
    "choose": (),
    "action": ("success", "failure"),  # and "declined" where there is an approval
    "verify": ("success", "failure", "inconclusive"),
    "wait": ("success",),
    "post": ("success", "declined"),
    "runbook": ("success", "failure", "inconclusive", "declined"),
    "stop": (),
}
"""The outcomes each kind of step can have; every one must be routed. With ``expires``, also "timeout"."""


class Guard(TypedDict, total=False):
    """One branch of a ``choose``; the default has no ``op``."""

    value: Any
    op: str  # "is", "above", "below", "empty"
    than: Any
    go: str


class Step(TypedDict, total=False):
    """One node. Targets in ``edges`` and ``go`` are a step id, "ask", "return" (handlers) or "end:<word of ENDS>"."""

    id: str
    kind: str  # manual ask choose action verify wait post stop, and "call" for an expanded runbook step
    title: str
    why: str
    runbook: str  # id of the runbook this step comes from
    section: str
    text: str  # manual: what to do. post: what to post. ask: the question
    edges: dict[str, str]  # outcome -> target; a "call" has {"enter": target}
    expires_s: float
    action: str
    args: dict[str, Any]  # values may be references
    each: str  # a reference to a list; "" = once
    approve: str  # "" or "operator"
    ask: dict[str, Any]  # type; choices {key: {label, go}}; options (reference); unattended; suggest (reference)
    due_s: float  # due so long after the page; shown with how late it is, and never acted upon by itself
    verify: dict[str, Any]  # slo, scope (reference or None), since, within_s, every_s, min_requests, passes
    guards: list[Guard]
    wait_s: float
    until: dict[str, Any]  # wait: action (a read), output (a flag), is, every_s: ends it early
    wait_from: str  # "onset" or "page": what ``wait_s`` counts from; absent: the moment the step was entered
    channel: str
    stop: str  # word of ENDS


Timer = TypedDict("Timer", {"id": str, "from": str, "after_s": float, "unless": str, "do": str})
"""``from``: "onset", "page", "run" (the run's start) or a step id; ``unless``: a step id whose success cancels it;
``do``: a step."""


class Graph(TypedDict):
    """A whole runbook, expanded. ``hash`` is the SHA-256 of its canonical JSON without the hash itself."""

    format: int
    id: str
    section: str
    title: str
    summary: str
    inputs: dict[str, dict[str, Any]]
    start: str
    steps: dict[str, Step]
    timers: list[Timer]
    hash: str

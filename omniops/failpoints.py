"""Named places where a test can make the process die or stop, as a power cut or a closed lid would.

``OMNIOPS_FAILPOINT=after_intent@disable`` kills the process (SIGKILL) at that place; ``=stop`` appended suspends it
(SIGSTOP) instead, ``#2`` means the second time the place is reached. ``OMNIOPS_FAILPOINT_LOG=FILE`` writes down every
place that is reached instead. Without either variable a place costs one comparison.
The places are listed in ``PLACES``, all of them.
"""

from __future__ import annotations

import os

OF_A_WALK = (
    "before_intent",
    "after_intent",
    "after_send",
    "after_response",
    "after_outcome",
    "in_prompt",
    "in_verify",
    "in_undo",
    "in_resume",
    "journal.commit",
    "journal.head",
    "job.folder",
    "job.spawned",
)
"""The crash matrix in tests/crash walks all of them."""
OF_COMMANDS = (
    "comms.look",
    "handoff.look",
    "outbox.queued",
    "outbox.sending",
    "outbox.request",
    "outbox.fact",
    "outbox.sent",
    "postmortem.debts",
    "sync.begun",
    "sync.sent",
)
"""Tried where the tests of each command are: tests/crash/test_outbox.py, tests/cli."""
PLACES = OF_A_WALK + OF_COMMANDS

_WANTED = os.environ.get("OMNIOPS_FAILPOINT", "")
_LOG = os.environ.get("OMNIOPS_FAILPOINT_LOG", "")
_ARMED = bool(_WANTED or _LOG)
_hits = 0


def reached(place: str, detail: str = "") -> None:
    """Die here if the environment asks for it. ``detail`` is the step id (after_send: the HTTP method; outbox.*: the
    engine, outbox.fact: the kind of event, comms.look: what it is about, handoff.look and sync.*: the role)."""
    if not _ARMED:
        return
    if _LOG:
        with open(_LOG, "a", encoding="utf-8") as log:
            log.write(f"{place}@{detail}\n")
    global _hits
    wanted, _, how = _WANTED.partition("=")
    wanted, _, count = wanted.partition("#")
    wanted_place, _, wanted_detail = wanted.partition("@")
    if place != wanted_place or (wanted_detail and wanted_detail != detail):
        return
    _hits += 1
    if _hits == int(count or 1):
        import signal

        os.kill(os.getpid(), signal.SIGSTOP if how == "stop" else signal.SIGKILL)

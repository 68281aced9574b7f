"""An incident for reports and boards: everything that can happen, at fixed times, written by three people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.clock import iso
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
ID = "2026-11-23-openai-fails"
STREAM, RUN = f"incident/{ID}", "run/r7f3a"
HOSTILE = '<script>document.title="owned"</script><img src=http://127.0.0.1:9/x onerror=alert(1)>"\'`|[x](http://e.x)'
TITLE = f"OpenAI fails {HOSTILE}"
LONG = "a-word-that-does-not-end-" * 8


class At:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def boot(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Story:
    """Writes the incident into a journal, minute by minute from ``start`` on. ``journal`` and its ``clock`` may be
    given."""

    def __init__(self, journal: Any = None, clock: Any = None, start: datetime = START) -> None:
        self.start = start
        self.clock = clock or At()
        self.journal: Any = journal or MemoryJournal(self.clock, "alice", "host")

    def add(self, minute: float, stream: str, kind: str, actor: str = "alice", **data: Any) -> None:
        """One event, so many minutes after the start."""
        self.clock.moment = self.start + timedelta(minutes=minute)
        self.journal.actor = actor
        self.journal.append([New(stream, None, kind, data)])

    def close(self) -> None:
        """Close a journal that is a file."""
        self.journal.close()

    def opened(self) -> Story:
        """Opened, graded twice, with roles; page acknowledged."""
        for hour in (1, 2):
            self.add(-60 * hour, "figures", "figures", p95_s=0.5 + hour / 10, requests=400, source="omniroute")
        page = {"id": "Q1", "source": "pagerduty", "number": 481, "title": "ErrorBudgetBurnFast", "at": iso(self.start)}
        self.add(1, STREAM, "incident.opened", title=TITLE, onset=iso(self.start), source="user-report")
        self.add(1, STREAM, "page.linked", page=page)
        self.add(2, STREAM, "page.acknowledged", page="Q1", how="rest", by="alice")
        self.add(4, STREAM, "severity", severity="SEV-2", why="one provider is down")
        self.add(5, STREAM, "severity", actor="bob", severity="SEV-1", why=f"5xx flood {HOSTILE}")
        self.add(5, STREAM, "role", role="commander", who="alice")
        self.add(6, STREAM, "role", actor="bob", role="scribe", who=f"Bob {HOSTILE}")
        self.add(7, STREAM, "note", actor=f"eve {HOSTILE}", text=f"seen by a customer, {HOSTILE} {LONG}")
        return self

    def walked(self) -> Story:
        """A run is begun, and stands at its first step."""
        graph = {"id": "provider-outage", "start": "disable", "timers": [], "steps": {
            name: {"id": name, "title": name, "kind": kind}
            for name, kind in (("disable", "action"), ("recovered", "verify"))}}  # fmt: skip
        self.add(8, "runs", "run.opened", run="r7f3a", runbook="provider-outage", incident=ID, targets=["c1"])
        self.add(8, RUN, "run.started", run="r7f3a", runbook="provider-outage", incident=ID, onset=iso(self.start),
                 inputs={}, targets=["c1"], drill=False, graph=graph)  # fmt: skip
        self.add(8, RUN, "lease.taken", pid=1, host="host", how="started")
        self.add(8, RUN, "step.entered", step="disable", items=[{"id": "c1"}])
        return self

    def mitigated(self) -> Story:
        """Three looks over budget, a change, and looks that end in recovery; one mitigation is in force."""
        self.walked()
        key = "r7f3a/disable/0"
        self.add(9, RUN, "intent", key=key, step="disable", item=0, action="connection.disable", args={},
                 target=f"openai/main {HOSTILE}", before={"isActive": True}, desired={"isActive": False},
                 effect="write", undo="enable")  # fmt: skip
        self.add(9, RUN, "outcome", key=key, status="applied", detail="200", at=iso(self.start + timedelta(minutes=9)))
        self.add(9, RUN, "item.done", step="disable", item=0, key=key, outcome="success", changed=True,
                 after={"isActive": False}, at=iso(self.start + timedelta(minutes=9)))  # fmt: skip
        self.add(9, RUN, "step.done", step="disable", outcome="success", go="recovered", outputs={})
        self.add(9, RUN, "step.entered", step="recovered", items=[])
        for number, (p95, ratio) in enumerate(
            [(None, None), (4.2, 0.31), (3.1, 0.12), (2.2, 0.02), (0.9, 0.0), (0.8, 0.0)]
        ):
            minute = 9.2 + number / 2
            verdict = "cannot tell" if p95 is None else "fail" if p95 > 1.5 else "pass"
            self.add(minute, RUN, "sample", step="recovered", at=iso(self.start + timedelta(minutes=minute)), p95_s=p95,
                     budget_s=1.5, error_ratio=ratio, error_budget=0.006, attempts=90, errors=0, requests=90,
                     ok_elsewhere=40, min_requests=20, verdict=verdict, why="as it is")  # fmt: skip
        self.add(12, RUN, "step.done", step="recovered", outcome="success", go="end:done", detail="p95 0.80s",
                 outputs={"verdict": "recovered"})  # fmt: skip
        self.add(12, RUN, "run.ended", outcome="mitigated")
        self.add(12, "runs", "run.closed", run="r7f3a", outcome="mitigated")
        self.add(13, STREAM, "comms.done", obligation="mail.start", how="by hand")
        return self

    def put_back(self) -> Story:
        """The mitigation is undone."""
        undo = {"key": "r7f3a/undo/0", "undo_of": "r7f3a/disable/0"}
        self.add(40, RUN, "intent", actor="bob", **undo, step="disable", item=0, action="connection.disable", args={},
                 target="openai/main", before={"isActive": False}, desired={"isActive": True}, effect="")  # fmt: skip
        self.add(40, RUN, "outcome", actor="bob", **undo, status="applied", detail="200")
        self.add(40, RUN, "undone", actor="bob", key="r7f3a/disable/0", detail="")
        return self

    def frozen(self) -> Story:
        """Somebody enters the security path."""
        self.add(14, STREAM, "frozen", actor="carol", by="run r0001")
        return self

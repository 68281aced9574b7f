"""Who holds a run, and how the one who lost it finds out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.errors import Exit
from omniops.journal.events import Conflict, Journal, New
from omniops.journal.lease import holder_state, me
from omniops.journal.memory import MemoryJournal
from omniops.journal.writer import LostLease, RunWriter
from tests.support.journals import RUN, Ticking, opened

ROOT = Path(__file__).resolve().parents[2]
TELL = "import json, sys; from omniops.journal.lease import me; print(json.dumps(me()), flush=True); sys.stdin.read()"


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Another process, and how it describes itself."""
    import json

    process = subprocess.Popen(
        [sys.executable, "-c", TELL], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    yield process, json.loads(process.stdout.readline())
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_me() -> None:
    """A process knows itself, and everything about it can be journalled."""
    import json

    assert holder_state(me()) == "me"
    assert holder_state(json.loads(json.dumps(me()))) == "me"
    assert me()["pid"] == os.getpid()


def test_another_process(other: tuple[subprocess.Popen[str], dict[str, Any]]) -> None:
    """Another process is alive while it lives, suspended or not, and dead once it has ended."""
    process, holder = other
    assert holder_state(holder) == "alive"
    process.send_signal(signal.SIGSTOP)
    assert holder_state(holder) == "alive"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert holder_state(holder) == "dead", "its remains are still in the table of processes"
    process.wait()
    assert holder_state(holder) == "dead"


def test_its_number_used_again() -> None:
    """A process with the holder's number and another start time is somebody else: the holder is dead."""
    assert holder_state({**me(), "started": "1"}) == "dead"


def test_another_boot() -> None:
    """After a reboot nothing of before is alive, whatever has its number now."""
    assert holder_state({**me(), "boot": "0" * 36}) == "dead"


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"boot": ""}, {"started": ""}])
def test_what_cannot_be_proved(change: dict[str, str]) -> None:
    """Another host, or a holder about which too little is known, is not declared dead."""
    assert holder_state({**me(), **change}) == "unknown"


@pytest.fixture(params=["sqlite", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return opened(tmp_path / "journal.db") if request.param == "sqlite" else MemoryJournal(Ticking(), "alice", "host")


def begun(journal: Journal) -> RunWriter:
    journal.append([New(RUN, 0, "run.started", {}), New(RUN, None, "lease.taken", dict(me()))])
    return RunWriter(journal, RUN, 2)


def test_the_holder_writes(journal: Journal) -> None:
    """The holder appends to its run, with events of other streams in the same transaction, and gets its own back."""
    writer = begun(journal)
    mine = writer.append_all([("intent", {}), ("outcome", {})], [New("runs", None, "run.closed", {})])
    assert [(e.stream, e.n, e.kind) for e in mine] == [(RUN, 3, "intent"), (RUN, 4, "outcome")]
    assert journal.length("runs") == 1
    writer.still_ours()
    assert writer.append_all([("note", {})])[0].n == 5


def test_somebody_else_has_taken_over(journal: Journal) -> None:
    """After a takeover the old holder's look and its append are refused, nothing is written, and it hears by whom."""
    writer = begun(journal)
    journal.append([New(RUN, 2, "lease.taken", dict(me()))])
    for attempt in (writer.still_ours, lambda: writer.append_all([("intent", {})], [New("runs", None, "k", {})])):
        with pytest.raises(LostLease) as error:
            attempt()
        assert error.value.exit == Exit.PERSON
        assert "r7f3a was taken over by alice on host" in error.value.what
    assert (journal.length(RUN), journal.length("runs")) == (3, 0)


def test_a_note_does_not_trip_a_walk(journal: Journal) -> None:
    """What others write to other streams leaves the holder where it was."""
    writer = begun(journal)
    journal.append([New("incident/x", None, "note", {})])
    writer.still_ours()
    assert writer.append_all([("note", {})])[0].n == 3


def test_a_conflict_elsewhere_is_no_lost_lease(journal: Journal) -> None:
    """Another stream that has moved on is told as that, and nothing is written."""
    writer = begun(journal)
    journal.append([New("runs", None, "k", {})])
    with pytest.raises(Conflict) as conflict:
        writer.append_all([("note", {})], [New("runs", 0, "run.closed", {})])
    assert conflict.value.stream == "runs"
    assert journal.length(RUN) == 2
    writer.still_ours()


def test_events_without_a_taker(journal: Journal) -> None:
    """Events that came from nowhere still end the walk, in words that make sense."""
    writer = begun(journal)
    journal.append([New(RUN, 2, "note", {})])
    with pytest.raises(LostLease) as error:
        writer.still_ours()
    assert "somebody else" in error.value.what
    assert len(error.value.lines()) == 4

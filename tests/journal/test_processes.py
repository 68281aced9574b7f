"""Several processes, and processes that die: what was acknowledged is there, nothing is there by half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omniops.journal.events import New
from omniops.journal.head import Head
from omniops.journal.store import SqliteJournal
from tests.support.journals import content, opened

ROOT = Path(__file__).resolve().parents[2]
STREAM = "run/r7f3a"


def start(path: Path, count: int, name: str = "a", failpoint: str = "") -> subprocess.Popen[str]:
    """A writing process of its own."""
    env = {**os.environ, "OMNIOPS_FAILPOINT": failpoint} if failpoint else dict(os.environ)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.journal_writer", str(path), STREAM, str(count), name],
        cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], code: int = 0) -> list[int]:
    """Wait for a writer's end; return the numbers it acknowledged."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return [int(line) for line in out.splitlines() if line.isdigit()]


def whole(journal: SqliteJournal) -> int:
    """Check the chain, and that every append is there with all of its three events or with none; return the count."""
    count = journal.verify()
    found = content(journal)
    pairs = [(e.data["name"], e.data["at"]) for e in found.get("others", [])]
    run = [e for e in found.get(STREAM, []) if e.kind in ("intent", "outcome")]
    assert [(e.data["name"], e.data["at"]) for e in run if e.kind == "intent"] == pairs
    assert [(e.data["name"], e.data["at"]) for e in run if e.kind == "outcome"] == pairs
    assert [e.kind for e in run] == ["intent", "outcome"] * len(pairs)
    return count


def test_killed_again_and_again(tmp_path: Path) -> None:
    """SIGKILL at any moment: every acknowledged event is there, appends are whole, the next one works."""
    path = tmp_path / "journal.db"
    chance = random.Random(7)
    acknowledged = 0
    for turn in range(10):
        process = start(path, 100_000, f"turn {turn}")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.random() * 0.12)
        process.kill()
        acknowledged = max([acknowledged, *ended(process, -signal.SIGKILL)])
        journal = opened(path, create=turn % 2 == 0)
        assert whole(journal) >= acknowledged
        journal.close()
    journal = opened(path)
    before = whole(journal)
    journal.append([New("a", None, "k", {})])
    assert journal.verify() == before + 1
    assert acknowledged > 10


@pytest.mark.parametrize(("place", "kept"), [("journal.commit#3", 2), ("journal.head#3", 3)])
def test_killed_around_the_commit(tmp_path: Path, place: str, kept: int) -> None:
    """Killed before the commit, nothing of the append is there; after it, all of it; the head is mended by the next."""
    path = tmp_path / "journal.db"
    seen = ended(start(path, 5, failpoint=place), -signal.SIGKILL)
    assert seen == [3, 6]
    reader = opened(path, create=False)
    assert whole(reader) == 3 * kept
    reader.close()
    journal = opened(path)
    assert whole(journal) == 3 * kept
    mark = Head(path.with_name("journal.db.head")).read()
    assert mark is not None
    assert mark.seq == 3 * kept
    journal.append([New(STREAM, 2 * kept, "note", {})])
    assert journal.verify() == 3 * kept + 1


@pytest.mark.parametrize("place", ["journal.commit#1", "journal.head#1"])
def test_killed_in_the_very_first_append(tmp_path: Path, place: str) -> None:
    """A new journal whose first append was cut off is a journal, with that append or without it."""
    path = tmp_path / "state" / "journal.db"
    assert ended(start(path, 5, failpoint=place), -signal.SIGKILL) == []
    count = 0 if place.startswith("journal.commit") else 3
    reader = opened(path, create=False)
    assert whole(reader) == count
    reader.close()
    assert ended(start(path, 2)) == [count + 3, count + 6]
    assert whole(opened(path)) == count + 6


def test_two_writers(tmp_path: Path) -> None:
    """Two processes that append to one stream with its expected length: one wins each time, and nothing is lost."""
    path = tmp_path / "journal.db"
    both = [start(path, 25, name) for name in ("a", "b")]
    seen = [ended(process) for process in both]
    assert len(set(seen[0]) | set(seen[1])) == 50
    journal = opened(path)
    assert whole(journal) == 150
    for name in ("a", "b"):
        assert [e.data["at"] for e in journal.read("others") if e.data["name"] == name] == list(range(25))
    mark = Head(path.with_name("journal.db.head")).read()
    assert mark is not None
    assert mark.seq == 150


def test_many_begin_at_once(tmp_path: Path) -> None:
    """Several processes that find no journal make one, together."""
    path = tmp_path / "state" / "journal.db"
    for process in [start(path, 2, name) for name in "abcd"]:
        ended(process)
    assert whole(opened(path)) == 24


@pytest.mark.parametrize("meanwhile", [1, 2, 3])
def test_the_head_never_goes_back(tmp_path: Path, meanwhile: int) -> None:
    """A process suspended between commit and mark, woken later, does not turn the head back: a loss would be missed."""
    path = tmp_path / "journal.db"
    slow = start(path, 2, "slow", failpoint="journal.head#2=stop")
    suspended(slow)
    quick = opened(path)
    for _ in range(meanwhile):
        quick.append([New("quick", None, "note", {})])
    slow.send_signal(signal.SIGCONT)
    assert ended(slow) == [3, 6]
    mark = Head(path.with_name("journal.db.head")).read()
    assert mark is not None
    assert mark.seq == 6 + meanwhile
    assert whole(quick) == 6 + meanwhile
    quick.close()
    assert whole(opened(path, create=False)) == 6 + meanwhile


def suspended(process: subprocess.Popen[str]) -> None:
    """Wait until a process has stopped itself."""
    for _ in range(2000):
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        if stat.rpartition(")")[2].split()[0] == "T":
            return
        assert process.poll() is None
        time.sleep(0.005)
    raise AssertionError("it did not stop")


def test_reading_while_another_writes(tmp_path: Path) -> None:
    """A reader sees whole appends only, never fewer than before, and is never refused because of the writer."""
    path = tmp_path / "journal.db"
    opened(path).close()
    process = start(path, 60)
    standing = opened(path, create=False)
    most = 0
    while process.poll() is None:
        reader = opened(path, create=False)
        count = whole_moment(reader)
        assert count >= most
        most = count
        reader.close()
        assert len(standing.read(STREAM)) % 2 == 0
    assert len(ended(process)) == 60
    assert standing.length(STREAM) == 120
    assert standing.verify() == 180


def whole_moment(journal: SqliteJournal) -> int:
    """The number of events, checked; each append to the stream is there with both of its events."""
    count = journal.verify()
    assert count % 3 == 0
    kinds = [event.kind for event in journal.read(STREAM)]
    assert kinds == ["intent", "outcome"] * (len(kinds) // 2)
    return count

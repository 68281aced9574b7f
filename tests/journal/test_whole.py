"""A long journal is checked by two processes. What the other one says is believed where it is right, and only there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omniops.errors import JournalDamaged
from omniops.journal import chain, whole
from omniops.journal.events import New
from omniops.journal.store import SqliteJournal
from tests.support.journals import fill, opened


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteJournal]:
    """A journal of 28 events, of which the other process gets 15."""
    monkeypatch.setattr(whole, "TWO", 10)
    journal = opened(tmp_path / "a folder with % and ?" / "journal.db")
    fill(journal)
    yield journal
    journal.close()


def damage(journal: SqliteJournal, seq: int, *, rehashed: bool = False) -> None:
    db = sqlite3.connect(journal.path)
    line = db.execute("SELECT line FROM events WHERE seq = ?", (seq,)).fetchone()[0].replace('"host"', '"hose"')
    if rehashed:
        line = f'["{chain_hash(line)}{line[chain.HASH.stop :]}'
    db.execute("UPDATE events SET line = ? WHERE seq = ?", (line, seq))
    db.commit()
    db.close()


def chain_hash(line: str) -> str:
    from hashlib import sha256

    return sha256(line[chain.HASHED].encode()).hexdigest()


def lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """Put another program in the place of the one that checks."""
    path = tmp_path / "other.py"
    path.write_text(f"import os, sys, time\n{program}\n", encoding="utf-8")
    monkeypatch.setattr(chain, "__file__", str(path))


def test_both_parts_are_whole(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process is believed where it gives the hash that the second part begins with: nothing is done twice."""
    parts: list[tuple[int, int]] = []
    one = whole._part

    def part(db: sqlite3.Connection, path: Path, after: int, last: int, previous: str) -> None:
        parts.append((after, last))
        one(db, path, after, last, previous)

    monkeypatch.setattr(whole, "_part", part)
    assert journal.verify() == 28
    assert parts == [(15, 28)]


@pytest.mark.parametrize("rehashed", [False, True])
@pytest.mark.parametrize("seq", [1, 7, 14, 15, 16, 17, 28])
def test_damage_in_either_part(seq: int, rehashed: bool, journal: SqliteJournal) -> None:
    """An edited event is found and named, whichever process has looked at it, and where the parts meet."""
    damage(journal, seq, rehashed=rehashed)
    found = min(seq + rehashed, 28)  # one with a hash that fits is betrayed by the next one, the last by the head
    with pytest.raises(JournalDamaged) as error:
        journal.verify()
    assert f"event {found} is not the one that was written" in error.value.why


def test_what_is_damaged_first_is_named(journal: SqliteJournal) -> None:
    """With damage in both parts it is the first that counts: all that follows may be what came of it."""
    damage(journal, 3)
    damage(journal, 20)
    with pytest.raises(JournalDamaged) as error:
        journal.verify()
    assert "event 3 is not" in error.value.why


def test_another_file_in_its_place(journal: SqliteJournal, tmp_path: Path) -> None:
    """The other process opens what is called so: a good copy in the place of the damaged file vouches for nothing."""
    good = tmp_path / "good.db"
    db = sqlite3.connect(journal.path)
    db.execute("VACUUM INTO ?", (str(good),))
    db.close()
    damage(journal, 5)
    journal.path.rename(tmp_path / "moved.db")
    good.rename(journal.path)
    with pytest.raises(JournalDamaged):
        journal.verify()


@pytest.mark.parametrize(
    "program",
    ["sys.exit(3)", "os.kill(os.getpid(), 9)", "print(15, 'f' * 64)", "print('28', sys.argv[2])", "print(b'\\xff')"],
)
def test_whatever_else_it_says(
    program: str, journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, or with another answer than the one that fits, it is not believed; its part is checked again here."""
    lie(monkeypatch, tmp_path, program)
    assert journal.verify() == 28
    damage(journal, 7)
    with pytest.raises(JournalDamaged, match="cannot be trusted"):
        journal.verify()


def test_it_hangs(journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not end is waited for only so long, and then it is ended."""
    monkeypatch.setattr(whole, "PATIENCE_S", 0.2)
    lie(monkeypatch, tmp_path, f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    assert journal.verify() == 28
    pid = (tmp_path / "pid").read_text(encoding="ascii") if (tmp_path / "pid").exists() else ""
    assert not pid or not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("executable", ["/nonexistent/python", "", None])
def test_there_is_no_process_more(
    executable: str | None, journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none can be started, all is checked here."""
    monkeypatch.setattr(sys, "executable", executable)
    assert journal.verify() == 28
    damage(journal, 7)
    with pytest.raises(JournalDamaged, match="cannot be trusted"):
        journal.verify()


def test_the_program_says_what_is_wrong_by_its_exit_code(journal: SqliteJournal) -> None:
    """It prints nothing about a part that is not whole."""
    damage(journal, 7)
    uri = f"{journal.path.absolute().as_uri()}?mode=ro"
    program = [sys.executable, "-I", "-S", chain.__file__, uri, journal._genesis, "15"]
    done = subprocess.run(program, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_a_journal_that_grows_meanwhile(journal: SqliteJournal) -> None:
    """What another process appends is no part of this check, and is verified when it is read."""
    other = opened(journal.path)
    other.append([New("run/other", 0, "note", {"text": "hello"})])
    other.close()
    assert journal.verify() == 29

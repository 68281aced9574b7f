"""The head file: a journal behind it has lost its tail, and the way to go on is to say so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omniops.errors import BadInput, Exit, JournalDamaged, OmniopsError
from omniops.journal.events import New
from omniops.journal.head import SLOT
from omniops.journal.store import SqliteJournal
from tests.support.journals import RUN, Base, Ticking, content, fill, opened


def accept(path: Path, reason: str = "the disk was restored") -> dict[str, int]:
    return SqliteJournal.accept_loss(path, Ticking(), "alice", "host", False, reason)


@pytest.fixture
def behind(tmp_path: Path) -> Path:
    """A journal of an earlier day beside the head of today."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 2)
    journal.close()
    shutil.copy(path, tmp_path / "yesterday.db")
    journal = opened(path)
    journal.append([New(RUN, None, "intent", {"key": "lost"})])
    journal.append([New(RUN, None, "outcome", {"key": "lost"})])
    journal.close()
    shutil.copy(tmp_path / "yesterday.db", path)
    (tmp_path / "yesterday.db").unlink()
    return path


@pytest.mark.parametrize("create", [True, False])
def test_a_lost_tail_is_refused(behind: Path, create: bool) -> None:
    """A journal behind its head: exit 6, how much is lost, that nothing was written, and the way out."""
    before = behind.read_bytes()
    with pytest.raises(JournalDamaged) as error:
        opened(behind, create=create)
    assert error.value.exit == Exit.BROKEN
    assert "13 to 14" in " ".join(error.value.lines())
    assert "omniops journal accept --reason" in error.value.next
    assert behind.read_bytes() == before


def test_accepting_the_loss(behind: Path) -> None:
    """What is left is kept, the loss becomes an event with its reason, and the journal can be used again."""
    assert accept(behind) == {"had": 14, "has": 12}
    journal = opened(behind)
    assert journal.verify() == 13
    assert [(e.kind, e.data) for e in journal.read("journal")] == [
        ("journal.tail_lost", {"had": 14, "has": 12, "reason": "the disk was restored"})
    ]
    journal.append([New(RUN, None, "note", {})])
    journal.close()
    assert opened(behind, create=False).verify() == 14


def test_what_was_lost_stays_lost(behind: Path) -> None:
    """After accepting, another loss is found as before, though the new events have the old numbers."""
    accept(behind)
    journal = opened(behind)
    for _ in range(4):
        journal.append([New(RUN, None, "note", {})])
    journal.close()
    shutil.copy(behind, behind.with_name("older"))
    journal = opened(behind)
    journal.append([New(RUN, None, "note", {})])
    journal.close()
    shutil.copy(behind.with_name("older"), behind)
    with pytest.raises(JournalDamaged):
        opened(behind)


def test_nothing_to_accept(tmp_path: Path) -> None:
    """A journal that has lost nothing is not told that it has."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 1)
    before = content(journal)
    journal.close()
    with pytest.raises(BadInput):
        accept(path)
    assert content(opened(path)) == before


def test_no_journal_to_accept(tmp_path: Path) -> None:
    """Where there is no journal at all there is no loss, and none is made."""
    with pytest.raises(OmniopsError):
        accept(tmp_path / "state" / "journal.db")
    assert list(tmp_path.iterdir()) == []


def test_damage_is_not_a_lost_tail(behind: Path) -> None:
    """Accepting the loss of the tail does not accept an edited event; journal and head stay as they were."""
    import sqlite3

    db = sqlite3.connect(behind)
    db.execute("UPDATE events SET line = replace(line, 'isActive', 'isactive')")
    db.commit()
    db.close()
    files = {path.name: path.read_bytes() for path in behind.parent.iterdir()}
    with pytest.raises(JournalDamaged):
        accept(behind)
    assert {path.name: path.read_bytes() for path in behind.parent.iterdir()} == files


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("how", ["gone", "empty"])
def test_the_journal_gone_and_its_head_there(tmp_path: Path, how: str, create: bool) -> None:
    """A head without its journal means that everything is lost; no new one is begun in silence."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 1)
    journal.close()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"")
    with pytest.raises(JournalDamaged) as error:
        opened(path, create=create)
    assert "8 events" in error.value.why
    assert path.exists() == (how == "empty")
    assert accept(path) == {"had": 8, "has": 0}
    assert opened(path).verify() == 1


def test_the_head_gone(tmp_path: Path) -> None:
    """A journal whose head is gone is read, and gets a new head with the next writing."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 1)
    before = content(journal)
    journal.close()
    head = tmp_path / "journal.db.head"
    head.unlink()
    assert content(opened(path, create=False)) == before
    assert not head.exists()
    opened(path).close()
    assert head.exists()


def test_a_commit_without_its_mark(tmp_path: Path) -> None:
    """Killed between commit and mark, the journal is ahead of its head: no loss, and the head is mended."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 1)
    journal.close()
    old = (tmp_path / "journal.db.head").read_bytes()
    journal = opened(path)
    journal.append([New(RUN, None, "note", {})])
    before = content(journal)
    journal.close()
    (tmp_path / "journal.db.head").write_bytes(old)
    assert content(opened(path, create=False)) == before
    assert (tmp_path / "journal.db.head").read_bytes() == old
    opened(path).close()
    assert (tmp_path / "journal.db.head").read_bytes() != old


def test_one_mark_damaged(tmp_path: Path) -> None:
    """A torn write of one mark leaves the other: the journal is read whole."""
    base = Base(tmp_path / "base")
    for at in (0, SLOT):
        raw = bytearray(base.files[".head"])
        raw[at : at + 70] = b"\xff" * 70
        assert base.judge(head=bytes(raw)) == "whole"


def test_one_mark_damaged_and_the_tail_lost(tmp_path: Path) -> None:
    """With the newest mark torn, the one before still finds a loss that reaches behind it."""
    base = Base(tmp_path / "base")
    for at in (0, SLOT):
        raw = bytearray(base.files[".head"])
        raw[at : at + 70] = b"\xff" * 70
        assert base.judge(head=bytes(raw), wal=None).startswith("refused")


def test_both_marks_damaged(tmp_path: Path) -> None:
    """With no mark that can be read nobody knows how far the journal had come: refused, with the same way out."""
    base = Base(tmp_path / "base")
    raw = bytearray(base.files[".head"])
    for at in (0, SLOT):
        raw[at : at + 70] = b"\xff" * 70
    path = base.case(head=bytes(raw))
    for create in (True, False):
        with pytest.raises(JournalDamaged) as error:
            opened(path, create=create)
        assert "journal accept" in error.value.next
    count = sum(map(len, base.truth.values()))
    assert accept(path)["has"] == count
    journal = opened(path)
    assert journal.verify() == count + 1


def test_the_mark_of_another_journal(tmp_path: Path) -> None:
    """A head that disagrees with the journal about an event belongs to another one: refused."""
    one, two = opened(tmp_path / "one.db"), opened(tmp_path / "two.db")
    fill(one, 1)
    fill(two, 1)
    one.close()
    two.close()
    shutil.copy(tmp_path / "two.db.head", tmp_path / "one.db.head")
    with pytest.raises(JournalDamaged):
        opened(tmp_path / "one.db")

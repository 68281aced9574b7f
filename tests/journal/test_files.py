"""The files on disk: modes, what is no journal, what cannot be written, and what reading leaves behind."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omniops.errors import BadInput, Broken, Exit, JournalDamaged, OmniopsError, Waiting
from omniops.journal.events import New
from tests.support.journals import RUN, content, fill, opened

ROOT = Path(__file__).resolve().parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o000, 0o077])
def test_nobody_else_can_read_it(tmp_path: Path, umask: int) -> None:
    """The folder is made 0700, and database, log, shared memory and head are 0600, whatever the umask."""
    before = os.umask(umask)
    try:
        journal = opened(tmp_path / "state" / "omniops" / "journal.db")
        fill(journal, 1)
        found = {path.name: mode(path) for path in (tmp_path / "state" / "omniops").iterdir()}
        journal.close()
    finally:
        os.umask(before)
    assert mode(tmp_path / "state" / "omniops") == 0o700
    assert found == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.head"), 0o600)


def test_reading_on_a_fresh_machine_makes_nothing(tmp_path: Path) -> None:
    """Where there is no journal, reading finds it empty, and leaves neither file nor folder."""
    journal = opened(tmp_path / "state" / "journal.db", create=False)
    assert (journal.streams(""), journal.read("runs"), journal.verify(), journal.length("runs")) == ([], [], 0, 0)
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """A whole journal that is only read is the same afterwards, byte for byte, and no new file holds anything of it."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 1)
    journal.close()
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()}
    journal = opened(path, create=False)
    content(journal)
    journal.verify()
    journal.close()
    for file in tmp_path.iterdir():
        if file.name in before:
            assert (file.read_bytes(), file.stat().st_mtime_ns) == before[file.name]
        else:  # SQLite's own, which a reader needs to see a writer
            assert file.name == "journal.db-shm" or (file.name == "journal.db-wal" and file.stat().st_size == 0)
            assert mode(file) == 0o600


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """A file of no bytes (a creation that was cut off) is read as empty, and made a journal by writing."""
    path = tmp_path / "journal.db"
    path.touch(0o600)
    assert opened(path, create=False).streams("") == []
    journal = opened(path)
    fill(journal, 1)
    assert journal.verify() == len([event for events in content(journal).values() for event in events])


def _text(path: Path) -> None:
    path.write_text("my notes\n" * 1000)


def _short(path: Path) -> None:
    path.write_text("x")


def _folder(path: Path) -> None:
    path.mkdir()


def _foreign(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE photos (name)")
    db.commit()
    db.close()


def _foreign_with_version(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE events (name)")
    db.execute("PRAGMA user_version = 1")
    db.execute("PRAGMA application_id = 77")
    db.commit()
    db.close()


def _newer(path: Path) -> None:
    journal = opened(path)
    fill(journal, 1)
    journal.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def _a_drills(path: Path) -> None:
    journal = opened(path, drill=True)
    fill(journal, 1)
    journal.close()


def _device(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("make", [_text, _short, _folder, _foreign, _foreign_with_version, _newer, _a_drills, _device])
def test_what_is_not_ours(tmp_path: Path, make: Callable[[Path], None], create: bool) -> None:
    """Another program's file, a folder, a newer format, a drill's journal: refused, and left as it is."""
    path = tmp_path / "journal.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(OmniopsError) as error:
        opened(path, create=create)
    assert isinstance(error.value, (BadInput, JournalDamaged))
    assert str(path) in error.value.what
    assert error.value.state
    assert error.value.next
    assert len(error.value.lines()) <= 4
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_real_one_is_no_drill(tmp_path: Path) -> None:
    """A real journal opened by a drill is refused with exit 2, and not written to."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 1)
    before = content(journal)
    journal.close()
    with pytest.raises(BadInput) as error:
        opened(path, drill=True)
    assert error.value.exit == Exit.USAGE
    assert "real" in error.value.what
    assert content(opened(path)) == before


WITHOUT_ROOT = """
import os, sys
from pathlib import Path
from tests.support.journals import opened, content
from omniops.errors import OmniopsError
from omniops.journal.events import New
os.setgid(65534); os.setuid(65534)
path, create = Path(sys.argv[1]), sys.argv[2] == "create"
try:
    journal = opened(path, create=create)
    print("read", sum(map(len, content(journal).values())))
    journal.append([New("a", None, "k", {})])
    print("written")
except OmniopsError as error:
    print(type(error).__name__, int(error.exit), *error.lines(), sep="|")
"""


def as_nobody(path: Path, how: str) -> str:
    """Open and append as an operator without any right of root's."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOT, str(path), how],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that a user without rights can reach."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody without rights")
    place = tmp_path
    while place != place.parent and place.stat().st_uid == os.getuid() and "pytest" in str(place):
        place.chmod(0o755)
        place = place.parent
    return tmp_path


def test_a_file_without_permission(open_folder: Path) -> None:
    """A journal that may not be read or written is refused with exit 6 and a way out; nothing is lost."""
    folder = open_folder / "state"
    journal = opened(folder / "journal.db")
    fill(journal, 1)
    before = content(journal)
    journal.close()
    folder.chmod(0o755)
    for how in ("create", "read"):
        said = as_nobody(folder / "journal.db", how)
        assert said.startswith("Broken|6|"), said
        assert "permissions" in said
    for file in folder.iterdir():
        file.chmod(0o644)
    for how in ("create", "read"):
        said = as_nobody(folder / "journal.db", how)
        assert "Broken|6|" in said, said
        assert "written" not in said.splitlines()
    assert content(opened(folder / "journal.db", create=False)) == before


def test_a_folder_without_permission(open_folder: Path) -> None:
    """Where the folder cannot be written, a new journal is refused with exit 6; reading finds none."""
    folder = open_folder / "shut"
    folder.mkdir(mode=0o555)
    said = as_nobody(folder / "state" / "journal.db", "create")
    assert said.startswith("Broken|6|"), said
    assert as_nobody(folder / "state" / "journal.db", "read").startswith("read 0\nBroken|6|")


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.support.journals import opened
from omniops.errors import OmniopsError
from omniops.journal.events import New
journal = opened(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for turn in range(10000):
    try:
        journal.append([New("run/full", turn, "note", {"turn": turn, "text": "x" * 500})])
    except OmniopsError as error:
        print(turn, type(error).__name__, int(error.exit))
        break
try:
    journal.append([New("run/full", None, "note", {"text": "y" * 500})])
except OmniopsError as error:
    print(type(error).__name__, int(error.exit))
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """When nothing more can be written the append fails with exit 6, and what was acknowledged is there, whole."""
    for limit in (300_000, 300_500, 304_200):
        path = tmp_path / str(limit) / "journal.db"
        opened(path).close()
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(path), str(limit)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        first, second = done.stdout.splitlines()
        turns, *how = first.split()
        assert how == ["Broken", "6"]
        assert second == "Broken 6"
        journal = opened(path)
        assert journal.verify() == int(turns) >= 10
        assert [event.data["turn"] for event in journal.read("run/full")] == list(range(int(turns)))
        journal.append([New("run/full", int(turns), "note", {"text": "there is room again"})])
        assert journal.verify() == int(turns) + 1


def test_the_file_moved_away_under_us(tmp_path: Path) -> None:
    """A journal that is moved, removed or replaced while it is open takes nothing more: nobody would read it."""
    path = tmp_path / "journal.db"
    for how in ("moved", "replaced"):
        journal = opened(path)
        journal.append([New(RUN, None, "note", {})])
        path.rename(tmp_path / f"{how}.db")
        (tmp_path / "journal.db.head").rename(tmp_path / f"{how}.db.head")
        if how == "replaced":
            other = opened(path)
            other.append([New(RUN, None, "note", {})])
        with pytest.raises(Broken):
            journal.append([New(RUN, None, "note", {})])
        journal.close()


def test_a_locked_journal(tmp_path: Path) -> None:
    """While another process holds the journal, an append waits, then gives up with exit 8; reading goes on."""
    path = tmp_path / "journal.db"
    fill(opened(path), 1)
    ours = opened(path, busy_s=0.2)
    before = content(ours)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Waiting) as error:
        ours.append([New("a", None, "k", {})])
    assert error.value.exit == Exit.WAITING
    assert "another omniops" in error.value.what
    assert content(ours) == before
    reader = opened(path, create=False)
    assert content(reader) == before
    holder.communicate("let go")
    assert ours.append([New("a", 0, "k", {})])[0].n == 1
    ours.verify()


HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
"""

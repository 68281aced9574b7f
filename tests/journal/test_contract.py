"""What both journals promise: append all or nothing, read in order, redacted, with guards on a stream's length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omniops import __version__, text
from omniops.errors import JournalDamaged
from omniops.journal.events import Conflict, Event, Journal, New
from omniops.journal.memory import MemoryJournal
from omniops.journal.store import SqliteJournal
from omniops.text import is_secret
from tests.support.journals import Ticking, content, fill, opened

Make = Callable[..., Journal]


@pytest.fixture(params=["sqlite", "memory", "memory over sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def journal(actor: str = "alice", host: str = "host") -> Journal:
        if request.param == "memory":
            return MemoryJournal(Ticking(), actor, host)
        path = tmp_path / "state" / "journal.db"
        real = SqliteJournal(path, Ticking(), actor, host)
        return real if request.param == "sqlite" else MemoryJournal(Ticking(), actor, host, under=real)

    return journal


@pytest.fixture
def secret() -> Iterator[str]:
    """A value known to be secret, for this test."""
    before = text._secrets
    is_secret("hunter2-hunter2")
    yield "hunter2-hunter2"
    text._secrets = before


def test_an_event_as_it_is_read_back(make: Make) -> None:
    """What append returns is what every later read gives: places, time, who, version, kind and data."""
    journal = make()
    written = journal.append([New("run/r1", 0, "run.started", {"ünicode": "→ é 😀", "deep": [{"a": None}]})])
    assert written == [
        Event(1, "run/r1", 1, "2026-11-23T03:00:00.001Z", "alice", "host", __version__, "run.started",
              {"ünicode": "→ é 😀", "deep": [{"a": None}]})
    ]  # fmt: skip
    assert journal.read("run/r1") == written
    assert list(journal.kinds(["run.started"])) == written


def test_the_order_of_keys_is_kept(make: Make) -> None:
    """A graph's steps are read in the order they were written in."""
    journal = make()
    journal.append([New("run/r1", 0, "run.started", {"steps": {"zeta": 1, "alpha": 2, "mid": 3}})])
    assert list(journal.read("run/r1")[0].data["steps"]) == ["zeta", "alpha", "mid"]


def test_streams_count_for_themselves(make: Make) -> None:
    """``seq`` counts the journal, ``n`` each stream; both from 1 and without gaps."""
    journal = make()
    for stream in ("a", "b", "a", "a", "b"):
        journal.append([New(stream, None, "k", {})])
    assert [(e.seq, e.n) for e in journal.read("a")] == [(1, 1), (3, 2), (4, 3)]
    assert [(e.seq, e.n) for e in journal.read("b")] == [(2, 1), (5, 2)]
    assert (journal.length("a"), journal.length("b"), journal.length("c")) == (3, 2, 0)
    assert journal.read("c") == []


def test_reading_after(make: Make) -> None:
    """``after`` leaves out the first so many events of the stream, all of them if need be."""
    journal = make()
    journal.append([New("a", 0, "k", {"at": at}) if at == 0 else New("a", None, "k", {"at": at}) for at in range(5)])
    assert [event.n for event in journal.read("a", 3)] == [4, 5]
    assert journal.read("a", 5) == []
    assert journal.read("a", 50) == []


def test_kinds_over_all_streams(make: Make) -> None:
    """``kinds`` gives the wanted kinds in the journal's order; no kind wanted, none given."""
    journal = make()
    fill(journal, 2)
    found = list(journal.kinds(["intent", "note"]))
    assert [event.kind for event in found] == ["intent", "note", "intent", "note"]
    assert [event.seq for event in found] == sorted(event.seq for event in found)
    assert list(journal.kinds([])) == []
    assert list(journal.kinds(["no such kind"])) == []
    assert len(list(journal.kinds(iter(["intent", "intent"])))) == 2


def test_names_of_streams(make: Make) -> None:
    """``streams`` gives the names that start with the prefix, oldest first; LIKE's wildcards mean themselves."""
    journal = make()
    for stream in ("run/r2", "incident/x", "run/r1", "runs", "run/r2", "ru%", "run_"):
        journal.append([New(stream, None, "k", {})])
    assert journal.streams("run/") == ["run/r2", "run/r1"]
    assert journal.streams("ru%") == ["ru%"]
    assert journal.streams("run_") == ["run_"]
    assert journal.streams("") == ["run/r2", "incident/x", "run/r1", "runs", "ru%", "run_"]
    assert journal.streams("none") == []


@pytest.mark.parametrize("expected", [0, 2, 99])
def test_a_conflict_writes_nothing(make: Make, expected: int) -> None:
    """With another length than expected nothing of the append is written, and the next one works."""
    journal = make()
    journal.append([New("a", 0, "k", {})])
    before = content(journal)
    with pytest.raises(Conflict) as conflict:
        journal.append([New("b", 0, "k", {}), New("a", expected, "k", {}), New("c", None, "k", {})])
    assert (conflict.value.stream, conflict.value.expected, conflict.value.found) == ("a", expected, 1)
    assert content(journal) == before
    assert journal.append([New("a", 1, "k", {})])[0].seq == 2


def test_several_events_of_several_streams(make: Make) -> None:
    """One append may hold several streams, interleaved: each counts on from where it was."""
    journal = make()
    journal.append([New("a", 0, "k", {}), New("b", 0, "k", {})])
    news = [("a", 1), ("c", 0), ("a", None), ("b", 1)]
    written = journal.append([New(stream, expected, "k", {}) for stream, expected in news])
    assert [(e.seq, e.stream, e.n) for e in written] == [(3, "a", 2), (4, "c", 1), (5, "a", 3), (6, "b", 2)]


def test_appending_nothing(make: Make) -> None:
    """An append of no events writes none."""
    journal = make()
    assert journal.append([]) == []
    assert journal.streams("") == []


def test_secrets_are_taken_out(make: Make, secret: str) -> None:
    """A known secret is stored nowhere: not in a value, a key, a list, nor inside a longer text."""
    journal = make()
    data = {"text": f"Bearer {secret}!", "list": [secret, {"deep": secret}], secret: 1, "tuple": (secret,)}
    written = journal.append([New("a", 0, "k", data)])
    assert written[0].data == {"text": "Bearer ***!", "list": ["***", {"deep": "***"}], "***": 1, "tuple": ["***"]}
    assert journal.read("a") == written


def test_who_acts_is_cleaned_and_redacted(make: Make, secret: str) -> None:
    """A name with escape sequences, separators or a secret in it cannot do harm where it is shown or stored."""
    event = make("al\x1b[31mice\x1f" + secret, "ho\nst\x07").append([New("a", 0, "k", {})])[0]
    assert secret not in event.actor
    assert "\x1b" not in event.actor + event.host
    assert "\x1f" not in event.actor


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800 alone", Path("/a/b"), {1: "number as key"}, ("a", "tuple"), {"s"}]
)
def test_what_json_does_not_know(make: Make, value: object) -> None:
    """A value that is no plain JSON is stored as words or a list, or refused; what was returned is what is read."""
    journal = make()
    try:
        written = journal.append([New("a", 0, "k", {"value": value})])
    except (ValueError, TypeError):
        assert journal.read("a") == []
        return
    assert repr(journal.read("a")) == repr(written)


def test_a_caller_cannot_change_what_was_written(make: Make) -> None:
    """The event holds its own copy: changing the dict that was given changes nothing."""
    journal = make()
    data = {"list": [1]}
    written = journal.append([New("a", 0, "k", data)])
    data["list"].append(2)
    assert journal.read("a")[0].data == {"list": [1]}
    assert written[0].data == {"list": [1]}


def test_a_dry_run_sees_the_real_journal_and_leaves_it(tmp_path: Path) -> None:
    """Over a real journal, memory goes on where that one ends: lengths, numbers, order; nothing reaches the file."""
    real = opened(tmp_path / "journal.db")
    fill(real, 1)
    before = content(real)
    last = max(event.seq for events in before.values() for event in events)
    dry = MemoryJournal(Ticking(), "alice", "host", under=real)
    written = dry.append([New("runs", 1, "run.opened", {}), New("run/new", 0, "run.started", {})])
    assert [(e.seq, e.n) for e in written] == [(last + 1, 2), (last + 2, 1)]
    assert [event.n for event in dry.read("runs")] == [1, 2]
    assert dry.read("runs", 1) == written[:1]
    assert dry.streams("run") == [*real.streams("run"), "run/new"]
    assert [e.kind for e in dry.kinds(["run.opened"])] == ["run.opened", "run.opened"]
    assert content(real) == before
    with pytest.raises(Conflict):
        dry.append([New("runs", 1, "run.opened", {})])


def test_reading_without_some_kinds(make: Make) -> None:
    """Kinds that are not wanted are left out, but for the last event of all, which says how far the stream has come."""
    journal = make()
    journal.append([New("run/r1", 0, "run.started", {}), New("run/other", 0, "note", {"text": "x"})])
    for at in range(6):
        journal.append([New("run/r1", None, "sample", {"at": at})])
    if isinstance(journal, SqliteJournal):
        journal.verify()

    def kinds(after: int = 0) -> list[tuple[int, str]]:
        return [(event.n, event.kind) for event in journal.read("run/r1", after, without=("sample",))]

    assert kinds() == [(1, "run.started"), (7, "sample")]
    assert kinds(after=1) == [(7, "sample")]
    assert kinds(after=7) == []
    journal.append([New("run/r1", None, "step.done", {})])
    assert kinds() == [(1, "run.started"), (8, "step.done")]
    journal.append([New("run/r1", None, "sample", {"at": 6})])
    assert kinds(after=7) == [(8, "step.done"), (9, "sample")]
    assert journal.read("run/none", without=("sample",)) == []


def test_few_of_many_are_read(tmp_path: Path) -> None:
    """A verified journal full of looks is read without them; one that has lost an event is still refused."""
    import sqlite3

    journal = opened(tmp_path / "journal.db")
    journal.append([New("run/r1", 0, "run.started", {}), New("run/r1", None, "lease.taken", {})])
    journal.append([New("run/r1", None, "sample", {"at": at}) for at in range(40)])
    journal.append([New("run/r1", None, "step.done", {})])
    journal.close()
    journal = opened(tmp_path / "journal.db")
    journal.verify()
    assert [e.n for e in journal.read("run/r1", without=("sample",))] == [1, 2, 43]
    assert len(list(journal._known("run/r1", 0, 43, ("sample",))[0])) == 3
    db = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    db.execute("DROP INDEX by_kind")
    assert [e.n for e in journal.read("run/r1", without=("sample",))] == [1, 2, 43]
    db.execute("DELETE FROM events WHERE seq = 2")
    db.close()
    with pytest.raises(JournalDamaged, match="cannot be trusted"):
        journal.read("run/r1", without=("sample",))

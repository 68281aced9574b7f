"""Random appends, reads and reopenings: the journal on disk and the one in memory never disagree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from omniops.errors import OmniopsError
from omniops.journal.events import Conflict, Event, New
from omniops.journal.memory import MemoryJournal
from omniops.journal.store import SqliteJournal
from tests.support.journals import Ticking

STREAMS = st.sampled_from(["runs", "run/r1", "run/r2", "incident/é", "run"])
KINDS = st.sampled_from(["intent", "outcome", "note"])
WORDS = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
NEWS = st.lists(
    st.builds(
        New, STREAMS, st.none() | st.integers(0, 6), KINDS, st.dictionaries(WORDS, VALUES, max_size=3)
    ),
    min_size=1, max_size=4,
)  # fmt: skip


class BothJournals(RuleBasedStateMachine):
    """The same calls on both."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "journal.db"
        self.disk_clock, memory_clock = Ticking(), Ticking()
        self.memory = MemoryJournal(memory_clock, "eve", "h")
        self.disk = self._open()

    def _open(self) -> SqliteJournal:
        return SqliteJournal(self.path, self.disk_clock, "eve", "h")

    @rule(news=NEWS)
    def append(self, news: list[New]) -> None:
        results: list[Any] = []
        for journal in (self.disk, self.memory):
            try:
                results.append(journal.append(news))
            except Conflict as conflict:
                results.append((conflict.stream, conflict.expected, conflict.found))
            except OmniopsError as error:
                results.append(type(error))
        # A refused append may have asked the clock a different number of times, so times are not compared.
        assert timeless(results[0]) == timeless(results[1])

    @rule(stream=STREAMS, after=st.integers(0, 5))
    def read(self, stream: str, after: int) -> None:
        assert timeless(self.disk.read(stream, after)) == timeless(self.memory.read(stream, after))
        assert self.disk.length(stream) == self.memory.length(stream)

    @rule(kinds=st.lists(KINDS, max_size=3), prefix=st.sampled_from(["", "run", "run/", "x"]))
    def look(self, kinds: list[str], prefix: str) -> None:
        assert timeless(list(self.disk.kinds(kinds))) == timeless(list(self.memory.kinds(kinds)))
        assert self.disk.streams(prefix) == self.memory.streams(prefix)

    @rule()
    def reopen(self) -> None:
        self.disk.close()
        self.disk = self._open()

    @rule()
    def read_only(self) -> None:
        reader = SqliteJournal(self.path, self.disk_clock, "eve", "h", create=False)
        for stream in self.memory.streams(""):
            assert timeless(reader.read(stream)) == timeless(self.memory.read(stream))
        reader.close()

    @rule()
    def verify(self) -> None:
        assert self.disk.verify() == sum(self.memory.length(stream) for stream in self.memory.streams(""))

    def teardown(self) -> None:
        if hasattr(self, "disk"):
            self.disk.close()
            shutil.rmtree(self.folder)


def timeless(found: Any) -> Any:
    """Events without their times; anything else as it is."""
    return [e._replace(time="") if isinstance(e, Event) else e for e in found] if isinstance(found, list) else found


TestBothJournals = BothJournals.TestCase
TestBothJournals.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip

"""The live board as lines: what is on it, that it fits, and what a log says of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from omniops.incident.board import Board, Clock
from omniops.incident.view import Incident
from omniops.journal.lease import me
from omniops.runner.board import Gatherer, board_of
from omniops.terminal.layout import cells
from omniops.terminal.views.board import changes, facts, screen, standing
from tests.support.incidents import ID, RUN, START, STREAM, Story


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def board(story: Story, minute: float) -> Board:
    return board_of(story.journal, ID, at(minute))


def text(lines: list[tuple[str, str]]) -> str:
    return "\n".join(line for line, _ in lines)


def test_what_is_on_it() -> None:
    """Severity, id, clocks since onset and page, roles, what is owed and how late, what is in force.

    The last events come at the end."""
    shown = text(screen(board(Story().opened().mitigated(), 20), at(20), 250, 40))
    assert shown.startswith(f"SEV-1  {ID}")
    assert "since onset 20m 00s · since the page 20m 00s" in shown
    assert "commander alice, scribe Bob" in shown
    assert "15m 00s late  upstream providers" in shown
    assert "in 14m 00s    status page: an update every 30" in shown
    assert "in force for 11m 00s: connection.disable openai/main" in shown
    assert "(omniops undo m" in shown
    assert "run ended: mitigated" in shown
    assert shown.endswith("q leaves")


def test_a_dead_holder_is_not_believed() -> None:
    """Of a run whose process is gone, the board says so and how to go on; one that lives, or may live elsewhere, is
    walked by whoever holds it."""
    for holder, words in (
        (me(), "walked by alice"),
        ({**me(), "started": "1"}, "walked by nobody: alice's process is gone (omniops resume r7f3a)"),
        ({**me(), "host": "elsewhere"}, "walked by alice on another machine, as far as is known"),
    ):
        story = Story().opened().walked()
        story.add(8, RUN, "lease.taken", how="resumed", **holder)
        shown = [line for line, _ in screen(board(story, 20), at(20), 250, 40)]
        assert f"r7f3a  provider-outage at disable, {words}" in shown


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [1, 5, 12, 24, 60])
def test_it_fits(width: int, height: int) -> None:
    """At every size it is no wider and no higher than the screen; where there is room the last event is on it."""
    lines = screen(board(Story().opened().mitigated(), 20), at(20), width, height)
    assert len(lines) <= height
    assert max(cells(line) for line, _ in lines) <= width
    if height >= 24 and width >= 80:
        assert "02:13:00  " in text(lines)
        assert "s late  " in text(lines)


def test_what_gives_way_is_counted() -> None:
    """Of many events the newest are kept, and it is said how many are missing."""
    story = Story().opened()
    for number in range(50):
        story.add(20 + number, STREAM, "note", text=f"note {number}")
    shown = text(screen(board(story, 80), at(80), 80, 24))
    assert "note 49" in shown
    assert "note 0" not in shown
    assert "before)" in shown


def test_clocks_of_a_page() -> None:
    """A page that will un-acknowledge itself is a clock, and one that has is late."""
    story = Story().opened()
    story.add(8, STREAM, "page.acknowledged", page="Q1", how="rest", by="alice", unack_at="2026-11-23T02:30:00.000Z")
    found = board(story, 10)
    assert found.clocks == [Clock("page #481 (ErrorBudgetBurnFast) un-acknowledges itself", "2026-11-23T02:30:00.000Z")]
    assert "in 20m 00s    page #481" in text(screen(found, at(10), 80, 24))
    assert "1m 00s late   page #481" in text(screen(found, at(31), 80, 24))


def test_frozen() -> None:
    """On the security path: that it was entered, by whom and when; no title, no clocks, no story, nothing owed."""
    shown = text(screen(board(Story().opened().frozen(), 20), at(20), 80, 24))
    assert "4.5 was entered at 2026-11-23 02:14:00 UTC by carol" in shown
    for word in ("fails <", "clocks", "owed", "last", "commander"):
        assert word not in shown
    assert "event 0" not in facts(board(Story().opened().frozen(), 20), at(20))


def test_a_log_says_only_what_changes() -> None:
    """The first time everything that is so; then nothing, though time passes; then what is late, new, or over."""
    story = Story().opened().mitigated()
    first = facts(board(story, 20), at(20))
    said = text(changes({}, first))
    assert "severity: SEV-1" in said
    assert "comms: nobody" in said
    assert "owed: upstream providers" in said
    assert "incident opened" not in said  # only the last few events
    assert "e-mail to customers" not in said  # what was owed and is done
    later = facts(board(story, 21), at(21))
    assert changes(first, later) == []
    late = facts(board(story, 35), at(35))
    (line,) = [line for line, _ in changes(later, late)]
    assert line.startswith("owed: status page: an update every 30")
    assert "LATE, was due at 2026-11-23 02:34:00 UTC" in text(changes(later, late))
    story.put_back()
    over = facts(board(story, 41), at(41))
    said = text(changes(late, over))
    assert "back as it was" in said
    assert "over: m" in said


def test_what_is_owed_cannot_be_told() -> None:
    """Where the rules cannot be read it is said, and all the rest is there."""
    found = Board(Incident(ID, Story().opened().journal.read(STREAM)), [], [], [], [], [], "communication.yaml:3:1: no")
    assert "cannot be told: communication.yaml:3:1: no" in text(screen(found, at(20), 80, 24))
    assert "cannot be told" in text(changes({}, facts(found, at(20))))


def test_show_has_the_history() -> None:
    """What `incident show` puts first: each severity with who and why, the roles, what is open."""
    shown = text(standing(board(Story().opened().mitigated(), 20), at(20), 80))
    assert "02:04:00 UTC  SEV-2: one provider is down [alice]" in shown
    assert "02:05:00 UTC  SEV-1: 5xx flood" in shown
    assert "commander  alice" in shown
    assert max(cells(line) for line in shown.splitlines()) <= 80


def test_the_journal_is_read_when_it_has_grown() -> None:
    """A look at a journal that has not grown reads no event of the incident; one that has grown is read anew."""
    story = Story().opened()
    gatherer = Gatherer(story.journal, ID)
    first = gatherer.look(at(10))
    assert gatherer.look(at(10)).story is first.story
    story.add(11, STREAM, "note", text="news")
    assert gatherer.look(at(11)).story[-1].words == "note: news"

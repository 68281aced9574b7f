"""What is drawn: decisions about the screen, fitting, sparklines, tables, errors. No terminal needed."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.errors import OmniopsError
from omniops.runner.exporting import as_typed
from omniops.runner.person import Change
from omniops.terminal.errors import show_error
from omniops.terminal.keys import EOF, PASTED, PAUSE, LineEditor
from omniops.terminal.layout import cells, cut, paragraphs, parts, tail, wrap
from omniops.terminal.show import Show
from omniops.terminal.sparkline import sample_line, spark, verify_line
from omniops.terminal.streams import Streams, wants_colour, wants_unicode
from omniops.terminal.views import plain
from omniops.terminal.views.change import change_lines
from omniops.text import is_secret
from tests.support.pty_driver import CHANGE, HOSTILE, SAMPLE
from tests.support.screen import ROOT

TEXT = st.text(alphabet=st.sampled_from("ab cdé日→\t\n\x1b[31m'\"\\"), max_size=120)


@pytest.mark.parametrize(
    ("flag", "env", "tty", "expected"),
    [
        ("auto", {"TERM": "xterm"}, True, True),
        ("auto", {"TERM": "xterm"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ("auto", {"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0", "TERM": "xterm"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour(flag: str, env: dict[str, str], tty: bool, expected: bool) -> None:
    """--color, then NO_COLOR, then FORCE_COLOR, then TERM=dumb, then the stream."""
    assert wants_colour(flag, env, tty) is expected


@pytest.mark.parametrize(
    ("env", "encoding", "expected"),
    [
        ({"LANG": "en_GB.UTF-8"}, "utf-8", True),
        ({"LC_ALL": "C.utf8"}, "utf-8", True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, "utf-8", False),
        ({"LANG": "en_GB.UTF-8"}, "ascii", False),
        ({"LANG": "en_GB.UTF-8"}, None, False),
    ],
)
def test_unicode(env: dict[str, str], encoding: str | None, expected: bool) -> None:
    """More than ASCII is shown only where the locale says so, not where Python only made it up."""
    assert wants_unicode(env, encoding) is expected


@pytest.mark.parametrize(
    ("columns", "expected"), [("120", 120), ("20", 40), ("0", 80), ("wide", 80), ("-5", 80), ("", 80)]
)
def test_width(columns: str, expected: int) -> None:
    """COLUMNS decides, never below 40; nonsense is ignored."""
    assert Streams(env={"COLUMNS": columns}, out=io.StringIO(), err=io.StringIO()).width() == expected


def test_result_and_hints_are_kept_apart() -> None:
    """What was asked for goes to stdout, all else to stderr; a live line is ended before either."""
    out, err = io.StringIO(), io.StringIO()
    streams = Streams(env={}, out=out, err=err)
    streams.live("drawing")
    streams.say("a hint")
    streams.result("the answer")
    assert out.getvalue() == "the answer\n"
    assert err.getvalue() == "\rdrawing\x1b[K\na hint\n"


def test_a_broken_pipe_is_quiet() -> None:
    """Who reads us may stop at any time: no traceback, and the caller's exit code."""
    code = (
        "from omniops.terminal.streams import Streams, quiet_broken_pipe\n"
        "try:\n    [Streams().result('line ' * 50) for _ in range(5000)]\n"
        "except BrokenPipeError:\n    quiet_broken_pipe()\n"
    )
    done = subprocess.run(
        ["/bin/bash", "-c", f'{sys.executable} -c "$0" | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}', code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


@given(TEXT, st.integers(8, 90))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    """No wrapped line is wider than asked for, and no word is lost."""
    lines = wrap(text, width, "  ", "    ")
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert cells(cut(text, width)) <= width
    assert cells(tail(text, width)) <= width


@pytest.mark.parametrize("width", range(34, 80, 5))
def test_a_command_stays_on_one_line(width: int) -> None:
    """A command of ours that fits into a line is not broken over two; a path that does not fit breaks at a slash."""
    lines = wrap("It was shown, to be pasted; then: omniops comms done upstream (omniops postmortem file)", width)
    assert [line for line in lines if "omniops comms done upstream" in line]
    assert [line for line in lines if "(omniops postmortem file)" in line]
    path = wrap("/srv/omniroute/docs/postmortem/2026-11-23-openai-fails.md", 40)
    assert path == ["/srv/omniroute/docs/postmortem/", "2026-11-23-openai-fails.md"]


def test_a_command_that_is_too_long_is_one_all_the_same() -> None:
    """Half of it may be another command, so it is broken the shell's way; words about omniops are broken as words."""
    typed = f"omniops comms email --incident 2026-11-23-{'long-' * 8}"
    lines = wrap(f"Owed, now: e-mail: it is resolved ({typed})", 60, "", "   ")
    assert lines[1:] == ["   (omniops comms email --incident \\", f"   {typed.split()[-1]})"]
    assert all(cells(line) <= 60 for line in lines)
    assert wrap("omniops does not know which of the two it is to ask about this", 40)[0][-1] != "\\"


def test_a_clock_is_whole_or_left_out() -> None:
    """Where there is no room for all of the clocks, the ones that matter later give way, whole."""
    clocks = "since the page 12m 12s · 0:12 12s late"
    assert parts(clocks, 80) == clocks
    assert parts(clocks, 36) == "0:12 12s late"
    assert parts("SEV-1 3s · banner due in 9m", 13) == "SEV-1 3s"
    assert parts(clocks, 8) == ""


def test_a_long_command_can_still_be_copied() -> None:
    """A command wider than the window is broken with backslashes, outside quotes."""
    command = (
        "$ docker compose --file /srv/omniroute/docker-compose.prod.yml exec web sh -c 'echo one two three' --no-tty"
    )
    lines = paragraphs("Run:\n" + command, 60, "   ")
    assert lines[0] == "   Run:"
    assert all(len(line) <= 60 for line in lines)
    joined = "\n".join(lines[1:]).replace("\\\n", "")
    assert " ".join(joined.split()) == command
    assert any("'echo one two three'" in line for line in lines)


def test_sparkline_shows_the_budget() -> None:
    """Within the budget is at most the fifth height, above it at least the sixth; unknown is never a height."""
    assert spark([0, 1, 2, 2.01, 4, 99, None, math.nan], 2.0, 20) == "▁▃▅▆██??"
    assert spark([1, 2, 3], 2.0, 2) == "▅▇"
    assert spark([0, 1, 2, 3], 2.0, 9, ascii=True) == "_-=%"
    assert spark([1.0, 0.0], 0.0, 5) == "█▁"
    assert spark([], 2.0, 5) == ""
    assert spark([1], 2.0, 0) == ""


@pytest.mark.parametrize("width", [30, 39, 59, 79, 119])
def test_verify_line_fits(width: int) -> None:
    """The verdict is in the line at every width, and the line never exceeds it."""
    unknown = SAMPLE._replace(p95_s=None, error_ratio=None, verdict="cannot tell", why=HOSTILE * 3)
    for series in ([], [SAMPLE], [SAMPLE] * 50, [unknown] * 3):
        line = verify_line(series, 200, width)
        assert cells(line) <= width
        assert "\x1b" not in line
    assert "cannot tell" in verify_line([unknown], 200, width)
    assert "over budget" in verify_line([SAMPLE], 200, width)
    assert "cannot tell" in sample_line(unknown)


@given(
    st.dictionaries(TEXT, TEXT | st.booleans() | st.lists(TEXT, max_size=3), max_size=4),
    st.dictionaries(TEXT, TEXT | st.none(), max_size=4),
    TEXT,
    st.integers(39, 120),
)
def test_a_change_fits(before: dict[str, object], after: dict[str, object], text: str, width: int) -> None:
    """Whatever a server calls things, a change fits the width, has no control characters, and says where it happens."""
    change = Change("production", "gateway-7", text, "connection.disable", before, after, before, (text,), text, "")
    lines = [line for line, _ in change_lines(change, width)]
    assert all(cells(line) <= width for line in lines)
    assert not any(char < " " or char == "\x7f" for line in lines for char in line)
    assert any("production" in line for line in lines)
    assert any("gateway-7" in line for line in lines)


def test_a_change_shows_before_and_after() -> None:
    """Before and after stand side by side; what stays says so; the undo is told."""
    lines = [line for line, _ in change_lines(CHANGE, 79)]
    assert "  isActive     true → false" in lines
    assert "  id           8ae76e54 (stays)" in lines
    assert "  undo         tests the connection, then enables it again" in lines
    assert any(line.startswith("  ! It is the last live connection") for line in lines)


def test_a_list_is_shown_by_names() -> None:
    """Entries of a list are named, and what differs never looks alike."""
    two, one = [{"id": "a1", "model": "m/a", "weight": 0}, {"id": "b1", "model": "m/b"}], [{"id": "b1", "model": "m/b"}]
    shown = [
        " ".join(line for line, _ in change_lines(CHANGE._replace(before={"models": old}, after={"models": new}), 79))
        for old, new in ((two, one), (two, two), (one, [{"id": "b1", "model": "m/b", "weight": 2}]))
    ]
    assert "m/a, m/b → m/b" in shown[0]
    assert "m/a, m/b (stays)" in shown[1]
    assert "(stays)" not in shown[2]
    assert '"weight": 2' in shown[2]


@given(st.binary(max_size=60), st.integers(0, 60))
def test_keys_in_any_pieces(data: bytes, at: int) -> None:
    """Bytes mean the same in one piece and in two, unless they answer; no control character gets into the text."""
    whole, parts = LineEditor(), LineEditor()
    first = whole.feed(data)
    if first == "":
        assert parts.feed(data[:at]) + parts.feed(data[at:]) == ""
        assert parts.text == whole.text
    assert whole.text.isprintable()


def test_keys_that_ask() -> None:
    """Ctrl-C pauses even in a paste without end; Ctrl-D only on an empty line; several lines at once are no answer."""
    assert LineEditor().feed(b"\x1b[200~abc\x03") == PAUSE
    assert LineEditor().feed(b"\x04") == EOF
    assert LineEditor("x").feed(b"\x04") == ""
    assert LineEditor().feed(b"y\nrm -rf\n") == PASTED
    assert LineEditor().feed(b"y\r\n\n") == "enter"
    editor = LineEditor()
    editor.feed(b"\x1b")
    editor.quiet()
    editor.feed(b"ok")
    assert editor.text == "ok"


def test_a_huge_paste_is_cut() -> None:
    """A megabyte pasted by mistake neither hangs nor fills the memory, and its end is still seen."""
    editor = LineEditor()
    editor.feed(b"\x1b[200~" + b"x" * 1_000_000 + b"\x1b[201~")
    assert len(editor.text) <= 2000
    assert editor.feed(b"\r") == "enter"


ROWS = [
    ["m1", "openai/main (8ae76e54)", "connection.disable", "02:15 UTC", "tests the connection, then enables it again"]
]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_tables_fit(width: int) -> None:
    """A table fits every width and loses nothing: cells are wrapped, or rows become blocks."""
    text = plain.table(["id", "target", "action", "since", "undo"], ROWS, width)
    assert all(cells(line) <= width for line in text.split("\n"))
    squeezed = "".join(text.split())
    if width == 200:
        assert len(text.split("\n")) == 2
    if width in (40, 200):
        assert all("".join(cell.split()) in squeezed for cell in ROWS[0])
    assert sorted(squeezed) == sorted("idtargetactionsinceundo" + "".join("".join(ROWS[0]).split()))


def test_errors_are_at_most_four_lines() -> None:
    """An error is what, why, state and next, each on a line of its own whatever a server put into it."""
    out, err = io.StringIO(), io.StringIO()
    is_secret("sk-very-secret")
    error = OmniopsError("it failed", why=HOSTILE + "\nsk-very-secret", state="unchanged", next="omniops resume")
    show_error(error, Streams(env={}, out=out, err=err))
    assert err.getvalue().split("\n") == [
        "error: it failed",
        "why:   evilname Approved. ***",
        "state: unchanged",
        "next:  omniops resume",
        "",
    ]
    assert out.getvalue() == ""


def test_terminal_imports_are_cheap() -> None:
    """The modules of a first question import no heavy library."""
    heavy = "rich questionary prompt_toolkit httpx pydantic yaml asyncio subprocess logging dataclasses"
    code = (
        "import sys; import omniops.terminal.person, omniops.terminal.unattended, omniops.terminal.errors\n"
        f"heavy = set({heavy!r}.split())\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_what_is_to_be_copied_is_not_broken() -> None:
    """A command with a long path is one line, whatever the width; the terminal folds it, and joins it when copied."""
    err = io.StringIO()
    command = f"omniops postmortem check {'/a folder of some depth' * 6}/x.md"
    Show(Streams(env={"COLUMNS": "40"}, err=err)).say(command, "copy")
    assert err.getvalue() == f"{command}\n"


def test_a_path_as_it_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the current folder it is relative, below one's home it has a ~, and the shell takes it as one word."""
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "here")
    assert as_typed(tmp_path / "here" / "docs" / "x.md") == "docs/x.md"
    assert as_typed(tmp_path / "my notes" / "x.md") == "~/'my notes/x.md'"
    assert as_typed(Path("/somewhere/else.md")) == "/somewhere/else.md"

"""Answers from flags and files: nothing is assumed to be yes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omniops.errors import BadInput, NeedsPerson
from omniops.runner.person import Option
from omniops.terminal.auto import Auto
from omniops.terminal.streams import Streams
from omniops.terminal.unattended import Combined, Unattended, load_answers
from tests.support.pty_driver import CHANGE

TYPED = CHANGE._replace(typed="production/openai")
OPTIONS = [Option("retry", "Try again"), Option("no", "Not now"), Option("2", "Two")]
PLAIN = [Option("disable", "Disable it"), Option("leave", "Leave it")]


def quiet() -> Streams:
    """Streams that are no terminal."""
    return Streams(env={}, stdin=io.StringIO(), out=io.StringIO(), err=io.StringIO())


def person(**given: Any) -> Unattended:
    """An unattended person."""
    return Unattended(quiet(), **given)


def any_text(text: str) -> str:
    """A check that accepts everything."""
    return ""


@pytest.mark.parametrize(
    ("given", "change", "expected"),
    [
        ({"yes": True}, CHANGE, True),
        ({}, CHANGE, "--yes"),
        ({"confirm": ["production/openai"]}, CHANGE, "--yes"),
        ({"answers": {"s": True}}, CHANGE, "--yes"),
        ({"yes": True, "answers": {"s": False}}, CHANGE, False),
        ({"yes": True, "answers": {"s": "no"}}, CHANGE, False),
        ({"yes": True}, TYPED, "--confirm production/openai"),
        ({"yes": True, "confirm": ["production/openai "]}, TYPED, "--confirm production/openai"),
        ({"yes": True, "confirm": ["Production/openai"]}, TYPED, "--confirm production/openai"),
        ({"yes": True, "confirm": ["production"]}, TYPED, "--confirm production/openai"),
        ({"confirm": ["other/x", "production/openai"]}, TYPED, True),
        ({"confirm": ["production/openai"], "answers": {"s": "n"}}, TYPED, False),
    ],
)
def test_approvals(given: dict[str, Any], change: Any, expected: bool | str) -> None:
    """--yes approves reversible writes only, --confirm exactly its destructive one; the missing flag is named."""
    if isinstance(expected, bool):
        assert person(**given).approve("s", change, None) is expected
        return
    with pytest.raises(NeedsPerson) as caught:
        person(**given).approve("s", change, None)
    assert expected in caught.value.next
    assert "production" in caught.value.what
    assert "127.0.0.1" in caught.value.what


def test_a_confirm_flag_is_quoted_for_the_shell() -> None:
    """The flag that is named can be pasted into a shell, whatever a server calls its targets."""
    change = CHANGE._replace(typed="production/a b; rm -rf /\x1b[2J")
    with pytest.raises(NeedsPerson) as caught:
        person().approve("s", change, None)
    assert "--confirm 'production/a b; rm -rf /'" in caught.value.next


@pytest.mark.parametrize("ask", ["done", "posted", "paged"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (True, True),
        ("done", True),
        ("yes", True),
        (False, False),
        ("no", False),
        ("declined", False),
        ("maybe", None),
        ("", None),
        (1, None),
        (None, None),
    ],
)
def test_words(ask: str, answer: Any, expected: bool | None) -> None:
    """Manual work is done only when the answers file says so; --yes does not cover it."""
    who = person(yes=True, answers={} if answer is None else {"s": answer})
    calls: dict[str, Callable[[], bool]] = {
        "done": lambda: who.done("s", "do it", None),
        "posted": lambda: who.posted("s", "status-page", "words", None),
        "paged": lambda: who.paged("s", "@security", "words", None),
    }
    if expected is None:
        with pytest.raises(NeedsPerson, match="s needs an answer") as caught:
            calls[ask]()
        assert "--answers FILE" in caught.value.next
    else:
        assert calls[ask]() is expected


@pytest.mark.parametrize(
    ("options", "answers", "unattended", "expected"),
    [
        (PLAIN, {"s": "leave"}, "", "leave"),
        (PLAIN, {"s": "disable"}, "leave", "disable"),
        (PLAIN, {}, "leave", "leave"),
        (PLAIN, {"s": False}, "leave", None),
        (PLAIN, {"s": "no"}, "", None),
        (PLAIN, {}, "", NeedsPerson),
        (PLAIN, {}, "gone", NeedsPerson),
        (PLAIN, {"s": "Disable it"}, "leave", NeedsPerson),
        (PLAIN, {"s": True}, "leave", NeedsPerson),
        (OPTIONS, {"s": False}, "", "no"),
        (OPTIONS, {"s": "no"}, "", "no"),
        (OPTIONS, {"s": 2}, "", "2"),
    ],
)
def test_choices(options: list[Option], answers: dict[str, Any], unattended: str, expected: Any) -> None:
    """A choice is an option's key; without an answer what the runbook takes unattended; else a person is needed."""
    who = person(yes=True, answers=answers)
    if expected is NeedsPerson:
        with pytest.raises(NeedsPerson) as caught:
            who.choose("s", "What now?", options, None, unattended)
        assert "disable or leave" in caught.value.next
    else:
        assert who.choose("s", "What now?", options, None, unattended) == expected


def test_an_answer_is_used_once() -> None:
    """A question that comes back was not helped by its answer: no endless retry with nobody watching."""
    who = person(answers={"s.on_failure": "retry"})
    assert who.choose("s.on_failure", "What now?", OPTIONS, None) == "retry"
    with pytest.raises(NeedsPerson) as caught:
        who.choose("s.on_failure", "What now?", OPTIONS, None)
    assert "once" in caught.value.why


def test_texts_and_reasons() -> None:
    """A text comes from the answers file, checked; a default is not taken; a reason has to be words."""
    who = person(answers={"v": 3.7, "bad": "x", "r": "because", "r2": True, "n": False})
    assert who.text("v", "Version?", None, any_text) == "3.7"
    assert who.text("n", "Version?", None, any_text) is None
    assert who.reason("r", "Why?") == "because"
    with pytest.raises(NeedsPerson) as caught:
        who.text("bad", "Version?", None, lambda text: "not a version")
    assert caught.value.why == "not a version"
    with pytest.raises(NeedsPerson):
        who.text("absent", "Version?", None, any_text, "3.7.8")
    with pytest.raises(NeedsPerson):
        who.reason("r2", "Why?")
    with pytest.raises(NeedsPerson):
        who.reason("absent", "Why?")


def test_unused_answers() -> None:
    """Answers that no step asked for are told, so that a misspelt step id is noticed."""
    who = person(answers={"s": "done", "typo": "done"})
    who.done("s", "do it", None)
    assert who.unused() == ["typo"]


class Typist(Unattended):
    """Stands for the person at the terminal: remembers what it was asked."""

    interactive = True

    def __init__(self) -> None:
        super().__init__(quiet())
        self.asked: list[str] = []

    def approve(self, step: str, change: Any, until: Any) -> bool:
        self.asked.append(step)
        return False

    def choose(self, step: str, *rest: Any, **more: Any) -> str:
        self.asked.append(step)
        return "leave"

    def done(self, step: str, text: str, until: Any) -> bool:
        self.asked.append(step)
        return True


def test_flags_first_then_the_person() -> None:
    """With a terminal, flags answer what they cover and the person is asked the rest, also where a flag fits badly."""
    typist = Typist()
    both = Combined(typist, person(yes=True, answers={"a": "disable", "b": "nonsense"}))
    assert both.interactive
    assert both.approve("w", CHANGE, None) is True
    assert both.approve("d", TYPED, None) is False
    assert both.choose("a", "?", PLAIN, None) == "disable"
    assert both.choose("b", "?", PLAIN, None) == "leave"
    assert both.choose("c", "?", PLAIN, None, "disable") == "leave"
    assert both.done("m", "do it", None) is True
    assert typist.asked == ["d", "b", "c", "m"]
    both.clocks = lambda: "tick"
    assert typist.clocks() == "tick"


def test_answers_file(tmp_path: Path) -> None:
    """Texts, flags and numbers come as YAML means them; versions and dates stay as they are written."""
    path = tmp_path / "answers.yaml"
    path.write_text('a: done\nrollback.snapshot: yes\nb: no\nn: 3\nf: 1.5\nv: 3.10\nz: 007\nd: 2026-11-23\nq: "yes"\n')
    assert load_answers(path) == {
        "a": "done",
        "rollback.snapshot": True,
        "b": False,
        "n": 3,
        "f": 1.5,
        "v": "3.10",
        "z": "007",
        "d": "2026-11-23",
        "q": "yes",
    }
    path.write_text("")
    assert load_answers(path) == {}
    path.write_text(json.dumps({"a": "done", "b": True}))
    assert load_answers(path) == {"a": "done", "b": True}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: done\na: no\n", ":2:1"),
        ("a:\n  b: done\n", ":2:3"),
        ("a: [1, 2]\n", ":1:4"),
        ("a: ~\n", ":1:4"),
        ("a:\n", ":1:3"),
        ("- a\n", ":1:1"),
        ("a: 'open\n", ":2:1"),
        ("? [x]\n: y\n", ":1:3"),
        ("a: !!python/object:os.system x\n", ":1:4"),
        ("a: done\n---\nb: done\n", ":2:1"),
    ],
)
def test_answers_file_is_read_strictly(tmp_path: Path, text: str, where: str) -> None:
    """What is no flat mapping is refused with file, line and column."""
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_answers(path)
    assert f"answers.yaml{where}" in caught.value.what


def test_answers_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, and one that is not text, are bad input."""
    with pytest.raises(BadInput, match="cannot be read"):
        load_answers(tmp_path / "absent")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="cannot be read"):
        load_answers(tmp_path / "binary")


def test_auto_types_the_answers() -> None:
    """A drill's own person shows the prompts with their answers typed, and declines what its answers decline."""
    streams = quiet()
    auto = Auto({"b": False, "c": "leave", "r": "drill"}, 0.0, streams, lambda: "4m 12s")
    assert auto.approve("a", TYPED, None) is True
    assert auto.approve("b", CHANGE, None) is False
    assert auto.choose("c", "What now?", PLAIN, None, "disable") == "leave"
    assert auto.choose("x", "What now?", PLAIN, None, "leave") == "leave"
    assert auto.text("t", "Version?", None, any_text, "3.7.8") == "3.7.8"
    assert auto.done("m", "do it", None) is True
    assert auto.reason("r", "Why?") == "drill"
    assert isinstance(streams.stderr, io.StringIO)
    shown = streams.stderr.getvalue()
    assert "4m 12s  type it> production/openai" in shown
    assert "4m 12s  y/N> n" in shown
    assert "choose> leave" in shown
    with pytest.raises(NeedsPerson):
        auto.text("t", "Version?", None, any_text)

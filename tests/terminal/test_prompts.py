"""Prompts, driven through a real pseudo-terminal."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import subprocess
import sys
import termios
import time
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from omniops.clock import SystemClock
from omniops.runner.person import Option
from omniops.terminal.prompts import Reader, ask_number
from omniops.terminal.streams import Streams
from omniops.terminal.tty import unbroken
from tests.support.screen import ROOT, answer, output, screen, spawn, start

LABEL = {"approve": "y/N> ", "show": "y/N> ", "choose": "None of these"}
COLOUR = re.compile(r"\x1b\[[0-9;]*[1-9][0-9;]*m")


def at_prompt(child: Any, label: str = "y/N> ") -> Any:
    """Wait until the question has been put."""
    child.expect_exact(label)
    return child


def typed(child: Any, text: str, pause: float = 0.02) -> None:
    """Type key by key."""
    for key in text:
        child.send(key)
        time.sleep(pause)


def pid(child: Any) -> int:
    """The program's process id."""
    found = re.search(r"PID (\d+)", output(child))
    assert found
    return int(found.group(1))


def between_two_looks(*args: str) -> Any:
    """Start the driver in a shell that prints the terminal's settings before and after it."""
    script = f'echo "MODE $(stty -a | tr "\\n" " ")"; {sys.executable} -m tests.support.pty_driver {" ".join(args)}; '
    return start("/bin/sh", "-c", script + 'code=$?; echo "MODE $(stty -a | tr "\\n" " ")"; echo "CODE $code"')


def modes(child: Any) -> list[str]:
    """Wait for the end; what `stty -a` said before and after."""
    child.expect(r"CODE (\d+)")
    return re.findall(r"MODE ([^\r\n]+)", output(child))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("y\r", "True"),
        ("YES\r", "True"),
        ("n\r", "False"),
        ("\r", "False"),
        ("yx\x7f\r", "True"),
        ("nonsense\x15y\r", "True"),
        ("two words\x17\x17y\r", "True"),
        ("\x1b[A\x1bOBy\r", "True"),
        ("\x03", "PauseAsked"),
        ("\x04", "PauseAsked"),
        ("y\x03", "PauseAsked"),
        ("y\x04\r", "True"),
    ],
)
def test_yes_no(keys: str, expected: str) -> None:
    """y approves, n and Enter alone decline, Ctrl-C and Ctrl-D pause; the line can be edited."""
    child = at_prompt(spawn("approve"))
    typed(child, keys)
    assert answer(child) == expected


def test_neither_yes_nor_no_is_asked_again() -> None:
    """A word that is neither is no answer: it is said, and asked again."""
    child = at_prompt(spawn("approve"))
    child.send("yup\r")
    child.expect_exact("neither y nor n")
    at_prompt(child).send("n\r")
    assert answer(child) == "False"


def test_typed_approval() -> None:
    """A destructive change is approved only by its exact text; y is refused, and what was wrong is said."""
    child = at_prompt(spawn("typed"), "type it> ")
    child.send("y\r")
    child.expect_exact("“y” is not production/openai")
    at_prompt(child, "type it> ").send("Production/openai\r")
    child.expect_exact("is not production/openai")
    at_prompt(child, "type it> ").send("production/openai\r")
    assert answer(child) == "True"


@pytest.mark.parametrize("keys", ["\r", "n\r"])
def test_typed_approval_declined(keys: str) -> None:
    """Enter alone and n decline a destructive change."""
    child = at_prompt(spawn("typed"), "type it> ")
    child.send(keys)
    assert answer(child) == "False"


def test_type_ahead_never_approves() -> None:
    """What was typed before the question was put is thrown away."""
    child = spawn("late")
    child.expect_exact("WORKING")
    child.send("y\r")
    at_prompt(child)
    with pytest.raises(pexpect.TIMEOUT):
        child.expect_exact("ANSWER", timeout=0.6)
    child.send("n\r")
    assert answer(child) == "False"


def test_a_paste_does_not_answer() -> None:
    """A marked paste of several lines is text of one answer; nothing of it answers this question or the next."""
    child = at_prompt(spawn("two"), "answer> ")
    child.send("\x1b[200~one\ny\ny\n\x1b[201~")
    child.expect_exact("one y y")
    child.send("\r")
    child.expect_exact("FIRST 'one y y'")
    at_prompt(child).send("\r")
    assert answer(child) == "False"


def test_an_unmarked_paste_does_not_answer() -> None:
    """Several lines in one piece are refused, also from a terminal that does not mark a paste."""
    child = at_prompt(spawn("approve"))
    child.send("y\ny\nmore\n")
    child.expect_exact("several lines came at once")
    at_prompt(child).send("n\r")
    assert answer(child) == "False"


@pytest.mark.parametrize("case", ["approve", "choose"])
@pytest.mark.parametrize("keys", ["\r", "\x03", "\x04", ""])
def test_the_terminal_is_restored(case: str, keys: str) -> None:
    """`stty -a` says the same before and after, however the prompt ends (an answer, a pause, a deadline)."""
    child = at_prompt(between_two_looks(case, "until=1.2"), LABEL[case])
    time.sleep(0.2)
    child.send(keys)
    before, after = modes(child)
    assert after == before


def test_deadline() -> None:
    """A clock that runs out raises PromptDue; nothing is assumed, whatever had been typed."""
    child = at_prompt(spawn("approve", "until=0.5"))
    child.send("y")
    assert answer(child) == "PromptDue"


def test_a_draft_survives_the_deadline() -> None:
    """Half a sentence is there again when the question is asked again."""
    child = at_prompt(spawn("draft", "until=0.8"), "answer> ")
    child.send("half a sent")
    child.expect_exact("DUE")
    child.expect_exact("half a sent")
    child.send("ence\r")
    assert answer(child) == "'half a sentence'"


def test_clocks_tick_while_typing() -> None:
    """The clocks in the prompt line go on, and what has been typed stays where it is."""
    child = at_prompt(spawn("text"), "answer> ")
    child.send("3.9")
    child.expect_exact("SEV-1 2s")
    time.sleep(0.1)
    child.send(".1\r")
    assert answer(child) == "'3.9.1'"
    lines = screen(output(child))
    assert any(re.fullmatch(r"SEV-1 \ds · banner due in 9m  answer> 3\.9\.1", line) for line in lines)
    assert sum("answer>" in line for line in lines) == 1


def test_unchanged_clocks_send_nothing() -> None:
    """On a slow line nothing is redrawn while neither clocks nor text change."""
    child = at_prompt(spawn("approve", "clock=steady"))
    child.expect_exact("\x1b[K")
    with pytest.raises(pexpect.TIMEOUT):
        child.expect(r"[^\s\x1b]", timeout=2.2)
    child.send("y\r")
    assert answer(child) == "True"


def test_typing_sends_only_what_was_typed() -> None:
    """An echoed key costs a slow line one byte, not a line."""
    child = at_prompt(spawn("text", "clock=steady"), "answer> \x1b[K")
    before = len(output(child))
    typed(child, "abcdef")
    child.expect_exact("abcdef")
    assert output(child)[before:] == "abcdef"
    child.sendcontrol("c")
    assert answer(child) == "PauseAsked"


def test_utf8_in_pieces() -> None:
    """A character that arrives byte by byte is one character, and one backspace removes it."""
    child = at_prompt(spawn("reason"), "reason> ")
    child.send("\r")
    child.expect_exact("A reason is needed")
    at_prompt(child, "reason> ")
    for byte in "zü日".encode():
        os.write(child.child_fd, bytes([byte]))
        time.sleep(0.03)
    child.send("\x7f\x7fb\r")
    assert answer(child) == "'zb'"


@pytest.mark.parametrize(("case", "word"), [("done", "done"), ("posted", "posted"), ("paged", "paged")])
def test_words(case: str, word: str) -> None:
    """Manual work is confirmed by its word; Enter and y are not enough; n declines."""
    for last, expected in ((word, "True"), ("n", "False")):
        child = at_prompt(spawn(case), f"{word}/n> ")
        child.send("\r")
        child.expect_exact(f"Type {word}, or n")
        at_prompt(child, f"{word}/n> ").send("y\r")
        child.expect_exact(f"Type {word}, or n")
        at_prompt(child, f"{word}/n> ").send(last + "\r")
        assert answer(child) == expected


def test_text_is_checked() -> None:
    """A text that does not fit is refused with what is wrong; Enter alone takes the default; n declines."""
    child = at_prompt(spawn("text"), "answer> ")
    child.send("abc\r")
    child.expect_exact("Not a version.")
    at_prompt(child, "answer> ").send("\r")
    assert answer(child) == "'3.7.8'"
    child = at_prompt(spawn("text"), "answer> ")
    child.send("n\r")
    assert answer(child) == "None"


def test_suspend_and_continue() -> None:
    """SIGTSTP gives the terminal back and stops; SIGCONT takes it again, with what had been typed."""
    shell = start("/bin/bash", "--norc", "-i", PS1="$ ")
    shell.expect_exact("$ ")
    shell.send(f"{sys.executable} -m tests.support.pty_driver text\n")
    at_prompt(shell, "answer> ").send("3.")
    shell.expect_exact("3.")
    shell.send("\x1a")
    shell.expect_exact("Stopped")
    shell.send("stty -a | grep -o '.icanon'; fg\n")
    shell.expect_exact(" icanon")
    shell.expect(r"answer> 3\.")
    shell.send("8\r")
    shell.expect_exact("ANSWER '3.8'")
    shell.close()


def test_stop_that_cannot_be_caught() -> None:
    """After SIGSTOP and SIGCONT the prompt is drawn again and takes its answer."""
    child = at_prompt(spawn("text", "clock=steady"), "answer> ")
    child.send("3.")
    child.expect_exact("3.")
    os.kill(pid(child), signal.SIGSTOP)
    time.sleep(0.1)
    mode = termios.tcgetattr(child.child_fd)  # on Linux the settings of the other end: a shell has had the terminal
    mode[3] |= termios.ICANON | termios.ECHO
    termios.tcsetattr(child.child_fd, termios.TCSANOW, mode)
    os.kill(pid(child), signal.SIGCONT)
    child.expect_exact("answer> 3.")
    assert not termios.tcgetattr(child.child_fd)[3] & (termios.ICANON | termios.ECHO)
    child.send("9\r")
    assert answer(child) == "'3.9'"


@pytest.mark.parametrize("case", ["approve", "choose"])
def test_terminated_at_a_prompt(case: str) -> None:
    """SIGTERM ends the program as it would anywhere else, and the terminal is as it was."""
    child = at_prompt(between_two_looks(case), LABEL[case])
    time.sleep(0.2)
    os.kill(pid(child), signal.SIGTERM)
    before, after = modes(child)
    assert after == before
    assert child.match.group(1) == str(128 + signal.SIGTERM)


def test_terminated_while_the_screen_is_frozen() -> None:
    """After Ctrl-S nothing can be drawn, and SIGTERM still ends the program at once."""
    child = at_prompt(spawn("approve"))
    child.send("\x13")
    time.sleep(2.2)
    os.kill(pid(child), signal.SIGTERM)
    for _ in range(50):
        if not child.isalive():
            break
        time.sleep(0.1)
    assert child.signalstatus == signal.SIGTERM


@pytest.mark.parametrize("case", ["approve", "choose"])
def test_interrupt_from_outside(case: str) -> None:
    """SIGINT sent to the process pauses, as Ctrl-C does."""
    child = at_prompt(spawn(case), LABEL[case])
    time.sleep(0.3)
    os.kill(pid(child), signal.SIGINT)
    assert answer(child) == "PauseAsked"


def test_a_narrower_window() -> None:
    """When the window shrinks the prompt is drawn again at the new width, and the text is kept."""
    child = at_prompt(spawn("text"), "answer> ")
    child.send("3.1")
    child.expect_exact("3.1")
    child.setwinsize(24, 40)
    child.expect(r"\n\rSEV-1 \d+s  answer> 3\.1")
    child.send("4\r")
    assert answer(child) == "'3.14'"


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 24), (40, 10)])
@pytest.mark.parametrize("case", ["show", "hostile", "posted", "done"])
def test_nothing_is_wider_than_the_window(case: str, columns: int, rows: int) -> None:
    """No line is wider than the window, the live line and the prompt included."""
    child = at_prompt(spawn(case, columns=columns, rows=rows), "> ")
    child.send("a long answer that has to scroll within the line " * 3)
    time.sleep(0.2)
    child.sendcontrol("c")
    answer(child)
    shown = output(child)[: output(child).index("HEAVY")]
    assert max(len(line) for line in screen(shown)) <= columns


def test_the_next_thing_is_the_last_thing_on_screen() -> None:
    """Below the question there is nothing."""
    child = at_prompt(spawn("show"))
    assert screen(output(child))[-1].endswith("y/N>")
    child.sendcontrol("c")
    answer(child)


@pytest.mark.parametrize("case", ["show", "choose"])
def test_no_color(case: str) -> None:
    """NO_COLOR: no colour or weight reaches the screen; without it some does."""
    for env, wanted in (({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)):
        child = at_prompt(spawn(case, NO_COLOR=env["NO_COLOR"]), LABEL[case])
        child.sendcontrol("c")
        answer(child)
        assert bool(COLOUR.search(output(child))) is wanted


def test_hostile_text_is_not_obeyed() -> None:
    """Escape sequences in names from a server do not reach the screen."""
    child = at_prompt(spawn("hostile", NO_COLOR="1"), "type it> ")
    child.sendcontrol("c")
    answer(child)
    shown = output(child)
    assert set(re.findall(r"\x1b\[[^A-Za-z]*[A-Za-z]", shown)) <= {"\x1b[K", "\x1b[?2004h", "\x1b[?2004l"}
    assert "\x07" not in shown
    assert "\x1b]" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(("name", "value"), [("LANG", "C"), ("LC_ALL", "C"), ("PYTHONIOENCODING", "ascii")])
def test_an_ascii_terminal(name: str, value: str) -> None:
    """A terminal of LANG=C gets ASCII only, and nothing crashes."""
    child = at_prompt(spawn("show", options={name: value}))
    child.send("y\r")
    assert answer(child) == "True"
    assert output(child).isascii()


def test_a_dumb_terminal() -> None:
    """TERM=dumb: plain questions, a numbered list, no escape sequence, and deadlines all the same."""
    child = at_prompt(spawn("approve", TERM="dumb"))
    child.send("y\n")
    assert answer(child) == "True"
    assert "\x1b" not in output(child)
    child = at_prompt(spawn("choose", TERM="dumb"), "1-3/n> ")
    child.send("2\n")
    assert answer(child) == "'skip'"
    child = at_prompt(spawn("approve", "until=0.4", TERM="dumb"))
    assert answer(child) == "PromptDue"
    child = at_prompt(spawn("approve", TERM="dumb"))
    child.sendintr()
    assert answer(child) == "PauseAsked"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("\r", "'retry'"),
        ("\n", "'retry'"),
        ("\x1b[A\r", "None"),
        ("\x1b[B\r", "'skip'"),
        ("3\r", "'pause'"),
        ("skip\r", "'skip'"),
        ("n\r", "None"),
        ("q\r", "None"),
        ("\x03", "PauseAsked"),
        ("\x04", "PauseAsked"),
    ],
)
def test_menu(keys: str, expected: str) -> None:
    """Arrow keys or a number, then Enter; the pointer starts at the first, where nothing is suggested,
    whatever is taken without a person; n is none of these."""
    child = at_prompt(spawn("choose"), "None of these")
    time.sleep(0.2)
    child.send(keys[:-1])
    time.sleep(0.1)
    child.send(keys[-1])
    assert answer(child) == expected


def test_a_wrong_key_is_said_and_enter_after_it_chooses_nothing() -> None:
    """A key that fits nothing names those that do; the Enter typed with it is not for what is suggested."""
    child = at_prompt(spawn("choose"), "None of these")
    time.sleep(0.2)
    child.send("x")
    child.expect_exact("No such choice. 1 to 3, n, arrows to point, then Enter.")
    child.send("\n")
    with pytest.raises(pexpect.TIMEOUT):
        child.expect_exact("ANSWER", timeout=0.6)
    assert any("Nothing chosen yet." in line for line in screen(output(child)))
    child.send("\r")
    assert answer(child) == "'retry'"


@pytest.mark.parametrize(
    ("case", "before", "after", "expected"),
    [("swapped", "y\r", "y\r", "True"), ("swapped by a menu", "\r", "3\r", "'pause'")],
)
def test_a_question_in_the_place_of_another(case: str, before: str, after: str, expected: str) -> None:
    """When a clock puts its own question where one was open, a key that was meant for that one answers neither."""
    child = at_prompt(spawn(case, "until=0.4"))
    child.expect_exact("\a", timeout=5)
    child.send(before)
    with pytest.raises(pexpect.TIMEOUT):
        child.expect_exact("ANSWER", timeout=2)
    child.send(after)
    assert answer(child) == expected


def test_several_lines_at_once_on_a_dumb_terminal() -> None:
    """A paste is no answer there either, though such a terminal gives line by line."""
    child = at_prompt(spawn("approve", TERM="dumb"))
    time.sleep(0.2)
    child.send("y\nls -la\n")
    child.expect_exact("several lines came at once")
    child.send("n\n")
    assert answer(child) == "False"


def test_the_terminal_is_set_whatever_comes_in_between() -> None:
    """`bg` and `fg` interrupt who sets it; what else goes wrong is told."""
    errors = [termios.error(errno.EINTR, "Interrupted system call"), None, termios.error(errno.EIO, "gone")]

    def call() -> None:
        if (error := errors.pop(0)) is not None:
            raise error

    unbroken(call)
    with pytest.raises(termios.error, match="gone"):
        unbroken(call)


@pytest.mark.parametrize("words", ["all down", "openai", "no", "not known", "1.2", "r3", "yes\r"])
def test_a_word_chooses_nothing(words: str) -> None:
    """What somebody types who takes the menu for another question, whatever letter it ends in."""
    child = at_prompt(spawn("choose"), "None of these")
    time.sleep(0.2)
    child.send(words + "\r")
    with pytest.raises(pexpect.TIMEOUT):
        child.expect_exact("ANSWER", timeout=0.6)


def test_keys_left_over_from_a_menu_do_not_answer_the_next() -> None:
    """A double Enter answers one menu, not two."""
    child = at_prompt(spawn("menus"), "None of these")
    time.sleep(0.2)
    child.send("\r\r\r")
    child.expect_exact("FIRST retry")
    at_prompt(child, "None of these")
    with pytest.raises(pexpect.TIMEOUT):
        child.expect_exact("ANSWER", timeout=0.6)
    child.send("3\r")
    assert answer(child) == "'pause'"


def test_menu_deadline_and_clocks() -> None:
    """A menu shows ticking clocks, and is left at its deadline with nothing chosen."""
    child = at_prompt(spawn("choose", "until=2.5"), "None of these")
    with pytest.raises(pexpect.TIMEOUT):
        child.expect_exact("ANSWER", timeout=1.8)
    assert any(re.search(r"SEV-1 [12]s · banner due in 9m", line) for line in screen(output(child)))
    assert answer(child) == "PromptDue"
    # Only what changed was sent again.
    assert output(child).count("None of these") == 1


def test_numbered_list_on_a_narrow_terminal() -> None:
    """Below 60 columns the menu is a numbered list, answered by number or key."""
    for keys, expected in (("1\r", "'retry'"), ("pause\r", "'pause'"), ("n\r", "None")):
        child = at_prompt(spawn("choose", columns=50), "1-3/n> ")
        child.send("9\r")
        child.expect_exact("Type a number from 1 to 3")
        at_prompt(child, "1-3/n> ").send(keys)
        assert answer(child) == expected


@pytest.mark.parametrize("case", ["approve", "typed", "choose", "text", "done", "reason"])
def test_a_pipe_is_not_a_person(case: str) -> None:
    """Answers on a pipe are not a person's, whatever FORCE_COLOR says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.pty_driver", case],
        input="y\n" * 5,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TERM": "xterm", "FORCE_COLOR": "1"},
        check=False,
        timeout=20,
    )
    assert "ANSWER NeedsPerson" in done.stdout


def test_the_first_question_is_cheap() -> None:
    """The first yes/no question loads none of the heavy libraries."""
    child = at_prompt(spawn("approve"))
    child.send("y\r")
    child.expect_exact("HEAVY []")
    assert answer(child) == "True"


def test_a_list_asked_by_line_says_what_enter_takes() -> None:
    """What Enter alone takes stands above the question, and again after an answer that fits nothing."""
    err = io.StringIO()
    typed = iter(["x", ""])
    reader = Reader(Streams(env={"TERM": "dumb"}, err=err), lambda: "", SystemClock())
    reader.line = lambda *_: next(typed)  # type: ignore[method-assign]
    options = [Option("retry", "Try again"), Option("skip", "Skip it", suggested=True)]
    assert ask_number(reader, "What now?", options, None) == "skip"
    assert err.getvalue().count("Enter alone: Skip it.") == 2
    assert "Type a number from 1 to 2" in err.getvalue()

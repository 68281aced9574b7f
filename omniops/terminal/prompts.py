"""Questions with live clocks in the prompt line, on a small line reader of our own.

No library: this is the first thing a person sees, and questionary would take a pipe for a person. Nothing here ever
takes silence, end of input, a paste or an earlier key for a yes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from omniops.clock import Clock
from omniops.errors import NeedsPerson
from omniops.runner.person import NO, YES, Option, PauseAsked, PromptDue
from omniops.terminal import keys
from omniops.terminal.layout import cells, cut, parts, safe, tail, wrap
from omniops.terminal.streams import Streams
from omniops.terminal.tty import Tty

SWAP_S = 1.5  # long enough to see that it is another question
REDRAW_S = 1.0  # a slow line carries one redraw a second
LOOK_S = 0.2  # how often deadline and clocks are looked at
TYPING_ROOM = 16


class Reader:
    """Asks for one line. ``clocks`` returns the line of live clocks; ``clock`` is what deadlines are measured by."""

    def __init__(self, streams: Streams, clocks: Callable[[], str], clock: Clock) -> None:
        self.streams, self.clocks, self.clock = streams, clocks, clock
        self.swapped = False  # a clock has just put another question in the place of the one that was open

    def line(self, label: str, until: datetime | None, draft: str = "") -> str:
        """Return what was typed, without surrounding blanks. What was typed before the prompt is thrown away.

        Raises PromptDue (its first argument is what had been typed) at ``until``; PauseAsked on Ctrl-C, Ctrl-D, end of
        input or a signal to stop; NeedsPerson where no person is at the terminal.
        """
        if not self.streams.interactive:
            raise NeedsPerson("a question, and nobody to ask", why="stdin and stderr are not both a terminal")
        self.streams.end_live()
        # Typing is echoed by a dumb terminal itself, so a draft could not be edited there.
        editor = keys.LineEditor("" if self.streams.dumb else draft)
        try:
            self.settle()
            with Tty(self.streams) as tty:
                return self._loop(tty, editor, label, until)
        except (PauseAsked, PromptDue, KeyboardInterrupt) as error:
            if self.streams.ready(LOOK_S):
                self.streams.put("\n")
            if isinstance(error, KeyboardInterrupt):
                raise PauseAsked from error
            self.swapped = isinstance(error, PromptDue)
            raise

    def settle(self) -> None:
        """Where another question has just gone: ring, and take no key for a moment. What is typed now is meant for that
        one, and a y there is no y here. Raises PauseAsked on Ctrl-C."""
        if not self.swapped:
            return
        self.swapped = False
        self.streams.put("\a")
        end = time.monotonic() + SWAP_S
        with Tty(self.streams) as tty:
            while (left := end - time.monotonic()) > 0:
                if b"\x03" in (tty.read(left) or b""):
                    raise PauseAsked

    def _loop(self, tty: Tty, editor: keys.LineEditor, label: str, until: datetime | None) -> str:
        screen = _PromptLine(self.streams, self.clocks, self.clock, label)
        while True:
            if until is not None and self.clock.now() >= until:
                raise PromptDue(editor.text)
            screen.draw(editor.text)
            data = tty.read(LOOK_S)
            if data is None:
                editor.quiet()
                continue
            asked = editor.feed(data)
            if not data or asked == keys.REDRAW:
                screen.forget()
            elif asked == keys.ENTER:
                if tty.raw:
                    screen.draw(editor.text)
                    self.streams.put("\n")
                return editor.text.strip()
            elif asked in (keys.PAUSE, keys.EOF):
                raise PauseAsked
            elif asked == keys.SUSPEND:
                tty.suspend()
                screen.forget()
            elif asked == keys.PASTED:
                self.streams.put("\n")
                self.streams.say("  several lines came at once; type the answer instead", "warn")
                screen.forget()


class _PromptLine:
    """The last line of the screen: clocks, label, what has been typed. Never wider than the terminal."""

    def __init__(self, streams: Streams, clocks: Callable[[], str], clock: Clock, label: str) -> None:
        self._streams, self._clocks, self._clock, self._label = streams, clocks, clock, label
        self._time = ""
        self._looked = -REDRAW_S
        self._drawn: str | None = None
        self._drawn_cells = 0

    def forget(self) -> None:
        """The line on the screen can no longer be relied on."""
        if self._drawn is not None and not self._streams.dumb and self._drawn_cells >= self._streams.columns():
            # The window became narrower and the line was folded: leave it, and draw a new one below.
            self._streams.put("\n")
        self._drawn = None

    def draw(self, typed: str) -> None:
        """Bring the line up to date. Writes nothing where nothing changed, or while the line is behind."""
        if self._clock.boot() - self._looked >= REDRAW_S:
            self._time, self._looked = safe(self._clocks()), self._clock.boot()
        if self._streams.dumb:
            if self._drawn is None:
                self._drawn = self._prefix(self._streams.columns())[1]
                self._streams.put(self._drawn)
            return
        columns = self._streams.columns()
        plain, shown = self._prefix(columns)
        typed = tail(typed, max(columns - 1 - cells(plain), 1))
        line = shown + typed
        if line == self._drawn or not self._streams.ready():
            return
        if self._drawn is not None and line.startswith(self._drawn):
            self._streams.put(line[len(self._drawn) :])
        else:
            self._streams.put(f"\r{line}\x1b[K")
        self._drawn, self._drawn_cells = line, cells(plain) + cells(typed)

    def _prefix(self, columns: int) -> tuple[str, str]:
        label = cut(self._label, max(columns - 4, 1)) + "> "
        room = columns - 1 - cells(label) - TYPING_ROOM
        time = parts(self._time, room - 2) if self._time and room >= 8 else ""
        if not time:
            return label, self._streams.style(label, "head")
        return f"{time}  {label}", self._streams.style(time, "dim") + "  " + self._streams.style(label, "head")


def ask_yes_no(reader: Reader, question: str, until: datetime | None) -> bool:
    """Ask for y or n. Enter alone is no."""
    _say(reader.streams, question, "head")
    while True:
        answer = reader.line("y/N", until).lower()
        if answer in YES:
            return True
        if answer in ("", *NO):
            return False
        _say(reader.streams, f"“{safe(answer, 40)}” is neither y nor n.", "warn")


def ask_typed(reader: Reader, question: str, wanted: str, until: datetime | None) -> bool:
    """Ask for a text to be typed exactly. Enter alone and n decline; a wrong text is refused and asked for again."""
    _say(reader.streams, question, "head")
    _say(reader.streams, f"Type {wanted} to approve it. Enter alone or n: declined.")
    while True:
        answer = reader.line("type it", until)
        if wanted and answer == wanted:
            return True
        if answer.lower() in ("", *NO):
            return False
        _say(reader.streams, f"“{safe(answer, 80)}” is not {wanted}. Nothing was changed.", "warn")


def ask_word(reader: Reader, hint: str, word: str, until: datetime | None) -> bool:
    """Ask for one word ("done"). n declines; anything else, Enter alone too, is asked again."""
    _say(reader.streams, hint, "head")
    while True:
        answer = reader.line(f"{word}/n", until).lower()
        if answer == word:
            return True
        if answer in NO:
            return False
        _say(reader.streams, f"Type {word}, or n to decline; Ctrl-C pauses.", "warn")


def ask_text(
    reader: Reader, question: str, until: datetime | None, check: Callable[[str], str], default: str, draft: str
) -> str | None:
    """Ask for a text that ``check`` accepts. Enter alone takes the default where there is one; n declines. A default
    of n: Enter alone declines, too."""
    _say(reader.streams, question, "head")
    if default.lower() in NO:
        enter = "Enter alone or n: do not answer."
    else:
        enter = f"Enter alone: {safe(default, 80)}. n: do not answer." if default else "n: do not answer."
    _say(reader.streams, enter, "dim")
    while True:
        answer = reader.line("answer", until, draft) or default
        draft = ""
        if answer.lower() in NO:
            return None
        wrong = safe(check(answer)) if answer else "An answer is needed; n declines."
        if not wrong:
            return answer
        _say(reader.streams, wrong, "warn")


def ask_reason(reader: Reader, question: str) -> str:
    """Ask for a reason in words; it cannot be empty."""
    _say(reader.streams, question, "head")
    while True:
        answer = reader.line("reason", None)
        if answer.lower() in (*YES, *NO):
            _say(reader.streams, f"“{answer}” would be the reason. Type it in words; Ctrl-C leaves.", "warn")
            continue
        if answer:
            return answer
        _say(reader.streams, "A reason is needed; it goes into the timeline.", "warn")


def ask_number(reader: Reader, question: str, options: Sequence[Option], until: datetime | None) -> str | None:
    """Ask for one of a numbered list, by number or key. Enter alone takes what is suggested; n declines, unless n is a
    key."""
    width = reader.streams.width()
    _say(reader.streams, question, "head")
    for number, option in enumerate(options, 1):
        text = safe(option.label) + (f" – {safe(option.detail)}" if option.detail else "")
        for line in wrap(f"{text}  ({safe(option.key, 60)})", width - 1, f"  {number}  ", "     "):
            reader.streams.say(line)
    keyed = {option.key.lower(): option.key for option in options}
    numbered = {str(number): option.key for number, option in enumerate(options, 1)}
    suggested = next((option for option in options if option.suggested), None)
    enter = f"Enter alone: {safe(suggested.label, 60)}." if suggested else ""
    if enter:
        _say(reader.streams, enter, "dim")
    while True:
        answer = reader.line(f"1-{len(options)}/n", until).lower()
        if not answer and suggested:
            return suggested.key
        if answer in keyed or answer in numbered:
            return keyed.get(answer) or numbered[answer]
        if answer in NO:
            return None
        _say(reader.streams, f"Type a number from 1 to {len(options)}, or n for none of them. {enter}".rstrip(), "warn")


def _say(streams: Streams, text: str, tone: str = "") -> None:
    for line in wrap(safe(text, 1000), streams.width() - 1):
        streams.say(line, tone)

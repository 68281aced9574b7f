"""A menu with arrow keys: questionary's select, with our own gate, deadline, clocks and signals around it.

Imported only when a menu is drawn: questionary costs more than all the rest of a first question.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import termios
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import questionary
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.input import create_input
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from questionary.prompts.common import InquirerControl

from omniops.errors import NeedsPerson
from omniops.runner.person import Option, PauseAsked, PromptDue
from omniops.terminal.layout import cut, parts, safe, wrap
from omniops.terminal.prompts import LOOK_S, REDRAW_S, Reader
from omniops.terminal.tty import Signals, unbroken

_DECLINED = "\0declined"
_MESSAGE = "Choose"
BURST_S = 0.4
"""An Enter so soon after a wrong key, or after one that chose nothing, is a part of what was pasted or held down."""
WORD_S = 1.0
"""Within how long the letters of a word follow each other."""
_NUMBERS = 9  # further options have the arrows alone: a letter for each would let a word that is typed choose
_TOKENS = ("qmark", "question", "answer", "pointer", "highlighted", "selected", "instruction", "text", "separator")


class _Asked(Exception):
    """The menu was left for something else than a choice: a signal's number, or Ctrl-Z."""

    def __init__(self, number: int, whole_group: bool = False) -> None:
        super().__init__(number)
        self.number, self.whole_group = number, whole_group


def ask_menu(
    reader: Reader, question: str, options: Sequence[Option], until: datetime | None, preferred: str = ""
) -> str | None:
    """Ask for one option with arrow keys or its number, then Enter. ``preferred`` is pointed at first.

    Returns None for "none of these". Raises as ``Reader.line`` does. What was typed before is thrown away.
    """
    streams = reader.streams
    if not streams.interactive:  # questionary would take a pipe for a person
        raise NeedsPerson("a choice, and nobody to make it", why="stdin and stderr are not both a terminal")
    for line in wrap(safe(question, 1000), streams.width() - 1):
        streams.say(line, "head")
    reader.settle()
    saved = termios.tcgetattr(streams.stdin.fileno())
    try:
        with Signals() as signals:
            while True:
                try:
                    chosen = _run(reader, options, until, preferred, signals)
                except _Asked as asked:
                    _restore(reader, saved)
                    if asked.number == signal.SIGTSTP:
                        signals.stop(asked.whole_group)
                    elif asked.number != signal.SIGCONT:
                        signals.hand_on(asked.number)
                    continue
                return None if chosen == _DECLINED else chosen
    except PromptDue:
        reader.swapped = True
        raise
    except (KeyboardInterrupt, EOFError, OSError) as error:
        raise PauseAsked from error
    finally:
        _restore(reader, saved)


def _restore(reader: Reader, saved: list[object]) -> None:
    with contextlib.suppress(termios.error):
        termios.tcsetattr(reader.streams.stdin.fileno(), termios.TCSANOW, saved)  # type: ignore[arg-type]


def _run(reader: Reader, options: Sequence[Option], until: datetime | None, preferred: str, signals: Signals) -> str:
    streams = reader.streams
    columns = streams.columns()

    def text(value: str, width: int) -> str:
        return streams.encodable(cut(safe(value), width), streams.stderr)

    def clocks() -> str:
        return streams.encodable(parts(safe(reader.clocks()), columns - 44), streams.stderr)

    choices = [
        questionary.Choice(
            text(option.label, columns - 12), option.key, description=text(option.detail, columns - 18) or None,
            shortcut_key=str(number) if number <= _NUMBERS else False,
        )
        for number, option in enumerate(options, 1)
    ]  # fmt: skip
    choices.append(questionary.Choice("None of these", _DECLINED, shortcut_key="n"))
    # Asking the terminal where its cursor is takes a round trip, which on a slow line ends up in the answer.
    output = Vt100_Output.from_pty(streams.stderr, term=streams.env.get("TERM"))
    output.enable_cpr = False
    keys_in = create_input(streams.stdin)
    asked: questionary.Question = questionary.select(
        _MESSAGE,
        choices,
        default=preferred if preferred in {option.key for option in options} else None,
        pointer=">" if streams.ascii else "»",
        style=None if streams.colour else questionary.Style([(name, "noinherit") for name in _TOKENS]),
        instruction="(arrows or number, then Enter)",
        use_shortcuts=True,
        use_jk_keys=False,
        rprompt=lambda: "" if asked.application.is_done else clocks(),
        refresh_interval=REDRAW_S,
        output=output,
        input=keys_in,
        color_depth=ColorDepth.DEPTH_4_BIT if streams.colour else ColorDepth.DEPTH_1_BIT,
    )
    app = asked.application
    numbers = f"1 to {min(len(options), _NUMBERS)}" if len(options) > 1 else "1"
    control = next(one for one in app.layout.find_all_controls() if isinstance(one, InquirerControl))

    def point(at: int) -> None:
        control.pointed_at = at

    slip = _Slip(f"{numbers}, n, arrows", columns, [option.key for option in options], point)
    app.key_bindings = merge_key_bindings([app.key_bindings or KeyBindings(), _more_keys(), slip.keys()])
    app.key_processor.after_key_press += slip.pressed
    app.layout = Layout(HSplit([app.layout.container, slip.line()]))

    async def watch() -> None:
        while not app.is_done:
            for number in signals.take():
                if number != signal.SIGWINCH and not app.is_done:
                    app.exit(exception=_Asked(number))
            if until is not None and reader.clock.now() >= until and not app.is_done:
                app.exit(exception=PromptDue())
            await asyncio.sleep(LOOK_S)

    def start() -> None:
        app.create_background_task(watch())

    unbroken(termios.tcflush, streams.stdin.fileno(), termios.TCIFLUSH)
    clear_typeahead(keys_in)  # prompt_toolkit keeps what was left over from an earlier menu, and would play it here
    # As unsafe_ask, which is only this; but SIGINT stays with ``signals``.
    chosen = app.run(pre_run=start, handle_sigint=False)
    return str(chosen)


class _Slip:
    """A key that fits nothing is said, and an Enter that comes right after it chooses nothing: whoever typed it meant
    something else than what is pointed at. A word that is an option's own key ("sev-2") points at that."""

    def __init__(self, fits: str, columns: int, keys: Sequence[str], point: Callable[[int], None]) -> None:
        self._fits, self._columns, self._point = fits, columns, point
        self._words = {key.lower(): at for at, key in enumerate(keys)}
        self._shown = self._typed = ""
        self._said = False  # by the key that is looked at
        self._wrong = self._was_wrong = False  # the key that is looked at; the one before it
        self._since = -WORD_S

    def pressed(self, _: object) -> None:
        """To be called after every key."""
        if not self._said:
            self._shown, self._since = "", -WORD_S
        if not self._wrong:
            self._typed = ""
        self._was_wrong, self._wrong, self._said = self._wrong, False, False

    def keys(self) -> KeyBindings:
        bindings = KeyBindings()
        amiss = Condition(lambda: self._was_wrong)
        typing = Condition(lambda: time.monotonic() - self._since < WORD_S)
        hasty = Condition(lambda: self._was_wrong or time.monotonic() - self._since < BURST_S)

        def a_letter(event: KeyPressEvent) -> None:
            self._typed += event.data
            if (at := self._words.get(self._typed.lower())) is not None:
                self._point(at)
                self._say("")
                self._since = -WORD_S
                return
            self._wrong, self._since = True, time.monotonic()
            self._say(f"No such choice. {self._fits} to point, then Enter.")

        for key in "nq":  # the end of a word is no answer
            bindings.add(key, eager=True, filter=amiss)(a_letter)
        for key in "123456789":  # nor that of "4.2"; but a slip of the finger is mended by the right number
            bindings.add(key, eager=True, filter=amiss & typing)(a_letter)
        bindings.add(Keys.Any, eager=True)(a_letter)

        @bindings.add(Keys.ControlJ, eager=True, filter=hasty)
        @bindings.add(Keys.ControlM, eager=True, filter=hasty)
        def _not_yet(event: KeyPressEvent) -> None:
            self._since = time.monotonic()
            self._say(f"Nothing chosen yet. {self._fits} to point, Enter again takes it.")

        return bindings

    def line(self) -> ConditionalContainer:
        """Below the options, while there is something to say."""
        text = FormattedTextControl(lambda: [("class:instruction", cut(f"  {self._shown}", self._columns - 1))])
        return ConditionalContainer(Window(text, height=1), filter=Condition(lambda: bool(self._shown)) & ~is_done)

    def _say(self, text: str) -> None:
        self._shown, self._said = text, True


def _more_keys() -> KeyBindings:
    """Ctrl-Z suspends, Ctrl-D is the end of input, q points where n does, a line feed is an Enter; questionary knows
    none of them."""
    bindings = KeyBindings()

    @bindings.add("c-j", eager=True)
    def _enter(event: KeyPressEvent) -> None:
        event.key_processor.feed(KeyPress(Keys.ControlM), first=True)

    @bindings.add("q", eager=True)
    def _none(event: KeyPressEvent) -> None:
        event.key_processor.feed(KeyPress("n"), first=True)

    @bindings.add("c-z", eager=True)
    def _suspend(event: KeyPressEvent) -> None:
        event.app.exit(exception=_Asked(signal.SIGTSTP, whole_group=True))

    @bindings.add("c-d", eager=True)
    def _end(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError)

    return bindings

"""The person at the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from omniops.clock import Clock, SystemClock
from omniops.runner.person import Change, Option, PromptDue
from omniops.terminal import prompts
from omniops.terminal.layout import safe
from omniops.terminal.show import Show, approval, no_clocks
from omniops.terminal.streams import Streams

MENU_MIN_WIDTH = 60


class TerminalPerson(Show):
    """Implements ``Person`` on a terminal. ``clock`` is what deadlines are measured by (a drill gives its own).

    Every question raises PromptDue at ``until``, PauseAsked on Ctrl-C or end of input, and NeedsPerson where stdin and
    stderr are not both terminals. The terminal is as it was before in every case.
    """

    def __init__(self, streams: Streams, clocks: Callable[[], str] = no_clocks, clock: Clock | None = None) -> None:
        super().__init__(streams, clocks)
        self.interactive = streams.interactive
        self._reader = prompts.Reader(streams, lambda: self.clocks(), clock or SystemClock())
        self._drafts: dict[tuple[str, str], str] = {}

    def approve(self, step: str, change: Change, until: datetime | None) -> bool:
        if change.typed:
            return prompts.ask_typed(self._reader, approval(change), safe(change.typed), until)
        return prompts.ask_yes_no(self._reader, approval(change), until)

    def done(self, step: str, text: str, until: datetime | None) -> bool:
        self.block(text)
        return prompts.ask_word(self._reader, "Type done when it is done, n to decline.", "done", until)

    def posted(self, step: str, channel: str, text: str, until: datetime | None) -> bool:
        self.say(f"Post this to {safe(channel, 80)}:", "head")
        self.block(text)
        return prompts.ask_word(self._reader, "Type posted when it is posted, n to decline.", "posted", until)

    def paged(self, step: str, who: str, words: str, until: datetime | None) -> bool:
        self.say(f"Page {safe(who, 120)} by hand, with these words:", "head")
        self.block(words)
        return prompts.ask_word(self._reader, "Type paged when they have been paged, n to decline.", "paged", until)

    def choose(
        self, step: str, question: str, options: Sequence[Option], until: datetime | None, unattended: str = ""
    ) -> str | None:
        """A menu with arrow keys where the terminal can draw one, else a numbered list."""
        if not self.interactive or self.streams.dumb or self.streams.columns() < MENU_MIN_WIDTH:
            return prompts.ask_number(self._reader, question, options, until)
        from omniops.terminal.menu import ask_menu

        suggested = next((option.key for option in options if option.suggested), "")
        return ask_menu(self._reader, question, options, until, preferred=suggested)

    def text(
        self, step: str, question: str, until: datetime | None, check: Callable[[str], str], default: str = ""
    ) -> str | None:
        draft = self._drafts.pop((step, question), "")
        try:
            return prompts.ask_text(self._reader, question, until, check, default, draft)
        except PromptDue as due:
            # Half a sentence is kept for when the question is asked again; an approval never is.
            self._drafts[step, question] = str(due.args[0]) if due.args else ""
            raise

    def reason(self, step: str, question: str) -> str:
        return prompts.ask_reason(self._reader, question)

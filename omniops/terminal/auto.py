"""The person of `omniops drill --auto`: prints what a person would see, and types the answers by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from omniops.clock import Clock, SystemClock
from omniops.errors import NeedsPerson
from omniops.runner.person import Change, Option
from omniops.terminal.layout import cut, safe
from omniops.terminal.show import Show, approval, no_clocks
from omniops.terminal.streams import Streams


class Auto(Show):
    """Implements ``Person`` for drills only: it approves everything that ``answers`` does not decline.

    ``answers`` is step id -> answer, as in an answers file (False declines); ``pace`` is how long it seems to think
    before each answer, in seconds of ``clock``.
    """

    interactive = False

    def __init__(
        self,
        answers: Mapping[str, Any],
        pace: float,
        streams: Streams,
        clocks: Callable[[], str] = no_clocks,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(streams, clocks)
        self.answers, self.pace = answers, pace
        self._chosen: set[str] = set()
        self._clock = clock or SystemClock()

    def approve(self, step: str, change: Change, until: datetime | None) -> bool:
        self.say(approval(change), "head")
        if change.typed:
            self.say(f"Type {safe(change.typed)} to approve it. Enter alone or n: declined.")
            return self._word(step, "type it", safe(change.typed))
        return self._word(step, "y/N", "y")

    def done(self, step: str, text: str, until: datetime | None) -> bool:
        self.block(text)
        return self._word(step, "done/n", "done")

    def posted(self, step: str, channel: str, text: str, until: datetime | None) -> bool:
        self.say(f"Post this to {safe(channel, 80)}:", "head")
        self.block(text)
        return self._word(step, "posted/n", "posted")

    def paged(self, step: str, who: str, words: str, until: datetime | None) -> bool:
        self.say(f"Page {safe(who, 120)} by hand, with these words:", "head")
        self.block(words)
        return self._word(step, "paged/n", "paged")

    def choose(
        self, step: str, question: str, options: Sequence[Option], until: datetime | None, unattended: str = ""
    ) -> str | None:
        """The answer given, else what the runbook takes unattended, else the first option."""
        self.options(question, options)
        keys = [option.key for option in options]
        given = self.answers.get(step)
        if given is False:
            self._type("choose", "n")
            return None
        suggested = [option.key for option in options if option.suggested]
        if step in self._chosen:
            keys = list(reversed(keys))  # "retry" for ever would be a drill without end
        self._chosen.add(step)
        for key in (given, unattended, *suggested, *keys):
            if key in keys:
                self._type("choose", str(key))
                return str(key)
        return None

    def text(
        self, step: str, question: str, until: datetime | None, check: Callable[[str], str], default: str = ""
    ) -> str | None:
        """The answer given, else the default. Raises NeedsPerson where there is neither, or it is no answer."""
        self.say(question, "head")
        given = self.answers.get(step, default)
        if given is False:
            self._type("answer", "n")
            return None
        self._type("answer", str(given))
        wrong = check(str(given)) if str(given) else "the drill has no answer for it"
        if wrong:
            raise NeedsPerson(f"the drill's answer to {safe(step)} does not fit", why=safe(wrong))
        return str(given)

    def reason(self, step: str, question: str) -> str:
        self.say(question, "head")
        given = str(self.answers.get(step, "drill"))
        self._type("reason", given)
        return given

    def _word(self, step: str, label: str, word: str) -> bool:
        declined = self.answers.get(step) is False
        self._type(label, "n" if declined else word)
        return not declined

    def _type(self, label: str, typed: str) -> None:
        """Show a prompt line as it would look with the answer typed."""
        time = safe(self.clocks())
        self._clock.sleep(self.pace)
        room = self.streams.width() - len(label) - len(typed) - 6
        prefix = f"{cut(time, room)}  " if time and room > 8 else ""
        self.streams.say(f"{prefix}{label}> {safe(typed)}")

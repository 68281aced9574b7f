"""Answers without a person: only what flags and an answers file say. Nothing is ever assumed to be yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from omniops.errors import NeedsPerson
from omniops.runner.person import NO, YES, Change, Option, Person, Sample, StepView
from omniops.terminal.answers import load_answers
from omniops.terminal.layout import safe
from omniops.terminal.show import Show, approval, no_clocks
from omniops.terminal.streams import Streams

__all__ = ["Combined", "Unattended", "load_answers"]

_NO = (*NO, "false", "declined")
_YES = (*YES, "true")

Answer = TypeVar("Answer")


class Unattended(Show):
    """Implements ``Person`` with no terminal.

    ``yes`` (--yes) approves reversible writes; ``confirm`` (--confirm ENVIRONMENT/target, repeatable) the destructive
    ones whose text it is, exactly; ``answers`` (--answers) everything else, by the key that the runner asks with
    (step id). "no" there declines, an approval too. Whatever is left raises NeedsPerson, naming what would answer it.
    """

    interactive = False

    def __init__(
        self,
        streams: Streams,
        *,
        yes: bool = False,
        confirm: Sequence[str] = (),
        answers: Mapping[str, Any] | None = None,
        clocks: Callable[[], str] = no_clocks,
    ) -> None:
        super().__init__(streams, clocks)
        self.yes, self.confirm, self.answers = yes, tuple(confirm), answers or {}
        self._used: set[str] = set()
        self._chosen: set[str] = set()

    def unused(self) -> list[str]:
        """Return the keys of the answers file that no step has asked for."""
        return [key for key in self.answers if key not in self._used]

    def approve(self, step: str, change: Change, until: datetime | None) -> bool:
        if _is_no(self.answers.get(step)):
            self._used.add(step)
            self.say(f"{approval(change)} Declined by --answers.", "warn")
            return False
        if change.person_only:
            raise _needs(step, approval(change), "no flag but --force overrules the warning", "--force")
        if change.typed and change.typed in self.confirm:
            self.say(f"{approval(change)} Approved by --confirm.")
            return True
        if not change.typed and self.yes:
            self.say(f"{approval(change)} Approved by --yes.")
            return True
        if not change.typed:
            raise _needs(step, approval(change), "--yes was not given", "--yes")
        why = "it is destructive, which --yes does not cover"
        if self.confirm:
            why = f"--confirm was given for {', '.join(safe(given, 80) for given in self.confirm)}, not for this"
        raise _needs(step, approval(change), why, f"--confirm {_quoted(change.typed)}")

    def done(self, step: str, text: str, until: datetime | None) -> bool:
        self.block(text)
        return self._word(step, text, ("done",))

    def posted(self, step: str, channel: str, text: str, until: datetime | None) -> bool:
        self.block(text)
        return self._word(step, f"post to {channel}: {text}", ("posted", "done"))

    def paged(self, step: str, who: str, words: str, until: datetime | None) -> bool:
        self.block(words)
        return self._word(step, f"page {who} by hand", ("paged", "done"))

    def choose(
        self, step: str, question: str, options: Sequence[Option], until: datetime | None, unattended: str = ""
    ) -> str | None:
        keys = [option.key for option in options]
        given = self._given(step)
        if given is None and unattended in keys:
            self.say(f"{safe(question)} {unattended} (what the runbook says when nobody answers)")
            return unattended
        if given is not None and step in self._chosen:
            # Answered for ever, "retry" would be an endless loop of writes with nobody watching.
            raise self._no_answer(
                step, question, given, "", "it was answered once by the answers file, and has come back"
            )
        self._chosen.add(step)
        for meant in _meanings(given):
            if meant in keys:
                self.say(f"{safe(question)} {safe(meant)} (by --answers)")
                return meant
        if _is_no(given):
            self.say(f"{safe(question)} Declined by --answers.", "warn")
            return None
        raise self._no_answer(step, question, given, " or ".join([*keys, "no"]))

    def text(
        self, step: str, question: str, until: datetime | None, check: Callable[[str], str], default: str = ""
    ) -> str | None:
        given = self._given(step)
        if _is_no(given):
            return None
        if given is None or not str(given).strip():
            raise self._no_answer(step, question, given, "a text")
        wrong = check(str(given).strip())
        if wrong:
            raise self._no_answer(step, question, given, "a text", wrong)
        self.say(f"{safe(question)} {safe(given)} (by --answers)")
        return str(given).strip()

    def reason(self, step: str, question: str) -> str:
        given = self._given(step)
        if given is None or isinstance(given, bool) or not str(given).strip():
            raise self._no_answer(step, question, given, "a reason in words")
        return str(given).strip()

    def _word(self, step: str, asked: str, words: tuple[str, ...]) -> bool:
        given = self._given(step)
        if _is_no(given):
            self.say(f"{safe(asked, 80)}: declined by --answers.", "warn")
            return False
        if given is True or str(given).strip().lower() in (*words, *_YES):
            self.say(f"{safe(asked, 80)}: {words[0]} (by --answers)")
            return True
        raise self._no_answer(step, asked, given, f"{words[0]} or no")

    def _given(self, key: str) -> Any:
        if key in self.answers:
            self._used.add(key)
        return self.answers.get(key)

    def _no_answer(self, key: str, asked: str, given: Any, wanted: str, why: str = "") -> NeedsPerson:
        if not why:
            why = "nobody is at a terminal, and no answers file answers it"
            if given is not None:
                why = f"the answers file says {safe(given, 60)}, which is no answer to it"
        return _needs(
            key, asked, why, f"--answers FILE with `{safe(key, 120)}: ...`" + (f" ({wanted})" if wanted else "")
        )


class Combined:
    """A person at the terminal, some of whose answers were given by flags: the flags go first."""

    def __init__(self, terminal: Person, unattended: Unattended) -> None:
        self._terminal, self._flags = terminal, unattended
        self.interactive = terminal.interactive

    @property
    def clocks(self) -> Callable[[], str]:
        return self._terminal.clocks

    @clocks.setter
    def clocks(self, clocks: Callable[[], str]) -> None:
        self._terminal.clocks = self._flags.clocks = clocks

    def unused(self) -> list[str]:
        """As ``Unattended.unused``."""
        return self._flags.unused()

    def say(self, text: str, tone: str = "") -> None:
        self._terminal.say(text, tone)

    def step(self, view: StepView) -> None:
        self._terminal.step(view)

    def change(self, change: Change) -> None:
        self._terminal.change(change)

    def sample(self, step: str, series: Sequence[Sample], left_s: float) -> None:
        self._terminal.sample(step, series, left_s)

    def approve(self, step: str, change: Change, until: datetime | None) -> bool:
        try:
            return self._flags.approve(step, change, until)
        except NeedsPerson:
            return self._terminal.approve(step, change, until)

    def done(self, step: str, text: str, until: datetime | None) -> bool:
        return self._ask(step, lambda who: who.done(step, text, until))

    def posted(self, step: str, channel: str, text: str, until: datetime | None) -> bool:
        return self._ask(step, lambda who: who.posted(step, channel, text, until))

    def paged(self, step: str, who: str, words: str, until: datetime | None) -> bool:
        return self._ask(step, lambda person: person.paged(step, who, words, until))

    def choose(
        self, step: str, question: str, options: Sequence[Option], until: datetime | None, unattended: str = ""
    ) -> str | None:
        return self._ask(step, lambda who: who.choose(step, question, options, until, unattended))

    def text(
        self, step: str, question: str, until: datetime | None, check: Callable[[str], str], default: str = ""
    ) -> str | None:
        return self._ask(step, lambda who: who.text(step, question, until, check, default))

    def reason(self, step: str, question: str) -> str:
        return self._ask(step, lambda who: who.reason(step, question))

    def _ask(self, key: str, ask: Callable[[Person], Answer]) -> Answer:
        if key in self._flags.answers:
            try:
                return ask(self._flags)
            except NeedsPerson as error:
                self.say(error.why, "warn")
        return ask(self._terminal)


def _is_no(given: Any) -> bool:
    return given is False or (isinstance(given, str) and given.strip().lower() in _NO)


def _meanings(given: Any) -> tuple[str, ...]:
    """What an answer may stand for: YAML reads a bare yes as true."""
    if isinstance(given, bool):
        return ("yes", "true", "y") if given else ("no", "false", "n")
    return () if given is None else (str(given).strip(),)


def _needs(key: str, asked: str, why: str, flag: str) -> NeedsPerson:
    return NeedsPerson(
        f"{safe(key, 120)} needs an answer: {safe(asked, 240)}",
        why=why,
        state="nothing was changed by this step",
        next=f"run it in a terminal, or give {flag}",
    )


def _quoted(typed: str) -> str:
    from shlex import quote

    return quote(safe(typed))

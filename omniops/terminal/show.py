"""What every kind of person is shown: lines, headings, changes, live samples. All of it goes to stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omniops.runner.person import Change, Option, Sample, StepView
from omniops.terminal.layout import paragraphs, safe, wrap
from omniops.terminal.sparkline import sample_line, verify_line
from omniops.terminal.streams import Streams
from omniops.terminal.views.change import POST, change_lines


def no_clocks() -> str:
    """The clocks of a person that the runner has given none yet."""
    return ""


class Show:
    """The part of ``Person`` that shows; who answers inherits from it."""

    interactive = False

    def __init__(self, streams: Streams, clocks: Callable[[], str] = no_clocks) -> None:
        self.streams = streams
        self.clocks = clocks

    def say(self, text: str, tone: str = "") -> None:
        """One line, wrapped at the width; what is to be copied is left to the terminal, which can join it again."""
        if tone == "copy":
            self.streams.say(safe(text, 2000), "key")
            return
        for line in wrap(safe(text, 2000), self.streams.width() - 1):
            self.streams.say(line, tone)

    def step(self, view: StepView) -> None:
        """The heading of a step: number, title, where it stands in the runbook, why."""
        width = self.streams.width() - 1
        number = f"{view.number}. "
        self.streams.say()
        for line in wrap(safe(view.title), width, number, " " * len(number)):
            self.streams.say(line, "head")
        where = f"{safe(view.runbook, 60)} / {safe(view.path, 80)}"
        for line in wrap(where, width, " " * len(number)):
            self.streams.say(line, "dim")
        if view.due:
            self.streams.say(" " * len(number) + view.due, "warn" if view.due.endswith("late") else "")
        if view.why:
            for line in wrap(safe(view.why, 1000), width, " " * len(number)):
                self.streams.say(line)

    def change(self, change: Change) -> None:
        """A write before it is approved."""
        for line, tone in change_lines(change, self.streams.width() - 1):
            self.streams.say(line, tone)

    def sample(self, step: str, series: Sequence[Sample], left_s: float) -> None:
        """Redraw the sparkline in place; where that is impossible, one line for each sample."""
        if not series:
            return
        if self.streams.err_tty and not self.streams.dumb:
            width = min(self.streams.width(), self.streams.columns()) - 1
            # A slow line that is behind gets the next sample instead of this one.
            if self.streams.ready():
                self.streams.live(verify_line(series, left_s, width, self.streams.ascii))
            return
        self.streams.say(sample_line(series[-1]))

    def block(self, text: str, tone: str = "") -> None:
        """A text of several lines, such as what a manual step asks for."""
        for line in paragraphs(text, self.streams.width() - 1, "   "):
            self.streams.say(line, tone)

    def options(self, question: str, options: Sequence[Option]) -> None:
        """A question with its options, as a list."""
        self.say(question, "head")
        for option in options:
            text = f"{safe(option.label)}  ({safe(option.key, 60)})" + (
                f" – {safe(option.detail)}" if option.detail else ""
            )
            for line in wrap(text, self.streams.width() - 1, "  - ", "    "):
                self.streams.say(line)


def approval(change: Change) -> str:
    """The question of an approval; environment and host are in it."""
    if change.action == POST:
        return f"Post it to {safe(change.target, 100)}?"
    return (
        f"Apply {safe(change.action, 60)} to {safe(change.target, 200)} "
        f"in {safe(change.environment, 60)} ({safe(change.host, 120)})?"
    )

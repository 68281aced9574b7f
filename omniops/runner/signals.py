"""Ctrl-C, SIGTERM and a closed terminal: the walk pauses at the next safe point instead of dying anywhere."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from omniops.runner.person import PauseAsked

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, a signal is remembered in ``wanted``; a second Ctrl-C leaves at once.

    At a prompt nothing is in flight, so there a signal raises PauseAsked right away.
    """

    def __init__(self) -> None:
        self.wanted = 0  # the signal's number
        self.noticed: Callable[[], None] = lambda: None  # told once, so that the screen can say that it was heard
        self._prompting = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        import threading

        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    @contextmanager
    def prompting(self) -> Iterator[None]:
        self._prompting = True
        try:
            yield
        except KeyboardInterrupt:
            raise PauseAsked from None
        finally:
            self._prompting = False

    def _heard(self, number: int, frame: FrameType | None) -> None:
        again, self.wanted = self.wanted, number
        if self._prompting:
            raise PauseAsked
        if again and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not again:
            # A signal may come while a line is being written; writing another one inside that is an error of Python's.
            with suppress(RuntimeError):
                self.noticed()

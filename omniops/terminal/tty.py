"""The terminal while a prompt is open: raw keys, signals, and the way back to what it was, whatever happens."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import termios
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from omniops.runner.person import PauseAsked
from omniops.terminal.streams import Streams

_CAUGHT = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGTSTP,
    signal.SIGCONT,
    signal.SIGWINCH,
)
PASTE_S = 0.05
"""Lines that come so close together were pasted: nobody types the next one so fast."""
MOST = 64 * 1024
"""Bytes that are taken at once."""
_PASTE_ON, _PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"


def unbroken(call: Callable[..., object], *args: object) -> None:
    """Set the terminal, again where a signal came in between: in the background the system stops whoever sets it, and
    `fg` goes on with an error."""
    while True:
        try:
            call(*args)
            return
        except termios.error as error:
            if error.args[0] != errno.EINTR:
                raise


class Signals:
    """Records signals, so that the prompt deals with them at a point where the terminal can be put back first.

    A signal that was ignored before stays ignored. Outside the main thread it does nothing.
    """

    def __enter__(self) -> Self:
        self._seen: list[int] = []
        self._before: dict[int, Any] = {}
        self.wake, self._wake_write = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self._wake_write, False)
        self._old_wake = -1
        with contextlib.suppress(ValueError):  # not the main thread
            self._old_wake = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
            for number in _CAUGHT:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._record)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self._before:
            signal.set_wakeup_fd(self._old_wake)
        os.close(self.wake)
        os.close(self._wake_write)
        # One that came after the last look: handed on now, not lost.
        for number in self.take():
            if number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                os.kill(os.getpid(), number)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self._seen.append(number)

    def take(self) -> list[int]:
        """Return the signals seen since the last call."""
        seen, self._seen = self._seen, []
        return seen

    def drain(self) -> None:
        """Empty the pipe that wakes the prompt."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.wake, 512):
                pass

    def hand_on(self, number: int) -> None:
        """Give a signal to who handled it before us. Raises PauseAsked where that leaves us running."""
        before = self._before.get(number)
        if callable(before) and before is not signal.default_int_handler:
            before(number, None)
        elif number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise PauseAsked

    def stop(self, whole_group: bool) -> None:
        """Suspend the process, as Ctrl-Z would have; returns when it is continued."""
        if signal.SIGTSTP not in self._before:
            return
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        if whole_group:
            os.killpg(os.getpgrp(), signal.SIGTSTP)
        else:
            os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._record)


class Tty:
    """The terminal, with keys coming one by one and not echoed; on a dumb one, line by line as it was.

    Opening it throws away what was typed before. Leaving it restores the terminal exactly, in every case.
    """

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self.fd = streams.stdin.fileno()
        self.raw = not streams.dumb
        self.signals = Signals()

    def __enter__(self) -> Self:
        self.saved = termios.tcgetattr(self.fd)
        self.signals.__enter__()
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close()
        finally:
            self.signals.__exit__(kind, error, trace)

    def read(self, wait_s: float) -> bytes | None:
        """Wait for keys at most ``wait_s``. None: none came. b"": they have to be drawn again.

        Raises PauseAsked when the terminal is gone or somebody asked the process to stop.
        """
        ready = select.select([self.fd, self.signals.wake], [], [], wait_s)[0]
        redraw = self._signalled()
        if self.fd not in ready:
            return b"" if redraw else None
        try:
            data = os.read(self.fd, 4096)
            # A dumb terminal gives line by line. What never ends is cut: it is no answer by then.
            while not self.raw and 0 < len(data) < MOST and select.select([self.fd], [], [], PASTE_S)[0]:
                more = os.read(self.fd, 4096)
                if not more:
                    break
                data += more
        except OSError as error:  # hung up
            raise PauseAsked from error
        if not data:
            raise PauseAsked
        return data

    def suspend(self, whole_group: bool = True) -> None:
        """Give the terminal back, stop, and take it again when continued."""
        self._close()
        self.signals.stop(whole_group)
        self._open()

    def _signalled(self) -> bool:
        self.signals.drain()
        seen = self.signals.take()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            if number in seen:
                self._close()
                self.signals.hand_on(number)
        if signal.SIGTSTP in seen:
            self.suspend(whole_group=False)
        elif signal.SIGCONT in seen:
            # Stopped by SIGSTOP: whoever had the terminal meanwhile may have set it differently.
            self._open()
        return bool(seen)

    def _open(self) -> None:
        if not self.raw:
            unbroken(termios.tcflush, self.fd, termios.TCIFLUSH)
            return
        mode = termios.tcgetattr(self.fd)
        mode[0] &= ~termios.IXON  # Ctrl-S would stop the screen, and with it the prompt
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
        mode[6] = list(mode[6])
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        # FLUSH: what was typed before the question is no answer to it.
        unbroken(termios.tcsetattr, self.fd, termios.TCSAFLUSH, mode)
        self.streams.put(_PASTE_ON)

    def _close(self) -> None:
        if not self.raw:
            return
        # NOW: waiting for output to drain would wait for ever after Ctrl-S.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.fd, termios.TCSANOW, self.saved)
        if self.streams.ready(0.2):
            self.streams.put(_PASTE_OFF)

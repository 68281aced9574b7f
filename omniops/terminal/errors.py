"""Errors on stderr: at most four lines, never wider than the screen needs, never with control characters."""

from __future__ import annotations

from omniops.errors import OmniopsError
from omniops.terminal.streams import Streams
from omniops.terminal.views.plain import error_lines


def show_error(exc: OmniopsError, streams: Streams) -> None:
    """Say what failed, why, what state things are in now, and what to type next."""
    for line, tone in error_lines(exc):
        streams.say(line, tone)

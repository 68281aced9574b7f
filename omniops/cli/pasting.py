"""A message that no service here can take: its text on the screen, ready to paste."""

from __future__ import annotations

from omniops.cli.context import streams
from omniops.incident.due import target
from omniops.incident.outbox import Message, text_of
from omniops.terminal.layout import paragraphs, safe


def paste(message: Message) -> None:
    """Show where it belongs and its text, on stderr."""
    streams().say(f"For {safe(target(message), 120)}, ready to paste:", "head")
    for line in paragraphs(text_of(message), streams().width() - 1, "   "):
        streams().say(line)

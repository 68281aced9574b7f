"""A text that is longer than its service takes: refused, never cut, because what was approved is what is read."""

from __future__ import annotations

from omniops.errors import BadInput


def longer(where: str, text: str, most: int) -> str:
    """How long a text may be at a place, and how long this one is, in words; "" where it fits."""
    return f"{where} takes {most} characters, and this has {len(text)}" if len(text) > most else ""


def refuse_longer(where: str, text: str, most: int, state: str) -> None:
    """Raises BadInput for a text that does not fit. ``state``: "nothing was posted", or so."""
    if wrong := longer(where, text, most):
        raise BadInput("the text is too long", why=wrong, state=state, next="send it by hand: omniops outbox")

"""How often a command looks again."""

from __future__ import annotations


def interval(text: str, example: str) -> float:
    """Read what ``--every`` was given, in seconds. Raises BadInput for none, or less than one second."""
    from omniops.errors import BadInput
    from omniops.text import seconds

    try:
        wait_s = seconds(text)
    except ValueError as error:
        raise BadInput(f"--every: {error}", state="nothing was attempted", next=example) from None
    if wait_s < 1:
        raise BadInput("--every is less than a second", state="nothing was attempted", next="write 5s or more")
    return wait_s

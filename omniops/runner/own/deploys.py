"""``deploys.green``: to which version can one roll back? (sections 4.2 and 3, 0:12)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omniops.errors import OmniopsError
from omniops.incident.deploys import GREEN_KINDS, last_green

if TYPE_CHECKING:
    from omniops.runner.walk import Walk


def green(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """The version that was proved well last, other than the one that runs; simply the last, where the server does not
    say what runs."""
    try:
        running = walk.ctx.omniroute.version()[0]
    except OmniopsError:
        running = ""
    return last(walk, running)


def last(walk: Walk, running: str) -> dict[str, str]:
    """The same for a version that is known to run; "" where it is not."""
    found = last_green(walk.journal.kinds(GREEN_KINDS), but=running)
    if found is None:
        return {"green": "", "green_text": "none is journalled; you choose"}
    return {"green": found.version, "green_text": f"{found.version}, proved well at {found.at}"}

"""``evidence.capture``: the alert, the running version and its SHA, the slowest and the most failing endpoints
(section 3, 0:08)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from omniops.errors import OmniopsError
from omniops.incident.endpoints import Tops, tops
from omniops.runner.known import incident_of
from omniops.text import duration, one_line

if TYPE_CHECKING:
    from omniops.actions.base import Context
    from omniops.runner.walk import Walk

WINDOW_S = 300.0
UNKNOWN = "unknown"
MOST_LABELS = 12


def capture(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """Gather what can be had; what cannot is said, and is no reason to stop."""
    ctx = walk.ctx
    page = incident_of(walk.journal, walk.state.started["incident"]).page or {}
    version, why = _version(ctx)
    sha, source = sha_of(ctx, version) if version != UNKNOWN else (UNKNOWN, why)
    lines = [
        f"Alert: {_alert(page) or 'none: the incident was opened by hand'}",
        f"Running: {version}" + (f" ({why})" if why else "") + f"; last deploy SHA: {sha[:12]} ({source})",
        *_endpoints(ctx),
    ]
    text = "\n".join(lines)
    for line in lines:
        walk.person.say(line)
    return {"text": text, "version": version, "sha": sha}


def _alert(page: dict[str, Any]) -> str:
    labels = page.get("alert") or {}
    shown = ", ".join(f"{one_line(k, 40)}={one_line(v, 80)}" for k, v in list(labels.items())[:MOST_LABELS])
    title = one_line(page.get("title", ""), 200)
    return f"{title} {{{shown}}}" if shown else title


def _version(ctx: Context) -> tuple[str, str]:
    try:
        version, _ = ctx.omniroute.version()
    except OmniopsError as error:
        return UNKNOWN, one_line(error.what, 120)
    return one_line(version, 60), ""


def sha_of(ctx: Context, version: str) -> tuple[str, str]:
    """The commit of a version and where that is known from: the tag in OMNIROUTE_REPO, else GitHub, else "unknown"."""
    from omniops.services.checkout import Checkout

    sha = Checkout(ctx.settings).sha_of(version)
    if sha:
        return sha, f"tag v{version} in OMNIROUTE_REPO"
    sha = ctx.clients.github.sha_of(version)
    if sha:
        return sha, f"tag v{version} on GitHub"
    return UNKNOWN, f"no tag v{version} is known here"


def _endpoints(ctx: Context) -> list[str]:
    try:
        logs = ctx.omniroute.call_logs(ctx.omniroute.server_now() - timedelta(seconds=WINDOW_S))
    except OmniopsError as error:
        return [f"Endpoints: the call log cannot be read ({one_line(error.what, 120)})"]
    found = tops(logs.rows)
    cut = "" if logs.complete else ", the newest only: there were too many to read"
    window = f"last {duration(WINDOW_S)}, {found.attempts} upstream attempts{cut}"
    return [*_list(f"Top 5 slow ({window}):", found, slow=True), *_list("Top 5 erroring:", found, slow=False)]


def _list(title: str, found: Tops, *, slow: bool) -> list[str]:
    ones = found.slow if slow else found.erroring
    if not ones:
        return [f"{title} none"]
    return [title, *(f"  - {one.words()}" for one in ones)]

"""``links.open``: the SLO dashboard, the page and its runbook (section 3, 0:02)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from omniops.errors import BadInput
from omniops.runner.engines.ways import by_webhook
from omniops.runner.known import incident_of
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.runner.walk import Walk


def open_links(walk: Walk, args: dict[str, Any]) -> dict[str, Any]:
    """Show the links, one a line, and open them where there is a browser to open them in."""
    settings, id = walk.ctx.settings, walk.state.started["incident"]
    page = incident_of(walk.journal, id).page or {}
    channel = f"#inc-{id}"
    links = {
        "SLO dashboard": _grafana(walk),
        "page": str(page.get("url") or ""),
        "runbook": str(page.get("runbook_url") or ""),
    }
    for name, url in links.items():
        walk.person.say(f"{name + ':':<15}{one_line(url, 300) or _unset(name, settings.drill)}", "" if url else "dim")
    walk.person.say(f"{'channel:':<15}{channel}{_to_come(walk, id)}")
    opened = [] if walk.dry else [name for name, url in links.items() if url and _open(settings.env, url)]
    summary = f"opened: {', '.join(opened)}" if opened else "no browser here; the links are above"
    return {"summary": summary, "dashboard": links["SLO dashboard"], "channel": channel}


def _grafana(walk: Walk) -> str:
    """The dashboards' address; a wrong one is said, and is no reason to stop."""
    try:
        return walk.ctx.settings.service_url("GRAFANA_URL")
    except BadInput as error:
        walk.person.say(f"{error.brief}.", "warn")
        return ""


def _to_come(walk: Walk, id: str) -> str:
    """What is still to be done for the channel to be there."""
    if any(event.kind == "channel.created" for event in walk.journal.read(f"incident/{id}")):
        return ""
    settings = walk.ctx.settings
    if settings.has_secret("SLACK_BOT_TOKEN"):
        return " (the first text to it makes it)"
    return " (its texts go to the webhook's channel)" if by_webhook(settings) else " (yours to make: no Slack here)"


def _unset(name: str, drill: bool) -> str:
    if name != "SLO dashboard":
        return "(none)"
    return "(no Grafana in a drill)" if drill else "(GRAFANA_URL is not set; `omniops slo` shows the figures)"


def _open(env: Any, url: str) -> bool:
    """Open a link on a graphical desktop. Over SSH there is none, and a text browser would take the terminal away."""
    if not url.startswith(("http://", "https://")) or env.get("SSH_CONNECTION") or os.name != "posix":
        return False
    if not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")) or env.get("OMNIOPS_DRILL_FOLDER"):
        return False
    import webbrowser

    try:
        return webbrowser.get().open(url, autoraise=False)
    except webbrowser.Error:
        return False

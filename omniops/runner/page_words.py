"""Who is told of an acknowledgement, and how: a message in the outbox, which nothing waits for."""

from __future__ import annotations

from typing import Any

from omniops.incident.page import Acked
from omniops.journal.events import Journal, New
from omniops.runner.desk import Desk


def news(desk: Desk, journal: Journal, one: Acked) -> list[New]:
    """The word to the secondary (section 3, 0:00), which PagerDuty by itself does not send. Once for each page."""
    from omniops.runner.outbox import messages, new_message

    key = f"secondary/{one.page.id}"
    if any(message.key == key for message in messages(journal, one.incident)):
        return []
    who = one.by or desk.settings.operator
    words = f"{who} has acknowledged {one.page.name}" + (f" ({one.page.service})" if one.page.service else "")
    words += f". You are the secondary: nothing to do unless you are called. {one.page.url}".rstrip()
    body: dict[str, Any]
    if desk.settings.has_secret("PAGERDUTY_ROUTING_KEY_SECONDARY"):
        engine, to = "pager.event", "secondary"
        body = {"summary": words, "source": "omniops", "dedup_key": f"omniops/{key}"}
    elif desk.clients.pager.configured and one.page.source == "pagerduty":
        engine, to, body = "pager.responder", one.page.id, {"message": words}
    else:
        engine, to, body = "slack", "#omniroute-ops", {"text": words}
    return [new_message(journal, one.incident, engine=engine, to=to, about="secondary", body=body, key=key)]

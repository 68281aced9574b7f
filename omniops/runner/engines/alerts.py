"""``alertmanager.alert``: alerts of omniops' own. Posted again, the same labels are the same alert."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from omniops.clock import parse_iso
from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.runner.engines.base import Delivery, Engine, Places
from omniops.services.clients import Clients


class Alerts:
    """``body``: {"alerts": [{"labels", "annotations", "starts_at", "ends_at"}]}, moments in ISO; an end is optional."""

    safe_to_resend = True
    longest_s, settle_s = 10.0, 0.0
    missing = "ALERTMANAGER_URL is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return bool(settings.get("ALERTMANAGER_URL"))

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        from omniops.services.alertmanager import Posted

        def moment(row: dict[str, Any], name: str) -> datetime | None:
            return parse_iso(row[name]) if row.get(name) else None

        rows = message.body["alerts"]
        queued = parse_iso(message.queued_at)
        alerts = [
            Posted(
                row["labels"], row.get("annotations") or {}, moment(row, "starts_at") or queued, moment(row, "ends_at")
            )
            for row in rows
        ]
        clients.alertmanager.post(alerts)  # twice is as good as once, so whether it arrived need not be known
        return Delivery("sent", ref=message.id)


ENGINES: dict[str, Engine] = {"alertmanager.alert": Alerts()}

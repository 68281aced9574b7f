"""The smallest client of PagerDuty's Events API v2."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from omniops.config import Settings


class EventReply(NamedTuple):
    """202 means accepted, not delivered: ``status`` is "sent" (unconfirmed), "refused" (400) or "in_doubt"."""

    status: str
    detail: str


class Events:
    def __init__(self, settings: Settings, guard: Callable[[str], None] | None = None) -> None:
        raise NotImplementedError

    def has_key(self, role: str) -> bool:
        """Is there a routing key for "security" or "data" (PAGERDUTY_ROUTING_KEY_SECURITY, _DATA)?"""
        ...

    def trigger(self, role: str, summary: str, dedup_key: str, source: str) -> EventReply: ...

"""The smallest client of PagerDuty's Events API v2: trigger, acknowledge, resolve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError
from omniops.value import Value

EVENTS_URL = "https://events.pagerduty.com"
AGAIN_S = (0.5, 2.0)
"""How long to wait before a page is sent again."""
PATIENCE_S = 8.0
"""Since the first attempt; after it none is begun: somebody is waiting for the telephone number."""
MAX_SUMMARY = 1024
MAX_DEDUP_KEY = 255
_KEYS = {
    "primary": "PAGERDUTY_ROUTING_KEY",
    "secondary": "PAGERDUTY_ROUTING_KEY_SECONDARY",
    "security": "PAGERDUTY_ROUTING_KEY_SECURITY",
    "data": "PAGERDUTY_ROUTING_KEY_DATA",
}


class EventReply(Value):
    """202 means accepted, not delivered: ``status`` is "sent" (unconfirmed), "refused" (400) or "in_doubt".

    "refused" is said of everything that certainly did not become an event: other 4xx, and what never left this machine.
    """

    status: str
    detail: str
    passing: bool = False  # it may be different in a moment: an overload, a connection that broke


class Events:
    """Sends events to PAGERDUTY_EVENTS_URL. A resend with the same dedup key makes no second page."""

    def __init__(self, settings: Settings, guard: Callable[[str], None] | None = None) -> None:
        self._settings = settings
        self._guard = guard
        self.permit: Callable[[], None] = lambda: None  # asked right before an event leaves; it may raise

    def has_key(self, role: str) -> bool:
        """Is there a routing key for "primary", "secondary", "security" or "data" (PAGERDUTY_ROUTING_KEY and _...)?"""
        return role in _KEYS and self._settings.has_secret(_KEYS[role])

    def trigger(self, role: str, summary: str, dedup_key: str, source: str) -> EventReply:
        """Page a role: sent again, with the same dedup key, which pages once, where what went wrong may be over in a
        moment. Raises BadInput where the role has no key, or the address is not fit for one."""
        from omniops.services.http import said

        payload = {
            "summary": said(summary, MAX_SUMMARY),
            "source": said(source) or "omniops",
            "severity": "critical",
        }
        event = {"event_action": "trigger", "client": "omniops", "payload": payload}
        clock = SystemClock()
        began = clock.boot()
        found = [self._send(role, dedup_key, event)]
        for wait_s in AGAIN_S:
            if not found[-1].passing or clock.boot() - began > PATIENCE_S:
                break
            clock.sleep(wait_s)
            try:
                found.append(self._send(role, dedup_key, event))
            except OmniopsError:  # it is not to leave any more
                break
        doubt = found[-1].status != "sent" and any(one.status == "in_doubt" for one in found)
        return found[-1]._replace(status="in_doubt") if doubt else found[-1]

    def acknowledge(self, role: str, dedup_key: str) -> EventReply:
        """Acknowledge what was triggered with this key. "sent" proves nothing: an unknown key, or one of another
        integration, is dropped without a word. Raises BadInput as ``trigger`` does."""
        return self._send(role, dedup_key, {"event_action": "acknowledge"})

    def resolve(self, role: str, dedup_key: str) -> EventReply:
        """Resolve what was triggered with this key; as ``acknowledge``."""
        return self._send(role, dedup_key, {"event_action": "resolve"})

    def _send(self, role: str, dedup_key: str, event: dict[str, Any]) -> EventReply:
        from omniops.services.http import Http, NoAnswer

        if len(dedup_key) > MAX_DEDUP_KEY or not dedup_key:
            raise ValueError(f"a dedup key has 1 to {MAX_DEDUP_KEY} characters")
        key = self._settings.secret(_KEYS[role]) if role in _KEYS else ""
        if not key:
            paging = event["event_action"] == "trigger"
            raise BadInput(
                f"no routing key to page {role}" if paging else f"no routing key of {role}",
                why=f"{_KEYS.get(role, 'PAGERDUTY_ROUTING_KEY_…')} is not set",
                state="nobody was paged" if paging else "nothing was sent",
                next="page them by hand" if paging else "use PagerDuty's app or its web page",
            )
        http = Http(self._url(), self._settings.env, SystemClock(), self._guard)
        self.permit()
        try:
            reply = http.ask("POST", "/v2/enqueue", body={"routing_key": key, "dedup_key": dedup_key, **event})
        except NoAnswer as error:
            if error.sent:
                return EventReply("in_doubt", f"no answer from PagerDuty: {error.why}", True)
            return EventReply("refused", f"nothing was sent to PagerDuty: {error.why}", True)
        finally:
            http.close()
        return _judged(reply.code, reply.body)

    def _url(self) -> str:
        from omniops.services.http import in_the_clear

        url = self._settings.service_url("PAGERDUTY_EVENTS_URL", EVENTS_URL)
        if in_the_clear(url):
            raise BadInput(
                "PAGERDUTY_EVENTS_URL is not https",
                why="a routing key would be sent in the clear",
                state="nobody was paged",
                next="export PAGERDUTY_EVENTS_URL=https://... or unset it, or page them by hand",
            )
        return url


def _judged(code: int, body: bytes) -> EventReply:
    words = _errors(body)
    detail = f"PagerDuty answered {code}{': ' if words else ''}{words}"
    if code == 202:
        if _status(body) not in ("", "success"):
            return EventReply("in_doubt", detail)
        return EventReply("sent", "accepted by PagerDuty; delivery is not confirmed")
    certain = 300 <= code < 500 and code != 408
    return EventReply("refused" if certain else "in_doubt", detail, code in (408, 429) or code >= 500)


def _status(body: bytes) -> str:
    """What the body says of itself: "success"; "" for what is no JSON, as from a proxy."""
    value = _json(body)
    return str(value.get("status", "")) if isinstance(value, dict) else ""


def _json(body: bytes) -> Any:
    import json

    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _errors(body: bytes) -> str:
    """PagerDuty's message and errors, or "": a 429 or a proxy's error may be no JSON."""
    from omniops.services.http import said

    value = _json(body)
    if not isinstance(value, dict):
        return ""
    errors = value.get("errors")
    parts = [value.get("message"), *(errors if isinstance(errors, list) else [])]
    return said("; ".join(part for part in parts if isinstance(part, str) and part))

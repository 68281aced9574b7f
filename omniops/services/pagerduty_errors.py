"""PagerDuty's refusals in words: every error code that its REST API is known to give, and what to do about it."""

from __future__ import annotations

from typing import Any

from omniops.errors import InDoubt, Refused, Unreachable
from omniops.services.http import said

_UNCHANGED = "PagerDuty did nothing"
_REGION = "the key is wrong, or it is of the other region: {url} was asked, and the other one is {other}"
US, EU = "https://api.pagerduty.com", "https://api.eu.pagerduty.com"

WORDS: dict[int, tuple[str, str]] = {
    1001: ("the incident is resolved already", "omniops page list"),
    1002: ("the incident is acknowledged already", "omniops page list"),
    1005: ("the incident changed while it was being written to", "the same command again"),
    1006: ("the incident cannot be escalated any further", "call somebody; omniops oncall who"),
    1008: ("PagerDuty knows no user with the address that was sent as From", "set PAGERDUTY_FROM to your login there"),
    1012: ("it can only be snoozed while it is acknowledged", "omniops page ack"),
    1013: ("the time to snooze it for is not allowed", "one second to seven days"),
    1015: ("NOBODY IS ON CALL: the escalation policy has no one to page", "call somebody now; then mend the policy"),
    1018: ("the user behind PAGERDUTY_FROM may not do this", "use the address of a user who may, a responder"),
    2001: (
        "PagerDuty does not understand the request",
        "the reason is above; please report it if it is omniops' fault",
    ),
    2002: ("PagerDuty misses something in the request", "please report this"),
    2003: ("PagerDuty does not accept a part of the request", "please report this"),
    2006: ("PagerDuty does not accept PAGERDUTY_TOKEN", "omniops doctor"),
    2010: ("PAGERDUTY_TOKEN may not do this", "use a key that may write (not a read-only one)"),
    2014: ("the PagerDuty account lacks the ability for this", "ask its owner, or do it another way"),
    2016: ("PagerDuty wants to know who acts", "set PAGERDUTY_FROM to your login there"),
    2018: ("access was lost when it was resolved: it belongs to a team of others", "look at it in PagerDuty"),
    2020: ("PagerDuty has had too many requests", "wait a minute, or acknowledge it in its app"),
    2100: ("PagerDuty knows no such incident", "omniops page list"),
    3001: ("PagerDuty does not accept the schedule", "look at the schedule in PagerDuty"),
    4004: ("PagerDuty does not accept the override", "look at the schedule in PagerDuty"),
    5001: ("PagerDuty knows no such incident", "omniops page list"),
}
"""Code -> what it means, and what to type or do next."""

_BY_STATUS = {401: 2006, 402: 2014, 403: 2010, 404: 2100, 413: 2001, 429: 2020}
RESOLVED, ACKNOWLEDGED, CHANGED, NOBODY, ABILITY = 1001, 1002, 1005, 1015, 2014
NOT_FOUND = (2100, 5001)


class PagerRefused(Refused):
    """A 4xx: it was not done, and is not asked again. ``code`` is PagerDuty's own, or the one its status stands for."""

    def __init__(self, code: int, status: int, why: str, url: str) -> None:
        what, next = WORDS.get(code, (f"PagerDuty refuses: {status}", "omniops doctor"))
        if code == 2006:
            region = _REGION.format(url=url, other=US if "api.eu." in url else EU)
            why = f"{region} (set PAGERDUTY_URL)"
        super().__init__(what, why=why, state=_UNCHANGED, next=next)
        self.code, self.status = code, status


class PagerSlow(Unreachable):
    """It did not answer, or wants more patience than there is; certainly nothing was done."""


class PagerUnsure(InDoubt):
    """A write left this machine, and nobody can tell what became of it."""


def refused(status: int, value: Any, url: str) -> PagerRefused:
    """The error of a 4xx answer. ``value``: its body, as far as it is JSON."""
    error = value.get("error") if isinstance(value, dict) else None
    given = error if isinstance(error, dict) else {}
    code = given.get("code")
    code = code if isinstance(code, int) and not isinstance(code, bool) else _BY_STATUS.get(status, 0)
    words = [given.get("message"), *_details(given.get("errors"))]
    why = said("; ".join(str(word) for word in words if word))
    return PagerRefused(code, status, f"it answered {status}" + (f", {code}: {why}" if why else ""), url)


def _details(errors: Any) -> list[str]:
    """The list of reasons, which may also be an object field -> reasons."""
    if isinstance(errors, dict):
        return [f"{field}: {_joined(reasons)}" for field, reasons in errors.items()]
    return [str(one) for one in errors] if isinstance(errors, list) else []


def _joined(reasons: Any) -> str:
    return ", ".join(str(one) for one in reasons) if isinstance(reasons, list) else str(reasons)

"""PagerDuty's REST API v2: what an on-call reads there, and the few things that omniops writes.

US or EU by PAGERDUTY_URL. Reads are tried again a few times; a write that may have been carried out never is. 429 is
obeyed for as long as the time budget lasts (``budget``), 10 s unless said otherwise. All waits are of the machine's
time. Raises PagerRefused (4xx), PagerSlow (nothing was done), PagerUnsure (nobody knows), BadInput (settings).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput
from omniops.services import pagerduty_parse as parse
from omniops.services.http import Http, NoAnswer, Reply, in_the_clear, nothing, said
from omniops.services.pagerduty_errors import US, PagerRefused, PagerSlow, PagerUnsure, refused
from omniops.services.pagerduty_parse import Note, OnCall, PagerAlert, PagerIncident, PagerUser

BUDGET_S = 10.0
TRIES = 4
PAGE = 100
MOST_LISTED = 1000
MOST_AT_ONCE = 250
"""Incidents in one PUT."""
OPEN = ("triggered", "acknowledged")
_BACKOFF_S = (0.5, 1.0, 2.0)
_REFERENCE = "incident_reference"

Query = list[tuple[str, str]]


class PagerDuty:
    """The account behind PAGERDUTY_TOKEN. ``clock`` bounds and paces the requests; asks nobody until it is used."""

    def __init__(self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        self._settings, self._clock, self._guard = settings, clock, guard
        self._http: Http | None = None
        self._me: PagerUser | None = None
        self._ends: float | None = None

    def budget(self, seconds: float = BUDGET_S) -> None:
        """From now on, all calls together may take so long; afterwards they raise PagerSlow."""
        self._ends = self._clock.boot() + seconds

    @property
    def configured(self) -> bool:
        return self._settings.has_secret("PAGERDUTY_TOKEN")

    # -- people -------------------------------------------------------------------------------------------------------

    def me(self) -> PagerUser:
        """The operator: whose key it is, or with an account's key the user of PAGERDUTY_FROM. Raises BadInput."""
        if self._me is None:
            self._me = self._find_me()
        return self._me

    def _find_me(self) -> PagerUser:
        given = self._given_from()
        try:
            me = parse.user(_object(self._read("/users/me"), "user"))
            if not me.id:  # asked with no id, it would list no page, which is no proof that none is open
                raise _not_understood("user")
            return me
        except PagerRefused as no:
            if no.status not in (400, 403, 404):
                raise
            if not given:
                raise BadInput(
                    "it is not known who you are in PagerDuty",
                    why="PAGERDUTY_TOKEN is an account's key, which belongs to nobody",
                    state="nothing was written",
                    next="set PAGERDUTY_FROM to your login there, or use a key of your own",
                ) from None
        found = [
            parse.user(one) for one in _listed(self._read("/users", [("query", given), ("limit", "100")]), "users")
        ]
        for user in found:
            if user.email.lower() == given.lower():
                return user
        raise PagerRefused(1008, 400, f"PAGERDUTY_FROM is {said(given, 80)}", self._url())

    def sender(self) -> str:
        """The address that is sent as From: PAGERDUTY_FROM, else that of the key's user."""
        return self._given_from() or self.me().email

    def _given_from(self) -> str:
        given = self._settings.get("PAGERDUTY_FROM")
        if given and (given.count("@") != 1 or not given.isascii() or not given.isprintable() or " " in given):
            raise BadInput(
                "PAGERDUTY_FROM is no e-mail address",
                why="PagerDuty knows its users by it",
                state="nothing was written",
                next="export PAGERDUTY_FROM=you@example.org",
            )
        return given

    def oncalls(self, policy: str = "") -> list[OnCall]:
        """Who is on call now, lowest level first; of one escalation policy, or of all."""
        query = [("escalation_policy_ids[]", policy)] if policy else []
        found = [parse.oncall(one) for one in self._pages("/oncalls", "oncalls", [*query, ("earliest", "true")])]
        return sorted(found, key=lambda one: one.level)

    def abilities(self) -> list[str]:
        """What the account can do, such as ``coordinated_responding``, which `request_responder` needs."""
        return [said(one, 60) for one in _listed(self._read("/abilities"), "abilities")]

    # -- incidents ----------------------------------------------------------------------------------------------------

    def mine(self) -> list[PagerIncident]:
        """The open incidents that are assigned to the operator, oldest first."""
        return self._incidents([("user_ids[]", self.me().id)])

    def open(self) -> list[PagerIncident]:
        """Every open incident that the key can see, oldest first."""
        return self._incidents([("date_range", "all")])

    def get(self, id: str) -> PagerIncident:
        """An incident by its id or its number. Raises PagerRefused (2100) for one that there is not."""
        return _read_incident(_object(self._read(f"/incidents/{_part(id)}"), "incident"))

    def by_key(self, key: str) -> PagerIncident | None:
        """The incident whose alerts carry a dedup key: the open one, else the newest; None where there is none."""
        query = [("incident_key", key), ("date_range", "all"), ("sort_by", "created_at:desc")]
        found = [_read_incident(one) for one in self._pages("/incidents", "incidents", query)]
        return next((one for one in found if one.status in OPEN), found[0] if found else None)

    def alerts(self, id: str) -> list[PagerAlert]:
        """An incident's alerts."""
        return [parse.alert(one) for one in self._pages(f"/incidents/{_part(id)}/alerts", "alerts", [])]

    def notes(self, id: str) -> list[Note]:
        """An incident's notes."""
        return [parse.note(one) for one in _listed(self._read(f"/incidents/{_part(id)}/notes"), "notes")]

    # -- writes -------------------------------------------------------------------------------------------------------

    def acknowledge(self, ids: Sequence[str]) -> list[PagerIncident]:
        """Acknowledge, and return the incidents as PagerDuty says they are now. Look at their state first: a resolved
        one would be opened again."""
        if len(ids) == 1:
            body = {"incident": {"type": _REFERENCE, "status": "acknowledged"}}
            return [self._changed(self._write("PUT", f"/incidents/{_part(ids[0])}", body))]
        found: list[PagerIncident] = []
        for start in range(0, len(ids), MOST_AT_ONCE):
            some = ids[start : start + MOST_AT_ONCE]
            rows = [{"id": _part(id), "type": _REFERENCE, "status": "acknowledged"} for id in some]
            answer = _object(self._write("PUT", "/incidents", {"incidents": rows}), "incidents")
            found += [self._changed({"incident": one}) for one in (answer if isinstance(answer, list) else [None])]
        return found

    def escalate(self, id: str, level: int) -> PagerIncident:
        """Hand an incident to a level of its policy; whoever has it loses it. Raises PagerRefused (1006, 1015)."""
        body = {"incident": {"type": _REFERENCE, "escalation_level": level}}
        return self._changed(self._write("PUT", f"/incidents/{_part(id)}", body))

    def request_responder(self, id: str, user: str, message: str, before: Callable[[], None] = nothing) -> None:
        """Ask one more person to join, without losing the incident. Raises PagerRefused (2014: the account cannot).
        ``before`` is called just before the request, each time."""
        target = {"responder_request_target": {"id": user, "type": "user_reference"}}
        body = {"requester_id": self.me().id, "message": message, "responder_request_targets": [target]}
        self._write("POST", f"/incidents/{_part(id)}/responder_requests", body, before)

    def add_note(self, id: str, text: str, before: Callable[[], None] = nothing) -> Note:
        """Add a note. PagerDuty keeps every one: after PagerUnsure, look at ``notes`` before sending it again.
        ``before`` is called just before the request, each time."""
        answer = self._write("POST", f"/incidents/{_part(id)}/notes", {"note": {"content": text}}, before)
        return parse.note(_object(answer, "note"))

    def close(self) -> None:
        """Close the connection."""
        if self._http:
            self._http.close()
        self._http = None

    # -- requests -----------------------------------------------------------------------------------------------------

    def _incidents(self, query: Query) -> list[PagerIncident]:
        wanted = [("statuses[]", status) for status in OPEN]
        query = [*query, *wanted, ("sort_by", "created_at:asc")]
        return [_read_incident(one) for one in self._pages("/incidents", "incidents", query)]

    def _changed(self, answer: Any) -> PagerIncident:
        """What a write answers. It was accepted: an answer that cannot be read is no reason to do it again."""
        try:
            return parse.incident(_object(answer, "incident"))
        except ValueError:
            raise _unsure("it accepted what was sent, and its answer cannot be read") from None

    def _pages(self, path: str, name: str, query: Query) -> Iterator[Any]:
        """Every row of a list, page after page, a thousand at most."""
        for offset in range(0, MOST_LISTED, PAGE):
            more = [("limit", str(PAGE)), *([("offset", str(offset))] if offset else [])]
            answer = self._read(path, [*query, *more])
            rows = _listed(answer, name)
            yield from rows
            if not (isinstance(answer, dict) and answer.get("more") is True):
                return
            if not rows:  # more of nothing
                raise _not_understood(name)

    def _read(self, path: str, query: Query | None = None) -> Any:
        return self._ask("GET", path + (f"?{urlencode(query)}" if query else ""), None)

    def _write(self, method: str, path: str, body: Any, before: Callable[[], None] = nothing) -> Any:
        return self._ask(method, path, body, before)

    def _ask(self, method: str, path: str, body: Any, before: Callable[[], None] = nothing) -> Any:
        """Ask until it is answered, refused, or the time is over; wait as long as PagerDuty asks for."""
        headers = self._headers(write=body is not None)
        http, write, why = self._open(), body is not None, "it is slow"
        ends = self._ends if self._ends is not None else self._clock.boot() + BUDGET_S
        for attempt in range(TRIES):
            left = ends - self._clock.boot()
            if left <= 0:
                break
            wait = _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)]
            before()
            try:
                reply = http.ask(method, path, headers=headers, body=body, within_s=left)
            except NoAnswer as error:
                why = error.why
                if write and error.sent:
                    raise _unsure(why) from None
            else:
                if 200 <= reply.code < 300 and (write or not reply.broken):
                    return _json(reply)
                if reply.code == 429:
                    wait = _asked_for(reply, wait)
                    why = f"it has had too many requests, and wants {wait:g} s of patience"
                elif reply.code < 500 and reply.code != 408 and not reply.broken:
                    raise refused(reply.code, _json(reply), http.url)
                else:
                    why = reply.broken or f"it answered {reply.code}"
                    if write:
                        raise _unsure(why)
            if wait >= ends - self._clock.boot():
                break
            self._clock.sleep(wait)
        raise PagerSlow(
            f"PagerDuty does not answer: {why}",
            why=f"{http.url} was asked",
            state="nothing was done there",
            next="try again, or use its app or its web page",
        )

    def _headers(self, write: bool) -> dict[str, str]:
        token = self._settings.secret("PAGERDUTY_TOKEN")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise BadInput(
                "PAGERDUTY_TOKEN is not set" if not token else "PAGERDUTY_TOKEN is no key: it holds a space or worse",
                state="PagerDuty was not asked",
                next="make a key under My Profile > User Settings > API Access, and: export PAGERDUTY_TOKEN=...",
            )
        headers = {
            "Authorization": f"Token token={token}",
            "Accept": "application/vnd.pagerduty+json;version=2",
            "Content-Type": "application/json",
        }
        return {**headers, "From": self.sender()} if write else headers

    def _url(self) -> str:
        url = self._settings.service_url("PAGERDUTY_URL", US)
        if in_the_clear(url):
            raise BadInput(
                "PAGERDUTY_URL is not https",
                why="the key would be sent in the clear",
                state="PagerDuty was not asked",
                next=f"export PAGERDUTY_URL={US} (EU: https://api.eu.pagerduty.com)",
            )
        return url

    def _open(self) -> Http:
        if self._http is None:
            self._http = Http(self._url(), self._settings.env, self._clock, self._guard, BUDGET_S)
        return self._http


def _asked_for(reply: Reply, otherwise: float) -> float:
    """Seconds to wait after a 429: ``ratelimit-reset``, which may be missing."""
    for name in ("ratelimit-reset", "retry-after"):
        given = reply.headers.get(name, "").strip()
        if given.isdecimal() and len(given) < 7:
            return max(float(given), otherwise)
    return max(otherwise, 1.0)


def _unsure(why: str) -> PagerUnsure:
    return PagerUnsure(
        "nobody can tell what PagerDuty did",
        why=why,
        state="it may have been done",
        next="omniops page list shows how it stands",
    )


def _json(reply: Reply) -> Any:
    """A body as JSON, None where it is none: a 429 or a proxy's error may be anything."""
    import json

    try:
        return json.loads(reply.body) if reply.body and not reply.broken else None
    except (ValueError, RecursionError):
        return None


def _object(answer: Any, name: str) -> Any:
    return answer.get(name) if isinstance(answer, dict) else None


def _listed(answer: Any, name: str) -> list[Any]:
    """The rows of a list. Raises PagerSlow for an answer that is none: no rows would say "nothing is open"."""
    rows = _object(answer, name)
    if not isinstance(rows, list):
        raise _not_understood(name)
    return rows


def _read_incident(value: Any) -> PagerIncident:
    """One incident of an answer to a question. Raises PagerSlow for what is none."""
    try:
        return parse.incident(value)
    except ValueError:
        raise _not_understood("incident") from None


def _not_understood(name: str) -> PagerSlow:
    return PagerSlow(
        f"PagerDuty's answer holds no {name}",
        why="what answered is not PagerDuty, or a proxy before it",
        state="nothing was done there",
        next="omniops doctor",
    )


def _part(id: str) -> str:
    """An id fit for a path. Raises BadInput."""
    if not id.isascii() or not id.isalnum() or len(id) > 40:
        raise BadInput(
            f"{said(id, 60)!r} is no id of a PagerDuty incident",
            why="it is letters and digits, such as Q3OMNI01, or the incident's number",
            state="nothing was attempted",
            next="omniops page list",
        )
    return id

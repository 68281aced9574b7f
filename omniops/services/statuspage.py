"""Atlassian Statuspage: one entry per incident, found again by the metadata that omniops gives it.

Statuspage allows one request a second, so a second one waits. An entry's metadata is seen by no customer: it names the
incident, and the messages that have been published in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, OmniopsError, Refused, Unreachable
from omniops.services.http import Http, NoAnswer, Reply, in_the_clear, patience, said
from omniops.services.length import refuse_longer
from omniops.text import duration

URL = "https://api.statuspage.io/v1"
MAX_NAME = 255
MAX_BODY = 25_000
PACE_S = 1.0
DEFAULT_RETRY_S = 60.0
BUSY = (420, 429)
NEWEST = 100
_KEPT = 50
_PAGE = _ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
NOTHING = "nothing was published"


class StatuspageBusy(Unreachable):
    """Too many requests: 420 or 429. Nothing was published; ``retry_in_s`` is what Statuspage asks for."""

    def __init__(self, retry_in_s: float) -> None:
        super().__init__(
            "Statuspage wants fewer requests",
            why=f"it asks to wait {duration(retry_in_s)}",
            state=NOTHING,
            next="omniops tick tries again",
        )
        self.retry_in_s = retry_in_s


class Entry(NamedTuple):
    """An incident on the status page. ``messages``: what of ours is published in it."""

    id: str
    url: str
    status: str
    incident: str
    messages: tuple[str, ...]


class Statuspage:
    """The page STATUSPAGE_PAGE. Every method raises Refused, StatuspageBusy, Unreachable and BadInput (nothing was
    published); those that write raise InDoubt as well."""

    timeout_s = 10.0
    pace_s = PACE_S

    def __init__(self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        self._settings, self._clock, self._guard = settings, clock, guard
        self._http: Http | None = None
        self._asked_at = 0.0

    def page_name(self) -> str:
        """The page's name: what `omniops doctor` asks."""
        row = _object(self._ask("GET", ""))
        return said(row.get("name") or "", 120)

    def get(self, id: str, incident: str) -> Entry | None:
        """The entry of this id, which is an omniops incident's; None where it has been deleted. Refused as well where
        it carries another incident's mark, or none: nothing is published in what may be somebody else's."""
        try:
            entry = _entry(_object(self._ask("GET", f"/incidents/{quote(id, safe='')}")))
        except Refused as no:
            if getattr(no, "code", 0) == 404:
                return None
            raise
        if entry.id != id:
            raise _nonsense(f"asked for the entry {said(id, 64)}, it answered with {entry.id or 'none'}")
        if entry.incident != incident:
            why = f"the entry {entry.id} carries {'another mark' if entry.incident else 'no mark'} of omniops'"
            raise StatuspageRefused(0, why, "publish it by hand: omniops outbox")
        return entry

    def find(self, incident: str) -> Entry | None:
        """The newest entry of an omniops incident, resolved or not; None where there is none among the newest 100."""
        rows = _json(self._ask("GET", f"/incidents?limit={NEWEST}"))
        if not isinstance(rows, list):
            raise Unreachable("Statuspage's list of incidents is none", state=NOTHING, next="look at STATUSPAGE_URL")
        entries = [_entry(row) for row in rows if isinstance(row, dict)]
        found = next((one for one in entries if one.incident == incident), None)
        if found is not None and not found.id:
            raise _nonsense("an entry in its list has no id")
        return found

    def open(self, incident: str, message: str, title: str, status: str, impact: str, body: str) -> Entry:
        """Make the entry, with its first text. ``message`` names the text, so that it is not published twice."""
        return self._write("", incident, (message,), title, status, impact, body)

    def update(self, entry: Entry, message: str, title: str, status: str, impact: str, body: str) -> Entry:
        """Publish another text in an entry; ``resolved`` ends it."""
        messages = (*entry.messages, message)[-_KEPT:]
        return self._write(entry.id, entry.incident, messages, title, status, impact, body)

    def close(self) -> None:
        """Close the connection."""
        if self._http:
            self._http.close()
        self._http = None

    def _write(
        self, id: str, incident: str, messages: tuple[str, ...], title: str, status: str, impact: str, body: str
    ) -> Entry:
        """Write into the entry ``id``, "" for a new one. Raises InDoubt where the answer is not that entry as written:
        whether it was published then shows when it is looked for by its mark."""
        refuse_longer("Statuspage", body, MAX_BODY, NOTHING)
        refuse_longer("Statuspage's title", title, MAX_NAME, NOTHING)
        mark = {"omniops": {"incident": incident, "messages": list(messages)}}
        fields = {"name": title, "status": status, "impact_override": impact, "body": body}
        method, path = ("PATCH", f"/incidents/{quote(id, safe='')}") if id else ("POST", "/incidents")
        reply = self._ask(method, path, {"incident": {**fields, "metadata": mark}})
        try:
            entry = _entry(_object(reply))
        except Unreachable as error:
            raise _doubt(error.why) from None
        if (
            not entry.id
            or (id and entry.id != id)
            or (entry.incident, entry.messages[-1:]) != (incident, messages[-1:])
        ):
            raise _doubt(f"it answered with {entry.id or 'no entry'}, which is not what was written")
        return entry

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        import time

        token, page = self._settings.secret("STATUSPAGE_TOKEN"), self._settings.get("STATUSPAGE_PAGE")
        if not token or not _PAGE.fullmatch(page):
            raise BadInput(
                "Statuspage is not set up",
                why="STATUSPAGE_TOKEN is not set" if not token else "STATUSPAGE_PAGE is not a page's id",
                state=NOTHING,
                next="omniops config show",
            )
        if self._http is None:
            self._http = Http(self._url(), self._settings.env, self._clock, self._guard, self.timeout_s)
        self.wait()
        self._asked_at = time.monotonic()
        headers = {"Authorization": f"OAuth {token}"}
        try:
            reply = self._http.ask(method, f"/pages/{page}{path}", headers=headers, body=body)
        except NoAnswer as error:
            if error.sent and method != "GET":
                raise _doubt(error.why) from None
            raise Unreachable(
                "Statuspage cannot be reached", why=error.why, state=NOTHING, next="omniops tick tries again"
            ) from None
        if reply.code in (200, 201) and not reply.broken:
            return reply
        raise _failed(method, reply)

    def wait(self) -> None:
        """Wait until a second has passed since the last request: of the machine's time, the network knows no other.
        Every request does that first; whoever has something to look at just before it, waits and then looks."""
        import time

        wait = self._asked_at + self.pace_s - time.monotonic() if self._asked_at else 0.0
        if wait > 0:
            time.sleep(wait)

    def _url(self) -> str:
        url = self._settings.service_url("STATUSPAGE_URL", URL)
        if in_the_clear(url):
            raise BadInput(
                "STATUSPAGE_URL is not https",
                why="the key would be sent in the clear",
                state=NOTHING,
                next="export STATUSPAGE_URL=https://... or unset it",
            )
        return url


class StatuspageRefused(Refused):
    """Statuspage said no, and did nothing. ``code`` is its HTTP status."""

    def __init__(self, code: int, why: str, next: str) -> None:
        super().__init__("Statuspage refuses", why=why, state=NOTHING, next=next)
        self.code = code


def _failed(method: str, reply: Reply) -> OmniopsError:
    """What an answer that is no success proves."""
    if reply.code in BUSY:
        return StatuspageBusy(patience(reply.headers.get("retry-after"), otherwise=DEFAULT_RETRY_S))
    if reply.broken or reply.code >= 500 or reply.code < 300:
        why = reply.broken or f"it answered {reply.code}"
        if method != "GET":
            return _doubt(why)
        return Unreachable("Statuspage does not answer well", why=why, state=NOTHING, next="omniops tick tries again")
    words = _words(reply)
    if reply.code in (401, 403):
        return StatuspageRefused(
            reply.code, f"it does not take the key{words}", "mend STATUSPAGE_TOKEN; omniops doctor"
        )
    if reply.code == 404:
        return StatuspageRefused(404, f"there is no such page or entry{words}", "mend STATUSPAGE_PAGE")
    if reply.code == 422:
        return StatuspageRefused(422, f"it takes the entry for wrong{words}", "publish it by hand: omniops outbox")
    return StatuspageRefused(reply.code, f"it answered {reply.code}{words}", "look at STATUSPAGE_URL")


def _words(reply: Reply) -> str:
    """Statuspage's own words for an error: a text, or a list of them, under ``error`` or ``message``."""
    try:
        row = _object(reply)
    except Unreachable:
        return ""
    given = row.get("error") or row.get("message") or ""
    text = "; ".join(str(one) for one in given) if isinstance(given, list) else str(given)
    return f" ({said(text, 200)})" if text else ""


def _entry(row: dict[str, Any]) -> Entry:
    metadata = row.get("metadata")
    ours = metadata.get("omniops") if isinstance(metadata, dict) else None
    mark: dict[str, Any] = ours if isinstance(ours, dict) else {}
    messages = mark.get("messages")
    kept = tuple(str(one) for one in messages) if isinstance(messages, list) else ()
    id, link = str(row.get("id") or ""), said(row.get("shortlink") or "", 300)
    return Entry(
        id if _ID.fullmatch(id) else "", link if link.startswith(("https://", "http://")) else "",
        said(row.get("status") or "", 40), str(mark.get("incident") or ""), kept,
    )  # fmt: skip


def _object(reply: Reply) -> dict[str, Any]:
    value = _json(reply)
    if not isinstance(value, dict):
        raise _nonsense("its answer is no JSON object")
    return value


def _json(reply: Reply) -> Any:
    import json

    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise _nonsense("its answer is no JSON") from None


def _nonsense(why: str) -> Unreachable:
    return Unreachable("Statuspage talks nonsense", why=why, state=NOTHING, next="look at STATUSPAGE_URL")


def _doubt(why: str) -> InDoubt:
    return InDoubt(
        "nobody can tell whether Statuspage has it",
        why=why,
        state="it may have been published",
        next="look at the page",
    )

"""The OmniRoute admin API, for 3.7.9 (cookie login only) and the newer fork (Bearer keys), told apart by probing.

`GET /api/providers/client` is never asked: it answers with the upstreams' raw keys.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from omniops.clock import Clock, iso, parse_iso
from omniops.config import Settings
from omniops.errors import BadInput, Refused, Unreachable
from omniops.services import omniroute_parse as parse
from omniops.services.http import Http, NoAnswer, Reply, said
from omniops.services.omniroute_audit import Writes, writes
from omniops.services.omniroute_judge import judge, updated_at
from omniops.services.omniroute_login import Session
from omniops.services.omniroute_parse import (
    Attempt,
    CallLogs,
    Combo,
    Connection,
    Health,
    Telemetry,
    TestReply,
    WriteReply,
)

__all__ = [
    "REQUEST_TIMEOUT_S",
    "Attempt",
    "CallLogs",
    "Combo",
    "Connection",
    "Health",
    "OmniRoute",
    "Telemetry",
    "TestReply",
    "WriteReply",
]

REQUEST_TIMEOUT_S = 10.0
# /api/system/version asks npm on every call; where npm does not answer, the health page is quicker.
VERSION_TIMEOUT_S = 4.0
CALL_LOGS_S = 10.0
CALL_LOGS_ROWS = 5000
CALL_LOGS_PAGE = 500
CALL_LOGS_BODY = 32 * 1024 * 1024

T = TypeVar("T")


def _anybody() -> None:
    """The permit of who writes without asking: there is none to lose."""


class OmniRoute:
    """One server. Methods raise Refused (401/403), Unreachable (no usable answer) or BadInput (configuration)."""

    timeout_s: float = REQUEST_TIMEOUT_S

    def __init__(self, url: str, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        """``guard`` is called with every URL before it is asked (a drill refuses what is not loopback)."""
        self.url = url.rstrip("/")
        self._settings = settings
        self._clock = clock
        self._guard = guard
        self._http = Http(self.url, settings.env, clock, guard, self.timeout_s)
        self._session = Session(self._http, settings, clock)
        self._skew_s: float | None = None
        self.permit: Callable[[], None] = _anybody  # asked right before a write leaves; it may raise

    def __repr__(self) -> str:
        return f"OmniRoute({self.url!r})"

    def sibling(self, url: str) -> OmniRoute:
        """A client of the same settings for another replica; it logs in by itself."""
        return OmniRoute(url, self._settings, self._clock, self._guard)

    def close(self) -> None:
        """Close the connections. The next request would open new ones."""
        self._http.close()

    # Connections and combos

    def connections(self) -> list[Connection]:
        """All of them. A newer fork gives them in pages; ``total`` says that there are more."""
        body = self._json("/api/providers")
        found = self._parsed("/api/providers", parse.connections, body)
        total = body.get("total")
        while isinstance(total, int) and len(found) < min(total, CALL_LOGS_ROWS):
            path = f"/api/providers?limit=500&offset={len(found)}"
            known = {connection.id for connection in found}
            more = [c for c in self._parsed(path, parse.connections, self._json(path)) if c.id not in known]
            if not more:
                break
            found += more
        return found

    def connection(self, id: str) -> Connection | None:
        """One connection; None where the server has none with that id."""
        path = f"/api/providers/{_quoted(id, 'connection')}"
        reply = self._ask("GET", path)
        if reply.code == 404 and not parse.is_html(reply.body):
            return None
        found = self._parsed(path, parse.one_connection, self._body(path, reply))
        if found.id != id:
            raise self._unreachable(path, f"it answered about another connection, {said(found.id, 60)}")
        return found

    def set_active(self, id: str, active: bool) -> WriteReply:
        """Switch a connection on or off. Sent once: repeating it is no no-op (updatedAt moves, another audit row)."""

        def contradiction(body: Any) -> str:
            found = parse.one_connection(body)
            if found.id != id:
                return f"it answered about another connection, {found.id}"
            return "" if found.active is active else f"it answered that isActive is still {str(not active).lower()}"

        path = f"/api/providers/{_quoted(id, 'connection')}"
        return self._write(path, {"isActive": active}, contradiction)

    def test_connection(self, id: str) -> TestReply:
        """Have the server call the upstream. It writes testStatus, updatedAt and a call-log row (not under /v1/)."""
        path = f"/api/providers/{_quoted(id, 'connection')}/test"
        try:
            reply = self._authorised("POST", path, {})
        except NoAnswer as error:
            if not error.sent:
                raise self._unreachable(path, error.why) from None
            return TestReply(False, f"the test had no end: {error.why}", None)
        if reply.code >= 500:
            return TestReply(False, f"the test answered {reply.code}: {parse.error_text(reply.body)}", None)
        return self._parsed(path, parse.test_reply, self._body(path, reply))

    def combos(self) -> list[Combo]:
        return self._parsed("/api/combos", parse.combos, self._json("/api/combos"))

    def set_combo_models(self, id: str, models: list[Any]) -> WriteReply:
        """Replace a combo's models. The server leaves no audit row for it, and does not count ``version`` up."""
        wanted = parse.model_names(models)

        def contradiction(body: Any) -> str:
            found = parse.combo(body.get("combo", body))
            if found.id != id:
                return f"it answered about another combo, {found.id}"
            names = parse.model_names(found.models)
            return "" if names == wanted else f"it answered that the models are {said(', '.join(names) or 'none')}"

        return self._write(f"/api/combos/{_quoted(id, 'combo')}", {"models": models}, contradiction)

    def models_of(self, provider: str) -> list[str]:
        """Client ids ("prefix/model") that /v1/models and the stored lists know for a provider."""
        prefix = next((c.prefix for c in self.connections() if c.provider == provider), provider)
        listed = self._optional("/v1/models")
        found = parse.model_ids(listed, "data", owner=provider)
        for path in ("/api/synced-available-models", "/api/provider-models"):
            stored = self._optional(f"{path}?provider={quote(provider, safe='')}")
            found += [f"{prefix}/{id}" for id in parse.model_ids(stored, "models")]
        return list(dict.fromkeys(found))

    # How the server is

    def health(self) -> Health:
        """The public health page. One that answers 500 in the page's own words is not ok, but not unreachable."""
        path = "/api/monitoring/health"
        reply = self._sent(path, lambda: self._http.ask("GET", path, headers=self._session.headers()))
        if reply.code >= 500 and not reply.broken:
            try:
                return parse.health(parse.json_of(reply.body))._replace(ok=False)
            except parse.Nonsense:
                pass
        return self._parsed(path, parse.health, self._body(path, reply))

    def version(self) -> tuple[str, str]:
        """(version, source): /api/system/version, else the health page."""
        path = "/api/system/version"
        try:
            body = self._body(path, self._ask("GET", path, within_s=VERSION_TIMEOUT_S))
            return self._parsed(path, lambda value: parse.text(value, "current"), body), path
        except (Refused, Unreachable):
            page = self.health()
        if not page.version:
            raise self._unreachable("/api/monitoring/health", f"it names no version ({page.detail})")
        return page.version, "/api/monitoring/health"

    def telemetry(self, window_s: float) -> Telemetry:
        """Client requests of the last ``window_s`` seconds: in the server's memory, the last 1000, lost on restart."""
        path = f"/api/telemetry/summary?windowMs={max(1, round(window_s * 1000))}"
        return self._parsed(path, parse.telemetry, self._json(path))

    def model_latency_stats(self, window_h: float) -> list[dict[str, Any]] | None:
        """p95 of attempts per provider, model and connection over the last hours; None where the server keeps none."""
        answer = self._optional(f"/api/usage/model-latency-stats?windowHours={window_h:g}&minSamples=1")
        if answer is None:
            return None
        return self._parsed("/api/usage/model-latency-stats", parse.latency_stats, answer)

    def call_logs(self, since: datetime) -> CallLogs:
        """Upstream attempts since then. Pages of 500, one at a time, 10 s and 5,000 rows in all."""
        ends = self._clock.boot() + CALL_LOGS_S
        rows: list[Attempt] = []
        seen: set[str] = set()
        skipped = 0
        for offset in range(0, CALL_LOGS_ROWS, CALL_LOGS_PAGE):
            path = f"/api/usage/call-logs?limit={CALL_LOGS_PAGE}&offset={offset}"
            left = ends - self._clock.boot()
            if left <= 0:
                return CallLogs(rows, False, skipped)
            try:
                reply = self._ask("GET", path, within_s=left, max_body=CALL_LOGS_BODY)
                page = self._body(path, reply)
            except Unreachable:
                if offset:
                    return CallLogs(rows, False, skipped)
                raise
            if not isinstance(page, list):
                raise self._unreachable(path, "the answer is not a list")
            past = False
            for row in page:
                # Rows move to later pages while new ones come in, so a page may begin with rows of the one before.
                id = str(row.get("id") or "") if isinstance(row, dict) else ""
                if id and id in seen:
                    continue
                seen.add(id)
                try:
                    at, attempt = parse.log_row(row)
                except parse.Nonsense:
                    skipped += 1
                    continue
                past = at < since if at else past
                if attempt and attempt.at >= since:
                    rows.append(attempt)
            if past or len(page) < CALL_LOGS_PAGE:
                return CallLogs(rows, True, skipped)
        return CallLogs(rows, False, skipped)

    def inventory(self) -> tuple[str, Any]:
        """("ok", body), ("absent", None) (404 page), ("failing", detail) or ("malformed", detail). Runbook 4.3."""
        path = "/api/settings/authz-inventory"
        reply = self._ask("GET", path)
        if reply.code in (401, 403):
            raise self._refused(path, reply)
        if reply.code == 404:
            return "absent", None
        if reply.code != 200 or reply.broken:
            return "failing", reply.broken or f"{reply.code} {parse.error_text(reply.body)}".strip()
        try:
            body = parse.json_of(reply.body)
        except parse.Nonsense as error:
            return "malformed", str(error)
        return ("ok", body) if isinstance(body, dict) else ("malformed", "the answer is not an object")

    def keys_total(self) -> int:
        return int(self._parsed("/api/keys", lambda body: parse.number(body, "total"), self._json("/api/keys")))

    def db_health(self) -> tuple[bool, str]:
        """Is the database healthy, and its issues in words."""
        body = self._json("/api/db/health")
        healthy = self._parsed("/api/db/health", lambda value: parse.flag(value, "isHealthy"), body)
        issues = body.get("issues")
        shown = "; ".join(said(issue, 80) for issue in issues[:5]) if isinstance(issues, list) else ""
        return healthy, shown or ("no issues" if healthy else "it does not say what is wrong")

    def data_folder(self) -> str:
        """dataDir of /api/storage/health, as the server writes it: a leading ~ is the home of the server's user."""
        path = "/api/storage/health"
        return self._parsed(path, lambda body: parse.text(body, "dataDir"), self._json(path))

    def writes_to(self, target: str, since: str) -> Writes:
        """Audit-log rows for a target ("<provider>:<name>" or a connection's id) at or after ``since`` (ISO), and why
        there may be others.

        Each has id, timestamp, actor, action, changedFields and request_id. Combos leave no rows.
        """
        try:
            moment = parse_iso(since)
        except ValueError:
            raise BadInput(f"not a moment: {said(since, 40)}", state="nothing was attempted") from None
        return writes(lambda path: self._body(path, self._ask("GET", path)), target, moment)

    def skew_s(self) -> float | None:
        """Server clock minus ours, from the last Date header (good to half a second); None before the first answer."""
        return self._skew_s

    def server_now(self) -> datetime:
        """Our clock corrected by the skew."""
        return self._clock.now() + timedelta(seconds=self._skew_s or 0.0)

    # Asking

    def _json(self, path: str) -> Any:
        body = self._body(path, self._ask("GET", path))
        if not isinstance(body, dict):
            raise self._unreachable(path, "the answer is not an object")
        return body

    def _optional(self, path: str) -> Any:
        """A body that is only an extra: None where it cannot be had."""
        try:
            return self._body(path, self._ask("GET", path))
        except (Refused, Unreachable):
            return None

    def _ask(self, method: str, path: str, *, within_s: float | None = None, max_body: int = 0) -> Reply:
        return self._sent(path, lambda: self._authorised(method, path, None, within_s, max_body))

    def _sent(self, path: str, ask: Callable[[], Reply]) -> Reply:
        try:
            reply = ask()
        except NoAnswer as error:
            raise self._unreachable(path, error.why) from None
        self._note_time(reply)
        return reply

    def _authorised(
        self,
        method: str,
        path: str,
        body: Any,
        within_s: float | None = None,
        max_body: int = 0,
        permit: Callable[[], None] = _anybody,
    ) -> Reply:
        """Ask; where the answer says that we are nobody, so that nothing was done, log in and ask once more."""
        limits: dict[str, Any] = {"within_s": within_s} | ({"max_body": max_body} if max_body else {})
        headers = self._session.headers()  # first: a key's command may take seconds, and permission is for now
        permit()
        reply = self._http.ask(method, path, headers=headers, body=body, **limits)
        # /v1/ takes clients' keys, not the admin's login: a refusal there says nothing about the session.
        if not path.startswith("/v1/") and self._session.wants_login(reply):
            self._session.renew(reply)
            headers = self._session.headers()
            permit()
            reply = self._http.ask(method, path, headers=headers, body=body, **limits)
        return reply

    def _body(self, path: str, reply: Reply) -> Any:
        """The JSON of an answer that is a 200; everything else is an error in words."""
        if reply.code in (401, 403):
            raise self._refused(path, reply)
        if reply.code == 404 and parse.is_html(reply.body):
            raise self._unreachable(path, "no such endpoint on this server")
        if 300 <= reply.code < 400:
            where = said(reply.headers.get("location", "nowhere"))
            raise self._unreachable(path, f"it redirects to {where}; is OMNIROUTE_URL the server's own address?")
        if not 200 <= reply.code < 300:
            retry = parse.retry_words(reply.headers.get("retry-after", ""), self._clock.now())
            words = "; ".join(part for part in (parse.error_text(reply.body), retry) if part)
            raise self._unreachable(path, f"it answered {reply.code}{': ' * bool(words)}{words}")
        if reply.broken:
            raise self._unreachable(path, reply.broken)
        return self._parsed(path, parse.json_of, reply.body)

    def _parsed(self, path: str, reading: Callable[[Any], T], body: Any) -> T:
        try:
            return reading(body)
        except parse.Nonsense as error:
            raise self._unreachable(path, f"it talks nonsense: {error}") from None

    def _unreachable(self, path: str, why: str) -> Unreachable:
        return Unreachable(
            f"no usable answer from {self.url}{path.partition('?')[0]}",
            why=why,
            state="this request changed nothing",
            next="check OMNIROUTE_URL and the server, then try again",
        )

    def _refused(self, path: str, reply: Reply) -> Refused:
        return Refused(
            f"{self.url}{path.partition('?')[0]} is refused ({reply.code})",
            why=parse.error_text(reply.body) or "it gives no reason",
            state="nothing was changed",
            next="use a login or key that may: OMNIROUTE_PASSWORD, or OMNIROUTE_API_KEY with the manage scope",
        )

    def _note_time(self, reply: Reply) -> datetime | None:
        """Learn the skew from the Date header, which is cut to whole seconds: on average it is half a second old."""
        from email.utils import parsedate_to_datetime

        try:
            told = parsedate_to_datetime(reply.headers.get("date", ""))
        except (ValueError, TypeError):
            return None
        told = told.replace(tzinfo=told.tzinfo or UTC)
        self._skew_s = (told + timedelta(seconds=0.5) - self._clock.now()).total_seconds()
        return told

    # Writing

    def _write(self, path: str, body: dict[str, Any], contradiction: Callable[[Any], str]) -> WriteReply:
        """Send a PUT and say what its answer proves. Sent twice only after a 401, which proves that it was not done."""
        try:
            reply = self._authorised("PUT", path, body, permit=self.permit)
        except NoAnswer as error:
            status = "in_doubt" if error.sent else "not_applied"
            return WriteReply(status, error.why, None, None, "", "")
        except (Refused, Unreachable) as error:
            return WriteReply("not_applied", f"{error.what}: {error.why}", None, None, "", "")
        told = self._note_time(reply)
        request_id = said(reply.headers.get("x-request-id", ""), 80)
        status, detail, answer = judge(reply, contradiction, self._clock.now())
        at = updated_at(answer) or (iso(told) if told else "")
        return WriteReply(status, detail, reply.code, answer, at, request_id)


def _quoted(id: str, what: str) -> str:
    if not parse.safe_id(id):
        raise BadInput(
            f"not the id of a {what}: {said(id, 60)!r}",
            why="ids are letters, digits and . _ : @ -",
            state="nothing was sent",
            next="`omniops mitigate --help` says how a target is named",
        )
    return quote(id, safe="")

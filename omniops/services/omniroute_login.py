"""How one OmniRoute lets omniops in: nothing, a Bearer key, or a cookie. Learned by asking, never from a version.

A refused login is not tried again by the same client. Refusals are remembered per URL (the time, no secret) in the
state folder, because the server locks logins for 15 minutes after 5 of them: a third within 15 minutes is refused here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from omniops.clock import Clock, iso, parse_iso
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError, Refused, Unreachable
from omniops.services.http import Http, NoAnswer, Reply, in_the_clear, said
from omniops.services.omniroute_parse import error_code, error_text, retry_after
from omniops.text import duration, is_secret

MEMORY = timedelta(minutes=15)
TRIES = 2
_LOCK = "the server locks logins for 15 min after 5 refusals in 15 min"
_COOKIE = re.compile(r"([A-Za-z0-9_.-]+)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+)")


class Refusals:
    """When a URL's login was refused lately. Losing this file loses only the warning: its troubles are no errors."""

    def __init__(self, folder: Path, url: str) -> None:
        self.path = folder / "login-refusals.json"
        self._url = url

    def recent(self, now: datetime) -> list[datetime]:
        with self._opened() as times:
            return self._young(times, now)

    def add(self, now: datetime) -> int:
        """Remember one; return how many there are in the last 15 minutes."""
        with self._opened() as times:
            kept = [*self._young(times, now), now]
            times[self._url] = [iso(moment) for moment in kept]
            return len(kept)

    def clear(self) -> None:
        if self.path.exists():
            with self._opened() as times:
                times.pop(self._url, None)

    def _young(self, times: dict[str, Any], now: datetime) -> list[datetime]:
        found = times.get(self._url)
        moments = []
        for item in found if isinstance(found, list) else []:
            try:
                moments.append(parse_iso(item))
            except (ValueError, AttributeError):
                continue
        return [moment for moment in moments if timedelta(0) <= now - moment < MEMORY]

    @contextmanager
    def _opened(self) -> Iterator[dict[str, Any]]:
        """The file's contents under a lock; what the block makes of them is written back, if it changed."""
        import fcntl
        import json

        times: dict[str, Any] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield times
            return
        with open(handle, "r+", encoding="utf-8", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = file.read()
            try:
                read = json.loads(before)
                times = read if isinstance(read, dict) else {}
            except ValueError:
                pass
            yield times
            after = json.dumps(times)
            if after != before:
                file.seek(0)
                file.truncate()
                file.write(after)


class Session:
    """The credentials in use with one server. Cookies live here, in memory, and nowhere else."""

    def __init__(self, http: Http, settings: Settings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._cookies: dict[str, str] = {}
        self._key = ""  # kept, because OMNIROUTE_API_KEY_COMMAND would otherwise run at every request
        self._key_refused = ""  # what the server said to the Bearer key
        self._failed: OmniopsError | None = None  # the one login of this process was refused
        self._refusals = Refusals(settings.state_folder, http.url)

    def __repr__(self) -> str:
        return f"Session({self._http.url!r})"

    def headers(self) -> dict[str, str]:
        """The headers that authenticate; none at first where there is no key, since a server may need none."""
        if self._cookies:
            return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if not self._uses_key():
            return {}
        self._not_in_the_clear()
        key = self._key = self._key or self._settings.secret("OMNIROUTE_API_KEY")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise BadInput(
                "OMNIROUTE_API_KEY holds characters that no key has",
                why="it goes into a header: no spaces, no line ends, only ASCII",
                state="nothing was attempted",
                next="set OMNIROUTE_API_KEY (or its _FILE or _COMMAND) again",
            )
        return {"Authorization": f"Bearer {key}"}

    def wants_login(self, reply: Reply) -> bool:
        """Does this answer say that who we are is the trouble, so that logging in may help?"""
        if reply.code == 401:
            return True
        code = error_code(reply.body)
        return reply.code == 403 and (code.startswith("AUTH") or (self._uses_key() and code != "LOCAL_ONLY"))

    def renew(self, reply: Reply) -> None:
        """Log in, once, after a refusal. Raises Refused, Unreachable or BadInput."""
        if self._uses_key():
            self._key_refused = error_text(reply.body) or f"answer {reply.code}"
        if self._failed:
            raise self._failed
        if not self._settings.has_secret("OMNIROUTE_PASSWORD"):
            raise self._no_password(reply)
        self._not_in_the_clear()
        try:
            self._login()
        except Refused as error:
            self._failed = error
            raise

    def _not_in_the_clear(self) -> None:
        """A credential leaves this machine over https only. Raises BadInput."""
        if not in_the_clear(self._http.url) or self._settings.get("OMNIOPS_INSECURE_HTTP") == "1":
            return
        raise BadInput(
            "OMNIROUTE_URL is not https",
            why="the password or key would cross the network in the clear",
            state="nothing was sent",
            next="use https, or where the network is yours alone: export OMNIOPS_INSECURE_HTTP=1",
        )

    def _uses_key(self) -> bool:
        return not self._cookies and not self._key_refused and self._settings.has_secret("OMNIROUTE_API_KEY")

    def _no_password(self, reply: Reply) -> Refused:
        if self._key_refused:
            refused, self._key_refused = self._key_refused, ""  # a key may do for other endpoints
            return Refused(
                f"{self._http.url} refuses OMNIROUTE_API_KEY",
                why=f"{refused}; and OMNIROUTE_PASSWORD is not set (3.7.9 takes no keys for its admin API)",
                state="nothing was changed",
                next="export OMNIROUTE_PASSWORD (or OMNIROUTE_PASSWORD_FILE, _COMMAND), or a key with the manage scope",
            )
        return Refused(
            f"{self._http.url} wants a login",
            why=f"{error_text(reply.body) or reply.code}; neither OMNIROUTE_PASSWORD nor OMNIROUTE_API_KEY is set",
            state="nothing was changed",
            next="export OMNIROUTE_PASSWORD (or OMNIROUTE_PASSWORD_FILE, _COMMAND)",
        )

    def _login(self) -> None:
        self._refuse_a_third()
        password = self._settings.secret("OMNIROUTE_PASSWORD")
        self._cookies = {}
        try:
            reply = self._http.ask("POST", "/api/auth/login", body={"password": password})
        except NoAnswer as error:
            raise Unreachable(
                f"no login at {self._http.url}",
                why=error.why,
                state="nothing was changed",
                next="check OMNIROUTE_URL and the network, then try again",
            ) from None
        if reply.code in (401, 403):
            raise self._refused(reply)
        if reply.code == 429:
            raise self._locked(reply)
        for line in reply.cookies:
            found = _COOKIE.match(line)
            if found:
                is_secret(found[2])
                self._cookies[found[1]] = found[2]
        if reply.code != 200 or not self._cookies:
            self._cookies = {}
            raise self._strange(reply)
        self._refusals.clear()

    def _refuse_a_third(self) -> None:
        now = self._clock.now()
        recent = self._refusals.recent(now)
        if len(recent) < TRIES:
            return
        free = recent[-TRIES] + MEMORY
        raise Refused(
            f"not logging in to {self._http.url}: it has refused the password {len(recent)} times within 15 min",
            why=f"{_LOCK}, and then nobody gets in from here",
            state="nothing was sent",
            next=f"correct OMNIROUTE_PASSWORD, then wait until {free:%H:%M} UTC (or delete {self._refusals.path})",
        )

    def _refused(self, reply: Reply) -> Refused:
        count = self._refusals.add(self._clock.now())
        return Refused(
            f"{self._http.url} refuses OMNIROUTE_PASSWORD",
            why=error_text(reply.body) or f"it answered {reply.code}",
            state=f"nothing was changed; refusal {count} within 15 min from here ({_LOCK})",
            next="correct OMNIROUTE_PASSWORD (or its _FILE or _COMMAND) before the next try",
        )

    def _locked(self, reply: Reply) -> Refused:
        now = self._clock.now()
        wait = retry_after(reply.headers.get("retry-after", ""), now)
        free = "" if wait is None else f"wait {duration(wait)}, until {now + timedelta(seconds=wait):%H:%M} UTC; "
        return Refused(
            f"{self._http.url} has locked logins from here",
            why=f"{error_text(reply.body) or 'too many failed attempts'} ({_LOCK})",
            state="nothing was changed",
            next=f"{free or 'wait 15 min; '}a key in OMNIROUTE_API_KEY is not affected (not on 3.7.9)",
        )

    def _strange(self, reply: Reply) -> Unreachable:
        if 300 <= reply.code < 400:
            why = f"it redirects to {said(reply.headers.get('location', 'nowhere'))}, and no login follows a redirect"
        elif reply.code == 200:
            why = reply.broken or "it answered 200 without a session cookie"
        else:
            why = f"it answered {reply.code}: {error_text(reply.body) or 'no reason given'}"
        return Unreachable(
            f"no login at {self._http.url}",
            why=why,
            state="nothing was changed",
            next="check that OMNIROUTE_URL is the address of OmniRoute itself",
        )

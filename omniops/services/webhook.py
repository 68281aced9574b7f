"""Incoming webhooks of Slack and Discord: the lesser way to a channel. The address itself is the secret.

A webhook posts to the one channel that it was made for. It makes, edits and pins nothing, and cannot be asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, OmniopsError, Refused, Unreachable
from omniops.services.http import Http, NoAnswer, Reply, in_the_clear, patience, said
from omniops.services.length import refuse_longer
from omniops.services.slack import MAX_TEXT, escaped, mentioned
from omniops.text import duration

SETTING = {"slack": "SLACK_WEBHOOK_URL", "discord": "DISCORD_WEBHOOK_URL"}
MOST = {"slack": MAX_TEXT, "discord": 2000}
"""So many characters of a text."""
DEFAULT_RETRY_S = 30.0
NOTHING = "nothing was posted"
SLACK_WORDS = {
    "invalid_payload": "Slack does not understand the message",
    "no_text": "the text is empty",
    "user_not_found": "a user that the text names is not there",
    "action_prohibited": "the workspace's administrators forbid it",
    "posting_to_general_channel_denied": "the workspace's administrators forbid posting there",
    "channel_not_found": "the webhook's channel is not there",
    "channel_is_archived": "the webhook's channel is archived",
    "no_service": "there is no such webhook any more",
    "no_service_id": "there is no such webhook any more",
    "no_team": "there is no such webhook any more",
    "team_disabled": "the workspace is switched off",
    "invalid_token": "there is no such webhook any more",
}


class WebhookBusy(Unreachable):
    """429. Nothing was posted; ``retry_in_s`` is what it asks for."""

    def __init__(self, name: str, retry_in_s: float) -> None:
        why = f"it asks to wait {duration(retry_in_s)}"
        super().__init__(f"{name} wants fewer messages at a time", why=why, state=NOTHING, next="omniops tick")
        self.retry_in_s = retry_in_s


class Webhook:
    """One webhook: ``slack`` or ``discord``. Nothing is asked before the first post."""

    timeout_s = 10.0

    def __init__(self, kind: str, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        self.kind, self._settings, self._clock, self._guard = kind, settings, clock, guard
        self.name = f"{kind.capitalize()}'s webhook"

    def address(self) -> tuple[str, str]:
        """Its server, and the path there. Raises BadInput, without a word of the address but its host."""
        url = self._settings.secret(SETTING[self.kind])
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and parts.hostname and not parts.username and len(parts.path) > 1
            _ = parts.port
        except ValueError:
            good = False
        if not good:
            raise _bad(self.kind, "it is no address of a webhook" if url else "it is not set")
        server = f"{parts.scheme}://{parts.netloc}"
        if in_the_clear(server):
            raise _bad(self.kind, "it is not https: the secret in it would be sent in the clear")
        words = [word for word in parts.query.split("&") if word and not word.startswith("wait=")]
        if self.kind == "discord":
            words.append("wait=true")  # else it says yes before anything is posted
        return server, parts.path + ("?" + "&".join(words) if words else "")

    def post(self, text: str) -> str:
        """Post a text, once; the message's id, where it is told. Markup in it mentions nobody, but for Slack's
        @incident-commander.

        Raises Refused or WebhookBusy (nothing was posted), Unreachable (nothing left this machine), InDoubt, BadInput.
        """
        server, path = self.address()
        refuse_longer(self.name, text, MOST[self.kind], NOTHING)
        http = Http(server, self._settings.env, self._clock, self._guard, self.timeout_s)
        try:
            reply = http.ask("POST", path, body=self._body(text))
        except NoAnswer as error:
            if error.sent:
                raise self._doubt(error.why) from None
            raise Unreachable(
                f"{self.name} cannot be reached", why=error.why, state=NOTHING, next="omniops tick tries again"
            ) from None
        finally:
            http.close()
        if reply.code not in (200, 204) or reply.broken:
            raise self._failed(reply)
        if self.kind == "slack":
            if reply.body.strip() != b"ok":
                raise self._doubt("it did not answer ok")
            return "ok"
        id = _object(reply.body).get("id")  # it was asked to say so; whatever else answers is not Discord
        if not isinstance(id, str) or not id:
            raise self._doubt(f"it answered {reply.code} without the message's id")
        return said(id, 64)

    def _body(self, text: str) -> dict[str, Any]:
        if self.kind == "slack":
            return {"text": mentioned(escaped(text), self._settings.get("SLACK_COMMANDERS"))}
        return {"content": text, "allowed_mentions": {"parse": []}}

    def _failed(self, reply: Reply) -> OmniopsError:
        if reply.code == 429:
            # Discord tells it in the body as well, more exactly.
            asked = _object(reply.body).get("retry_after"), reply.headers.get("retry-after")
            return WebhookBusy(self.name, patience(*asked, otherwise=DEFAULT_RETRY_S))
        if reply.broken or reply.code >= 500 or reply.code < 300:
            return self._doubt(reply.broken or f"it answered {reply.code}")
        if self.kind == "slack":
            code = said(reply.body.decode("utf-8", "replace"), 60)
            why = f"{SLACK_WORDS[code]} ({code})" if code in SLACK_WORDS else f"it answered {reply.code}: {code}"
        else:
            words = said(_object(reply.body).get("message") or "", 120)
            why = f"it answered {reply.code}" + (f": {words}" if words else "")
        return Refused(f"{self.name} refuses", why=why, state=NOTHING, next=f"mend {SETTING[self.kind]}")

    def _doubt(self, why: str) -> InDoubt:
        what = f"nobody can tell whether {self.name} has posted it"
        return InDoubt(what, why=why, state="it may have been posted", next="look in the channel")


def _bad(kind: str, why: str) -> BadInput:
    return BadInput(f"{SETTING[kind]} is of no use", why=why, state=NOTHING, next=f"set {SETTING[kind]}")


def _object(body: bytes) -> dict[str, Any]:
    import json

    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}

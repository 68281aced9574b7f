"""Slack's Web API, as far as omniops uses it: one text to one channel, and whose token it is.

Slack answers 200 also when it refuses; what counts is ``ok``, and ``error`` names the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, OmniopsError, Refused, Unreachable
from omniops.services.http import Http, NoAnswer, Reply, in_the_clear, patience, said
from omniops.services.length import refuse_longer
from omniops.text import duration

URL = "https://slack.com"
MAX_TEXT = 4000  # Slack cuts at 40,000 and advises no more than this
DEFAULT_RETRY_S = 30.0
COMMANDERS = "@incident-commander"

AUTH = {
    "invalid_auth": "Slack does not know this token",
    "not_authed": "no token reached Slack",
    "account_inactive": "the token's user or app was removed",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "no_permission": "the token may not do this",
    "missing_scope": "the token lacks a scope",
    "not_allowed_token_type": "this kind of token may not do this; a bot's begins with xoxb-",
    "access_denied": "Slack denies access",
    "ekm_access_denied": "the organisation's administrators suspend posting here",
    "org_login_required": "the organisation is being moved; its tokens do not work meanwhile",
    "team_access_not_granted": "the app is not installed in this workspace",
}
"""Errors that are about who asks: in Slack's word -> in ours."""
PLACE = {
    "channel_not_found": "there is no such channel, or the bot may not see it",
    "not_in_channel": "the bot is not in this channel; invite it",
    "is_archived": "the channel is archived",
    "restricted_action": "a rule of the workspace forbids posting there",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_thread_only_channel": "the channel takes replies in threads only",
    "user_is_restricted": "a guest may not do this",
    "name_taken": "a channel of this name exists already",
    "cannot_create_channel": "a channel cannot be created there",
}
"""Errors that are about the channel."""
WORDS = {
    "no_text": "the text is empty",
    "msg_too_long": "the text is too long",
    "msg_blocks_too_long": "the text is too long",
    "too_long": "the text is too long",
    "invalid_blocks": "Slack does not understand the message",
    "invalid_arguments": "Slack does not understand the request",
    "invalid_form_data": "Slack does not understand the request",
    "invalid_post_type": "Slack does not understand the request",
    "request_timeout": "the request did not arrive whole",
    "no_channel": "no channel was named",
    "invalid_name": "Slack does not take this name",
    "invalid_name_required": "the channel's name is empty",
    "invalid_name_punctuation": "the channel's name is nothing but punctuation",
    "invalid_name_maxlength": "the channel's name is longer than 80 characters",
    "invalid_name_specials": "the channel's name has a character that is not allowed",
    "message_not_found": "there is no such message any more",
    "cant_update_message": "this message cannot be edited",
    "edit_window_closed": "the workspace lets nobody edit a message this old",
    "too_many_pins": "the channel takes no more pins",
    "not_pinnable": "this message cannot be pinned",
    "duplicate_message_not_found": "Slack has lost the first copy of this message",
    "accesslimited": "Slack limits access to this method at the moment",
    "team_added_to_org": "the workspace is being moved into an organisation",
}
"""Other errors; as those above, they say that nothing was posted."""
MAYBE = {
    "internal_error": "Slack had an error of its own",
    "fatal_error": "Slack had an error of its own",
    "service_unavailable": "Slack is not available",
}
"""Errors after which, as Slack says itself, it may have been done all the same."""


class SlackRefused(Refused):
    """Slack said no, and certainly did nothing. ``code`` is its own word for why."""

    def __init__(self, code: str, what: str, *, why: str, next: str) -> None:
        super().__init__(what, why=why, state="nothing was posted", next=next)
        self.code = code


class SlackBusy(Unreachable):
    """Too many messages at once: 429. Nothing was posted; ``retry_in_s`` is what Slack asks for."""

    def __init__(self, retry_in_s: float) -> None:
        super().__init__(
            "Slack wants fewer messages at a time",
            why=f"it asks to wait {duration(retry_in_s)}",
            state="nothing was posted",
            next="omniops tick tries again",
        )
        self.retry_in_s = retry_in_s


class SlackSilent(Unreachable):
    """No usable answer to what can be asked twice; a change may still be carried out."""

    late = True

    def __init__(self, why: str) -> None:
        super().__init__("Slack gives no usable answer", why=why, next="omniops tick tries again")


class Identity(NamedTuple):
    """Whose token it is, as ``auth.test`` says. ``scopes`` is empty where Slack does not list them."""

    team: str
    user: str
    user_id: str
    bot_id: str
    url: str
    scopes: tuple[str, ...]


class Slack:
    """The workspace behind SLACK_BOT_TOKEN, asked at SLACK_URL. Nothing is asked before the first call."""

    timeout_s = 10.0

    def __init__(self, settings: Settings, clock: Clock, guard: Callable[[str], None] | None = None) -> None:
        self._settings, self._clock, self._guard = settings, clock, guard
        self._http: Http | None = None

    @property
    def configured(self) -> bool:
        """Is there a token at all?"""
        return self._settings.has_secret("SLACK_BOT_TOKEN")

    @property
    def host(self) -> str:
        """The host that is asked. Raises BadInput for an address that is none."""
        return urlsplit(self._url()).hostname or ""

    def post(self, channel: str, text: str, mark: dict[str, Any] | None = None) -> str:
        """Post a text to a channel (``#name`` or an id) and return its ts. Sent once; markup in the text is shown as it
        is, not obeyed, but for @incident-commander, which calls the group that SLACK_COMMANDERS names. ``mark``: what
        the message carries unseen, so that it is found again.

        Raises SlackRefused or SlackBusy (nothing was posted), Unreachable (nothing left this machine), InDoubt and
        BadInput (no token, or longer than Slack takes).
        """
        refuse_longer("Slack", text, MAX_TEXT, "nothing was posted")
        more = {"metadata": mark} if mark else {}
        answer, _ = self.call("chat.postMessage", {"channel": channel, "text": self.marked(text), **more}, channel)
        ts = answer.get("ts")
        if not isinstance(ts, str) or not ts:
            raise _doubt("Slack said ok without the message's ts")
        return ts

    def marked(self, text: str) -> str:
        """A text as Slack gets it: nothing in it obeyed, and the incident commander called."""
        return mentioned(escaped(text), self._settings.get("SLACK_COMMANDERS"))

    def auth_test(self) -> Identity:
        """Whose token it is. Raises SlackRefused, SlackBusy, Unreachable, BadInput."""
        try:
            answer, reply = self.call("auth.test", {}, "")
        except InDoubt as error:  # a read: nothing can be in doubt but the answer
            raise Unreachable(error.what, why=error.why, state="nothing was changed", next=error.next) from None
        words = {name: said(answer.get(name) or "", 120) for name in ("team", "user", "user_id", "bot_id", "url")}
        scopes = reply.headers.get("x-oauth-scopes", "")
        return Identity(**words, scopes=tuple(said(one, 60) for one in scopes.replace(",", " ").split()))

    def close(self) -> None:
        """Close the connection."""
        if self._http:
            self._http.close()
        self._http = None

    def call(
        self, method: str, body: dict[str, Any], channel: str, *, form: bool = False
    ) -> tuple[dict[str, Any], Reply]:
        """Call a method once, and return what it says. ``channel`` is for the words of an error; ``form``: as the
        fields of a form, which is all that the methods that read take. Raises as ``post`` does."""
        token = self._settings.secret("SLACK_BOT_TOKEN")
        if not token:
            raise BadInput(
                "there is no token for Slack",
                why="SLACK_BOT_TOKEN is not set",
                state="nothing was posted",
                next="set SLACK_BOT_TOKEN, or SLACK_BOT_TOKEN_FILE",
            )
        if self._http is None:
            self._http = Http(self._url(), self._settings.env, self._clock, self._guard, self.timeout_s)
        try:
            given: dict[str, Any] = {"form": body} if form else {"body": body}
            reply = self._http.ask("POST", f"/api/{method}", headers={"Authorization": f"Bearer {token}"}, **given)
        except NoAnswer as error:
            if error.sent:
                raise _doubt(error.why) from None
            raise Unreachable(
                "Slack cannot be reached", why=error.why, state="nothing was posted", next="omniops tick tries again"
            ) from None
        return _judged(reply, channel), reply

    def _url(self) -> str:
        url = self._settings.service_url("SLACK_URL", URL).removesuffix("/api")
        if in_the_clear(url):
            raise BadInput(
                "SLACK_URL is not https",
                why="the token would be sent in the clear",
                state="nothing was posted",
                next="export SLACK_URL=https://... or unset it",
            )
        return url


def escaped(text: str) -> str:
    """The text as Slack wants it, so that what stands in it is neither a mention nor a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mentioned(text: str, group: str) -> str:
    """The text with @incident-commander as a real mention of the user group with this id ("" or none: as it is)."""
    if not (group.isascii() and group.isalnum()):
        return text
    return text.replace(COMMANDERS, f"<!subteam^{group}>")


def _judged(reply: Reply, channel: str) -> dict[str, Any]:
    """The answer of a call that Slack says went well; everything else is raised."""
    if reply.code == 429:
        raise SlackBusy(patience(reply.headers.get("retry-after"), otherwise=DEFAULT_RETRY_S))
    answer = None if reply.broken else _object(reply.body)
    if answer is None or not isinstance(answer.get("ok"), bool):
        why = reply.broken or f"it answered {reply.code} with something that is not Slack's JSON"
        if 300 <= reply.code < 500:
            raise SlackRefused("", "Slack refuses the request", why=why, next="look at SLACK_URL") from None
        raise _doubt(why)
    if answer["ok"]:
        return answer
    raise _refused(answer, reply, channel)


def _refused(answer: dict[str, Any], reply: Reply, channel: str) -> OmniopsError:
    code = said(answer.get("error") or "no reason given", 60)
    if code in ("ratelimited", "rate_limited"):
        return SlackBusy(patience(reply.headers.get("retry-after"), otherwise=DEFAULT_RETRY_S))
    if code in MAYBE or reply.code >= 500:
        return _doubt(f"{MAYBE.get(code, 'Slack had an error of its own')} ({code})")
    where = f" in {said(channel, 80)}" if channel else ""
    if code in AUTH:
        needed = f"; it needs {said(answer['needed'], 80)}" if answer.get("needed") else ""
        why, next = f"{AUTH[code]} ({code}){needed}", "mend SLACK_BOT_TOKEN; `omniops doctor` checks it"
    elif code in PLACE:
        why, next = f"{PLACE[code]} ({code})", "mend the channel, or post it by hand: omniops outbox"
    else:
        why = f"{WORDS[code]} ({code})" if code in WORDS else f"Slack says {code}"
        next = "post it by hand: omniops outbox"
    return SlackRefused(code, f"Slack does not post{where}", why=why, next=next)


def _doubt(why: str) -> InDoubt:
    return InDoubt(
        "nobody can tell whether Slack has the message", why=why, state="it may have been posted", next="look in Slack"
    )


def _object(body: bytes) -> dict[str, Any] | None:
    import json

    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

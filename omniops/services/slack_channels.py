"""Slack's channels: made, found again, given a topic; and the message in each that is pinned and edited in place."""

from __future__ import annotations

from typing import Any, NamedTuple

from omniops.errors import InDoubt
from omniops.services.slack import Slack, SlackRefused, SlackSilent
from omniops.text import one_line

MAX_TOPIC = 250
MAX_NAME = 80
HEADLINE = "omniops_headline"
_PAGES = 20
_PER_PAGE = "1000"


class Found(NamedTuple):
    """A channel that there is. ``created``: seconds since 1970."""

    id: str
    creator: str
    created: float
    archived: bool


class Channels:
    """What omniops does with channels. Every method raises SlackRefused or SlackBusy (nothing was done), Unreachable
    (nothing left this machine; SlackSilent: it may still be carried out), and BadInput without a token."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    def create(self, name: str) -> str:
        """Make a public channel and return its id. Raises InDoubt as well; SlackRefused ``name_taken`` where there is
        one."""
        answer, _ = self._slack.call("conversations.create", {"name": name}, f"#{name}")
        channel = answer.get("channel")
        id = channel.get("id") if isinstance(channel, dict) else None
        if not isinstance(id, str) or not id:
            raise InDoubt("nobody can tell whether the channel was made", why="Slack said ok without the channel's id")
        return id

    def find(self, name: str) -> Found | None:
        """The public channel of this name, archived or not; None where it is not listed. Needs ``channels:read``."""
        cursor = ""
        for _ in range(_PAGES):
            given = {"types": "public_channel", "limit": _PER_PAGE, **({"cursor": cursor} if cursor else {})}
            answer = self._again("conversations.list", given, f"#{name}", form=True)
            for row in answer.get("channels") or []:
                if isinstance(row, dict) and row.get("name") == name:
                    return Found(
                        str(row.get("id") or ""), str(row.get("creator") or ""), _number(row.get("created")),
                        bool(row.get("is_archived")),
                    )  # fmt: skip
            more = answer.get("response_metadata")
            cursor = str(more.get("next_cursor") or "") if isinstance(more, dict) else ""
            if not cursor:
                return None
        return None

    def set_topic(self, id: str, topic: str) -> None:
        """Set a channel's topic, cut to what Slack takes. Twice is as good as once."""
        self._again("conversations.setTopic", {"channel": id, "topic": one_line(topic, MAX_TOPIC)}, id)

    def post_headline(self, id: str, text: str, incident: str) -> str:
        """Post the headline and return its ts. Raises InDoubt as well."""
        return self._slack.post(id, text, {"event_type": HEADLINE, "event_payload": {"incident": incident}})

    def find_headline(self, id: str, incident: str) -> str:
        """The ts of the newest headline in a channel, "" where there is none. Needs ``channels:history``."""
        given = {"channel": id, "limit": "999", "include_all_metadata": "true"}
        for row in self._again("conversations.history", given, id, form=True).get("messages") or []:
            mark = row.get("metadata") if isinstance(row, dict) else None
            if not isinstance(mark, dict) or mark.get("event_type") != HEADLINE:
                continue
            told = mark.get("event_payload")
            if isinstance(told, dict) and told.get("incident") == incident:
                return str(row.get("ts") or "")
        return ""

    def edit(self, id: str, ts: str, text: str) -> None:
        """Put another text in a message's place. Twice is as good as once."""
        self._again("chat.update", {"channel": id, "ts": ts, "text": self._slack.marked(text)}, id)

    def pin(self, id: str, ts: str) -> None:
        """Pin a message; one that is pinned is fine."""
        try:
            self._again("pins.add", {"channel": id, "timestamp": ts}, id)
        except SlackRefused as no:
            if no.code != "already_pinned":
                raise

    def _again(self, method: str, given: dict[str, Any], channel: str, *, form: bool = False) -> dict[str, Any]:
        """A call that may be repeated: what is not known of it does not matter."""
        try:
            return self._slack.call(method, given, channel, form=form)[0]
        except InDoubt as error:
            raise SlackSilent(error.why) from None


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else 0.0
    except OverflowError:
        return 0.0

"""``slack``: one text to one channel. Slack cannot tell whether it has a message, so none is resent by itself.

``slack.headline``: the incident's own channel, made once, and the one message in it that is pinned and edited in place.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from omniops.clock import parse_iso
from omniops.config import Settings
from omniops.errors import InDoubt
from omniops.incident.outbox import Message, fold, slack_channel
from omniops.runner.engines.base import Delivery, Engine, Places, Stopped
from omniops.runner.engines.order import blocked, denied, doubtful, replaced
from omniops.runner.engines.room import Room
from omniops.runner.engines.ways import by_webhook
from omniops.services.clients import Clients

if TYPE_CHECKING:
    from omniops.services.slack import SlackRefused
    from omniops.services.slack_channels import Channels

MOST = 99
"""So many names are tried for one incident's channel."""
GONE = ("message_not_found", "cant_update_message", "edit_window_closed")
NO_TOPIC = "without the topic"
SKEW = timedelta(minutes=2)


class Slack:
    """``body``: {"text"}; ``to``: ``#channel``, or the incident's own by its name, which is made for it where it is not
    there. Without a bot's token it goes through a webhook, where there is one."""

    safe_to_resend = False
    longest_s, settle_s = 20.0, 10.0
    missing = "SLACK_BOT_TOKEN is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return settings.has_secret("SLACK_BOT_TOKEN") or by_webhook(settings)

    def room(self, settings: Settings, message: Message) -> Room:
        from omniops.services.slack import MAX_TEXT

        if by_webhook(settings):
            from omniops.runner.engines.webhook import room_of_webhook

            return room_of_webhook(settings, message)
        return Room("Slack", {"text": MAX_TEXT})

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        from omniops.services.slack import SlackRefused

        if by_webhook(clients.settings):
            from omniops.runner.engines.webhook import through_webhook

            return through_webhook(clients, message)
        try:
            to, name = _place(clients, message, places)
        except InDoubt as error:  # whether there is a channel now; the next attempt finds it by its name
            return Delivery("failed", why=f"{error.what}: {error.why}", down=True)
        try:
            places.look()
            ts = clients.slack.post(to, str(message.body["text"]))
        except SlackRefused as no:
            # An incident's own channel need not exist: then the text is for a person to paste where they talk.
            missing = no.code in ("channel_not_found", "is_archived", "not_in_channel")
            if missing and message.to.startswith("#inc-"):
                return Delivery("shown", why=f"{message.to}: {no.why}")
            return refused(no)
        return Delivery("sent", ref=ts, how=f"in #{name}" if name and f"#{name}" != message.to else "")


def _place(clients: Clients, message: Message, places: Places) -> tuple[str, str]:
    """Where a text goes: to the incident's own channel by its id, which the first text makes, and that channel's name.
    Where the bot may make none, by its name: somebody else may have made it."""
    from omniops.services.slack import SlackRefused
    from omniops.services.slack_channels import Channels

    if not message.incident or message.to != slack_channel("incident", message.incident):
        return message.to, ""
    try:
        id, name, _ = _channel(clients, Channels(clients.slack), message, places)
    except SlackRefused:
        return message.to, ""
    return id, name


def refused(no: SlackRefused) -> Delivery:
    """Slack said no; where that is about the token, it says so to every message."""
    from omniops.services.slack import AUTH

    return Delivery("failed", why=f"{no.what}: {no.why}", down=no.code in AUTH)


class Headline:
    """``body``: {"topic", "headline"}; ``to``: ``incident``. What it makes is in the journal before it is used:
    ``channel.created``, ``headline.posted``. Where it is not known whether there is a headline, the channel is read."""

    safe_to_resend = True
    longest_s, settle_s = 30.0, 10.0
    missing = "SLACK_BOT_TOKEN is not set"

    def configured(self, settings: Settings, message: Message) -> bool:
        return settings.has_secret("SLACK_BOT_TOKEN")

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        from omniops.services.slack import SlackRefused
        from omniops.services.slack_channels import Channels

        events = places.events()
        if replaced(events, message):
            return Delivery("dropped", why="a newer headline has taken its place")
        if other := blocked(events, message):
            return Delivery("failed", why=f"of the headlines, {other}", retry_in_s=self.settle_s)
        channels = Channels(clients.slack)
        try:
            id, name, new = _channel(clients, channels, message, places)
            topic = _topic(channels, id, message, places)
            known = "" if new else _known(channels, id, message, places)
            ts = _headline(channels, id, known, message, places)
            pinned = _pin(channels, id, ts, places)
        except SlackRefused as no:
            if no.code == "is_archived":
                return Delivery("dropped", why=no.why)
            return refused(no)
        return Delivery("sent", ref=ts, how="; ".join(part for part in (f"#{name}", topic, pinned) if part))


def _channel(clients: Clients, channels: Channels, message: Message, places: Places) -> tuple[str, str, bool]:
    """The id and name of the incident's channel, and whether it was made just now: then there is no headline in it."""
    from omniops.services.slack import SlackRefused
    from omniops.services.slack_channels import MAX_NAME

    fact = places.fact("channel.created")
    if fact:
        return str(fact["id"]), str(fact["name"]), False
    base = slack_channel("incident", message.incident)[1:]
    for n in range(1, MOST + 1):
        name = base if n == 1 else f"{base[: MAX_NAME - 4].rstrip('-')}-{n}"
        new = True
        try:
            places.look()
            id = channels.create(name)
        except SlackRefused as no:
            if no.code != "name_taken":
                raise
            id, new = _ours(clients, channels, name, places), False
        if id:
            places.keep("channel.created", {"id": id, "name": name})
            return id, name, new
    raise SlackRefused("name_taken", "Slack makes no channel", why=f"#{base} and {MOST - 1} more are taken", next="")


def _ours(clients: Clients, channels: Channels, name: str, places: Places) -> str:
    """The id of a channel that this bot made since the incident was opened: by an omniops that was killed before it
    wrote that down. "" for anybody else's, and where Slack may not be asked."""
    from omniops.services.slack import SlackRefused

    try:
        found = channels.find(name)
        if found is None or found.archived or found.creator != clients.slack.auth_test().user_id:
            return ""
    except SlackRefused:
        return ""
    opened = parse_iso(places.events()[0].time) - SKEW
    return found.id if found.created >= opened.timestamp() else ""


def _topic(channels: Channels, id: str, message: Message, places: Places) -> str:
    """Set the topic where it is another one, because each time is told in the channel; what is lacking for that, in
    words. The headline is worth more than the topic."""
    from omniops.services.slack import SlackRefused

    topic = str(message.body["topic"])
    said = [one for one in fold(places.events()) if one.engine == message.engine and one.state == "sent"]
    if said and said[-1].body.get("topic") == topic and NO_TOPIC not in said[-1].how:
        return ""
    try:
        places.look()
        channels.set_topic(id, topic)
    except SlackRefused as no:
        if no.code == "is_archived":
            raise
        return f"{NO_TOPIC}: {no.why}"
    return ""


def _known(channels: Channels, id: str, message: Message, places: Places) -> str:
    """The ts of the headline that there is. Raises InDoubt where there may be one, Slack may not be asked, and no
    person has looked either."""
    from omniops.services.slack import SlackRefused

    fact = places.fact("headline.posted")
    if fact.get("channel") == id:
        return str(fact["ts"])
    events = places.events()
    if not doubtful(events, message):
        return ""
    try:
        return channels.find_headline(id, message.incident)
    except SlackRefused as no:
        if denied(events, message):
            return ""
        raise InDoubt("a headline may have been posted before", why=no.why) from None


def _headline(channels: Channels, id: str, known: str, message: Message, places: Places) -> str:
    """Edit the headline that there is, or post it; its ts, written down."""
    from omniops.services.slack import SlackRefused

    text = str(message.body["headline"])
    if known:
        try:
            places.look()
            channels.edit(id, known, text)
        except SlackRefused as no:
            if no.code not in GONE:
                raise
            known = ""
    if not known:
        places.look()
    ts = known or channels.post_headline(id, text, message.incident)
    if places.fact("headline.posted") != {"channel": id, "ts": ts}:
        places.keep("headline.posted", {"channel": id, "ts": ts})
    return ts


def _pin(channels: Channels, id: str, ts: str, places: Places) -> str:
    """Pin it; what is lacking for that, in words."""
    from omniops.services.slack import SlackRefused

    try:
        places.look()
        channels.pin(id, ts)
    except SlackRefused as no:
        return f"not pinned: {no.why}"
    except Stopped as stopped:  # the headline itself is there
        return f"not pinned: {stopped.delivery.why}"
    return ""


ENGINES: dict[str, Engine] = {"slack": Slack(), "slack.headline": Headline()}

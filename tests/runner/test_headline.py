"""The incident's channel and the headline in it, against a Slack on a real socket: one of each, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.drill.chat import BOT
from omniops.incident.outbox import slack_channel
from omniops.journal.events import New
from omniops.runner import outbox
from tests.support.messages import INCIDENT, Post
from tests.support.slack import FakeSlack

NAME = f"inc-{INCIDENT}"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[FakeSlack]:
    with FakeSlack(tmp_path) as running:
        yield running
        assert running.wrong == []


@pytest.fixture
def post(tmp_path: Path, slack: FakeSlack) -> Iterator[Post]:
    yield (made := Post(tmp_path, slack.env))
    made.clients.slack.close()


def headline(post: Post, text: str = "SEV-1 investigating", topic: str = "SEV-1 | investigating") -> Any:
    return post.send("slack.headline", "incident", topic=topic, headline=text)


def ours(slack: FakeSlack) -> dict[str, Any]:
    """The incident's channels, by name."""
    return {name: one for name, one in slack.data["channels"].items() if name.startswith("inc-")}


def test_made_once_and_edited_in_place(post: Post, slack: FakeSlack) -> None:
    """The first headline makes the channel, sets its topic, posts and pins; the next edits that one message. What was
    made is in the journal, and other messages of the incident go to the channel's id."""
    first = headline(post)
    assert (first.state, first.how) == ("sent", f"#{NAME}")
    second = headline(post, "SEV-1 monitoring", "SEV-1 | monitoring " + "x" * 300)
    (channel,) = ours(slack).values()
    assert (first.ref, slack.texts()) == (second.ref, ["SEV-1 monitoring"])
    assert channel["pins"] == [first.ref]
    assert (len(channel["topic"]), channel["topic"][-1]) == (250, "…")
    assert post.facts("channel.created") == [{"id": channel["id"], "name": NAME}]
    assert post.facts("headline.posted") == [{"channel": channel["id"], "ts": first.ref}]
    assert post.send("slack", "incident", text="hello").state == "sent"
    assert slack.data["posts"][-1]["channel"] == channel["id"]


def test_a_topic_that_stays(post: Post, slack: FakeSlack) -> None:
    """The same topic is not set again: each time would be told in the channel. One that could not be set is."""
    slack.faults("code=missing_scope@POST:slack/api/conversations.setTopic#1")
    assert "without the topic" in headline(post, "one", "a").how
    (channel,) = ours(slack).values()
    assert (headline(post, "two", "a").how, channel["topic"]) == (f"#{NAME}", "a")
    channel["topic"] = "by hand"
    headline(post, "three", "a")
    assert channel["topic"] == "by hand"
    headline(post, "four", "b")
    assert channel["topic"] == "b"


def test_a_taken_name_gets_a_suffix(post: Post, slack: FakeSlack) -> None:
    """Somebody else's channels of that name are left alone, archived ones too; messages go to ours."""
    for name, archived in ((NAME, False), (f"{NAME}-2", True)):
        slack.data["channels"][name] = {"id": f"C{len(name)}", "archived": archived, "creator": "U0EVE", "created": 9e9}
    assert headline(post).how == f"#{NAME}-3"
    post.send("slack", "incident", text="hello")
    assert [one["id"] for one in slack.data["posts"]] == [ours(slack)[f"{NAME}-3"]["id"]] * 2


def test_a_long_name_leaves_room_for_its_suffix(tmp_path: Path, slack: FakeSlack) -> None:
    """80 characters are all that Slack takes, suffix and all."""
    incident = "2026-11-23-" + "long-" * 30
    long = slack_channel("incident", incident)[1:]
    slack.data["channels"][long] = {"id": "C1", "archived": False}
    post = Post(tmp_path, slack.env)
    post.journal.append([New(f"incident/{incident}", 0, "incident.opened", {"title": "x", "onset": "x"})])
    body = {"topic": "t", "headline": "h"}
    outbox.queue(post.journal, incident, engine="slack.headline", to="incident", about="headline", body=body, key="k")
    outbox.flush(post.settings, post.clock, post.journal, post.clients)
    (name,) = [name for name in ours(slack) if name != long]
    assert (len(long), name, len(name) <= 80) == (79, long[:76].rstrip("-") + "-2", True)


@pytest.mark.parametrize("lost", ["channel.created", "headline.posted"])
def test_killed_before_it_was_written_down(post: Post, slack: FakeSlack, lost: str) -> None:
    """The channel, or the headline, was made, and whoever made it was killed at once: both are found again."""
    slack.world.clock = post.clock  # type: ignore[assignment]
    headline(post)
    gone = ["message.sent", lost, "headline.posted"]
    post.forget(*gone)
    assert post.flush(3600) == ["sent"]
    assert (len(ours(slack)), slack.texts()) == (1, ["SEV-1 investigating"])
    assert len(post.facts("channel.created")) == len(post.facts("headline.posted")) == 1


def test_slack_that_may_not_be_asked(post: Post, slack: FakeSlack) -> None:
    """Without channels:history nobody can tell whether the headline is there: that is said, and none is posted again;
    with the scope it is found."""
    headline(post)
    post.forget("message.sent", "headline.posted")
    slack.data["without"] = ["channels:history"]
    assert post.flush(3600) == ["unsure"]
    assert "channels:history" in post.messages()[0].why
    assert slack.texts() == ["SEV-1 investigating"]
    slack.data["without"] = []
    assert post.flush(3600) == ["sent"]
    assert slack.texts() == ["SEV-1 investigating"]


def test_a_persons_word_in_slacks_place(post: Post, slack: FakeSlack) -> None:
    """Without channels:history one timeout leaves the headline in doubt, and each later one with it, until a person has
    looked: their `outbox retry` posts it, and the next ones edit it. A word of before another doubt settles nothing."""
    lost = "refuse@POST:slack/api/chat.postMessage#1"
    slack.data["without"] = ["channels:history"]
    slack.faults(lost)
    assert headline(post, "one").state == "unsure"
    post.clock.sleep(60)
    second = headline(post, "two")
    assert (second.state, "channels:history" in second.why) == ("unsure", True)
    slack.faults(lost)
    outbox.retry(post.journal, second.id)
    assert post.flush(11) == ["dropped", "unsure"]  # posted as the person wants it, and the answer lost again
    assert post.flush(600) == ["dropped", "unsure"]  # so nobody posts it by itself
    assert slack.texts() == []
    outbox.retry(post.journal, second.id)
    assert post.flush(11) == ["dropped", "sent"]
    assert headline(post, "three").state == "sent"
    assert slack.texts() == ["three"]


def test_a_headline_that_was_deleted(post: Post, slack: FakeSlack) -> None:
    """It is posted and pinned anew."""
    first = headline(post)
    slack.data["posts"][0] = {**slack.data["posts"][0], "id": "gone"}
    second = headline(post, "SEV-1 identified")
    (channel,) = ours(slack).values()
    assert (second.state, channel["pins"]) == ("sent", [first.ref, second.ref])
    assert post.facts("headline.posted")[-1]["ts"] == slack.data["posts"][1]["ts"] == second.ref


@pytest.mark.parametrize(
    ("scope", "state", "word"),
    [
        ("pins:write", "sent", "not pinned"),
        ("channels:manage", "waiting", "it needs channels:manage"),
        ("chat:write", "waiting", "it needs chat:write"),
        ("channels:read", "sent", NAME),
    ],
)
def test_missing_scopes(post: Post, slack: FakeSlack, scope: str, state: str, word: str) -> None:
    """What can be done without is done without, in words; what cannot waits, and says what is needed."""
    slack.data["without"] = [scope]
    message = headline(post)
    assert message.state == state
    assert word in message.why + message.how
    slack.data["without"] = []
    assert post.flush(3600) == ["sent"]
    assert (len(ours(slack)), slack.texts()) == (1, ["SEV-1 investigating"])


def test_patience_in_between(post: Post, slack: FakeSlack) -> None:
    """Slack wants patience after the channel was made: it is waited for as long as it says, and nothing is doubled."""
    slack.faults("rate-limited=45s@POST:slack/api/chat#1")
    assert headline(post).state == "waiting"
    assert post.flush(44) == ["waiting"]
    assert post.flush(2) == ["sent"]
    assert (len(ours(slack)), slack.texts()) == (1, ["SEV-1 investigating"])


@pytest.mark.parametrize("method", ["conversations.create", "chat.postMessage", "chat.update", "pins.add"])
@pytest.mark.parametrize("fault", ["applied-500", "reset-after-apply"])
def test_an_answer_that_is_lost(post: Post, slack: FakeSlack, method: str, fault: str) -> None:
    """Slack did it, and nobody saw the answer: it is looked for, and there is one channel with one headline."""
    slack.world.clock = post.clock  # type: ignore[assignment]
    slack.faults(f"{fault}@POST:slack/api/{method}#1")
    headline(post, "one")
    headline(post, "two")
    assert post.flush(3600)[-1] == "sent"
    assert (len(ours(slack)), slack.texts()) == (1, ["two"])
    assert next(iter(ours(slack).values()))["creator"] == BOT


def test_a_failure_speaks_for_itself_alone(post: Post, slack: FakeSlack) -> None:
    """Posted and the answer lost, then no patience for the second attempt: the third one still looks for the first."""
    slack.faults("reset-after-apply@POST:slack/api/chat.postMessage#1")
    assert headline(post, "one").state == "unsure"
    slack.faults("rate-limited=45s@POST:slack/api/conversations#1")
    assert post.flush(60) == ["waiting"]
    assert post.flush(60) == ["sent"]
    assert slack.texts() == ["one"]


def test_an_archived_channel(post: Post, slack: FakeSlack) -> None:
    """A person has archived it: the headline is given up, in words, and no second channel is made."""
    headline(post)
    next(iter(ours(slack).values()))["archived"] = True
    message = headline(post, "later")
    assert (message.state, "archived" in message.why, len(ours(slack))) == ("dropped", True, 1)


def test_an_older_headline_does_not_come_back(post: Post, slack: FakeSlack) -> None:
    """One that was in doubt is not put in front of a newer one."""
    headline(post, "one")
    slack.faults("error-500@POST:slack/api/chat.update#1")
    assert headline(post, "two").state == "waiting"
    assert headline(post, "three").state == "waiting"  # the edit may still arrive
    assert post.flush(11) == ["sent", "waiting", "sent"]
    assert post.flush(3600) == ["sent", "dropped", "sent"]
    assert slack.texts() == ["three"]


def test_the_incident_commander_is_called(tmp_path: Path, slack: FakeSlack) -> None:
    """@incident-commander is a real user group in the headline, posted and edited."""
    post = Post(tmp_path, {**slack.env, "SLACK_COMMANDERS": "S0AB12"})
    seen = []
    for text in ("@incident-commander one", "@incident-commander two"):
        headline(post, text)
        seen += slack.texts()
    assert seen == ["<!subteam^S0AB12> one", "<!subteam^S0AB12> two"]


def test_a_drill_reaches_nobody_else(tmp_path: Path) -> None:
    """The guard is asked before every request."""
    post = Post(tmp_path, {"SLACK_URL": "https://slack.example", "SLACK_BOT_TOKEN": "xoxb-1"}, guarded=True)
    assert "nothing but this machine" in headline(post).why

"""A runbook's words on their way to Slack: approved, sent from the outbox, and known to the journal; or shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import omniops.text
from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import BadInput, NeedsPerson
from omniops.incident.outbox import FROZEN
from omniops.journal.events import New
from omniops.journal.memory import MemoryJournal
from omniops.runner import opening, outbox, telling
from omniops.runner.comms import obligations_of
from omniops.runner.leaving import Here
from omniops.runner.person import Person
from omniops.runner.walk import Walk
from omniops.services.clients import Clients
from tests.support.slack import FakeSlack
from tests.support.toy import START, Toy, ToyPerson

OPS = "#omniroute-ops"


def graph(channel: str) -> Any:
    """A runbook of one post, compiled."""
    edges = {"success": "end:done", "declined": "end:aborted"}
    step = {"id": "say", "kind": "post", "title": "Say so", "channel": channel, "text": "We are on it.", "edges": edges}
    return {"id": "say", "title": "Say so", "inputs": {}, "start": "say", "steps": {"say": step}, "timers": []}


class Scene:
    """A run of that runbook, and a Slack."""

    def __init__(self, slack: FakeSlack, channel: str = OPS, **settings: str) -> None:
        self.slack, self.toy = slack, Toy({})
        self.person = ToyPerson(self.toy)
        self.journal = MemoryJournal(SystemClock(), "eve", "h")
        self.settings = Settings({"OMNIROUTE_URL": "http://toy", **slack.env, **settings})
        self.clients = Clients(self.settings, SystemClock())
        plan = opening.Plan(graph(channel), {}, [], None, START, "x")
        begun = opening.begin(self.journal, SystemClock(), plan, {})
        self.run, self.incident = begun.run, begun.started["incident"]

    def go(self) -> str:
        """Walk it, as a process that has just taken the run."""
        from omniops.engine.state import RunState

        self.journal.append([New(f"run/{self.run}", None, "lease.taken", {"how": "resumed"})])
        ctx = self.toy.context()._replace(settings=self.settings, clock=SystemClock(), clients=self.clients)
        state = RunState(self.journal.read(f"run/{self.run}"))
        return Walk(ctx, self.person, self.journal, state, find=self.toy.find).go()

    def here(self) -> Here:
        """What a command of somebody who approves everything speaks to."""
        return Here(self.settings, SystemClock(), cast(Person, ToyPerson(self.toy)), self.journal, self.clients)

    def answered(self) -> tuple[bool, str]:
        """What the journal says of the step."""
        (data,) = [e.data for e in self.journal.read(f"run/{self.run}") if e.kind == "answered"]
        return data["value"], data["how"]


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[FakeSlack]:
    with FakeSlack(tmp_path) as fake:
        yield fake


def test_it_is_sent(slack: FakeSlack) -> None:
    """One approval, which shows where it goes; sent once, and the journal says so."""
    scene = Scene(slack)
    assert scene.go() == "mitigated"
    assert (scene.person.asked, slack.texts(OPS)) == ([f"approve say {OPS}"], ["We are on it."])
    assert scene.answered() == (True, "sent")


def test_it_is_too_long(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not cut: it is shown, to be posted by hand, with how long it may be."""
    monkeypatch.setattr("omniops.services.slack.MAX_TEXT", 5)
    scene = Scene(slack)
    scene.go()
    assert (slack.texts(), outbox.messages(scene.journal)) == ([], [])
    assert any("Slack takes 5 characters, and this has 13" in line for line in scene.person.said)
    assert scene.person.asked == ["posted say"]


def test_it_is_declined(slack: FakeSlack) -> None:
    """A no is a no: nothing waits and nothing is sent. What another channel than the incident's was to read is not
    owed."""
    scene = Scene(slack)
    scene.person.answers[f"approve say {OPS}"] = False
    assert scene.go() == "aborted"
    assert (slack.texts(), outbox.messages(scene.journal)) == ([], [])
    assert scene.answered() == (False, "declined by the operator")
    assert obligations_of(scene.journal, START) == []


@pytest.mark.parametrize("app", [True, False])
def test_what_the_incident_channel_was_not_told_is_owed(slack: FakeSlack, app: bool) -> None:
    """Declined to be sent, or to be pasted: it is owed from then on, and `omniops comms post` offers it again. Once it
    is sent, nothing is."""
    scene = Scene(slack, "incident") if app else Scene(slack, "incident", SLACK_BOT_TOKEN="")
    name = f"#inc-{scene.incident}"
    scene.person.answers |= {f"approve say {name}": False, "posted say": False}
    assert scene.go() == "aborted"
    assert [(one.id, one.next) for one in obligations_of(scene.journal, START)] == [("channel", "omniops comms post")]
    scene.person.answers["posted say"] = True
    telling.post(scene.here(), "", "lunch is here")
    assert [one.open for one in obligations_of(scene.journal, START)] == [True]
    said = telling.post(scene.here(), "", "")
    assert said.state == ("sent" if app else "by hand")
    assert slack.texts(name) == (["lunch is here", "We are on it."] if app else [])
    assert [one.open for one in obligations_of(scene.journal, START)] == [False]
    with pytest.raises(BadInput, match="nothing to post"):
        telling.post(scene.here(), "", "")


def test_a_secret_is_not_posted(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that hold a secret are neither queued nor sent, with *** in its place or without."""
    monkeypatch.setattr(omniops.text, "_secrets", ("We are on",))
    scene = Scene(slack)
    scene.go()
    assert (slack.texts(), outbox.messages(scene.journal)) == ([], [])
    assert any("it holds a secret" in line for line in scene.person.said)


@pytest.mark.parametrize(
    ("fault", "how", "state"),
    [
        ("reset-after-apply@POST:slack", "may have been sent: ", "unsure"),
        ("rate-limited=20s@POST:slack", "not sent yet, it waits in the outbox: Slack wants fewer", "waiting"),
        ("code=missing_scope@POST:slack", "not sent yet, it waits in the outbox: Slack does not post", "waiting"),
    ],
)
def test_slack_does_not_stop_a_walk(slack: FakeSlack, fault: str, how: str, state: str) -> None:
    """Whatever Slack does, the walk goes on, the operator is told, and the journal knows which it was."""
    slack.faults(fault)
    scene = Scene(slack)
    assert scene.go() == "mitigated"
    assert (scene.answered()[0], scene.answered()[1][: len(how)]) == (False, how)
    assert [one.state for one in outbox.messages(scene.journal)] == [state]
    assert any(how in line for line in scene.person.said)


@pytest.mark.parametrize(
    ("channel", "settings"),
    [("status-page", {}), (OPS, {"SLACK_BOT_TOKEN": ""}), ("incident", {}), (OPS, {"SLACK_URL": "ftp://slack"})],
)
def test_it_is_shown(slack: FakeSlack, channel: str, settings: dict[str, str]) -> None:
    """Another kind of channel, no Slack, an incident channel that nobody has made: the text is for a person to post."""
    slack.faults("code=channel_not_found@POST:slack")
    scene = Scene(slack, channel, **settings)
    assert scene.go() == "mitigated"
    assert scene.person.asked[-1] == "posted say"
    assert scene.answered() == (True, "posted by hand")
    assert slack.texts() == []
    assert [one.state for one in outbox.messages(scene.journal)] == (["shown"] if channel == "incident" else [])


def test_the_incident_channel(slack: FakeSlack) -> None:
    """``incident`` is the channel named after the incident; its first text makes it, and it is known from then on."""
    scene = Scene(slack, "incident")
    assert scene.go() == "mitigated"
    name = f"inc-{scene.incident}"
    assert slack.texts(f"#{name}") == ["We are on it."]
    made = [event.data for event in scene.journal.read(f"incident/{scene.incident}") if event.kind == "channel.created"]
    assert made == [{"id": slack.data["channels"][name]["id"], "name": name}]


@pytest.mark.parametrize("may", [True, False])
def test_a_channel_of_somebody_elses(slack: FakeSlack, may: bool) -> None:
    """Where the name is taken ours gets a suffix, and it is said where the text went; a bot that may make none posts
    to the one that there is."""
    scene = Scene(slack, "incident")
    name = f"inc-{scene.incident}"
    slack.data["channels"][name] = {"id": "C77", "archived": False}
    slack.data["without"] = [] if may else ["channels:manage"]
    assert scene.go() == "mitigated"
    assert slack.texts(f"#{name}-2" if may else "C77") == ["We are on it."]
    assert outbox.messages(scene.journal)[0].how == (f"in #{name}-2" if may else "")


def test_a_channel_that_came_later(slack: FakeSlack) -> None:
    """What was shown because there was no channel does not keep later words from the channel that was made since."""
    scene = Scene(slack, "incident")
    stream, to = f"incident/{scene.incident}", f"#inc-{scene.incident}"
    id = outbox.queue(scene.journal, scene.incident, engine="slack", to=to, about="ack", body={"text": "x"}, key="k")
    scene.journal.append([New(stream, None, "message.shown", {"id": id, "why": "no channel"})])
    slack.data["channels"][to[1:]] = {"id": "C78", "archived": False}
    scene.journal.append([New(stream, None, "channel.created", {"id": "C78", "name": to[1:]})])
    assert scene.go() == "mitigated"
    assert slack.texts(to) == ["We are on it."]


def test_a_missing_incident_channel_is_asked_about_once(slack: FakeSlack) -> None:
    """Once it is known that nobody has made the channel, later words for it are shown at once, with one question."""
    scene = Scene(slack, "incident")
    to = f"#inc-{scene.incident}"
    id = outbox.queue(scene.journal, scene.incident, engine="slack", to=to, about="ack", body={"text": "x"}, key="k")
    scene.journal.append([New(f"incident/{scene.incident}", None, "message.shown", {"id": id, "why": "no channel"})])
    assert scene.go() == "mitigated"
    assert scene.person.asked == ["posted say"]


def test_another_message_is_shown(slack: FakeSlack) -> None:
    """A message of the same incident for which nothing is set up is shown while the step posts its own."""
    scene = Scene(slack)
    outbox.queue(
        scene.journal, scene.incident, engine="pager.event", to="secondary", about="secondary",
        body={"summary": "Alice has it"}, key="s",
    )  # fmt: skip
    assert scene.go() == "mitigated"
    assert "For the secondary on-call, through PagerDuty, ready to paste: Alice has it" in scene.person.said
    assert sorted(one.state for one in outbox.messages(scene.journal)) == ["sent", "shown"]


def test_without_a_person(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody there and no --yes: nothing is sent, the text is shown, and the walk goes on."""

    def nobody(*_: object) -> bool:
        raise NeedsPerson("nobody")

    scene = Scene(slack)
    monkeypatch.setattr(scene.person, "approve", nobody)
    monkeypatch.setattr(scene.person, "posted", nobody)
    assert scene.go() == "aborted"
    assert scene.person.said[-1] == f"For {OPS}, ready to paste: We are on it."
    assert slack.texts() == []


@pytest.mark.parametrize("state", ["waiting", "sent", "unsure"])
def test_a_walk_that_was_killed_after_the_approval(slack: FakeSlack, state: str) -> None:
    """Owed already when the step is walked again: no second question and no second message."""
    scene = Scene(slack)
    key, body = f"post/{scene.run}/say", {"text": "We are on it."}
    id = outbox.queue(scene.journal, scene.incident, engine="slack", to=OPS, about="say", body=body, key=key)
    if state != "waiting":
        ending = {"id": id, "ref": "1"} if state == "sent" else {"id": id, "why": "killed"}
        scene.journal.append([New(f"incident/{scene.incident}", None, f"message.{state}", ending)])
    assert scene.go() == "mitigated"
    assert scene.person.asked == []
    assert slack.texts() == (["We are on it."] if state == "waiting" else [])


def test_frozen_while_it_is_asked(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody enters 4.5 while the question is open: nothing is written down and nothing is sent, whatever is
    answered."""
    scene = Scene(slack)

    def freeze(*_: object) -> bool:
        scene.journal.append([New(f"incident/{scene.incident}", None, "frozen", {"by": "bob"})])
        return True

    monkeypatch.setattr(scene.person, "approve", freeze)
    assert scene.go() == "aborted"
    assert (slack.texts(), outbox.messages(scene.journal)) == ([], [])
    assert scene.answered() == (False, f"not sent: {FROZEN}")


BANNER = "We are seeing elevated errors with one upstream provider."


def status_page(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, words: str = BANNER, **settings: str
) -> tuple[Scene, list[Any]]:
    """A run that posts to the status page, and what that page is given."""
    from omniops.runner.engines import registry
    from tests.support import toy_engine

    toy_engine.taken.clear()
    monkeypatch.setitem(registry._HOMES, "status", "tests.support.toy_engine")
    book = graph("status-page")
    book["steps"]["say"]["text"] = words
    monkeypatch.setattr("tests.runner.test_posting.graph", lambda channel: book, raising=False)
    monkeypatch.setitem(Scene.__init__.__globals__, "graph", lambda channel: book)
    return Scene(slack, "status-page", **settings), toy_engine.taken


def test_the_banner_goes_to_the_status_page(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a status page is set up, 4.1.4's words are shown for a look, and go out as an update of it: the banner that
    is owed, with the impact of a SEV-2 where nobody has said how bad it is."""
    scene, taken = status_page(slack, monkeypatch, TOY="1")
    assert scene.go() == "mitigated"
    assert scene.person.asked == ["approve say the status page (status.phenotype.dev)"]
    body = {"title": "OmniRoute: service disruption", "status": "identified", "impact": "major", "body": BANNER}
    assert taken == [("status", "", body)]
    assert [one.about for one in outbox.messages(scene.journal)] == ["banner"]
    assert scene.answered() == (True, "sent")


def test_the_banner_by_hand(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a status page the words are shown, and a person's word that they are posted fulfils what is owed; what
    waits to say the same is not sent any more."""
    scene, taken = status_page(slack, monkeypatch)
    body = {"title": "t", "status": "identified", "impact": "major", "body": "b"}
    outbox.queue(scene.journal, scene.incident, engine="status", to="", about="status", body=body, key="status/1")
    assert scene.go() == "mitigated"
    assert [one.state for one in outbox.messages(scene.journal)] == ["dropped"]
    stream = scene.journal.read(f"incident/{scene.incident}")
    assert [event.data["obligation"] for event in stream if event.kind == "comms.done"] == ["banner", "status"]
    assert (taken, scene.answered()) == ([], (True, "posted by hand"))


def test_a_banner_that_names_something(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runbook of one's own whose words name what customers are not told: neither sent nor offered to be pasted."""
    scene, taken = status_page(slack, monkeypatch, "eve looks at it", TOY="1")
    assert scene.go() == "aborted"
    assert (taken, outbox.messages(scene.journal), scene.person.asked) == ([], [], [])
    assert scene.answered()[0] is False
    assert any("the person “eve”" in line for line in scene.person.said)

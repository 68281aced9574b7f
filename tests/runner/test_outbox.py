"""The outbox at work, in one process: who sends, when, how often, and what stops it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omniops.config import Settings
from omniops.errors import BadInput, InDoubt, Refused, Unreachable
from omniops.incident.outbox import FROZEN, Message
from omniops.journal.events import New
from omniops.journal.lease import me
from omniops.journal.memory import MemoryJournal
from omniops.runner import outbox
from omniops.runner.engines.base import Delivery, Places, Stopped
from omniops.runner.freezing import freeze
from omniops.runner.tick import worth_a_tick
from tests.support.fake_omniroute import MovedClock

INCIDENT = "2026-11-23-openai-outage"
NOBODY: Any = None
SETTINGS = Settings({})


class Sender:
    """An engine that does what the test says. ``meanwhile`` runs while a message is on its way; ``looks``: it
    then looks whether it may go on, and ``looked`` has what it was told."""

    missing = "nothing is set up"
    longest_s, settle_s = 10.0, 0.0

    def __init__(self, *answers: Delivery | Exception, safe: bool = False, configured: bool = True) -> None:
        self.answers, self.safe_to_resend, self.ready = list(answers), safe, configured
        self.sent: list[str] = []
        self.looks, self.looked = False, list[str]()
        self.meanwhile: Callable[[], None] = lambda: None

    def configured(self, settings: Settings, message: Message) -> bool:
        return self.ready

    def send(self, clients: Any, message: Message, places: Places) -> Delivery:
        self.sent.append(message.id)
        self.meanwhile()
        if self.looks:
            try:
                places.look()
            except Stopped as stopped:
                self.looked.append(stopped.delivery.why)
                raise
            self.looked.append("")
        answer = self.answers.pop(0) if self.answers else Delivery("sent", ref="r1")
        if isinstance(answer, Exception):
            raise answer
        return answer


class Scene:
    """A journal, a clock that the test moves, and one engine for every message."""

    def __init__(self, sender: Sender) -> None:
        self.clock, self.sender = MovedClock(), sender
        self.journal = MemoryJournal(self.clock, "eve", "h")
        self.shown: list[str] = []

    def queue(self, key: str = "ack/1", incident: str = INCIDENT) -> str:
        return outbox.queue(self.journal, incident, engine="slack", to="#c", about="ack", body={"text": "hi"}, key=key)

    def flush(self, **more: Any) -> list[Message]:
        return outbox.flush(SETTINGS, self.clock, self.journal, NOBODY, find=lambda name: self.sender, **more)

    def states(self) -> list[str]:
        return [one.state for one in outbox.messages(self.journal)]

    def kinds(self) -> list[str]:
        return [event.kind.removeprefix("message.") for event in self.journal.read(f"incident/{INCIDENT}")]

    def freeze(self) -> None:
        news = freeze(self.journal, INCIDENT)
        self.journal.append([New(f"incident/{INCIDENT}", None, "frozen", {"by": "eve"}), *news])

    def crashed(self, **sender: Any) -> None:
        """Somebody began to send the only message, and has gone."""
        (message,) = outbox.messages(self.journal)
        gone = {**me(), "pid": 999_999_999, "started": "1", "send_by": self.clock.boot() + 5, **sender}
        data = {"id": message.id, "attempt": message.attempts + 1, **gone}
        self.journal.append([New(message.stream, None, "message.sending", data)])


def test_a_message_is_sent_once() -> None:
    """Queued, sent, and left alone by every later flush; the return value is what the flush changed."""
    scene = Scene(Sender())
    id = scene.queue()
    assert [(one.id, one.state, one.ref) for one in scene.flush()] == [(id, "sent", "r1")]
    assert scene.flush() == []
    assert scene.sender.sent == [id]
    assert scene.kinds() == ["queued", "sending", "sent"]


def test_the_same_thing_is_owed_once() -> None:
    """One key is one message, also when it was sent long ago, and also where it was appended with other events."""
    scene = Scene(Sender())
    first = scene.queue()
    scene.flush()
    assert scene.queue() == first
    twin = outbox.new_message(
        scene.journal, INCIDENT, engine="slack", to="#c", about="ack", body={"text": "hi"}, key="ack/1"
    )
    scene.journal.append([twin])
    scene.flush()
    assert scene.sender.sent == [first]


def test_the_incident_channel_is_named() -> None:
    """``incident`` stands for the incident's own channel, and is one before it is written down."""
    scene = Scene(Sender())
    outbox.queue(scene.journal, INCIDENT, engine="slack", to="incident", about="ack", body={}, key="k")
    assert outbox.messages(scene.journal)[0].to == f"#inc-{INCIDENT}"


def test_a_service_that_is_down_delays() -> None:
    """Each failure waits longer; it is never tried before its moment, and goes out when the service is back."""
    down = [Delivery("failed", why="no connection", down=True)] * 3
    scene = Scene(Sender(*down))
    scene.queue()
    tried = []
    for second in range(0, 400, 10):
        scene.clock.sleep(10)
        if scene.flush():
            tried.append(second)
    assert tried == [0, 30, 90, 210]
    assert scene.states() == ["sent"]


def test_a_wish_for_patience_is_obeyed() -> None:
    """Retry-After goes before our own back-off, and holds every other message for the same service back."""
    scene = Scene(Sender(Delivery("failed", why="429", retry_in_s=300, down=True)))
    scene.queue("a")
    scene.queue("b")
    scene.flush()
    assert len(scene.sender.sent) == 1
    scene.clock.sleep(299)
    scene.flush()
    assert len(scene.sender.sent) == 2  # b, which nobody asked to wait
    scene.clock.sleep(1)
    scene.flush()
    assert scene.states() == ["sent", "sent"]


@pytest.mark.parametrize(
    ("answer", "safe", "state", "again"),
    [
        (Delivery("unsure", why="reset"), False, "unsure", False),
        (Delivery("unsure", why="reset"), True, "unsure", True),
        (InDoubt("who knows"), False, "unsure", False),
        (Refused("no", why="not you"), False, "waiting", True),
        (RuntimeError("a bug"), False, "unsure", False),
        (Delivery("shown", why="no such channel"), False, "waiting", True),
    ],
)
def test_how_an_attempt_ends(answer: Delivery | Exception, safe: bool, state: str, again: bool) -> None:
    """What may have been sent is not repeated, unless the service can tell; what certainly was not, is."""
    scene = Scene(Sender(answer, safe=safe))
    scene.queue()
    assert [one.state for one in scene.flush()] == [state]
    scene.clock.sleep(3600)
    scene.flush()
    assert len(scene.sender.sent) == (2 if again else 1)


def test_who_cannot_be_reached_is_not_tried_again_at_once() -> None:
    """Nobody answers: that is every engine's answer for all messages of it, and only once in a flush."""
    scene = Scene(Sender(Unreachable("nobody answers", why="no connection")))
    for key in "abc":
        scene.queue(key)
    assert [one.why for one in scene.flush()] == ["nobody answers (no connection)"]
    assert scene.states() == ["waiting"] * 3


@pytest.mark.parametrize("safe", [False, True])
def test_a_sender_that_is_gone(safe: bool) -> None:
    """Killed while sending: asked or sent again where the service dedups, else marked, and never sent by itself."""
    scene = Scene(Sender(safe=safe))
    scene.queue()
    scene.crashed()
    assert [one.state for one in scene.flush()] == ["sent" if safe else "unsure"]
    scene.clock.sleep(7200)
    scene.flush()
    assert len(scene.sender.sent) == int(safe)


@pytest.mark.parametrize(("settle_s", "sent"), [(0.0, 1), (10.0, 0)])
def test_what_is_under_way_may_still_arrive(settle_s: float, sent: int) -> None:
    """Where two are not as good as one, a killed sender's last request is given the time to leave and to arrive before
    one asks: its deadline, the longest that it may take, and what is under way."""
    sender = Sender(safe=True)
    sender.settle_s = settle_s
    scene = Scene(sender)
    scene.queue()
    scene.crashed()
    scene.flush()
    assert len(sender.sent) == sent
    scene.clock.sleep(5 + 10 + 9)
    scene.flush()
    assert len(sender.sent) == sent
    scene.clock.sleep(2)
    scene.flush()
    assert len(sender.sent) == 1


def test_a_sender_that_lives_is_left_alone() -> None:
    """A message that a living process is sending is nobody else's, until its engine's time is over."""
    scene = Scene(Sender())
    scene.queue()
    scene.crashed(**me())
    assert scene.flush() == []
    scene.clock.sleep(14)
    assert scene.flush() == []
    scene.clock.sleep(2)
    assert [one.state for one in scene.flush()] == ["unsure"]
    assert scene.sender.sent == []


def test_a_sender_on_another_host() -> None:
    """Whether a process of another host lives cannot be told: its engine's time is waited on the wall's clock."""
    scene = Scene(Sender())
    scene.queue()
    scene.crashed(host="elsewhere")
    scene.clock.sleep(14)
    assert scene.flush() == []
    scene.clock.sleep(2)
    assert [one.state for one in scene.flush()] == ["unsure"]


def test_a_freeze_between_queue_and_send() -> None:
    """Frozen at any moment before "sending" is written: dropped, and nothing is sent."""
    scene = Scene(Sender())
    scene.queue()
    scene.freeze()
    assert scene.kinds() == ["queued", "frozen", "dropped"]
    assert scene.flush() == []
    assert scene.queue("another") == ""
    assert scene.sender.sent == []
    assert scene.kinds() == ["queued", "frozen", "dropped"]


def test_a_freeze_at_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen after the flusher looked and before it wrote "sending": the write conflicts, and nothing is sent."""
    scene = Scene(Sender())
    scene.queue()
    real = MemoryJournal.append

    def append(journal: MemoryJournal, events: Any) -> Any:
        if events[0].kind == "message.sending":
            monkeypatch.setattr(MemoryJournal, "append", real)
            scene.freeze()
        return real(journal, events)

    monkeypatch.setattr(MemoryJournal, "append", append)
    scene.flush()
    assert scene.sender.sent == []
    assert [(one.state, one.why) for one in outbox.messages(scene.journal)] == [("dropped", FROZEN)]


def test_a_freeze_while_it_is_on_its_way() -> None:
    """What had left before the freeze is known to have been sent; what failed is not tried again."""
    for answer, state in ((Delivery("sent"), "sent"), (Delivery("failed", why="x"), "dropped")):
        scene = Scene(Sender(answer))
        scene.queue()
        scene.sender.meanwhile = scene.freeze
        scene.flush()
        scene.clock.sleep(3600)
        scene.flush()
        assert scene.states() == [state]
        assert len(scene.sender.sent) == 1


def test_a_crash_and_a_freeze() -> None:
    """Killed while sending, and frozen since: not even a service that dedups is asked or sent anything."""
    scene = Scene(Sender(safe=True))
    scene.queue()
    scene.crashed()
    scene.freeze()
    assert [one.state for one in scene.flush()] == ["unsure"]
    assert scene.sender.sent == []
    with pytest.raises(BadInput, match="is frozen"):
        outbox.retry(scene.journal, outbox.messages(scene.journal)[0].id)
    outbox.drop(scene.journal, outbox.messages(scene.journal)[0].id, "looked: it is not there")
    assert scene.states() == ["dropped"]


def test_a_sender_that_took_too_long() -> None:
    """Suspended between two requests for longer than its engine may take: the second one is not made, because others
    have taken the message for theirs since, or may at any moment."""
    scene = Scene(Sender(safe=True))
    scene.sender.settle_s, scene.sender.looks = 10.0, True
    scene.queue()
    beside: list[str] = []

    def slow() -> None:
        if len(scene.sender.sent) == 1:
            scene.clock.sleep(24)
            assert scene.flush() == []  # it lives, and something of it may be under way
            scene.clock.sleep(2)
            beside.extend(one.state for one in scene.flush())

    scene.sender.meanwhile = slow
    scene.flush()
    assert (beside, scene.states()) == (["sent"], ["sent"])
    assert scene.sender.looked == ["", "somebody else has taken it over"]
    alone = Scene(Sender())
    alone.sender.looks = True
    alone.queue()
    alone.sender.meanwhile = lambda: alone.clock.sleep(16)
    assert [(one.state, "too long" in one.why) for one in alone.flush()] == [("waiting", True)]


def test_a_message_that_ends_twice_hides_no_other() -> None:
    """4.5 drops what is being sent at that moment, and it was sent all the same: two ends of one message. Another
    incident's message that waits is still seen by every command's end."""
    scene = Scene(Sender())
    scene.queue()

    def raced() -> None:
        dropped = New(f"incident/{INCIDENT}", None, "message.dropped", {"id": scene.sender.sent[0], "why": FROZEN})
        scene.journal.append([New(f"incident/{INCIDENT}", None, "frozen", {"by": "eve"}), dropped])

    scene.sender.meanwhile = raced
    scene.flush()
    assert scene.states() == ["sent"]
    assert not worth_a_tick(scene.journal)
    scene.queue(incident="other")
    assert worth_a_tick(scene.journal)
    scene.sender.meanwhile = lambda: None
    scene.flush()
    assert (scene.states(), worth_a_tick(scene.journal)) == (["sent", "sent"], False)


def test_other_events_do_not_stop_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note written between the look and "sending" costs another look, and the message goes out once."""
    scene = Scene(Sender())
    scene.queue()
    real = MemoryJournal.append

    def append(journal: MemoryJournal, events: Any) -> Any:
        if events[0].kind == "message.sending":
            monkeypatch.setattr(MemoryJournal, "append", real)
            real(journal, [New(f"incident/{INCIDENT}", None, "note", {"text": "x"})])
        return real(journal, events)

    monkeypatch.setattr(MemoryJournal, "append", append)
    scene.flush()
    assert len(scene.sender.sent) == 1
    assert scene.states() == ["sent"]


def test_two_flushers_send_once() -> None:
    """Another flush while a message is on its way leaves it alone."""
    scene = Scene(Sender())
    scene.queue()
    inner: list[Any] = []
    scene.sender.meanwhile = lambda: inner.extend(scene.flush())
    scene.flush()
    assert (len(scene.sender.sent), inner, scene.states()) == (1, [], ["sent"])


def test_a_machine_that_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suspended between "sending" and the request: nothing is sent then, and it is tried again."""
    scene = Scene(Sender())
    scene.queue()
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "reached", lambda place, detail="": scene.clock.sleep(600))
        scene.flush()
    assert (scene.sender.sent, scene.states()) == ([], ["waiting"])
    scene.clock.sleep(2)
    scene.flush()
    assert scene.states() == ["sent"]


def test_a_budget() -> None:
    """No message is begun after the time is up; the rest waits for the next flush, oldest first."""
    scene = Scene(Sender())
    ids = [scene.queue(str(n)) for n in range(4)]
    scene.sender.meanwhile = lambda: scene.clock.sleep(1.5)
    scene.flush(budget_s=2.0)
    assert scene.sender.sent == ids[:2]


def test_nothing_set_up() -> None:
    """Without settings a message waits as long as nobody would see it, and is shown to who is there."""
    scene = Scene(Sender(configured=False))
    scene.queue()
    assert scene.flush() == []
    assert scene.states() == ["waiting"]
    scene.flush(show=lambda message: scene.shown.append(message.body["text"]))
    assert (scene.shown, scene.states(), scene.sender.sent) == (["hi"], ["shown"], [])


def test_only_one_incident() -> None:
    """A flush of one incident leaves the others' messages."""
    scene = Scene(Sender())
    mine, other, nobodys = scene.queue(), scene.queue(incident="other"), scene.queue(incident="")
    scene.flush(only=INCIDENT)
    assert scene.sender.sent == [mine]
    scene.flush()
    assert scene.sender.sent == [mine, other, nobodys]


def test_engines_of_another_omniops() -> None:
    """A message that this version cannot send waits, and holds nothing back."""
    scene = Scene(Sender())
    scene.queue()
    outbox.queue(scene.journal, INCIDENT, engine="pigeon", to="x", about="ack", body={}, key="p")
    assert [
        one.engine
        for one in outbox.flush(
            SETTINGS, scene.clock, scene.journal, NOBODY, find=lambda name: None if name == "pigeon" else scene.sender
        )
    ] == ["slack"]
    assert scene.states() == ["sent", "waiting"]


def test_a_persons_word() -> None:
    """What may have been sent is sent again, or given up, by a person; nothing else can be, and a reason is needed."""
    scene = Scene(Sender(Delivery("unsure", why="reset")))
    id = scene.queue()
    scene.flush()
    with pytest.raises(BadInput, match="reason"):
        outbox.drop(scene.journal, id, " ")
    assert outbox.retry(scene.journal, id).state == "waiting"
    scene.flush()
    assert scene.states() == ["sent"]
    with pytest.raises(BadInput, match="no message"):
        outbox.retry(scene.journal, id)
    with pytest.raises(BadInput, match="no message"):
        outbox.drop(scene.journal, id, "x")


def test_a_drill_and_earnest(tmp_path: Path) -> None:
    """A drill's settings never flush a real journal, nor the other way round."""
    scene = Scene(Sender())
    with pytest.raises(ValueError, match="drill"):
        outbox.flush(Settings({}, drill=True), scene.clock, scene.journal, NOBODY)

"""Two flushers with the real engines and clients, and everything that can happen between and in their requests.

Requests get lost before and after they are carried out, arrive when whoever made them is gone, meet no patience; a
flusher is killed, suspended, or overtaken by another one; a newer message is queued, or 4.5 entered, at any of these
moments. Whatever happens: one channel with one headline, one entry with every text once and none after a newer one, and
in the end, what was said last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from omniops.journal import lease
from omniops.journal.events import New
from omniops.runner import outbox, places
from omniops.runner.freezing import freeze
from omniops.services.clients import Clients
from omniops.services.http import Http, NoAnswer, Reply
from tests.support.fake_statuspage import FakeStatuspage
from tests.support.messages import STREAM, Post
from tests.support.slack import FakeSlack

READS = ("/api/auth.test", "/api/conversations.list", "/api/conversations.history")
BUSY = Reply(429, {"retry-after": "20"}, [], b'{"ok": false, "error": "ratelimited"}', "", "")
IN_REQUEST = ("ok", "ok", "lost", "never", "late", "busy", "killed", "killed late", "beside", "beside after")
BETWEEN = ("ok", "ok", "beside", "beside", "newer", "newer", "nap", "freeze")


class Killed(BaseException):
    """The flusher is gone at this moment."""


class Bench:
    """One incident's messages of one engine. ``plan``: what happens at each next request, ``between``: just before."""

    def __init__(self, post: Post, engine: str, plan: list[str], between: list[str]) -> None:
        self.post, self.engine, self.plan, self.between = post, engine, plan, between
        self.flushers: list[int] = []  # the pids of those at work, the inner one last
        self.dead: set[int] = set()
        self.pids = iter(range(1000, 9999))
        self.coming: list[tuple[float, Any]] = []  # requests under way, and when they arrive
        self.texts: list[str] = []
        self.wrong: list[str] = []
        self.frozen = False
        self.clients = [Clients(post.settings, post.clock) for _ in range(2)]
        for one in self.clients:
            one.statuspage.pace_s = 0.0

    def queue(self) -> None:
        text = f"text {len(self.texts) + 1}"
        body: dict[str, str] = {"topic": text, "headline": text}
        if self.engine == "status":
            body = {"title": "T", "status": "investigating", "impact": "major", "body": text}
        if self.post.queue(self.engine, "incident", **body):
            self.texts.append(text)

    def freeze(self) -> None:
        if not self.frozen:
            news = freeze(self.post.journal, STREAM.removeprefix("incident/"))
            self.post.journal.append([New(STREAM, None, "frozen", {"by": "eve"}), *news])
            self.frozen = True

    def wait(self, seconds: float) -> None:
        """Let time pass; what is under way arrives at its moment."""
        end = self.post.clock.boot() + seconds
        while coming := sorted((at, n) for n, (at, _) in enumerate(self.coming) if at <= end):
            at, n = coming[0]
            self.post.clock.sleep(max(at - self.post.clock.boot(), 0.0))
            self.coming.pop(n)[1]()
        self.post.clock.sleep(max(end - self.post.clock.boot(), 0.0))

    def flush(self) -> None:
        """One flusher, of its own process."""
        pid = next(self.pids)
        self.flushers.append(pid)
        try:
            outbox.flush(self.post.settings, self.post.clock, self.post.journal, self.clients[len(self.flushers) - 1])
        except Killed:
            self.dead.add(pid)
        finally:
            self.flushers.pop()

    def beside(self) -> None:
        if len(self.flushers) == 1:
            self.flush()

    def reached(self, place: str, detail: str = "") -> None:
        """A failpoint of the places: just before it is looked whether the next request may leave."""
        if place != "outbox.request" or not self.between:
            return
        what = self.between.pop(0)
        if what == "newer" and len(self.texts) < 4:
            self.queue()
        elif what == "nap":
            self.wait(90)
        elif what == "freeze":
            self.freeze()
        if what in ("beside", "newer", "nap"):
            self.beside()

    def ask(self, http: Http, method: str, path: str, **given: Any) -> Reply:
        """One request, and what the plan says of it."""

        def arrive() -> Reply:
            return ASK(http, method, path, **given)

        write = method != "GET" and path not in READS
        if write and self.frozen:
            self.wrong.append(f"{method} {path} after the freeze")
        what = self.plan.pop(0) if self.plan else "ok"
        if what == "busy":
            return BUSY
        if what in ("late", "killed late"):
            self.coming.append((self.post.clock.boot() + (9.0 if what == "killed late" else 18.0), arrive))
        if what in ("late", "never"):
            self.wait(10)
            raise NoAnswer("no answer within 10 s", sent=True)
        if what.startswith("killed"):
            raise Killed
        if what == "beside":
            self.beside()
        reply = arrive()
        if what == "beside after":
            self.beside()
        if what == "lost":
            raise NoAnswer("the connection broke", sent=True)
        return reply

    def me(self) -> dict[str, Any]:
        return {**ME(), "pid": self.flushers[-1]}

    def state(self, holder: dict[str, Any]) -> str:
        return "dead" if holder["pid"] in self.dead else "alive"


ASK, ME = Http.ask, lease.me


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSlack]:
    with FakeSlack(tmp_path_factory.mktemp("slack")) as running:
        yield running


@pytest.fixture(scope="module")
def page() -> Iterator[FakeStatuspage]:
    with FakeStatuspage() as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


STEPS = st.lists(st.sampled_from([0, 1, 12, 31, 61]), min_size=2, max_size=6)
"""Flushes, so many seconds after what was before; 0: with a newer message."""
EXAMPLES = 1500 if os.environ.get("OMNIOPS_LONG") else 30
PLAN = st.lists(st.sampled_from(IN_REQUEST), min_size=3, max_size=14)
LOOKS = st.lists(st.sampled_from(BETWEEN), max_size=8)


def play(bench: Bench, steps: list[int]) -> None:
    """What is typed, one after the other; and then everything is well again, for a day."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Http, "ask", lambda http, method, path, **given: bench.ask(http, method, path, **given))
        patched.setattr(places, "reached", bench.reached)
        patched.setattr(lease, "me", bench.me)
        patched.setattr(lease, "holder_state", bench.state)
        bench.queue()
        bench.flush()
        for step in steps:
            bench.wait(step)
            if step == 0 and len(bench.texts) < 5:
                bench.queue()
            bench.flush()
        bench.plan.clear()
        bench.between.clear()
        for _ in range(8):
            bench.wait(3600)
            bench.flush()
            if not any(one.owed for one in bench.post.messages()):
                break
        bench.wait(3600)
    owed = [one for one in bench.post.messages() if one.owed]
    assert (bench.wrong, bench.frozen or owed == []) == ([], True)
    for one in bench.clients:
        one.slack.close()
        one.statuspage.close()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, PLAN, LOOKS)
@example([31, 61], ["ok", "ok", "lost", "busy"], [])  # posted, nobody saw it, and then no patience
@example([0, 0], ["ok"] * 5 + ["late"], [])  # an edit, or a topic, that arrives after a newer one was tried
@example([0, 0], ["ok"] * 4 + ["late"], [])
@example([1], ["ok", "ok", "killed late"], [])  # posted by somebody who is gone by then
@example([1], [], ["ok", "ok", "ok", "nap"])  # suspended before the post, and another one takes over
@example([1], [], ["ok", "ok", "freeze"])
def test_one_headline(slack: FakeSlack, home: Path, steps: list[int], plan: list[str], looks: list[str]) -> None:
    """One channel, one headline in it, which says what is newest; nothing leaves after 4.5."""
    slack.data["posts"].clear()
    for name in [name for name in slack.data["channels"] if name.startswith("inc-")]:
        del slack.data["channels"][name]
    post = Post(home, slack.env)
    slack.world.clock = post.clock  # type: ignore[assignment]
    bench = Bench(post, "slack.headline", plan, looks)
    play(bench, steps)
    channels = [one for name, one in slack.data["channels"].items() if name.startswith("inc-")]
    assert len(channels) <= 1
    assert len(slack.texts()) <= 1
    if not bench.frozen:
        assert (slack.texts(), channels[0]["topic"]) == (bench.texts[-1:], bench.texts[-1])


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, PLAN, LOOKS)
@example([0, 31], ["busy", "ok", "lost"], [])  # the newer one is there, nobody saw it, and the older one is due
@example([0], ["ok", "late"], [])  # the newer one is tried before the older one has arrived
@example([1], ["ok", "killed late"], [])
@example([1], [], ["ok", "nap"])
@example([1], [], ["ok", "freeze"])
def test_one_entry(page: FakeStatuspage, home: Path, steps: list[int], plan: list[str], looks: list[str]) -> None:
    """One entry, every text at most once, in the order in which they were said, the newest last."""
    page.incidents.clear()
    bench = Bench(Post(home, page.env), "status", plan, looks)
    play(bench, steps)
    assert len(page.incidents) <= 1
    assert page.texts() == sorted(set(page.texts()))
    if not bench.frozen:
        assert page.texts()[-1:] == bench.texts[-1:]

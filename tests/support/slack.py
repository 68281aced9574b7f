"""A Slack on a socket of this process: the drill's own.

with FakeSlack(tmp_path) as slack:
    command("tick", **slack.env)
    assert slack.texts("#omniroute-ops") == ["hello"]
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from omniops.clock import Clock, SystemClock
from omniops.drill import chat, outside
from omniops.drill.api import Reply
from omniops.drill.wire import Handler, Port
from omniops.drill.world import World
from tests.support.openapi import checker


class FakeSlack:
    """One workspace for one test. ``token`` is the one that its settings hold; ``wrong``: what was not as described in
    tests/support/openapi/slack.yaml about the requests that it got."""

    def __init__(self, folder: Path, *, faults: str = "", clock: Clock | None = None, token: str = chat.TOKEN) -> None:
        now = (clock or SystemClock()).now()
        self.world = World.create(folder / "slack", "page", flavour="3.7.9", seed=1, speed=1.0, anchor=now, spec=faults)
        if clock is not None:
            moved: Any = clock
            self.world.clock = moved
        self.token = token
        self.wrong: list[str] = []
        answer = outside.answering(self.world, "slack", outside.make(self.world, "slack"))

        def checked(handler: Handler, body: bytes) -> Reply | None:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.wrong += checker("slack").problems(handler.command, handler.path, headers, body)
            return answer(handler, body)

        self.port = Port(0, checked, self.world.now)

    def __enter__(self) -> FakeSlack:
        self.port.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.port.close()
        self.world.close()

    @property
    def env(self) -> dict[str, str]:
        """The settings of an operator who uses it."""
        return {"SLACK_URL": self.port.url, "SLACK_BOT_TOKEN": self.token}

    @property
    def data(self) -> dict[str, Any]:
        """Its state: channels and posts."""
        found: dict[str, Any] = self.world.data["chat"]
        return found

    def faults(self, spec: str) -> None:
        """Replace the faults."""
        self.world.set_faults(spec)

    def texts(self, channel: str = "") -> list[str]:
        """What was posted to a channel, by its name or its id, or to any, in order."""
        known = self.data["channels"].get(channel.removeprefix("#"), {}).get("id", channel)
        return [post["text"] for post in self.data["posts"] if channel == "" or known == post["id"]]

"""One journal, a clock that the test moves, and the real engines with the real clients: for services on real sockets.

post = Post(tmp_path, slack.env)
post.queue("slack", "#c", text="hi")
assert post.flush() == ["sent"]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.journal.events import Event, New
from omniops.journal.lease import me
from omniops.journal.memory import MemoryJournal
from omniops.runner import outbox
from omniops.runner.wiring import loopback_only
from omniops.services.clients import Clients
from tests.support.fake_omniroute import START, MovedClock

INCIDENT = "2026-11-23-openai-outage"
STREAM = f"incident/{INCIDENT}"


class Post:
    """An outbox. ``guarded``: its clients refuse what is not on this machine, as a drill's do."""

    def __init__(self, folder: Path, env: Mapping[str, str], *, guarded: bool = False) -> None:
        self.clock = MovedClock()
        self.journal = MemoryJournal(self.clock, "eve", "h")
        opened = {"title": "OpenAI is down", "onset": START.isoformat()}
        self.journal.append([New(STREAM, 0, "incident.opened", opened)])
        self.settings = Settings({"OMNIOPS_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", **env})
        self.clients = Clients(self.settings, self.clock, loopback_only if guarded else None)
        self.clients.statuspage.pace_s = 0.0
        self.n = 0

    def queue(self, engine: str, to: str = "", **body: Any) -> str:
        """Owe a message; its id."""
        self.n += 1
        return outbox.queue(
            self.journal, INCIDENT, engine=engine, to=to, about="test", body=body, key=f"{engine}/{self.n}"
        )

    def flush(self, later_s: float = 0.0) -> list[str]:
        """Send what is due so much later; the states of all messages."""
        self.clock.sleep(later_s)
        outbox.flush(self.settings, self.clock, self.journal, self.clients)
        return [one.state for one in self.messages()]

    def send(self, engine: str, to: str = "", **body: Any) -> Message:
        """Owe a message, send it, and return it as it is then."""
        id = self.queue(engine, to, **body)
        self.flush()
        return next(one for one in self.messages() if one.id == id)

    def messages(self) -> list[Message]:
        return outbox.messages(self.journal, INCIDENT)

    def facts(self, kind: str) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.events() if event.kind == kind]

    def events(self) -> list[Event]:
        return list(self.journal.read(STREAM))

    def forget(self, *kinds: str) -> None:
        """The journal as it is when whoever was sending was killed before it wrote these events."""
        kept = [event for event in self.events() if event.kind not in kinds]
        self.journal = MemoryJournal(self.clock, "eve", "h")
        for event in kept:
            data = dict(event.data)
            if event.kind == "message.sending":
                data |= {**me(), "pid": 999_999_999, "started": "1", "boot": "another"}
            self.journal.append([New(STREAM, None, event.kind, data)])

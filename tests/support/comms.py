"""An incident whose comms are tried: a journal that knows hosts, people and connections, and a person who looks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from omniops.clock import iso
from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.journal.events import Journal, New
from omniops.journal.memory import MemoryJournal
from omniops.runner import outbox
from omniops.runner.leaving import Here
from omniops.services.clients import Clients
from tests.support.toy import START, Toy, ToyPerson

INCIDENT = "2026-11-23-openai-main-is-out"
STREAM = f"incident/{INCIDENT}"
CONNECTION = {"id": "8ae76e54", "provider": "openai", "name": "openai-main", "label": "OpenAI",
              "target": "OpenAI/openai-main (8ae76e54)"}  # fmt: skip

NAMES = ("openai", "eve", "gw-3", "ops-laptop", "8ae76e54", INCIDENT)
"""What only insiders know of it: no public text holds one."""


def opened(severity: str = "SEV-1", id: str = INCIDENT) -> list[New]:
    """The events of an incident that has just been declared."""
    stream = f"incident/{id}"
    began = {"title": "openai-main is out", "onset": iso(START - timedelta(minutes=10))}
    events = [New(stream, 0, "incident.opened", began)]
    return events + ([New(stream, None, "severity", {"severity": severity, "why": "by hand"})] if severity else [])


def walked(id: str = INCIDENT, run: str = "r1a2b", runbook: str = "provider-outage") -> list[New]:
    """A walk of it, which was given a connection."""
    started = {"run": run, "runbook": runbook, "incident": id, "onset": iso(START - timedelta(minutes=10)),
               "graph": {"id": runbook, "start": "disable", "steps": {}, "timers": []},
               "inputs": {"connections": [CONNECTION]}, "url": "https://gw-3.omni.internal"}  # fmt: skip
    return [
        New("runs", None, "run.opened", {"run": run, "runbook": runbook, "incident": id, "targets": ["8ae76e54"]}),
        New(f"run/{run}", 0, "run.started", started),
    ]


class Looking(ToyPerson):
    """Answers from lists: ``yes`` to each last look, ``typed`` to each question for words."""

    def __init__(self, toy: Toy, yes: list[bool] | None = None, typed: list[str | None] | None = None) -> None:
        super().__init__(toy)
        self.interactive = True
        self.yes, self.typed = yes or [], typed or []
        self.seen: list[str] = []
        self.changes: list[Any] = []
        self.problems: list[str] = []
        self.pasted = True

    def change(self, change: Any) -> None:
        self.changes.append(change)
        self.seen.append(change.after["text"])

    def approve(self, step: str, change: Any, until: Any) -> bool:
        return self.yes.pop(0) if self.yes else True

    def choose(self, step: str, question: str, options: Any, until: Any, unattended: str = "") -> str | None:
        """Other words of one's own: the editor for "edit", typing for any other one that is left."""
        if step != "comms.again" or not self.typed:
            return super().choose(step, question, options, until, unattended)
        return self.typed.pop(0) if self.typed[0] in ("edit", "none") else "words"

    def text(self, step: str, question: str, until: Any, check: Any, default: str = "") -> str | None:
        while self.typed:
            answer = self.typed.pop(0)
            problem = check(answer) if answer is not None else ""
            if not problem:
                return answer
            self.problems.append(problem)
        return None

    def posted(self, step: str, channel: str, text: str, until: Any) -> bool:
        self.seen.append(text)
        return self.pasted


class Comms:
    """The journal, who looks, and what `runner.telling` wants."""

    def __init__(self, folder: Path, severity: str = "SEV-1", *, walk: bool = True, **settings: str) -> None:
        self.toy = Toy({})
        self.clock = self.toy.clock
        self.journal: Journal = MemoryJournal(self.clock, "eve", "ops-laptop")
        self.person = Looking(self.toy)
        self.settings = Settings({"OMNIOPS_HOME": str(folder), **settings})
        self.journal.append(opened(severity))
        if walk:
            self.journal.append(walked())

    @property
    def here(self) -> Here:
        return Here(self.settings, self.clock, self.person, self.journal, Clients(self.settings, self.clock))

    def add(self, kind: str, **data: Any) -> None:
        self.journal.append([New(STREAM, None, kind, data)])

    def messages(self, about: str = "") -> list[Message]:
        return [one for one in outbox.messages(self.journal, INCIDENT) if about in ("", one.about)]

    def done(self) -> list[tuple[str, str]]:
        return [(e.data["obligation"], e.data["how"]) for e in self.journal.read(STREAM) if e.kind == "comms.done"]


def public(text: str) -> None:
    """Nothing of the incident's names is in it."""
    assert [name for name in NAMES if name in text.lower()] == []

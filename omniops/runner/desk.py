"""What the commands about pages are given, and what they give back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from omniops.clock import Clock
from omniops.config import Settings
from omniops.incident.page import Acked, Page
from omniops.journal.events import Journal
from omniops.runner.person import Person

if TYPE_CHECKING:
    from omniops.services.clients import Clients


class Desk(NamedTuple):
    """What a command about pages is given. ``journal`` opens it when it is first needed."""

    settings: Settings
    clock: Clock
    person: Person
    clients: Clients
    journal: Callable[[], Journal]


class Request(NamedTuple):
    """What `page ack` was asked for. ``group``: a page that is known only by its key, from an Alertmanager's group."""

    ids: tuple[str, ...] = ()
    take: bool = False
    all: bool = False
    incident: str = ""
    group: Page | None = None


class Result(NamedTuple):
    """What became of each page, and what else has to be said."""

    pages: list[Acked]
    warnings: list[str]

"""What the outbox asks of an engine, and what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from omniops.config import Settings
from omniops.incident.outbox import Message
from omniops.journal.events import Event

if TYPE_CHECKING:
    from omniops.services.clients import Clients


class Delivery(NamedTuple):
    """How an attempt went.

    ``sent``: the service says so. ``failed``: it did certainly not happen, and is tried again. ``unsure``: it may have
    happened. ``shown``: this place cannot be reached by a service, so a person has to paste the text. ``dropped``: a
    newer message has taken its place, and this one would put something old in front of it.
    """

    status: str
    ref: str = ""
    why: str = ""
    retry_in_s: float | None = None  # what the service asked for
    how: str = ""  # how it was sent, where that is worth a word: "found, sent before"
    late: bool = False  # failed, but a change of it that can be made twice may still arrive
    down: bool = False  # nobody answers, or it wants patience: other messages for it wait too


class Stopped(Exception):
    """Raised by ``Places.look``: nothing more of the message may leave, and ``delivery`` is what became of it."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery.why)
        self.delivery = delivery


class Places(Protocol):
    """What the journal knows of a message's incident, and where an engine writes what it has made outside."""

    def look(self) -> None:
        """Look whether the message may still leave: to be called before every request that changes something outside.
        Raises Stopped where its incident is on the security path by now (4.5), somebody else has taken the message
        over, or the engine's time is up."""
        ...

    def events(self) -> list[Event]:
        """The stream of the message as it is now; its own ``message.sending`` is in it."""
        ...

    def fact(self, kind: str) -> dict[str, Any]:
        """The newest fact of this kind, {} where there is none: ``channel.created``, ``headline.posted``,
        ``status.opened``."""
        ...

    def keep(self, kind: str, data: dict[str, Any]) -> None:
        """Write down what was made, before anything else uses it: whoever is killed after this makes no second one."""
        ...


class Engine(Protocol):
    """``safe_to_resend``: the service keeps one of two equal messages, or can say whether it has one; then ``send``
    asks before it sends a second time (``message.attempts`` is above 1). ``longest_s``: for so long after the sending
    began may it make requests that write; ``Places.look`` sees to it. ``settle_s``: how long the last of them may be
    under way, also when whoever made it was killed; only then is the service asked whether it has it. 0 where two are
    as good as one. ``missing`` names what it lacks where it is not configured."""

    safe_to_resend: bool
    longest_s: float
    settle_s: float
    missing: str

    def configured(self, settings: Settings, message: Message) -> bool:
        """Can this machine send the message at all, as far as the settings say?"""
        ...

    def send(self, clients: Clients, message: Message, places: Places) -> Delivery:
        """Send once. May raise OmniopsError: InDoubt is ``unsure``, Unreachable is ``failed`` and the service ``down``,
        every other one ``failed``."""
        ...

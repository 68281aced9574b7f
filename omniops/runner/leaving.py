"""How a text that a person has to see first leaves: the last look, the outbox, its ten seconds, and what became of it.

Nobody calls a service from here. What may be said, and who is asked, is decided before: `saying.py` for a command,
`posting.py` for a step of a runbook.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, Exit
from omniops.incident.drafts import Draft
from omniops.incident.obligations import IDS
from omniops.incident.outbox import Message
from omniops.incident.view import Incident
from omniops.journal.events import Event, Journal
from omniops.runner import outbox
from omniops.runner.person import Change, Person
from omniops.services.clients import Clients

BUDGET_S = 10.0
SENT, WAITS, MAYBE, DECLINED = "sent", "waits", "may have been sent", "declined"
BY_HAND, TO_PASTE, ALREADY = "by hand", "to be pasted", "already"
EXITS = {
    SENT: Exit.DONE, BY_HAND: Exit.DONE, ALREADY: Exit.DONE, WAITS: Exit.WAITING, MAYBE: Exit.IN_DOUBT,
    DECLINED: Exit.PERSON, TO_PASTE: Exit.PERSON,
}  # fmt: skip


class Here(NamedTuple):
    """What sending needs. ``edit``: opens a person's editor; ``show``: shows what no service here can take."""

    settings: Settings
    clock: Clock
    person: Person
    journal: Journal
    clients: Clients
    show: outbox.Show | None = None
    edit: Callable[[str], str] | None = None

    def flush(self, incident: str = "") -> None:
        """Give what is owed ten seconds to leave; ``incident``: what this one owes alone."""
        only = incident or None
        outbox.flush(
            self.settings, self.clock, self.journal, self.clients, budget_s=BUDGET_S, only=only, show=self.show
        )

    def message(self, incident: str, id: str) -> Message:
        """A message as it stands now. ``incident``: "" for one of none."""
        return next(one for one in outbox.messages(self.journal, incident) if one.id == id)


class Said(NamedTuple):
    """What became of a message. ``message`` is None where none was queued."""

    state: str
    draft: Draft
    why: str = ""
    message: Message | None = None

    @property
    def exit(self) -> Exit:
        return EXITS[self.state]

    def as_json(self) -> dict[str, Any]:
        body = {"about": self.draft.about, "to": self.draft.where, "body": self.draft.body}
        told = self.message.as_json() if self.message else None
        return {"state": self.state, "why": self.why or None, **body, "message": told}


def last_look(here: Here, incident: Incident, draft: Draft, host: str = "", warnings: tuple[str, ...] = ()) -> Change:
    """Show the whole text (of a postmortem its beginning: it is read in its file), where it goes and which incident it
    is about; what is shown is what is approved.

    Raises BadInput for a text that is longer than the place takes: nothing is cut after it was approved."""
    if wrong := over(here.settings, incident.id, draft):
        raise BadInput("not sent: it is too long", why=wrong, state="nothing was queued", next="say it in fewer words")
    change = Change(
        here.settings.environment, host or draft.engine, draft.where, "post", {}, {"text": draft.gist or draft.text},
        {"about": f"{incident.id}: {incident.title}"}, warnings, "a message cannot be taken back", "",
    )  # fmt: skip
    here.person.change(change)
    return change


def over(settings: Settings, incident: str, draft: Draft) -> str:
    """Why a draft does not fit where it goes, in words; "" where it does."""
    from omniops.runner.engines.room import too_long

    return too_long(settings, probe(incident, draft))


def probe(incident: str, draft: Draft) -> Message:
    """A draft as the message that it would be."""
    return Message("", incident, draft.engine, draft.to, draft.about, draft.body, draft.key, "", "waiting")


def leave(
    here: Here,
    incident: str,
    draft: Draft,
    instead_of: Sequence[str] = (),
    same: Callable[[Message], bool] = lambda _: False,
    still: Callable[[Sequence[Event]], object] = lambda _: None,
) -> Message | None:
    """Owe a message, give it ten seconds to leave, and return it as it is then. What has its key already, or says the
    ``same``, goes in its stead; ``instead_of``: ids of older ones that it takes the place of; ``still`` as for
    `outbox.queue`. None: the incident is on the security path by now, and nothing was queued."""
    id = outbox.queue(
        here.journal, incident, engine=draft.engine, to=draft.to, about=draft.about, body=draft.body, key=draft.key,
        instead_of=instead_of, same=same, still=still,
    )  # fmt: skip
    if not id:
        return None
    here.flush(incident)
    return here.message(incident, id)


def became(message: Message, draft: Draft, settings: Settings) -> Said:
    """What became of a message, in a word."""
    from omniops.runner.tick import unable

    why = message.why
    if message.state == "sent":
        return Said(SENT, draft, message.how, message)
    if message.state in ("unsure", "sending"):
        return Said(MAYBE, draft, why or "it was on its way a moment ago, and nobody has seen the answer yet", message)
    if message.state == "dropped":
        return Said(DECLINED, draft, f"dropped: {why}", message)
    if message.state == "shown":
        return Said(TO_PASTE, draft, both(f"it was shown, to be pasted by hand: {why}", then(draft.about)), message)
    if not why and unable(settings, [message]):
        why = "nothing is set up to send it from here; omniops outbox"
    return Said(WAITS, draft, why, message)


def then(about: str) -> str:
    """How to say that a text was pasted by hand, as a remark; "" where nobody has to be told."""
    if about == "postmortem":  # it is filed when its action items are written down, too
        return "then: omniops postmortem file"
    return f'then: omniops comms done {about} --how "..."' if about in IDS else ""


def both(first: str, second: str) -> str:
    """Two remarks as one; either may be empty."""
    return "; ".join(part for part in (first, second) if part)

"""A step that writes to the status page, to customers or to the upstream providers: the words of communication.yaml,
sent as `omniops comms status`, `email` and `upstream` send them, and asked about inside a walk, so that its clocks go
on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from omniops.errors import NeedsPerson, OmniopsError
from omniops.runner.leaving import TO_PASTE, Here, Said
from omniops.runner.person import Change, Option, Person
from omniops.runner.posting import STATUS_PAGE
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

OWED = {STATUS_PAGE: "status", "customers": "mail.start", "upstream": "upstream"}
"""A step's channel -> what it fulfils."""


def tell(walk: Walk, step: str, channel: str) -> None:
    """Write to them, if that is owed, and finish the step. Never stops a walk: what is not said now is still owed."""
    from omniops.runner.comms import obligations_of

    settings, id = walk.ctx.settings, walk.state.started["incident"]
    told: list[Said] = []
    already = why = ""
    try:
        known = obligations_of(walk.journal, walk.now(), id, folder=settings.user_runbooks)
        mine = [one for one in known if one.id == OWED[channel]]
        done = next((one for one in mine if one.done_at), None)  # on the status page another one is owed from then on
        if done and (channel == STATUS_PAGE or not any(one.open for one in mine)):
            already = done.how
        elif not mine:
            why = "it is not owed"
        else:
            told = _told(walk, step, channel, id)
    except NeedsPerson as error:
        why = f"nobody was asked: {error.brief}"
    except OmniopsError as error:
        why = error.brief
    for one in told:
        reason = f": {one.why}" if one.why else ""
        walk.person.say(f"{one.draft.where}: {one.state}{reason}.", "good" if not one.exit else "warn")
    if already:
        walk.person.say(f"{channel}: told already ({one_line(already, 80)}).", "good")
    if why:
        walk.person.say(f"Nothing is sent to {channel}: {why}.", "warn")
    good = bool(already or told) and not any(one.exit for one in told)
    how = "; ".join(one.state for one in told) or (f"told already: {already}" if already else f"not sent: {why}")
    answer = {"step": step, "value": good, "channel": channel, "how": how}
    walk.finish(step, "success" if good else "declined", before=[("answered", answer)])


def _told(walk: Walk, step: str, channel: str, id: str) -> list[Said]:
    from omniops.runner import telling
    from omniops.runner.known import incident_of
    from omniops.runner.saying import pasted

    assert walk.ctx.clients is not None
    person = cast(Person, _Within(walk, step))
    here = Here(walk.ctx.settings, walk.ctx.clock, person, walk.journal, walk.ctx.clients)
    if channel == "upstream":
        found = telling.upstream(here, id, "", [])
    else:
        found = [telling.email(here, id, "", "start") if channel == "customers" else telling.status(here, id, "")]
    incident = incident_of(walk.journal, id)
    return [pasted(here, incident, one.draft) if one.state == TO_PASTE else one for one in found]


class _Within:
    """The person of a walk, as whoever sends a message speaks to them: asked under the step's own name, until the next
    clock runs out."""

    def __init__(self, walk: Walk, step: str) -> None:
        self._walk, self._step, self._person = walk, step, walk.person
        self.interactive = walk.person.interactive

    def say(self, text: str, tone: str = "") -> None:
        self._person.say(text, tone)

    def change(self, change: Change) -> None:
        self._person.change(change)

    def approve(self, step: str, change: Change, until: datetime | None) -> bool:
        return self._walk.ask(lambda until: self._person.approve(self._step, change, until))

    def choose(
        self, step: str, question: str, options: Sequence[Option], until: datetime | None, unattended: str = ""
    ) -> str | None:
        return self._walk.ask(lambda until: self._person.choose(self._step, question, options, until, unattended))

    def posted(self, step: str, channel: str, text: str, until: datetime | None) -> bool:
        return self._walk.ask(lambda until: self._person.posted(self._step, channel, text, until))

    def text(
        self, step: str, question: str, until: datetime | None, check: Callable[[str], str], default: str = ""
    ) -> str | None:
        return self._walk.ask(lambda until: self._person.text(self._step, question, until, check, default))

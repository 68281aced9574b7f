"""The page of 4.5 where the journal cannot be opened, and so nothing can be written down: a page does not need it."""

from __future__ import annotations

from omniops.actions.paging import ROLES, SECURITY, SECURITY_BY_HAND, dedup_key
from omniops.clock import Clock
from omniops.config import Settings
from omniops.errors import BadInput, Exit, NeedsPerson, OmniopsError
from omniops.runner.person import Change, Person
from omniops.runner.wiring import loopback_only
from omniops.services.pagerduty import Events

ROLE, STEP = "security", "page_security"


def page_alone(settings: Settings, clock: Clock, person: Person, why: OmniopsError) -> Exit:
    """Page the security on-call once, or have it done by hand, and say what was not done. Returns the exit code of what
    keeps the journal closed. Raises NeedsPerson where nobody approves it."""
    person.say(f"{why.brief}.", "bad")
    person.say(
        "So nothing is frozen, and nothing of this is written down: run no `omniops tick` and send nothing.", "bad"
    )
    events = Events(settings, loopback_only if settings.drill else None)
    if not (events.has_key(ROLE) and _paged(settings, clock, person, events)):
        _by_hand(person)
    person.say("Stop. Follow SECURITY.md.", "head")
    return why.exit


def _paged(settings: Settings, clock: Clock, person: Person, events: Events) -> bool:
    """False: it has to be done by hand."""
    change = Change(
        settings.environment, "PagerDuty", ROLES[ROLE], "page.send", {}, {"paged": ROLE}, {"says": SECURITY}, (),
        "a page cannot be taken back", "",
    )  # fmt: skip
    person.change(change)
    if not person.approve(STEP, change, None):
        return False
    # The same within an hour: the command typed again pages nobody twice.
    key = dedup_key(f"{settings.operator} {clock.now():%Y-%m-%dT%H}", STEP)
    try:
        reply = events.trigger(ROLE, SECURITY, key, "omniops")
    except BadInput as error:
        person.say(f"Not paged: {error.brief}.", "bad")
        return False
    person.say(f"{ROLES[ROLE]}: {reply.detail}", "good" if reply.status == "sent" else "bad")
    return reply.status == "sent"


def _by_hand(person: Person) -> None:
    try:
        person.paged(STEP, ROLES[ROLE], SECURITY_BY_HAND, None)
    except NeedsPerson:
        person.say(f"Call {ROLES[ROLE]} now, by telephone. Say only: {SECURITY_BY_HAND!r}", "bad")

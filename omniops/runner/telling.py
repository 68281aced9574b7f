"""`omniops comms post | status | email | upstream`: which message, about which incident, filled from the journal."""

from __future__ import annotations

from typing import NamedTuple

from omniops.clock import iso
from omniops.errors import BadInput, NeedsPerson
from omniops.incident import drafts, leaks, unposted
from omniops.incident.communication import Communication
from omniops.incident.drafts import Draft
from omniops.incident.obligations import Obligation, untold
from omniops.incident.outages import labels
from omniops.incident.outbox import Message, slack_channel
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.runner.board import in_force_of
from omniops.runner.by_hand import refuse_frozen
from omniops.runner.comms import obligations_of, rules_of, to_channel
from omniops.runner.known import runs_of, unspoken
from omniops.runner.leaving import Here, Said
from omniops.runner.meant import pick_owing
from omniops.runner.outbox import messages
from omniops.runner.person import Option
from omniops.runner.saying import NO_WORDS, check, say
from omniops.text import one_line

LISTED = ("ops.standup", "review.weekly")


class About(NamedTuple):
    """An incident, and what is needed to write about it."""

    incident: Incident
    rules: Communication
    runs: list[list[Event]]
    said: list[Message]
    owed: list[Obligation]
    names: list[leaks.Name]  # that may not be read outside

    def owes(self, id: str) -> bool:
        return any(one.id == id and one.open for one in self.owed)


def about(here: Here, wanted: str, ids: tuple[str, ...]) -> About:
    """The incident meant, and all that is known of it. Raises Frozen, BadInput, NeedsPerson."""
    folder = here.settings.user_runbooks
    incident = pick_owing(here.journal, here.clock.now(), wanted, ids, folder)
    return read(here, incident)


def read(here: Here, incident: Incident) -> About:
    """All that is known of an incident, as far as it matters to what is said about it."""
    folder = here.settings.user_runbooks
    rules = rules_of(folder)
    return About(
        incident,
        rules,
        [here.journal.read(f"run/{run}") for run in runs_of(here.journal, incident.id)],
        messages(here.journal, incident.id),
        obligations_of(here.journal, here.clock.now(), incident.id, folder=folder),
        unspoken(here.journal, incident.id, rules, here.settings),
    )


def post(here: Here, wanted: str, text: str, obligation: str = "") -> Said:
    """A text to the incident's channel: without one, what a walk wrote for it and somebody declined, which only that
    makes up for. For ``ops.standup`` and ``review.weekly`` to the channel of those."""
    again = not text.strip() and not obligation
    known = about(here, wanted, (obligation,) if obligation else (unposted.ID,) if again else ())
    incident = known.incident
    left: list[unposted.Declined] = []
    if again:
        done = unposted.made_up(here.journal.read(f"incident/{incident.id}"))
        left = unposted.not_posted(unposted.declined(known.runs), done)
        text = "\n".join(one.text for one in left)
        if waits := next((one.waits for one in known.owed if one.id == unposted.ID and one.waits), ""):
            raise BadInput(
                f"it is on its way: {waits}", state="nothing more was queued", next=f"omniops outbox retry {waits}"
            )
    rule = known.rules.rule(obligation) if obligation else None
    if obligation and (rule is None or obligation not in LISTED):
        raise BadInput(
            f"{one_line(obligation, 40)!r} is not posted to a channel",
            why=f"these are: {', '.join(LISTED)}",
            state="nothing was sent",
            next="omniops comms due",
        )
    if not text.strip() and not obligation:
        raise BadInput("there is nothing to post", state="nothing was sent", next='omniops comms post "..."')
    to = rule.channel if rule else "incident"
    told = obligation or (unposted.ID if again else "post")
    stem = obligation or (unposted.key_of(left) if left else f"{told}/{iso(here.clock.now())}")
    words = f"{incident.severity} {incident.id}: {one_line(incident.title, 200)} (since {incident.onset[:16]}Z)"

    def draft(details: str) -> Draft:
        body = "\n".join(part for part in (words if rule else "", details.strip()) if part)
        key = drafts.once(stem, known.said)
        where = slack_channel(to, incident.id)
        return to_channel(here.settings, Draft("", to, told, key, where, {"text": body}))

    return say(here, incident, draft, text, None)


def status(here: Here, wanted: str, text: str, progress: str = "", impact: str = "") -> Said:
    """The next text for the status page. ``progress``: another one than the journal suggests."""
    known = about(here, wanted, ("status", "status.resolved", "banner"))
    if progress == drafts.RESOLVED:
        _refuse_unresolved(known.incident)
    state = progress or suggested(here, known)
    banner = known.owes("banner") and not progress  # it began after whatever recovered before

    def draft(details: str) -> Draft:
        return drafts.status(
            known.incident, known.rules, here.clock.now(), known.said,
            progress=drafts.IDENTIFIED if banner else state, impact=impact, details=details, banner=banner,
        )  # fmt: skip

    return say(here, known.incident, draft, text, known.names)


def suggested(here: Here, known: About) -> str:
    """How far the incident is, by the journal, in the status page's words."""
    return drafts.progress(known.incident, known.runs, in_force_of(here.journal, known.incident.id))


def email(here: Here, wanted: str, text: str, kind: str = "") -> Said:
    """The e-mail to customers. ``kind``: start or resolution; without one it is what is due."""
    known = about(here, wanted, (f"mail.{kind}",) if kind else ("mail.start", "mail.resolution"))
    kind = kind or _due_kind(known)
    if kind == "resolution":
        _refuse_unresolved(known.incident)

    progress = suggested(here, known)

    def draft(details: str) -> Draft:
        return drafts.mail(known.incident, known.rules, here.clock.now(), known.said, kind, details, progress)

    return say(here, known.incident, draft, text, known.names)


def _refuse_unresolved(incident: Incident) -> None:
    """Raises BadInput: nobody outside is told that it is over while it is not."""
    if not incident.resolved:
        raise BadInput(
            f"{incident.id} is not resolved",
            why="customers would be told that it is over",
            state="nothing was sent",
            next=f"omniops incident resolve {incident.id}",
        )


def _due_kind(known: About) -> str:
    due = [one for one in known.owed if one.open and one.id in ("mail.start", "mail.resolution")]
    for one in sorted(due, key=lambda one: bool(one.waits)):  # what is on its way is not what is still to be written
        return one.id.removeprefix("mail.")
    raise BadInput(
        f"no e-mail to customers is due about {known.incident.id}",
        why="they are written to at the start of a SEV-1 and at its resolution",
        state="nothing was sent",
        next="omniops comms email --kind start, if it is to be sent all the same",
    )


def upstream(here: Here, wanted: str, text: str, named: list[str]) -> list[Said]:
    """The words to each provider that is affected, or to those named. One that is declined does not stop the next."""
    known = about(here, wanted, ("upstream",))
    refuse_frozen(known.incident)
    called = labels(known.runs)
    affected = tuple(called)
    events = here.journal.read(f"incident/{known.incident.id}")
    left = untold(affected, known.said, [event for event in events if event.kind == "comms.done"])
    if not named and not affected:
        named = _asked(here)
    meant = _providers(known, called, named) if named else left
    if not meant:
        raise BadInput(
            f"told already: {', '.join(affected)}" if affected else "no provider is known to be affected",
            why="" if affected else "no walk of this incident has named a connection",
            state="nothing was sent",
            next="omniops comms upstream --provider NAME; or, where none is concerned: "
            'omniops comms done upstream --how "..."',
        )
    return [_to_provider(here, known, one, called.get(one, one), text) for one in meant]


def _asked(here: Here) -> list[str]:
    """Which provider is to be told, where no walk has named one and there is somebody to ask. What is typed is nowhere
    to be looked up, so it is asked back: it stands in the letter, and is what is known to have been told."""
    if not here.person.interactive:
        return []

    def wrong(name: str) -> str:
        return "That is no provider's name; n tells nobody." if name.lower() in NO_WORDS else ""

    try:
        while name := here.person.text("comms.provider", "Which provider is to be told? Its name:", None, wrong):
            options = [Option("no", "No: another name"), Option("yes", f"Yes: the provider is {one_line(name, 40)}")]
            question = f"Nothing here knows a provider {one_line(name, 40)}. Is it meant?"
            if here.person.choose("comms.provider_meant", question, options, None) == "yes":
                return [name]
    except NeedsPerson:
        pass
    return []


def _providers(known: About, called: dict[str, str], named: list[str]) -> list[str]:
    """The providers that were named, by id or by what they are called: their ids, each once. Raises BadInput for one
    that is not known, where any is; for none; and for one that holds another name."""
    ids = {**{label: id for id, label in called.items()}, **{id: id for id in called}}
    there = tuple(dict.fromkeys((*called, *ids, *known.rules.contacts)))
    others = [name for name in known.names if name.kind != leaks.PROVIDER]
    found: dict[str, None] = {}
    for one in named:
        alike = next((name for name in there if leaks.same(name, one)), "")
        wrong = "" if alike else check(one, others)
        if not alike and (there or wrong or not one.strip()):
            raise BadInput(
                f"--provider {one_line(one, 40)!r} is not a provider that is known here" if one.strip()
                else "--provider names nobody",
                why=f"known: {', '.join(_nearest(one, there))}" if there else wrong,
                state="nothing was sent",
                next=f"--provider {_nearest(one, there)[0]}; or a line in contacts: of communication.yaml" if there
                else "--provider NAME",
            )  # fmt: skip
        found[ids.get(alike, alike) or one.strip()] = None
    return list(found)


def _nearest(name: str, known: tuple[str, ...]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name[:80], known, 3, 0.4) or list(known[:5])


def _to_provider(here: Here, known: About, provider: str, label: str, text: str) -> Said:
    """To one of them; its own name may stand in what it reads."""

    def draft(details: str) -> Draft:
        return drafts.upstream(known.incident, known.rules, here.clock.now(), known.said, provider, label, details)

    def own(name: leaks.Name) -> bool:
        kinds = (leaks.PROVIDER, leaks.CONNECTION)
        return name.kind in kinds and any(leaks.same(name.text, one) for one in (provider, label))

    forbidden = [name for name in known.names if not own(name)]
    return say(here, known.incident, draft, text, forbidden)

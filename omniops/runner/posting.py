"""A runbook's words that go out through Slack or to the status page: shown, approved, and sent off as every message is
(`leaving.py`). What is not taken now waits in the outbox, and never stops a walk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from omniops.errors import NeedsPerson, OmniopsError
from omniops.incident.drafts import Draft
from omniops.incident.due import target
from omniops.incident.outbox import FROZEN, Message, slack_channel, text_of, with_key
from omniops.incident.unposted import KEY
from omniops.runner import outbox
from omniops.runner.leaving import DECLINED, MAYBE, SENT, TO_PASTE, Here, Said, became, last_look, leave
from omniops.text import redact

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

STATUS_PAGE = "status-page"
BANNER = "banner"
TAKEN_OUT = "***"
"""What stands in the journal, and so in a step's words, where a secret was."""


def through_outbox(walk: Walk, step: str, channel: str, words: str) -> bool:
    """Send a step's words and finish the step. False: they have to be shown instead, and the step is still open."""
    walk.ctx.settings.remember_secrets()
    if redact(words) != words or TAKEN_OUT in words:
        return _refused(walk, step, channel, "not for anybody else to read: it holds a secret")
    key = f"post/{walk.state.run}/{step}"
    find = _for_status_page if channel == STATUS_PAGE else _for_slack
    draft = find(walk, Draft("", channel, step, key, "", {"text": words}))
    if isinstance(draft, str):
        return _refused(walk, step, channel, draft)
    return draft is not None and _sent(walk, step, channel, draft)


def _refused(walk: Walk, step: str, where: str, why: str) -> bool:
    """Words that may not be read there are not offered to be pasted there either."""
    walk.person.say(f"Not posted: {why}.", "bad")
    answer = {"step": step, "value": False, "channel": where, "how": f"not posted: {why}"}
    walk.finish(step, "declined", before=[("answered", answer)])
    return True


def _for_slack(walk: Walk, words: Draft) -> Draft | None:
    from omniops.runner.comms import to_channel

    to = slack_channel(words.to, walk.state.started["incident"])
    if not to or walk.ctx.clients is None:
        return None
    found = to_channel(walk.ctx.settings, words._replace(to=to, where=to))
    return found if found.engine != "slack" or walk.ctx.settings.has_secret("SLACK_BOT_TOKEN") else None


def _for_status_page(walk: Walk, words: Draft) -> Draft | str | None:
    """The banner of 4.1.4, as `omniops comms status` writes it. None where no status page is set up; in words, why it
    may not be read there."""
    from omniops.incident.drafts import on_page
    from omniops.runner.comms import rules_of
    from omniops.runner.engines.registry import find
    from omniops.runner.known import incident_of, unspoken
    from omniops.runner.saying import check

    engine, id = find("status"), walk.state.started["incident"]
    probe = Message("", id, "status", "", BANNER, {}, "", "", "waiting")
    try:
        rules = rules_of(walk.ctx.settings.user_runbooks)
    except OmniopsError as error:  # without them it cannot be told what may not stand there
        return f"not for the status page: {error.brief}"
    if wrong := check(words.text, unspoken(walk.journal, id, rules, walk.ctx.settings)):
        return f"not for the status page, {wrong}"
    if engine is None or walk.ctx.clients is None or not engine.configured(walk.ctx.settings, probe):
        return None
    incident = incident_of(walk.journal, id)
    return on_page(incident, rules, walk.now(), words.text, progress="identified", about=BANNER, key=words.key)


def _sent(walk: Walk, step: str, channel: str, draft: Draft) -> bool:
    """Approved, sent off, and finished with what became of it. False: it has to be shown."""
    id, clients = walk.state.started["incident"], walk.ctx.clients
    assert clients is not None

    def show(message: Message) -> None:
        """The step itself shows its own text, and asks whether it was posted; another message's is shown here."""
        if message.key != draft.key:
            walk.person.say(f"For {target(message)}, ready to paste: {text_of(message)}", "warn")

    here = Here(walk.ctx.settings, walk.ctx.clock, walk.person, walk.journal, clients, show)
    known = outbox.messages(walk.journal, id)
    if with_key(known, draft.key) is None:
        if _no_such_channel(walk, draft, known):
            return False  # nobody is asked twice for each step
        approved = _approved(walk, step, here, draft)
        if approved is None:
            return False
        if not approved:
            untold(walk, draft.where, draft.engine == "status")
            owed = unposted(walk, channel, draft.text)
            _finish(walk, step, draft, "declined", "declined by the operator", owed, sent=False)
            return True
    message = leave(here, id, draft)
    said = Said(DECLINED, draft, FROZEN) if message is None else became(message, draft, walk.ctx.settings)
    if said.state == TO_PASTE:
        walk.person.say(f"Not posted: {message.why if message else ''}.", "warn")
        return False
    how, tone, outcome = _outcome(said)
    walk.person.say(f"{draft.where}: {how}.", tone)
    _finish(walk, step, draft, outcome, how, sent=said.state == SENT)
    return True


def untold(walk: Walk, where: str, status_page: bool) -> None:
    """Say that words were declined, and how they go out later."""
    later = walk.typed.tell(status_page)
    walk.person.say(f"Not posted: {where} has not been told." + (f" Later: {later}" if later else ""), "warn")


def _no_such_channel(walk: Walk, draft: Draft, known: list[Message]) -> bool:
    """Is it known that the channel is not there? One that omniops has made since is."""
    shown = [one.id for one in known if (one.engine, one.to, one.state) == (draft.engine, draft.to, "shown")]
    events = walk.journal.read(f"incident/{walk.state.started['incident']}")
    told = max(
        (event.seq for event in events if event.kind == "message.shown" and event.data["id"] in shown), default=0
    )
    return bool(told) and all(event.seq < told for event in events if event.kind == "channel.created")


def _approved(walk: Walk, step: str, here: Here, draft: Draft) -> bool | None:
    """Show the text and where it would go, and ask. None: nobody can answer, or there is nowhere to send it."""
    from omniops.runner.known import incident_of

    try:
        host = here.clients.slack.host if draft.engine == "slack" else ""
        change = last_look(here, incident_of(walk.journal, walk.state.started["incident"]), draft, host)
        return walk.ask(lambda until: walk.person.approve(step, change, until))
    except NeedsPerson:
        return None
    except OmniopsError as error:  # the address of Slack is none
        walk.person.say(f"Not posted: {error.what}" + (f" ({error.why})." if error.why else "."), "warn")
        return None


def _outcome(said: Said) -> tuple[str, str, str]:
    """In words, the tone, and how the step ends."""
    if said.state == SENT:
        return "sent", "good", "success"
    if said.state == DECLINED:
        return f"not sent: {said.why}", "warn", "declined"
    if said.state == MAYBE:
        return f"may have been sent: {said.why}", "warn", "success"
    return f"not sent yet, it waits in the outbox: {said.why}", "warn", "success"


def unposted(walk: Walk, channel: str, words: str) -> dict[str, str]:
    """What the answer of a step keeps of words that were declined: those for the incident's channel are owed from then
    on (section 5, real-time). What goes elsewhere is owed by its own rule, with words of its own; a frozen incident
    owes nothing, and nothing more is stored about it."""
    return {KEY: words} if channel == "incident" and not walk.is_frozen() else {}


def _finish(
    walk: Walk, step: str, draft: Draft, outcome: str, how: str, more: Mapping[str, str] | None = None, *, sent: bool
) -> None:
    answer = {"step": step, "value": sent, "channel": draft.where, "how": how, **(more or {})}
    walk.finish(step, outcome, before=[("answered", answer)])

"""A runbook's words that go out through Slack or to the status page: shown, approved, owed in the outbox, and sent from
there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from omniops.errors import NeedsPerson, OmniopsError
from omniops.incident.due import target
from omniops.incident.outbox import Message, slack_channel, text_of, with_key
from omniops.runner import outbox
from omniops.runner.person import Change
from omniops.text import redact

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

BUDGET_S = 10.0
STATUS_PAGE = "status-page"
BANNER = "banner"
TAKEN_OUT = "***"
"""What stands in the journal, and so in a step's words, where a secret was."""


class _Words(NamedTuple):
    """A step's words on their way out. ``where``: as it is shown, ``text``: all that will be read."""

    step: str
    engine: str
    to: str
    about: str
    where: str
    text: str
    body: dict[str, Any]


def through_outbox(walk: Walk, step: str, channel: str, words: str) -> bool:
    """Send a step's words and finish the step. False: they have to be shown instead, and the step is still open. Never
    stops a walk: what is not taken now waits in the outbox."""
    walk.ctx.settings.remember_secrets()
    if redact(words) != words or TAKEN_OUT in words:
        walk.person.say("Not for anybody else to read: it holds a secret.", "bad")
        return False
    found = _for_status_page(walk, step, words) if channel == STATUS_PAGE else _for_slack(walk, step, channel, words)
    return found is not None and _sent(walk, found)


def _for_slack(walk: Walk, step: str, channel: str, words: str) -> _Words | None:
    to = slack_channel(channel, walk.state.started["incident"])
    if not to or walk.ctx.clients is None:
        return None
    from omniops.runner.comms import by_webhook

    if by_webhook(walk.ctx.settings):
        return _Words(step, "webhook", "", step, f"the webhook's channel, for {to}", words, {"text": words})
    if not walk.ctx.settings.has_secret("SLACK_BOT_TOKEN"):
        return None
    return _Words(step, "slack", to, step, to, words, {"text": words})


def _for_status_page(walk: Walk, step: str, words: str) -> _Words | None:
    """The banner of 4.1.4, as `omniops comms status` writes it. None where no status page is set up, or where the words
    name what customers are not told."""
    from omniops.incident import leaks
    from omniops.incident.communication import fill
    from omniops.incident.drafts import fields
    from omniops.runner.comms import rules_of
    from omniops.runner.engines.registry import find
    from omniops.runner.known import incident_of, unspoken

    engine, id = find("status"), walk.state.started["incident"]
    probe = Message("", id, "status", "", BANNER, {}, "", "", "waiting")
    if engine is None or walk.ctx.clients is None or not engine.configured(walk.ctx.settings, probe):
        return None
    try:
        rules = rules_of(walk.ctx.settings.user_runbooks)
    except OmniopsError as error:
        walk.person.say(f"Not for the status page: {error.brief}.", "warn")
        return None
    found = leaks.leaks(words, unspoken(walk.journal, id, rules, walk.ctx.settings))
    if found:
        walk.person.say(f"Not for the status page as it is: it names {leaks.words(found)}.", "bad")
        return None
    incident = incident_of(walk.journal, id)
    impact = rules.impact[incident.severity or "SEV-2"]  # a single provider down is SEV-2's own example
    title = fill(rules.title, fields(incident, rules, walk.now()))
    body = {"title": title, "status": "identified", "impact": impact.level, "body": words}
    where = f"the status page ({rules.audience('status-page').channel})"
    return _Words(step, "status", "", BANNER, where, f"{title}\n\n{words}", body)


def _sent(walk: Walk, words: _Words) -> bool:
    """Approved, queued, flushed, and finished with what became of it. False: it has to be shown."""
    incident, step, to = walk.state.started["incident"], words.step, words.where
    clients = walk.ctx.clients
    assert clients is not None
    key = f"post/{walk.state.run}/{step}"
    known = outbox.messages(walk.journal, incident)
    message = with_key(known, key)
    if message is None and any(
        one.engine == words.engine and one.to == words.to and one.state == "shown" for one in known
    ):
        return False  # there has been no such channel: nobody is asked twice for each step
    if message is None:
        approved = _approved(walk, words)
        if approved is None:
            return False
        if not approved:
            walk.person.say(f"Not posted: {to} has not been told.", "warn")
            _finish(walk, step, to, "declined", "declined by the operator")
            return True
        outbox.queue(
            walk.journal, incident, engine=words.engine, to=words.to, about=words.about, body=words.body, key=key
        )

    def show(message: Message) -> None:
        """The step itself shows its own text, and asks whether it was posted; another message's is shown here."""
        if message.key != key:
            walk.person.say(f"For {target(message)}, ready to paste: {text_of(message)}", "warn")

    outbox.flush(walk.ctx.settings, walk.ctx.clock, walk.journal, clients, budget_s=BUDGET_S, only=incident, show=show)
    message = with_key(outbox.messages(walk.journal, incident), key)
    if message is not None and message.state == "shown":
        walk.person.say(f"Not posted: {message.why}.", "warn")
        return False
    how, tone, outcome = _outcome(message)
    walk.person.say(f"{to}: {how}.", tone)
    _finish(walk, step, to, outcome, how)
    return True


def _approved(walk: Walk, words: _Words) -> bool | None:
    """Show the text and where it would go, and ask. None: nobody can answer, or there is nowhere to send it."""
    try:
        slack = walk.ctx.clients.slack if walk.ctx.clients and words.engine == "slack" else None
        change = Change(
            walk.ctx.settings.environment, slack.host if slack else words.engine, words.where, "post",
            {}, {"text": words.text}, {}, (), "a message cannot be taken back", "",
        )  # fmt: skip
        walk.person.change(change)
        return walk.ask(lambda until: walk.person.approve(words.step, change, until))
    except NeedsPerson:
        return None
    except OmniopsError as error:  # the address of Slack is none
        walk.person.say(f"Not posted: {error.what}" + (f" ({error.why})." if error.why else "."), "warn")
        return None


def _outcome(message: Message | None) -> tuple[str, str, str]:
    """In words, the tone, and how the step ends."""
    if message is None or message.state == "dropped":
        return f"not sent: {message.why if message else 'frozen'}", "warn", "declined"
    if message.state == "sent":
        return "sent", "good", "success"
    if message.state in ("unsure", "sending"):
        return f"may have been sent: {message.why or 'another process is sending it'}", "warn", "success"
    return f"not sent yet, it waits in the outbox: {message.why}", "warn", "success"


def _finish(walk: Walk, step: str, to: str, outcome: str, how: str) -> None:
    answer = {"step": step, "value": how == "sent", "channel": to, "how": how}
    walk.finish(step, outcome, before=[("answered", answer)])

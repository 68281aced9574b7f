"""A runbook's words that go out through Slack: shown, approved, owed in the outbox, and sent from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omniops.errors import NeedsPerson, OmniopsError
from omniops.incident.due import target
from omniops.incident.outbox import Message, slack_channel, text_of, with_key
from omniops.runner import outbox
from omniops.runner.person import Change

if TYPE_CHECKING:
    from omniops.runner.walk import Walk

BUDGET_S = 10.0


def through_slack(walk: Walk, step: str, channel: str, words: str) -> bool:
    """Post a step's words to Slack and finish the step. False: they have to be shown instead, and the step is still
    open. Never stops a walk: what Slack does not take now waits in the outbox."""
    incident = walk.state.started["incident"]
    to = slack_channel(channel, incident)
    clients = walk.ctx.clients
    if not to or clients is None or not walk.ctx.settings.has_secret("SLACK_BOT_TOKEN"):
        return False
    key = f"post/{walk.state.run}/{step}"
    known = outbox.messages(walk.journal, incident)
    message = with_key(known, key)
    if message is None and any(one.to == to and one.state == "shown" for one in known):
        return False  # Slack has had no such channel: nobody is asked twice for each step
    if message is None:
        approved = _approved(walk, step, to, words)
        if approved is None:
            return False
        if not approved:
            walk.person.say(f"Not posted: {to} has not been told.", "warn")
            _finish(walk, step, to, "declined", "declined by the operator")
            return True
        body = {"text": words}
        outbox.queue(walk.journal, incident, engine="slack", to=to, about=step, body=body, key=key)

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


def _approved(walk: Walk, step: str, to: str, words: str) -> bool | None:
    """Show the text and where it would go, and ask. None: nobody can answer, or there is nowhere to send it."""
    try:
        host = walk.ctx.clients.slack.host if walk.ctx.clients else ""
        change = Change(
            walk.ctx.settings.environment,
            host,
            to,
            "post",
            {},
            {"text": words},
            {},
            (),
            "a message cannot be taken back",
            "",
        )
        walk.person.change(change)
        return walk.ask(lambda until: walk.person.approve(step, change, until))
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

"""``page.send``: pages the security or the data on-call, through PagerDuty's Events API or by hand (4.4.3, 4.5)."""

from __future__ import annotations

from typing import Any

from omniops.actions.base import Applied, Args, Context, Observation, Read, Write
from omniops.digest import sha256
from omniops.errors import BadInput
from omniops.text import one_line

ROLES = {"security": "@security-team", "data": "@db-team (data on-call)"}
SECURITY = "Security incident on OmniRoute - see SECURITY.md and call the on-call engineer"
SECURITY_BY_HAND = "Security incident on OmniRoute, call me."
"""All that is ever said about a security incident, whatever a runbook passes: details belong to SECURITY.md's path."""
SUMMARY_LIMIT = 1024
_STATUS = {"sent": "applied", "refused": "not_applied"}


class Page:
    """Sends one page. There is nothing to observe: that it was sent is known only from sending it."""

    def observe(self, ctx: Context, args: Args) -> Observation:
        """Raises BadInput for a role that nobody has."""
        role = _role(args)
        who = ROLES[role]
        if ctx.pagerduty.has_key(role):
            return Observation(who, {}, {"paged": role}, False, {"says": _words(role, args)})
        words = SECURITY_BY_HAND if role == "security" else _words(role, args)
        warning = f"there is no PagerDuty routing key for {role}: you page {who} yourself"
        hand = {"who": who, "words": words}
        return Observation(who, {}, {"paged": role}, False, warnings=(warning,), outputs={"by_hand": hand})

    def apply(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        role = _role(args)
        source = "omniops" if role == "security" else f"omniops, environment {ctx.settings.environment}"
        try:
            reply = ctx.pagerduty.trigger(role, _words(role, args), dedup_key(ctx.incident, key), source)
        except BadInput as error:  # the routing key is configured, but cannot be had
            return Applied("not_applied", f"{error.what}: {error.why}" if error.why else error.what)
        status = _STATUS.get(reply.status, "in_doubt")
        outputs = {"how": "PagerDuty took it; whether somebody was reached, only they can say"}
        return Applied(status, one_line(reply.detail, 200), {}, outputs if status == "applied" else {})

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        return self.observe(ctx, args)  # never asked: a page that was sent has been read

    def undo(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        return Applied("not_applied", "a page cannot be taken back")

    def reconcile(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied | None:
        """Nothing tells whether a page got out. It may be sent again: with the same dedup key, PagerDuty pages once."""
        return Applied("in_doubt", "nothing tells whether the page got out")


def dedup_key(incident: str, key: str) -> str:
    """The same for every attempt of one page (an attempt's number follows ``#``), and telling nothing about it."""
    return "omniops-" + sha256(f"{incident}/{key.partition('#')[0]}".encode()).hexdigest()[:32]


def _role(args: Args) -> str:
    role = str(args["role"])
    if role not in ROLES:
        raise BadInput(
            f"nobody is paged as {one_line(role, 40)!r}",
            why="the roles are " + " and ".join(ROLES),
            state="nobody was paged",
            next="mend the runbook",
        )
    return role


def _words(role: str, args: Args) -> str:
    return SECURITY if role == "security" else one_line(args["summary"], SUMMARY_LIMIT)


ACTIONS: dict[str, Read | Write] = {"page.send": Page()}

"""``page.escalate``: calls the secondary in (section 3, 0:15), by what there is: a responder request, the next level of
the escalation policy, the secondary's own routing key, or by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

from omniops.actions.base import Applied, Args, Context, Observation, Read, Write
from omniops.actions.paging import dedup_key
from omniops.errors import BadInput, OmniopsError
from omniops.text import one_line

SECONDARY_LEVEL = 2
_STATUS = {"sent": "applied", "refused": "not_applied"}


class Way(NamedTuple):
    """How the secondary is reached. ``how``: responder, level, event or hand; ``user``: their id in PagerDuty."""

    how: str
    who: str
    user: str = ""


class Escalate:
    """Calls the secondary in. That somebody was called is known only from calling them."""

    def observe(self, ctx: Context, args: Args) -> Observation:
        """A page that has resolved by itself needs nobody, and a secondary who was called in is not called twice:
        already so."""
        before = ctx.page.get("escalated")
        if before:
            state = {"page": ctx.page.get("id", ""), "called": True}
            return Observation(str(before.get("to") or "the secondary"), state, state, True)
        status, way = _look(ctx)
        state = {"page": ctx.page.get("id", ""), "called": False}
        desired = {**state, "called": True}
        if way.how == "hand":
            hand = {"who": way.who, "words": words(ctx)}
            warning = "omniops cannot reach them: you call them yourself"
            return Observation(way.who, state, desired, False, warnings=(warning,), outputs={"by_hand": hand})
        return Observation(way.who, state, desired, status == "resolved", {"how": _HOW[way.how], "says": words(ctx)})

    def apply(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        from omniops.services.pagerduty_errors import ABILITY, PagerRefused, PagerSlow, PagerUnsure

        try:
            _, way = _look(ctx)
            if way.how == "event":
                return _event(ctx, key)
            pager, id = ctx.clients.pager, str(ctx.page["id"])
            pager.budget()
            if ctx.checkpoint:
                ctx.checkpoint()
            try:
                pager.request_responder(id, way.user, words(ctx))
            except PagerRefused as no:
                if no.code != ABILITY:
                    raise
                pager.escalate(id, SECONDARY_LEVEL)
                return Applied("applied", outputs={"how": _HOW["level"]})
        except PagerUnsure as unsure:
            return Applied("in_doubt", one_line(unsure.what, 200))
        except (PagerSlow, BadInput, PagerRefused) as error:
            if ctx.clients.events.has_key("secondary"):
                return _event(ctx, key)
            return Applied("not_applied", one_line(f"{error.what}: {error.why}", 300))
        return Applied("applied", outputs={"how": f"{way.who} was asked to join"})

    def observe_undo(self, ctx: Context, args: Args, before: dict[str, Any], after: dict[str, Any]) -> Observation:
        return self.observe(ctx, args)  # never asked: somebody who was called has been called

    def undo(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        return Applied("not_applied", "a call cannot be taken back")

    def reconcile(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied | None:
        """PagerDuty cannot be asked whom it has asked to join. The secondary's routing key pages once for one dedup
        key, so by that way it is simply sent again."""
        _, way = _look(ctx)
        if way.how == "event":
            return Applied("not_applied", "nothing tells whether it got out")
        return Applied("in_doubt", f"{way.who} may have been called; PagerDuty cannot be asked")


_HOW = {
    "responder": "PagerDuty asks them to join",
    "level": "PagerDuty hands it to the next level",
    "event": "PagerDuty took a page for their integration; delivery is not confirmed",
    "hand": "by hand",
}


def words(ctx: Context) -> str:
    """What the secondary reads."""
    title = one_line(ctx.page.get("title") or ctx.incident, 200)
    return f"Still firing: {title}. Please join incident {ctx.incident}."


def _look(ctx: Context) -> tuple[str, Way]:
    """The page's status ("" where nobody can be asked), and the best way to the secondary."""
    status = ""
    pager = ctx.clients.pager
    if ctx.page.get("source") == "pagerduty" and pager.configured:
        try:
            pager.budget()
            page = pager.get(str(ctx.page["id"]))
            status = page.status
            mine = {user.id for user in page.assigned}
            for one in pager.oncalls(page.policy):
                if one.level >= SECONDARY_LEVEL and one.user.id not in mine:
                    return status, Way("responder", f"{one.user.name} (level {one.level})", one.user.id)
        except OmniopsError:
            pass  # a pager that does not answer is no reason to call nobody
    if ctx.clients.events.has_key("secondary"):
        return status, Way("event", "the secondary (their PagerDuty integration)")
    return status, Way("hand", "the secondary on-call")


def _event(ctx: Context, key: str) -> Applied:
    reply = ctx.clients.events.trigger("secondary", words(ctx), dedup_key(ctx.incident, key), "omniops")
    status = _STATUS.get(reply.status, "in_doubt")
    return Applied(status, one_line(reply.detail, 200), outputs={"how": _HOW["event"]} if status == "applied" else {})


ACTIONS: dict[str, Read | Write] = {"page.escalate": Escalate()}

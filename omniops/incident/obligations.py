"""What is owed to whom, and by when: from an incident's severity, clocks and messages (sections 1, 4.1.4, 5, 7). Pure.

Nothing is stored: every look derives the same from the same events, so nothing fires twice, and what fell due while no
omniops ran is simply late. An obligation is fulfilled by a message that was sent for it, or by a person's word
(``comms.done``); one that is queued is on its way, one that was only shown to be pasted is nothing yet. A frozen
incident (4.5) owes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from omniops.clock import iso, parse_iso
from omniops.incident.businessdays import due_within, is_business_day
from omniops.incident.communication import Communication, Rule
from omniops.incident.fulfilled import Facts, Obligation, Seen, after, on_page, provider_of
from omniops.incident.ladder import Ladder
from omniops.incident.outbox import Message, fold
from omniops.incident.unposted import made_up, not_posted
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import span

__all__ = ["IDS", "Facts", "Obligation", "after", "obligations", "untold"]

IDS = (
    "channel", "status", "status.resolved", "banner", "mail.start", "mail.resolution", "upstream", "ops.standup",
    "review.weekly", "resolve_by", "postmortem",
)  # fmt: skip
_MOST_DAYS = 400


def obligations(facts: Facts, rules: Communication, ladder: Ladder, zone: tzinfo, now: datetime) -> list[Obligation]:
    """Everything that an incident owes or has fulfilled: what is open by its moment, then what is done. ``zone``: that
    of ``rules.zone``."""
    incident = Incident(facts.id, facts.events)
    if incident.frozen or not facts.events:
        return []
    messages = fold(facts.events)
    seen = Seen(
        facts,
        incident,
        [(one.time, one.severity) for one in incident.severities if one.time <= (incident.resolved or one.time)],
        [one for one in messages if one.state == "sent"],
        [one for one in messages if one.owed],
        [event for event in facts.events if event.kind == "comms.done"],
        rules,
        ladder,
        zone,
        now,
    )
    found = [one for rule in rules.rules for one in _MAKERS[rule.id](seen, rule)]
    return sorted(found, key=lambda one: (bool(one.done_at), one.at, IDS.index(one.id)))


def _periods(seen: Seen, severities: Sequence[str]) -> list[tuple[str, str]]:
    """The stretches of time during which the severity was one of these; an end of "" is now. From SEV-1 to SEV-2 it is
    one stretch."""
    found: list[tuple[str, str]] = []
    start = ""
    for time, severity in seen.severities:
        if severity in severities:
            start = start or time
        elif start:
            found.append((start, time))
            start = ""
    return [*found, (start, seen.incident.resolved)] if start else found


def _status(seen: Seen, rule: Rule) -> list[Obligation]:
    """Every 30 minutes while it is SEV-1 or SEV-2, counted from the last word on the page, or by when that one has
    promised the next; and the last word."""
    found, posts = [], seen.posts()
    words = f"status page: an update every {span(rule.every_s)}"
    for start, end in _periods(seen, rule.severities):
        due = after(start, rule.every_s)
        for post in posts:
            if start < post.at and (not end or post.at <= end):
                found.append(seen.new(rule, words, due, done_at=post.at, how=post.how))
                due = post.next or after(post.at, rule.every_s)
        if not end:
            last = f"; the last was at {posts[-1].at[11:16]} UTC" if posts else "; none was posted yet"
            found.append(seen.new(rule, words + last, due, "omniops comms status"))
    return found + _last_word(seen, rule)


def _last_word(seen: Seen, rule: Rule) -> list[Obligation]:
    """A page that was told of the incident has to be told that it is over, or it shows it for ever: what counts is the
    last thing that it was told."""
    resolved = seen.incident.resolved
    told = [(m.at, m.body.get("status") == "resolved", m.id) for m in seen.messages if on_page(m)]
    told += [
        (event.time, event.data["obligation"] == "status.resolved", str(event.data["how"]))
        for event in seen.by_hand
        if event.data["obligation"] in ("status", "banner", "status.resolved")
    ]
    if not resolved or not (told or any(on_page(one) for one in seen.under_way)):
        return []
    at, over, how = max(told, default=("", False, ""))
    words = "status page: say that it is resolved"
    if over:
        return [seen.new(rule, words, resolved, id="status.resolved", done_at=at, how=how)]
    return [seen.new(rule, words, resolved, "omniops comms status", id="status.resolved")]


def _channel(seen: Seen, rule: Rule) -> list[Obligation]:
    """The words of a walk that were declined, from that moment on and until the end: then its readers know."""
    said = seen.facts.declined
    if not said:
        return []
    done = made_up(seen.facts.events)
    if left := not_posted(said, done):
        words = f"incident channel: declined so far: {', '.join(dict.fromkeys(one.name for one in left))}"
        return [] if seen.incident.resolved else [seen.new(rule, words, left[0].at, "omniops comms post")]
    first = min(one for one in done if one.upto >= said[-1].at)
    words = "incident channel: what had been declined"
    return [seen.new(rule, words, said[0].at, done_at=first.at, how=first.how)]


def _banner(seen: Seen, rule: Rule) -> list[Obligation]:
    """When the outage of a provider passes 15 minutes (4.1.4), unless it is over by then."""
    found = []
    posts = seen.posts()
    for start, end in seen.facts.outages:
        due = after(start, rule.after_s)
        while_out = (post for post in posts if post.at >= start and (not end or post.at <= end))
        done_at, how, _ = next(while_out, ("", "", ""))
        over = end or seen.incident.resolved
        if not done_at and over:
            continue
        words = f"status page: a banner, because a provider is out for more than {span(rule.after_s)}"
        if seen.now < parse_iso(due):
            words = f"status page: a banner, if the provider is still out {span(rule.after_s)} after it began"
        found.append(seen.new(rule, words, due, "" if done_at else "omniops comms status", done_at=done_at, how=how))
    return found[-1:]


def _mail_start(seen: Seen, rule: Rule) -> list[Obligation]:
    return _once(seen, rule, seen.first(rule.severities), "e-mail to customers: it has begun", "omniops comms email")


def _mail_resolution(seen: Seen, rule: Rule) -> list[Obligation]:
    at = seen.incident.resolved if seen.first(rule.severities) else ""
    return _once(seen, rule, at, "e-mail to customers: it is resolved", "omniops comms email")


def _once(seen: Seen, rule: Rule, at: str, words: str, next: str) -> list[Obligation]:
    if not at:
        return []
    done_at, how = seen.done(rule.id)
    return [seen.new(rule, words, at, "" if done_at else next, done_at=done_at, how=how)]


def untold(providers: Sequence[str], messages: Iterable[Message], by_hand: Iterable[Event]) -> list[str]:
    """The providers that nobody has written to: the key of a message that was sent ends with its provider, and
    ``comms.done`` names those that were affected when it was said; one that names no list at all means every one."""
    told = _told(providers, messages, by_hand)
    return [name for name in providers if name not in told]


def _told(
    providers: Sequence[str], messages: Iterable[Message], by_hand: Iterable[Event]
) -> dict[str, tuple[str, str]]:
    """When each provider was first told, and by what."""
    found = [
        (one.at, one.id, provider_of(one.key)) for one in messages if one.about == "upstream" and one.state == "sent"
    ]
    for event in by_hand:
        if event.data["obligation"] == "upstream":
            found += [(event.time, str(event.data["how"]), name) for name in event.data.get("providers", providers)]
    return {name: (at, how) for at, how, name in sorted(found, reverse=True)}


def _upstream(seen: Seen, rule: Rule) -> list[Obligation]:
    """At the start of a SEV-1, and fulfilled when the last provider that is affected has been told."""
    told = _told(seen.facts.providers, seen.messages, seen.by_hand)
    left = [name for name in seen.facts.providers if name not in told]
    who = ", ".join(left or seen.facts.providers) or "of whatever is affected"
    words = f"upstream providers, through vendor management: {who}"
    found = _once(seen, rule, seen.first(rule.severities), words, "omniops comms upstream")
    if found and left and found[0].done_at:
        return [seen.new(rule, words, found[0].at, "omniops comms upstream")]
    if found and seen.facts.providers and not left:
        done_at, how = max(told[name] for name in seen.facts.providers)
        return [seen.new(rule, words, found[0].at, done_at=done_at, how=how)]
    return found


def _standup(seen: Seen, rule: Rule) -> list[Obligation]:
    return _listed(seen, rule, "for the next standup: a SEV-3 that is open", _next_standup)


def _review(seen: Seen, rule: Rule) -> list[Obligation]:
    return _listed(seen, rule, "for the next weekly review: a SEV-4 that is open", _next_review)


def _listed(seen: Seen, rule: Rule, words: str, moment: Any) -> list[Obligation]:
    """Told once, before the next meeting; what is resolved or has another severity by then need not be."""
    periods = _periods(seen, rule.severities)
    if not periods:
        return []
    done_at, how = seen.done(rule.id)
    if not done_at and periods[-1][1]:
        return []
    start = max((start for start, _ in periods if not done_at or start <= done_at), default=periods[0][0])
    due = moment(parse_iso(start), seen.rules, seen.zone)
    next = "" if done_at else f"omniops comms post --for {rule.id}"
    return [seen.new(rule, words, iso(due), next, done_at=done_at, how=how)]


def _next_standup(moment: datetime, rules: Communication, zone: tzinfo) -> datetime:
    """The first standup after a moment: on business days, at the hour that the wall clock there shows."""
    local = moment.astimezone(zone)
    for days in range(_MOST_DAYS):
        day = (local + timedelta(days=days)).date()
        found = datetime.combine(day, rules.standup, zone)
        if is_business_day(day, rules.holidays) and found > moment:
            return found
    return moment


def _next_review(moment: datetime, rules: Communication, zone: tzinfo) -> datetime:
    local = moment.astimezone(zone)
    days = (rules.review_day - local.weekday()) % 7
    found = datetime.combine(local.date() + timedelta(days=days), rules.review, zone)
    if found <= moment:
        found = datetime.combine(local.date() + timedelta(days=days + 7), rules.review, zone)
    return found


def _resolve_by(seen: Seen, rule: Rule) -> list[Obligation]:
    """The limit of the severity that it has now, counted from the onset (section 1); SEV-4 has none."""
    if not seen.severities:
        return []
    limit = seen.ladder.severity(seen.severities[-1][1]).resolve_s
    if limit is None:
        return []
    resolved = seen.incident.resolved
    words = f"to be resolved within {span(limit)} of the onset ({seen.severities[-1][1]})"
    next = "" if resolved else "omniops incident resolve"
    how = "resolved" if resolved else ""
    return [seen.new(rule, words, after(seen.incident.onset, limit), next, done_at=resolved, how=how)]


def _postmortem(seen: Seen, rule: Rule) -> list[Obligation]:
    """Within 5 business days of the resolution (sections 5 and 7); fulfilled when it is filed."""
    resolved = seen.incident.resolved
    if not resolved or not seen.first(rule.severities):
        return []
    at = iso(due_within(parse_iso(resolved), rule.business_days, seen.rules.holidays, seen.zone))
    ends = (event for event in seen.facts.events if event.kind == "postmortem.filed")
    filed = [(event.time, str(event.data["url"]) or "pasted by hand") for event in ends]
    by_hand = [(e.time, str(e.data["how"])) for e in seen.by_hand if e.data["obligation"] == rule.id]
    done_at, how = min([*filed, *by_hand], default=("", ""))  # an issue alone is not yet its action items
    written = any(event.kind == "postmortem.written" for event in seen.facts.events)
    next = "" if done_at else f"omniops postmortem {'file' if written else 'new'}"
    words = f"postmortem, within {rule.business_days} business days of the resolution"
    return [seen.new(rule, words, at, next, done_at=done_at, how=how)]


_MAKERS: dict[str, Callable[[Seen, Rule], list[Obligation]]] = {
    "channel": _channel, "status": _status, "banner": _banner, "mail.start": _mail_start,
    "mail.resolution": _mail_resolution, "upstream": _upstream, "resolve_by": _resolve_by,
    "ops.standup": _standup, "review.weekly": _review, "postmortem": _postmortem,
}  # fmt: skip

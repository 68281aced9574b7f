"""What is owed to whom, and by when: from an incident's severity, clocks and messages (sections 1, 4.1.4, 5, 7). Pure.

Nothing is stored: every look derives the same from the same events, so nothing fires twice, and what fell due while no
omniops ran is simply late. An obligation is fulfilled by a message that was queued for it and not dropped, or by
``comms.done``. A frozen incident (4.5) owes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso
from omniops.incident.businessdays import due_within, is_business_day
from omniops.incident.communication import Communication, Rule
from omniops.incident.ladder import Ladder
from omniops.incident.outbox import Message, fold
from omniops.incident.view import Incident
from omniops.journal.events import Event
from omniops.text import span

IDS = (
    "status", "status.resolved", "banner", "mail.start", "mail.resolution", "upstream", "ops.standup", "review.weekly",
    "resolve_by", "postmortem",
)  # fmt: skip
_MOST_DAYS = 400


class Obligation(NamedTuple):
    """One thing that is owed, or was. ``at``: by when, ISO. ``done_at``: when it was fulfilled, "" while it is open."""

    id: str
    incident: str
    audience: str  # who is told, in words
    words: str
    at: str
    owner: str
    done_at: str = ""
    next: str = ""  # what to type
    how: str = ""  # by what it was fulfilled: the id of a message, or a person's words

    @property
    def open(self) -> bool:
        return not self.done_at

    @property
    def blocks_resolving(self) -> bool:
        """Is an incident not resolved while this is open and its moment is past? Resolving itself is what
        ``resolve_by`` asks for."""
        return self.id != "resolve_by"

    def late_s(self, now: datetime) -> float:
        """Seconds since it was due; negative before that."""
        return (now - parse_iso(self.at)).total_seconds()

    def overdue(self, now: datetime) -> bool:
        return self.open and self.late_s(now) >= 0

    def as_json(self, now: datetime) -> dict[str, Any]:
        fields = {name: value for name, value in self._asdict().items() if value}
        return {**fields, "late_s": round(self.late_s(now), 1)} if self.open else fields


class Facts(NamedTuple):
    """What is known of an incident. ``events``: its stream. ``outages``: when each outage of a provider began and was
    shown to be over (``""``: it is not), oldest first. ``providers``: those affected."""

    id: str
    events: Sequence[Event]
    outages: tuple[tuple[str, str], ...] = ()
    providers: tuple[str, ...] = ()


class _Seen(NamedTuple):
    """An incident's events, sorted by what they say."""

    facts: Facts
    incident: Incident
    severities: list[tuple[str, str]]  # (time, severity) in order, until it was resolved
    messages: list[Message]  # that count: neither dropped nor never queued
    by_hand: list[Event]  # ``comms.done``
    rules: Communication
    zone: tzinfo

    def new(self, rule: Rule, words: str, at: str, next: str = "", **more: str) -> Obligation:
        to = self.rules.audience(rule.audience).audience if rule.audience else rule.channel or "the incident itself"
        id = more.pop("id", rule.id)
        return Obligation(id, self.facts.id, to, words, at, rule.owner, next=next, **more)

    def done(self, id: str) -> tuple[str, str]:
        """When an obligation was first fulfilled, and by what; ("", "") where it was not."""
        found = [(one.queued_at, one.id) for one in self.messages if one.about == id]
        found += [(event.time, str(event.data["how"])) for event in self.by_hand if event.data["obligation"] == id]
        return min(found, default=("", ""))

    def posts(self) -> list[tuple[str, str]]:
        """Every word on the status page: when, and by what. A banner is one, too."""
        found = [(m.queued_at, m.id) for m in self.messages if m.engine == "status" or m.about in ("status", "banner")]
        found += [
            (event.time, str(event.data["how"])) for event in self.by_hand if event.data["obligation"] == "status"
        ]
        return sorted(found)

    def first(self, severities: Iterable[str]) -> str:
        """When the incident first had one of these severities; "" where it never did."""
        return next((time for time, severity in self.severities if severity in severities), "")


def obligations(facts: Facts, rules: Communication, ladder: Ladder, zone: tzinfo, now: datetime) -> list[Obligation]:
    """Everything that an incident owes or has fulfilled: what is open by its moment, then what is done. ``zone``: that
    of ``rules.zone``."""
    incident = Incident(facts.id, facts.events)
    if incident.frozen or not facts.events:
        return []
    seen = _Seen(
        facts,
        incident,
        _severities(facts.events),
        [one for one in fold(facts.events) if one.state != "dropped"],
        [event for event in facts.events if event.kind == "comms.done"],
        rules,
        zone,
    )
    makers = {
        "status": _status, "mail.start": _mail_start, "mail.resolution": _mail_resolution, "upstream": _upstream,
        "ops.standup": _standup, "review.weekly": _review, "postmortem": _postmortem,
    }  # fmt: skip
    found: list[Obligation] = []
    for rule in rules.rules:
        if rule.id == "banner":
            found += _banner(seen, rule, now)
        elif rule.id == "resolve_by":
            found += _resolve_by(seen, rule, ladder)
        else:
            found += makers[rule.id](seen, rule)
    return sorted(found, key=lambda one: (bool(one.done_at), one.at, IDS.index(one.id)))


def _severities(events: Iterable[Event]) -> list[tuple[str, str]]:
    found = []
    for event in events:
        if event.kind == "incident.resolved":
            break
        if event.kind == "severity":
            found.append((event.time, str(event.data["severity"])))
    return found


def after(moment: str, seconds: float) -> str:
    """A moment so many seconds later, ISO."""
    return iso(parse_iso(moment) + timedelta(seconds=seconds))


def _periods(seen: _Seen, severities: Sequence[str]) -> list[tuple[str, str]]:
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


def _status(seen: _Seen, rule: Rule) -> list[Obligation]:
    """Every 30 minutes while it is SEV-1 or SEV-2, counted from the last word on the page; and the last word."""
    found, posts = [], seen.posts()
    every = span(rule.every_s)
    words = f"status page: an update every {every}"
    last = ""
    for start, end in _periods(seen, rule.severities):
        base = max(start, max((time for time, _ in posts if time <= start), default=""))
        for time, how in posts:
            if start < time and (not end or time <= end):
                found.append(seen.new(rule, words, after(base, rule.every_s), done_at=time, how=how))
                base = time
        if not end:
            last = f"; the last was at {base[11:16]} UTC" if posts else "; none was posted yet"
            found.append(seen.new(rule, words + last, after(base, rule.every_s), "omniops comms status"))
    return found + _last_word(seen, rule, posts)


def _last_word(seen: _Seen, rule: Rule, posts: list[tuple[str, str]]) -> list[Obligation]:
    """A page that was told of the incident has to be told that it is over, or it shows it for ever."""
    resolved = seen.incident.resolved
    if not resolved or not posts:
        return []
    said = [m for m in seen.messages if m.engine == "status" and m.body.get("status") == "resolved"]
    done_at, how = seen.done("status.resolved")
    if said and not done_at:
        done_at, how = said[-1].queued_at, said[-1].id
    words = "status page: say that it is resolved"
    next = "" if done_at else "omniops comms status"
    return [seen.new(rule, words, resolved, next, id="status.resolved", done_at=done_at, how=how)]


def _banner(seen: _Seen, rule: Rule, now: datetime) -> list[Obligation]:
    """When the outage of a provider passes 15 minutes (4.1.4), unless it is over by then."""
    found = []
    posts = seen.posts()
    for start, end in seen.facts.outages:
        due = after(start, rule.after_s)
        posted = next(((time, how) for time, how in posts if time >= start and (not end or time <= end)), ("", ""))
        done_at, how = posted if posted[0] else seen.done("banner")
        over = end or seen.incident.resolved
        if not done_at and over:
            continue
        words = f"status page: a banner, because a provider is out for more than {span(rule.after_s)}"
        if now < parse_iso(due):
            words = f"status page: a banner, if the provider is still out {span(rule.after_s)} after it began"
        found.append(seen.new(rule, words, due, "" if done_at else "omniops comms status", done_at=done_at, how=how))
    return found[-1:]


def _mail_start(seen: _Seen, rule: Rule) -> list[Obligation]:
    return _once(seen, rule, seen.first(rule.severities), "e-mail to customers: it has begun", "omniops comms email")


def _mail_resolution(seen: _Seen, rule: Rule) -> list[Obligation]:
    at = seen.incident.resolved if seen.first(rule.severities) else ""
    return _once(seen, rule, at, "e-mail to customers: it is resolved", "omniops comms email")


def _once(seen: _Seen, rule: Rule, at: str, words: str, next: str) -> list[Obligation]:
    if not at:
        return []
    done_at, how = seen.done(rule.id)
    return [seen.new(rule, words, at, "" if done_at else next, done_at=done_at, how=how)]


def untold(providers: Sequence[str], messages: Iterable[Message], by_hand: Iterable[Event]) -> list[str]:
    """The providers that nobody has written to: a message's key ends with its provider, ``comms.done`` names those it
    means, or means all that were affected when it was said."""
    told = {
        one.key.partition("/")[2].partition("#")[0]
        for one in messages
        if one.about == "upstream" and one.state != "dropped"
    }
    for event in by_hand:
        if event.data["obligation"] == "upstream":
            told |= set(event.data.get("providers") or providers)
    return [name for name in providers if name not in told]


def _upstream(seen: _Seen, rule: Rule) -> list[Obligation]:
    """At the start of a SEV-1, and fulfilled when every provider that is affected has been told."""
    left = untold(seen.facts.providers, seen.messages, seen.by_hand)
    who = ", ".join(left or seen.facts.providers) or "of whatever is affected"
    words = f"upstream providers, through vendor management: {who}"
    found = _once(seen, rule, seen.first(rule.severities), words, "omniops comms upstream")
    if found and left and found[0].done_at:
        return [found[0]._replace(done_at="", how="", next="omniops comms upstream")]
    return found


def _standup(seen: _Seen, rule: Rule) -> list[Obligation]:
    return _listed(seen, rule, "for the next standup: a SEV-3 that is open", _next_standup)


def _review(seen: _Seen, rule: Rule) -> list[Obligation]:
    return _listed(seen, rule, "for the next weekly review: a SEV-4 that is open", _next_review)


def _listed(seen: _Seen, rule: Rule, words: str, moment: Any) -> list[Obligation]:
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


def _resolve_by(seen: _Seen, rule: Rule, ladder: Ladder) -> list[Obligation]:
    """The limit of the severity that it has now, counted from the onset (section 1); SEV-4 has none."""
    if not seen.severities:
        return []
    limit = ladder.severity(seen.severities[-1][1]).resolve_s
    if limit is None:
        return []
    resolved = seen.incident.resolved
    words = f"to be resolved within {span(limit)} of the onset ({seen.severities[-1][1]})"
    next = "" if resolved else "omniops incident resolve"
    how = "resolved" if resolved else ""
    return [seen.new(rule, words, after(seen.incident.onset, limit), next, done_at=resolved, how=how)]


def _postmortem(seen: _Seen, rule: Rule) -> list[Obligation]:
    """Within 5 business days of the resolution (sections 5 and 7); fulfilled when it is filed."""
    resolved = seen.incident.resolved
    if not resolved or not seen.first(rule.severities):
        return []
    at = iso(due_within(parse_iso(resolved), rule.business_days, seen.rules.holidays, seen.zone))
    filed = [(event.time, str(event.data["url"])) for event in seen.facts.events if event.kind == "postmortem.filed"]
    by_hand = [(e.time, str(e.data["how"])) for e in seen.by_hand if e.data["obligation"] == rule.id]
    done_at, how = min([*filed, *by_hand], default=("", ""))  # an issue alone is not yet its action items
    written = any(event.kind == "postmortem.written" for event in seen.facts.events)
    next = "" if done_at else f"omniops postmortem {'file' if written else 'new'}"
    words = f"postmortem, within {rule.business_days} business days of the resolution"
    return [seen.new(rule, words, at, next, done_at=done_at, how=how)]

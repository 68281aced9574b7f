"""What is written to customers and to providers: templates, filled from fields that may be read outside. Pure.

Of an incident nothing but its severity and its clocks is among them; its title, its id and its names are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from omniops.clock import iso, parse_iso, to_minute
from omniops.incident.communication import Communication, Mail, fill
from omniops.incident.fulfilled import upstream_key
from omniops.incident.outbox import Message, words_of
from omniops.incident.verdicts import NOT_RECOVERED, RECOVERED, verdicts
from omniops.incident.view import Incident, Mitigation
from omniops.journal.events import Event
from omniops.text import duration, one_line

BEGUN, OVER = "elsewhere/begun", "elsewhere/over"
"""The keys of what is told to whoever else is to know, each once."""
RESOLVED, MONITORING, IDENTIFIED, INVESTIGATING = "resolved", "monitoring", "identified", "investigating"


class Draft(NamedTuple):
    """A message before it is queued. ``about``: the obligation that it answers, where it answers one; ``key`` makes it
    once; ``where``: where it goes, in words; ``gist``: what a last look shows of a text that would push its question
    off the screen, and that is read in its file; "": all of it."""

    engine: str
    to: str
    about: str
    key: str
    where: str
    body: dict[str, Any]
    gist: str = ""

    @property
    def text(self) -> str:
        """All that is read of it."""
        return words_of(self.body)


def fields(incident: Incident, rules: Communication, now: datetime, details: str = "") -> dict[str, str]:
    """All that a template may name. Moments are UTC, because customers are everywhere."""
    impact = rules.impact.get(incident.severity)
    next = next_update(incident, rules, now)
    end = parse_iso(incident.resolved) if incident.resolved else None
    return {
        "service": rules.service,
        "severity": incident.severity,
        "impact": impact.words if impact else "",
        "started": to_minute(parse_iso(incident.onset)),
        "resolved": to_minute(end) if end else "",
        "lasted": duration(((end or now) - parse_iso(incident.onset)).total_seconds()),
        "next": f"Next update by {next:%H:%M} UTC." if next else "",
        "now": to_minute(now),
        "details": details.strip(),
    }


def next_update(incident: Incident, rules: Communication, now: datetime) -> datetime | None:
    """By when the page is told more; None where it is not promised to be."""
    rule = rules.rule("status")
    if rule is None or incident.severity not in rule.severities or incident.resolved:
        return None
    return now + timedelta(seconds=rule.every_s)


WITHOUT = "combo.withdraw"
"""The mitigation that leaves a model to nobody: what is well again is all but that."""


def progress(incident: Incident, runs: Sequence[Sequence[Event]], in_force: Sequence[Mitigation]) -> str:
    """How far an incident is, in the status page's words. ``in_force``: what of it is. It is not mitigated, to those
    outside, while something that they could ask for is served by nobody."""
    if incident.resolved:
        return RESOLVED
    told = [one.verdict for one in verdicts(runs, incident) if one.verdict in (RECOVERED, NOT_RECOVERED)]
    partly = any(one.action == WITHOUT and one.state != "kept" for one in in_force)
    if told and told[-1] == RECOVERED and not partly:
        return MONITORING
    return IDENTIFIED if in_force else INVESTIGATING


def status(
    incident: Incident,
    rules: Communication,
    now: datetime,
    said: Sequence[Message],
    *,
    progress: str,
    impact: str = "",
    details: str = "",
    banner: bool = False,
) -> Draft:
    """The next text of the status page. ``said``: the incident's messages so far; ``impact``: another word than the
    severity's; ``banner``: the words of 4.1.4. ``next`` in the body is not published: it is what the text promises."""
    words = fill(rules.status["banner" if banner else progress], fields(incident, rules, now, details))
    about = "status.resolved" if progress == RESOLVED else "banner" if banner else "status"
    key = numbered("status", said)
    draft = on_page(incident, rules, now, words, progress=progress, about=about, key=key, impact=impact)
    if (promised := next_update(incident, rules, now)) is not None:
        draft.body["next"] = iso(promised)
    return draft


def on_page(
    incident: Incident,
    rules: Communication,
    now: datetime,
    words: str,
    *,
    progress: str,
    about: str,
    key: str,
    impact: str = "",
) -> Draft:
    """These words on the status page, under the incident's public title. ``impact``: another word than the severity's,
    or SEV-2's where nobody has said how bad it is: a single provider down is its own example."""
    body = {
        "title": fill(rules.title, fields(incident, rules, now)),
        "status": progress,
        "impact": impact or rules.impact[incident.severity or "SEV-2"].level,
        "body": words,
    }
    return Draft("status", "", about, key, f"the status page ({rules.audience('status-page').channel})", body)


def mail(
    incident: Incident,
    rules: Communication,
    now: datetime,
    said: Sequence[Message],
    kind: str,
    details: str = "",
    progress: str = "",
) -> Draft:
    """The e-mail to customers. ``kind``: start or resolution; each is written once. ``progress``: how far the incident
    is; a first mail that comes late says what holds by then, in the words of the status page."""
    template, known = rules.mail[kind], fields(incident, rules, now, details)
    if progress == MONITORING:
        known["impact"] = fill(rules.status[MONITORING], {**known, "details": "", "next": ""})
    to, about = rules.audience("customers").channel, f"mail.{kind}"
    return Draft(
        "mail", to, about, once(about, said), f"customers, at {to}", {**_filled(template, known), "kind": kind}
    )


def upstream(
    incident: Incident,
    rules: Communication,
    now: datetime,
    said: Sequence[Message],
    provider: str,
    label: str,
    details: str = "",
) -> Draft:
    """The words to one provider. ``label``: what people call it, where ``provider`` is an id of ours. ``to`` is ""
    where no address is known: then they are for a person to paste."""
    label = one_line(label, 60)
    known = {**fields(incident, rules, now, details), "provider": label}
    to = rules.contacts.get(provider) or rules.contacts.get(label, "")
    body = {**_filled(rules.upstream, known), "kind": "upstream"}
    where = f"{label}, at {to}" if to else f"{label}, through {rules.audience('upstream').owner}"
    return Draft("mail", to, "upstream", once(upstream_key(provider), said), where, body)


def elsewhere(incident: Incident, rules: Communication, now: datetime) -> Draft:
    """That it has begun, or is over, to whoever else is to know. They get no updates, so none is promised."""
    known = {**fields(incident, rules, now), "next": ""}
    key = OVER if incident.resolved else BEGUN
    body = {
        "title": f"{incident.severity}: {fill(rules.title, known)}",
        "text": fill(rules.status[RESOLVED if incident.resolved else INVESTIGATING], known),
    }
    return Draft("apprise", "", "news", key, "whoever else is to know (APPRISE_URLS)", body)


def _filled(template: Mail, known: dict[str, str]) -> dict[str, str]:
    return {"subject": fill(template.subject, known), "text": fill(template.text, known)}


def numbered(stem: str, said: Sequence[Message]) -> str:
    """The key of the next message of a series: two who write the same one at once write one."""
    return f"{stem}/{sum(one.key.startswith(f'{stem}/') for one in said) + 1}"


def once(stem: str, said: Sequence[Message]) -> str:
    """The key of a message that there is one of; another one where that was dropped, or only shown to be pasted."""
    gone = sum(one.key.partition("#")[0] == stem and one.state in ("dropped", "shown") for one in said)
    return f"{stem}#{gone + 1}" if gone else stem

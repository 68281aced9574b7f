"""Roles instead of names: how a postmortem speaks of people (section 7). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from omniops.incident import leaks
from omniops.incident.view import Incident
from omniops.journal.events import Event

ROLE_WORDS = {"commander": "the incident commander", "scribe": "the scribe", "comms": "the comms lead"}
ON_CALL, SECONDARY, RESPONDER, SOMEBODY = "the on-call", "the secondary on-call", "a responder", "somebody"
_TOOLS = frozenset(("omniops", "tick", ""))

BLAMING: tuple[tuple[str, str], ...] = (
    (r"blam(?:e|es|ed|ing)", "say what the system allowed"),
    (r"(?:his|her|their|your|my|our|whose) (?:own )?(?:fault|mistake|error)", "say what made the mistake easy"),
    (r"(?:at|in) fault", "say what the system allowed"),
    (r"human error", "say which step was easy to get wrong"),
    (r"careless\w*|negligen\w+|sloppy|incompeten\w+|stupid\w*|lazy", "leave judgement of people out"),
    (r"should(?:n't| not)? have", "say what was known at that moment, and what was not"),
    (r"(?:failed|forgot|neglected|omitted) to", "say what did not happen, and what would have made it happen"),
    (r"screwed up|messed up|broke production", "say what happened to the system"),
    (r"(?:must|needs?) to be more careful|pay more attention", "name a guard, a test or a signal instead"),
)
"""What points at a person, as a pattern, and what to write instead."""
_BLAMING = [(re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), mend) for pattern, mend in BLAMING]


def blaming(line: str) -> list[tuple[int, str, str]]:
    """Where a line points at a person: (column from 1, the words, what to write instead)."""
    found = [(match.start() + 1, match[0], mend) for pattern, mend in _BLAMING for match in pattern.finditer(line)]
    return sorted(found)


class Roles:
    """Who had which part in an incident."""

    def __init__(self, incident: Incident, events: Iterable[Event]) -> None:
        events = list(events)
        self.on_call = next((e.actor for e in events if e.kind == "page.acknowledged"), incident.by)
        self.touched = list(dict.fromkeys(e.actor for e in events if e.kind == "intent"))
        self._words: dict[str, str] = {}
        for event in events:
            if event.actor not in _TOOLS:
                self._words.setdefault(event.actor, RESPONDER)
        for event in events:  # as the pager calls them
            for kind, field, role in (("page.acknowledged", "by", ON_CALL), ("page.escalated", "to", SECONDARY)):
                name = str(event.data.get(field) or "") if event.kind == kind else ""
                if name and not name.startswith("the "):
                    self._words.setdefault(name, role)
        self._words[self.on_call] = ON_CALL
        self._words |= {who: ROLE_WORDS[role] for role, who in incident.roles.items() if role in ROLE_WORDS and who}
        self._words.pop("", None)
        self._patterns = [
            (pattern(name.text, exact=name.exact), self._of_name(name.text))
            for name in sorted(leaks.names(events), key=lambda one: -len(one.text))
            if name.kind == leaks.PERSON
        ]
        known = sorted(self._words, key=len, reverse=True)
        self._patterns = [(pattern(who), self._words[who]) for who in known] + self._patterns

    def of(self, actor: str) -> str:
        """The role of who did something."""
        return self._words.get(actor, "omniops" if actor in _TOOLS else SOMEBODY)

    def without_names(self, text: str) -> str:
        """A text with a role in the place of every name that the record knows."""
        for name, role in self._patterns:
            text = name.sub(role, text)
        return text

    def _of_name(self, name: str) -> str:
        folded = name.casefold()
        return next((role for who, role in self._words.items() if folded in who.casefold()), SOMEBODY)


def pattern(name: str, *, exact: bool = False) -> re.Pattern[str]:
    """What finds a name as a whole word, with an @ before it and as a mail address too; ``exact``: only as it is
    written."""
    return re.compile(
        rf"(?<![\w@.-])@?{re.escape(name)}(?:@[\w-]+(?:\.[\w-]+)+)?(?![\w-])", 0 if exact else re.IGNORECASE
    )


def named(line: str, people: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Where a line names one of ``people`` (name -> role): (column from 1, the name, the role)."""
    return sorted(
        (match.start() + 1, match[0], role)
        for who, role in people.items()
        if who
        for match in pattern(who).finditer(line)
    )

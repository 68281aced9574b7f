"""Section 5 as typed values: who is told through which channel, how often, by whom; and the templates. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from typing import NamedTuple

PUBLIC = ("service", "severity", "impact", "started", "resolved", "lasted", "next", "now", "details")
"""All that may stand in what goes to customers: a template cannot name anything else."""
UPSTREAM = (*PUBLIC, "provider")
STATUSES = ("investigating", "identified", "monitoring", "resolved")
LEVELS = ("none", "minor", "major", "critical")

REFERENCE = re.compile(r"\$\{([^}]*)\}")


class Audience(NamedTuple):
    """One row of section 5, word for word."""

    id: str
    audience: str
    channel: str
    cadence: str
    owner: str


class Rule(NamedTuple):
    """When something is owed, and by whom. What does not belong to an obligation is empty."""

    id: str
    owner: str
    audience: str = ""  # the id of one
    severities: tuple[str, ...] = ()
    every_s: float = 0.0
    after_s: float = 0.0
    runbook: str = ""
    business_days: int = 0
    channel: str = ""


class Impact(NamedTuple):
    """How a severity is put to customers. ``level``: the status page's word."""

    level: str
    words: str


class Mail(NamedTuple):
    """The template of an e-mail."""

    subject: str
    text: str


class Communication(NamedTuple):
    """communication.yaml. ``status``: a template for each of STATUSES and "banner"; ``mail``: start and resolution."""

    zone: str
    holidays: tuple[date, ...]
    standup: time
    review_day: int  # 0 is Monday
    review: time
    audiences: tuple[Audience, ...]
    rules: tuple[Rule, ...]
    service: str
    impact: dict[str, Impact]
    title: str
    status: dict[str, str]
    mail: dict[str, Mail]
    upstream: Mail
    contacts: dict[str, str]

    def rule(self, id: str) -> Rule | None:
        """The rule of an obligation; None where it is not owed here."""
        return next((rule for rule in self.rules if rule.id == id), None)

    def audience(self, id: str) -> Audience:
        """A row of section 5. Raises KeyError."""
        for one in self.audiences:
            if one.id == id:
                return one
        raise KeyError(id)

    def public_names(self) -> tuple[str, ...]:
        """Names that customers know anyway: the service, the status page, the address that mail comes from."""
        return (self.service, self.audience("status-page").channel, self.audience("customers").channel)


def fill(template: str, fields: Mapping[str, str]) -> str:
    """Put the fields into a template, once: what a field holds is never read as a template. An empty field leaves no
    double blank, and no blank line where it stood alone on its line. Raises KeyError for an unknown one."""
    lines = []
    for line in template.split("\n"):
        found = REFERENCE.findall(line)
        if found and not any(fields[name] for name in found) and not REFERENCE.sub("", line).strip():
            continue
        filled = REFERENCE.sub(lambda match: fields[match[1]] or "\0", line)
        lines.append(re.sub(r" ?\0", "", filled).rstrip())
    return "\n".join(lines).strip()

"""communication.yaml: section 5 word for word, a user's own, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.catalog.communication import communication_for, load
from omniops.catalog.load import shipped_folder
from omniops.errors import BadInput
from omniops.incident.communication import PUBLIC, REFERENCE, UPSTREAM, fill

FILE = Path(__file__).parents[2] / "runbooks" / "communication.yaml"
TEXT = FILE.read_text(encoding="utf-8")
SECTION_5 = [
    ("Engineering", "#inc-YYYY-MM-DD-slug", "Real-time", "Incident commander"),
    ("Status page", "status.phenotype.dev", "Every 30 min during SEV-1/2", "On-call"),
    ("Customers (email)", "announce@phenotype.dev", "At SEV-1 start + resolution", "Comms lead"),
    ("Upstream providers", "Direct contact", "At SEV-1 start", "Vendor mgmt"),
    ("Postmortem", "docs/postmortem/YYYY-MM-DD-slug.md", "Within 5 business days", "Incident commander"),
]


def test_section_5() -> None:
    """The shipped file holds the five audiences with channel, cadence and owner, word for word and in order."""
    found = communication_for(None)
    assert [(one.audience, one.channel, one.cadence, one.owner) for one in found.audiences] == SECTION_5


def test_cadences_are_what_the_rows_say() -> None:
    """The obligations follow the rows: 30 minutes in SEV-1/2, SEV-1 alone for mail and providers, 5 business days."""
    rules = {rule.id: rule for rule in communication_for(None).rules}
    assert (rules["status"].every_s, rules["status"].severities) == (1800, ("SEV-1", "SEV-2"))
    assert (rules["banner"].after_s, rules["banner"].runbook) == (900, "provider-outage")
    assert {rules[id].severities for id in ("mail.start", "mail.resolution", "upstream")} == {("SEV-1",)}
    assert (rules["postmortem"].business_days, rules["postmortem"].owner) == (5, "Incident commander")
    assert (rules["ops.standup"].severities, rules["ops.standup"].channel) == (("SEV-3",), "#omniroute-ops")
    assert rules["review.weekly"].severities == ("SEV-4",)


def test_templates_name_nothing_but_public_fields() -> None:
    """No template can hold a title, an id or a name: there is no such field."""
    rules = communication_for(None)
    texts = [rules.title, *rules.status.values(), *(part for mail in rules.mail.values() for part in mail)]
    assert {name for text in texts for name in REFERENCE.findall(text)} <= set(PUBLIC)
    assert {name for text in rules.upstream for name in REFERENCE.findall(text)} <= set(UPSTREAM)


def test_a_users_own(tmp_path: Path) -> None:
    """A communication.yaml in one's own folder replaces the shipped one; a folder without one changes nothing."""
    assert communication_for(tmp_path) == load(shipped_folder() / "communication.yaml")
    own = TEXT.replace("every: 30m", "every: 20m").replace("contacts: {}", "contacts: {openai: noc@openai.example}")
    (tmp_path / "communication.yaml").write_text(own, encoding="utf-8")
    found = communication_for(tmp_path)
    assert [rule.every_s for rule in found.rules if rule.id == "status"] == [1200]
    assert found.contacts == {"openai": "noc@openai.example"}


def test_an_obligation_can_be_left_out(tmp_path: Path) -> None:
    """Who has no upstream takes the line out."""
    path = tmp_path / "communication.yaml"
    path.write_text(TEXT.replace("  upstream: {audience: upstream, severities: [SEV-1]}\n", ""), encoding="utf-8")
    assert load(path).rule("upstream") is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("format: 1", "format: 2", "this omniops reads format 1"),
        ("zone: America/Los_Angeles", "zone: America/Nowhere", "knows no such time zone"),
        ("zone: America/Los_Angeles", "zone: ../etc/passwd", "no time zone"),
        ("holidays: []", 'holidays: ["2026-11-31"]', "a day is wanted here"),
        ("holidays: []", "holidays: [2026-11-26]", "is a date to YAML"),
        ('standup: {at: "09:00"}', 'standup: {at: "24:00"}', "a time of day"),
        ("day: monday", "day: mon", "'mon' is not known here"),
        ("every: 30m", "every: 30", "a duration is wanted here"),
        ("every: 30m", "each: 30m", "unknown key"),
        ("business_days: 5", "business_days: 2.5", "a whole number"),
        ("business_days: 5", "business_days: 0", "a whole number"),
        ("channel: announce@phenotype.dev", "channel: announce", "an e-mail address"),
        ("  banner: {audience", "  banners: {audience", "unknown key"),
        ("  - id: upstream", "  - id: customers", "the audience 'customers' is there twice"),
        ("${service}: service disruption", "${title} is degraded", "${title} may not stand in it"),
        ("${service}: service disruption", "${service}: ${details}", "${details} belongs into the text"),
        ("${service}: service disruption", "${service: degraded", "a ${ without its }"),
        ("level: critical", "level: bad", "'bad' is not known here"),
        ("contacts: {}", "contacts: {openai: somebody}", "an e-mail address"),
        ("severities: [SEV-3]", "severities: []", "no severity is listed"),
    ],
)
def test_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    """A mistake is refused with the file, the line, the column and the mend."""
    assert old in TEXT
    path = tmp_path / "communication.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        load(path)
    assert words in refused.value.what
    place, line = refused.value.what.removeprefix(f"{path}:").split(":")[0], TEXT[: TEXT.index(old)].count("\n") + 1
    assert int(place) == (15 if "there twice" in words else line)
    assert refused.value.next


def test_what_a_field_holds_is_no_template() -> None:
    """Free words with ${} in them stay as they are, and an empty field leaves no hole."""
    known = dict.fromkeys(PUBLIC, "") | {"service": "Omni", "details": "see ${service} ${title}"}
    assert fill("${service}: ${impact} ${details} done.\n${impact}\nbye", known) == (
        "Omni: see ${service} ${title} done.\nbye"
    )

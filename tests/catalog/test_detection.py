"""detection.yaml: the six sources of section 2, a user's own, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.catalog.detection import load, sources_for
from omniops.catalog.load import shipped_folder
from omniops.errors import BadInput
from omniops.incident.detection import owed

FILE = Path(__file__).parents[2] / "runbooks" / "detection.yaml"
TEXT = FILE.read_text(encoding="utf-8")
SECTION_2 = [
    ("Prometheus (/metrics)", "Counter deltas (5xx, latency)", "Alertmanager → PagerDuty"),
    ("Grafana SLO dashboards", "SLO burn-rate panels", "Slack #omniroute-ops"),
    ("Uptime probe (/api/health/ping)", "3 consecutive failures from 3 regions", "Alertmanager → PagerDuty"),
    ("Dependabot", "New CVE in dependency", "GitHub issue + Slack #security"),
    ("User report (support@)", "Manual triage", "Slack #omniroute-triage"),
    ("Error budget burn alert", "slo_burn_rate > threshold", "Alertmanager"),
]


def test_section_2() -> None:
    """The shipped file holds the six sources with their signals and routings, word for word and in order."""
    assert [(one.source, one.signal, one.routing) for one in sources_for(None)] == SECTION_2


def test_routing_is_followed() -> None:
    """What is owed when a source is opened by hand goes where its routing says."""
    found = {one.id: [(each.engine, each.to) for each in owed(one, "t", "w", "k")] for one in sources_for(None)}
    assert found == {
        "prometheus": [("pager.event", "primary")],
        "grafana": [("slack", "#omniroute-ops")],
        "uptime-probe": [("pager.event", "primary")],
        "dependabot": [("github.issue", ""), ("slack", "#security")],
        "user-report": [("slack", "#omniroute-triage")],
        "error-budget": [("alertmanager.alert", "")],
    }
    assert [one.id for one in sources_for(None) if not one.incident] == ["dependabot"]


def test_a_users_own(tmp_path: Path) -> None:
    """A detection.yaml in one's own folder replaces the shipped one; a folder without one changes nothing."""
    assert sources_for(tmp_path) == load(shipped_folder() / "detection.yaml")
    (tmp_path / "detection.yaml").write_text(TEXT.replace("#omniroute-triage", "#help"), encoding="utf-8")
    assert [step.to for step in sources_for(tmp_path)[4].by_hand] == ["#help"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("format: 1", "format: 2", "this omniops reads format 1"),
        ("signal: Manual triage", "signals: Manual triage", "unknown key"),
        ("id: grafana", "id: prometheus", "the source 'prometheus' is there twice"),
        ("id: grafana", "id: Grafana dash", "an id is small letters"),
        ("- page: primary", "- page: everybody", "'everybody' is not known here"),
        ('- slack: "#security"', "- slack: security", "a channel begins with #"),
        ('- slack: "#security"', '- slack: "#security"\n        page: data', "exactly one thing"),
        ("    incident: false", '    incident: "no"', "true or false"),
        ("ErrorBudgetBurnByHand", '"no name"', "an alert's name"),
        ("    by_hand:\n      - alertmanager: ErrorBudgetBurnByHand\n", "    by_hand: []\n", "nobody would be told"),
    ],
)
def test_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    """A mistake is refused with the file, the line and the mend."""
    assert old in TEXT
    path = tmp_path / "detection.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        load(path)
    assert words in refused.value.what
    assert f"{path}:" in refused.value.what
    assert refused.value.next

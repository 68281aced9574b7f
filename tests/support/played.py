"""What a drill that was played to its end has left with everyone outside."""

from __future__ import annotations

import json
import re
from pathlib import Path


def told_and_filed(drill: Path, severity: str) -> None:
    """What a drill from the page to the filed postmortem leaves with everyone outside."""
    world = json.loads((drill / "world.json").read_text(encoding="utf-8"))
    (issue,) = world["github"]["issues"]
    assert [one["name"] for one in issue["labels"]] == ["postmortem", severity]
    alert = {"SEV-1": "ErrorBudgetBurnFast", "SEV-2": "LatencySLOBreach"}[severity]
    assert issue["title"].startswith(f"Postmortem: {alert}")
    assert "TODO" not in issue["body"]
    assert "DEBT-001" in (drill / "omniroute/docs/TECH_DEBT.md").read_text(encoding="utf-8")
    assert len(world["mailbox"]["letters"]) == (2 if severity == "SEV-1" else 0)
    if severity == "SEV-1":  # what was measured when it was classified is its worst moment
        assert re.search(r"Errors: [3-6][0-9]\.[0-9]+% of requests at worst", issue["body"])
    if world["scenario"] == "sev-1-plain":
        assert len(world["discord"]["messages"]) >= 4
        text = next((drill / "status/content/issues").glob("*.md")).read_text(encoding="utf-8")
        assert "This incident is resolved" in text
    else:
        (entry,) = world["status_page"]["incidents"]
        assert entry["status"] == "resolved"
        assert len(world["chat"]["posts"]) >= 4

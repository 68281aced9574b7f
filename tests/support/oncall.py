"""A rota with people in it, for tests: as a value, and as a file in a folder of one's own."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

from omniops.catalog.load import shipped_folder
from omniops.incident.rota import Member, Role, Rota

ANN, BO, CY = Member("ann", "PUSER01"), Member("bo", "PUSER02"), Member("cy", "PUSER03")
ENGINEERING = Role(
    "engineering", "Engineering on-call", "security-circle lead", "@open-sse", "Weekly, Mon 09:00 PDT", True,
    (ANN, BO, CY), "PSCHED1",
)  # fmt: skip


def rota(*roles: Role) -> Rota:
    """The shipped one's turns, with these roles."""
    zone = "America/Los_Angeles"
    names = {"P0": "P0", "P1": "P1"}
    return Rota(
        ZoneInfo(zone), zone, 0, time(9), date(2026, 7, 20), "#omniroute-ops-handoff", names, roles or (ENGINEERING,)
    )


def folder(path: Path, members: str = "ann: PUSER01, bo: PUSER02, cy: PUSER03", *, schedule: str = "PSCHED1") -> Path:
    """A folder of one's own whose oncall.yaml names people for the engineering role: ``name: PagerDuty id, ...``."""
    path.mkdir(parents=True, exist_ok=True)
    text = (shipped_folder() / "oncall.yaml").read_text(encoding="utf-8")
    rows = ""
    for pair in filter(None, members.split(", ")):
        name, _, user = pair.partition(": ")
        rows += f"\n      - {{name: {name}" + (f", pagerduty: {user}}}" if user else "}")
    more = f"\n    schedule: {schedule}" if schedule else ""
    text = text.replace("    members: []", (f"    members:{rows}" if rows else "    members: []") + more, 1)
    (path / "oncall.yaml").write_text(text, encoding="utf-8")
    return path

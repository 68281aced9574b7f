"""`omniops postmortem new | check`: gathers what a draft needs, writes it, and holds files against section 7."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.config import Settings
from omniops.errors import BadInput, Frozen
from omniops.incident.postmortem_format import Found, Postmortem
from omniops.incident.view import Incident
from omniops.journal.events import Journal, New
from omniops.runner.comms import rules_of
from omniops.runner.known import record_of, runs_of
from omniops.runner.meant import pick

if TYPE_CHECKING:
    from omniops.incident.communication import Communication
    from omniops.incident.score import Score

DAYS = 5
FOLDER = Path("docs") / "postmortem"
_NONE = ("TEMPLATE.md", "README.md")
"""What lies there and is no postmortem."""


def meant(journal: Journal, wanted: str) -> Incident:
    """The incident named, else the only open one, else the one that was resolved last. Raises BadInput, NeedsPerson,
    and Frozen on the security path (4.5): its postmortem is SECURITY.md's."""
    incident = pick(journal, wanted, last=True)
    if incident.frozen:
        raise Frozen(
            f"{incident.id} gets no postmortem here",
            why="it is on the security path (4.5): nothing of it is written down outside SECURITY.md's own record",
            state="nothing was written",
            next="follow SECURITY.md",
        )
    return incident


def write_draft(settings: Settings, journal: Journal, incident: Incident, now: datetime, output: str, *,
                force: bool) -> Path:  # fmt: skip
    """Write the draft to ``docs/postmortem/<incident>.md`` of OMNIROUTE_REPO, else of the current folder, or to
    ``output``; returns the path. Raises BadInput where there is a file already (without ``force``)."""
    from omniops.catalog.load import layered_file
    from omniops.incident.postmortem import draft
    from omniops.runner.exporting import named, report_of, write

    if output == "-":
        raise BadInput(
            "a postmortem is a file, to be filled in", state="nothing was written", next="--output and a file's name"
        )
    folder = settings.user_runbooks
    template = layered_file("postmortem.md", folder)
    path = named(output) if output else root(settings) / FOLDER / f"{incident.id}.md"
    made = report_of(journal, incident, now, folder)
    try:
        text = draft(template, incident, made, record_of(journal, incident.id), _score(journal, incident, now),
                     _due(incident, rules_of(folder)))  # fmt: skip
    except KeyError as unknown:
        raise BadInput(
            f"postmortem.md: there is no field {unknown}", state="nothing was written", next="mend the template"
        ) from None
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    write(path, text, force=force)
    told = {"path": str(path.resolve())}
    journal.append([New(f"incident/{incident.id}", None, "postmortem.written", told)])
    return path


def root(settings: Settings) -> Path:
    """The checkout in which postmortems live: OMNIROUTE_REPO, else the current folder. Raises BadInput."""
    named = settings.get("OMNIROUTE_REPO")
    folder = Path(named).expanduser() if named else Path.cwd()
    if not folder.is_dir():
        raise BadInput(
            f"OMNIROUTE_REPO names no folder: {folder}", state="nothing was written", next="correct it, or unset it"
        )
    return folder


def _score(journal: Journal, incident: Incident, now: datetime) -> Score | None:
    from omniops.incident.score import CHECKLIST, score

    for run in reversed(runs_of(journal, incident.id)):
        events = journal.read(f"run/{run}")
        if events and events[0].data.get("runbook") == CHECKLIST:
            return score(incident, events, now)
    return None


def _limit(rules: Communication) -> int:
    rule = rules.rule("postmortem")
    return rule.business_days if rule else DAYS


def _due(incident: Incident, rules: Communication) -> datetime | None:
    from zoneinfo import ZoneInfo

    from omniops.clock import parse_iso
    from omniops.incident.businessdays import due_within

    if not incident.resolved:
        return None
    zone = ZoneInfo(rules.zone)
    limit = due_within(parse_iso(incident.resolved), _limit(rules), rules.holidays, zone)
    return limit.astimezone(zone) - timedelta(seconds=1)  # the last day, and not the midnight that ends it


def all_files(settings: Settings) -> list[Path]:
    """Every postmortem of the checkout. Raises BadInput where there is none."""
    folder = root(settings) / FOLDER
    found = sorted(path for path in folder.glob("*.md") if path.name not in _NONE)
    if not found:
        raise BadInput(
            f"there is no postmortem in {folder}",
            why="" if settings.get("OMNIROUTE_REPO") else "OMNIROUTE_REPO is not set, so it is the current folder's",
            state="nothing was checked",
            next="omniops postmortem new writes one; omniops postmortem check FILE checks one that lies elsewhere",
        )
    return found


MOST = 1024 * 1024
"""Characters. A longer file is no postmortem, and a device may never end."""


def check_file(settings: Settings, path: Path, now: datetime, incident: str = "") -> tuple[Postmortem, list[Found]]:
    """Read a postmortem and hold it against section 7. ``incident``: whose it is, where that is known. Raises BadInput
    where it cannot be read."""
    from zoneinfo import ZoneInfo

    from omniops.catalog.postmortem_file import parse
    from omniops.incident.postmortem_check import check

    try:
        with path.expanduser().open(encoding="utf-8") as file:
            text = file.read(MOST + 1)
        if len(text) > MOST:
            raise OSError(None, f"it is longer than {MOST // 1024} KB")
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(
            f"{path} cannot be read",
            why=getattr(error, "strerror", None) or "it is not UTF-8",
            state="nothing was checked",
            next=" ".join(("omniops postmortem new", incident)).strip() + ", to write one",
        ) from None
    rules = rules_of(settings.user_runbooks)
    one = parse(text, str(path))
    return one, check(one, now, days=_limit(rules), holidays=rules.holidays, zone=ZoneInfo(rules.zone))


def written(settings: Settings, journal: Journal, incident: Incident) -> Path:
    """Where the incident's postmortem lies: as `postmortem new` wrote it last, else where it would have."""
    told = [e.data["path"] for e in journal.read(f"incident/{incident.id}") if e.kind == "postmortem.written"]
    return Path(told[-1]) if told else root(settings) / FOLDER / f"{incident.id}.md"

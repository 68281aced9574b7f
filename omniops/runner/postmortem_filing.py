"""`omniops postmortem file`: one issue for an incident, ever, and its action items in docs/TECH_DEBT.md (section 7).

What was done before is found done, so the command can be given again after anything: the issue by its message in the
outbox, by ``postmortem.pasted`` and by a mark in its text, the items by a mark in their notes. It is filed when both
are there: ``postmortem.filed`` is written last.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from omniops.clock import parse_iso, to_minute
from omniops.config import Settings
from omniops.errors import BadInput, NeedsPerson
from omniops.failpoints import reached
from omniops.incident.drafts import Draft, once
from omniops.incident.outbox import Message
from omniops.incident.postmortem_format import Postmortem
from omniops.incident.view import Incident
from omniops.journal.events import Journal, New
from omniops.runner import outbox
from omniops.runner.exporting import as_typed
from omniops.runner.leaving import ALREADY, BY_HAND, Here, Said
from omniops.runner.postmortem import FOLDER, check_file, root
from omniops.runner.saying import say

ABOUT = "postmortem"
DEBT = Path("docs") / "TECH_DEBT.md"
SHOWN = 4
"""How many lines of it a last look shows."""
MOST_BODY = 60_000
"""GitHub takes 65,536 characters."""


class Filed(NamedTuple):
    """``said``: what became of the issue. ``url``: "" while nobody knows that it is there. ``debt``: ids that were
    added to TECH_DEBT.md; ``known``: how many items were there already."""

    said: Said
    url: str
    debt: tuple[str, ...]
    known: int
    file: str


def file(here: Here, incident: Incident, path: Path, *, anyway: bool) -> Filed:
    """File a postmortem. Raises BadInput and NeedsPerson; nothing is filed before a last look."""
    one, found = check_file(here.settings, path, here.clock.now(), incident.id)
    if one.incident != incident.id:
        raise BadInput(
            f"{path} is the postmortem of {one.incident or 'no incident'}, not of {incident.id}",
            state="nothing was filed",
            next=f"omniops postmortem file {one.incident} --file {path}" if one.incident
            else "name the incident, or the file with --file",
        )  # fmt: skip
    if found and not anyway:
        raise NeedsPerson(
            f"{path} is not ready: {len(found)} things are to be mended",
            why=f"line {found[0].line}: {found[0].what}",
            state="nothing was filed",
            next=f"omniops postmortem check {path}; --anyway files it as it is",
        )
    debt = root(here.settings) / DEBT  # before the issue is filed: where there is no such folder, nothing is
    said = _there(here, incident, one) or _said(here, incident, one, path)
    issue = _message(here.journal, incident)
    if said.state not in (BY_HAND, ALREADY) and (issue is None or issue.state != "sent"):
        return Filed(said, "", (), 0, str(debt))
    added, known = _debts(here, one, debt)
    reached("postmortem.debts")
    url = issue.ref if issue and issue.state == "sent" else ""
    return Filed(said, _record(here.journal, incident, url), added, known, str(debt))


def _there(here: Here, incident: Incident, one: Postmortem) -> Said | None:
    """The issue, where the journal knows that it was filed, or pasted: nobody is asked for it again."""
    for event in here.journal.read(f"incident/{incident.id}"):
        if event.kind in ("postmortem.pasted", "postmortem.filed"):
            how = event.data.get("url") or "pasted by hand"
            return Said(
                ALREADY, _issue(here.settings, incident, one, ABOUT), f"{how}, {to_minute(parse_iso(event.time))}"
            )
    return None


def _said(here: Here, incident: Incident, one: Postmortem, path: Path) -> Said:
    """Send the issue, or have it pasted; what is begun goes on first."""
    begun = _message(here.journal, incident)
    if begun is not None and begun.owed:
        here._replace(show=None).flush(incident.id)
    elif begun is None:
        names = f"whoever may read {here.settings.get('GH_REPO') or 'GH_REPO'} reads it all"
        here.person.say(f"It names its attendees and the owners of its action items; {names}.", "warn")
        here.person.say(f"The whole text, {len(one.text.splitlines())} lines, is in:")
        here.person.say(as_typed(path), "copy")
    key = once(ABOUT, outbox.messages(here.journal, incident.id))
    said = say(here, incident, lambda _: _issue(here.settings, incident, one, key), "", None)
    if said.state == BY_HAND:
        here.journal.append([New(f"incident/{incident.id}", None, "postmortem.pasted", {})])
    return said


def _message(journal: Journal, incident: Incident) -> Message | None:
    """The issue in the outbox; None where it was never queued, or dropped."""
    known = [one for one in outbox.messages(journal, incident.id) if one.about == ABOUT and one.state != "dropped"]
    return known[-1] if known else None


def _issue(settings: Settings, incident: Incident, one: Postmortem, key: str) -> Draft:
    repo = settings.get("GH_REPO")
    labels = ["postmortem", *([one.severity] if one.severity.startswith("SEV-") else [])]
    text = one.text
    if len(text) > MOST_BODY:
        text = f"{text[:MOST_BODY]}\n\n(cut here; the whole is {FOLDER / f'{incident.id}.md'})"
    body = {"title": f"Postmortem: {one.title} ({incident.id})", "body": text, "labels": labels, "make_labels": True,
            "mark": f"postmortem:{incident.id}"}  # fmt: skip
    where = f"the issues of {repo or 'GitHub (GH_REPO is not set)'}"
    return Draft("github.issue", repo, ABOUT, key, where, body, f"{body['title']}\n\n{_beginning(text)}")


def _beginning(text: str) -> str:
    """The first lines of a postmortem, without its front matter: the question below them is to stay on the screen."""
    lines = text.splitlines()
    if "---" in lines[1:] and lines[0] == "---":
        lines = lines[lines.index("---", 1) + 1 :]
    shown = [line for line in lines if line.strip()][:SHOWN]
    return "\n".join([*shown, "..."])


def _record(journal: Journal, incident: Incident, url: str) -> str:
    """Write down that it is filed, and where, once."""
    stream = f"incident/{incident.id}"
    known = [str(event.data["url"]) for event in journal.read(stream) if event.kind == "postmortem.filed"]
    if not known:
        journal.append([New(stream, None, "postmortem.filed", {"url": url})])
    return known[0] if known else url


def _debts(here: Here, one: Postmortem, path: Path) -> tuple[tuple[str, ...], int]:
    """Add the action items to TECH_DEBT.md (``path``), whole or not at all."""
    from omniops.incident.debt import add
    from omniops.runner.exporting import write

    try:
        # newline="": its line ends stay what they are.
        with path.open(encoding="utf-8", newline="") as opened:
            text = opened.read()
    except FileNotFoundError:
        text = ""
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read",
            why=getattr(error, "strerror", None) or "it is not UTF-8",
            state="the issue is filed; no action item was added",
            next="mend the file, then the same command again",
        ) from None
    done = add(text, one.incident, one.actions, here.clock.now().date())
    if done.ids:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        write(path, done.text, force=True)
    return done.ids, done.known

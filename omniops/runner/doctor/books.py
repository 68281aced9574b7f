"""What omniops walks by and writes to: the runbooks, when they were reviewed, and the journal."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from omniops.errors import OmniopsError
from omniops.runner.doctor.base import Finding, Look, fail, failed, ok, warn

REVIEW_DAYS = 180


def runbooks(look: Look) -> Iterator[Finding]:
    """Lint all of them from nothing, and see when they were last reviewed."""
    from omniops.catalog import load
    from omniops.catalog.catalogue import check
    from omniops.catalog.communication import communication_for
    from omniops.catalog.findings import unique
    from omniops.catalog.ladder import ladder_for

    checked = check(load.texts(look.settings), look.settings)
    wrong = unique(finding for one in checked for finding in one.findings)
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        yield fail("runbooks", f"{wrong[0]}{more}", f"{wrong[0].mend}; then: omniops runbook lint")
    else:
        yield ok("runbooks", f"{len(checked)}, without findings")
    reviewed = {one.id: _last_review(one.compiled.document.value) for one in checked if one.compiled is not None}
    yield reviews(reviewed, look.clock.now())
    try:
        ladder_for(look.settings.user_runbooks)
        yield ok("severity ladder", "severity.yaml and slos.yaml make sense")
    except OmniopsError as error:
        yield failed("severity ladder", error)
    try:
        communication_for(look.settings.user_runbooks)
        yield ok("communication", "communication.yaml makes sense")
    except OmniopsError as error:
        yield failed("communication", error)


def _last_review(value: Any) -> str:
    rows = value.get("review_log") if isinstance(value, dict) else None
    dates = [str(row.get("date", "")) for row in rows or [] if isinstance(row, dict)]
    return max(dates, default="")


def reviews(last: dict[str, str], now: datetime) -> Finding:
    """One line about all reviews. ``last``: runbook -> the date of its last one, "" for never."""
    old = {id: on for id, on in last.items() if _days(on, now) is None or (_days(on, now) or 0) > REVIEW_DAYS}
    if not old:
        return ok("reviews", f"all within {REVIEW_DAYS} days; the oldest on {min(last.values(), default='-')}")
    words = ", ".join(f"{id} ({on or 'never'})" for id, on in sorted(old.items(), key=lambda item: item[1]))
    return warn("reviews", f"not within {REVIEW_DAYS} days: {words}", "read them, and add a line to their review_log")


def _days(on: str, now: datetime) -> int | None:
    try:
        return (now.date() - date.fromisoformat(on)).days
    except ValueError:
        return None


def journal(look: Look) -> Iterator[Finding]:
    """Is it whole, is it private, can it be written?"""
    from omniops.journal.lease import hostname
    from omniops.journal.store import SqliteJournal

    path = look.settings.journal_path
    book = SqliteJournal(path, look.clock, "", hostname(), drill=look.settings.drill, create=False)
    try:
        count = book.verify()
    finally:
        book.close()
    if path.exists():
        yield ok("journal", f"{path}: {count} events, the chain is whole")
    else:
        yield ok("journal", f"none yet: {path} is made when something is first written")
    yield _private(path)
    yield ok("one journal", "it is yours alone: what a colleague does with another one is not in it")


def _private(path: Path) -> Finding:
    """Modes of the journal and its folder; where they are not there yet, whether they can be made."""
    files = [file for ending in ("", "-wal", "-shm", ".head") if (file := Path(f"{path}{ending}")).exists()]
    loose = [file for file in files if _mode(file) & 0o077]
    if loose:
        return warn("its permissions", f"others may read {loose[0]} ({_mode(loose[0]):o})", f"chmod 600 {shell(loose)}")
    folder = next((parent for parent in path.parents if parent.exists()), Path("/"))
    if not os.access(folder, os.W_OK | os.X_OK) or any(not os.access(file, os.W_OK) for file in files):
        where = next((file for file in files if not os.access(file, os.W_OK)), folder)
        return fail("its permissions", f"{where} cannot be written", "mend its permissions, or set OMNIOPS_JOURNAL")
    if folder == path.parent and _mode(folder) & 0o022:
        return warn("its permissions", f"others may write to {folder} ({_mode(folder):o})", f"chmod 700 {folder}")
    return ok("its permissions", "yours alone" if files else f"{folder} can be written")


def shell(files: Iterable[Path]) -> str:
    """File names for a command line."""
    import shlex

    return shlex.join(str(file) for file in files)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0

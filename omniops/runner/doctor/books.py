"""What omniops walks by and writes to: the runbooks, when they were reviewed, and the journal."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from omniops.config import refuse_no_runbooks
from omniops.errors import OmniopsError
from omniops.incident.reviews import REVIEW_DAYS, judge, log_of
from omniops.runner.doctor.base import Finding, Look, fail, failed, ok, warn


def runbooks(look: Look) -> Iterator[Finding]:
    """Lint all of them from nothing, and see when they were last reviewed."""
    from omniops.catalog import load
    from omniops.catalog.catalogue import check
    from omniops.catalog.communication import communication_for
    from omniops.catalog.findings import unique
    from omniops.catalog.ladder import ladder_for

    try:
        refuse_no_runbooks(look.settings)
    except OmniopsError as error:
        yield failed("your runbooks", error)
    checked = check(load.texts(look.settings), look.settings)
    wrong = unique(finding for one in checked for finding in one.findings)
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        yield fail("runbooks", f"{wrong[0]}{more}", f"{wrong[0].mend}; then: omniops runbook lint")
    else:
        yield ok("runbooks", f"{len(checked)}, without findings")
    logs = {one.id: one.compiled.document.value.get("review_log") for one in checked if one.compiled is not None}
    yield reviews(logs, look.clock.now())
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


def reviews(log: dict[str, Any], now: datetime) -> Finding:
    """One line about all reviews. ``log``: runbook -> its ``review_log``, as its file has it."""
    found = [judge(id, log_of(rows), now.date()) for id, rows in log.items()]
    late = [f"{one.id} ({one.overdue})" for one in found if one.overdue]
    if not late:
        oldest = min((one.last for one in found if one.last), default=None)
        return ok("reviews", f"all within {REVIEW_DAYS} days; the oldest on {oldest or '-'}")
    mend = "read them, and add a line to their review_log; omniops runbook review"
    return warn("reviews", f"overdue: {', '.join(late)}", mend)


def journal(look: Look) -> Iterator[Finding]:
    """Is it whole, is it private, can it be written?"""
    from omniops.journal.lease import hostname
    from omniops.journal.store import SqliteJournal
    from omniops.journal.trouble import ahead

    path = look.settings.journal_path
    book = SqliteJournal(path, look.clock, "", hostname(), drill=look.settings.drill, create=False)
    try:
        count = book.verify()
        wrong = ahead(book.newest(), look.clock.now())
    finally:
        book.close()
    if path.exists():
        yield ok("journal", f"{path}: {count} events, the chain is whole")
    else:
        yield ok("journal", f"none yet: {path} is made when something is first written")
    if wrong:
        yield warn("its clock", wrong, "set this machine's clock (timedatectl set-ntp true)")
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

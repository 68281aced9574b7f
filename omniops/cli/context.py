"""What every command shares: settings, the screen, the journal, who answers, and how a result leaves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from omniops.clock import Clock, SystemClock
from omniops.config import Settings, load, refuse_no_home, refuse_no_runbooks
from omniops.value import Value

if TYPE_CHECKING:
    from omniops.incident.view import Incident
    from omniops.journal.store import SqliteJournal
    from omniops.terminal.streams import Streams
    from omniops.terminal.unattended import Combined, Unattended


FLAGS: dict[str, str] = {}
"""Settings that were given as global options; ``entry`` puts them here."""


class Opened(Value):
    """A journal that this command has used; ``writes``: it may write."""

    settings: Settings
    clock: Clock
    journal: SqliteJournal
    writes: bool


opened: list[Opened] = []
"""What `afterwards` looks at when the command is over."""
_journals: list[SqliteJournal] = []


_alone: list[Settings] = []


def environment_alone() -> Settings:
    """From now on the settings are those of the environment: the config file and a runbooks' folder of one's own are
    left out, because one of them is wrong and there is no time to mend it."""
    left = {name: value for name, value in os.environ.items() if name not in ("OMNIOPS_RUNBOOKS", "OMNIOPS_ENV")}
    as_they_are.cache_clear()
    _alone[:] = [Settings(left)]
    return settings()


def settings() -> Settings:
    """The settings of this command: flags above environment above config file. Raises BadInput where that is wrong, or
    names a folder of runbooks that is not there."""
    found = as_they_are()
    refuse_no_runbooks(found)
    return found


@cache
def as_they_are() -> Settings:
    """The same for a command that looks at the settings themselves, and says what is wrong with them."""
    if _alone:
        return _alone[0]
    found = load(os.environ, FLAGS)
    shadowed = found.shadowed() if "OMNIOPS_ENV" in FLAGS else []
    if shadowed:
        names = ", ".join(shadowed)
        streams().say(f"Not from [env.{found.environment}], because the shell sets them: {names}.", "warn")
    return found


@cache
def streams() -> Streams:
    """stdin, stdout and stderr, with the decisions about colour and interactivity."""
    from omniops.terminal.streams import Streams

    return Streams(os.environ.get("OMNIOPS_COLOR", "auto"))


def emit(answer: dict[str, Any]) -> None:
    """Print a JSON answer on stdout: in letters that it takes."""
    import json
    import sys

    from omniops.text import unseen_escaped

    text = unseen_escaped(json.dumps(answer, ensure_ascii=False, indent=2, default=str))
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(answer, indent=2, default=str)
    print(text)


def clock() -> Clock:
    return SystemClock()


def open_journal(of: Settings | None = None, ticking: Clock | None = None, *, create: bool = False) -> SqliteJournal:
    """Open the journal. Reading where there is none yet makes none: an empty one in memory would do, so ``create``
    says whether this command is going to write."""
    from omniops.journal.lease import hostname
    from omniops.journal.store import SqliteJournal

    of = of or settings()
    if create:
        of.remember_secrets()  # whatever is typed is written down without them
    operator = of.operator if create else ""  # only what is written needs a name
    time = ticking or clock()
    journal = SqliteJournal(of.journal_path, time, operator, hostname(), drill=of.drill, create=create)
    if create and not any(one.writes for one in opened):
        _warn_of_clock(journal, time)
    opened.append(Opened(of, time, journal, create))
    _journals.append(journal)
    return journal


def its_journal() -> SqliteJournal:
    """The journal for an answer that is about nothing else, so that "nothing" is an all-clear. Raises BadInput where
    its folder was named and is not there."""
    refuse_no_home(settings())
    return open_journal()


def has_written() -> bool:
    """Has this command written anything down so far? Whatever it changed or sent, it did."""
    return any(one.wrote for one in _journals)


def _warn_of_clock(journal: SqliteJournal, ticking: Clock) -> None:
    """Everything that is timed follows from the clock: whoever sets it back must not find out by a late page."""
    from omniops.journal.trouble import ahead

    if words := ahead(journal.newest(), ticking.now()):
        rest = "Clocks, and what is owed by when, are wrong with it (omniops doctor)."
        streams().say(f"The journal: {words}. {rest}", "bad")


def warn_of_frozen(incident: Incident) -> None:
    """Whoever reads of an incident on the security path (4.5) must know that it goes no further."""
    if incident.frozen:
        word = "is on the security path (4.5): for the security on-call alone, pass nothing of it on"
        streams().say(f"{incident.id} {word}.", "bad")


def person(
    yes: bool = False, confirm: Sequence[str] = (), answers: str = "", ticking: Clock | None = None
) -> Unattended | Combined:
    """Who answers: the terminal, with what the flags answer already; without a terminal, the flags alone."""
    from omniops.terminal.unattended import Combined, Unattended, load_answers

    given = load_answers(answers) if answers else {}
    flags = Unattended(streams(), yes=yes, confirm=confirm, answers=given)
    if not streams().interactive:
        return flags
    from omniops.terminal.person import TerminalPerson

    return Combined(TerminalPerson(streams(), clock=ticking), flags)


def whose_journal() -> str:
    """Say whose record an answer is from: an empty one proves little."""
    path = settings().journal_path
    drills = settings().drills_folder
    drilled = " A drill has its own: omniops drill show." if drills.is_dir() and any(drills.iterdir()) else ""
    if not path.exists():
        return f"There is no journal at {path} yet.{drilled}"
    return f"By {path} alone; what a colleague did is in theirs.{drilled}"


def typed_in(limit: int, next: str) -> str:
    """What stands on stdin, at most ``limit`` bytes and one, so that too much is seen. Raises BadInput for no UTF-8."""
    import sys

    try:
        return sys.stdin.buffer.read(limit + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end > limit:  # cut in the midst of a letter
            return "x" * (limit + 1)
        from omniops.errors import BadInput

        raise BadInput(
            "what stands on stdin is no UTF-8",
            why=f"byte {error.start + 1} is none of a letter",
            state="nothing was attempted",
            next=next,
        ) from None


def read_input(path: str, limit: int, *, what: str, option: str, state: str) -> bytes:
    """Read a file that an option names, ``-`` for stdin: at most ``limit`` bytes and one, so that too much is seen.
    Raises BadInput."""
    import sys
    from pathlib import Path

    try:
        if path == "-":
            return sys.stdin.buffer.read(limit + 1)
        with Path(path).expanduser().open("rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError, RuntimeError) as error:
        from omniops.errors import BadInput

        raise BadInput(
            f"{what} cannot be read: {path}",
            why=getattr(error, "strerror", None) or str(error),
            state=state,
            next=f"give {option} a readable file, or - for stdin",
        ) from None

"""`omniops incident export`: gathers a report from the journal, and writes it to a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from omniops.errors import BadInput
from omniops.incident.report import Report, report
from omniops.incident.view import Incident
from omniops.journal.events import Journal
from omniops.runner.baseline import STREAM as FIGURES
from omniops.runner.board import in_force_of, owed_of
from omniops.runner.known import record_of
from omniops.text import one_line

FORMATS = {"json": (".json",), "markdown": (".md", ".markdown"), "html": (".html", ".htm")}
"""Format -> endings of files that mean it."""


def report_of(journal: Journal, incident: Incident, now: datetime, folder: Path | None = None) -> Report:
    """The report as the journal has it. ``folder``: the user's runbooks."""
    if incident.frozen:
        return report(incident, [], [], [], [], now)
    owed = owed_of(journal, incident.id, now, folder)
    events = record_of(journal, incident.id)
    figures = journal.read(FIGURES)
    in_force = in_force_of(journal, incident.id)
    return report(incident, events, in_force, owed.obligations, figures, now, owed.trouble)


def as_typed(path: Path) -> str:
    """A path as it is typed into a shell here: relative below the current folder, with ~ below one's home."""
    from shlex import quote

    for folder, start in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_absolute() and path.is_relative_to(folder) and path != folder:
            return start + quote(str(path.relative_to(folder)))
    return quote(str(path))


def format_of(wanted: str, output: str) -> str:
    """The format asked for, else the one that the file's name means, else Markdown. Raises BadInput."""
    by_name = next((one for one, ends in FORMATS.items() if output.lower().endswith(ends)), "")
    by_name = by_name or ("markdown" if not output or Path(output).suffix in ("", ".txt") else Path(output).suffix)
    found = {"md": "markdown"}.get(wanted, wanted) or by_name
    if found not in FORMATS:
        asked = f"{one_line(found, 40)!r}"
        raise BadInput(
            f"there is no format {asked}" if wanted else f"no format is known by its file's ending {asked}",
            why=f"it is one of {', '.join(FORMATS)}",
            state="nothing was written",
            next="omniops incident export --format html --output report.html",
        )
    return found


def rendered(made: Report, format: str) -> str:
    """The report as text in a format."""
    if format == "html":
        from omniops.incident.report_html import page

        return page(made)
    if format == "markdown":
        from omniops.incident.report_markdown import markdown

        return markdown(made)
    import json

    return json.dumps(made.as_json(), ensure_ascii=False, indent=2) + "\n"


def named(text: str) -> Path:
    """A path as it was typed, ``~`` included. Raises BadInput where it means nobody's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadInput(
            f"{one_line(text, 80)}: there is no such home", state="nothing was written", next="write the path out"
        ) from None


def write(path: Path, content: str, *, force: bool) -> None:
    """Write a file whole or not at all; a link to one stays a link, and a file keeps its permissions. Raises BadInput
    where there is one already (without ``force``), or it cannot be written."""
    publish: Callable[[Path, Path], object] = os.replace if force else _publish_new
    try:
        if path.is_symlink():
            path = Path(os.path.realpath(path))  # of a link that leads to itself resolve() makes an error of its own
        if path.exists() and not path.is_file():
            raise OSError(None, "it is a folder" if path.is_dir() else "it is no file")
        if not path.name:
            raise OSError(None, "it is no file's name")
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with unfinished.open("x", encoding="utf-8", newline="") as file:
                file.write(content)
            if path.exists():
                unfinished.chmod(stat.S_IMODE(path.stat().st_mode))
            publish(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except FileExistsError:
        raise BadInput(
            f"{path} is there already", state="it was left as it is", next="--output and another file, or with --force"
        ) from None
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written",
            why=error.strerror or str(error),
            state="nothing was written",
            next="give --output a file in a folder that you may write to",
        ) from None


def _publish_new(unfinished: Path, path: Path) -> None:
    """Give a file its name, unless there is one already: FileExistsError. A file system that knows no hard links (a
    stick, a share) has the name taken by an empty file first."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:
        path.open("x").close()
        os.replace(unfinished, path)

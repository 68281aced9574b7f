"""A person's own editor, for the words of a message."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omniops.errors import BadInput, OmniopsError

PREFIX = "omniops-"
MOST_BYTES = 64 * 1024


USUAL = ("vi", "nano")
"""What is taken where neither VISUAL nor EDITOR is set: the first that is here."""


def edit(text: str) -> str:
    """Open the text in VISUAL, else EDITOR, else vi or nano, and return what was saved. Raises BadInput where that does
    not work: then what was written is left in its file, and named. Ctrl-C is the editor's alone."""
    import shlex
    import subprocess
    import tempfile

    from omniops.text import clean

    command = _command()
    folder = Path(tempfile.gettempdir())
    _say_what_was_left(folder)
    handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=".txt")  # for the owner's eyes only
    path, before = Path(name), text + "\n" if text else ""
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(before)
        with _interrupts_ignored():
            ended = subprocess.run([*shlex.split(command), name], check=False).returncode
        if ended:
            raise _failed(f"the editor ended with {ended}")
        with path.open("rb") as saved:
            found = clean(within(saved.read(MOST_BYTES + 1)).decode("utf-8", "replace")).strip()
    except (OSError, ValueError) as error:
        raise _kept(_failed(getattr(error, "strerror", None) or str(error)), path, before) from None
    except OmniopsError as error:
        raise _kept(error, path, before) from None
    path.unlink(missing_ok=True)
    return found


def _command() -> str:
    from shutil import which

    named = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip()
    found = named or next((one for one in USUAL if which(one)), "")
    if not found:
        raise _failed("neither VISUAL nor EDITOR is set")
    return found


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C reaches everybody at the terminal; the editor decides what it means there, and nothing is lost here. A
    handler that does nothing, and not SIG_IGN, which the editor would inherit."""
    try:
        old = signal.signal(signal.SIGINT, lambda *_: None)
    except ValueError:  # not the main thread, which is the one that is interrupted
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


def _kept(error: OmniopsError, path: Path, before: str) -> OmniopsError:
    """The same error, with where that lies which was written; nothing is kept where nothing was."""
    try:
        written = path.read_bytes() != before.encode()
    except OSError:
        written = False
    if written:
        error.state = f"{error.state}; what you wrote is in {path}"
    else:
        path.unlink(missing_ok=True)
    return error


def _say_what_was_left(folder: Path) -> None:
    """A terminal that was closed on an editor leaves its text behind."""
    from omniops.cli.context import streams

    for path in sorted(folder.glob(f"{PREFIX}*.txt")):
        try:
            mine = path.stat().st_uid == os.getuid() and path.stat().st_size > 0
        except OSError:
            continue
        if mine:
            streams().say(f"Another edit lies in {path}: it is open elsewhere, or was cut short.", "warn")


def within(words: bytes) -> bytes:
    """Free words that are no longer than a message may be; nothing of a longer one is sent. Raises BadInput."""
    if len(words) > MOST_BYTES:
        raise BadInput(
            f"the text is longer than {MOST_BYTES // 1024} KB",
            why="it would have to be cut, and nobody would see where",
            state="nothing was sent",
            next="say it in fewer words",
        )
    return words


def _failed(why: str) -> OmniopsError:
    return BadInput("the editor cannot be used", why=why, state="nothing was sent", next='export EDITOR="vi"')

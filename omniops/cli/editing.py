"""A person's own editor, for the words of a message."""

from __future__ import annotations

import os

MOST_BYTES = 64 * 1024


def edit(text: str) -> str:
    """Open the text in VISUAL, else EDITOR, and return what was saved. Raises BadInput where that does not work."""
    import shlex
    import subprocess
    import tempfile
    from pathlib import Path

    from omniops.text import clean

    command = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip()
    if not command:
        raise _failed("neither VISUAL nor EDITOR is set")
    handle, name = tempfile.mkstemp(prefix="omniops-", suffix=".txt")  # for the owner's eyes only
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n" if text else "")
        ended = subprocess.run([*shlex.split(command), name], check=False).returncode
        if ended:
            raise _failed(f"the editor ended with {ended}")
        with path.open("rb") as file:
            return clean(within(file.read(MOST_BYTES + 1)).decode("utf-8", "replace")).strip()
    except (OSError, ValueError) as error:
        raise _failed(getattr(error, "strerror", None) or str(error)) from None
    finally:
        path.unlink(missing_ok=True)


def within(words: bytes) -> bytes:
    """Free words that are no longer than a message may be; nothing of a longer one is sent. Raises BadInput."""
    if len(words) > MOST_BYTES:
        from omniops.errors import BadInput

        raise BadInput(
            f"the text is longer than {MOST_BYTES // 1024} KB",
            why="it would have to be cut, and nobody would see where",
            state="nothing was sent",
            next="say it in fewer words",
        )
    return words


def _failed(why: str) -> Exception:
    from omniops.errors import BadInput

    return BadInput("the editor cannot be used", why=why, state="nothing was sent", next='export EDITOR="vi"')

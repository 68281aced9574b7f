"""The commented config file that `config init` writes, and the table of settings in docs/config.md."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from omniops.config.names import GROUPS, Setting
from omniops.errors import BadInput

_HEAD = """\
# The settings of omniops. Take the "# " away from a line to set it.
#
# Flags win over the shell's environment, and the environment wins over this file: `omniops config show` says where
# each value came from, `omniops doctor` whether it works.
#
# A secret never stands here. It is named, and read when it is used:
#   "env:NAME"     another variable of the environment
#   "file:PATH"    the content of a file
#   "cmd:COMMAND"  what a command prints (run without a shell)
"""
_TAIL = """
# ---- Environments ----------------------------------------------------------------------------------------------------
# `omniops --env staging ...` (or OMNIOPS_ENV=staging) puts the values of its table over those above, which stay in
# force for what the table does not name: give each environment a password of its own. Its name is shown in approvals.

# [env.staging]
# OMNIROUTE_URL = "https://staging.omniroute.example.net"
# OMNIROUTE_PASSWORD = "cmd:pass omniroute-staging"
"""
_WIDTH = 120


def text() -> str:
    """The whole file; every setting in it is commented out."""
    parts = [_HEAD]
    for group in GROUPS:
        title = f"# ---- {group.title} "
        parts.append(f"\n{title}{'-' * (_WIDTH - len(title))}\n")
        for setting in group.settings:
            parts.append(f'\n# {_words(setting)}\n# {setting.name} = "{setting.example}"\n')
    return "".join([*parts, _TAIL])


def _words(setting: Setting) -> str:
    words = setting.words[0].upper() + setting.words[1:] + "."
    return f"{words} Default: {setting.default}" if setting.default else words


def write(path: Path, *, force: bool) -> None:
    """Write the file for its owner's eyes. Raises BadInput where there is one already, or it cannot be written."""
    # The file itself where it is a link into a folder of dotfiles.
    target = Path(os.path.realpath(path)) if force else path
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = unfinished if force else target
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text())
            file.flush()
            os.fsync(file.fileno())
        if force:
            unfinished.replace(target)
    except FileExistsError:
        raise BadInput(
            f"there is a config file already: {path}",
            why="it may hold what somebody has written",
            state="it is as it was",
            next="edit it, or overwrite it: omniops config init --force",
        ) from None
    except OSError as error:
        with suppress(OSError):  # where its folder is none
            unfinished.unlink()
        raise BadInput(
            f"the config file cannot be written: {path}",
            why=error.strerror or str(error),
            state="nothing was changed",
            next="mend the folder, or set OMNIOPS_HOME",
        ) from None


def markdown() -> str:
    """docs/config.md without its heading: a table of all settings for each group."""
    parts = []
    for group in GROUPS:
        rows = [_row(setting) for setting in group.settings]
        parts += [f"## {group.title}", "", "| name | what | secret | default |", "|---|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    return f"| `{setting.name}` | {setting.words} | {'yes' if setting.kind == 'secret' else ''} | {default} |"

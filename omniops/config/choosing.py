"""Which named environment holds. A name that is none would put the right word over the wrong server."""

from __future__ import annotations

from omniops.config.file import File
from omniops.errors import BadInput
from omniops.text import one_line

DEFAULT = "default"


def choose(file: File | None, wanted: str, *, by_flag: bool) -> None:
    """Take the environment ``wanted``, else the file's own OMNIOPS_ENV, else "default". Raises BadInput.

    Without environments in the file OMNIOPS_ENV is only a name, as it is without a file; ``--env`` never is.
    """
    top = file.layers.get("", {}).get("OMNIOPS_ENV", ("", 0))[0] if file else ""
    tables = file.environments if file else []
    name = wanted or top or DEFAULT
    if wanted and name not in (*tables, top or DEFAULT) and (tables or by_flag):
        raise _unknown(name, tables, top, file)
    if file:
        file.choose(name)


def _unknown(name: str, tables: list[str], top: str, file: File | None) -> BadInput:
    import difflib

    known = [*tables, *([top] if top and top not in tables else [])]
    near = difflib.get_close_matches(name[:80], known, n=1)
    if file is None:
        why, mend = "there is no config file, so there are no environments to choose", "omniops config init"
    else:
        why = f"{file.path} has: {', '.join(known) or 'none'}"
        mend = (
            f"--env {near[0]}" if near else f"write [env.{name}] in it, or OMNIOPS_ENV if its top is that environment"
        )
    return BadInput(
        f"there is no environment {one_line(name, 60)!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        why=one_line(why, 300),
        state="nothing was attempted",
        next=one_line(mend, 200),
    )

"""The file behind ``--answers``: a flat YAML mapping from step id to answer, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omniops.errors import BadInput

MAX_BYTES = 1_000_000
_NEXT = (
    "write one line for each step, such as `contained: done`; a step of a called runbook is `rollback.snapshot: done`"
)
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "bool", "int", "float", "timestamp")}


def load_answers(path: str | Path) -> dict[str, Any]:
    """Return step id -> str, bool or number. Raises BadInput with line and column.

    A number that would not be written back as it stands in the file (3.10, 007) stays the text that it is, so that a
    version is not rounded.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise _bad(path, f"{path} cannot be read", why) from None
    import yaml

    try:
        root = yaml.compose(raw, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _bad(path, _at(path, mark), error.problem or "it is not YAML") from None
    except yaml.YAMLError as error:
        raise _bad(path, str(path), str(error).splitlines()[0]) from None
    except RecursionError:
        raise _bad(path, str(path), "it is nested too deeply") from None
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise _bad(path, _at(path, root.start_mark), "the file must be a mapping from step id to answer")
    answers: dict[str, Any] = {}
    for key, value in root.value:
        where = _at(path, key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise _bad(path, where, "a step id must be a plain word")
        if key.value in answers:
            raise _bad(path, where, f"{key.value} is answered twice")
        if not isinstance(value, yaml.ScalarNode) or value.tag not in _TAGS:
            why = f"the answer to {key.value} must be a text, a number, yes or no"
            raise _bad(path, _at(path, value.start_mark), why)
        answers[key.value] = _scalar(value.tag, value.value)
    return answers


def _scalar(tag: str, written: str) -> str | bool | int | float:
    """What a plain word means: YAML's own reading, but for what would not be written back as it stands."""
    if tag.endswith(":bool"):
        return written.lower() in ("yes", "true", "on")
    for kind in (int, float):
        if tag.endswith(f":{kind.__name__}"):
            try:
                return kind(written) if str(kind(written)) == written else written
            except ValueError:
                return written
    return written


def _at(path: str | Path, mark: Any) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)


def _bad(path: str | Path, what: str, why: str) -> BadInput:
    return BadInput(f"answers file: {what}", why=why, state="nothing was attempted", next=_NEXT)

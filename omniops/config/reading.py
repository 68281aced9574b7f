"""The config file, read strictly: a wrong key or value is an error with file, line, column, and the mend.

Imported only when the file's content has changed: tomllib alone costs as much as a bare start of Python.
"""

from __future__ import annotations

import os
import re
import tomllib
from typing import Any, NamedTuple, NoReturn

from omniops.config.address import WANTED, plain
from omniops.config.file import Layers, Values
from omniops.config.names import SETTINGS
from omniops.errors import BadInput
from omniops.text import one_line

REFERENCE = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|(?:file|cmd):\s*\S.*)", re.DOTALL)
ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_HEADER = re.compile(r"[ \t]*\[[ \t]*([^\[\]#]+?)[ \t]*\]")
_KEY = re.compile(r"[ \t]*([A-Za-z0-9_.\"' \t-]+?)[ \t]*=[ \t]*")
_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


class Problem(NamedTuple):
    """One thing that is wrong, and how to mend it."""

    line: int
    column: int
    what: str
    why: str
    mend: str


def parse(data: bytes, path: str) -> Layers:
    """Read the file's content. Raises BadInput for the first thing that is wrong, and says how many more there are."""
    try:
        text = data.decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        _fail(path, [Problem(line, column, "this is no UTF-8", "", "save the file as UTF-8")])
    except (ValueError, RecursionError) as error:  # ValueError: a number of five thousand digits
        _fail(path, [_syntax(str(error), text)])
    reader = _Reader(text)
    layers = reader.read(document)
    if reader.problems:
        _fail(path, reader.problems)
    return layers


def _fail(path: str, problems: list[Problem]) -> NoReturn:
    first, *others = sorted(problems)
    more = f" (and {len(others)} more)" if others else ""
    raise BadInput(
        f"{path}:{first.line}:{first.column}: {first.what}{more}",
        why=first.why,
        state="nothing was attempted",
        next=first.mend,
    )


def _syntax(message: str, text: str) -> Problem:
    found = _AT.search(message)
    lines = text.split("\n")
    line, column = (int(found[1]), int(found[2])) if found and found[1] else (len(lines), len(lines[-1]) + 1)
    words = one_line(_AT.sub("", message), 100)
    return Problem(line, column, "this is no TOML", words, 'write NAME = "value", and environments as [env.NAME]')


class _Reader:
    """Walks a parsed document; what is wrong is collected in ``problems``."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._places = _places(text)

    def read(self, document: dict[str, Any]) -> Layers:
        tables = document.pop("env", {})
        layers: Layers = {"": self._values(document, ())}
        if not isinstance(tables, dict):
            self._problem(("env",), "env is no setting", "", "write environments as tables: [env.staging]")
            return layers
        for name, table in tables.items():
            place = ("env", str(name))
            if not isinstance(table, dict):
                where = f"env.{one_line(name, 40)}"
                self._problem(place, f"{where} is no table", "", "write environments as tables: [env.staging]")
            elif not ENVIRONMENT.fullmatch(name):
                why = "letters, digits and . _ - are what can be typed at three in the morning"
                self._problem(place, f"{one_line(name, 40)!r} is no name for an environment", why, "name it otherwise")
            else:
                layers[name] = self._values(table, place)
        return layers

    def _values(self, table: dict[str, Any], place: tuple[str, ...]) -> Values:
        found: Values = {}
        for name, value in table.items():
            here = (*place, str(name))
            if name not in SETTINGS:
                self._unknown(here, value)
            elif place and name in ("OMNIOPS_ENV",):
                why = f"this table is the environment {place[-1]}"
                self._problem(here, f"{name} stands inside an environment", why, "take the line out")
            else:
                text = self._value(here, name, value)
                if text:
                    found[name] = (text, self._at(here)[0])
        return found

    def _unknown(self, here: tuple[str, ...], value: Any) -> None:
        import difflib

        name = here[-1]
        for ending, kind in (("_FILE", "file:PATH"), ("_COMMAND", "cmd:COMMAND")):
            known = name.removesuffix(ending)
            if name.endswith(ending) and known in SETTINGS:
                mend = f'{known} = "{kind}"'
                self._problem(here, f"{name} is a name for the environment; here it is a reference", "", mend)
                return
        if isinstance(value, dict):
            mend = "the only tables are those of environments: [env.NAME]"
            self._problem(here, f"there is no table {one_line('.'.join(here), 60)!r}", "", mend)
            return
        near = difflib.get_close_matches(name.upper()[:80], SETTINGS, n=1, cutoff=0.5)
        why = f"the nearest name is {near[0]}" if near else "no setting is called anything like it"
        mend = f"write {near[0]}, or take the line out" if near else "omniops config show lists the names"
        self._problem(here, f"there is no setting {one_line(name, 60)!r}", why, mend)

    def _value(self, here: tuple[str, ...], name: str, value: Any) -> str:
        kind = SETTINGS[name].kind
        if kind == "urls" and isinstance(value, list) and all(isinstance(item, str) for item in value):
            value = ",".join(value)
        if not isinstance(value, str):
            self._problem(here, f"{name} is no text", "", f'write {name} = "..."', value=True)
            return ""
        value = value.strip()
        if not value.isprintable():
            self._problem(here, f"{name} holds a line end or a control character", "", "write it on one line", True)
        elif kind == "secret" and value and not REFERENCE.fullmatch(value):
            self._problem(
                here,
                f"{name} is a secret, and the file holds no secrets",
                "its value is not shown here; whoever can read the file has it",
                f'write {name} = "env:NAME", "file:PATH" or "cmd:COMMAND", and change the secret if others saw it',
                value=True,
            )
        elif kind in ("url", "urls") and not all(plain(url) for url in value.replace(",", " ").split()):
            self._problem(here, f"{name} is not a plain base URL", WANTED, f'write {name} = "https://..."', True)
        else:
            return self._expanded(here, name, kind, value)
        return ""

    def _expanded(self, here: tuple[str, ...], name: str, kind: str, value: str) -> str:
        """A path, whole: one that depends on where the command is typed is a trap."""
        prefix, path = ("file:", value[5:].strip()) if value.startswith("file:") else ("", value)
        if not value or not (kind == "path" or (kind == "secret" and prefix)):
            return value
        if path.startswith("~"):
            path = os.path.expanduser(path)
        if not os.path.isabs(path):
            why = "a path that depends on where the command is typed is a trap"
            self._problem(here, f"{name} is no whole path", why, "begin it with / or ~/", True)
            return ""
        return prefix + path

    def _problem(self, here: tuple[str, ...], what: str, why: str, mend: str, value: bool = False) -> None:
        line, column, value_column = self._at(here)
        self.problems.append(Problem(line, value_column if value else column, what, why, mend))

    def _at(self, here: tuple[str, ...]) -> tuple[int, int, int]:
        for length in range(len(here), 0, -1):
            if here[:length] in self._places:
                return self._places[here[:length]]
        return 1, 1, 1


def _places(text: str) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """Where each table and key stands: line, column, and the column of the value. tomllib does not tell."""
    found: dict[tuple[str, ...], tuple[int, int, int]] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        indent = len(line) - len(line.lstrip(" \t"))
        header = _HEADER.match(line)
        if header:
            table = _dotted(header[1])
            found.setdefault(table, (number, indent + 1, indent + 1))
            continue
        key = _KEY.match(line)
        if key:
            found.setdefault((*table, *_dotted(key[1])), (number, indent + 1, key.end() + 1))
    return found


def _dotted(name: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in name.split("."))

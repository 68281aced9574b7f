"""A value of a strict YAML document that knows where it is: how severity.yaml and slos.yaml are taken apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from omniops.catalog.findings import nearest
from omniops.catalog.strict_yaml import Document, parse
from omniops.errors import BadInput
from omniops.text import one_line, seconds

LONGEST_S = 366 * 86400


def open_yaml(path: Path) -> Node:
    """Read a file strictly. Raises BadInput."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read", why=error.strerror or str(error), state="nothing was judged", next="mend the file"
        ) from None
    return Node(parse(data, str(path)), ())


class Node:
    """A value of a document, and where it is. Every method raises BadInput, with file, line, column and the mend."""

    def __init__(self, document: Document, path: tuple[str | int, ...]) -> None:
        self._document, self._path = document, path
        self.value: Any = document.value
        for part in path:
            self.value = self.value[part]

    def fail(self, problem: str, mend: str) -> NoReturn:
        """Refuse this value."""
        place = self._document.places[self._path]
        raise BadInput(
            f"{self._document.file}:{place.line}:{place.column}: {self._name()}{problem}",
            state="nothing was judged",
            next=mend,
        )

    def _name(self) -> str:
        keys = [part for part in self._path if isinstance(part, str)]
        return f"{one_line(keys[-1], 60)}: " if keys else ""

    def mapping(self) -> dict[str, Node]:
        """Return the values by key, whatever the keys are."""
        if not isinstance(self.value, dict):
            self.fail("a mapping is wanted here", "write `key: value` lines")
        return {key: Node(self._document, (*self._path, key)) for key in self.value}

    def fields(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Node]:
        """Return the values by key: all of ``required``, none beside ``optional``."""
        fields = self.mapping()
        for key, node in fields.items():
            if key not in required and key not in optional:
                node.fail("unknown key", nearest(key, (*required, *optional)))
        missing = [key for key in required if key not in fields]
        if missing:
            words = f"{missing[0]} is missing" if len(missing) == 1 else f"{', '.join(missing)} are missing"
            self.fail(words, self._copy() or f"add `{missing[0]}: {1 if missing[0] == 'format' else '...'}`")
        return fields

    def _copy(self) -> str:
        """What to begin a file of one's own with that is far from whole: the shipped one of its name; "" for a part."""
        from omniops.catalog.load import shipped_folder

        file = Path(self._document.file)
        shipped = shipped_folder() / file.name
        if self._path or not shipped.exists() or shipped == file:
            return ""
        return f"a file of your own takes the shipped one's place whole: begin with a copy of {shipped}"

    def items(self) -> Iterator[Node]:
        """Return the items of a list."""
        if not isinstance(self.value, list):
            self.fail("a list is wanted here", "write `- ` before each item")
        return (Node(self._document, (*self._path, index)) for index in range(len(self.value)))

    def text(self) -> str:
        """Return text that is not blank."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail("text is wanted here", "put it in quotes")
        return self.value

    def one_of(self, known: tuple[str, ...] | set[str]) -> str:
        """Return a word that is one of ``known``."""
        if self.value not in known:
            self.fail(f"{one_line(self.value, 60)!r} is not known here", nearest(self.value, known))
        return str(self.value)

    def number(self) -> float:
        """Return a finite number of at least 0."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)) or not 0 <= self.value < math.inf:
            self.fail("a number of at least 0 is wanted here", "write it without quotes")
        return float(self.value)

    def duration(self, *, zero: bool = False) -> float:
        """Return a duration in seconds, above 0 unless ``zero``."""
        try:
            value = seconds(self.value) if isinstance(self.value, str) else -1.0
        except ValueError:
            value = -1.0
        if value < 0 or value > LONGEST_S or (value == 0 and not zero):
            self.fail("a duration is wanted here", "write it with units, such as 90s, 5m or 1h30m")
        return round(value, 9)  # 700ms is 0.7, and not 0.7000000000000001

    def exactly_1(self) -> None:
        """Check the format's number."""
        if self.value != 1 or isinstance(self.value, bool):
            self.fail("this omniops reads format 1", "write `format: 1`")

    def unique(self, ids: list[str], what: str) -> None:
        """Refuse an id that is there twice."""
        twice = next((id for index, id in enumerate(ids) if id in ids[:index]), None)
        if twice is not None:
            self.fail(f"the {what} {one_line(twice, 60)!r} is there twice", "rename one of the two")

"""Names found in a text in one pass over its words, however they are written there. Pure.

A name and a text are compared by their letters and digits alone: case, accents, the width of letters, invisible
characters, hyphens, apostrophes and underscores make no difference. A blank, or another sign, may stand where the name
has a joint: between two of its parts, or between letters and digits (``gw-3``, ``gw3``, ``gw 3``), so that ``is a`` is
not the name ``Isa``. An s at the end makes no other name of it. Letters of another alphabet that look alike are not
found out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from omniops.incident.ordinary import ORDINARY

MOST = 100
"""Of a longer name so many letters are compared."""
LEAST_PLURAL = 3
"""A shorter name with an s is another word: ``hi``, ``his``."""

_WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"\d+|[^\W\d_]+")
_TIGHT = re.compile("[-_'`\u2010-\u2015\u2018\u2019\u02bc]+")


def plain(text: str) -> str:
    """Without accents, invisible characters and width: what a reader sees."""
    folded = unicodedata.normalize("NFKD", text)
    return "".join(char for char in folded if unicodedata.category(char) not in ("Mn", "Cf", "Cc") or char in "\n\t")


@lru_cache(maxsize=16384)
def written(text: str) -> str:
    """The letters and digits of a text, in the case in which they are written."""
    return "".join(_WORD.findall(plain(text)))


@lru_cache(maxsize=16384)
def letters(text: str) -> str:
    """What is compared of a text: its letters and digits, lower case."""
    return "".join(word.casefold() for word in _WORD.findall(plain(text)))


@lru_cache(maxsize=16384)
def _joints(name: str) -> frozenset[int]:
    """After how many of its letters a name may be parted."""
    found, length = set(), 0
    for word in _WORD.findall(plain(name)):
        for piece in _PIECE.findall(word.casefold()):
            length += len(piece)
            found.add(length)
    return frozenset(found - {length})


class Index:
    """Names, looked up all at once: what it takes is bound by the text, not by how many names there are."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names: dict[str, list[int]] = {}
        self._begun: set[str] = set()
        self._inside: list[tuple[int, str]] = []
        self._signs: list[tuple[int, str]] = []
        for number, name in enumerate(names):
            key = letters(name)[:MOST]
            if not key:
                self._signs.append((number, plain(name).strip()))
            elif _unspaced(key):
                self._inside.append((number, key))
            else:
                if key not in self._names:
                    self._begun.update(key[:length] for length in range(1, len(key)))
                self._names.setdefault(key, []).append(number)
        self._joints = [_joints(name) for name in names]

    def find(self, text: str) -> Iterator[tuple[int, str]]:
        """The names in a text, each by its number, with its letters as they are written there."""
        shown = plain(text)
        yield from ((number, "") for number, signs in self._signs if signs and signs in shown)
        if self._inside:
            run = "".join(word.casefold() for word in _WORD.findall(shown))
            yield from ((number, "") for number, key in self._inside if key in run)
        words = _words(shown)
        for start in range(len(words)):
            yield from self._from(words, start)

    def _from(self, words: Sequence[tuple[str, str, bool]], start: int) -> Iterator[tuple[int, str]]:
        """The names that begin with a word."""
        run, seen, gaps = "", "", set()
        for at in range(start, len(words)):
            as_written, word, apart = words[at]
            if apart and at > start:
                gaps.add(len(run))
            run, seen = run + word, seen + as_written
            yield from ((number, seen) for number in self._names.get(run[:MOST], ()) if gaps <= self._joints[number])
            if run.endswith("s") and len(run) > LEAST_PLURAL and run not in ORDINARY:
                one = self._names.get(run[:-1], ())
                yield from ((number, seen[:-1]) for number in one if gaps <= self._joints[number])
            if run not in self._begun:
                return


def _words(shown: str) -> list[tuple[str, str, bool]]:
    """The words of a text: as written, lower case, and whether more than a hyphen or the like stands before each."""
    found, end = [], 0
    for match in _WORD.finditer(shown):
        apart = not _TIGHT.fullmatch(shown, end, match.start())
        found.append((match[0], match[0].casefold(), apart))
        end = match.end()
    return found


def _unspaced(key: str) -> bool:
    """A script that puts no blanks between words."""
    return any(unicodedata.category(char) == "Lo" for char in key)

"""Names found in a text in one pass over its words, however they are written there. Pure.

A name and a text are compared by their letters and digits alone: case, accents, the width of letters, invisible
characters, hyphens, apostrophes and underscores make no difference. A blank, or another sign, may stand where the name
has a joint: between two of its parts, or between letters and digits (``gw-3``, ``gw3``, ``gw 3``), so that ``is a`` is
not the name ``Isa``. A longer name is found wherever it is torn apart, unless its pieces are ordinary words, and any
name where it is spelled: ``B o b``. An s at the end makes no other name of it. A text is looked through twice where it
has a disguise (`alike`): as it is written, and without.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from omniops.incident.alike import alike, unmarked
from omniops.incident.ordinary import ORDINARY

MOST = 100
"""Of a longer name so many letters are compared."""
LEAST_PLURAL = 3
"""A shorter name with an s is another word: ``hi``, ``his``."""
LEAST_TORN = 6
"""A shorter name may be the end of one word and the beginning of the next."""
LEAST_SPELLED = 3
GAP_SPELLED = 3
"""Between letters that are spelled stand at most so many characters."""

_WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"\d+|[^\W\d_]+")
_TIGHT = re.compile("[-_'`*~\\\\\u2010-\u2015\u2018\u2019\u02bc]+")


def plain(text: str) -> str:
    """Without accents, invisible characters and width: what a reader sees."""
    folded = unicodedata.normalize("NFKD", text)
    return "".join(char for char in folded if unicodedata.category(char) not in ("Mn", "Cf", "Cc") or char in "\n\t")


def undisguised(text: str) -> str:
    """``plain``, without markup, and in Latin letters where it looks as if it were."""
    return alike(plain(unmarked(text)))


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
            keys = dict.fromkeys(letters(one)[:MOST] for one in (name, alike(plain(name))))
            for key in keys:
                if not key:
                    self._signs.append((number, plain(name).strip()))
                elif _unspaced(key):
                    self._inside.append((number, key))
                else:
                    self._add(key, number)
        self._joints = [_joints(name) for name in names]

    def _add(self, key: str, number: int) -> None:
        if key not in self._names:
            self._begun.update(key[:length] for length in range(1, len(key)))
        self._names.setdefault(key, []).append(number)

    def find(self, text: str) -> Iterator[tuple[int, str]]:
        """The names in a text, each by its number, with its letters as they are written there."""
        for shown in dict.fromkeys((plain(text), undisguised(text))):
            yield from self._in(shown)

    def _in(self, shown: str) -> Iterator[tuple[int, str]]:
        yield from ((number, "") for number, signs in self._signs if signs and signs in shown)
        if self._inside:
            run = "".join(word.casefold() for word in _WORD.findall(shown))
            yield from ((number, "") for number, key in self._inside if key in run)
        words = _words(shown)
        for start in range(len(words)):
            yield from self._from(words, start)
        for spelled in _spelled(words):
            for start in range(len(spelled)):
                found = self._from(spelled, start)
                yield from (one for one in found if len(one[1]) >= LEAST_SPELLED and not one[1].isdecimal())

    def _from(self, words: Sequence[Word], start: int) -> Iterator[tuple[int, str]]:
        """The names that begin with a word."""
        run, seen, gaps, strange = "", "", set(), False
        for at in range(start, len(words)):
            word = words[at]
            if word.gap and at > start:
                gaps.add(len(run))
            run, seen = run + word.lower, seen + word.written
            strange = strange or word.lower not in ORDINARY
            torn = strange and len(run) >= LEAST_TORN and not run.isdecimal()
            yield from (
                (number, seen) for number in self._names.get(run[:MOST], ()) if torn or self._fits(gaps, number)
            )
            if run.endswith("s") and len(run) > LEAST_PLURAL and run not in ORDINARY:
                one = self._names.get(run[:-1], ())
                yield from ((number, seen[:-1]) for number in one if torn or self._fits(gaps, number))
            if run not in self._begun:
                return

    def _fits(self, gaps: set[int], number: int) -> bool:
        """Do the gaps stand where the name may be parted?"""
        return gaps <= self._joints[number]


class Word(NamedTuple):
    """A word of a text. ``gap``: how much more than a hyphen or the like stands before it."""

    written: str
    lower: str
    gap: int


def _words(shown: str) -> list[Word]:
    found, end = [], 0
    for match in _WORD.finditer(shown):
        tight = _TIGHT.fullmatch(shown, end, match.start())
        found.append(Word(match[0], match[0].casefold(), 0 if tight else match.start() - end))
        end = match.end()
    return found


def _spelled(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Letters that stand by themselves one after another, as if nothing stood between them."""
    run: list[Word] = []
    for word in words:
        if len(word.written) != 1 or (run and word.gap > GAP_SPELLED):
            if len(run) >= LEAST_SPELLED:
                yield run
            run = []
        if len(word.written) == 1:
            run.append(word._replace(gap=0))
    if len(run) >= LEAST_SPELLED:
        yield run


def _unspaced(key: str) -> bool:
    """A script that puts no blanks between words."""
    return any(unicodedata.category(char) == "Lo" for char in key)

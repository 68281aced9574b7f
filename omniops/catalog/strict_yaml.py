"""YAML, read strictly: plain values with the line and column of each, and a refusal wherever YAML would guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from omniops.errors import BadInput
from omniops.text import one_line

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
MAX_DIGITS = 15

Path = tuple[str | int, ...]

# The parser in C where PyYAML was built with it (ten times as fast), else the one in Python; tests run both.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What `text.clean` would take out, and the tab: none of these belongs in a file that is read at 03:00.
_HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEAN = re.compile(r"(?:true|false|yes|no|on|off|y|n)", re.IGNORECASE)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?")
_NUMBER_LIKE = re.compile(
    r"[-+]?(?:0[xXoObB][0-9a-fA-F_]+|[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF|nan|NaN|NAN))"
)


class Place(NamedTuple):
    """Where a value is, and where its key is (the same for an item of a list). Lines and columns count from 1."""

    line: int
    column: int
    key_line: int
    key_column: int


class Document(NamedTuple):
    """A YAML file as plain values; ``places`` is keyed by the path to each value, ``()`` being the whole."""

    file: str
    value: Any
    places: dict[Path, Place]


class BadYaml(BadInput):
    """Not the strict YAML that is asked for; knows where."""

    def __init__(self, file: str, line: int, column: int, problem: str, mend: str) -> None:
        super().__init__(f"{one_line(file)}:{line}:{column}: {problem}", state="nothing was attempted", next=mend)
        self.file, self.line, self.column, self.problem, self.mend = file, line, column, problem, mend


def parse(data: bytes, file: str) -> Document:
    """Read one YAML document. Raises BadYaml with file, line, column, what is wrong and the mend; nothing else."""
    text = _decode(data, file)
    reader = _Reader(file)
    try:
        for event in _events(text):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        problem = one_line(error.problem or error.context or "not YAML", 120)
        raise BadYaml(file, line, column, f"not YAML: {problem}", _syntax_mend(problem)) from None
    except yaml.reader.ReaderError as error:
        at = error.position if isinstance(error.position, int) else 0
        line, column = _line_column(text, min(at, len(text)))
        raise BadYaml(file, line, column, "a character that YAML does not allow", "take it out") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        problem = f"not YAML: {one_line(error, 120)}"
        raise BadYaml(file, 1, 1, problem, "write plain YAML, without unusual escapes") from None
    if not reader.documents:
        raise BadYaml(file, 1, 1, "the file is empty", "write something in it, or remove it")
    return Document(file, reader.root, reader.places)


def _events(text: str) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=LOADER))


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise BadYaml(file, 1, 1, f"the file is too large (at most {MAX_BYTES} bytes)", "split it into several")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = _line_column(before, len(before))
        raise BadYaml(file, line, column, "not UTF-8", "save the file as UTF-8") from None
    hidden = _HIDDEN.search(text)
    if hidden:
        line, column = _line_column(text, hidden.start())
        if hidden.group() == "\t":
            raise BadYaml(file, line, column, "a tab", "use spaces instead")
        raise BadYaml(file, line, column, f"a hidden character (U+{ord(hidden.group()):04X})", "take it out")
    if not text.strip():
        raise BadYaml(file, 1, 1, "the file is empty", "write something in it, or remove it")
    return text


def _line_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _syntax_mend(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "put quotes round text that contains ': ', or check the indentation"
    if "block end" in problem or "indent" in problem:
        return "check the indentation: it differs from the lines above"
    if "cannot start any token" in problem:
        return "put quotes round the text that starts with this character"
    return "check quotes, brackets and indentation here and on the line above"


class _Frame:
    """An open mapping or list."""

    __slots__ = ("key", "key_place", "lines", "path", "value")

    def __init__(self, value: dict[str, Any] | list[Any], path: Path) -> None:
        self.value, self.path = value, path
        self.key: str | None = None
        self.key_place = (0, 0)
        self.lines: dict[str, int] = {}


class _Reader:
    """Builds the values from parser events, with a stack of its own: nesting cannot exhaust Python's."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Any = None
        self.places: dict[Path, Place] = {}
        self.documents = 0
        self._stack: list[_Frame] = []

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._check_node(event)
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._check_node(event)
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, "an alias (*name)", "write the value out where it is used")
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self._refuse(event, "a second document (---)", "keep one document in a file")
            if event.version or event.tags:
                raise self._refuse(event, "a directive (%)", "take the line out")

    def _check_node(self, event: Any) -> None:
        if event.anchor is not None:
            raise self._refuse(event, "an anchor (&name)", "write the value out where it is used")
        if event.tag is not None:
            raise self._refuse(event, f"a tag ({one_line(event.tag, 40)})", "take the tag out; quote what is text")

    def _open(self, event: Any) -> None:
        if self._expects_key():
            raise self._refuse(event, "a key that is not a word", "use a plain word as the key")
        if len(self._stack) >= MAX_DEPTH:
            raise self._refuse(event, f"nested more than {MAX_DEPTH} levels deep", "flatten it")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Frame(value, self._put(value, event)))

    def _scalar(self, event: Any) -> None:
        if self._expects_key():
            self._key(event)
        else:
            self._put(self._value(event), event)

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _key(self, event: Any) -> None:
        frame, text = self._stack[-1], event.value
        line, column = _at(event)
        if event.style in (None, ""):
            if text == "<<":
                raise self._refuse(event, "a merge key (<<)", "write the keys out")
            if text in _NULL:
                raise self._refuse(event, "an empty key", "give the key a name")
            if _BOOLEAN.fullmatch(text):
                raise self._refuse(event, f"the key {text!r} is read by YAML as true or false", "choose another name")
            if _is_guessed(text) or _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text):
                raise self._refuse(event, f"the key {text!r} is not a word", "put it in quotes, or use a word")
        self._check_text(event)
        if text in frame.lines:
            problem = f"the key {one_line(text, 60)!r} is there twice (first on line {frame.lines[text]})"
            raise self._refuse(event, problem, "keep one of the two")
        frame.lines[text] = line
        frame.key, frame.key_place = text, (line, column)

    def _put(self, value: Any, event: Any) -> Path:
        """Put a value into what is open; return its path."""
        line, column = _at(event)
        if not self._stack:
            self.root = value
            self.places[()] = Place(line, column, line, column)
            return ()
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            path = (*frame.path, len(frame.value))
            frame.value.append(value)
            self.places[path] = Place(line, column, line, column)
        else:
            assert frame.key is not None
            path = (*frame.path, frame.key)
            frame.value[frame.key] = value
            self.places[path] = Place(line, column, *frame.key_place)
            frame.key = None
        return path

    def _value(self, event: Any) -> Any:
        text: str = event.value
        if event.style not in (None, ""):
            self._check_text(event)
            return text
        if text in _NULL:
            raise self._refuse(event, "no value", 'write one: {} for an empty mapping, "" for empty text')
        if _BOOLEAN.fullmatch(text):
            if text in ("true", "false"):
                return text == "true"
            raise self._refuse(event, f"{text} can mean true, false or a word", f'write true or false, or "{text}"')
        if _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self._refuse(event, "a number with too many digits", "write it shorter, or put it in quotes")
            return int(text) if "." not in text else float(text)
        if _is_guessed(text):
            raise self._refuse(
                event, f"{one_line(text, 40)} is {_guess(text)} to YAML", f'write "{one_line(text, 40)}"'
            )
        self._check_text(event)
        return text

    def _check_text(self, event: Any) -> None:
        hidden = _HIDDEN.search(event.value)
        if hidden and hidden.group() != "\t":
            raise self._refuse(event, f"text with a hidden character (U+{ord(hidden.group()):04X})", "take it out")

    def _refuse(self, event: Any, problem: str, mend: str) -> BadYaml:
        return BadYaml(self.file, *_at(event), problem, mend)


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _is_guessed(text: str) -> bool:
    return bool(_SEXAGESIMAL.fullmatch(text) or _DATE.fullmatch(text) or _NUMBER_LIKE.fullmatch(text))


def _guess(text: str) -> str:
    if _SEXAGESIMAL.fullmatch(text):
        return "a number in base 60"
    return "a date" if _DATE.fullmatch(text) else "a number of another kind"

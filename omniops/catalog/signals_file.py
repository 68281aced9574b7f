"""The file of `classify --signals`: JSON or YAML into plain values, keys never twice. Numbers may be of any length,
as a monitoring system writes them, so this is not the strict reading that runbooks get."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from omniops.errors import BadInput
from omniops.text import one_line

MAX_BYTES = 1 << 16
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|nan)", re.IGNORECASE)


def read(data: bytes, name: str) -> Any:
    """Return what a signals file holds. Raises BadInput naming the file and, where it is YAML, line and column."""
    if len(data) > MAX_BYTES:
        _bad(name, f"is too large: more than {MAX_BYTES} bytes", "give the signals alone")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _bad(name, "is not UTF-8 text", "save it as UTF-8")
    if not text.strip():
        _bad(name, "is empty", "write what is known, such as `error_ratio: 0.62`; {} if nothing is")
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, name))
    except RecursionError:
        _bad(name, "is nested too deeply", "write two levels at most")
    except ValueError:
        return _yaml(text, name)


def _object(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        _bad(name, f"has the key {one_line(twice, 40)!r} twice", "keep one of the two")
    return made


def _yaml(text: str, name: str) -> Any:
    import yaml

    try:
        # The base loader leaves every plain word as it is written: no base 60, no octal, no dates, no yes and no.
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        return {} if node is None else _value(node, name, set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        _bad(
            f"{name}{place}",
            f"is neither JSON nor YAML: {one_line(error.problem or error.context, 80)}",
            "mend it there",
        )
    except (yaml.YAMLError, ValueError) as error:
        _bad(name, f"is neither JSON nor YAML: {one_line(error, 80)}", "write lines such as `error_ratio: 0.62`")
    except RecursionError:
        _bad(name, "is nested too deeply", "write two levels at most")


def _value(node: Any, name: str, seen: set[int]) -> Any:
    import yaml

    place = f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    if id(node) in seen:
        _bad(place, "has an alias (*name)", "write the value out where it is used")
    seen.add(id(node))
    if node.tag.rpartition(":")[2] not in ("str", "map", "seq"):
        _bad(place, f"has a tag ({one_line(node.tag, 40)})", "take the tag out")
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, name, seen) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                _bad(place, "has a key that is not a word", "write `key: value`")
            if key.value in made:
                at = f"{name}:{key.start_mark.line + 1}:{key.start_mark.column + 1}"
                _bad(at, f"has the key {one_line(key.value, 40)!r} twice", "keep one of the two")
            made[key.value] = _value(item, name, seen)
        return made
    return node.value if node.style else _plain(node.value)


def _plain(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return float(text.replace(".", "")) if _NOT_FINITE.fullmatch(text) else text


def _bad(name: str, problem: str, mend: str) -> NoReturn:
    raise BadInput(f"{one_line(name)} {problem}", state="nothing was judged", next=mend)

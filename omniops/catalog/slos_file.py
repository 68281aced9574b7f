"""SLOs from a file of the operator's choice: omniops' own format, or the owners' `ops/slos.yaml` (slo.dev/v1).

The owners' file is not written for omniops, so it is read leniently: what omniops does not know is passed over. What
it does read must make sense, or the error says where it does not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from omniops.catalog.strict_yaml import BadYaml
from omniops.errors import BadInput
from omniops.incident import ladder as shapes
from omniops.text import one_line, seconds

MAX_BYTES = 1 << 20
_SELECTOR = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*\s*(?:\{[^{}]*\})?)\s*\[[0-9a-z]+\]")
_GAUGE = re.compile(r"\s*sum\s*\(\s*([A-Za-z_:][A-Za-z0-9_:]*\s*(?:\{[^{}]*\})?)\s*\)\s*")
_QUANTILE = re.compile(r"histogram_quantile\s*\(\s*(0?\.[0-9]+)\s*,")
_KEY = re.compile(r"(\s*(?:- +)?)([A-Za-z_][\w-]*)\s*:(?:\s|$)")


def read_slos(path: Path) -> shapes.Slos:
    """Read either format. Raises BadInput with file, line, column and the likely mend."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read", why=error.strerror or str(error), state="it was not used", next="mend the path"
        ) from None
    if len(data) > MAX_BYTES:
        raise BadInput(f"{path} is too large: more than {MAX_BYTES} bytes", state="it was not used")
    root = _compose(data, str(path))
    top = _Node(root, str(path)).mapping()
    if "format" in top:
        from omniops.catalog.ladder import load_slos

        return load_slos(path)
    return _owners(top, _Node(root, str(path)))


def _compose(data: bytes, name: str) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadYaml(name, line, 1, "not UTF-8", "save the file as UTF-8") from None
    try:
        # The base loader leaves every word as it is written: `2026-06-18` stays text.
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        problem = one_line(error.problem or error.context or "not YAML", 120)
        raise BadYaml(name, line, column, f"not YAML: {problem}", _mend(text.splitlines(), line)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(name, 1, 1, f"not YAML: {one_line(error, 120)}", "write plain YAML") from None
    if root is None:
        raise BadYaml(name, 1, 1, "the file is empty", "write something in it, or leave --file out")
    return root


def _mend(lines: list[str], number: int) -> str:
    """The likely mend of a line that is no YAML: most often a key one level too deep under its neighbour."""
    here = _KEY.match(lines[number - 1]) if number <= len(lines) else None
    above = next((line for line in reversed(lines[: number - 1]) if line.strip()), "")
    before = _KEY.match(above)
    if here and before and len(here[1]) > len(before[1]) and above[before.end() :].strip():
        return (
            f"`{here[2]}` is indented too deep: put it in column {len(before[1]) + 1}, "
            f"under the `{before[2]}` of the line above"
        )
    if here and before and len(here[1]) != len(before[1]):
        return f"check the indentation of `{here[2]}` against the lines above"
    return "check quotes, brackets and indentation here and on the line above"


class _Node:
    """A value of the file that knows where it is."""

    def __init__(self, node: Any, file: str) -> None:
        self._node, self._file = node, file

    def fail(self, problem: str, mend: str) -> NoReturn:
        mark = self._node.start_mark
        raise BadYaml(self._file, mark.line + 1, mark.column + 1, problem, mend)

    def mapping(self) -> dict[str, _Node]:
        if not isinstance(self._node, yaml.MappingNode):
            self.fail("a mapping is wanted here", "write `key: value` lines")
        found: dict[str, _Node] = {}
        for key, value in self._node.value:
            name = str(key.value)
            if name in found:
                _Node(key, self._file).fail(f"the key {one_line(name, 60)!r} is there twice", "keep one of the two")
            found[name] = _Node(value, self._file)
        return found

    def items(self) -> list[_Node]:
        if not isinstance(self._node, yaml.SequenceNode):
            self.fail("a list is wanted here", "write `- ` before each item")
        return [_Node(item, self._file) for item in self._node.value]

    def text(self) -> str:
        if not isinstance(self._node, yaml.ScalarNode) or not self._node.value.strip():
            self.fail("text is wanted here", "write some")
        return str(self._node.value)

    def number(self) -> float:
        try:
            value = float(self.text())
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            self.fail(f"{one_line(self._node.value, 40)!r} is no number of at least 0", "write a plain number")
        return value

    def duration(self) -> float:
        try:
            return seconds(self.text())
        except ValueError:
            self.fail("a duration is wanted here", "write it with units, such as 5m or 30d")

    def get(self, *path: str) -> _Node | None:
        """The value at a path of keys; None where there is none."""
        node: _Node | None = self
        for key in path:
            if node is None or not isinstance(node._node, yaml.MappingNode):
                return None
            node = node.mapping().get(key)
        return node

    def need(self, *path: str) -> _Node:
        found = self.get(*path)
        if found is None:
            self.fail(f"{'.'.join(path)} is missing", f"add `{path[-1]}: ...`")
        return found


def _owners(top: dict[str, _Node], root: _Node) -> shapes.Slos:
    if "slos" not in top:
        root.fail("neither omniops' own format (format: 1) nor the owners' (slos: ...)", "add `slos:`")
    found: list[shapes.Slo] = []
    for node in top["slos"].items():
        slo = _slo(node)
        if slo.id in {other.id for other in found}:
            node.fail(f"the SLO {one_line(slo.id, 60)!r} is there twice", "rename one of the two")
        found.append(slo)
    main = next((slo for slo in found if slo.measures == "availability"), None)
    if main is None:
        top["slos"].fail("no SLO of the ratio of good requests to all", "add one with sli.spec.ratio")
    # A burn rate is one of the availability SLO, whose selectors tell it for every window.
    slos = [slo._replace(of=main.id) if slo.measures == "burn_rate" else slo for slo in found]
    return shapes.Slos(tuple(slos), shapes.shipped_slos().endpoints)


def _slo(node: _Node) -> shapes.Slo:
    id, title = node.need("id").text(), node.need("name").text()
    objectives = node.need("objectives").items()
    if not objectives:
        node.fail(f"{one_line(id, 60)} has no objective", "add one with target and window")
    target, window_s = objectives[0].need("target"), objectives[0].need("window").duration()
    slo = shapes.Slo(one_line(id, 60), one_line(title, 120), "", window_s)
    if node.get("sli", "spec", "ratio") is not None:
        objective = target.number()
        if not 0 < objective < 1:
            target.fail("it is not between 0 and 1", "99.9 % is written 0.999")
        good, every = (
            _selector(node.need("sli", "spec", "ratio", part, "metricSource", "query")) for part in ("success", "total")
        )
        return slo._replace(measures="availability", objective=objective, good=good, all=every)
    query = node.need("sli", "spec", "threshold", "metricSource", "query")
    expr = query.text()
    comparison = objectives[0].get("comparison")
    more = comparison is not None and comparison.text() in ("gt", "gte")
    share = _QUANTILE.search(expr)
    if share:
        return slo._replace(
            measures="latency", quantile=float(share[1]), budget_s=target.number(), buckets=_selector(query)
        )
    gauge = _GAUGE.fullmatch(expr)
    if gauge:
        return slo._replace(measures="count", below=target.number(), gauge=gauge[1].strip())
    if more and "/" in expr:
        return slo._replace(measures="burn_rate", below=target.number())
    query.fail(
        "neither a histogram_quantile, nor a sum of a gauge, nor a burn rate", "write one of them, or leave the SLO out"
    )


def _selector(query: _Node) -> str:
    """The series that a query is about: the selector before its window."""
    found = _SELECTOR.search(query.text())
    if found is None:
        query.fail("no selector with a window, such as metric{...}[5m]", "write the query with one")
    return found[1].strip()

"""severity.yaml and slos.yaml, read strictly into a `Ladder` and `Slos`; this module reads files.

``python -m omniops.catalog.ladder runbooks`` prints omniops/incident/shipped.py, the copy that classify starts with.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from omniops.errors import BadInput
from omniops.incident import ladder as shapes
from omniops.incident.ladder import SEVERITIES
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.catalog.node import Node

RATIO_WINDOW_S = 300.0  # design: error_ratio is over the last 5 minutes
_LIMITS = ("above", "at_least", "at_most", "below")
_MEASURES = {
    "availability": ("objective",),
    "burn_rate": ("below", "of"),
    "latency": ("quantile", "budget"),
    "count": ("below",),
}


def ladder_for(folder: Path | None) -> shapes.Ladder:
    """Return the ladder in force: the shipped one, or that of a user's folder. Raises BadInput."""
    slos = slos_for(folder)
    path = folder / "severity.yaml" if folder else None
    if path and path.exists():
        return load_ladder(path, slos)
    ladder = shapes.shipped()
    if slos is shapes.shipped_slos():
        return ladder
    return ladder._replace(**_from_slos(slos, "availability-cluster", "latency-p95-aggregate", _missing_slo(folder)))


def slos_for(folder: Path | None) -> shapes.Slos:
    """Return the SLOs in force: the shipped ones, or those of a user's folder. Raises BadInput."""
    path = folder / "slos.yaml" if folder else None
    return load_slos(path) if path and path.exists() else shapes.shipped_slos()


def load_ladder(path: Path, slos: shapes.Slos | None = None) -> shapes.Ladder:
    """Read a severity.yaml. ``slos``: where its objectives come from; the shipped ones by default.

    Raises BadInput with file, line and column.
    """
    from omniops.catalog.node import open_yaml

    root = open_yaml(path)
    top = root.fields(("format", "burn_rate_of", "p95_of", "severities", "rules", "security", "runbooks"))
    top["format"].exactly_1()
    severities = tuple(_severity(node) for node in top["severities"].items())
    if tuple(severity.id for severity in severities) != SEVERITIES:
        top["severities"].fail("the severities are not SEV-1, SEV-2, SEV-3, SEV-4", "list all four, worst first")
    security = _security(top["security"])
    facts = [fact.id for severity in severities for fact in severity.facts] + [security.fact]
    top["severities"].unique(facts, "fact")
    rules = tuple(_rule(node) for node in top["rules"].items())
    top["rules"].unique([rule.id for rule in rules] + facts, "rule or fact")
    runbooks = tuple(_suggestion(node, {*facts, *(rule.id for rule in rules)}) for node in top["runbooks"].items())
    names = top["burn_rate_of"].text(), top["p95_of"].text()
    objectives = _from_slos(slos or shapes.shipped_slos(), *names, lambda why, key: top[key].fail(why, "see slos.yaml"))
    return shapes.Ladder(severities, rules, security, runbooks, **objectives)


def load_slos(path: Path) -> shapes.Slos:
    """Read a slos.yaml. Raises BadInput with file, line and column."""
    from omniops.catalog.node import open_yaml

    root = open_yaml(path)
    top = root.fields(("format", "slos"), ("endpoints",))
    top["format"].exactly_1()
    slos = tuple(_slo(node) for node in top["slos"].items())
    top["slos"].unique([slo.id for slo in slos], "SLO")
    for node, slo in zip(top["slos"].items(), slos, strict=True):
        if slo.of and slo.of not in {other.id for other in slos}:
            node.fail(f"of: {one_line(slo.of, 60)!r} is no SLO of this file", "write the id of one")
    endpoints = tuple(_endpoint(node) for node in top["endpoints"].items()) if "endpoints" in top else ()
    return shapes.Slos(slos, endpoints)


def _from_slos(slos: shapes.Slos, burn: str, p95: str, fail: Callable[[str, str], NoReturn]) -> dict[str, Any]:
    found = {slo.id: slo for slo in slos.slos}
    availability, latency = found.get(burn), found.get(p95)
    if availability is None or availability.objective is None:
        fail(f"{one_line(burn, 60)!r} is no SLO with an objective", "burn_rate_of")
    if latency is None or latency.budget_s is None:
        fail(f"{one_line(p95, 60)!r} is no SLO with a budget", "p95_of")
    return {"objective": availability.objective, "p95_budget_s": latency.budget_s}


def _missing_slo(folder: Path | None) -> Callable[[str, str], NoReturn]:
    def fail(why: str, key: str) -> NoReturn:
        raise BadInput(
            f"{folder}/slos.yaml does not hold what the severity ladder needs",
            why=f"{key}: {why}",
            state="nothing was judged",
            next="add it, or put a severity.yaml beside it that names another",
        )

    return fail


def _severity(node: Node) -> shapes.Severity:
    top = node.fields(("id", "definition", "examples", "tell", "facts"), ("page", "resolve_within", "resolve_words"))
    if ("resolve_within" in top) == ("resolve_words" in top):
        node.fail("exactly one of resolve_within and resolve_words is needed", "resolve_within: 4h")
    return shapes.Severity(
        id=top["id"].one_of(SEVERITIES),
        definition=top["definition"].text(),
        examples=tuple(example.text() for example in top["examples"].items()),
        tell=top["tell"].text(),
        facts=tuple(shapes.Fact(key, words.text()) for key, words in top["facts"].mapping().items()),
        page=_page(top["page"]) if "page" in top else shapes.Page(),
        resolve_s=round(top["resolve_within"].duration()) if "resolve_within" in top else None,
        resolve_words=top["resolve_words"].text() if "resolve_words" in top else "",
    )


def _page(node: Node) -> shapes.Page:
    top = node.fields(("role", "within"), ("priority",))
    priority = top["priority"].one_of(("P0", "P1")) if "priority" in top else None
    return shapes.Page(top["role"].text(), priority, round(top["within"].duration(zero=True)))


def _rule(node: Node) -> shapes.Rule:
    top = node.fields(("id", "severity", "signal"), ("window", "lasting", "min_errors", "unless", *_LIMITS))
    limits = {key: top[key].number() for key in _LIMITS if key in top}
    if not limits:
        node.fail(f"a rule needs a limit: one of {', '.join(_LIMITS)}", "such as `above: 0.5`")
    signal = top["signal"].one_of(("error_ratio", "burn_rate", "slo_breach", "p95"))
    wanted = {"error_ratio": "window", "burn_rate": "window", "slo_breach": "lasting"}.get(signal)
    for key in ("window", "lasting"):
        if (key == wanted) != (key in top):
            node.fail(f"{key} is {'missing, and needed' if key == wanted else 'not'} for {signal}", f"{key}: 5m")
    window = top["window"].duration() if "window" in top else 0.0
    if signal == "error_ratio" and window != RATIO_WINDOW_S:
        top["window"].fail("error_ratio is over 5 minutes", "write `window: 5m`")
    floor = "min_errors" in top
    if floor and (wanted != "window" or not {"above", "at_least"} & limits.keys()):
        top["min_errors"].fail("min_errors is for ratios and burn rates with `above` or `at_least`", "take it out")
    return shapes.Rule(
        id=top["id"].text(),
        severity=top["severity"].one_of(SEVERITIES),
        signal=signal,
        window_s=window,
        lasting_s=top["lasting"].duration() if "lasting" in top else 0.0,
        min_errors=round(top["min_errors"].number()) if floor else 0,
        unless=tuple(one.one_of(SEVERITIES) for one in top["unless"].items()) if "unless" in top else (),
        **limits,
    )


def _security(node: Node) -> shapes.Security:
    top = node.fields(("fact", "words", "tell", "page", "runbook"))
    words = {key: top[key].text() for key in ("fact", "words", "tell", "runbook")}
    return shapes.Security(page=_page(top["page"]), **words)


def _suggestion(node: Node, known: set[str]) -> shapes.Suggestion:
    top = node.fields(("when", "runbook"))
    return shapes.Suggestion(top["when"].one_of(known), top["runbook"].text())


def _slo(node: Node) -> shapes.Slo:
    words, numbers = (
        ("of", "paged_as", "good", "all", "buckets", "gauge"),
        ("objective", "quantile", "below", "page_at"),
    )
    top = node.fields(("id", "title", "measures", "window"), (*words, *numbers, "budget"))
    measures = top["measures"].one_of(tuple(_MEASURES))
    for key in _MEASURES[measures]:
        if key not in top:
            node.fail(f"{key} is missing: an SLO that measures {measures} needs it", f"add `{key}: ...`")
    for key in ("objective", "quantile"):
        if key in top and not 0 < top[key].number() <= 0.999999999:
            top[key].fail("it is not between 0 and 1", "99.9 % is written 0.999")
    given: dict[str, Any] = {key: top[key].text() for key in words if key in top}
    given |= {key: top[key].number() for key in numbers if key in top}
    return shapes.Slo(
        id=top["id"].text(),
        title=top["title"].text(),
        measures=measures,
        window_s=top["window"].duration(),
        budget_s=top["budget"].duration() if "budget" in top else None,
        **given,
    )


def _endpoint(node: Node) -> shapes.Endpoint:
    top = node.fields(("path", "p50", "p95", "p99"), ("method", "part"))
    return shapes.Endpoint(
        path=top["path"].text(),
        **{f"{key}_s": top[key].duration() for key in ("p50", "p95", "p99")},
        method=top["method"].one_of(("GET", "POST", "PUT", "DELETE")) if "method" in top else "",
        part=top["part"].one_of(("first_byte",)) if "part" in top else "",
    )


def shipped_source(folder: Path) -> str:
    """Return the source of omniops/incident/shipped.py for the YAML in ``folder``."""
    slos = load_slos(folder / "slos.yaml")
    ladder = load_ladder(folder / "severity.yaml", slos)
    names = "Endpoint, Fact, Ladder, Page, Rule, Security, Severity, Slo, Slos, Suggestion"
    return (
        '"""Generated from runbooks/severity.yaml and slos.yaml by `python -m omniops.catalog.ladder runbooks`."""\n\n'
        f"from __future__ import annotations\n\nfrom omniops.incident.ladder import {names}\n\n"
        f"LADDER = {_source(ladder)}\n\nSLOS = {_source(slos)}\n"
    )


def _source(value: Any, indent: str = "", room: int = 70) -> str:
    """Write a value as ``ruff format`` would leave it: on one line where it fits, else one item to a line."""
    import json

    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if '"' not in value else repr(value)
    if not isinstance(value, tuple) or not value:
        return repr(value)
    deeper = indent + "    "
    name, items = "", {str(index): item for index, item in enumerate(value)}
    shape: Any = type(value)
    if hasattr(shape, "_fields"):
        name, defaults = shape.__name__, shape._field_defaults
        items = {
            key: item
            for key, item in zip(shape._fields, value, strict=True)
            if key not in defaults or item != defaults[key]
        }
    written = [(f"{key}=" if name else "") + _source(item, deeper) for key, item in items.items()]
    line = f"{name}({', '.join(written)}{',' if len(written) == 1 and not name else ''})"
    if len(line) <= room and "\n" not in line:
        return line
    return f"{name}(\n" + "".join(f"{deeper}{text},\n" for text in written) + f"{indent})"


if __name__ == "__main__":
    import sys

    sys.stdout.write(shipped_source(Path(sys.argv[1])))

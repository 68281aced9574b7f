"""What is known about an incident, parsed into `Signals`. Pure; what is absent stays unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from omniops.errors import BadInput
from omniops.text import one_line, seconds

KEYS = ("error_ratio", "requests", "burn_rate", "slo_breach", "p95_seconds", "p95_budget_seconds", "facts")
RATIO_WINDOW_S = 300.0  # error_ratio, and `requests` without a window, are over the last 5 minutes
LONGEST_S = 366 * 86400
_SEVERITY = re.compile(r"(?:sev)?[\s_-]*([1-4])", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE | re.ASCII)


class Signals(NamedTuple):
    """The parsed signals; None and empty mappings are unknown. Windows are keys in seconds."""

    error_ratio: float | None
    requests: dict[float, float]
    burn_rate: dict[float, float]
    slo_factor: float | None
    slo_for_s: float | None
    p95_s: float | None
    p95_budget_s: float | None
    facts: tuple[str, ...]


def parse(given: Mapping[Any, Any], facts: Iterable[str], where: str = "") -> Signals:
    """Read a mapping of the signals in design.md. ``facts``: those the ladder knows. ``where``: a file; "" for flags.

    Raises BadInput, naming the signal, what is wrong with it and the mend.
    """
    read = _Reader(where)
    if not isinstance(given, Mapping):
        read.bad("", f"the signals are {_kind(given)}, not a mapping", "write lines such as `error_ratio: 0.62`")
    for key in given:
        if key not in KEYS:
            read.bad("", f"{_shown(key)} is no signal", _nearest(key, KEYS))
    breach = read.breach(given.get("slo_breach"))
    signals = Signals(
        error_ratio=read.ratio("error_ratio", given.get("error_ratio")),
        requests=read.requests(given.get("requests")),
        burn_rate=read.windows("burn_rate", given.get("burn_rate")),
        slo_factor=breach[0],
        slo_for_s=breach[1],
        p95_s=read.number("p95_seconds", given.get("p95_seconds")),
        p95_budget_s=read.number("p95_budget_seconds", given.get("p95_budget_seconds"), above_zero=True),
        facts=read.facts(given.get("facts"), tuple(facts)),
    )
    read.consistent(signals)
    return signals


def merge(under: Signals, over: Signals) -> tuple[Signals, list[str]]:
    """Lay signals over others, window by window; facts are added up. Also returns the names of what was replaced.

    Raises BadInput where the two contradict each other.
    """
    replaced = [
        name
        for name, field in (
            ("error_ratio", "error_ratio"),
            ("slo_breach", "slo_factor"),
            ("p95_seconds", "p95_s"),
            ("p95_budget_seconds", "p95_budget_s"),
        )
        if None not in (old := getattr(under, field), new := getattr(over, field)) and old != new
    ]
    for name in ("requests", "burn_rate"):
        old, new = getattr(under, name), getattr(over, name)
        replaced += [f"{name}.{window(w)}" for w in new if w in old and old[w] != new[w]]
    breach = over if over.slo_factor is not None else under
    merged = Signals(
        error_ratio=under.error_ratio if over.error_ratio is None else over.error_ratio,
        requests=under.requests | over.requests,
        burn_rate=under.burn_rate | over.burn_rate,
        slo_factor=breach.slo_factor,
        slo_for_s=breach.slo_for_s,
        p95_s=under.p95_s if over.p95_s is None else over.p95_s,
        p95_budget_s=under.p95_budget_s if over.p95_budget_s is None else over.p95_budget_s,
        facts=tuple(dict.fromkeys(under.facts + over.facts)),
    )
    _Reader("the file and the flags together").consistent(merged)
    return merged, replaced


def from_flags(flags: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Turn flags (signal -> the values given, ``facts`` too) into the mapping that ``parse`` reads. Raises BadInput."""
    read, given = _Reader(""), dict[str, Any]()
    for key in ("error_ratio", "p95_seconds", "p95_budget_seconds"):
        for text in read.once(key, flags.get(key, ())):
            given[key] = read.written_number(key, text)
    for text in read.once("slo_breach", flags.get("slo_breach", ())):
        factor, colon, lasting = text.partition(":")
        if not colon:
            read.bad(
                "slo_breach",
                f"{_shown(text)} says not for how long",
                "write it as FACTOR:TIME, `--slo-breach 1.8:15m` for 1.8 times over it during 15 minutes",
            )
        given["slo_breach"] = {"factor": read.written_number("slo_breach", factor), "for": lasting}
    for key in ("requests", "burn_rate"):
        for text in flags.get(key, ()):
            name, equals, number = text.rpartition("=")
            if not equals and key == "burn_rate":
                read.bad(key, f"{_shown(text)} names no window", f"write it as `--burn-rate 5m={text}`")
            name = name if equals else window(RATIO_WINDOW_S)
            if name in given.setdefault(key, {}):
                read.bad(key, f"{_shown(name)} is given twice", "keep one of the two")
            given[key][name] = read.written_number(key, number)
    if flags.get("facts"):
        given["facts"] = list(flags["facts"])
    return given


def written(signals: Signals) -> dict[str, Any]:
    """Write signals as a signals file has them; what is unknown is left out."""
    given: dict[str, Any] = {
        "error_ratio": signals.error_ratio,
        "requests": {window(length): count for length, count in sorted(signals.requests.items())},
        "burn_rate": {window(length): rate for length, rate in sorted(signals.burn_rate.items())},
        "p95_seconds": signals.p95_s,
        "p95_budget_seconds": signals.p95_budget_s,
        "facts": list(signals.facts),
    }
    if signals.slo_factor is not None and signals.slo_for_s is not None:
        given["slo_breach"] = {"factor": signals.slo_factor, "for": window(signals.slo_for_s)}
    return {key: value for key, value in given.items() if value not in (None, {}, [])}


def parse_severity(text: str) -> str:
    """Read ``SEV-1``, ``sev1``, ``Sev 1`` or ``1`` as ``SEV-1``. Raises BadInput."""
    found = _SEVERITY.fullmatch(text.strip())
    if not found:
        raise BadInput(
            f"{_shown(text)} is no severity",
            why="the ladder has SEV-1, SEV-2, SEV-3 and SEV-4",
            state="nothing was attempted",
            next="write one of them, such as SEV-2",
        )
    return f"SEV-{found[1]}"


def window(value_s: float) -> str:
    """Write a window or duration the short way: ``5m``, ``1h``, ``7d``, ``90s``."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if value_s >= size and value_s % size == 0:
            return f"{value_s // size:.0f}{unit}"
    return f"{value_s:g}s"


class _Reader:
    """Checks one value after another; knows how to name them: ``burn_rate.5m in FILE``, or ``--burn-rate``."""

    def __init__(self, where: str) -> None:
        self._where = where

    def bad(self, key: str, problem: str, mend: str) -> NoReturn:
        flag = f"--{key.partition('.')[0].replace('_', '-')}" if key else ""
        name = f"{one_line(self._where)}: {one_line(key)}" if self._where else flag
        name = name.replace("--facts", "--fact").rstrip(": ")
        what = f"{name}: {problem}" if name else problem
        raise BadInput(what, state="nothing was judged", next=mend)

    def number(self, key: str, value: Any, *, above_zero: bool = False) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.bad(key, f"{_shown(value)} is {_kind(value)}, not a number", "write a plain number, without quotes")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.bad(key, f"{_shown(value)} is not a finite number", "leave out what is not known; no data is not zero")
        if number < 0 or (above_zero and number == 0):
            self.bad(
                key, f"{_shown(value)} is not {'above' if above_zero else 'at least'} 0", "check its sign and unit"
            )
        return number

    def ratio(self, key: str, value: Any) -> float | None:
        number = self.number(key, value)
        if number is not None and number > 1:
            mend = f"for {_shown(value)} % write {number / 100:.6g}" if number <= 100 else "write a number from 0 to 1"
            self.bad(key, f"{_shown(value)} is outside 0 to 1", mend)
        return number

    def windows(self, key: str, value: Any) -> dict[float, float]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.bad(key, f"{_shown(value)} is {_kind(value)}, not a mapping of windows", f"write `{key}: {{5m: 7.1}}`")
        found: dict[float, float] = {}
        for name, item in value.items():
            length = self.duration(f"{key}.{_shown(name, bare=True)}", name, "a window", above_zero=True)
            if length in found:
                self.bad(key, f"the window {window(length)} is given twice", "keep one of the two")
            number = self.number(f"{key}.{window(length)}", item)
            if number is not None:
                found[length] = number
        return found

    def requests(self, value: Any) -> dict[float, float]:
        if isinstance(value, Mapping):
            return self.windows("requests", value)
        number = self.number("requests", value)
        return {} if number is None else {RATIO_WINDOW_S: number}

    def breach(self, value: Any) -> tuple[float | None, float | None]:
        if value is None:
            return None, None
        if not isinstance(value, Mapping):
            mend = "write `slo_breach: {factor: 1.8, for: 15m}`"
            self.bad("slo_breach", f"{_shown(value)} is {_kind(value)}, not a mapping", mend)
        for key in value:
            if key not in ("factor", "for"):
                self.bad("slo_breach", f"{_shown(key)} is not known here", _nearest(key, ("factor", "for")))
        lasting = value.get("for")
        length = None if lasting is None else self.duration("slo_breach.for", lasting, "a duration")
        return self.number("slo_breach.factor", value.get("factor")), length

    def duration(self, key: str, value: Any, what: str, *, above_zero: bool = False) -> float:
        mend = "write it with units, such as 90s, 5m or 1h"
        if not isinstance(value, str):
            self.bad(key, f"{_shown(value)} is {_kind(value)}, not {what}", mend)
        try:
            length = seconds(value)
        except ValueError:
            self.bad(key, f"{_shown(value)} is not {what}", mend)
        if length > LONGEST_S or (above_zero and length == 0):
            self.bad(key, f"{_shown(value)} is {'0' if length == 0 else 'more than a year'}", mend)
        return length

    def facts(self, value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)):
            self.bad("facts", f"{_shown(value)} is {_kind(value)}, not a list", "write `facts: [single_provider_down]`")
        for fact in value:
            if not isinstance(fact, str) or fact not in known:
                self.bad("facts", f"{_shown(fact)} is not a known fact", _nearest(fact, known))
        return tuple(dict.fromkeys(value))

    def consistent(self, signals: Signals) -> None:
        counts = sorted(signals.requests.items())
        for (short, few), (long, many) in pairwise(counts):
            if few > many:
                problem = f"more requests over {window(short)} than over {window(long)}: {few:g} and {many:g}"
                self.bad("requests", problem, "check both counts")

    def once(self, key: str, values: Sequence[str]) -> Sequence[str]:
        if len(values) > 1:
            self.bad(key, f"given {len(values)} times", "keep one of them")
        return values

    def written_number(self, key: str, text: str) -> float:
        if not _NUMBER.fullmatch(text):
            percent = _NUMBER.fullmatch(text.removesuffix("%")) if key == "error_ratio" and text.endswith("%") else None
            mend = f"write {float(text[:-1]) / 100:.6g}" if percent else "write a plain number, such as 0.62"
            self.bad(key, f"{_shown(text)} is not a number", mend)
        return float(text)


def _shown(value: Any, *, bare: bool = False) -> str:
    try:
        text = f"{value:.12g}" if isinstance(value, float) else str(value)
    except ValueError:  # Python refuses to write out an integer of thousands of digits
        text = "a huge number"
    text = one_line(text, 40)
    return f"'{text}'" if isinstance(value, str) and not bare else text


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {
        bool: "true or false",
        str: "text",
        list: "a list",
        dict: "a mapping",
        type(None): "nothing",
    }
    return kinds.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)


def _nearest(key: Any, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(_shown(key, bare=True), known, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"

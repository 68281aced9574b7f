"""Signals from outside: what is read, and what is refused with which words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omniops.errors import BadInput
from omniops.incident.ladder import shipped
from omniops.incident.signals import KEYS, from_flags, merge, parse, parse_severity, window

FACTS = [fact.id for fact in shipped().facts]


def read(**given: Any) -> Any:
    return parse(given, FACTS, "signals.yaml")


def test_reads_everything() -> None:
    """The example of the documentation is read into seconds and numbers."""
    signals = read(
        error_ratio=0.62,
        requests={"5m": 5000, "1h": 60000},
        burn_rate={"5m": 7.1, "1h": 2.4, "7d": 0.6},
        slo_breach={"factor": 1.8, "for": "15m"},
        p95_seconds=2.4,
        facts=["single_provider_down", "single_provider_down"],
    )
    assert signals.requests == {300: 5000, 3600: 60000}
    assert signals.burn_rate == {300: 7.1, 3600: 2.4, 604800: 0.6}
    assert (signals.slo_factor, signals.slo_for_s) == (1.8, 900)
    assert (signals.error_ratio, signals.p95_s, signals.p95_budget_s) == (0.62, 2.4, None)
    assert signals.facts == ("single_provider_down",)


def test_plain_requests_are_of_five_minutes() -> None:
    """Requests without a window are those of the error ratio's 5 minutes."""
    assert read(requests=5000).requests == {300: 5000}


def test_absent_and_null_are_unknown() -> None:
    """What is absent, and what a monitoring system writes as null, is unknown."""
    empty = parse({}, FACTS)
    assert parse(dict.fromkeys(KEYS), FACTS) == empty
    assert read(burn_rate={"5m": None}) == empty
    assert (empty.error_ratio, empty.requests, empty.burn_rate, empty.facts) == (None, {}, {}, ())


HUGE = 10**5000
BAD: list[tuple[dict[Any, Any], str, str]] = [
    ({"eror_ratio": 0.5}, "signals.yaml: 'eror_ratio' is no signal", "did you mean error_ratio?"),
    ({"error_ratio": 1.01}, "signals.yaml: error_ratio: 1.01 is outside 0 to 1", "for 1.01 % write 0.0101"),
    ({"error_ratio": 62}, "62 is outside 0 to 1", "for 62 % write 0.62"),
    ({"error_ratio": 200}, "200 is outside 0 to 1", "write a number from 0 to 1"),
    ({"error_ratio": -0.1}, "-0.1 is not at least 0", "sign"),
    ({"error_ratio": math.nan}, "nan is not a finite number", "no data is not zero"),
    ({"error_ratio": math.inf}, "inf is not a finite number", "leave out"),
    ({"error_ratio": HUGE}, "a huge number is not a finite number", "leave out"),
    ({"error_ratio": True}, "error_ratio: True is true or false, not a number", "plain number"),
    ({"error_ratio": "0.62"}, "error_ratio: '0.62' is text, not a number", "without quotes"),
    ({"error_ratio": [0.6]}, "a list, not a number", "plain number"),
    ({"requests": -1}, "requests: -1 is not at least 0", "sign"),
    ({"requests": False}, "true or false, not a number", "plain number"),
    ({"requests": {"5m": 10, "1h": 9}}, "more requests over 5m than over 1h: 10 and 9", "check both"),
    ({"requests": {"five": 10}}, "requests.five: 'five' is not a window", "with units"),
    ({"burn_rate": 7.1}, "burn_rate: 7.1 is a number, not a mapping of windows", "{5m: 7.1}"),
    ({"burn_rate": {5: 7.1}}, "burn_rate.5: 5 is a number, not a window", "with units"),
    ({"burn_rate": {"5": 7.1}}, "'5' is not a window", "with units"),
    ({"burn_rate": {"0m": 7.1}}, "'0m' is 0", "with units"),
    ({"burn_rate": {"999d": 7.1}}, "'999d' is more than a year", "with units"),
    ({"burn_rate": {"5m": 1, "300s": 2}}, "the window 5m is given twice", "keep one"),
    ({"burn_rate": {"5m": math.nan}}, "burn_rate.5m: nan is not a finite number", "leave out"),
    ({"burn_rate": {"1h": "2"}}, "burn_rate.1h: '2' is text, not a number", "without quotes"),
    ({"slo_breach": 1.8}, "slo_breach: 1.8 is a number, not a mapping", "{factor: 1.8, for: 15m}"),
    ({"slo_breach": {"factor": 1.8, "for": 15}}, "slo_breach.for: 15 is a number, not a duration", "with units"),
    ({"slo_breach": {"factor": 1.8, "for": "15"}}, "'15' is not a duration", "with units"),
    ({"slo_breach": {"factor": "1.8", "for": "15m"}}, "slo_breach.factor: '1.8' is text", "without quotes"),
    ({"slo_breach": {"faktor": 1.8}}, "slo_breach: 'faktor' is not known here", "did you mean factor?"),
    ({"p95_seconds": -1}, "p95_seconds: -1 is not at least 0", "sign"),
    ({"p95_budget_seconds": 0}, "p95_budget_seconds: 0 is not above 0", "sign"),
    ({"facts": "security"}, "facts: 'security' is text, not a list", "[single_provider_down]"),
    (
        {"facts": ["singel_provider_down"]},
        "'singel_provider_down' is not a known fact",
        "did you mean single_provider_down?",
    ),
    ({"facts": [None]}, "facts: None is not a known fact", "known: security"),
    ({"facts": [["security"]]}, "is not a known fact", "security"),
    ({5: 1}, "signals.yaml: 5 is no signal", "known: error_ratio"),
    ({"\x1b[2Jerror": 1}, "signals.yaml: 'error' is no signal", "error_ratio"),
]


@pytest.mark.parametrize(("given", "what", "mend"), BAD, ids=[what for _, what, _ in BAD])
def test_refused(given: dict[Any, Any], what: str, mend: str) -> None:
    """What makes no sense is refused, naming the file, the signal, what is wrong and the mend."""
    with pytest.raises(BadInput) as caught:
        parse(given, FACTS, "signals.yaml")
    assert what in caught.value.what
    assert mend in caught.value.next
    assert caught.value.exit == 2
    assert len(caught.value.lines()) <= 4


def test_not_a_mapping() -> None:
    """A list or a number in place of the signals is refused."""
    others: list[Any] = [[], 5, "text", None]
    for instead in others:
        with pytest.raises(BadInput, match="not a mapping"):
            parse(instead, FACTS, "signals.yaml")


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["5m", *FACTS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), _ANY, max_size=4))
@example({"burn_rate": {"9" * 400 + "m": 1}})
@example({"requests": HUGE})
def test_nothing_but_bad_input(given: dict[str, Any]) -> None:
    """Any mapping at all is either read or refused in words."""
    refused = None
    try:
        parse(given, FACTS, "signals.yaml")
    except BadInput as error:
        refused = error
    assert refused is None or (refused.what.startswith("signals.yaml: ") and refused.next)


def test_flags_say_the_same() -> None:
    """Flags and file give the same signals."""
    flags = {
        "error_ratio": ["0.62"],
        "requests": ["5000", "1h=60000"],
        "burn_rate": ["5m=7.1", "7d=.6"],
        "slo_breach": ["1.8:15m"],
        "p95_seconds": ["2.4"],
        "facts": ["single_provider_down"],
    }
    assert parse(from_flags(flags), FACTS) == read(
        error_ratio=0.62,
        requests={"5m": 5000, "1h": 60000},
        burn_rate={"5m": 7.1, "7d": 0.6},
        slo_breach={"factor": 1.8, "for": "15m"},
        p95_seconds=2.4,
        facts=["single_provider_down"],
    )


@pytest.mark.parametrize(
    ("flags", "what", "mend"),
    [
        ({"error_ratio": ["0.1", "0.2"]}, "--error-ratio: given 2 times", "keep one"),
        ({"error_ratio": ["62%"]}, "--error-ratio: '62%' is not a number", "write 0.62"),
        ({"error_ratio": ["1_0"]}, "--error-ratio: '1_0' is not a number", "0.62"),
        ({"error_ratio": [""]}, "--error-ratio: '' is not a number", "0.62"),
        ({"error_ratio": ["nan"]}, "--error-ratio: nan is not a finite number", "leave out"),
        ({"error_ratio": ["-inf"]}, "--error-ratio: -inf is not a finite number", "leave out"),
        ({"error_ratio": ["-0.1"]}, "--error-ratio: -0.1 is not at least 0", "sign"),
        ({"error_ratio": ["1e999"]}, "--error-ratio: inf is not a finite number", "leave out"),
        ({"requests": ["5000", "5m=1"]}, "--requests: '5m' is given twice", "keep one"),
        ({"burn_rate": ["7.1"]}, "--burn-rate: '7.1' names no window", "--burn-rate 5m=7.1"),
        ({"burn_rate": ["5m=x"]}, "--burn-rate: 'x' is not a number", "plain number"),
        ({"burn_rate": ["5=7"]}, "--burn-rate: '5' is not a window", "with units"),
        ({"burn_rate": ["5m=7", "300s=8"]}, "--burn-rate: the window 5m is given twice", "keep one"),
        ({"slo_breach": ["1.8"]}, "--slo-breach: '1.8' says not for how long", "--slo-breach 1.8:15m"),
        ({"slo_breach": ["1.8:15"]}, "--slo-breach: '15' is not a duration", "with units"),
        ({"slo_breach": ["1.8:1m", "2:5m"]}, "--slo-breach: given 2 times", "keep one"),
        ({"facts": ["p95"]}, "--fact: 'p95' is not a known fact", "known:"),
    ],
)
def test_bad_flags(flags: dict[str, list[str]], what: str, mend: str) -> None:
    """A flag that makes no sense is named as it was typed."""
    with pytest.raises(BadInput) as caught:
        parse(from_flags(flags), FACTS)
    assert caught.value.what == what
    assert mend in caught.value.next


def test_merge_takes_the_flags() -> None:
    """Flags win signal by signal and window by window, facts are added up, and what was replaced is named."""
    under = read(
        error_ratio=0.1, burn_rate={"5m": 1, "1h": 2}, slo_breach={"factor": 1, "for": "1m"}, facts=["near_miss"]
    )
    over = read(error_ratio=0.2, burn_rate={"5m": 3}, slo_breach={"factor": 2, "for": "5m"}, facts=["cosmetic"])
    merged, replaced = merge(under, over)
    assert merged == read(
        error_ratio=0.2,
        burn_rate={"5m": 3, "1h": 2},
        slo_breach={"factor": 2, "for": "5m"},
        facts=["near_miss", "cosmetic"],
    )
    assert replaced == ["error_ratio", "slo_breach", "burn_rate.5m"]


def test_merge_refuses_a_contradiction() -> None:
    """Counts that cannot both be true are refused even where one is from the file and one from a flag."""
    with pytest.raises(BadInput, match="more requests over 5m than over 1h"):
        merge(read(requests={"1h": 10}), read(requests=11))


@pytest.mark.parametrize("text", ["SEV-1", "sev-1", "SEV1", "Sev 1", "sev_1", "1", " 1 "])
def test_severity_spellings(text: str) -> None:
    """A severity is understood as people type it."""
    assert parse_severity(text) == "SEV-1"


@pytest.mark.parametrize("text", ["", "SEV-5", "SEV-0", "P1", "11", "SEV-1!", "one", "SEV-١"])
def test_no_severity(text: str) -> None:
    """Anything else is refused with the four that there are."""
    with pytest.raises(BadInput, match="is no severity"):
        parse_severity(text)


def test_windows_are_written_short() -> None:
    """Windows read as people say them."""
    assert [window(s) for s in (300, 3600, 604800, 90, 5400, 0)] == ["5m", "1h", "7d", "90s", "90m", "0s"]

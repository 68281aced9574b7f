"""Section 1 of the runbook as a table: signals in, severity and exit code out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniops.incident.ladder import shipped
from omniops.incident.severity import Classification, classify
from omniops.incident.signals import parse

ONSET = datetime(2026, 11, 23, 17, 4, tzinfo=UTC)
LADDER = shipped()
FACTS = [fact.id for fact in LADDER.facts]
RANK = {"SEV-1": 4, "SEV-2": 3, "SEV-3": 2, "SEV-4": 1, None: 0}


def judge(**signals: Any) -> Classification:
    """Classify signals written as in a signals file."""
    return classify(parse(signals, FACTS, "signals.yaml"), LADDER, ONSET)


def breach(factor: float, lasting: str) -> dict[str, Any]:
    return {"slo_breach": {"factor": factor, "for": lasting}}


def burn(**rates: float) -> dict[str, Any]:
    return {"burn_rate": {key.removeprefix("_"): rate for key, rate in rates.items()}}


CASES: list[tuple[dict[str, Any], str | None, int]] = [
    # error ratio: strictly above 50 %; a 5-minute burn rate given keeps the derived one out of the way
    ({"error_ratio": 0.5, **burn(_5m=0)}, None, 0),
    ({"error_ratio": 0.5000001, **burn(_5m=0)}, "SEV-1", 0),
    ({"error_ratio": 0.49, **burn(_5m=0)}, None, 0),
    ({"error_ratio": 1}, "SEV-1", 0),
    ({"error_ratio": 0}, None, 0),
    # the 5-minute burn rate follows from the error ratio where none is given
    ({"error_ratio": 0.5}, "SEV-1", 0),
    ({"error_ratio": 0.006}, "SEV-1", 0),
    ({"error_ratio": 0.0059999}, None, 0),
    ({"error_ratio": 0.01, **burn(_1h=0.5)}, "SEV-1", 0),
    ({"error_ratio": 0.01, **burn(_5m=5.9)}, None, 0),
    # burn rates: inclusive
    (burn(_5m=6.0), "SEV-1", 0),
    (burn(_5m=5.999), None, 0),
    (burn(_5m=7.1), "SEV-1", 0),
    (burn(_1h=2.0), "SEV-2", 0),
    (burn(_1h=1.999), None, 0),
    (burn(_1h=600), "SEV-2", 0),
    (burn(_5m=5.9, _1h=2.4), "SEV-2", 0),
    ({"burn_rate": {"300s": 6, "60m": 0}}, "SEV-1", 0),
    # SLO breach: strictly above 2.0 for 5 min; 1.5 to 2.0, both included, for 15 min
    (breach(2.0, "5m"), None, 0),
    (breach(2.0000001, "5m"), "SEV-1", 0),
    (breach(2.1, "4m59s"), None, 0),
    (breach(2.1, "300s"), "SEV-1", 0),
    (breach(9.0, "20m"), "SEV-1", 0),
    (breach(2.0, "15m"), "SEV-2", 0),
    (breach(2.0, "14m59s"), None, 0),
    (breach(1.5, "15m"), "SEV-2", 0),
    (breach(1.4999, "15m"), None, 0),
    (breach(1.4999, "3h"), None, 0),
    (breach(1.8, "15m"), "SEV-2", 0),
    (breach(1.8, "0s"), None, 0),
    ({"slo_breach": {"factor": 1.8}}, None, 3),
    ({"slo_breach": {"for": "15m"}}, None, 3),
    ({"slo_breach": {"factor": 1.2}}, None, 0),
    # p95: strictly above 1.5x its budget (1.5 s), SEV-2 however far above
    ({"p95_seconds": 2.25}, None, 0),
    ({"p95_seconds": 2.2500001}, "SEV-2", 0),
    ({"p95_seconds": 500}, "SEV-2", 0),
    ({"p95_seconds": 1.05, "p95_budget_seconds": 0.7}, None, 0),
    ({"p95_seconds": 1.06, "p95_budget_seconds": 0.7}, "SEV-2", 0),
    ({"p95_seconds": 2.4, "p95_budget_seconds": 4}, None, 0),
    # the floor of 5 errors
    ({"error_ratio": 0.8, "requests": 5}, None, 3),
    ({"error_ratio": 1, "requests": 4}, None, 3),
    ({"error_ratio": 1, "requests": 5}, "SEV-1", 0),
    ({"error_ratio": 0.01, "requests": 100}, None, 3),
    ({"error_ratio": 0.01, "requests": 499}, None, 3),
    ({"error_ratio": 0.01, "requests": 500}, "SEV-1", 0),
    ({"error_ratio": 0.006, "requests": 833}, None, 3),
    ({"error_ratio": 0.006, "requests": 834}, "SEV-1", 0),
    ({"error_ratio": 0, "requests": 0}, None, 3),
    ({"error_ratio": 0, "requests": 100}, None, 3),
    ({"error_ratio": 0, "requests": 5000}, None, 0),
    ({"requests": 5000}, None, 3),
    ({"requests": 100, **burn(_5m=10)}, None, 3),
    ({"requests": 500, **burn(_5m=10)}, "SEV-1", 0),
    ({"error_ratio": 0.01, "requests": 100, "facts": ["near_miss"]}, "SEV-3", 0),
    ({"error_ratio": 0.01, "requests": 100, "p95_seconds": 2.4}, "SEV-2", 0),
    # requests by window; plain ones are a lower bound for the longer windows
    ({"requests": {"1h": 2499}, **burn(_1h=2)}, None, 3),
    ({"requests": {"1h": 2500}, **burn(_1h=2)}, "SEV-2", 0),
    ({"requests": 2500, **burn(_1h=2)}, "SEV-2", 0),
    ({"requests": 1000, **burn(_1h=2.4)}, None, 3),
    ({"requests": {"5m": 1000, "1h": 12000}, **burn(_1h=2.4)}, "SEV-2", 0),
    ({"requests": {"1h": 400}, **burn(_5m=10)}, None, 3),
    ({"requests": {"1h": 60000}, **burn(_5m=10)}, "SEV-1", 0),
    # demotion: the highest hourly burn rate of 7 days below 1, and nothing worse now
    (burn(_7d=0.6), "SEV-3", 0),
    (burn(_7d=0.9999), "SEV-3", 0),
    (burn(_7d=1), None, 0),
    ({"burn_rate": {"7d": None}}, None, 3),
    (burn(_7d=0.6, _5m=6), "SEV-1", 0),
    (burn(_7d=0.6, _1h=2), "SEV-2", 0),
    (burn(_7d=0.6, _1h=1), "SEV-3", 0),
    ({"facts": ["single_tenant"], **burn(_7d=0.6)}, "SEV-2", 0),
    ({"facts": ["log_noise"], **burn(_7d=0.6)}, "SEV-3", 0),
    ({"p95_seconds": 2.4, **burn(_7d=0.6)}, "SEV-2", 0),
    ({"requests": 3, **burn(_7d=0.6)}, "SEV-3", 0),
    # every fact
    *(({"facts": [fact]}, "SEV-1", 0) for fact in ("cluster_down", "auth_broken", "5xx_flood", "data_loss")),
    *(({"facts": [fact]}, "SEV-2", 0) for fact in ("single_provider_down", "single_tenant", "rate_limit_runaway")),
    *(({"facts": [fact]}, "SEV-3", 0) for fact in ("memory_leak", "breaker_tripping", "budget_at_risk", "near_miss")),
    *(({"facts": [fact]}, "SEV-4", 0) for fact in ("log_noise", "ui_glitch", "cosmetic")),
    ({"facts": ["security"]}, None, 10),
    ({"facts": ["security", "data_loss"], "error_ratio": 1}, None, 10),
    # the highest rule wins
    ({"facts": ["cosmetic", "near_miss", "single_provider_down"]}, "SEV-2", 0),
    ({"facts": ["cosmetic", "data_loss"], **burn(_1h=2)}, "SEV-1", 0),
    # nothing known
    ({}, None, 3),
    ({"facts": []}, None, 3),
    ({"error_ratio": None, "burn_rate": {}}, None, 3),
    ({"burn_rate": {"30m": 99}}, None, 3),
]


@pytest.mark.parametrize(("signals", "severity", "code"), CASES, ids=lambda value: str(value)[:70])
def test_ladder(signals: dict[str, Any], severity: str | None, code: int) -> None:
    """Signals give the severity and exit code of section 1, boundaries included."""
    answer = judge(**signals)
    assert (answer.severity, int(answer.exit)) == (severity, code)


def test_reasons_hold_the_figures() -> None:
    """Every rule that fired gives its figures and its limit, the worst severity first."""
    answer = judge(error_ratio=0.62, requests=5000, facts=["single_provider_down"], p95_seconds=2.4)
    assert answer.reasons == (
        "SEV-1: error ratio 62 % over 5m is above 50 % (3100 errors of 5000 requests)",
        "SEV-1: burn rate 620x over 5m (from the error ratio, at 99.9 %) is at least 6x (3100 errors of 5000 requests)",
        "SEV-2: a single provider is down",
        "SEV-2: p95 2.4s is 1.6x its budget of 1.5s, above 1.5x",
    )


def test_figures_stay_on_their_side() -> None:
    """A figure just above its limit is not rounded down to it."""
    assert "50.00001 % over 5m is above 50 %" in judge(error_ratio=0.5000001).reasons[0]


def test_skipped_floor_is_said() -> None:
    """Without requests the floor is skipped, and the reason says so."""
    assert "the floor of 5 errors was skipped: requests over 1h not given" in judge(**burn(_1h=2.4)).reasons[0]


def test_lower_bound_is_said() -> None:
    """A count taken from a shorter window is called a lower bound."""
    answer = judge(requests=5000, **burn(_1h=2.4))
    assert "(at least 12 errors of at least 5000 requests)" in answer.reasons[0]


def test_cannot_judge_says_why() -> None:
    """Below the floor the answer gives the figures and asks for a wider window, in `unknown` and as the reason."""
    answer = judge(error_ratio=0.01, requests=100).as_json()
    assert answer["unknown"][0] == (
        "error_ratio: cannot judge with fewer than 5 errors: 1 error of 100 requests in 5m; look at a wider window"
    )
    assert answer["unknown"][1:] == ["burn_rate.1h", "burn_rate.7d", "slo_breach", "p95_seconds", "facts"]
    assert answer["reasons"] == [f"nothing could be judged: {answer['unknown'][0]}"]


def test_cannot_judge_asks_for_the_window() -> None:
    """Where only a shorter window's requests are known, the answer asks for those of the rule's window."""
    assert judge(requests=1000, **burn(_1h=2.4)).cannot_judge[0].endswith("2.4 errors; give the requests over 1h")


def test_contradiction_is_said() -> None:
    """A burn rate that hides a high error ratio is used, and called out."""
    answer = judge(error_ratio=0.4, **burn(_5m=1))
    assert answer.severity is None
    assert "error_ratio 0.4 is 400x; one of them is wrong" in answer.cannot_judge[0]


def test_no_rule_fired_is_not_nothing_known() -> None:
    """Judged and quiet reads "no rule fired"; nothing known reads otherwise."""
    assert judge(error_ratio=0.0001).reasons == ("no rule fired",)
    assert judge().reasons == ("nothing could be judged: no signal was given",)


def test_unknown_lists_what_was_not_given() -> None:
    """Each signal that is absent is named; the 5-minute burn rate is known where the error ratio is."""
    everything = (
        "error_ratio",
        "requests",
        "burn_rate.5m",
        "burn_rate.1h",
        "burn_rate.7d",
        "slo_breach",
        "p95_seconds",
    )
    assert judge().unknown == (*everything, "facts")
    assert "burn_rate.5m" not in judge(error_ratio=0.1).unknown
    assert judge(facts=["cosmetic"]).unknown == everything


@pytest.mark.parametrize(
    ("fact", "page", "after_s", "at"),
    [
        ("cluster_down", {"role": "engineering", "priority": "P0", "within_s": 0}, 14400, "2026-11-23T21:04:00.000Z"),
        (
            "single_tenant",
            {"role": "engineering", "priority": "P1", "within_s": 900},
            86400,
            "2026-11-24T17:04:00.000Z",
        ),
        ("near_miss", {"role": None, "priority": None, "within_s": None}, 604800, "2026-11-30T17:04:00.000Z"),
        ("cosmetic", {"role": None, "priority": None, "within_s": None}, None, None),
    ],
)
def test_paging_and_deadline(fact: str, page: dict[str, Any], after_s: int | None, at: str | None) -> None:
    """Each severity pages and is resolved by what section 1 says, counted from the onset."""
    answer = judge(facts=[fact]).as_json()
    assert answer["page"] == page
    assert answer["resolve_by"] == {"after_s": after_s, "at": at}


def test_security_overrides_all() -> None:
    """Security has no severity, no deadline and its own runbook and page; nothing else is repeated."""
    answer = judge(facts=["data_loss", "security"], error_ratio=1).as_json()
    assert (answer["severity"], answer["runbook"]) == (None, "security")
    assert answer["page"] == {"role": "security", "priority": None, "within_s": 0}
    assert answer["resolve_by"] == {"after_s": None, "at": None}
    assert answer["unknown"] == []
    assert "data" not in str(answer["reasons"])


@pytest.mark.parametrize(
    ("signals", "runbook"),
    [
        ({"facts": ["single_provider_down"]}, "provider-outage"),
        ({"facts": ["auth_broken"]}, "auth-broken"),
        ({"facts": ["data_loss"]}, "data-incident"),
        ({"facts": ["cluster_down"]}, "failover"),
        ({"facts": ["single_provider_down", "data_loss"]}, "data-incident"),
        ({"facts": ["single_provider_down"], "p95_seconds": 2.4}, "provider-outage"),
        ({"p95_seconds": 2.4}, "latency-regression"),
        (breach(1.8, "15m"), "latency-regression"),
        (breach(3, "15m"), "latency-regression"),
        ({"error_ratio": 0.62}, None),
        ({"p95_seconds": 1}, None),
        ({"facts": ["cosmetic"]}, None),
    ],
)
def test_runbook(signals: dict[str, Any], runbook: str | None) -> None:
    """The runbook follows from the facts and the latency rules; where nothing points at one, none is suggested."""
    assert judge(**signals).runbook == runbook


def test_json_has_exactly_the_promised_keys() -> None:
    """The answer's shape is the contract of `omniops.classification/1`."""
    answer = judge(error_ratio=0.62).as_json()
    assert list(answer) == ["schema", "severity", "reasons", "unknown", "page", "resolve_by", "runbook"]
    assert answer["schema"] == "omniops.classification/1"


_RATIO = st.floats(0, 1)
_FIGURE = st.floats(0, 1e6)
_MINUTES = st.integers(0, 90).map(lambda minutes: f"{minutes}m")
_SIGNALS = st.fixed_dictionaries(
    {},
    optional={
        "error_ratio": _RATIO,
        "requests": st.integers(0, 100_000),
        "burn_rate": st.fixed_dictionaries({}, optional={"5m": _FIGURE, "1h": _FIGURE, "7d": _FIGURE}),
        "slo_breach": st.fixed_dictionaries({"factor": st.floats(0, 5), "for": _MINUTES}),
        "p95_seconds": _FIGURE,
        "facts": st.lists(st.sampled_from(FACTS), max_size=4),
    },
)


@settings(max_examples=300, deadline=None)
@given(_SIGNALS)
def test_answer_is_whole(signals: dict[str, Any]) -> None:
    """Whatever is given: a severity has reasons of its own, and none of them means exit 0, 3 or 10."""
    answer = judge(**signals)
    if answer.severity:
        assert answer.reasons[0].startswith(answer.severity)
        assert answer.exit == 0
    else:
        assert answer.exit in (0, 3, 10)
        assert answer.page.priority is None


@settings(max_examples=300, deadline=None)
@given(_SIGNALS, st.randoms())
def test_order_does_not_matter(signals: dict[str, Any], random: Any) -> None:
    """Signals and facts in another order give the same answer."""
    keys = list(signals)
    random.shuffle(keys)
    other = {key: signals[key] for key in keys}
    if "facts" in other:
        other["facts"] = random.sample(other["facts"], len(other["facts"]))
    assert judge(**signals) == judge(**other)


@settings(max_examples=500, deadline=None)
@given(
    _SIGNALS,
    st.sampled_from(["error_ratio", "requests", "5m", "1h", "factor", "for", "p95_seconds", "facts"]),
    st.data(),
)
def test_worse_figures_never_lower_the_severity(signals: dict[str, Any], key: str, data: st.DataObject) -> None:
    """One figure made worse, all others as they were: the severity stays or rises (7d demotes, and is left alone)."""
    worse: dict[str, Any] = {name: dict(value) if isinstance(value, dict) else value for name, value in signals.items()}
    if key in worse and key != "facts":
        top = 1 if key == "error_ratio" else 10**6
        more = st.integers(worse[key], top) if key == "requests" else st.floats(worse[key], top)
        worse[key] = data.draw(more)
    elif key == "facts":
        harmless = st.sampled_from([fact for fact in FACTS if fact != "security"])
        worse["facts"] = [*worse.get("facts", []), data.draw(harmless)]
    elif key in worse.get("burn_rate", {}):
        worse["burn_rate"][key] = data.draw(st.floats(worse["burn_rate"][key], 1e6))
    elif key == "factor" and "slo_breach" in worse:
        worse["slo_breach"]["factor"] = data.draw(st.floats(worse["slo_breach"]["factor"], 9))
    elif key == "for" and "slo_breach" in worse:
        worse["slo_breach"]["for"] = f"{int(worse['slo_breach']['for'][:-1]) + data.draw(st.integers(0, 60))}m"
    assert RANK[judge(**worse).severity] >= RANK[judge(**signals).severity]


def test_demotion_is_no_reason_while_something_fires() -> None:
    """A quiet week does not stand among the reasons of a SEV-1 or SEV-2."""
    assert [reason[:5] for reason in judge(**burn(_7d=0.6, _1h=2)).reasons] == ["SEV-2"]


def test_a_longer_windows_requests_do_not_count_for_a_shorter_one() -> None:
    """Requests of the hour do not make a floor for 5 minutes; the answer says that it was skipped."""
    assert "requests over 5m not given" in judge(requests={"1h": 60000}, **burn(_5m=10)).reasons[0]

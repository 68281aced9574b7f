"""The rule of verify: what passes, what fails, what cannot be told, and when that is an answer."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniops.engine.verify import BUDGETS, Budgets, Figures, Tally, decide, judge_sample, p95

WELL = Figures("t", p95_s=0.4, requests=40, whole=Tally(40, 0), scope=Tally(25, 0), ok=40, ok_elsewhere=25)


class Look(NamedTuple):
    verdict: str
    why: str = ""
    hopeless: bool = False


def looks(letters: str) -> list[Look]:
    """p, f, ? and h (a failure that can never become a pass)."""
    words = {"p": Look("pass"), "f": Look("fail"), "?": Look("cannot tell"), "h": Look("fail", hopeless=True)}
    return [words[letter] for letter in letters]


@pytest.mark.parametrize(
    ("changed", "verdict", "says"),
    [
        ({}, "pass", "p95 0.40s of 40 requests, 0 of 40 attempts failed, 25 successful requests"),
        ({"p95_s": 1.5}, "pass", "1.50s"),
        ({"p95_s": 1.51}, "fail", "p95 is 1.51s"),
        ({"p95_s": 9.0, "requests": 4}, "cannot tell", "4 client requests"),
        ({"p95_s": 9.0, "stragglers": 2}, "cannot tell", "from before the change"),
        ({"p95_s": 9.0, "stragglers": 1}, "fail", "p95 is 9.00s"),
        ({"p95_s": None, "requests": 0}, "cannot tell", "p95 cannot be told"),
        ({"whole": Tally(1000, 6), "ok": 994}, "pass", "6 of 1000"),
        (
            {"whole": Tally(1000, 7), "ok": 993, "worst": "on a/b, m"},
            "fail",
            "7 of 1000 attempts failed, most of them on",
        ),
        ({"whole": Tally(100, 4), "ok": 96}, "cannot tell", "too few to judge"),
        ({"whole": Tally(100000, 20), "scope": Tally(40, 20), "ok": 99980}, "fail", "20 of 40"),
        ({"whole": Tally(2, 2), "scope": Tally(2, 2), "ok": 0}, "fail", "2 of 2"),
        ({"ok_elsewhere": 19}, "cannot tell", "19 of 20 successful"),
        ({"whole": Tally(), "scope": Tally(), "ok": 0, "ok_elsewhere": 0}, "cannot tell", "none of them reached"),
        ({"whole": Tally(), "requests": 0, "p95_s": None}, "cannot tell", "no traffic"),
        ({"requests": 100}, "cannot tell", "fast refusals"),
        ({"requests": 100, "complete": False}, "pass", ""),
        ({"whole": Tally(90, 0)}, "cannot tell", "only 40 of 90 succeeded"),
        ({"clients": Tally(1000, 6)}, "pass", "6 of 1000 client requests failed"),
        ({"clients": Tally(1000, 7)}, "fail", "7 of 1000 client requests failed"),
        ({"clients": Tally(1000, 7), "unread": "x"}, "fail", "7 of 1000 client requests failed"),
        ({"clients": Tally(1000, 7), "old_errors": 6}, "fail", "7 of 1000 client requests failed"),
        ({"clients": Tally(1000, 7), "old_errors": 7}, "cannot tell", "from before the change"),
        ({"clients": Tally(100, 4)}, "cannot tell", "too few to judge"),
        ({"clients": Tally(100, 4), "whole": Tally(40, 9)}, "fail", "9 of 40 attempts failed"),
        ({"unproven": "no data yet"}, "cannot tell", "no data yet"),
        ({"unproven": "no data yet", "p95_s": 9.0}, "fail", "p95 is 9.00s"),
        ({"away": "it is down"}, "pass", "by OmniRoute's figures alone: it is down"),
        ({"unread": "the call log cannot be read: x"}, "cannot tell", "the call log cannot be read"),
        ({"hopeless": "the models of openai"}, "fail", "nothing live serves the models of openai"),
        ({"hopeless": "the models of openai", "unread": "x"}, "fail", "nothing live serves"),
    ],
)
def test_judge(changed: dict[str, object], verdict: str, says: str) -> None:
    """Each figure alone decides between pass, fail and cannot tell, and the words say which."""
    judged = judge_sample(WELL._replace(**changed), BUDGETS, 20)  # type: ignore[arg-type]
    assert judged.verdict == verdict
    assert says in judged.why
    assert judged.why


def test_errors_only() -> None:
    """An availability objective asks for errors and successes; p95 neither passes nor fails it."""
    slow = WELL._replace(p95_s=30.0)
    assert judge_sample(slow, BUDGETS, 20, latency=False).verdict == "pass"
    assert judge_sample(slow._replace(p95_s=None, requests=0), BUDGETS, 20, latency=False).verdict == "pass"
    assert judge_sample(slow._replace(whole=Tally(40, 9)), BUDGETS, 20, latency=False).verdict == "fail"
    assert judge_sample(slow._replace(ok_elsewhere=0), BUDGETS, 20, latency=False).verdict == "cannot tell"


@pytest.mark.parametrize(
    ("series", "late", "answer"),
    [
        ("", True, "inconclusive"),
        ("pp", False, None),
        ("ppp", False, "recovered"),
        ("fppp", True, "recovered"),
        ("ppfp", False, None),
        ("pp?p", True, "inconclusive"),
        ("fff", False, None),
        ("fff", True, "not_recovered"),
        ("ff?", True, "not_recovered"),
        ("f??", True, "not_recovered"),
        ("ffpp", True, "inconclusive"),
        ("f???", True, "inconclusive"),
        ("???", True, "inconclusive"),
        ("hh", False, None),
        ("hhh", False, "not_recovered"),
        ("hfh", False, None),
        ("hhhppp", False, "recovered"),
    ],
)
def test_decide(series: str, late: bool, answer: str | None) -> None:
    """Three passes in a row recover; the deadline decides by the last looks; what is hopeless ends early."""
    assert decide(looks(series), 3, late) == answer


def test_words_decide_nothing() -> None:
    """What ends a proof early is a flag of the verdict, however its sentence begins."""
    assert decide([Look("fail", "nothing live serves the models of openai")] * 3, 3, False) is None
    assert judge_sample(WELL._replace(hopeless="x"), BUDGETS, 20).hopeless
    assert not judge_sample(WELL._replace(p95_s=9.0), BUDGETS, 20).hopeless


counts = st.integers(0, 60)
tallies = st.builds(lambda errors, rest: Tally(errors + rest, errors), st.integers(0, 8), counts)
figures = st.builds(
    Figures,
    st.just("t"),
    p95_s=st.none() | st.floats(0, 4),
    requests=counts,
    whole=tallies,
    scope=tallies,
    ok=counts,
    ok_elsewhere=counts,
    stragglers=st.integers(0, 5),
    complete=st.booleans(),
    hopeless=st.sampled_from(["", "", "", "the models of x"]),
    unread=st.sampled_from(["", "", "", "the call log"]),
)
near = st.builds(lambda n, p95_s: WELL._replace(ok_elsewhere=n, p95_s=p95_s), st.integers(15, 25), st.floats(0, 1.8))
series = st.lists(figures | near | near, max_size=12)


@given(series, st.integers(1, 4), st.booleans(), st.integers(1, 30))
def test_never_recovered_without_evidence(run: list[Figures], passes: int, late: bool, least: int) -> None:
    """Recovered means that each of the last looks had p95, errors and successes through another connection."""
    judged = [judge_sample(one, Budgets(), least) for one in run]
    if decide(judged, passes, late) != "recovered":
        return
    last = run[-passes:]
    assert len(last) == passes
    for one in last:
        assert not one.hopeless
        assert not one.unread
        assert one.p95_s is not None
        assert one.p95_s <= 1.5
        assert one.whole.errors <= 0.006 * one.whole.attempts
        assert one.scope.errors <= 0.006 * one.scope.attempts
        assert one.whole.attempts > 0
        assert one.ok_elsewhere >= least


@given(st.text("pf?h", max_size=8), st.integers(1, 4), st.booleans(), st.sampled_from("f?h"))
def test_a_bad_look_never_helps(run: str, passes: int, late: bool, bad: str) -> None:
    """Adding a look that does not pass never makes it recovered, whatever came before."""
    assert decide(looks(run + bad), passes, late) != "recovered"


@given(st.text("pf?h", max_size=8), st.integers(1, 4))
def test_the_deadline_always_ends_it(run: str, passes: int) -> None:
    """At the deadline there is always an answer, and it is recovered only if it was so before."""
    assert decide(looks(run), passes, True) is not None
    assert (decide(looks(run), passes, True) == "recovered") == (decide(looks(run), passes, False) == "recovered")


@pytest.mark.parametrize(
    ("values", "answer"), [([], None), ([3.0], 3.0), ([1.0] * 19 + [9.0], 1.0), ([1.0] * 18 + [9.0, 9.0], 9.0)]
)
def test_p95_is_the_nearest_rank(values: list[float], answer: float | None) -> None:
    """p95 is a value that occurred, counted as the server counts it; of nothing it is unknown, not zero."""
    assert p95(values) == answer

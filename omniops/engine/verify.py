"""When has it recovered? The rule of verify, pure: figures of one look -> a verdict, verdicts so far -> an end.

No data is not health, fast errors are not speed, and old traffic is not new traffic (sections 4.1.2 and 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

FEW = 5
"""Fewer errors, or fewer requests, than this prove nothing against it (the floor of the severity ladder's rates)."""
STRAGGLERS = 20
"""One in so many requests is what a p95 stands for: that many old ones among them spoil it."""


VERDICTS = {"recovered": "Recovered", "not_recovered": "Not recovered", "inconclusive": "Cannot tell"}
"""What ``decide`` returns, as people read it."""


class Budgets(NamedTuple):
    """What must be kept: p95 of client requests in seconds, and the share of failing attempts, 0 to 1."""

    p95_s: float = 1.5
    error_ratio: float = 0.006  # 6x burn of a 99.9 % objective


BUDGETS = Budgets()


class Tally(NamedTuple):
    """Upstream attempts (or clients' requests) since the change. ``errors`` answered neither 2xx nor 4xx."""

    attempts: int = 0
    errors: int = 0

    @property
    def ratio(self) -> float | None:
        return self.errors / self.attempts if self.attempts else None


class Figures(NamedTuple):
    """One look at live traffic since the change. None is "cannot tell", never zero."""

    at: str
    p95_s: float | None = None  # of client requests
    requests: int = 0  # client requests
    whole: Tally = Tally()  # attempts of the whole gateway
    scope: Tally = Tally()  # attempts for the affected provider; the same as ``whole`` where nothing is affected
    ok: int = 0  # attempts of the whole gateway that answered 2xx
    ok_elsewhere: int = 0  # attempts for the affected provider, through another connection, that answered 2xx
    stragglers: int = 0  # slow requests from before the change that ended since, and so are among ``requests``
    complete: bool = True  # False: there were more attempts than could be read; these are the newest
    worst: str = ""  # for people: where most errors are
    clients: Tally = Tally()  # clients' requests, where another witness (Prometheus) counts them
    old_errors: int = 0  # failed attempts that began before the change and ended since: clients saw those fail as well
    unproven: str = ""  # for people: what the other witness cannot tell; nothing passes without it
    away: str = ""  # for people: why the other witness was not heard, and these figures stand alone
    hopeless: str = ""  # for people: what nothing live serves any more
    unread: str = ""  # for people: what could not be read


class Verdict(NamedTuple):
    """``verdict``: "pass", "fail" or "cannot tell"; ``why``: in words, never empty; ``hopeless``: a fail that cannot
    become a pass by waiting."""

    verdict: str
    why: str
    hopeless: bool = False


class Judged(Protocol):
    """A look that has been judged (``person.Sample`` is one)."""

    @property
    def verdict(self) -> str: ...

    @property
    def hopeless(self) -> bool: ...


def judge_sample(figures: Figures, budgets: Budgets, min_requests: int, *, latency: bool = True) -> Verdict:
    """Judge one look. ``latency`` False: only errors and successes count (``availability-cluster``).

    A pass needs all of: nothing unread, p95 and error ratio in budget, ``min_requests`` successes through another
    connection. A fail needs figures that say so. The rest is "cannot tell". Where two witnesses disagree, the worse
    one counts.
    """
    if figures.hopeless:
        return Verdict("fail", f"nothing live serves {figures.hopeless}, so it cannot recover", hopeless=True)
    seen = _clients(figures, budgets)
    if seen is not None and seen.verdict == "fail":
        return seen
    if figures.unread:
        return Verdict("cannot tell", figures.unread)
    over = [tally for tally in (figures.scope, figures.whole) if (tally.ratio or 0.0) > budgets.error_ratio]
    for tally in over:
        if tally.errors >= FEW or tally.errors * 2 >= tally.attempts:
            return Verdict("fail", _errors(tally) + (f", most of them {figures.worst}" if figures.worst else ""))
    slow = latency and figures.p95_s is not None and figures.p95_s > budgets.p95_s
    if slow and figures.stragglers * STRAGGLERS >= figures.requests:
        old = f"{figures.stragglers} slow requests from before the change are still among the {figures.requests}"
        return Verdict("cannot tell", old)
    if slow and figures.requests >= FEW:
        return Verdict("fail", f"p95 is {figures.p95_s:.2f}s of {figures.requests} requests")
    missing = _missing(figures, over, min_requests, latency) or (seen.why if seen else figures.unproven)
    return Verdict("cannot tell", missing) if missing else Verdict("pass", _well(figures, latency))


def _clients(figures: Figures, budgets: Budgets) -> Verdict | None:
    """What clients' errors say: a fail, "cannot tell", or nothing against it."""
    clients = figures.clients
    if (clients.ratio or 0.0) <= budgets.error_ratio:
        return None
    words = f"{clients.errors} of {clients.attempts} client requests failed"
    if figures.old_errors >= clients.errors:
        return Verdict("cannot tell", f"{words}, all perhaps from before the change")
    if clients.errors >= FEW or clients.errors * 2 >= clients.attempts:
        return Verdict("fail", words)
    return Verdict("cannot tell", f"{words}: over budget, but too few to judge")


def _missing(figures: Figures, over: Sequence[Tally], min_requests: int, latency: bool) -> str:
    """What is lacking for a pass, in words; "" if nothing is."""
    if figures.whole.attempts == 0 and figures.requests:
        return f"{figures.requests} client requests since the change, and none of them reached a provider"
    if figures.whole.attempts == 0:
        return "no traffic since the change"
    if over:
        return f"{_errors(over[0])}: over budget, but too few to judge"
    if latency and (figures.p95_s is None or figures.requests < FEW):
        return f"p95 cannot be told: {figures.requests} client requests since the change"
    asked = max(figures.requests, figures.whole.attempts)
    if figures.complete and figures.ok * 2 < asked:
        return f"only {figures.ok} of {asked} succeeded: fast refusals are not health"
    if figures.ok_elsewhere < max(min_requests, 1):
        return f"{figures.ok_elsewhere} of {min_requests} successful requests so far"
    return ""


def _errors(tally: Tally) -> str:
    return f"{tally.errors} of {tally.attempts} attempts failed"


def _well(figures: Figures, latency: bool) -> str:
    speed = f"p95 {figures.p95_s:.2f}s of {figures.requests} requests, " if latency else ""
    clients = figures.clients
    seen = f"{clients.errors} of {clients.attempts} client requests failed, " if clients.attempts else ""
    alone = f" (by OmniRoute's figures alone: {figures.away})" if figures.away else ""
    return f"{speed}{seen}{_errors(figures.whole)}, {figures.ok_elsewhere} successful requests{alone}"


def decide(samples: Sequence[Judged], passes: int, deadline_reached: bool) -> str | None:
    """Return "recovered", "not_recovered", "inconclusive", or None to look again.

    Recovered: the last ``passes`` looks all pass. What cannot recover at all ends after as many looks that say so. At
    the deadline the last ``passes`` looks decide: not recovered if the newest one that could tell failed.
    """
    last = samples[-max(passes, 1) :]
    full = len(last) == max(passes, 1)
    if full and all(sample.verdict == "pass" for sample in last):
        return "recovered"
    if full and all(sample.verdict == "fail" and sample.hopeless for sample in last):
        return "not_recovered"
    if not deadline_reached:
        return None
    told = [sample.verdict for sample in last if sample.verdict != "cannot tell"]
    return "not_recovered" if told and told[-1] == "fail" else "inconclusive"


def is_error(status: int) -> bool:
    """Neither 2xx nor 4xx: what the availability objective counts as bad (slos.yaml)."""
    return not (200 <= status < 300 or 400 <= status < 500)


def p95(values: Sequence[float]) -> float | None:
    """Return the 95th percentile as the server counts it (nearest rank); None of nothing."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * 95 // 100) - 1, 0)] if ordered else None

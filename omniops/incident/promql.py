"""The PromQL that stands for an SLO. Pure: selectors and windows in, queries out.

Ratio and counts are separate queries, so that "no series", "no traffic" and "no errors" can be told apart, and a burn
rate is never shown without its "n errors of m requests".
"""

from __future__ import annotations

from omniops.incident.signals import window


def requests(all: str, window_s: float) -> str:
    """How many requests there were."""
    return f"sum(increase({all}[{window(window_s)}]))"


def errors(good: str, all: str, window_s: float) -> str:
    """How many of them were not good. Where nothing at all matches ``good``, that is all of them."""
    name = window(window_s)
    return f"sum(increase({all}[{name}])) - (sum(increase({good}[{name}])) or vector(0))"


def error_ratio(good: str, all: str, window_s: float) -> str:
    """The share of requests that were not good: no series where there are no requests at all, NaN without traffic."""
    name = window(window_s)
    return f"1 - (sum(rate({good}[{name}])) or vector(0)) / sum(rate({all}[{name}]))"


def covered(all: str, window_s: float) -> str:
    """The requests of the first hour of a window: no series where Prometheus does not remember that far back."""
    return f"sum(increase({all}[1h] offset {window(window_s - 3600)}))"


def quantile(share: float, buckets: str, window_s: float) -> str:
    """A quantile of a histogram, in the unit of its buckets."""
    return f"histogram_quantile({share:g}, sum by (le) (rate({buckets}[{window(window_s)}])))"


def by_bucket(buckets: str, window_s: float) -> str:
    """How many requests there were up to each bound: tells the count, and whether the bounds reach far enough."""
    return f"sum by (le) (increase({buckets}[{window(window_s)}]))"


def gauge(selector: str) -> str:
    """A sum over everything that the selector matches."""
    return f"sum({selector})"

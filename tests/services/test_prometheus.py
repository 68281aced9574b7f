"""The Prometheus client: a form out, typed answers in, and every way of not answering in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from omniops.clock import SystemClock
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError, Refused, Unreachable
from omniops.services.clients import Clients
from omniops.services.prometheus import Prometheus, QueryFailed
from tests.support.scripted_http import Play, Scripted, answer, raw, reset_before_answer

AT = 1795417941.957


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as running:
        yield running


def client(server: Scripted) -> Prometheus:
    return Clients(Settings({"PROMETHEUS_URL": server.url + "/"}), SystemClock()).prometheus


def vector(*values: str, **labels: str) -> dict[str, Any]:
    rows = [{"metric": labels, "value": [AT, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": rows}}


def asked(server: Scripted, **plays: Play) -> Prometheus:
    server.on("POST", "/api/v1/query", *plays.values())
    return client(server)


def test_a_query_is_a_form(server: Scripted) -> None:
    """A query leaves as a form, so that a long one fits; a moment is sent where one was given."""
    expr = 'sum(rate(http_requests_total{service="omniroute",code=~"2..|4.."}[5m]))'
    prometheus = asked(server, play=answer(vector("166.7")))
    found = prometheus.query(expr, at=AT)
    assert (found.kind, found.value, found.samples[0].at) == ("value", 166.7, AT)
    seen = server.seen[0]
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen.body.decode()) == {"query": [expr], "time": ["1795417941.957"], "timeout": ["8s"]}
    prometheus.query("up")
    assert "time" not in parse_qs(server.seen[1].body.decode())


@pytest.mark.parametrize(
    ("values", "kind", "value"),
    [((), "empty", None), (("NaN",), "nan", None), (("+Inf",), "inf", None), (("-Inf",), "inf", None),
     (("0",), "value", 0.0), (("1e-3",), "value", 0.001), (("1", "2"), "many", None)],
)  # fmt: skip
def test_four_answers_are_kept_apart(server: Scripted, values: tuple[str, ...], kind: str, value: float | None) -> None:
    """No series, NaN, an infinite value and a value are different answers, and only the last is a figure."""
    found = asked(server, play=answer(vector(*values))).query("x")
    assert (found.kind, found.value) == (kind, value)


def test_scalars_and_warnings(server: Scripted) -> None:
    """A scalar is one sample without labels; Prometheus' own warnings are kept."""
    body = {"status": "success", "data": {"resultType": "scalar", "result": [AT, "42"]}, "warnings": ["partial\x1b[2J"]}
    found = asked(server, play=answer(body)).query("42")
    assert (found.value, found.warnings) == (42.0, ("partial",))


def test_ranges(server: Scripted) -> None:
    """A range gives the points of every series; NaN stays NaN, and what is missing is missing."""
    row = {"metric": {"le": "0.5"}, "values": [[0, "1"], [120, "NaN"]]}
    server.on("POST", "/api/v1/query_range", answer({"status": "success", "data": {"resultType": "matrix",
                                                                                  "result": [row]}}))  # fmt: skip
    series = client(server).query_range("x", 0, 120, 60).series[0]
    assert series.labels == {"le": "0.5"}
    assert [at for at, _ in series.points] == [0.0, 120.0]
    assert math.isnan(series.points[1][1])
    sent = parse_qs(server.seen[0].body.decode())
    assert (sent["start"], sent["end"], sent["step"]) == (["0.000"], ["120.000"], ["60"])
    with pytest.raises(ValueError, match="11000"):
        client(server).query_range("x", 0, 7 * 86400, 1)


def failed(kind: str, error: str, code: int) -> Play:
    return answer({"status": "error", "errorType": kind, "error": error}, code)


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("bad_data", 400, "does not understand the query"),
        ("execution", 422, "cannot be carried out"),
        ("timeout", 503, "took too long"),
        ("unavailable", 503, "not ready"),
        ("internal", 500, "failed on the inside"),
        ("not_found", 404, "does not have"),
        ("canceled", 499, "cancelled"),
        ("brand_new", 418, "an error of an unknown kind (brand_new)"),
    ],
)
def test_error_types_in_words(server: Scripted, kind: str, code: int, words: str) -> None:
    """Every errorType is put into words, and what Prometheus said is the reason."""
    prometheus = asked(server, play=failed(kind, "1:30: parse error: \x07oh", code))
    with pytest.raises(QueryFailed) as caught:
        prometheus.query("x")
    assert (caught.value.kind, caught.value.why) == (kind, f"{code}: 1:30: parse error: oh")
    assert words in caught.value.what
    assert len(caught.value.lines()) == 4


@pytest.mark.parametrize(
    ("play", "error", "words"),
    [
        (raw(b"404 page not found\n", 404, Content_Type="text/plain"), Unreachable, "is there a Prometheus"),
        (raw(b"<html>bad gateway</html>", 502), Unreachable, "it answered 502"),
        (answer({"status": "error", "errorType": "bad_data", "error": "no"}, 403), Refused, "no"),
        (raw(b"", 401), Refused, "no reason"),
        (reset_before_answer(), Unreachable, "connection broke"),
        (raw(b"{}"), Unreachable, "no data"),
        (raw(b"[1"), Unreachable, "no data"),
        (answer({"status": "success", "data": {"resultType": "matrix", "result": []}}), Unreachable, "a vector"),
        (answer({"status": "success", "data": {"resultType": "vector", "result": [1]}}), Unreachable, "labels"),
        (answer(vector("many")), Unreachable, "no sample"),
        (answer({"status": "success", "data": {"resultType": "vector",
                 "result": [{"metric": {}, "value": [True, "1"]}]}}), Unreachable, "no sample"),
    ],
)  # fmt: skip
def test_what_is_no_answer(server: Scripted, play: Play, error: type[OmniopsError], words: str) -> None:
    """Refusals, proxies, resets and nonsense are told apart from figures, with the reason."""
    with pytest.raises(error) as caught:
        asked(server, play=play).query("x")
    assert words in caught.value.why
    assert not isinstance(caught.value, QueryFailed)


def test_its_own_time_and_version(server: Scripted) -> None:
    """Its clock and its version can be asked for."""
    body = {"status": "success", "data": {"resultType": "scalar", "result": [AT, str(AT)]}}
    server.on("GET", "/api/v1/status/buildinfo", answer({"status": "success", "data": {"version": "2.42.0+ds"}}))
    assert asked(server, play=answer(body)).now() == AT
    assert client(server).buildinfo().version == "2.42.0+ds"


def test_no_address() -> None:
    """Without an address there is no client, and the error says what to set."""
    with pytest.raises(BadInput, match="PROMETHEUS_URL is not set"):
        _ = Clients(Settings({}), SystemClock()).prometheus

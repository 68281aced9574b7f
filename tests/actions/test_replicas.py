"""Health of the replicas, and the proof that the load balancer has dropped a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from omniops.actions.replicas import ACTIONS, LOOKS
from omniops.actions.specs import SPECS
from omniops.errors import Refused
from tests.support.fake_omniroute import DOWN, START, URL, FakeOmniRoute, context

A, B, C = "http://127.0.0.1:1001", "http://127.0.0.1:1002", "http://127.0.0.1:1003"


@pytest.fixture
def replicas() -> Iterator[dict[str, FakeOmniRoute]]:
    """Three replicas, and a balancer in front of the first two."""
    found = {url: FakeOmniRoute(url) for url in (A, B, C)}
    for number, replica in enumerate(found.values()):
        replica.pid, replica.up_since = 1, START - timedelta(hours=number + 1)
    balancer = FakeOmniRoute(URL)
    balancer.behind = [A, B]
    FakeOmniRoute.servers.update({**found, URL: balancer})
    yield found
    FakeOmniRoute.servers.clear()


def read(name: str, args: dict[str, Any] | None = None, urls: str = f"{A} {B},{C}") -> dict[str, Any]:
    action: Any = ACTIONS[name]
    ctx = context(FakeOmniRoute(URL), env={"OMNIROUTE_URLS": urls})
    found: dict[str, Any] = action.read(ctx, args or {})
    assert set(found) == {*SPECS[name].outputs, "summary"}
    return found


def proof(**more: Any) -> dict[str, Any]:
    return read("balancer.proof", {"bad": [{"url": C, "target": "x", "why": "down"}]}, **more)


def test_all_healthy(replicas: dict[str, FakeOmniRoute]) -> None:
    """Each replica is asked for its page, its database and its keys; every client is closed."""
    found = read("replicas.health")
    assert (found["known"], found["healthy"], found["bad"], found["balancer"]) == (True, 3, [], URL)
    assert [row["url"] for row in found["replicas"]] == [A, B, C]
    assert replicas[A].calls == ["health", "db_health", "keys_total"]


def test_no_replicas_known() -> None:
    """Without OMNIROUTE_URLS nothing is known, and that is said."""
    found = read("replicas.health", urls="")
    assert (found["known"], found["healthy"]) == (False, 0)
    assert "OMNIROUTE_URLS" in found["summary"]


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("broken", {"health": DOWN}, "does not answer"),
        ("broken", {"db_health": DOWN}, "does not answer"),
        ("broken", {"keys_total": DOWN}, "does not answer"),
        ("broken", {"db_health": Refused("403")}, "refuses the credential that other replicas take"),
        ("page_ok", False, "its health page says: degraded"),
        ("database", (False, "malformed"), "its database: malformed"),
        ("keys", 0, "it has no API keys, another replica has 3"),
    ],
)
def test_bad(replicas: dict[str, FakeOmniRoute], setting: str, value: Any, why: str) -> None:
    """A page that says "healthy" is not enough: the database, the credential and the keys are looked at too."""
    setattr(replicas[C], setting, value)
    found = read("replicas.health")
    assert (found["healthy"], [one["url"] for one in found["bad"]]) == (2, [C])
    assert why in found["bad_text"]
    assert found["bad_text"].startswith("127.0.0.1:1003 (")


def test_a_credential_that_all_refuse(replicas: dict[str, FakeOmniRoute]) -> None:
    """When no replica takes our credential it is ours that is wrong, and no replica is called bad."""
    for replica in replicas.values():
        replica.broken = {"db_health": Refused("401 from all")}
    with pytest.raises(Refused):
        read("replicas.health")


def test_dropped(replicas: dict[str, FakeOmniRoute]) -> None:
    """With evidence: every answer came from a healthy replica, and there were enough."""
    found = proof()
    assert found["dropped"] is True
    assert found["seen"] == ["127.0.0.1:1002: 15 of 30 answers", "127.0.0.1:1001: 15 of 30 answers", found["summary"]]


def test_dropped_although_the_bad_one_is_silent(replicas: dict[str, FakeOmniRoute]) -> None:
    """A bad replica that does not answer has no identity; that all answers are others' is proof enough."""
    replicas[C].broken = {"health": DOWN}
    assert proof()["dropped"] is True


def test_still_there(replicas: dict[str, FakeOmniRoute]) -> None:
    """One answer of the bad replica is enough to say that it is not out."""
    FakeOmniRoute.servers[URL].behind = [A, B] * 7 + [C]
    found = proof()
    assert found["dropped"] is False
    assert "127.0.0.1:1003 still answers" in found["summary"]


@pytest.mark.parametrize("case", ["unknown", "no pid", "twins", "failing", "no balancer"])
def test_cannot_tell(replicas: dict[str, FakeOmniRoute], case: str) -> None:
    """What cannot be told apart, or does not answer, is never taken for dropped, and the words say why."""
    balancer, words = FakeOmniRoute.servers[URL], "cannot tell"
    urls = f"{A} {B} {C}"
    if case == "unknown":
        stranger = FakeOmniRoute.servers["http://127.0.0.1:9"] = FakeOmniRoute("http://127.0.0.1:9")
        stranger.pid, balancer.behind = 99, [A, "http://127.0.0.1:9"]
        words = "15 of 30 answers came from a process that no replica has"
    elif case == "no pid":
        replicas[A].pid = None
        words = "that no replica has"
    elif case == "twins":
        replicas[C].up_since = replicas[A].up_since + timedelta(seconds=2)
        words = "cannot be told apart"
    elif case == "failing":
        replicas[B].broken = {"health": DOWN}
        words = "15 of 30 requests failed"
    else:
        urls += f" {URL}"
        words = "no balancer"
    found = proof(urls=urls)
    assert found["dropped"] is False
    assert words in found["summary"]


def test_a_restarted_replica_is_known_by_its_new_start(replicas: dict[str, FakeOmniRoute]) -> None:
    """A start a little off, as a cached page gives it, is the same process; another start is another process."""
    assert LOOKS >= 30
    replicas[C].up_since = replicas[A].up_since + timedelta(seconds=4)
    assert proof()["dropped"] is True
    replicas[C].up_since, replicas[C].pid = replicas[A].up_since, 2
    assert proof()["dropped"] is True

"""The main job against a real OmniRoute 3.7.9 with real chat traffic: the real command, from disable to undo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.support.real_server import REPO, Pair, RealOmniRoute

pytestmark = pytest.mark.real
PATIENCE_S = 420
"""A verify step takes up to 5 minutes, where the machine is so busy that there is little traffic."""


@contextmanager
def traffic(server: RealOmniRoute, pair: Pair) -> Iterator[None]:
    """A client that keeps asking. Below 100 a minute: from there on the server's own queue makes everybody wait."""
    stop = Event()

    def ask() -> None:
        number = 0
        while not stop.wait(0.7):
            number += 1
            with suppress(OSError):
                server.chat(pair, f"question {number} {time.monotonic()}")

    thread = Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def _patient(home: Path) -> Path:
    """A folder whose p95 budget is 20 s: a machine that runs other tests as well makes the server slow, and a server
    that is slow has not recovered. What is proved here are the errors, and the traffic that counts."""
    folder = home / "runbooks"
    folder.mkdir(parents=True, exist_ok=True)
    shipped = (REPO / "runbooks" / "slos.yaml").read_text(encoding="utf-8")
    assert shipped.count("budget: 1500ms") == 1
    (folder / "slos.yaml").write_text(shipped.replace("budget: 1500ms", "budget: 20s"), encoding="utf-8")
    return folder


class Omniops:
    """The real command, with an environment of its own."""

    def __init__(self, server: RealOmniRoute, home: Path) -> None:
        self.env = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(REPO), "LANG": "C.UTF-8", "HOME": str(home),
            "OMNIOPS_HOME": str(home), "OMNIOPS_ENV": "test", "OMNIROUTE_URL": server.url,
            "OMNIROUTE_PASSWORD": server.password, "OMNIOPS_RUNBOOKS": str(_patient(home)),
        }  # fmt: skip

    def __call__(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "omniops", *words]
        process = subprocess.Popen(
            argv, env={**self.env, **env}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            pytest.fail(f"{' '.join(words)} did not end in {PATIENCE_S} s:\n{err}")
        return subprocess.CompletedProcess(argv, process.returncode, out, err)


@pytest.fixture
def omniops(omniroute: RealOmniRoute, tmp_path: Path) -> Omniops:
    return Omniops(omniroute, tmp_path)


def toggles(server: RealOmniRoute, name: str) -> int:
    """How often the server has written a connection's isActive, by its own audit log."""
    rows = server.ask("GET", "/api/compliance/audit-log?limit=500")[1]
    return sum(
        row["action"] == "provider.credentials.updated"
        and str(row.get("target", "")).endswith(f":{name}")
        and (row.get("details") or {}).get("changedFields") == ["isActive"]
        for row in rows
    )


def active(server: RealOmniRoute, id: str) -> bool:
    return bool(server.ask("GET", f"/api/providers/{id}")[1]["connection"]["isActive"])


def test_out_proved_and_back(omniroute: RealOmniRoute, two_connections: Pair, omniops: Omniops) -> None:
    """The failing connection goes out, the next request goes to the good one, traffic proves it, undo puts it back."""
    pair = two_connections
    pair.upstream.behave["sk-up-a"] = "500"
    before = toggles(omniroute, "fake-a")
    with traffic(omniroute, pair):
        time.sleep(3)
        done = omniops("mitigate", "provider-outage", pair.a[:8], "--yes", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["outcome"]) == (0, "mitigated"), done.stderr
    assert [change["after"]["isActive"] for change in answer["changes"]] == [False]
    assert answer["evidence"]["last"]["ok_elsewhere"] >= 20
    assert not active(omniroute, pair.a)
    time.sleep(4)  # over the 3 s cooldown, else the connection would be skipped anyway
    hits = pair.upstream.hits["sk-up-a"]
    assert omniroute.chat(pair, "who answers now?") == 200
    assert pair.upstream.hits["sk-up-a"] == hits

    assert json.loads(omniops("mitigations", "--json").stdout)["mitigations"][0]["state"] == "in force"
    assert omniops("incident", "resolve", "--yes").returncode == 3
    pair.upstream.behave["sk-up-a"] = "ok"
    undone = omniops("undo", "--yes", "--json")
    assert undone.returncode == 0, undone.stderr
    assert active(omniroute, pair.a)
    assert toggles(omniroute, "fake-a") - before == 2  # off once, on once
    assert omniops("incident", "resolve", "--yes").returncode == 0
    shown = omniops("incident", "show", answer["incident"]).stdout
    assert "back as it was" in shown
    assert omniroute.password not in done.stdout + done.stderr + shown


@pytest.mark.parametrize("place", ["after_intent", "after_send@PUT", "after_response", "after_outcome"])
def test_killed_and_resumed(omniroute: RealOmniRoute, two_connections: Pair, omniops: Omniops, place: str) -> None:
    """Killed half way, resumed: the server was written to once."""
    before = toggles(omniroute, "fake-a")
    words = ("mitigate", "provider-outage", two_connections.a, "--yes", "--until", "disable", "--json")
    killed = omniops(*words, OMNIOPS_FAILPOINT=place)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = omniops("resume", "--yes", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["outcome"] == "mitigated"
    assert toggles(omniroute, "fake-a") - before == 1
    assert not active(omniroute, two_connections.a)


def test_both_down_is_never_recovered(omniroute: RealOmniRoute, two_connections: Pair, omniops: Omniops) -> None:
    """With every connection of the model down, nothing says "recovered", whatever is disabled."""
    pair = two_connections
    for key in ("sk-up-a", "sk-up-b"):
        pair.upstream.behave[key] = "500"
    with traffic(omniroute, pair):
        words = ("mitigate", "provider-outage", "Fake Upstream", "--yes", "--json")
        refused = omniops(*words)
        assert refused.returncode == 3
        assert "--confirm" in refused.stderr
        confirm = _confirm(refused.stderr)
        # The first of the two is out: the run is open, and goes on with the second.
        done = omniops("resume", "--yes", "--confirm", confirm, "--json")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert answer["outcome"] in ("not_recovered", "inconclusive")
    assert answer["evidence"]["last"]["verdict"] != "pass"


def _confirm(stderr: str) -> str:
    line = next(line for line in stderr.splitlines() if line.startswith("next:"))
    return line.partition("--confirm ")[2].strip().strip("'\"")


def test_already_disabled_is_success_without_a_write(
    omniroute: RealOmniRoute, two_connections: Pair, omniops: Omniops
) -> None:
    """A connection that is off already: no write, no mitigation, success."""
    omniroute.ask("PUT", f"/api/providers/{two_connections.a}", {"isActive": False})
    before = toggles(omniroute, "fake-a")
    done = omniops("mitigate", "provider-outage", "fake-a", "--yes", "--until", "disable", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["changes"] == []
    assert toggles(omniroute, "fake-a") == before
    assert json.loads(omniops("mitigations", "--json").stdout)["mitigations"] == []


def test_a_wrong_password_gets_one_try(omniroute: RealOmniRoute, two_connections: Pair, omniops: Omniops) -> None:
    """A wrong password: exit 4, one request for it, and words that name the setting."""
    done = omniops("mitigate", "provider-outage", "fake-a", "--yes", OMNIROUTE_PASSWORD="not-the-password")
    assert done.returncode == 4, done.stderr
    assert "OMNIROUTE_PASSWORD" in done.stderr
    assert "not-the-password" not in done.stdout + done.stderr

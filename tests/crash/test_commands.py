"""The commands as they are typed, killed and gone on with: `omniops drill`, and `omniops mitigate` against a server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omniops.drill import launcher
from tests.support.command import later
from tests.support.crash import ROOT, Ended, finish, writing

KILLED = -9


NOTHING_ARRIVES_S = 16.0
"""By then nothing that was sent before can arrive any more; tests/real waits for it."""


def omniops(env: dict[str, str], *words: str, kill: str = "", ahead_s: float = 0.0) -> Ended:
    """Run the command line; what it shows and prints, together. ``ahead_s``: with its clocks so much ahead."""
    given = {
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "COLUMNS": "200",
        "LC_ALL": "C.UTF-8",
        "OMNIOPS_OPERATOR": "alice",
    }
    given |= {"PATH": "/usr/local/bin:/usr/bin:/bin", **env} | ({"OMNIOPS_FAILPOINT": kill} if kill else {})
    process = subprocess.Popen(
        [*(later(ahead_s) if ahead_s else (sys.executable, "-m", "omniops")), *words], cwd=ROOT, env=given, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return finish(process)


def answer(ended: Ended) -> dict[str, Any]:
    """The JSON that a command printed after what it said."""
    found: dict[str, Any] = json.loads(ended.text[ended.text.index("{\n") :])
    return found


def world(home: Path) -> dict[str, Any]:
    """The simulated world of the only drill."""
    (file,) = home.glob("state/drills/*/world.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    "place", ["in_prompt@disable", "after_intent@disable", "after_send@PUT", "in_verify@recovered"]
)
def test_a_drill_is_resumed(tmp_path: Path, place: str) -> None:
    """`omniops drill` killed together with its simulator, and `omniops drill resume`: mitigated, with one write."""
    env = {"OMNIOPS_HOME": str(tmp_path)}
    assert omniops(env, "drill", "provider-outage", "--auto", kill=place).code == KILLED
    resumed = omniops(env, "drill", "resume", "--auto", "--json")
    assert resumed.code == 0, resumed.text
    assert answer(resumed)["outcome"] == "mitigated"
    assert [write["what"] for write in world(tmp_path)["writes"]] == ["isActive=False"]
    again = omniops(env, "drill", "resume", "--auto")
    assert (again.code, "Nothing to resume" in again.text) == (0, True)


def test_a_drill_is_resumed_after_a_script(tmp_path: Path) -> None:
    """Killed while rollback.sh runs; the script goes on alone, what it does is found, and it is not run again."""
    env = {"OMNIOPS_HOME": str(tmp_path)}
    assert omniops(env, "drill", "rollback", "--auto", kill="job.spawned#2").code == KILLED
    resumed = omniops(env, "drill", "resume", "--auto")
    assert resumed.code == 0, resumed.text
    ended = world(tmp_path)
    assert ended["version"] == "3.7.8"
    assert [call["name"] for call in writing(ended)] == ["snapshot-data.sh", "rollback.sh"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[launcher.Simulator]:
    """A simulated server in real time, which the plain commands take for a real one."""
    with launcher.start("provider-outage", state=tmp_path / "server") as simulator:
        yield simulator


def settings(server: launcher.Simulator, home: Path) -> dict[str, str]:
    return {**server.env, "OMNIOPS_HOME": str(home), "OMNIOPS_ENV": "prod"}


MITIGATE = ("mitigate", "provider-outage", "openai-main", "--yes", "--until", "disable")


@pytest.mark.parametrize("place", ["after_send@PUT", "after_intent@disable"])
def test_mitigate_is_resumed(server: launcher.Simulator, tmp_path: Path, place: str) -> None:
    """`omniops mitigate --yes` killed and resumed: one write, and the answer names one change. Where nothing was sent,
    that is believed only when nothing can arrive any more, which takes fifteen seconds."""
    env = settings(server, tmp_path / "home")
    assert omniops(env, *MITIGATE, kill=place).code == KILLED
    refused = omniops(env, *MITIGATE)
    assert (refused.code, "is being walked already" in refused.text) == (3, True), refused.text
    resumed = omniops(env, "resume", "--yes", "--json", ahead_s=NOTHING_ARRIVES_S)
    assert resumed.code == 0, resumed.text
    found = answer(resumed)
    assert (found["outcome"], found["drill"], len(found["changes"])) == ("mitigated", False, 1)
    assert list(server.writes().values()) == [1]


def test_different_targets_at_once(server: launcher.Simulator, tmp_path: Path) -> None:
    """Two operators, two targets, one journal, at the same moment: both are done, each with its own run."""
    from concurrent.futures import ThreadPoolExecutor

    env = settings(server, tmp_path / "home")
    first = {**env, "OMNIOPS_OPERATOR": "alice"}, (*MITIGATE, "--json")
    other = ("mitigate", "provider-outage", "anthropic-main", "--until", "disable", "--incident", "new", "--json")
    second = {**env, "OMNIOPS_OPERATOR": "bob"}, (*other, "--confirm", "prod/anthropic/anthropic-main")
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda one: omniops(one[0], *one[1]), [first, second]))
    assert [ended.code for ended in done] == [0, 0], done
    assert len({answer(ended)["run"] for ended in done}) == 2
    assert sorted(server.writes().values()) == [1, 1]
    checked = omniops(env, "journal", "verify")
    assert checked.code == 0, checked.text


@pytest.mark.parametrize("armed", [True, False])
def test_flags_are_given_again(tmp_path: Path, armed: bool) -> None:
    """What --yes, --confirm and --answers said is not remembered over a crash: `resume` goes on with the same flags,
    and without them asks for the one that is missing, having written nothing."""
    with launcher.start("provider-outage-all-down", state=tmp_path / "server", speed=60) as server:
        env = settings(server, tmp_path / "home")
        answers = tmp_path / "answers.yaml"
        answers.write_text("all_down: disable\nbanner: done\n", encoding="utf-8")
        flags = ("--yes", "--confirm", "prod/openai/openai-backup", "--answers", str(answers))
        killed = omniops(env, "mitigate", "provider-outage", "openai", *flags, "--until", "disable", kill="in_prompt#2")
        assert killed.code == KILLED
        assert list(server.writes().values()) == [1]
        resumed = omniops(env, "resume", *(flags if armed else flags[:1]))
        assert resumed.code == (0 if armed else 3), resumed.text
        assert list(server.writes().values()) == ([1, 1] if armed else [1])
        assert armed or "--confirm prod/openai/openai-backup" in resumed.text


def test_what_cannot_be_seen_is_asked_once(server: launcher.Simulator, tmp_path: Path) -> None:
    """Killed after the send, and the server cannot be read any more: in doubt, exit 7, nothing is sent again. Once it
    can be read, one answer ends the doubt, and the change is found to have been made."""
    env = settings(server, tmp_path / "home")
    assert omniops(env, *MITIGATE, kill="after_send@PUT").code == KILLED
    server.control("faults", {"spec": "down"})
    doubt = omniops(env, "resume", "--yes", ahead_s=NOTHING_ARRIVES_S)
    assert doubt.code == 7, doubt.text
    assert "omniops resume" in doubt.text
    server.control("faults", {"spec": ""})
    answers = tmp_path / "answers.yaml"
    answers.write_text("disable.on_failure: retry\n", encoding="utf-8")
    resumed = omniops(env, "resume", "--yes", "--answers", str(answers), "--json")
    assert resumed.code == 0, resumed.text
    assert [change["status"] for change in answer(resumed)["changes"]] == ["applied"]
    assert list(server.writes().values()) == [1]

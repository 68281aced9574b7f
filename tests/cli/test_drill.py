"""`omniops drill`: every scenario by itself, the nasty cases, and a shell full of real settings it must not touch."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from omniops.drill.scenarios import SCENARIOS
from tests.support.command import Command
from tests.support.played import told_and_filed
from tests.support.screen import output, start
from tests.support.scripted_http import Scripted


def used() -> float:
    """Seconds of processor time of all children that have ended: a clock on the wall would time the other tests too."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "page"])  # that is test_whole_path's
def test_every_scenario_by_itself(scenario: str, tmp_path: Path) -> None:
    """`--auto` needs under 15 seconds of the processor, with the outcome that the scenario declares."""
    play, began = SCENARIOS[scenario], used()
    done = Command(tmp_path)("drill", scenario, "--auto", "--json")
    assert done.returncode == play.exit, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["outcome"], answer["drill"]) == (play.outcome, True)
    assert used() - began < 15
    if play.paged:
        told_and_filed(next(tmp_path.glob("state/drills/*")), "SEV-1")


@pytest.mark.parametrize("scenario", ["provider-outage", "latency-regression", "auth-broken"])
def test_the_fork(scenario: str, tmp_path: Path) -> None:
    """The other flavour is walked the same way."""
    done = Command(tmp_path)("drill", scenario, "--auto", "--flavour", "fork", "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "mitigated"), done.stderr


@pytest.mark.parametrize(
    ("faults", "exit", "outcome"),
    [
        ("applied-500@PUT#1", 0, "mitigated"),
        ("reset-after-apply@PUT#1", 0, "mitigated"),
        ("stale-read#2", 0, "mitigated"),
        ("slow=1s@PUT", 0, "mitigated"),
        ("no-traffic", 1, "inconclusive"),
        ("instant-errors", 1, "not_recovered"),
    ],
)
def test_nasty_cases(faults: str, exit: int, outcome: str, tmp_path: Path) -> None:
    """What was applied and answered badly is found out; what cannot be seen is never called recovered."""
    done = Command(tmp_path)("drill", "provider-outage", "--auto", "--json", "--faults", faults)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["outcome"]) == (exit, outcome), done.stderr
    assert len(answer["changes"]) == 1


def test_it_reaches_nothing_real(tmp_path: Path) -> None:
    """In a shell full of real settings a drill asks none of them: no address, no proxy, no secret's command."""
    touched = tmp_path / "touched"
    with Scripted() as trap:
        real = {
            "OMNIROUTE_URL": trap.url, "OMNIROUTE_URLS": trap.url, "PAGERDUTY_EVENTS_URL": trap.url,
            "PAGERDUTY_ROUTING_KEY_SECURITY": "R" * 32, "PAGERDUTY_ROUTING_KEY_DATA": "R" * 32,
            "OMNIROUTE_PASSWORD_COMMAND": f"touch {touched}", "OMNIROUTE_API_KEY": "sk-real",
            "HTTP_PROXY": trap.url, "http_proxy": trap.url, "HTTPS_PROXY": trap.url, "ALL_PROXY": trap.url,
            "OMNIROUTE_BIN": "/usr/bin", "OMNIROUTE_DATA_DIR": str(tmp_path), "OMNIOPS_ENV": "production",
            "OMNIOPS_JOURNAL": str(tmp_path / "real.db"), "OMNIOPS_RUNBOOKS": str(tmp_path),
        }  # fmt: skip
        for scenario in ("security", "data-incident"):
            done = Command(tmp_path, **real)("drill", scenario, "--auto", "--json")
            assert done.returncode == SCENARIOS[scenario].exit, done.stderr
            assert "production" not in done.stdout + done.stderr
        assert trap.connections == 0
    assert not touched.exists()
    assert not (tmp_path / "real.db").exists()


def test_a_drills_journal_is_no_real_one(tmp_path: Path) -> None:
    """The journal of a drill is refused where a real one is expected."""
    command = Command(tmp_path)
    assert command("drill", "security", "--auto").returncode == 10
    (drill,) = tmp_path.glob("state/drills/*/home/state/drill.db")
    done = command("mitigations", OMNIOPS_JOURNAL=str(drill))
    assert done.returncode == 2
    assert "drill" in done.stderr


def prompt(child: pexpect.spawn, label: str) -> None:
    child.expect_exact(label, timeout=30)


def test_by_hand_on_a_terminal(tmp_path: Path) -> None:
    """On a pseudo-terminal of 80x24: approve, pause with Ctrl-C, resume, undo; no line is wider than the screen."""
    env: Any = Command(tmp_path).env
    python = (sys.executable, "-m", "omniops", "drill")
    child = start(*python, "provider-outage", "--speed", "8", **env)
    prompt(child, "y/N> ")
    child.sendline("y")
    child.expect_exact("left", timeout=30)
    child.sendintr()
    child.expect_exact("omniops drill resume", timeout=30)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    again = start(*python, "resume", **env)
    again.expect_exact("omniops drill undo", timeout=60)
    again.expect(pexpect.EOF)
    again.close()
    assert again.exitstatus == 0
    back = start(*python, "undo", "--force", **env)
    prompt(back, "y/N> ")
    back.sendline("y")
    back.expect_exact("back as it was", timeout=30)
    back.expect(pexpect.EOF)
    for text in (output(child), output(again), output(back)):
        for line in text.replace("\r", "\n").splitlines():
            assert len(line.replace("\x1b[K", "")) <= 80, line


def test_what_is_left_of_a_drill_is_gone_on_with() -> None:
    """After the mitigation `drill resume` has something to do until the postmortem is filed, so it is named then."""
    from omniops.cli.practice_rest import mitigated
    from omniops.journal.events import New
    from omniops.journal.memory import MemoryJournal
    from tests.support.comms import STREAM, opened, walked
    from tests.support.incidents import At

    journal = MemoryJournal(At(), "eve", "h")
    journal.append([*opened(), *walked()])
    assert mitigated(journal) is None  # the walk itself is not over
    closed = {"run": "r1a2b", "outcome": "mitigated"}
    journal.append(
        [New("run/r1a2b", None, "run.ended", {"outcome": "mitigated"}), New("runs", None, "run.closed", closed)]
    )
    assert mitigated(journal) is not None
    journal.append([New(STREAM, None, "postmortem.filed", {"url": ""})])
    assert mitigated(journal) is None

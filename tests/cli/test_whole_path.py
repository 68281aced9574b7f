"""A plain `omniops drill` on a pseudo-terminal of 80x24: from the page to the postmortem, interrupted once, scored."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]

from tests.support.command import Command
from tests.support.played import told_and_filed
from tests.support.screen import output, start

DRILL = (sys.executable, "-m", "omniops", "drill")


def answer(child: pexpect.spawn, label: str, typed: str) -> None:
    child.expect_exact(label, timeout=60)
    child.sendline(typed)


def test_from_the_page_to_the_score(tmp_path: Path) -> None:
    """Page, ack, post, classify; Ctrl-C; resumed with the same clocks: declare, evidence, decide, disable, verified."""
    env: Any = Command(tmp_path).env
    child = start(*DRILL, "--speed", "10", **env)
    child.expect_exact("You are paged: #481 LatencySLOBreach", timeout=60)
    answer(child, "answer> ", "omniops page ack")
    child.expect_exact("Acknowledged: #481", timeout=30)
    child.expect_exact("0:02 Post a single-line ack", timeout=30)
    answer(child, "y/N> ", "y")
    child.expect_exact("0:05 Classify the severity", timeout=60)
    child.expect_exact("suggested", timeout=30)
    child.sendintr()
    child.expect_exact("omniops drill resume", timeout=30)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130

    again = start(*DRILL, "resume", **env)
    again.expect_exact("0:05 Classify the severity", timeout=60)
    again.expect_exact("suggested", timeout=30)
    again.sendline("")  # Enter takes what is suggested
    again.expect_exact("0:05 Declare the incident", timeout=30)
    answer(again, "y/N> ", "y")
    again.expect_exact("0:08 Post the evidence", timeout=60)
    answer(again, "y/N> ", "y")
    again.expect_exact("0:12 Decide", timeout=60)
    again.expect_exact("suggested", timeout=30)
    again.sendline("")
    again.expect_exact("Which connection or provider?", timeout=30)
    again.expect_exact("Enter alone: openai-main", timeout=30)
    answer(again, "answer> ", "")
    again.expect_exact("0:15 Post the chosen mitigation", timeout=30)
    answer(again, "y/N> ", "y")
    again.expect_exact("Take it out of rotation", timeout=30)
    answer(again, "y/N> ", "y")
    again.expect_exact("Recovered", timeout=60)
    again.expect_exact("the page has resolved", timeout=60)
    again.expect_exact("status page: an update", timeout=30)
    answer(again, "y/N> ", "y")
    again.expect_exact("Put back what was changed", timeout=30)
    answer(again, "y/N> ", "y")
    again.expect_exact("back as it was", timeout=30)
    again.expect_exact("Close the incident", timeout=90)
    again.expect_exact("Choose", timeout=30)
    again.sendline("")
    again.expect_exact("is resolved.", timeout=30)
    again.expect_exact("Owed: status page: say that it is resolved", timeout=30)
    answer(again, "y/N> ", "y")
    again.expect_exact("Drafted from the journal", timeout=30)
    again.expect_exact("things are left to fill in or to mend", timeout=30)
    again.expect_exact("Choose", timeout=30)
    again.sendline("3")  # the drill fills it in
    again.expect_exact("Nothing is left to fill in or to mend.", timeout=30)
    answer(again, "y/N> ", "y")
    again.expect_exact("The issue: sent: https://github.example/", timeout=30)
    again.expect_exact("From the page on:", timeout=30)
    again.expect_exact("told         2 of 2", timeout=30)
    again.expect_exact("postmortem   filed", timeout=30)
    again.expect_exact("omniops drill show", timeout=30)
    again.expect(pexpect.EOF)
    again.close()
    assert again.exitstatus == 0
    told_and_filed(next(tmp_path.glob("state/drills/*")), "SEV-2")
    text = output(again)
    for milestone in ("acknowledged", "classified", "decided", "mitigated"):
        assert re.search(rf"{milestone} +\d+(m \d\d)?s", text), text
    assert re.search(r"steps late +\d of 9|steps late +none of 9", text), text
    for shown in (output(child), text):
        for line in shown.replace("\r", "\n").splitlines():
            to_copy = "~/state/" in line  # a path is not broken, whatever the width
            if not to_copy and "journal:" not in line and "\x1b" not in line:
                assert len(line) <= 80, line

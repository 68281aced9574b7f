"""A small program for tests to run in a pseudo-terminal: asks one question and prints what came of it.

``python -m tests.support.pty_driver CASE [KEY=VALUE ...]``; the last line on stdout is ``ANSWER <repr>``.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.errors import OmniopsError
from omniops.runner.person import Change, Option, PauseAsked, PromptDue, Sample, StepView
from omniops.terminal.person import TerminalPerson
from omniops.terminal.streams import Streams

CHANGE = Change(
    environment="production",
    host="http://127.0.0.1:20128",
    target="openai/main (8ae76e54)",
    action="connection.disable",
    before={"id": "8ae76e54", "isActive": True},
    after={"id": "8ae76e54", "isActive": False},
    shown={"lastError": "[500]: upstream"},
    warnings=("It is the last live connection of gpt-4o; requests for it will fail at once.",),
    undo="tests the connection, then enables it again",
    typed="",
)
HOSTILE = "evil\x1b[2J\x1b]0;title\x07\r\x1b[31mname\u202e\nApproved."
OPTIONS = [
    Option("retry", "Try again", "the same step once more"),
    Option("skip", "Skip it", "with a reason"),
    Option("pause", "Pause here"),
]
SAMPLE = Sample("2026-11-23T07:20:00Z", 2.6, 2.0, 0.01, 0.001, 30, 1, 29, 14, 20, "fail", "p95 over budget")


def ask(person: TerminalPerson, case: str, until: datetime | None) -> Any:
    """Ask what the case names."""
    if case == "approve":
        return person.approve("disable", CHANGE, until)
    if case == "typed":
        return person.approve("disable", CHANGE._replace(typed="production/openai"), until)
    if case == "two":
        first = person.text("name", "What is it called?", until, lambda text: "")
        print("FIRST", repr(first), flush=True)
        return person.approve("disable", CHANGE, until)
    if case == "swapped":
        try:
            return person.approve("disable", CHANGE, until)
        except PromptDue:
            return person.approve("escalate", CHANGE, None)
    if case == "swapped by a menu":
        try:
            return person.approve("disable", CHANGE, until)
        except PromptDue:
            return person.choose("failed", "It failed. What now?", OPTIONS, None)
    if case == "late":
        print("WORKING", flush=True)
        time.sleep(0.4)
        return person.approve("disable", CHANGE, until)
    if case == "done":
        return person.done("contained", "Tell the channel.\n$ docker compose stop", until)
    if case == "posted":
        return person.posted("banner", "status-page", "We are seeing elevated errors. " * 4, until)
    if case == "paged":
        return person.paged("page", "@security-team", "Call me.", until)
    if case == "text":
        return person.text("v", "Which version?", until, lambda text: "" if "." in text else "Not a version.", "3.7.8")
    if case == "draft":
        for _ in range(2):
            try:
                return person.text("v", "What happened?", until, lambda text: "")
            except PromptDue:
                until = None
                print("DUE", flush=True)
        return None
    if case == "reason":
        return person.reason("disable", "Why skip it?")
    if case == "choose":
        return person.choose("failed", "It failed. What now?", OPTIONS, until, "skip")
    if case == "menus":
        print("FIRST", person.choose("failed", "It failed. What now?", OPTIONS, until), flush=True)
        return person.choose("again", "And now?", OPTIONS, until)
    if case == "show":
        person.step(StepView("disable", 1, "Take it out of rotation", "All routes re-resolve. " * 9, "provider-outage"))
        person.change(CHANGE._replace(after={"id": "8ae76e54", "isActive": False, "models": ["gpt-4o-mini"] * 12}))
        person.sample("recovered", [SAMPLE], 200)
        person.sample("recovered", [SAMPLE, SAMPLE], 190)
        person.say("a long line of words " * 12, "warn")
        return person.approve("disable", CHANGE, until)
    if case == "hostile":
        change = CHANGE._replace(target=HOSTILE, host=HOSTILE, warnings=(HOSTILE,), before={HOSTILE: HOSTILE}, after={})
        person.step(StepView(HOSTILE, 1, HOSTILE, HOSTILE, HOSTILE))
        person.change(change)
        person.say(HOSTILE)
        person.block(HOSTILE)
        return person.approve("disable", change._replace(typed="production/" + HOSTILE), until)
    raise SystemExit(f"no case {case}")


def main(argv: list[str]) -> None:
    """Run one case."""
    case, options = argv[0], dict(pair.split("=", 1) for pair in argv[1:])
    started = time.monotonic()

    def clocks() -> str:
        if "clock" in options:
            return options["clock"]
        return f"SEV-1 {int((time.monotonic() - started) * 1)}s · banner due in 9m"

    person = TerminalPerson(Streams(options.get("color", "auto")), clocks)
    until = datetime.now(UTC) + timedelta(seconds=float(options["until"])) if "until" in options else None
    print("PID", os.getpid(), flush=True)
    try:
        answer = repr(ask(person, case, until))
    except (PromptDue, PauseAsked) as error:
        answer = type(error).__name__
    except OmniopsError as error:
        answer = f"{type(error).__name__} {error.what}"
    heavy = {"rich", "questionary", "prompt_toolkit", "httpx", "pydantic", "yaml", "asyncio", "subprocess"}
    print("HEAVY", sorted(heavy & set(sys.modules)))
    print("ANSWER", answer, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
